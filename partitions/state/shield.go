package state

import (
	"sync"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// shield keeps readers of the newest state from objects whose change is staged: it may
// have been answered as committed. It is a superset of the exclusive locks in the
// state that can be read. Apply raises it before the batch that prepares is committed,
// and it is lowered after the batch that concludes is. A reader looks at it before it
// looks at the store: whoever was answered before that is seen then, as a lock or as a
// value.
type shield struct {
	count  atomic.Int64  // of objects and spans, so that a reader need not take mu
	raises atomic.Uint64 // counts them up

	mu      sync.RWMutex
	objects ordered[int]   // how many times an object is locked; guarded by mu
	spans   []command.Span // guarded by mu

	// Of the goroutine that applies: what is to be lowered at the next commit.
	lowered      []object.ID
	loweredSpans []command.Span
}

func (s *shield) raise(id object.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := s.objects.get(id)
	s.objects.set(id, n+1)
	s.count.Add(1)
	s.raises.Add(1)
}

func (s *shield) raiseSpan(span command.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spans = append(s.spans, span)
	s.count.Add(1)
	s.raises.Add(1)
}

// lower notes what is to be let go when the entries so far are committed.
func (s *shield) lower(id object.ID) { s.lowered = append(s.lowered, id) }

func (s *shield) lowerSpan(span command.Span) { s.loweredSpans = append(s.loweredSpans, span) }

// committed lets go of what was lowered and reports whether there was anything.
func (s *shield) committed() bool {
	if len(s.lowered) == 0 && len(s.loweredSpans) == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.lowered {
		if n, _ := s.objects.get(id); n > 1 {
			s.objects.set(id, n-1)
		} else {
			s.objects.remove(id)
		}
	}
	for _, span := range s.loweredSpans {
		for i := range s.spans {
			if s.spans[i] == span {
				s.spans[i] = s.spans[len(s.spans)-1]
				s.spans = s.spans[:len(s.spans)-1]
				break
			}
		}
	}
	s.count.Add(-int64(len(s.lowered) + len(s.loweredSpans)))
	clear(s.lowered)
	s.lowered, s.loweredSpans = s.lowered[:0], s.loweredSpans[:0]
	return true
}

// reset empties the shield.
func (s *shield) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects, s.spans = ordered[int]{}, nil
	s.lowered, s.loweredSpans = nil, nil
	s.count.Store(0)
}

// covers reports whether something of the targets or spans is shielded.
func (s *shield) covers(targets []command.Target, spans []command.Span) bool {
	if s.count.Load() == 0 {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range targets {
		id := targets[i].ID
		if _, found := s.objects.get(id); found {
			return true
		}
		for _, l := range s.spans {
			if l.Start <= id && id < l.End {
				return true
			}
		}
	}
	for _, span := range spans {
		for _, l := range s.spans {
			if overlap(l, span) {
				return true
			}
		}
		covered := false
		s.objects.ascend(span.Start, func(id object.ID, _ int) bool {
			covered = id < span.End
			return false
		})
		if covered {
			return true
		}
	}
	return false
}

// overlap reports whether two spans have an id in common.
func overlap(a, b command.Span) bool {
	return a.Start < b.End && b.Start < a.End && a.Start < a.End && b.Start < b.End
}

// stagedConflict reports whether a read of the newest state has to wait, because a
// transaction that may have been answered as committed has staged changes of objects
// that it means. It is to be asked before the state is read, in the same call under
// the lease. Events.Arrived tells when to ask again.
func (m *Machine) stagedConflict(targets []command.Target, spans []command.Span) bool {
	return m.shield.covers(targets, spans)
}
