package replication

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

const (
	// paceLeast and paceMost bound how long entries are held back from a follower that
	// no write waits for; paceFactor is the time as a multiple of what the others take.
	paceLeast  = 8 * time.Millisecond
	paceMost   = 40 * time.Millisecond
	paceFactor = 8
	// paceStuck is how long a follower may take to answer before others fill in for it.
	paceStuck = 50 * time.Millisecond
	// Messages of that many entries or bytes are not held back: the follower is behind.
	paceEntries = entriesPerMessage / 2
	paceBytes   = 256 << 10
)

// pace decides which followers get entries at once. A write waits for a quorum; each
// follower beyond it costs as much for every entry: a message, a sync, a commit. So
// those followers get their entries a few milliseconds later, several at a time.
// They come in at once where the others fail or are slow.
type pace struct {
	clock Clock
	group object.GroupID

	mu    sync.Mutex // guards what follows
	peers map[object.NodeID]*pacedPeer
}

type pacedPeer struct {
	sent   time.Time     // of the message that is under way; zero: none
	took   time.Duration // smoothed
	failed bool          // the last message had no answer
}

func newPace(clock Clock, group object.GroupID) *pace {
	return &pace{clock: clock, group: group, peers: make(map[object.NodeID]*pacedPeer)}
}

func (p *pace) peer(node object.NodeID) *pacedPeer {
	f := p.peers[node]
	if f == nil {
		f = new(pacedPeer)
		p.peers[node] = f
	}
	return f
}

// hold waits before entries are sent to a follower, if writes need not wait for it,
// and reports whether it did. Half way it goes on if the others have not made up a
// quorum.
func (p *pace) hold(ctx context.Context, to, self object.NodeID, voters []object.NodeID, committed func() bool) bool {
	wait := p.spare(to, self, voters)
	if wait == 0 {
		return false
	}
	timer := time.NewTimer(wait / 2)
	defer timer.Stop()
	for range 2 {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return true
		}
		if !committed() {
			break
		}
		timer.Reset(wait / 2)
	}
	return true
}

// spare returns how long entries may be held back from a follower; 0 if it is needed.
func (p *pace) spare(to, self object.NodeID, voters []object.NodeID) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	rank := p.rank(to, voters)
	before := 0
	took := time.Duration(0)
	for _, v := range voters {
		f := p.peer(v)
		if v == self || v == to || f.failed || !f.sent.IsZero() && now.Sub(f.sent) > paceStuck {
			continue
		}
		if p.rank(v, voters) < rank {
			before++
			took = max(took, f.took)
		}
	}
	if before < len(voters)/2 || len(voters) < 3 {
		return 0
	}
	return min(max(paceFactor*took, paceLeast), paceMost)
}

// rank orders the voters: the faster first, and those of about the same speed so that
// each has its turn in another group. mu is held.
func (p *pace) rank(node object.NodeID, voters []object.NodeID) int {
	position := len(voters) // of a replica that has no vote: it is not waited for
	for i, v := range voters {
		if v == node {
			position = (i + int(p.group)) % len(voters)
		}
	}
	speed := bits.Len64(uint64(p.peer(node).took/(4*time.Millisecond))) / 2
	return speed*(len(voters)+1) + position
}

// begin notes that entries are sent to a follower, end that they were answered or not.
func (p *pace) begin(to object.NodeID, sent time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peer(to).sent = sent
}

func (p *pace) end(to object.NodeID, sent time.Time, err error) {
	now := p.clock.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.peer(to)
	f.sent, f.failed = time.Time{}, err != nil
	if err == nil {
		f.took += (now.Sub(sent) - f.took) / 8
	}
}
