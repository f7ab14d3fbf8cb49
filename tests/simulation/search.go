package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/storage"
)

// stores gives runs a store in memory. Several use one, in spaces of their own, because
// to open one costs as much as a run. It belongs to one goroutine.
type stores struct {
	store *storage.Store
	runs  int
}

// runsOfStore bounds the runs that share a store.
const runsOfStore = 200

// simulate carries out a plan.
func (s *stores) simulate(p *plan, out io.Writer) outcome {
	if s.store != nil && s.runs >= runsOfStore {
		s.close()
	}
	if s.store == nil {
		store, err := storage.Open("simulation", storage.Options{FS: storage.NewMemFS()})
		if err != nil {
			return outcome{err: fmt.Errorf("open a store: %w", err)}
		}
		s.store, s.runs = store, 0
	}
	s.runs++
	return simulate(p, s.store, out)
}

func (s *stores) close() {
	if s.store != nil {
		_ = s.store.Close()
		s.store = nil
	}
}

// search runs seeds until one of its bounds is reached.
type search struct {
	first  uint64
	count  int       // of seeds; 0: no bound
	until  time.Time // zero: no bound
	most   int       // failures
	report func(p *plan, err error)

	mu     sync.Mutex // guards what follows
	next   int
	done   int
	failed int
	counts map[string]int
}

// take returns the next seed.
func (s *search) take() (seed uint64, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed >= s.most || s.count > 0 && s.next >= s.count || !s.until.IsZero() && time.Now().After(s.until) {
		return 0, false
	}
	s.next++
	return s.first + uint64(s.next-1), true
}

// run runs the seeds, several at a time: each run is by itself, and depends on nothing but
// its plan.
func (s *search) run(parallel int) {
	s.counts = make(map[string]int)
	var all sync.WaitGroup
	for range max(1, parallel) {
		all.Go(func() {
			stores := &stores{}
			defer stores.close()
			for {
				seed, more := s.take()
				if !more {
					return
				}
				p := newPlan(seed)
				s.note(p, stores.simulate(p, nil))
			}
		})
	}
	all.Wait()
}

func (s *search) note(p *plan, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	for k, n := range o.counts {
		s.counts[k] += n
	}
	if o.err == nil {
		return
	}
	if s.failed++; s.failed <= s.most {
		s.report(p, o.err)
	}
}

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
