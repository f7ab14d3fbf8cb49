package replication

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// follower returns a replica that does not lead.
func (c *trio) follower() *replica {
	c.t.Helper()
	leader := c.leader()
	for _, r := range c.replicas {
		if r != leader {
			return r
		}
	}
	c.t.Fatal("no follower")
	return nil
}

// follow reads on a follower.
func (r *replica) follow(t *testing.T, name string) (v int64, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = r.group.ReadFollowing(ctx, func() (err error) { v, err = r.machine.read(name); return err })
	return v, err
}

func index(r *replica) uint64 {
	index, _ := r.group.leadingIndex(false)
	return index
}

// follows waits until a follower serves reads, and checks what it reads.
func (c *trio) follows(r *replica, want int64) {
	c.t.Helper()
	c.wait("a read on the follower", func() bool {
		v, err := r.follow(c.t.(*testing.T), "x")
		if err == nil && v != want {
			c.t.Errorf("follower %s reads %d, want %d", r.id, v, want)
		}
		return err == nil
	})
}

// A read on a follower sees every write that was acknowledged before.
func TestReadFollowing(t *testing.T) {
	c := newTrio(t, 3, nil)
	for i := range int64(20) {
		c.add("x 1")
		leader := c.leader()
		for _, r := range c.replicas {
			if r != leader {
				c.follows(r, i+1)
			}
		}
	}
	leader := c.leader()
	if _, err := leader.follow(t, "x"); !errors.Is(err, ErrBehind) {
		t.Errorf("the leader follows: %v", err)
	}
}

// What is read must be the state of the index that the leader has told: a write
// that is applied while it is read may not have been applied by the leader yet.
func TestReadFollowingIsOfOneIndex(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	f := c.follower()
	c.follows(f, 1)
	err := f.group.ReadFollowing(t.Context(), func() error {
		before := f.group.AppliedIndex()
		c.add("x 1")
		c.wait("the write on the follower", func() bool { return f.group.AppliedIndex() > before })
		return nil
	})
	if !errors.Is(err, ErrBehind) {
		t.Errorf("a read during which the state changed: %v", err)
	}
	// The same on the side of the leader: something can be read already, or not yet,
	// that is not counted as applied.
	leader := c.leader()
	if index(leader) == 0 {
		t.Error("the leader does not tell its index")
	}
	shown := leader.group.shown.Add(1)
	if index(leader) != 0 {
		t.Error("the leader tells an index while the next is about to be shown")
	}
	leader.group.shown.CompareAndSwap(shown, shown-1)
	c.follows(f, 2)
	leader.group.lease.yield(leader.group.Role().Term)
	if index(leader) != 0 {
		t.Error("a leader without a lease tells its index")
	}
}

// A leader whose lease has run out tells nobody its index, also where it does not
// know yet that another was elected.
func TestReadFollowingALeaderWithoutLease(t *testing.T) {
	c := newTrio(t, 3, nil)
	old := c.leader()
	f := c.follower()
	c.add("x 1")
	c.follows(f, 1)
	c.net.block(func(from, _ object.NodeID, method uint16) bool {
		return from == old.id && method == methodAppend
	})
	other := c.leader(old.id)
	if _, err := other.group.Propose(t.Context(), []byte("x 1")); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		told, err := f.host.asker(old.id).ask(t.Context(), 7)
		if err == nil && told.index != 0 {
			t.Fatalf("the old leader tells index %d", told.index)
		}
		if v, err := f.follow(t, "x"); err == nil && v != 2 {
			t.Fatalf("the follower reads %d", v)
		}
	}
	c.net.block(nil)
}

// A follower that is cut off serves nothing; joined again it serves what is new.
func TestReadFollowingInANetsplit(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	f := c.follower()
	c.follows(f, 1)
	c.net.split(f.id, true)
	c.add("x 1")
	for range 50 {
		if v, err := f.follow(t, "x"); !errors.Is(err, ErrBehind) {
			t.Fatalf("the follower that is cut off reads %d, %v", v, err)
		}
	}
	c.net.split(f.id, false)
	c.follows(f, 2)
}

// A follower that is sent the whole state serves the new content or none.
func TestReadFollowingThroughRestore(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotEntries, cfg.Limits.TrailingEntries, cfg.Limits.TrailingBytes = 100, 10, 1000
	})
	c.add("x 1")
	f := c.follower()
	c.follows(f, 1)
	opened := f.machine.opened
	c.net.split(f.id, true)
	for range 400 {
		c.add("x 1")
	}
	if err := c.leader().group.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.net.split(f.id, false)
	c.follows(f, 401)
	f.machine.mu.Lock()
	defer f.machine.mu.Unlock()
	if f.machine.opened == opened {
		t.Error("the follower was not sent the state; the test tests nothing")
	}
}

// Reads that come while a question is under way share the next one.
func TestReadFollowingSharesQuestions(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) { cfg.Timing.Heartbeat = 2 * time.Second })
	c.add("x 1")
	f := c.follower()
	c.follows(f, 1)
	var questions atomic.Int64
	c.net.block(func(from, to object.NodeID, method uint16) bool {
		if from == f.id && method == methodIndexes {
			questions.Add(1)
		}
		return false
	})
	thaw := c.net.freeze(c.leader().id)
	var wg sync.WaitGroup
	read := func() {
		if v, err := f.follow(t, "x"); err != nil || v != 1 {
			t.Errorf("read %d, %v", v, err)
		}
	}
	wg.Go(read)
	c.wait("the first question", func() bool { return questions.Load() > 0 })
	a := f.host.asker(c.leader().id)
	const n = 100
	var joined atomic.Int64
	for range n {
		wg.Go(func() { joined.Add(1); read() })
	}
	c.wait("the reads to gather", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return joined.Load() == n && a.next != nil
	})
	thaw()
	wg.Wait()
	// Each question is counted twice, with its answer; a straggler may have missed one.
	if got := questions.Load(); got > 10 {
		t.Errorf("%d reads took %d questions and answers", n+1, got)
	}
}
