package partitions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// addTo is an update of one object by an amount, which returns the new value.
func addTo(id int, amount int64) *command.Write {
	w := incrementOf(id)
	w.Program = command.EncodeProgram(&command.Program{
		Set: []command.Assignment{{Column: 1, Value: must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(amount), datum.Int4)))}},
		// An account is not overdrawn by more than a lot: the test's writes never fail.
		Project: []expr.Expr{columnN},
	})
	return w
}

// transactionOf has one Write in each of partitions 1, 2, ...; nil for none.
func transactionOf(writes ...*command.Write) *command.Transaction {
	x := &command.Transaction{Patient: true}
	for i, w := range writes {
		if w != nil {
			x.Parts = append(x.Parts, command.Share{Partition: object.PartitionID(i + 1), Part: command.Part{Writes: []*command.Write{w}}})
		}
	}
	return x
}

func mustTransact(t testing.TB, c *Client, x *command.Transaction) []*command.Vote {
	t.Helper()
	votes, err := c.Transact(testContext(t), x)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range votes {
		if !v.Yes() {
			t.Fatalf("vote %d: %+v %+v %+v", i, v.Refusal, v.Err, v.Conflict)
		}
	}
	return votes
}

func valueOf(t testing.TB, c *Client, p object.PartitionID, id int) int64 {
	t.Helper()
	for {
		chunk, err := c.Read(testContext(t), p, pointRead(id))
		if err != nil {
			t.Fatal(err)
		}
		if chunk.Refusal != nil && chunk.Refusal.Reason == command.Awaited {
			continue
		}
		return number(t, chunk.Rows)
	}
}

// fill creates objects 0 to n-1 of each partition: those of partition p are 1000*p and
// on.
func fill(t testing.TB, c *Client, partitions, n int) {
	t.Helper()
	for p := 1; p <= partitions; p++ {
		ids := rangeOf(n)
		for i := range ids {
			ids[i] += 1000 * p
		}
		if r, err := c.Write(testContext(t), object.PartitionID(p), createOf(10, ids...)); err != nil || r.Err != nil || r.Refusal != nil {
			t.Fatalf("%v %+v", err, r)
		}
	}
}

func TestTransactAllOrNothing(t *testing.T) { eachLayout(t, testTransactAllOrNothing) }

func testTransactAllOrNothing(t *testing.T, groups layout) {
	nodes := newClusterIn(t, 3, 3, groups, nil)
	fill(t, nodes[0].client, 3, 2)
	for i, n := range nodes {
		votes := mustTransact(t, n.client, transactionOf(addTo(1000, -1), addTo(2000, 1), addTo(3000, 2)))
		if got := number(t, votes[1].Results[0].Rows); got != int64(i+1) {
			t.Fatalf("returned %d", got)
		}
		for _, reader := range nodes {
			if a, b := valueOf(t, reader.client, 1, 1000), valueOf(t, reader.client, 3, 3000); a != -int64(i+1) || b != 2*int64(i+1) {
				t.Fatalf("node %s reads %d and %d after %d transactions", reader.id, a, b, i+1)
			}
		}
	}
	// One that fails, and one that is refused, leave nothing anywhere.
	zero := addTo(2000, 1)
	zero.Program = command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 1,
		Value: must(expr.NewOperator("/", columnN, expr.NewConst(datum.NewInt(0), datum.Int4)))}}})
	votes, err := nodes[1].client.Transact(testContext(t), transactionOf(addTo(1000, 1), zero, addTo(3000, 1)))
	if err != nil || votes[1].Err == nil || votes[1].Err.Code != "22012" {
		t.Fatalf("%v %+v", err, votes)
	}
	elsewhere := addTo(2999, 1)
	elsewhere.Targets[0].Version = 0
	votes, err = nodes[2].client.Transact(testContext(t), transactionOf(addTo(1000, 1), elsewhere))
	if err != nil || votes[1].Refusal == nil || votes[1].Refusal.Reason != command.Elsewhere {
		t.Fatalf("%v %+v", err, votes)
	}
	if a, b := valueOf(t, nodes[0].client, 1, 1000), valueOf(t, nodes[0].client, 3, 3000); a != -3 || b != 6 {
		t.Fatalf("%d and %d are left", a, b)
	}
	// What was checked and has changed is a conflict that names the object.
	x := transactionOf(addTo(1000, 1), nil, addTo(3000, 1))
	x.Parts[1].Part.Tables = []command.TableVersion{{Table: testTable, Schema: schemaVersion}}
	x.Parts[1].Part.Effects = []command.Effect{{Target: command.Target{ID: idOf(3001), Version: 10}, Revision: 1}}
	votes, err = nodes[0].client.Transact(testContext(t), x)
	if err != nil || votes[1].Conflict == nil || votes[1].Conflict.ID != idOf(3001) {
		t.Fatalf("%v %+v", err, votes[1])
	}
	if got := valueOf(t, nodes[0].client, 1, 1000); got != -3 {
		t.Fatalf("%d is left", got)
	}
	nothingLeft(t, nodes, 3)
}

// nothingLeft waits until no partition knows of a transaction or lock any more.
func nothingLeft(t testing.TB, nodes []*node, partitions int) {
	t.Helper()
	list := make([]object.PartitionID, partitions)
	for i := range list {
		list[i] = object.PartitionID(i + 1)
	}
	eventually(t, "all transactions to be forgotten", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for _, one := range nodes[0].client.inspect(ctx, list, true) {
			if len(one.Transactions) > 0 || len(one.Locks) > 0 {
				return false
			}
		}
		return ctx.Err() == nil
	})
}

// Transfers between few accounts, from all nodes, while leaders come and go: each counts
// once, in both partitions, and every snapshot sees the same sum.
func TestTransfersThroughLeaderChanges(t *testing.T) {
	eachLayout(t, testTransfersThroughLeaderChanges)
}

func testTransfersThroughLeaderChanges(t *testing.T, groups layout) {
	nodes := newClusterIn(t, 3, 2, groups, func(c *Config) { c.RecoverAfter = 500 * time.Millisecond })
	const accounts, clients, each = 3, 6, 30
	fill(t, nodes[0].client, 2, accounts)
	stop := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() { disturb(t, nodes, stop) })
	var snapshots int
	beside.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if sumOf(t, nodes[snapshots%3].client, 2) {
				snapshots++
			}
		}
	})
	moved := make([][2 * accounts]int64, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(i)))
			for range each {
				a, b, amount := random.IntN(accounts), random.IntN(accounts), random.Int64N(100)
				votes, err := nodes[i%3].client.Transact(testContext(t), transactionOf(addTo(1000+a, -amount), addTo(2000+b, amount)))
				if err != nil || !votes[0].Yes() || !votes[1].Yes() {
					t.Errorf("transfer: %v %+v", err, votes)
					return
				}
				moved[i][a] -= amount
				moved[i][accounts+b] += amount
			}
		})
	}
	wg.Wait()
	close(stop)
	beside.Wait()
	for i := range 2 * accounts {
		want := int64(0)
		for c := range moved {
			want += moved[c][i]
		}
		p := i/accounts + 1
		if got := valueOf(t, nodes[0].client, object.PartitionID(p), 1000*p+i%accounts); got != want {
			t.Errorf("account %d of partition %d has %d, want %d", i%accounts, p, got, want)
		}
	}
	t.Logf("%d snapshots, counters %v", snapshots, nodes[0].client.Counters())
	nothingLeft(t, nodes, 2)
}

// disturb moves leadership about, and cuts leaders off.
func disturb(t *testing.T, nodes []*node, stop chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(150 * time.Millisecond):
		}
		n := nodes[i%3]
		if i%2 == 0 {
			r, _ := n.service.replica(object.PartitionID(1 + i/2%2))
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			_ = r.group.(interface {
				TransferLeadership(context.Context, object.NodeID) error
			}).TransferLeadership(ctx, "")
			cancel()
			continue
		}
		n.transport.SetFilter(func(object.NodeID) bool { return false })
		time.Sleep(300 * time.Millisecond)
		n.transport.SetFilter(nil)
	}
}

// sumOf adds all values up in one snapshot, which has to give 0. It reports whether there
// was one.
func sumOf(t testing.TB, c *Client, partitions int) bool {
	list := make([]object.PartitionID, partitions)
	for i := range list {
		list[i] = object.PartitionID(i + 1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := c.Snapshot(ctx, list)
	if err != nil {
		if e := pgerror.As(err); e == nil || e.Code != "40001" {
			t.Errorf("snapshot: %v", err)
		}
		return false
	}
	defer s.Close()
	sum, err := readSum(ctx, s, list)
	if err != nil {
		if e := pgerror.As(err); e == nil || e.Code != "40001" {
			t.Errorf("read of a snapshot: %v", err)
		}
		return false
	}
	if sum != 0 {
		t.Errorf("a snapshot has the sum %d", sum)
	}
	return true
}

func readSum(ctx context.Context, s *Snapshot, list []object.PartitionID) (sum int64, err error) {
	for _, p := range list {
		q := scanRead()
		q.ChunkBytes = 0
		q.Program = command.EncodeProgram(&command.Program{Project: []expr.Expr{columnN}})
		chunk, err := s.Read(ctx, p, q)
		if err != nil {
			return 0, err
		}
		if chunk.Refusal != nil || chunk.Err != nil || !chunk.Cursor.IsZero() {
			return 0, fmt.Errorf("partition %d: %+v", p, chunk)
		}
		for _, row := range chunk.Rows {
			v, err := datum.DecodeTuple(row, nil)
			if err != nil {
				return 0, err
			}
			sum += v[0].Int()
		}
	}
	return sum, nil
}

// A statement that means more than a log entry may do is one all the same.
func TestLargeParts(t *testing.T) { eachLayout(t, testLargeParts) }

func testLargeParts(t *testing.T, groups layout) {
	nodes := newClusterIn(t, 3, 2, groups, nil)
	c := nodes[1].client
	const n = 20_000
	creates := make([]*command.Write, 2)
	for p := range creates {
		ids := rangeOf(n)
		for i := range ids {
			ids[i] += 100_000 * (p + 1)
		}
		creates[p] = createOf(10, ids...)
	}
	votes := mustTransact(t, c, transactionOf(creates...))
	if votes[0].Results[0].Affected != n || votes[1].Results[0].Affected != n {
		t.Fatalf("created %d and %d", votes[0].Results[0].Affected, votes[1].Results[0].Affected)
	}
	all := func() *command.Write {
		w := addTo(0, 1)
		w.Targets, w.Spans = nil, scanRead().Spans
		return w
	}
	for _, x := range []*command.Transaction{transactionOf(all(), all()), transactionOf(all()), transactionOf(nil, all())} {
		for i, v := range mustTransact(t, c, x) {
			if r := v.Results[0]; r.Affected != n || len(r.Rows) != n {
				t.Fatalf("part %d changed %d objects and returned %d", i, r.Affected, len(r.Rows))
			}
		}
	}
	if got := valueOf(t, c, 1, 100_000+n-1); got != 2 {
		t.Fatalf("the last object has %d", got)
	}
	// One that fails at the end of a large part leaves nothing of it, nor of another.
	failing := all()
	distance := must(expr.NewOperator("-", columnID, expr.NewConst(datum.NewInt(200_000+n-1), datum.Int4)))
	failing.Program = command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 1,
		Value: must(expr.NewOperator("/", expr.NewConst(datum.NewInt(9), datum.Int4), distance))}}})
	for _, x := range []*command.Transaction{transactionOf(all(), failing), transactionOf(nil, failing)} {
		votes, err := c.Transact(testContext(t), x)
		if last := votes[len(votes)-1]; err != nil || last.Err == nil || last.Err.Code != "22012" {
			t.Fatalf("%v %+v", err, last)
		}
	}
	if a, b := valueOf(t, c, 1, 100_000), valueOf(t, c, 2, 200_000); a != 2 || b != 2 {
		t.Fatalf("%d and %d after a failure", a, b)
	}
	nothingLeft(t, nodes, 2)
}

// What waits for a lock is withdrawn when its caller does not want it any more, and the
// error says that it had no effect.
func TestWithdrawnWhileWaiting(t *testing.T) {
	nodes := newClusterOf(t, 3, 2, nil)
	fill(t, nodes[0].client, 2, 2)
	holder, c := nodes[0].client, nodes[1].client
	owner := holder.NewTransaction()
	mustLock(t, holder, owner, 2, 2000)
	timeout := pgerror.New(pgerror.LockNotAvailable, "canceling statement due to lock timeout")
	soon := func() (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(context.Background(), 100*time.Millisecond, timeout)
	}
	for what, f := range map[string]func(context.Context) error{
		"write": func(ctx context.Context) error { _, err := c.Write(ctx, 2, addTo(2000, 1)); return err },
		"transaction of one partition": func(ctx context.Context) error {
			_, err := c.Transact(ctx, transactionOf(nil, addTo(2000, 1)))
			return err
		},
		"transaction of two": func(ctx context.Context) error {
			_, err := c.Transact(ctx, transactionOf(addTo(1000, 1), addTo(2000, 1)))
			return err
		},
		"lock": func(ctx context.Context) error {
			other := c.NewTransaction()
			defer c.Unlock(other)
			_, err := c.Lock(ctx, 2, lockOf(other, 2000))
			return err
		},
	} {
		ctx, cancel := soon()
		err := f(ctx)
		cancel()
		if !errors.Is(err, timeout) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// One that holds locks itself is told after a while.
	x := transactionOf(addTo(1000, 1), addTo(2000, 1))
	x.Patient = false
	votes, err := c.Transact(testContext(t), x)
	if err != nil || votes[1].Refusal == nil || votes[1].Refusal.Reason != command.Locked || votes[1].Conflict == nil || votes[1].Conflict.ID != idOf(2000) {
		t.Errorf("%v %+v", err, votes[1])
	}
	// The owner passes its own locks, and gives them up by that.
	x = transactionOf(addTo(1000, 5), addTo(2000, 5))
	x.Owner = owner
	var waiting sync.WaitGroup
	waiting.Go(func() { mustTransact(t, c, transactionOf(addTo(1000, 1), addTo(2000, 1))) })
	waiting.Go(func() {
		if r, err := c.Write(testContext(t), 2, addTo(2000, 1)); err != nil || r.Affected != 1 {
			t.Errorf("%v %+v", err, r)
		}
	})
	mustTransact(t, holder, x)
	waiting.Wait()
	holder.Unlock(owner)
	if a, b := valueOf(t, c, 1, 1000), valueOf(t, c, 2, 2000); a != 6 || b != 7 {
		t.Errorf("%d and %d", a, b)
	}
	nothingLeft(t, nodes, 2)
}

func lockOf(owner object.TransactionID, id int) *command.Lock {
	return &command.Lock{
		Owner: owner, Table: testTable, Schema: schemaVersion, Mode: command.LockUpdate,
		Targets: []command.Target{{ID: idOf(id), Version: 10}},
		Program: command.EncodeProgram(&command.Program{Project: []expr.Expr{columnN}}),
	}
}

func mustLock(t testing.TB, c *Client, owner object.TransactionID, p object.PartitionID, id int) {
	t.Helper()
	g, err := c.Lock(testContext(t), p, lockOf(owner, id))
	if err != nil || g.Refusal != nil || g.Err != nil || len(g.Rows) != 1 {
		t.Fatalf("lock: %v %+v", err, g)
	}
}

// Sessions that wait for each other: one of them is told, the other goes on.
func TestDeadlock(t *testing.T) {
	nodes := newClusterOf(t, 3, 2, nil)
	fill(t, nodes[0].client, 2, 1)
	a, b := nodes[0].client, nodes[1].client
	ownerA, ownerB := a.NewTransaction(), b.NewTransaction()
	mustLock(t, a, ownerA, 1, 1000)
	mustLock(t, b, ownerB, 2, 2000)
	errs := make(chan error, 2)
	var wg sync.WaitGroup
	for _, one := range []struct {
		c     *Client
		owner object.TransactionID
		p     object.PartitionID
		id    int
	}{{a, ownerA, 2, 2000}, {b, ownerB, 1, 1000}} {
		wg.Go(func() {
			_, err := one.c.Lock(testContext(t), one.p, lockOf(one.owner, one.id))
			one.c.Unlock(one.owner)
			errs <- err
		})
	}
	wg.Wait()
	lost := 0
	for range 2 {
		err := <-errs
		if e := pgerror.As(err); e != nil && e.Code == pgerror.DeadlockDetected {
			lost++
		} else if err != nil {
			t.Error(err)
		}
	}
	if lost != 1 {
		t.Errorf("%d sessions were told of a deadlock", lost)
	}
	nothingLeft(t, nodes, 2)
}

// lateAnswers is a network that keeps what it was answered for a while.
type lateAnswers struct {
	Network
	after time.Duration
}

func (n lateAnswers) Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error) {
	answer, err := n.Network.Call(ctx, to, method, req)
	select {
	case <-time.After(n.after):
		return answer, err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", cluster.ErrInterrupted, ctx.Err())
	}
}

// What does not wait for a lock is not given up when its time to wait is over: a part
// may take long, and what it returned would be lost.
func TestSlowIsNotWaiting(t *testing.T) {
	nodes := newClusterOf(t, 1, 1, nil)
	fill(t, nodes[0].client, 1, 1)
	c, err := NewClient(ClientConfig{
		Incarnation: 2, Grace: time.Millisecond, Replicas: func(object.PartitionID) []object.NodeID { return []object.NodeID{"a"} },
	}, lateAnswers{nodes[0].transport, 150 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := &command.Prepare{
		Transaction: c.NewTransaction(), Participants: []object.PartitionID{1}, Wait: true, Part: transactionOf(addTo(1000, 1)).Parts[0].Part,
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	outcome, err := c.sendWaiting(ctx, testContext(t), 1, body)
	if vote, ok := outcome.(*command.Vote); err != nil || !ok || !vote.Yes() {
		t.Fatalf("%v %+v", err, outcome)
	}
	if got := valueOf(t, nodes[0].client, 1, 1000); got != 1 {
		t.Fatalf("the object has %d", got)
	}
}
