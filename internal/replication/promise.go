package replication

import (
	"context"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// promises is what a replica owes to its leader. A leader's lease is made of its
// followers' promises: whoever acknowledges a message of the leader of a term
// votes for nobody else, and asks nobody for a vote, until the promise has run
// out.
//
// Raft has a rule like that (it refuses votes while it knows a leader), but does
// not apply it at one moment with the acknowledgement: heartbeats are answered
// beside its main thread, which may be about to vote. So the rule is kept here,
// under one mutex, at the door through which all messages come and go.
type promises struct {
	clock  Clock
	length time.Duration
	lease  *lease // this replica's own, of when it leads: suspended while it votes

	mu      sync.Mutex // guards what follows
	grace   time.Time  // no vote before: promises of before the start are forgotten
	until   time.Time
	term    uint64
	leader  object.NodeID
	voted   uint64         // highest term that a vote was given or asked for
	pending map[uint64]int // terms of votes that raft is deciding on
	yielded uint64         // term whose leader has told this replica to take over
}

func newPromises(clock Clock, length time.Duration, fresh bool, lease *lease) *promises {
	p := &promises{clock: clock, length: length, lease: lease, pending: make(map[uint64]int)}
	if !fresh {
		p.grace = clock.Now().Add(length)
	}
	return p
}

// acknowledge makes a promise to the leader of a term, as part of a positive
// answer to it. It returns for how long from now; 0 if none can be made.
func (p *promises) acknowledge(leader object.NodeID, term uint64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.voted > term || p.term > term {
		return 0
	}
	for t := range p.pending {
		if t > term {
			return 0
		}
	}
	p.until, p.term, p.leader = p.clock.Now().Add(p.length), term, leader
	return p.length
}

// wait returns when the time after the start is over in which no vote is given.
func (p *promises) wait(ctx context.Context) error {
	p.mu.Lock()
	left := p.grace.Sub(p.clock.Now())
	p.mu.Unlock()
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// free reports whether a vote for a term may be given to a candidate. transfer
// says that the leader of the term before has handed over. mu is held.
func (p *promises) free(candidate object.NodeID, term uint64, transfer bool) bool {
	now := p.clock.Now()
	switch {
	case transfer && p.term < term:
		return true
	case now.Before(p.grace):
		return false
	case p.term >= term, candidate == p.leader:
		return true // raft itself looks at terms; a leader that campaigns has no lease
	}
	return !now.Before(p.until)
}

// mayPreVote reports whether raft may be asked whether it would vote.
func (p *promises) mayPreVote(candidate object.NodeID, term uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free(candidate, term, false)
}

// beginVote reports whether raft may be asked for a vote. If so, no promise is
// made to leaders of earlier terms until endVote is called, and none after that if
// the vote was granted.
func (p *promises) beginVote(candidate object.NodeID, term uint64, transfer bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.free(candidate, term, transfer) {
		return false
	}
	p.pending[term]++
	p.lease.beginVote(term)
	return true
}

func (p *promises) endVote(term uint64, granted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending[term]--; p.pending[term] == 0 {
		delete(p.pending, term)
	}
	if granted {
		p.voted = max(p.voted, term)
	}
	p.lease.endVote(term, granted)
}

// yield notes that the leader of a term has told this replica to take over.
func (p *promises) yield(term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.yielded = max(p.yielded, term)
}

// campaign reports whether this replica, self, may ask for votes. transfer is what
// it may claim: that the leader of the term before has handed over.
func (p *promises) campaign(self object.NodeID, term uint64) (ok, transfer bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	transfer = p.yielded != 0 && p.yielded+1 == term
	if !p.free(self, term, transfer) {
		return false, false
	}
	p.voted = max(p.voted, term)
	p.lease.beginVote(term)
	p.lease.endVote(term, true)
	return true, transfer
}
