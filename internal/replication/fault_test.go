package replication

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/internal/storage/storagetest"
)

var errDisk = errors.New("disk is broken")

// Invariant 2: a leader whose log cannot be synced acknowledges nothing, and stops;
// the others go on with what was acknowledged.
func TestDiskOfLeaderFails(t *testing.T) {
	for name, op := range map[string]storagetest.Op{"sync": storagetest.Sync, "write": storagetest.Write} {
		t.Run(name, func(t *testing.T) {
			c := newTrio(t, 3, nil)
			want := c.add("x 1")
			leader := c.leader()
			leader.disk.FailIn("log/", op, errDisk)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			failed := 0
			for ctx.Err() == nil && leader.host.Err() == nil {
				_, err := leader.group.Propose(ctx, []byte("x 1"))
				if err == nil {
					want++ // a write to a broken disk may be noticed late, not after the sync
					continue
				}
				failed++
			}
			if leader.host.Err() == nil || !strings.Contains(leader.host.Err().Error(), errDisk.Error()) {
				t.Errorf("the host says %v", leader.host.Err())
			}
			<-leader.host.Failed()
			<-leader.group.Done()
			if leader.group.Err() == nil {
				t.Error("the group has no error")
			}
			c.leader(leader.id)
			got := c.get("x")
			if got < want || got > want+int64(failed) {
				t.Errorf("x is %d; %d was acknowledged, %d are unknown", got, want, failed)
			}
			// The node comes back on a good disk.
			c.crash(leader.id)
			c.start(leader.id)
			c.equal()
		})
	}
}

func TestDiskOfFollowerFails(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	follower := c.follower()
	follower.disk.FailIn("log/", storagetest.Sync, errDisk)
	for range 20 {
		c.add("x 1")
	}
	<-follower.host.Failed()
	<-follower.group.Done()
	c.crash(follower.id)
	c.start(follower.id)
	if got := c.get("x"); got != 21 {
		t.Errorf("x is %d", got)
	}
	c.equal()
}

// The state store is written without sync: a failing sync shows when it flushes.
func TestDiskOfStateFails(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	leader := c.leader()
	leader.disk.FailIn("state/", storagetest.Sync, errDisk)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := leader.group.Compact(ctx); err == nil {
		t.Error("the log was compacted although the state could not be flushed")
	}
	if s := leader.group.Status(); s.SnapshotIndex != 0 {
		t.Errorf("a snapshot at %d is recorded", s.SnapshotIndex)
	}
	disk := leader.disk.Crash()
	c.stop(leader.id)
	leader.disk = disk
	c.start(leader.id)
	if got := c.get("x"); got != 1 {
		t.Errorf("x is %d", got)
	}
	c.equal()
}

// Parts of a node's disk that do not belong together are refused, not served.
func TestPartsOfDisksDoNotFit(t *testing.T) {
	c := newTrio(t, 1, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotBytes, cfg.Limits.TrailingBytes, cfg.Limits.TrailingEntries = 10<<10, 1, 1
	})
	pad := strings.Repeat("p", 1000)
	for i := range 100 {
		c.add(fmt.Sprintf("y%d %s", i, pad))
	}
	r := c.replicas["a"]
	if err := r.group.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.stop("a")
	fresh := storagetest.NewDisk()
	for name, disks := range map[string][2]*storagetest.Disk{
		"state lost": {fresh, r.disk}, "log lost": {r.disk, fresh},
	} {
		state, err := storage.Open("state", storage.Options{FS: disks[0].FS()})
		if err != nil {
			t.Fatal(err)
		}
		log, err := storage.Open("log", storage.Options{FS: disks[1].FS(), ForLog: true})
		if err != nil {
			t.Fatal(err)
		}
		h, err := NewHost(Config{Network: c.net.node("a"), State: state, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := start(h, GroupConfig{ID: 7, Peers: c.peers}, new(counters), nil); !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("%s: got %v, want ErrCorrupt", name, err)
		}
		if err := errors.Join(h.Close(), state.Close(), log.Close()); err != nil {
			t.Error(err)
		}
	}
}

// The stream of the state breaks at any byte: the follower keeps what it has, and
// gets it at the next attempt.
func TestBrokenStream(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotBytes, cfg.Limits.TrailingBytes, cfg.Limits.TrailingEntries = 10<<10, 1, 1
	})
	leader := c.leader()
	behind := c.follower()
	c.add("x 1")
	c.stop(behind.id)
	for i := range 300 {
		c.add(fmt.Sprintf("y%d %s", i, strings.Repeat("p", 1000)))
	}
	if err := c.leader().group.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.net.breakStreams(40, 200, 5000)
	behind = c.start(behind.id)
	leader = c.leader()
	c.wait("catching up", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	if left := c.net.breaksLeft(); left != 0 {
		t.Errorf("%d of 3 streams were not broken", left)
	}
	c.equal()
}

// Entries for a node that cannot be reached are tried again without raft, whose pauses
// grow to seconds, as long as this replica leads.
func TestUnreachableFollowerIsTriedAgain(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	leader, f := c.leader(), c.follower()
	var tries atomic.Int64
	block := func(to object.NodeID) {
		c.net.block(func(_, node object.NodeID, method uint16) bool {
			if node != to || method != methodAppend {
				return false
			}
			tries.Add(1)
			return true
		})
	}
	last := leader.lastIndex()
	c.wait("the follower to have all", func() bool { return f.lastIndex() >= last })
	var entry raft.Log
	if err := leader.group.logs.GetLog(last, &entry); err != nil {
		t.Fatal(err)
	}
	send := func() <-chan error {
		term := leader.group.Role().Term
		request := &raft.AppendEntriesRequest{
			RPCHeader: header(leader.id), Term: term, PrevLogEntry: last - 1, PrevLogTerm: term, Entries: []*raft.Log{&entry},
		}
		done := make(chan error, 1)
		go func() {
			var answer raft.AppendEntriesResponse
			err := leader.group.transport.AppendEntries(raft.ServerID(f.id), "", request, &answer)
			if err == nil && !answer.Success {
				err = fmt.Errorf("the follower refuses entry %d of term %d: %+v", last, term, answer)
			}
			done <- err
		}()
		return done
	}
	for _, lead := range []bool{true, false} {
		tries.Store(0)
		block(f.id)
		done := send()
		c.wait("several tries", func() bool { return tries.Load() > 5 })
		select {
		case err := <-done:
			t.Fatalf("it was given up: %v", err)
		default:
		}
		if !lead {
			c.wait("another leader", func() bool {
				_ = leader.group.TransferLeadership(t.Context(), "")
				return !leader.group.IsLeader()
			})
		} else {
			c.net.block(nil)
		}
		if err := <-done; (err == nil) != lead {
			t.Errorf("leading is %v, and the entry is sent: %v", lead, err)
		}
	}
	c.net.block(nil)
}

func TestHostRefusesNonsense(t *testing.T) {
	disk := storagetest.NewDisk()
	state, err := storage.Open("state", storage.Options{FS: disk.FS()})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	log, err := storage.Open("log", storage.Options{FS: disk.FS()})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	good := Config{Network: newTestNetwork().node("a"), State: state, Log: log}
	for name, change := range map[string]func(*Config){
		"network": func(c *Config) { c.Network = nil }, "stores": func(c *Config) { c.Log = c.State },
		"heartbeat": func(c *Config) { c.Timing.Heartbeat = 1 }, "election": func(c *Config) { c.Timing.Election = 1 },
		"command": func(c *Config) { c.Limits.CommandBytes = 1 << 30 },
	} {
		cfg := good
		change(&cfg)
		if _, err := NewHost(cfg); err == nil {
			t.Errorf("%s: nonsense was taken", name)
		}
	}
	h, err := NewHost(good)
	if err != nil {
		t.Fatal(err)
	}
	found := func(cfg GroupConfig) error { _, err := start(h, cfg, new(counters), nil); return err }
	if err := found(GroupConfig{ID: 1, Peers: []object.NodeID{"b"}}); err == nil {
		t.Error("a group without this node was founded")
	}
	if _, err := h.Start(GroupConfig{ID: 1, Peers: []object.NodeID{"a"}}); err == nil {
		t.Error("a group without state machines was started")
	}
	if err := found(GroupConfig{ID: 1, Peers: []object.NodeID{"a"}}); err != nil {
		t.Fatal(err)
	}
	if err := found(GroupConfig{ID: 1, Peers: []object.NodeID{"a"}}); err == nil {
		t.Error("a group was started twice")
	}
	g := h.Machine(1)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := found(GroupConfig{ID: 2, Peers: []object.NodeID{"a"}}); !errors.Is(err, ErrStopped) {
		t.Errorf("after Close: %v", err)
	}
	var notLeader *cluster.NotLeader
	if _, err := g.Propose(t.Context(), nil); !errors.As(err, &notLeader) {
		t.Errorf("after Close: %v", err)
	}
	if err := g.Read(t.Context(), func() error { return nil }); !errors.As(err, &notLeader) {
		t.Errorf("after Close: %v", err)
	}
	if g.Err() != nil {
		t.Errorf("after Close it has an error: %v", g.Err())
	}
}

// Power is lost when the fetched state is in place and the log does not know yet.
func TestCrashBetweenStateAndLog(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotBytes, cfg.Limits.TrailingEntries = 10<<10, 1
	})
	behind := c.follower()
	c.add("x 1")
	c.stop(behind.id)
	old := behind.disk.Crash()
	for i := range 300 {
		c.add(fmt.Sprintf("y%d %s", i, strings.Repeat("p", 1000)))
	}
	leader := c.leader()
	if err := leader.group.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	behind = c.start(behind.id)
	c.wait("catching up", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	c.wait("note that it got the state", func() bool { return behind.group.Status().SnapshotIndex > 0 })
	c.stop(behind.id)
	behind.logDisk = old
	for i := range 300 {
		c.add(fmt.Sprintf("y%d %s", i, strings.Repeat("p", 1000)))
	}
	behind = c.start(behind.id)
	leader = c.leader()
	c.wait("catching up", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	c.equal()
}

// A follower that gets the state while the leader goes on, and compacts its log
// again and again, arrives nevertheless.
func TestCatchUpUnderLoad(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotBytes, cfg.Limits.TrailingBytes, cfg.Limits.TrailingEntries = 50<<10, 10<<10, 20
	})
	leader := c.leader()
	behind := c.follower()
	c.stop(behind.id)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				_, _ = leader.group.Propose(ctx, fmt.Appendf(nil, "w%d.%d %s", i, n%500, strings.Repeat("p", 1000)))
			}
		})
	}
	c.wait("log to go on", func() bool { return leader.group.Status().FirstIndex > 200 })
	for range 3 {
		behind = c.start(behind.id)
		at := leader.group.AppliedIndex()
		c.wait("catching up", func() bool { return behind.group.AppliedIndex() >= at })
		c.stop(behind.id)
		first := leader.group.Status().LastIndex
		c.wait("log to go on", func() bool { return leader.group.Status().FirstIndex > first })
	}
	c.start(behind.id)
	cancel()
	wg.Wait()
	c.equal()
}
