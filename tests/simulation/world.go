package main

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"

	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/partitions/state"
)

// micros is simulated time.
type micros int64

const millisecond micros = 1000

// world is one run: its clock, and what is to happen. Everything happens on one
// goroutine, one event after the other, ordered by time and then by who came
// first; whatever is random follows from the plan's seed.
type world struct {
	plan   *plan
	store  *storage.Store
	out    io.Writer // of the trace; nil: none
	now    micros
	number uint64
	events events

	nodes  []*node
	groups []*group // the oracle's, then those of partitions 1, 2, ...
	keys   []keyPlan
	tables tables

	clientList []*client
	pins       []*state.Pinned
	records    []*record
	failure    error
	quiet      bool           // faults are over
	tally      map[string]int // of what happened
	tasks      []*task
	clients    int // under way
	steps      int
}

// event is something that happens at a time.
type event struct {
	at     micros
	number uint64
	do     func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].number < e[j].number
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return last
}

// after has something happen when that time has passed.
func (w *world) after(d micros, do func()) {
	w.number++
	heap.Push(&w.events, event{at: w.now + max(d, 0), number: w.number, do: do})
}

// random makes a source of randomness that depends on the seed and the name only: what
// one source is asked does not change what another gives.
func (w *world) random(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name)
	return rand.New(rand.NewPCG(w.plan.Seed, h.Sum64()))
}

// fail ends the run. The first failure counts.
func (w *world) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf(format, args...)
		w.say("FAILURE: %v", w.failure)
	}
}

// say tells the trace what happened.
func (w *world) say(format string, args ...any) {
	if w.out != nil {
		fmt.Fprintf(w.out, "%9.3f ms  %s\n", float64(w.now)/1000, fmt.Sprintf(format, args...))
	}
}

// Bounds of one run. A run that reaches one has failed: something does not end.
const (
	maxSteps = 400_000
	maxTime  = 120_000 * millisecond
)

// run lets things happen until done says that it is enough.
func (w *world) run(done func() bool) {
	for w.failure == nil && !done() {
		if len(w.events) == 0 {
			w.fail("nothing happens any more")
			return
		}
		if w.steps++; w.steps > maxSteps || w.now > maxTime {
			w.fail("it does not end: %d events, %.0f ms of simulated time", w.steps, float64(w.now)/1000)
			return
		}
		e := heap.Pop(&w.events).(event)
		w.now = max(w.now, e.at)
		e.do()
	}
}

// between draws a time.
func between(r *rand.Rand, from, to micros) micros {
	return from + micros(r.Int64N(int64(to-from)+1))
}
