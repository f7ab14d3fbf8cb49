package replication

import (
	"testing"

	"github.com/ssmr/ssmr/internal/storage/storagetest"
)

// Others have stored an entry and its leader has not: raft takes it for committed,
// but nobody hears of it.
func TestNothingIsSaidBeforeTheLeadersDisk(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	leader := c.leader()
	resume := leader.disk.Stall(storagetest.Sync)
	defer resume()
	done := make(chan error, 1)
	before := leader.group.AppliedIndex()
	go func() {
		_, err := leader.group.Propose(t.Context(), []byte("x 1"))
		done <- err
	}()
	c.wait("raft to commit", func() bool { return leader.group.raft.CommitIndex() > before })
	_, last, _ := leader.group.logs.extent()
	for _, r := range c.replicas {
		if r != leader {
			c.wait("the followers' copies", func() bool { _, have, _ := r.group.logs.extent(); return have == last })
		}
	}
	// What raft sends when nothing comes has told them by then, if it does.
	sent := leader.group.lease.state.Load().sent
	c.wait("a heartbeat", func() bool { return leader.group.lease.state.Load().sent.After(sent) })
	for _, r := range c.replicas {
		if r != leader && r.group.raft.CommitIndex() >= last {
			t.Errorf("follower %s was told that %d is committed", r.id, last)
		}
		if r.group.AppliedIndex() >= last {
			t.Errorf("%s has applied %d", r.id, last)
		}
	}
	if leader.group.logs.onDisk() >= last {
		t.Errorf("entry %d is on a disk that stands still", last)
	}
	select {
	case err := <-done:
		t.Fatalf("answered: %v", err)
	default:
	}
	resume()
	if err := <-done; err != nil {
		t.Error(err)
	}
	c.equal()
}

// The books of what is on disk follow the log when its end is cut off meanwhile.
func TestDurableFollowsTheLog(t *testing.T) {
	f := newLogFixture(t, Limits{})
	f.append(1, 3, 10)
	f.log.overlap = func() bool { return true }
	f.log.ready.Store(true)
	resume := f.disk.Stall(storagetest.Sync)
	defer resume()
	f.append(4, 5, 10)
	f.append(6, 6, 10)
	if got := f.log.onDisk(); got != 3 {
		t.Errorf("on disk is %d, should be 3", got)
	}
	if err := f.log.DeleteRange(5, 6); err != nil {
		t.Fatal(err)
	}
	if err := f.log.awaitDisk(6); err != nil {
		t.Errorf("of an entry that is gone: %v", err)
	}
	resume()
	if err := f.log.awaitDisk(4); err != nil {
		t.Error(err)
	}
	if got := f.log.onDisk(); got != 4 {
		t.Errorf("on disk is %d, should be 4", got)
	}
	f.log.overlap = func() bool { return false }
	f.append(5, 7, 10)
	if got := f.log.onDisk(); got != 7 {
		t.Errorf("on disk is %d, should be 7", got)
	}
}
