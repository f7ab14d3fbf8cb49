package replication

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

func TestWritesAndReads(t *testing.T) {
	for _, nodes := range []int{1, 3, 5} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			c := newTrio(t, nodes, nil)
			for i := range 20 {
				if got := c.add("x 1"); got != int64(i+1) {
					t.Fatalf("sum is %d, want %d", got, i+1)
				}
				if got := c.get("x"); got != int64(i+1) {
					t.Fatalf("read %d, want %d", got, i+1)
				}
			}
			c.equal()
		})
	}
}

func TestFollowersRefuse(t *testing.T) {
	c := newTrio(t, 3, nil)
	leader := c.leader()
	c.add("x 1")
	for _, r := range c.replicas {
		if r == leader {
			continue
		}
		var notLeader *cluster.NotLeader
		c.wait("word of the leader", func() bool { return r.group.Leader() == leader.id })
		if _, err := r.group.Propose(t.Context(), []byte("x 1")); !errors.As(err, &notLeader) || notLeader.Leader != leader.id {
			t.Errorf("%s: propose gave %v", r.id, err)
		}
		if err := r.group.Read(t.Context(), func() error { return nil }); !errors.As(err, &notLeader) {
			t.Errorf("%s: read gave %v", r.id, err)
		}
	}
}

// Invariant 2: what was acknowledged survives the loss of the leader.
func TestLeaderLost(t *testing.T) {
	c := newTrio(t, 3, nil)
	for i := range 3 {
		c.add(fmt.Sprintf("x %d", i+1))
		lost := c.leader().id
		c.crash(lost)
		if got := c.get("x"); got != int64((i+1)*(i+2)/2) {
			t.Fatalf("after the loss of %s: x is %d", lost, got)
		}
		c.start(lost)
	}
	c.equal()
}

// Invariant 2: all nodes lose their power at once.
func TestAllRestart(t *testing.T) {
	c := newTrio(t, 3, nil)
	want := int64(0)
	for range 3 {
		for range 50 {
			want = c.add("x 1")
		}
		for _, id := range c.peers {
			c.replicas[id].node.down()
		}
		for _, id := range c.peers {
			c.crash(id)
		}
		for _, id := range c.peers {
			c.start(id)
		}
		if got := c.get("x"); got != want {
			t.Fatalf("x is %d, want %d", got, want)
		}
	}
	c.equal()
}

func TestConcurrentWritersGetTheirOwnResults(t *testing.T) {
	c := newTrio(t, 3, nil)
	leader := c.leader()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 40 {
				got, err := leader.group.Propose(t.Context(), fmt.Appendf(nil, "w%d 1", i))
				if err != nil || got != int64(j+1) {
					t.Errorf("writer %d: %v, %v; want %d", i, got, err, j+1)
					return
				}
			}
		})
	}
	wg.Wait()
	s := leader.group.Status()
	if s.Applied < 2000 || s.Entries >= s.Applied {
		t.Errorf("%d commands were applied in %d entries", s.Applied, s.Entries)
	}
	c.equal()
}

func TestLogIsCompacted(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotBytes, cfg.Limits.TrailingBytes = 64<<10, 16<<10
		cfg.Limits.TrailingEntries = 50
	})
	pad := strings.Repeat("p", 1000)
	for range 300 {
		c.add("x " + pad)
	}
	for _, r := range c.replicas {
		c.wait("compaction", func() bool { s := r.group.Status(); return s.SnapshotIndex > 0 && s.FirstIndex > 1 })
	}
	for _, id := range c.peers {
		c.crash(id)
		c.start(id)
	}
	if got := c.get("x"); got != 300*1000 {
		t.Errorf("x is %d", got)
	}
	c.equal()
}

// A snapshot may be of the index of an entry that state machines do not see.
func TestSnapshotAtABarrier(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.TrailingEntries, cfg.Limits.TrailingBytes = 1, 1
	})
	leader := c.leader()
	behind := c.follower()
	c.stop(behind.id)
	for range 30 {
		c.add("x 1")
	}
	if err := leader.group.raft.Barrier(0).Error(); err != nil {
		t.Fatal(err)
	}
	if err := leader.group.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := leader.group.Status(); s.SnapshotIndex <= s.AppliedIndex {
		t.Fatalf("snapshot is of index %d, state of %d; the test tests nothing", s.SnapshotIndex, s.AppliedIndex)
	}
	behind = c.start(behind.id)
	c.wait("catching up", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	for _, id := range c.peers {
		c.crash(id)
		c.start(id)
	}
	if got := c.get("x"); got != 30 {
		t.Errorf("x is %d", got)
	}
	c.equal()
}

// A follower that is too far behind for the log gets the state over a stream.
func TestLaggingFollowerCatchesUp(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotBytes, cfg.Limits.TrailingBytes = 64<<10, 16<<10
		cfg.Limits.TrailingEntries = 10
	})
	behind := c.follower()
	c.add("x 1")
	c.stop(behind.id)
	pad := strings.Repeat("p", 1000)
	for i := range 300 {
		c.add(fmt.Sprintf("y%d %s", i, pad))
	}
	leader := c.leader()
	if err := leader.group.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := leader.group.Status(); s.FirstIndex <= behind.group.AppliedIndex()+1 {
		t.Fatalf("log still begins at %d", s.FirstIndex)
	}
	behind = c.start(behind.id)
	c.wait("catching up", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	c.equal()
	if behind.machine.opened != 2 {
		t.Errorf("state machine was opened %d times, want 2", behind.machine.opened)
	}
	if behind.machine.total != 1+300*1000 {
		t.Errorf("memory of the state machine says %d", behind.machine.total)
	}
	// It is a full member again: it survives a crash and can lead.
	c.add("x 1")
	c.wait("the write", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	c.crash(behind.id)
	behind = c.start(behind.id)
	c.wait("catching up", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	if err := c.leader().group.TransferLeadership(t.Context(), behind.id); err != nil {
		t.Fatal(err)
	}
	c.wait("takeover", behind.group.IsLeader)
	if got := c.get("x"); got != 2 {
		t.Errorf("x is %d", got)
	}
	c.equal()
}

func TestTransferKeepsWritesAndReads(t *testing.T) {
	c := newTrio(t, 3, nil)
	for i := range 5 {
		old := c.leader()
		if err := old.group.TransferLeadership(t.Context(), ""); err != nil {
			t.Logf("transfer: %v", err)
		}
		if got := c.add("x 1"); got != int64(i+1) {
			t.Fatalf("x is %d", got)
		}
		if got := c.get("x"); got != int64(i+1) {
			t.Fatalf("read %d", got)
		}
	}
	c.equal()
}

func TestUnknownCommandStopsTheReplica(t *testing.T) {
	for _, command := range []string{"nonsense", "panic now"} {
		c := newTrio(t, 3, nil)
		c.add("x 1")
		leader := c.leader()
		_, err := leader.group.Propose(t.Context(), []byte(command))
		if !errors.Is(err, cluster.ErrInterrupted) {
			t.Errorf("%s: got %v, want ErrInterrupted", command, err)
		}
		<-leader.group.Done()
		if leader.group.Err() == nil {
			t.Errorf("%s: replica stopped without an error", command)
		}
		var notLeader *cluster.NotLeader
		if _, err := leader.group.Propose(t.Context(), []byte("x 1")); !errors.Is(err, ErrStopped) || !errors.As(err, &notLeader) {
			t.Errorf("%s: a stopped replica gave %v", command, err)
		}
	}
}

func TestLimits(t *testing.T) {
	c := newTrio(t, 1, func(_ object.NodeID, cfg *Config) { cfg.Limits.CommandBytes = 100 })
	leader := c.leader()
	if _, err := leader.group.Propose(t.Context(), make([]byte, 101)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := leader.group.Propose(ctx, []byte("x 1")); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The next entry leaves when the one before is committed, though nothing of that can be
// shown yet; what comes after it gathers.
func TestNextEntryLeaves(t *testing.T) {
	clock, config := clocks()
	c := newTrio(t, 3, config)
	leader := c.leader()
	c.add("x 1")
	before := leader.lastIndex()
	clock[leader.id].stop()
	h, _ := c.hold(leader, HoldMost) // the goroutine that applies waits for it
	errs := make(chan error, 4)
	propose := func() {
		_, err := leader.group.Propose(context.Background(), []byte("x 1"))
		errs <- err
	}
	for n := range uint64(2) {
		go propose()
		c.wait("an entry is in the log", func() bool { return leader.lastIndex() == before+n+1 })
	}
	for n := range 2 {
		go propose()
		c.wait("a command gathers", func() bool { return leader.group.queue.length() == n+1 })
	}
	if last := leader.lastIndex(); last != before+2 {
		t.Errorf("%d entries are in the log, not 2", last-before)
	}
	h.Release(context.Background())
	clock[leader.id].start(0)
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if last := leader.lastIndex(); last != before+3 {
		t.Errorf("%d entries are in the log, not 3", last-before)
	}
	if x := c.get("x"); x != 5 {
		t.Errorf("x is %d, want 5", x)
	}
}

func TestQueue(t *testing.T) {
	q := newQueue(Limits{BatchBytes: 10, BatchCommands: 3, QueueBytes: 100, QueueCommands: 5})
	add := func(size int, checksum bool) *proposal {
		p := &proposal{bytes: size, checksum: checksum, done: make(chan outcome, 1)}
		if err := q.add(p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	add(4, false)
	gone := add(4, false)
	add(20, false)
	sum := add(0, true)
	add(1, false)
	if err := q.add(&proposal{}); !errors.Is(err, cluster.ErrOverloaded) {
		t.Errorf("a full queue gave %v", err)
	}
	if !q.abandon(gone) {
		t.Error("a queued command cannot be abandoned")
	}
	var sizes []int
	for range 4 {
		batch := q.take()
		n := 0
		for _, p := range batch {
			n += p.bytes
		}
		sizes = append(sizes, n)
	}
	if fmt.Sprint(sizes) != "[4 20 0 1]" {
		t.Errorf("entries are of %v bytes", sizes)
	}
	if q.abandon(sum) {
		t.Error("a command that was taken was abandoned")
	}
	if q.bytes != 0 || q.length() != 0 {
		t.Errorf("%d bytes and %d commands are left", q.bytes, q.length())
	}
	q.close()
	if err := q.add(&proposal{}); !errors.Is(err, ErrStopped) {
		t.Errorf("a closed queue gave %v", err)
	}
}
