package partitions

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

func mustSnapshot(t testing.TB, c *Client, parts ...object.PartitionID) *Snapshot {
	t.Helper()
	s, err := c.Snapshot(testContext(t), parts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// valuesIn returns the values of all objects of a partition in a snapshot, by id.
func valuesIn(t testing.TB, s *Snapshot, p object.PartitionID) map[int64]int64 {
	t.Helper()
	q := scanRead()
	q.ChunkBytes = 0
	q.Program = command.EncodeProgram(&command.Program{Project: []expr.Expr{columnID, columnN}})
	chunk, err := s.Read(testContext(t), p, q)
	if err != nil || chunk.Refusal != nil || chunk.Err != nil {
		t.Fatalf("%v %+v", err, chunk)
	}
	values := make(map[int64]int64)
	for _, row := range chunk.Rows {
		v, err := datum.DecodeTuple(row, nil)
		if err != nil {
			t.Fatal(err)
		}
		values[v[0].Int()] = v[1].Int()
	}
	return values
}

// A snapshot has everything that was acknowledged before it, and nothing after.
func TestSnapshotsAreOfOneInstant(t *testing.T) {
	nodes := newClusterOf(t, 3, 3, nil)
	fill(t, nodes[0].client, 3, 2)
	for i, n := range nodes {
		if r, err := nodes[(i+1)%3].client.Write(testContext(t), 2, addTo(2000, 1)); err != nil || r.Affected != 1 {
			t.Fatal(err)
		}
		s := mustSnapshot(t, n.client, 3, 1, 2, 1)
		mustTransact(t, nodes[0].client, transactionOf(addTo(1000, 1), addTo(2001, 1), addTo(3000, 1)))
		if a, b, c := valuesIn(t, s, 1), valuesIn(t, s, 2), valuesIn(t, s, 3); a[1000] != int64(i) || b[2000] != int64(i+1) || b[2001] != int64(i) || c[3000] != int64(i) {
			t.Fatalf("node %s: %v %v %v", n.id, a, b, c)
		}
		if e, err := s.Evaluate(testContext(t), 2, &command.Evaluate{Write: addTo(2001, 10)}); err != nil || e.Result == nil || number(t, e.Result.Rows) != int64(i+10) {
			t.Fatalf("%v %+v", err, e)
		}
		s.Close()
		s.Close()
		eventually(t, "the snapshot to be let go", func() bool {
			return nodes[0].service.pins.count()+nodes[1].service.pins.count()+nodes[2].service.pins.count() == 0
		})
		_, err := s.Read(testContext(t), 1, scanRead())
		if e := pgerror.As(err); e == nil || e.Code != "40001" {
			t.Fatalf("read of a closed snapshot: %v", err)
		}
	}
	if s, err := nodes[0].client.Snapshot(testContext(t), nil); err != nil {
		t.Fatal(err)
	} else if _, err := s.Read(testContext(t), 1, scanRead()); err == nil {
		t.Fatal("a partition that is not in the snapshot was read")
	}
}

// A transaction that is prepared counts if and only if all its participants have it
// prepared or committed; those that were not asked for are asked.
func TestSnapshotsDecidePrepared(t *testing.T) {
	nodes := newClusterOf(t, 3, 3, func(c *Config) { c.RecoverAfter = time.Hour })
	fill(t, nodes[0].client, 3, 4)
	c := nodes[0].client
	prepare := func(id object.TransactionID, participants []object.PartitionID, object int, at ...object.PartitionID) {
		for _, p := range at {
			outcome, err := c.Execute(testContext(t), p, &command.Prepare{
				Transaction: id, Participants: participants, Part: command.Part{Writes: []*command.Write{addTo(1000*int(p)+object, 1)}},
			})
			if vote, ok := outcome.(*command.Vote); err != nil || !ok || !vote.Yes() {
				t.Fatalf("%v %+v", err, outcome)
			}
		}
	}
	two := []object.PartitionID{1, 2}
	half := object.TransactionID{Node: "x", Incarnation: 1, Sequence: 1}
	whole := object.TransactionID{Node: "x", Incarnation: 1, Sequence: 2}
	told := object.TransactionID{Node: "x", Incarnation: 1, Sequence: 3}
	prepare(half, two, 0, 1)
	prepare(whole, two, 1, two...)
	prepare(told, two, 2, two...)
	if _, err := c.Execute(testContext(t), 2, &command.Conclude{Commit: []object.TransactionID{told}}); err != nil {
		t.Fatal(err)
	}
	for _, parts := range [][]object.PartitionID{{1, 2}, {1, 2, 3}, {1}, {1, 3}} {
		s := mustSnapshot(t, nodes[1].client, parts...)
		a := valuesIn(t, s, 1)
		if a[1000] != 0 || a[1001] != 1 || a[1002] != 1 {
			t.Errorf("%v: %v", parts, a)
		}
		if !s.Includes(2) {
			t.Errorf("%v: the other participant was not asked", parts)
		}
		if b := valuesIn(t, s, 2); b[2000] != 0 || b[2001] != 1 || b[2002] != 1 {
			t.Errorf("%v: %v", parts, b)
		}
	}
	if s := mustSnapshot(t, nodes[2].client, 3); s.Includes(1) || s.Includes(2) {
		t.Error("partitions were asked that nothing asks for")
	}
	before := mustSnapshot(t, c, 1, 2)
	prepare(half, two, 0, 2)
	after := mustSnapshot(t, c, 1, 2)
	if got := valuesIn(t, before, 1)[1000]; got != 0 {
		t.Errorf("%d before it was prepared everywhere", got)
	}
	if a, b := valuesIn(t, after, 1)[1000], valuesIn(t, after, 2)[2000]; a != 1 || b != 1 {
		t.Errorf("%d and %d after it was", a, b)
	}
	conclude := &command.Conclude{Commit: []object.TransactionID{half, whole, told}}
	for _, p := range two {
		if _, err := c.Execute(testContext(t), p, conclude); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := valuesIn(t, after, 1), valuesIn(t, before, 1); a[1000] != 1 || a[1001] != 1 || b[1000] != 0 || b[1001] != 1 {
		t.Errorf("after all was concluded: %v, %v", a, b)
	}
}

// An object in transit is in a snapshot once, wherever the move stands.
func TestSnapshotsHaveObjectsInTransit(t *testing.T) {
	nodes := newClusterOf(t, 3, 3, nil)
	fill(t, nodes[0].client, 3, 2)
	c := nodes[0].client
	const moved = 1001
	count := func(what string, parts ...object.PartitionID) {
		t.Helper()
		s := mustSnapshot(t, nodes[1].client, parts...)
		defer s.Close()
		found := 0
		for _, p := range []object.PartitionID{1, 2, 3} {
			if !s.Includes(p) {
				continue
			}
			if v, ok := valuesIn(t, s, p)[moved]; ok {
				if found++; v != 7 {
					t.Errorf("%s: partition %d has the value %d", what, p, v)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s, from %v: it is there %d times", what, parts, found)
		}
	}
	if _, err := c.Write(testContext(t), 1, addTo(moved, 7)); err != nil {
		t.Fatal(err)
	}
	count("before", 1, 2, 3)
	outcome, err := c.Execute(testContext(t), 1, &command.Depart{Move: 20, To: 2, Objects: []object.ID{idOf(moved)}})
	departed, ok := outcome.(*command.Departed)
	if err != nil || !ok || !departed.Objects[0].Gone {
		t.Fatalf("%v %+v", err, outcome)
	}
	old := mustSnapshot(t, c, 1, 2)
	count("departed", 1, 2)
	count("departed", 1, 3)
	arrival := command.Arrival{ID: idOf(moved), Row: departed.Objects[0].Row, Revision: departed.Objects[0].Revision}
	if _, err := c.Execute(testContext(t), 2, &command.Arrive{Move: 20, Objects: []command.Arrival{arrival}}); err != nil {
		t.Fatal(err)
	}
	count("arrived", 1, 2)
	count("arrived", 1, 2, 3)
	if _, err := c.Execute(testContext(t), 1, &command.Settle{Moves: []object.LocationVersion{20}}); err != nil {
		t.Fatal(err)
	}
	count("settled", 1, 2)
	if v, found := valuesIn(t, old, 1)[moved]; !found || v != 7 {
		t.Error("the snapshot of before has lost it")
	}
}

// Writers that run in an order over the partitions: a snapshot that has a later one has
// all before it. Snapshots are taken all the while, from all nodes.
func TestSnapshotsKeepRealTimeOrder(t *testing.T) {
	nodes := newClusterOf(t, 3, 3, nil)
	fill(t, nodes[0].client, 3, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	written := 0
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			p := i%3 + 1
			if r, err := nodes[i%2].client.Write(testContext(t), object.PartitionID(p), addTo(1000*p, 1)); err != nil || r.Affected != 1 {
				t.Errorf("%v %+v", err, r)
				return
			}
			written++
		}
	})
	taken := make([]int, 3)
	for i, n := range nodes {
		wg.Go(func() {
			for ctx.Err() == nil {
				s, err := n.client.Snapshot(testContext(t), []object.PartitionID{1, 2, 3})
				if err != nil {
					t.Error(err)
					return
				}
				a, b, c := valuesIn(t, s, 1)[1000], valuesIn(t, s, 2)[2000], valuesIn(t, s, 3)[3000]
				if a < b || b < c || c < a-1 {
					t.Errorf("a snapshot has %d, %d, %d", a, b, c)
				}
				s.Close()
				taken[i]++
			}
		})
	}
	wg.Wait()
	t.Logf("%d writes, snapshots %v, %v", written, taken, nodes[0].client.Counters())
}

func TestPinsAreBoundedAndExpire(t *testing.T) {
	n := newClusterOf(t, 1, 2, func(c *Config) { c.Pins, c.PinIdle = 3, 10*time.Millisecond })[0]
	fill(t, n.client, 2, 1)
	s := mustSnapshot(t, n.client, 1, 2)
	_, err := n.client.Snapshot(testContext(t), []object.PartitionID{1, 2})
	if e := pgerror.As(err); e == nil || e.Code != "53400" {
		t.Fatalf("one more: %v", err)
	}
	eventually(t, "idle snapshots to be let go", func() bool { return n.service.pins.count() == 0 })
	_, err = s.Read(testContext(t), 1, scanRead())
	if e := pgerror.As(err); e == nil || e.Code != "40001" {
		t.Fatalf("read of a snapshot that is gone: %v", err)
	}
}
