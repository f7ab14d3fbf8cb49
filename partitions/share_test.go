package partitions

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Parts of all sizes: the chunks hold everything, in order, within their bounds, and the
// results of the chunks make those of the part.
func TestPartsAreCutAndPutTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	zeros := make([]byte, 2000)
	for round := range 60 {
		part := &command.Part{Tables: []command.TableVersion{{Table: 1, Schema: 1}}, Ranges: make([]command.Range, random.IntN(2))}
		for i := range random.IntN(3) * random.IntN(9000) {
			part.Effects = append(part.Effects, command.Effect{Target: command.Target{ID: object.ID(fmt.Sprint("e", i)), Row: zeros[:random.IntN(2000)]}})
		}
		for i := range random.IntN(3) * random.IntN(3) * random.IntN(1+200/(1+len(part.Effects)/100)) {
			w := &command.Write{Kind: command.Update, Program: make([]byte, random.IntN(100))}
			if random.IntN(10) == 0 {
				w.Spans = []command.Span{{Start: "a", End: "b"}}
			} else {
				for j := range 1 + max(0, random.IntN(60)-58)*random.IntN(20_000) {
					w.Targets = append(w.Targets, command.Target{ID: object.ID(fmt.Sprint("w", i, ".", j)), Row: zeros[:random.IntN(1000)]})
				}
			}
			part.Writes = append(part.Writes, w)
		}
		s := &share{part: part, chunks: split(part)}
		effects, ranges := 0, 0
		targets := make([][]command.Target, len(part.Writes))
		last := -1
		for more, rests := true, 0; more; {
			c := &s.chunks[0]
			if n := len(command.AppendPart(nil, &c.part)); n > 2*chunkBytes {
				t.Fatalf("round %d: a chunk of %d bytes", round, n)
			}
			effects, ranges = effects+len(c.part.Effects), ranges+len(c.part.Ranges)
			if len(c.part.Effects) > 0 && len(c.part.Tables) == 0 {
				t.Fatalf("round %d: effects without the version of their table", round)
			}
			v := &command.Vote{}
			for i, w := range c.part.Writes {
				index := i
				if c.writes != nil {
					index = c.writes[i]
				}
				if index < last {
					t.Fatalf("round %d: write %d comes after write %d", round, index, last)
				}
				last = index
				targets[index] = append(targets[index], w.Targets...)
				result := &command.Result{Affected: int64(len(w.Targets)), Absent: []int{len(w.Targets) - 1}}
				if len(w.Spans) > 0 {
					result.Affected, result.Absent = 1, nil
					if len(c.part.Writes) > 1 {
						t.Fatalf("round %d: a write over spans is not alone", round)
					}
					if rests++; rests%3 != 0 {
						result.Rest = w.Spans
					}
				}
				v.Results = append(v.Results, result)
			}
			more = s.take(v)
		}
		if effects != len(part.Effects) || ranges != len(part.Ranges) {
			t.Fatalf("round %d: %d of %d effects, %d of %d ranges", round, effects, len(part.Effects), ranges, len(part.Ranges))
		}
		for i, w := range part.Writes {
			got := s.whole.Results[i]
			if len(w.Spans) > 0 {
				if got.Affected < 1 {
					t.Fatalf("round %d, write %d: %+v", round, i, got)
				}
				continue
			}
			same := slices.EqualFunc(targets[i], w.Targets, func(a, b command.Target) bool { return a.ID == b.ID })
			if !same || got.Affected != int64(len(w.Targets)) || got.Absent[len(got.Absent)-1] != len(w.Targets)-1 {
				t.Fatalf("round %d, write %d: %d targets of %d, %+v", round, i, len(targets[i]), len(w.Targets), got)
			}
		}
	}
}

// A few commands that wait for long do not keep the others from being sent.
func TestLanesLeaveBehind(t *testing.T) {
	l := newLane(16)
	ctx := context.Background()
	stuck := make([]uint64, 3)
	for i := range stuck {
		stuck[i], _, _ = l.begin(ctx)
	}
	last, lastSettled := uint64(0), uint64(0)
	for range 100 {
		sequence, settled, err := l.begin(ctx)
		if err != nil || sequence <= last || settled < lastSettled || settled > sequence {
			t.Fatalf("%v: %d after %d, settled %d after %d", err, sequence, last, settled, lastSettled)
		}
		last, lastSettled = sequence, settled
		l.end(sequence)
	}
	for _, sequence := range stuck {
		l.end(sequence)
	}
	if _, settled, _ := l.begin(ctx); settled != last+1 {
		t.Errorf("settled is %d after %d", settled, last)
	}
	// Where many are without an answer, they are waited for.
	l = newLane(16)
	for range 16 {
		if _, _, err := l.begin(ctx); err != nil {
			t.Fatal(err)
		}
	}
	over, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, _, err := l.begin(over); err == nil {
		t.Error("a full lane took one more")
	}
}

// What a node has decided it tells before it is gone.
func TestLastWords(t *testing.T) {
	nodes := newClusterOf(t, 3, 2, func(c *Config) { c.RecoverAfter = time.Hour })
	fill(t, nodes[0].client, 2, 100)
	c := nodes[2].client
	for i := range 100 {
		mustTransact(t, c, transactionOf(addTo(1000+i, 1), addTo(2000+i, 1)))
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, nodes[:2], 2)
}
