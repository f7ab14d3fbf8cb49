package replication

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

// arrive begins to show something; the channel says when it may be shown.
func arrive(g *gate) <-chan struct{} {
	passed := make(chan struct{})
	go func() {
		g.begin()
		close(passed)
	}()
	for arrived := false; !arrived; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		arrived = g.showing
		g.mu.Unlock()
	}
	return passed
}

func open(passed <-chan struct{}) bool {
	select {
	case <-passed:
		return true
	default:
		return false
	}
}

func mustHold(t *testing.T, g *gate, limit time.Duration) uint64 {
	t.Helper()
	epoch, wait := g.hold(limit)
	if wait != nil {
		t.Fatal("no hold can be had")
	}
	return epoch
}

// What is newer waits for the last of the holds that overlap.
func TestGateWaitsForTheLastHold(t *testing.T) {
	g := &gate{clock: newManualClock()}
	first := mustHold(t, g, time.Second)
	second := mustHold(t, g, time.Millisecond)
	passed := arrive(g)
	third := mustHold(t, g, time.Second)
	for i, epoch := range []uint64{first, second, third} {
		if open(passed) {
			t.Fatalf("something is shown before hold %d is released", i)
		}
		if !g.release(epoch) {
			t.Errorf("hold %d had a gap", i)
		}
	}
	<-passed
	// Nothing begins while it is being shown.
	if _, wait := g.hold(time.Second); wait == nil {
		t.Error("a hold begins while something is shown")
	} else {
		g.end()
		<-wait
	}
	if epoch := mustHold(t, g, time.Second); !g.release(epoch) {
		t.Error("a hold after that is broken")
	}
}

// A hold is at an end when its time has passed and something was shown.
func TestGateHoldExpires(t *testing.T) {
	clock := newManualClock()
	g := &gate{clock: clock}
	lost := mustHold(t, g, 20*time.Millisecond)
	clock.advance(time.Hour)
	if kept := mustHold(t, g, 20*time.Millisecond); !g.release(kept) {
		t.Error("a hold is broken though nothing was shown")
	}
	clock.advance(20 * time.Millisecond) // there may have been as many as have begun
	<-arrive(g)
	if g.release(lost) {
		t.Error("a hold is said to be in force though something was shown")
	}
	g.end()
	// That it was released late does not count against holds that came after.
	kept := mustHold(t, g, 20*time.Millisecond)
	if g.release(lost) {
		t.Error("a hold that was broken comes back")
	}
	passed := arrive(g)
	if open(passed) {
		t.Error("a hold is ended by the release of another")
	}
	g.breakHolds()
	<-passed
	if g.release(kept) {
		t.Error("a broken hold is said to be in force")
	}
}

// Holds that come one after the other do not keep a batch waiting for ever.
func TestGateHoldsDoNotStarveWrites(t *testing.T) {
	clock := newManualClock()
	g := &gate{clock: clock}
	last := mustHold(t, g, time.Second)
	passed := arrive(g)
	for waited := time.Duration(0); waited < holdRow; waited += time.Millisecond {
		next := mustHold(t, g, time.Second)
		if !g.release(last) {
			t.Fatal("a hold had a gap")
		}
		last = next
		clock.advance(time.Millisecond)
	}
	_, wait := g.hold(time.Second)
	if wait == nil {
		t.Fatal("one more hold begins while a batch has waited for long")
	}
	if open(passed) {
		t.Error("something is shown while a hold is in force")
	}
	g.release(last)
	<-passed
	g.end()
	<-wait
	mustHold(t, g, time.Second)
}

// Something newer waits for grants and for holds, whichever is longer.
func TestGateHoldsAndGrants(t *testing.T) {
	clock := newManualClock()
	g := &gate{clock: clock}
	if !g.grant() {
		t.Fatal("no grant")
	}
	held := mustHold(t, g, time.Second)
	clock.advance(grantHold / 2)
	if !g.grant() {
		t.Error("no grant because of a hold, which changes nothing for it")
	}
	passed := arrive(g)
	g.release(held)
	if open(passed) {
		t.Error("something is shown in spite of a grant")
	}
	held = mustHold(t, g, time.Second)
	clock.advance(grantHold)
	if open(passed) {
		t.Error("something is shown in spite of a hold")
	}
	if g.grant() {
		t.Error("a grant is made while something waits")
	}
	g.release(held)
	<-passed
}

// hold holds on the leader and reads x.
func (c *trio) hold(r *replica, limit time.Duration) (h *Hold, value int64) {
	c.t.Helper()
	h, err := r.group.Hold(context.Background(), limit, func() (err error) {
		value, err = r.machine.read("x")
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return h, value
}

// switchClock is the time, or stands still, or is ahead.
type switchClock struct {
	mu    sync.Mutex
	still time.Time // zero: it goes
	ahead time.Duration
}

func (c *switchClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.still.IsZero() {
		return c.still
	}
	return time.Now().Add(c.ahead)
}

func (c *switchClock) stop() {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.still = now
}

func (c *switchClock) start(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.still, c.ahead = time.Time{}, ahead
}

// clocks gives each node one.
func clocks() (of map[object.NodeID]*switchClock, config func(object.NodeID, *Config)) {
	of = make(map[object.NodeID]*switchClock)
	return of, func(id object.NodeID, cfg *Config) {
		of[id] = new(switchClock)
		cfg.Clock = of[id]
	}
}

// lastIndex returns the end of a replica's log.
func (r *replica) lastIndex() uint64 {
	_, last, _ := r.group.logs.extent()
	return last
}

// While a leader holds, nobody sees a newer write, on the leader or through a
// follower, and nobody is told of one; the log goes on.
func TestHold(t *testing.T) {
	clock, config := clocks()
	c := newTrio(t, 3, config)
	leader, f := c.leader(), c.follower()
	c.add("x 1")
	before := leader.lastIndex()
	clock[leader.id].stop() // the machine may be slow, the holds do not expire
	h, value := c.hold(leader, HoldMost)
	other, again := c.hold(leader, HoldMost)
	if value != 1 || again != 1 {
		t.Errorf("holds see %d and %d, want 1", value, again)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.add("x 1")
	}()
	for _, r := range c.replicas {
		c.wait("the entry on all", func() bool { return r.lastIndex() > before })
	}
	c.wait("the commit", func() bool { return leader.group.raft.CommitIndex() > before })
	for range 2 {
		if open(done) {
			t.Error("a write is acknowledged during a hold")
		}
		if v := c.get("x"); v != 1 {
			t.Errorf("the leader shows %d during a hold", v)
		}
		if v, err := f.follow(t, "x"); err == nil && v != 1 {
			t.Errorf("a follower shows %d during a hold", v)
		}
		if !other.Release(t.Context()) { // the second time only one is left
			t.Error("the first hold had a gap")
		}
	}
	for range 2 { // again gives the same answer
		if !h.Release(t.Context()) {
			t.Error("the hold had a gap")
		}
	}
	<-done
	clock[leader.id].start(0)
	if h, value := c.hold(leader, HoldMost); value != 2 || !h.Release(t.Context()) {
		t.Errorf("after a write a hold sees %d", value)
	}
}

// A process that stood still has held nothing back: the others may have gone on.
func TestHoldOfALeaderThatStoodStill(t *testing.T) {
	clock, config := clocks()
	c := newTrio(t, 3, config)
	c.add("x 1")
	old := c.leader()
	clock[old.id].stop()
	h, _ := c.hold(old, HoldMost)
	c.net.block(func(from, to object.NodeID, _ uint16) bool { return from == old.id || to == old.id })
	other := c.leader(old.id)
	if _, err := other.group.Propose(t.Context(), []byte("x 1")); err != nil {
		t.Fatal(err)
	}
	clock[old.id].start(0)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if h.Release(ctx) {
		t.Error("a hold is said to have been in force while another leader wrote")
	}
	c.net.block(nil)
}

// A change of leaders ends a hold, at once.
func TestHoldEndsWithLeadership(t *testing.T) {
	clock, config := clocks()
	c := newTrio(t, 3, config)
	c.add("x 1")
	old, f := c.leader(), c.follower()
	clock[old.id].stop()
	h, _ := c.hold(old, HoldMost)
	c.wait("another leader", func() bool {
		_ = old.group.TransferLeadership(t.Context(), f.id)
		return f.group.IsLeader()
	})
	c.add("x 1")
	c.wait("the write on the old leader", func() bool { v, err := old.machine.read("x"); return err == nil && v == 2 })
	if h.Release(t.Context()) {
		t.Error("a hold has outlived its leader")
	}
	_, err := old.group.Hold(t.Context(), HoldMost, func() error { t.Error("it pins"); return nil })
	if notLeader := new(cluster.NotLeader); !errors.As(err, &notLeader) {
		t.Errorf("a hold on a follower: %v", err)
	}
}

// Without leases a release asks the others. A leader that they do not answer does
// not know.
func TestHoldWithoutLease(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) { cfg.Timing.NoLease = true })
	c.add("x 1")
	c.wait("a hold", func() bool {
		h, err := c.leader().group.Hold(t.Context(), HoldMost, func() error { return nil })
		return err == nil && h.Release(t.Context())
	})
	leader := c.leader()
	h, _ := c.hold(leader, HoldMost)
	c.net.split(leader.id, true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if h.Release(ctx) {
		t.Error("a leader that is cut off says that there is no other")
	}
	c.net.split(leader.id, false)
}

// What fails to pin holds nothing.
func TestHoldThatFails(t *testing.T) {
	c := newTrio(t, 1, nil)
	c.add("x 1")
	failure := errors.New("failure")
	if _, err := c.leader().group.Hold(t.Context(), HoldMost, func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("Hold returns %v", err)
	}
	g := &c.leader().group.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds != 0 {
		t.Errorf("%d holds are left", g.holds)
	}
}

// pair reads x of two groups, whose leaders were held until both were read. It
// reports false where that is not certain.
func (c *trio) pair(ctx context.Context, groups [2]map[object.NodeID]*replica) (values [2]int64, ok bool) {
	var holds [2]*Hold
	var wg sync.WaitGroup
	for i, replicas := range groups {
		wg.Go(func() {
			for _, r := range replicas {
				h, err := r.group.Hold(ctx, HoldMost/4, func() (err error) {
					values[i], err = r.machine.read("x")
					return err
				})
				if err == nil {
					holds[i] = h
					return
				}
			}
		})
	}
	wg.Wait()
	ok = true
	for _, h := range holds {
		ok = h != nil && h.Release(ctx) && ok
	}
	return values, ok
}

// States of two groups that were pinned under holds are of one moment, whatever
// happens to the leaders: each write to the second group is made after the one to
// the first was acknowledged.
func TestHoldsOfTwoGroupsAreOfOneMoment(t *testing.T) {
	c := newTrio(t, 3, nil)
	groups := [2]map[object.NodeID]*replica{c.replicas, make(map[object.NodeID]*replica)}
	second := &trio{t: t, net: c.net, peers: c.peers, replicas: groups[1]}
	for id, r := range c.replicas {
		other := &replica{id: id, host: r.host, machine: new(counters)}
		var err error
		if other.group, err = start(r.host, GroupConfig{ID: 8, Peers: c.peers}, other.machine, nil); err != nil {
			t.Fatal(err)
		}
		groups[1][id] = other
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var written, sure atomic.Int64
	var wg sync.WaitGroup
	write := func(c *trio, want int64) {
		for ctx.Err() == nil {
			for _, r := range c.replicas {
				result, err := r.group.Propose(ctx, []byte("x 1"))
				switch {
				case err == nil && result.(int64) != want:
					t.Errorf("write %d gives %d", want, result)
					cancel()
				case err == nil:
					return
				case errors.Is(err, cluster.ErrInterrupted) && ctx.Err() == nil && c.get("x") == want:
					return // what a later leader does not have is lost
				}
			}
		}
	}
	wg.Go(func() {
		for n := int64(1); ctx.Err() == nil; n++ {
			write(c, n)
			write(second, n)
			if ctx.Err() == nil {
				written.Store(n)
			}
		}
	})
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				before := written.Load()
				values, ok := c.pair(ctx, groups)
				if !ok {
					continue
				}
				sure.Add(1)
				if values[0]-values[1] > 1 || values[1] > values[0] || values[1] < before {
					t.Errorf("of one moment, after %d: %d", before, values)
					cancel()
				}
			}
		})
	}
	c.wait("states of one moment", func() bool { return sure.Load() > 200 && written.Load() > 50 || ctx.Err() != nil })
	for round := range 6 {
		from := []*trio{c, second}[round%2].leader()
		_ = from.group.TransferLeadership(ctx, "")
		reached, goal := sure.Load()+50, written.Load()+10
		c.wait("states of one moment after a change of leaders", func() bool {
			return sure.Load() > reached && written.Load() > goal || ctx.Err() != nil
		})
	}
	cancel()
	wg.Wait()
	t.Logf("%d writes, %d pairs of one moment", written.Load(), sure.Load())
}
