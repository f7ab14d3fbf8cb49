package replication

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

// manualClock goes on when it is told to.
type manualClock struct {
	mu  sync.Mutex
	now time.Time
}

func newManualClock() *manualClock { return &manualClock{now: time.Unix(1000, 0)} }

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestLeaseCountsFromSending(t *testing.T) {
	clock := newManualClock()
	l := newLease(clock, "a", false)
	l.begin(5, []object.NodeID{"a", "b", "c"})
	if l.holds(5) {
		t.Error("a lease without promises holds")
	}
	sent := clock.Now()
	clock.advance(800 * time.Millisecond) // the answer took long, or the process stood still
	l.acknowledged("b", 5, sent, time.Second, 0)
	if !l.holds(5) {
		t.Error("0.8 s after it was sent a promise of 1 s does not hold")
	}
	clock.advance(100 * time.Millisecond)
	if l.holds(5) {
		t.Error("a promise of 1 s holds 0.9 s after it was asked for")
	}
	l.acknowledged("c", 5, sent, time.Second, 0)
	l.acknowledged("b", 4, clock.Now(), time.Second, 0)
	l.acknowledged("b", 6, clock.Now(), time.Second, 0)
	if l.holds(5) || l.holds(4) || l.holds(6) {
		t.Error("old answers, or those of other terms, give a lease")
	}
	l.acknowledged("c", 5, clock.Now(), 0, 0)
	if l.holds(5) {
		t.Error("an answer without a promise gives a lease")
	}
}

func TestLeaseNeedsAQuorum(t *testing.T) {
	clock := newManualClock()
	l := newLease(clock, "a", false)
	l.begin(1, []object.NodeID{"a", "b", "c", "d", "e"})
	l.acknowledged("b", 1, clock.Now(), time.Second, 0)
	if l.holds(1) {
		t.Error("two of five are no quorum")
	}
	clock.advance(500 * time.Millisecond)
	l.acknowledged("e", 1, clock.Now(), time.Second, 0)
	if !l.holds(1) || l.remaining() != 400*time.Millisecond {
		t.Errorf("lease of the quorum's oldest promise is %s, want 400ms", l.remaining())
	}
	l.begin(2, []object.NodeID{"a", "b", "c", "d", "e"})
	if l.holds(1) || l.holds(2) {
		t.Error("promises of an earlier term count")
	}
	l.begin(3, []object.NodeID{"a"})
	clock.advance(time.Hour)
	if !l.holds(3) {
		t.Error("the only voter has no lease")
	}
}

func TestLeaseEnds(t *testing.T) {
	clock := newManualClock()
	voters := []object.NodeID{"a", "b", "c"}
	lead := func() *lease {
		l := newLease(clock, "a", false)
		l.begin(5, voters)
		l.acknowledged("b", 5, clock.Now(), time.Second, 0)
		return l
	}
	l := lead()
	l.yield(5)
	l.acknowledged("b", 5, clock.Now(), time.Second, 0)
	if l.holds(5) {
		t.Error("it holds while leadership is handed over")
	}
	if ok, err := l.confirmed(t.Context(), 5, clock.Now().Add(-1), func() {}); !ok || err != nil {
		t.Errorf("a read that was confirmed after it came is refused: %v, %v", ok, err)
	}
	l = lead()
	l.beginVote(6)
	if l.holds(5) {
		t.Error("it holds while the replica may vote for another")
	}
	l.endVote(6, false)
	if !l.holds(5) {
		t.Error("it does not hold after a vote was refused")
	}
	l.beginVote(6)
	l.endVote(6, true)
	l.acknowledged("b", 5, clock.Now(), time.Second, 0)
	if l.holds(5) {
		t.Error("it holds after a vote for another")
	}
	if ok, _ := l.confirmed(t.Context(), 5, clock.Now().Add(-1), func() {}); ok {
		t.Error("a read is confirmed after a vote for another")
	}
	l = lead()
	l.end(5)
	if l.holds(5) {
		t.Error("it holds after the end of the term")
	}
}

func TestPromises(t *testing.T) {
	clock := newManualClock()
	fresh := func() *promises { return newPromises(clock, time.Second, true, newLease(clock, "x", false)) }
	p := fresh()
	if p.acknowledge("a", 3) != time.Second {
		t.Error("no promise is made")
	}
	if p.beginVote("b", 4, false) || p.mayPreVote("b", 4) {
		t.Error("a promise is broken by a vote")
	}
	if ok, _ := p.campaign("x", 4); ok {
		t.Error("a promise is broken by a campaign")
	}
	if !p.beginVote("a", 4, false) {
		t.Error("the leader itself is refused")
	}
	p.endVote(4, false)
	clock.advance(time.Second)
	if !p.beginVote("b", 4, false) {
		t.Error("a vote is refused when the promise has run out")
	}
	// The heartbeat that raft acknowledges while it is about to vote.
	if p.acknowledge("a", 3) != 0 {
		t.Error("a promise is made to a leader while a vote for another is decided")
	}
	p.endVote(4, true)
	if p.acknowledge("a", 3) != 0 {
		t.Error("a promise is made to a leader after a vote for another")
	}
	if p.acknowledge("b", 4) == 0 {
		t.Error("no promise is made to the new leader")
	}

	p = fresh()
	p.acknowledge("a", 3)
	if ok, transfer := p.campaign("x", 4); ok || transfer {
		t.Error("a replica that was not told to take over does")
	}
	p.yield(3)
	if ok, transfer := p.campaign("x", 5); ok || transfer {
		t.Error("a hand-over of term 3 is used in term 5")
	}
	if ok, transfer := p.campaign("x", 4); !ok || !transfer {
		t.Error("a hand-over is refused")
	}
	if p.acknowledge("a", 3) != 0 {
		t.Error("a promise is made to a leader after a campaign against it")
	}

	p = fresh()
	p.acknowledge("a", 5)
	if !p.beginVote("b", 6, true) {
		t.Error("a hand-over of the leader that has the promise is refused")
	}
}

// What a replica had promised before it was started again is forgotten; so it
// waits.
func TestNoVoteAfterStart(t *testing.T) {
	clock := newManualClock()
	p := newPromises(clock, time.Second, false, newLease(clock, "x", false))
	if p.beginVote("b", 4, false) || p.mayPreVote("b", 4) {
		t.Error("a vote is given right after the start")
	}
	if ok, _ := p.campaign("x", 4); ok {
		t.Error("it campaigns right after the start")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting gave %v", err)
	}
	clock.advance(time.Second)
	if err := p.wait(t.Context()); err != nil {
		t.Error(err)
	}
	if !p.beginVote("b", 4, false) {
		t.Error("no vote is given when the time is over")
	}
}

// A leader is stopped until another has acknowledged a write, and goes on: the
// acknowledgements of its last heartbeats wait in its sockets. It must not take
// them for a proof that it still leads (DESIGN.md, "Reads").
func TestStoppedLeaderReadsNothingOld(t *testing.T) {
	// a does not notice how long it has not heard of the others: as a process that
	// was stopped.
	c := newTrio(t, 3, func(id object.NodeID, cfg *Config) {
		if id == "a" {
			cfg.Timing.Heartbeat, cfg.Timing.Election = 30*time.Second, 30*time.Second
		}
	})
	a := c.replicas["a"]
	c.wait("a to lead", func() bool {
		if a.group.IsLeader() {
			return true
		}
		_ = c.leader().group.TransferLeadership(t.Context(), "a")
		return false
	})
	c.add("x 1")
	old := func() (int64, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		var v int64
		err := a.group.Read(ctx, func() (err error) { v, err = a.machine.read("x"); return err })
		return v, err
	}
	if v, err := old(); v != 1 || err != nil {
		t.Fatalf("the leader reads %d, %v", v, err)
	}

	thaw := c.net.freeze("a")
	b := c.leader("a")
	if _, err := b.group.Propose(t.Context(), []byte("x 1")); err != nil {
		t.Fatal(err)
	}
	if !a.group.IsLeader() {
		t.Error("the stopped leader knows already; the test tests nothing")
	}
	if v, err := old(); err == nil {
		t.Errorf("while it is stopped the old leader reads %d", v)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if v, err := old(); err == nil && v != 2 {
				t.Errorf("after it went on the old leader reads %d", v)
			}
		})
	}
	thaw()
	for range 50 {
		if v, err := old(); err == nil && v != 2 {
			t.Errorf("after it went on the old leader reads %d", v)
		}
	}
	wg.Wait()
}

// A leader that is cut off reads nothing that is older than what was acknowledged
// before the read, and stops answering.
func TestNetsplitLeader(t *testing.T) {
	c := newTrio(t, 3, nil)
	old := c.leader()
	c.add("x 1")
	c.net.split(old.id, true)
	other := c.leader(old.id)
	if _, err := other.group.Propose(t.Context(), []byte("x 1")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var v int64
	if err := old.group.Read(ctx, func() (err error) { v, err = old.machine.read("x"); return err }); err == nil {
		t.Errorf("the leader that was cut off reads %d", v)
	}
	c.net.split(old.id, false)
	c.wait("the old leader to follow", func() bool { return old.group.AppliedIndex() >= other.group.AppliedIndex() })
	c.equal()
}

// A proposal whose leader is cut off has an unknown outcome, not a wrong one.
func TestNetsplitProposal(t *testing.T) {
	c := newTrio(t, 3, nil)
	old := c.leader()
	c.add("x 1")
	c.net.split(old.id, true)
	_, err := old.group.Propose(t.Context(), []byte("x 10"))
	if !errors.Is(err, cluster.ErrInterrupted) {
		t.Errorf("got %v, want ErrInterrupted", err)
	}
	c.net.split(old.id, false)
	if v := c.add("x 1"); v != 2 && v != 12 {
		t.Errorf("x is %d", v)
	}
	c.equal()
}

func TestReadsWithoutLease(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) { cfg.Timing.NoLease = true })
	for i := range 20 {
		c.add("x 1")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if v := c.get("x"); v != int64(i+1) {
					t.Errorf("read %d, want %d", v, i+1)
				}
			})
		}
		wg.Wait()
	}
}

func TestReadStale(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	for _, r := range c.replicas {
		c.wait("a fresh replica", func() bool {
			var v int64
			err := r.group.ReadStale(time.Second, func() (err error) { v, err = r.machine.read("x"); return err })
			return err == nil && v == 1
		})
	}
	old := c.leader()
	var follower *replica
	for _, r := range c.replicas {
		if r != old {
			follower = r
		}
	}
	c.net.split(follower.id, true)
	c.wait("staleness", func() bool {
		return errors.Is(follower.group.ReadStale(50*time.Millisecond, func() error { return nil }), ErrStale)
	})
	if err := follower.group.ReadStale(time.Hour, func() error { return nil }); err != nil {
		t.Errorf("an hour's staleness is refused: %v", err)
	}
	c.net.split(follower.id, false)
}

// Invariant 3, for one number: whatever happens to nodes and network, a read that
// begins after a write was acknowledged, or read, sees it. Reads are of leaders and
// followers.
func TestReadsSeeWritesThroughFailures(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotEntries, cfg.Limits.TrailingEntries, cfg.Limits.TrailingBytes = 200, 20, 1000
	})
	var acknowledged, attempted, seen, reads, followed, granted atomic.Int64
	var nodes sync.RWMutex // held for writing while nodes are stopped and started
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	pick := func(n int) *replica { return c.replicas[c.peers[n%len(c.peers)]] }
	wg.Go(func() { // one writer, so that the number only grows
		for n := 0; ctx.Err() == nil; n++ {
			nodes.RLock()
			attempted.Add(1)
			limited, stop := context.WithTimeout(ctx, time.Second)
			v, err := pick(n).group.Propose(limited, []byte("x 1"))
			stop()
			nodes.RUnlock()
			if err == nil {
				acknowledged.Store(v.(int64))
				n--
			}
			if v, ok := v.(int64); ok && v%8 == 0 {
				time.Sleep(2 * grantQuiet) // for followers
			}
		}
	})
	for i := range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				nodes.RLock()
				r := pick(i)
				atLeast := max(acknowledged.Load(), seen.Load())
				var v int64
				limited, stop := context.WithTimeout(ctx, 500*time.Millisecond)
				read := func() (err error) { v, err = r.machine.read("x"); return err }
				err := r.group.ReadFollowing(limited, read)
				if err == nil {
					followed.Add(1)
					if g := r.group.granted.Load(); g != nil && time.Now().Before(g.until) {
						granted.Add(1)
					}
				} else {
					err = r.group.Read(limited, read)
				}
				stop()
				if err == nil {
					reads.Add(1)
					if v < atLeast || v > attempted.Load() {
						t.Errorf("node %s reads %d, %d was acknowledged or read before", r.id, v, atLeast)
					}
					for old := seen.Load(); v > old && !seen.CompareAndSwap(old, v); old = seen.Load() {
					}
				}
				nodes.RUnlock()
				if err != nil {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	for range 12 {
		id := c.peers[rng.IntN(3)]
		pause := time.Duration(rng.IntN(600)) * time.Millisecond
		switch rng.IntN(4) {
		case 0:
			c.net.split(id, true)
			time.Sleep(pause)
			c.net.split(id, false)
		case 1:
			thaw := c.net.freeze(id)
			time.Sleep(pause)
			thaw()
		case 2:
			nodes.Lock()
			c.crash(id)
			c.start(id)
			nodes.Unlock()
		case 3:
			nodes.RLock()
			short, stop := context.WithTimeout(ctx, time.Second)
			_ = c.replicas[id].group.TransferLeadership(short, "")
			stop()
			nodes.RUnlock()
		}
		time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
	}
	cancel()
	wg.Wait()
	if v := c.get("x"); v < acknowledged.Load() || v > attempted.Load() {
		t.Errorf("at the end x is %d; %d was acknowledged", v, acknowledged.Load())
	}
	c.equal()
	t.Logf("%d writes, %d reads, %d of them on followers, about %d of these under a grant",
		acknowledged.Load(), reads.Load(), followed.Load(), granted.Load())
	if acknowledged.Load() == 0 || reads.Load() == 0 || granted.Load() == 0 {
		t.Error(fmt.Errorf("nothing was done"))
	}
}
