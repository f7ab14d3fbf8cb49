package replication

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// leaseShare is the part of a promise that a leader counts on; the rest is for
// clocks that run at different speeds.
const leaseShare = 0.9

// lease is what a leader knows of its followers: when the last message of its term
// that each has acknowledged was sent, and until when each has promised not to vote
// for another.
type lease struct {
	clock Clock
	off   bool // no leases: reads wait for heartbeats

	state atomic.Pointer[leaseState] // replaced under mu

	mu      sync.Mutex // guards what follows
	self    object.NodeID
	voters  []object.NodeID
	contact map[object.NodeID]contact
	term    uint64         // that this replica leads, or led last
	voting  map[uint64]int // terms in which this replica may be about to vote
	revoked uint64         // terms below were overtaken by a vote of this replica
	yielded uint64         // the term that was, or is being, handed over
	changed chan struct{}
}

type contact struct {
	sent  time.Time // of the last acknowledged message
	until time.Time // promised, counted from when it was sent
	match uint64    // last log index that was acknowledged
}

// leaseState is what readers look at.
type leaseState struct {
	term   uint64    // 0: none
	sent   time.Time // a quorum has acknowledged what was sent then, or later
	until  time.Time // a quorum has promised at least until then
	alone  bool      // the only voter
	voting bool      // this replica may be about to vote in a later term
}

func newLease(clock Clock, self object.NodeID, off bool) *lease {
	l := &lease{clock: clock, self: self, off: off, voting: make(map[uint64]int), changed: make(chan struct{})}
	l.state.Store(new(leaseState))
	return l
}

// begin starts the books of a term that this replica leads.
func (l *lease) begin(term uint64, voters []object.NodeID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term != term {
		l.contact = make(map[object.NodeID]contact)
	}
	l.term = term
	l.voters = slices.Clone(voters)
	l.update()
}

// electorate returns the voters of the term; not to be changed.
func (l *lease) electorate() []object.NodeID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.voters
}

// end closes the books of a term.
func (l *lease) end(term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == term {
		l.term = 0
		l.update()
	}
}

// beginVote suspends the leases of all terms before the given one: this replica
// may be about to vote in it. The caller calls endVote.
func (l *lease) beginVote(term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.voting[term]++
	l.update()
}

// endVote ends what beginVote has begun. If the replica has voted, the leases of
// earlier terms are over.
func (l *lease) endVote(term uint64, voted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.voting[term]--; l.voting[term] == 0 {
		delete(l.voting, term)
	}
	if voted {
		l.revoked = max(l.revoked, term)
	}
	l.update()
}

// yield gives the lease of a term up: its leadership is handed over. Reads wait
// for heartbeats from then on.
func (l *lease) yield(term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.yielded = max(l.yielded, term)
	l.update()
}

// acknowledged notes that a follower has acknowledged a message of the term, that
// was sent at a time, with a promise. match is the last log entry in it, 0 for none.
func (l *lease) acknowledged(node object.NodeID, term uint64, sent time.Time, promise time.Duration, match uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term != term {
		return
	}
	c := l.contact[node]
	if sent.After(c.sent) {
		c.sent = sent
	}
	if until := sent.Add(time.Duration(float64(promise) * leaseShare)); promise > 0 && until.After(c.until) {
		c.until = until
	}
	c.match = max(c.match, match)
	l.contact[node] = c
	l.update()
}

// update computes what a quorum says. mu is held.
func (l *lease) update() {
	defer l.wake()
	if l.term == 0 || l.term < l.revoked {
		l.state.Store(new(leaseState))
		return
	}
	s := &leaseState{term: l.term}
	for t := range l.voting {
		s.voting = s.voting || t > l.term
	}
	var sent, until []time.Time
	for _, v := range l.voters {
		if v != l.self {
			sent = append(sent, l.contact[v].sent)
			until = append(until, l.contact[v].until)
		}
	}
	others := len(l.voters)/2 + 1
	if slices.Contains(l.voters, l.self) {
		others--
	}
	switch {
	case others > len(sent):
	case others == 0:
		s.alone = true
	default:
		latest := func(a, b time.Time) int { return b.Compare(a) }
		slices.SortFunc(sent, latest)
		slices.SortFunc(until, latest)
		s.sent, s.until = sent[others-1], until[others-1]
	}
	if l.off || l.yielded >= l.term {
		s.until = time.Time{}
	}
	l.state.Store(s)
}

// wake wakes those who wait for a change. mu is held.
func (l *lease) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// holds reports whether there is certainly no other leader at this moment.
func (l *lease) holds(term uint64) bool {
	s := l.state.Load()
	return s.term == term && !s.voting && (s.alone || (!s.until.IsZero() && l.clock.Now().Before(s.until)))
}

// remaining returns how long the lease lasts if nothing is heard any more.
func (l *lease) remaining() time.Duration {
	s := l.state.Load()
	if s.term == 0 || s.until.IsZero() {
		return 0
	}
	return max(s.until.Sub(l.clock.Now()), 0)
}

// confirmed waits until a quorum has acknowledged something that was sent after a
// time, so that there was no other leader then. It reports false if the term's
// leadership is over.
func (l *lease) confirmed(ctx context.Context, term uint64, after time.Time, ask func()) (bool, error) {
	for {
		l.mu.Lock()
		s, changed := l.state.Load(), l.changed
		l.mu.Unlock()
		switch {
		case s.term != term:
			return false, nil
		case s.voting: // for a moment
		case s.alone || s.sent.After(after):
			return true, nil
		default:
			ask()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// contactOf returns what is known of a node in the term that this replica leads.
func (l *lease) contactOf(node object.NodeID) contact {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == 0 {
		return contact{}
	}
	return l.contact[node]
}
