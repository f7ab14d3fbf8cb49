//go:build cluster

package cluster

import (
	"errors"
	"math"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5/pgconn"
)

// history gathers the operations of concurrent clients.
type history struct {
	start time.Time
	mu    sync.Mutex // guards ops
	ops   []porcupine.Operation
}

func newHistory() *history { return &history{start: time.Now()} }

func (h *history) now() int64 { return int64(time.Since(h.start)) }

// record adds an operation that was called at the given time and has just
// returned. An operation with an unknown outcome may take effect at any time
// later; a read of that kind says nothing.
func (h *history) record(client int, in input, out output, called int64) {
	returned := h.now()
	if out.unknown {
		if in.kind == read {
			return
		}
		returned = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: called, Return: returned})
}

// hadNoEffect reports whether an error says that the statement did nothing.
func hadNoEffect(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return pgconn.SafeToRetry(err)
	}
	switch pg.Code {
	case "40001", "53300", "57P03":
		return true
	}
	return false
}
