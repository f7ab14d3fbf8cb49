package partitions

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/object"
)

// lane numbers this node's commands to one partition, and remembers who leads it.
type lane struct {
	leader atomic.Pointer[object.NodeID] // nil: not known

	mu       sync.Mutex // guards what follows
	base     uint64     // the least sequence that has no answer yet, or the next one
	answered []bool     // of base, base+1, ... up to the last one given
	limit    int
	room     chan struct{} // closed when base moves; nil while nobody waits
}

func newLane(limit int) *lane { return &lane{base: 1, limit: limit} }

// begin gives a command its sequence. settled is what the sender may say with it.
// It waits while too many are outstanding. A few that have been so for very long, because
// they wait for a lock, are left behind: what they are told if they have to be sent
// again is that their outcome is forgotten.
func (l *lane) begin(ctx context.Context) (sequence, settled uint64, err error) {
	for {
		l.mu.Lock()
		if len(l.answered) < l.limit {
			sequence, settled = l.base+uint64(len(l.answered)), l.base
			l.answered = append(l.answered, false)
			l.mu.Unlock()
			return sequence, settled, nil
		}
		if l.leaveBehind() {
			l.mu.Unlock()
			continue
		}
		if l.room == nil {
			l.room = make(chan struct{})
		}
		room := l.room
		l.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

// end says that a command will not be sent any more.
func (l *lane) end(sequence uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if sequence < l.base {
		return // it was left behind
	}
	l.answered[sequence-l.base] = true
	l.advance()
}

// leaveBehind moves base past the older half where nearly all of it, and of what is
// newer, was answered. mu is held.
func (l *lane) leaveBehind() bool {
	open := 0
	for _, answered := range l.answered {
		if !answered {
			open++
		}
	}
	if open > l.limit/4 {
		return false
	}
	half := (len(l.answered) + 1) / 2
	for i := range half {
		l.answered[i] = true
	}
	l.advance()
	return true
}

// advance moves base up to the first that has no answer. mu is held.
func (l *lane) advance() {
	n := 0
	for n < len(l.answered) && l.answered[n] {
		n++
	}
	if n == 0 {
		return
	}
	l.base += uint64(n)
	if l.answered = l.answered[n:]; len(l.answered) == 0 {
		l.answered = nil
	}
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

// hint returns who led the partition when last heard of; empty where unknown.
func (l *lane) hint() object.NodeID {
	if p := l.leader.Load(); p != nil {
		return *p
	}
	return ""
}

func (l *lane) learn(node object.NodeID) {
	if node == "" {
		l.leader.Store(nil)
		return
	}
	if l.hint() != node {
		l.leader.Store(&node)
	}
}
