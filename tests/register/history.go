package register

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// History is what clients have seen. The zero History is empty; its methods may be called
// from many goroutines.
type History struct {
	mu  sync.Mutex // guards ops
	ops []porcupine.Operation
}

// Add adds an operation and when it was called and has returned, in nanoseconds. One with an
// unknown outcome may take effect at any time later; a read of that kind says nothing. One
// that was refused is not to be added.
func (h *History) Add(client int, in Input, out Output, called, returned int64) {
	if out.Unknown {
		if in.Kind == Read {
			return
		}
		returned = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: called, Return: returned})
}

// Check decides whether each row is linearizable, unless that takes longer than limit. The
// text shows, of one that is not, what is needed to see it.
func (h *History) Check(limit time.Duration) (result porcupine.CheckResult, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	result, info := porcupine.CheckOperationsVerbose(model, h.ops, limit)
	if result != porcupine.Illegal {
		return result, ""
	}
	text = smallest(h.ops)
	file := filepath.Join(os.TempDir(), fmt.Sprintf("ssmr-register-%d.html", os.Getpid()))
	if err := porcupine.VisualizePath(model, info, file); err == nil {
		text += "\npicture: " + file
	}
	return result, text
}

// smallest finds a row that is not linearizable, the shortest beginning of its history that
// is not, and leaves out all reads that are not needed for that.
func smallest(ops []porcupine.Operation) string {
	for _, part := range model.Partition(ops) {
		if legal(part) {
			continue
		}
		ends := make([]int64, 0, len(part))
		for _, op := range part {
			ends = append(ends, op.Return)
		}
		slices.Sort(ends)
		at, _ := slices.BinarySearchFunc(ends, false, func(end int64, _ bool) int {
			if legal(upTo(part, end)) {
				return -1
			}
			return 1
		})
		part = upTo(part, ends[min(at, len(ends)-1)])
		for i := len(part) - 1; i >= 0; i-- {
			if part[i].Input.(Input).Kind != Read {
				continue
			}
			if without := slices.Delete(slices.Clone(part), i, i+1); !legal(without) {
				part = without
			}
		}
		return list(part)
	}
	return ""
}

// list tells operations, the last of them where there are many.
func list(ops []porcupine.Operation) string {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(min(max(a.Call-b.Call, -1), 1)) })
	var lines []string
	const shown = 14
	if n := len(ops) - shown; n > 0 {
		lines = append(lines, fmt.Sprintf("(%d operations before)", n))
		ops = ops[n:]
	}
	seconds := func(t int64) string { return fmt.Sprintf("%.6fs", float64(t)/1e9) }
	for _, op := range ops {
		until := "on"
		if op.Return < math.MaxInt64 {
			until = "to " + seconds(op.Return)
		}
		lines = append(lines, fmt.Sprintf("client %d, from %s %s: %s", op.ClientId, seconds(op.Call), until, op.Input.(Input).Describe(op.Output.(Output))))
	}
	return strings.Join(lines, "\n")
}

func legal(ops []porcupine.Operation) bool {
	return porcupine.CheckOperationsTimeout(model, ops, 5*time.Second) != porcupine.Illegal
}

// upTo is the beginning of a history: what has not returned by then is unknown.
func upTo(ops []porcupine.Operation, end int64) []porcupine.Operation {
	var out []porcupine.Operation
	for _, op := range ops {
		switch {
		case op.Call > end:
			continue
		case op.Return > end:
			if op.Input.(Input).Kind == Read {
				continue
			}
			op.Return, op.Output = math.MaxInt64, Output{Unknown: true}
		}
		out = append(out, op)
	}
	return out
}
