package state

import "sync"

// Pending is what Apply gives in place of the outcome of a command that waits in the
// queue. Repeats of the command are given the same one while it waits.
//
// On every replica it is done when the entry that has executed the command is
// committed. Where the machine is opened anew, because the state was replaced by that
// of another replica, or closed, it is done with the outcome nil: what becomes of the
// command is not known here. Who waits sends it again, with the same id.
type Pending struct {
	done    chan struct{}
	outcome any // set before done is closed
}

// Done is closed when Outcome can be had.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Outcome returns the answer to the command, of the type that Apply would have given;
// nil where the machine was closed or opened anew. It is to be called after Done.
func (p *Pending) Outcome() any {
	select {
	case <-p.done:
		return p.outcome
	default:
		return nil
	}
}

// pendings are those that are not done. They outlive Close, so that who waits never
// waits for ever.
type pendings struct {
	mu     sync.Mutex
	open   map[*Pending]struct{} // guarded by mu
	closed bool                  // guarded by mu
}

func (s *pendings) new() *Pending {
	p := &Pending{done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		close(p.done)
		return p
	}
	if s.open == nil {
		s.open = make(map[*Pending]struct{})
	}
	s.open[p] = struct{}{}
	return p
}

// finish ends one. Ending it again does nothing.
func (s *pendings) finish(p *Pending, outcome any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.open[p]; open {
		delete(s.open, p)
		p.outcome = outcome
		close(p.done)
	}
}

// finishAll ends all that there are; with closed also all that are to come.
func (s *pendings) finishAll(closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = s.closed || closed
	for p := range s.open {
		close(p.done)
	}
	clear(s.open)
}

// Close ends what waits for commands in the queue; their outcome is nil. The owner
// calls it when the machine will apply nothing any more. It may be called at any time,
// and again.
func (m *Machine) Close() { m.pendings.finishAll(true) }
