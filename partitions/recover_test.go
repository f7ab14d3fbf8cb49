package partitions

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// A coordinator dies at each step of a transaction over two partitions. Whoever leads
// the participants finds out what became of it: all or nothing, in both.
func TestRecoveryAtEachStep(t *testing.T) {
	nodes := newClusterOf(t, 3, 2, func(c *Config) { c.RecoverAfter = 200 * time.Millisecond })
	fill(t, nodes[0].client, 2, 1)
	c := nodes[0].client
	parts := []object.PartitionID{1, 2}
	sequence := uint64(0)
	total := int64(0)
	for _, one := range []struct {
		what              string
		prepared, partial []object.PartitionID
		concluded         []object.PartitionID
		commits           bool
	}{
		{what: "nothing"},
		{what: "one prepared", prepared: parts[:1]},
		{what: "the other prepared", prepared: parts[1:]},
		{what: "one prepared, one in part", prepared: parts[:1], partial: parts[1:]},
		{what: "in part", partial: parts},
		{what: "both prepared", prepared: parts, commits: true},
		{what: "one told of the commit", prepared: parts, concluded: parts[:1], commits: true},
		{what: "the other told of the commit", prepared: parts, concluded: parts[1:], commits: true},
		{what: "both told, not to forget", prepared: parts, concluded: parts, commits: true},
	} {
		for _, gone := range []object.TransactionID{
			{Node: nodes[1].id, Incarnation: 0}, // an earlier start of a node that is there
			{Node: nodes[1].id, Incarnation: 1}, // one that has given up
		} {
			sequence++
			gone.Sequence = 1_000_000 + sequence
			prepare := func(p object.PartitionID, more bool) {
				outcome, err := c.Execute(testContext(t), p, &command.Prepare{
					Transaction: gone, Participants: parts, More: more, Part: command.Part{Writes: []*command.Write{addTo(1000*int(p), 1)}},
				})
				if vote, ok := outcome.(*command.Vote); err != nil || !ok || !vote.Yes() {
					t.Fatalf("%s: %v %+v", one.what, err, outcome)
				}
			}
			for _, p := range one.prepared {
				prepare(p, false)
			}
			for _, p := range one.partial {
				prepare(p, true)
			}
			for _, p := range one.concluded {
				if _, err := c.Execute(testContext(t), p, &command.Conclude{Commit: []object.TransactionID{gone}}); err != nil {
					t.Fatal(err)
				}
			}
			if one.commits {
				total++
			}
			// Reads wait until it is decided.
			if a, b := valueOf(t, c, 1, 1000), valueOf(t, c, 2, 2000); a != total || b != total {
				t.Fatalf("%s: %d and %d, want %d", one.what, a, b, total)
			}
			nothingLeft(t, nodes, 2)
		}
	}
}

// A transaction that its coordinator still has is left to it.
func TestCoordinatorsAreAsked(t *testing.T) {
	nodes := newClusterOf(t, 3, 2, func(c *Config) { c.RecoverAfter = 50 * time.Millisecond })
	fill(t, nodes[0].client, 2, 1)
	c := nodes[1].client
	x := c.newTransaction(context.Background(), []object.PartitionID{1, 2}, nil)
	x.shares = nil
	x.register()
	if _, err := c.Execute(testContext(t), 1, &command.Prepare{
		Transaction: x.id, Participants: x.participants, Part: command.Part{Writes: []*command.Write{addTo(1000, 1)}},
	}); err != nil {
		t.Fatal(err)
	}
	state := func() command.TransactionState {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for _, one := range c.Transactions(ctx, []object.PartitionID{1}) {
			if one.ID == x.id && one.Age > 500*time.Millisecond {
				return one.State
			}
		}
		return command.TransactionUnknown
	}
	eventually(t, "the leader to have it for ten times RecoverAfter", func() bool { return state() == command.TransactionPrepared })
	x.unregister()
	nothingLeft(t, nodes, 2)
	if got := valueOf(t, c, 1, 1000); got != 0 {
		t.Errorf("%d after an abort", got)
	}
	if nodes[0].client.counters.recovered.Load()+nodes[1].client.counters.recovered.Load()+nodes[2].client.counters.recovered.Load() == 0 {
		t.Error("no recovery was counted")
	}
}

// Locks go with their session, and with its node.
func TestLocksEnd(t *testing.T) {
	nodes := newClusterOf(t, 3, 1, func(c *Config) { c.RecoverAfter = 200 * time.Millisecond })
	fill(t, nodes[0].client, 1, 3)
	leader := leaderOf(t, nodes)
	var others []*node
	for _, n := range nodes {
		if n != leader {
			others = append(others, n)
		}
	}
	c := others[0].client
	// One whose session is gone without a word.
	owner := c.NewTransaction()
	mustLock(t, c, owner, 1, 1000)
	c.sessions.mu.Lock()
	delete(c.sessions.locked, owner.Sequence)
	c.sessions.mu.Unlock()
	if r, err := leader.client.Write(testContext(t), 1, addTo(1000, 1)); err != nil || r.Affected != 1 {
		t.Fatalf("%v %+v", err, r)
	}
	if _, err := c.Lock(testContext(t), 1, lockOf(owner, 1001)); err == nil {
		t.Fatal("a session that is over has locked something")
	}
	// One that is there keeps its locks.
	kept, other := c.NewTransaction(), others[1].client.NewTransaction()
	mustLock(t, c, kept, 1, 1001)
	fails := lockOf(other, 1001)
	fails.Wait = command.LockFails
	skips := lockOf(other, 1001)
	skips.Wait, skips.Targets = command.LockSkips, append(skips.Targets, command.Target{ID: idOf(1002), Version: 10})
	eventually(t, "the leader to have asked for it several times", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		list := c.Transactions(ctx, []object.PartitionID{1})
		return len(list) == 1 && list[0].Age > 5*200*time.Millisecond
	})
	if g, err := others[1].client.Lock(testContext(t), 1, fails); err != nil || g.Refusal == nil || g.Refusal.Reason != command.Locked || g.Conflict.ID != idOf(1001) {
		t.Fatalf("%v %+v", err, g)
	}
	if g, err := others[1].client.Lock(testContext(t), 1, skips); err != nil || len(g.Rows) != 1 || len(g.Skipped) != 1 || g.At[0] != 1 {
		t.Fatalf("%v %+v", err, g)
	}
	others[1].client.Unlock(other)
	// Its node is cut off.
	others[0].transport.SetFilter(func(object.NodeID) bool { return false })
	if r, err := leader.client.Write(testContext(t), 1, addTo(1001, 1)); err != nil || r.Affected != 1 {
		t.Fatalf("%v %+v", err, r)
	}
	others[0].transport.SetFilter(nil)
	nothingLeft(t, []*node{leader}, 1)
}

// A node that dies with transactions under way leaves nothing behind, and nothing by
// halves.
func TestNodesDieAsCoordinators(t *testing.T) {
	nodes := newClusterOf(t, 4, 2, func(c *Config) { c.RecoverAfter = 200 * time.Millisecond })
	fill(t, nodes[0].client, 2, 8)
	dying := nodes[3]
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
				_, _ = dying.client.Transact(ctx, transactionOf(addTo(1000+i%4, -1), addTo(2000+i%3, 1)))
				cancel()
			}
		})
	}
	eventually(t, "some transactions", func() bool { return dying.client.counters.severalPartitions.Load() > 200 })
	dying.transport.SetFilter(func(object.NodeID) bool { return false })
	close(stop)
	clients.Wait()
	eventually(t, "all to be decided", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for _, one := range nodes[0].client.Transactions(ctx, []object.PartitionID{1, 2}) {
			if one.State != command.TransactionCommitted { // these are kept as long as it may ask
				return false
			}
		}
		return ctx.Err() == nil
	})
	if !sumOf(t, nodes[0].client, 2) {
		t.Error("no snapshot")
	}
	dying.transport.SetFilter(nil)
	nothingLeft(t, nodes[:3], 2)
}

func TestMalformedCallsAreRefused(t *testing.T) {
	n := newCluster(t, 1, nil)[0]
	for _, method := range []uint16{methodEvaluate, methodValidate, methodPin, methodRelease, methodArrived, methodTransactions, methodKnows} {
		for _, req := range [][]byte{nil, {0}, {1, 200}, {1, 1}, {2, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []byte(fmt.Sprint(method))} {
			answer, err := n.transport.Call(testContext(t), n.id, method, req)
			if err == nil && !(method == methodKnows && req != nil && req[0] == 0) && !(method == methodTransactions && len(req) == 2) && len(req) > 0 && req[0] != 0 {
				t.Errorf("method %x took %x: %x", method, req, answer)
			}
		}
	}
	for _, x := range []*command.Transaction{
		{Parts: []command.Share{{}}},
		{Parts: []command.Share{{Partition: 1}, {Partition: 1}}},
		{Parts: []command.Share{{Partition: 1, Part: command.Part{Effects: []command.Effect{{Kind: 9}}}}}},
	} {
		if _, err := n.client.Transact(testContext(t), x); err == nil {
			t.Errorf("%+v was executed", x)
		}
	}
}
