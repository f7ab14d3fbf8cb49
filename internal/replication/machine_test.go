package replication

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

// machineOf returns a node's replica of one of the other machines of the group.
func (r *replica) machineOf(t testing.TB, id object.MachineID) (*Machine, *counters) {
	t.Helper()
	m, err := r.group.Machine(id)
	if err != nil {
		t.Fatal(err)
	}
	sm, _ := r.others.Load(id)
	return m, sm.(*counters)
}

// totals returns the sum of all numbers, applied and shown.
func (c *counters) totals() (total, shown int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total, c.shown
}

// addTo is add for another machine than the first.
func (c *trio) addTo(id object.MachineID, command string) int64 {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		m, _ := c.leader().machineOf(c.t, id)
		result, err := m.Propose(ctx, []byte(command))
		if err == nil {
			return result.(int64)
		}
		var notLeader *cluster.NotLeader
		if !errors.As(err, &notLeader) {
			c.t.Fatalf("propose %q: %v", command, err)
		}
	}
}

// equalMachines checks that all replicas hold the same of some machines, and that this
// is what was added (invariant 5).
func (c *trio) equalMachines(want map[object.MachineID]int64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for id, sum := range want {
		leading, _ := c.leader().machineOf(c.t, id)
		own, err := leading.TakeChecksum(ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		if own.Keys != 1 {
			c.t.Errorf("machine %d has %d keys, want 1", id, own.Keys)
		}
		for _, r := range c.replicas {
			got, err := leading.Checksum(ctx, r.id, own.Index)
			if err != nil || got != own {
				c.t.Errorf("machine %d on %s is %+v, %v; on its leader %+v", id, r.id, got, err, own)
			}
			_, sm := r.machineOf(c.t, id)
			if total, shown := sm.totals(); total != sum || shown != sum {
				c.t.Errorf("machine %d on %s has %d, shows %d, want %d", id, r.id, total, shown, sum)
			}
		}
	}
}

// Machines share a log, an entry holds commands of several, and each gets its own, and
// its own results, in order; also those that no node has asked for before.
func TestMachinesShareALog(t *testing.T) {
	c := newTrio(t, 3, nil)
	leader := c.leader()
	const machines, each = 5, 200
	want := make(map[object.MachineID]int64)
	var wg sync.WaitGroup
	for i := range machines {
		id := object.MachineID(100 + i)
		want[id] = each * int64(i+1)
		m, _ := leader.machineOf(t, id)
		for range 4 { // several at once, so that entries are shared
			wg.Go(func() {
				for range each / 4 {
					result, err := m.Propose(t.Context(), fmt.Appendf(nil, "x %d", i+1))
					if err != nil || result.(int64)%int64(i+1) != 0 {
						t.Errorf("machine %d: got %v, %v", id, result, err)
					}
				}
			})
		}
	}
	wg.Wait()
	s := leader.group.Status()
	t.Logf("%d commands in %d entries", s.Applied, s.Entries)
	if s.Entries >= s.Applied {
		t.Error("no entry had several commands; the test tests little")
	}
	c.equalMachines(want)
	if leader.host.Machine(102).Group != leader.group.Group || leader.host.Machine(99) != nil {
		t.Error("the host does not know which machines there are")
	}

	for _, id := range c.peers { // what is on disk, and what the log gives once more
		c.crash(id)
	}
	for _, id := range c.peers {
		c.start(id)
	}
	for id := range want {
		c.addTo(id, "x 7")
		want[id] += 7
	}
	c.add("x 1")
	c.equalMachines(want)
	c.equal()
}

// A follower that is too far behind for the log gets the state of all machines at once,
// those that it has never heard of included.
func TestLaggingFollowerGetsAllMachines(t *testing.T) {
	c := newTrio(t, 3, func(_ object.NodeID, cfg *Config) {
		cfg.Limits.SnapshotBytes, cfg.Limits.TrailingBytes, cfg.Limits.TrailingEntries = 64<<10, 16<<10, 10
	})
	leader := c.leader()
	behind := c.follower()
	c.addTo(20, "x 1")
	c.wait("the first write", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	c.stop(behind.id)
	pad := strings.Repeat("p", 1000)
	for range 150 {
		c.addTo(20, "x "+pad)
		c.addTo(21, "x "+pad)
	}
	leader = c.leader()
	if err := leader.group.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := leader.group.Status(); s.FirstIndex <= behind.group.AppliedIndex()+1 {
		t.Fatalf("log still begins at %d", s.FirstIndex)
	}
	behind = c.start(behind.id)
	behind.machineOf(t, 20) // it is open when its content is replaced; 21 is not
	c.wait("catching up", func() bool { return behind.group.AppliedIndex() >= leader.group.AppliedIndex() })
	c.equalMachines(map[object.MachineID]int64{20: 1 + 150*1000, 21: 150 * 1000})
}

// Holds of machines that share a log are of one moment: a write to one that was made
// after one to the other was acknowledged is not seen without it.
func TestHoldsOfMachinesThatShareALog(t *testing.T) {
	c := newTrio(t, 3, nil)
	leader := c.leader()
	first, a := leader.machineOf(t, 30)
	second, b := leader.machineOf(t, 31)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			for _, m := range []*Machine{first, second} {
				if _, err := m.Propose(ctx, []byte("x 1")); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		}
	})
	valid := 0
	for range 200 {
		var x, y int64
		hold, err := second.Hold(ctx, HoldMost, func() (err error) { y, err = b.read("x"); return err })
		if err != nil {
			t.Fatal(err)
		}
		other, err := first.Hold(ctx, HoldMost, func() (err error) { x, err = a.read("x"); return err })
		if err != nil {
			t.Fatal(err)
		}
		if one, two := hold.Release(ctx), other.Release(ctx); !one || !two {
			continue
		}
		valid++
		if x != y && x != y+1 {
			t.Errorf("the first machine has %d, the second %d", x, y)
		}
	}
	cancel()
	wg.Wait()
	if valid == 0 {
		t.Error("no holds were in force; the test tests nothing")
	}
}

// A command for a machine that the node cannot make stops the replica rather than being
// passed over.
func TestUnknownMachineStopsTheReplica(t *testing.T) {
	c := newTrio(t, 1, nil)
	g := c.leader().group
	g.applier.mu.Lock()
	g.applier.make = func(object.MachineID) (StateMachine, error) { return nil, errors.New("there is none") }
	g.applier.mu.Unlock()
	if _, err := g.Machine(40); err == nil {
		t.Error("a machine that cannot be made was opened")
	}
	if _, err := g.propose(t.Context(), Addressed{40, []byte("x 1")}, false); !errors.Is(err, cluster.ErrInterrupted) {
		t.Errorf("the command gave %v", err)
	}
	<-g.Done()
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "there is none") {
		t.Errorf("the replica stopped because of %v", err)
	}
}
