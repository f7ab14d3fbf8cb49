package partitions

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

func TestWriteAndReadFromAnyNode(t *testing.T) {
	nodes := newCluster(t, 3, nil)
	mustWrite(t, nodes[0].client, createOf(10, 1))
	for i, n := range nodes {
		if got := number(t, mustWrite(t, n.client, incrementOf(1)).Rows); got != int64(i+1) {
			t.Fatalf("node %s: n is %d, want %d", n.id, got, i+1)
		}
		for _, reader := range nodes {
			chunk, err := reader.client.Read(testContext(t), testPartition, pointRead(1))
			if err != nil {
				t.Fatal(err)
			}
			if got := number(t, chunk.Rows); got != int64(i+1) {
				t.Fatalf("read at %s: %d, want %d", reader.id, got, i+1)
			}
		}
	}
	stale := pointRead(1)
	stale.MaxStaleness = 10_000
	for _, n := range nodes {
		eventually(t, "a stale read of the newest value", func() bool {
			chunk, err := n.client.Read(testContext(t), testPartition, stale)
			return err == nil && len(chunk.Rows) == 1 && number(t, chunk.Rows) == 3
		})
	}
}

func TestCursors(t *testing.T) {
	nodes := newCluster(t, 3, nil)
	mustWrite(t, nodes[0].client, createOf(10, rangeOf(200)...))
	for _, n := range nodes {
		ids, chunks := scanAll(t, n.client, scanRead())
		if len(ids) != 200 || chunks < 5 {
			t.Fatalf("node %s: %d rows in %d chunks", n.id, len(ids), chunks)
		}
		for i, id := range ids {
			if id != int64(i) {
				t.Fatalf("row %d is %d", i, id)
			}
		}
		reverse := scanRead()
		reverse.Reverse, reverse.Limit = true, 150
		ids, _ = scanAll(t, n.client, reverse)
		if len(ids) != 150 || ids[0] != 199 || ids[149] != 50 {
			t.Fatalf("reverse: %d rows, %v", len(ids), ids)
		}
	}
	// A cursor reads the state as it was, also while that changes; closed, it is gone.
	for _, n := range nodes {
		chunk, err := n.client.Read(testContext(t), testPartition, scanRead())
		if err != nil {
			t.Fatal(err)
		}
		n.client.CloseCursor(testPartition, chunk.Cursor)
		eventually(t, "the cursor to be closed", func() bool {
			open := 0
			for _, n := range nodes {
				open += n.service.cursors.count()
			}
			return open == 0
		})
		_, err = n.client.Next(testContext(t), testPartition, chunk.Cursor)
		if e := pgerror.As(err); e == nil || e.Code != "40001" {
			t.Fatalf("next of a closed cursor: %v", err)
		}
	}
	chunk, err := nodes[0].client.Read(testContext(t), testPartition, scanRead())
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, nodes[1].client, &command.Write{Kind: command.Delete, Table: testTable, Schema: schemaVersion, Spans: scanRead().Spans})
	rows := len(chunk.Rows)
	for !chunk.Cursor.IsZero() {
		if chunk, err = nodes[0].client.Next(testContext(t), testPartition, chunk.Cursor); err != nil {
			t.Fatal(err)
		}
		rows += len(chunk.Rows)
	}
	if rows != 200 {
		t.Fatalf("%d rows of the snapshot", rows)
	}
}

func TestCursorsAreBoundedAndExpire(t *testing.T) {
	nodes := newCluster(t, 1, func(c *Config) { c.Cursors, c.CursorIdle = 2, 10*time.Millisecond })
	c := nodes[0].client
	mustWrite(t, c, createOf(10, rangeOf(200)...))
	for range 2 {
		if _, err := c.Read(testContext(t), testPartition, scanRead()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Read(testContext(t), testPartition, scanRead())
	if e := pgerror.As(err); e == nil || e.Code != "53400" {
		t.Fatalf("one more: %v", err)
	}
	eventually(t, "idle cursors to be closed", func() bool { return nodes[0].service.cursors.count() == 0 })
}

// Commands are retried under one id while leaders come and go: each increment
// counts once, and what was acknowledged is there.
func TestAtMostOnceThroughLeaderChanges(t *testing.T) {
	nodes := newCluster(t, 3, nil)
	mustWrite(t, nodes[0].client, createOf(10, 1))
	const clients, each = 6, 40
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for range each {
				r, err := nodes[i%3].client.Write(testContext(t), testPartition, incrementOf(1))
				if err != nil || r.Err != nil || r.Refusal != nil {
					t.Errorf("write: %v %+v", err, r)
					return
				}
			}
		})
	}
	stop := make(chan struct{})
	var changes sync.WaitGroup
	changes.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			leader := leaderOf(t, nodes)
			if i%2 == 0 {
				r, _ := leader.service.replica(testPartition)
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				_ = r.group.(interface {
					TransferLeadership(context.Context, object.NodeID) error
				}).TransferLeadership(ctx, "")
				cancel()
				continue
			}
			leader.transport.SetFilter(func(object.NodeID) bool { return false })
			time.Sleep(300 * time.Millisecond)
			leader.transport.SetFilter(nil)
		}
	})
	wg.Wait()
	close(stop)
	changes.Wait()
	chunk, err := nodes[0].client.Read(testContext(t), testPartition, pointRead(1))
	if err != nil {
		t.Fatal(err)
	}
	if got := number(t, chunk.Rows); got != clients*each {
		t.Fatalf("n is %d after %d increments", got, clients*each)
	}
}

// Without a majority a command that was handed to a leader is of unknown effect,
// and one that found no leader had none.
func TestErrorsSayWhetherItTookEffect(t *testing.T) {
	nodes := newCluster(t, 3, nil)
	mustWrite(t, nodes[0].client, createOf(10, 1))
	leader := leaderOf(t, nodes)
	for _, n := range nodes {
		n.transport.SetFilter(func(object.NodeID) bool { return false })
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := leader.client.Write(ctx, testPartition, incrementOf(1))
	if e := pgerror.As(err); e == nil || e.Code != "40003" {
		t.Errorf("at the leader: %v", err)
	}
	eventually(t, "the leader to step down", func() bool {
		r, _ := leader.service.replica(testPartition)
		return !r.group.IsLeader()
	})
	ctx, cancel = context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err = leader.client.Write(ctx, testPartition, incrementOf(1))
	if e := pgerror.As(err); e == nil || e.Code != "40001" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a leader: %v", err)
	}
	for _, n := range nodes {
		n.transport.SetFilter(nil)
	}
	mustWrite(t, nodes[0].client, incrementOf(1))
}

// A command for an object that is on its way waits for it, within bounds.
func TestParking(t *testing.T) {
	nodes := newCluster(t, 1, func(c *Config) { c.ParkedTime = 50 * time.Millisecond })
	n := nodes[0]
	early := incrementOf(1)
	early.Targets[0].Version, early.Targets[0].Arriving = 20, true
	r, err := n.client.Write(testContext(t), testPartition, early)
	if err != nil || r.Refusal == nil || r.Refusal.Reason != command.Awaited {
		t.Fatalf("nothing comes: %v %+v", err, r)
	}
	read := pointRead(1)
	read.Targets[0].Version, read.Targets[0].Arriving = 20, true
	chunk, err := n.client.Read(testContext(t), testPartition, read)
	if err != nil || chunk.Refusal == nil || chunk.Refusal.Reason != command.Awaited {
		t.Fatalf("nothing comes: %v %+v", err, chunk)
	}

	n.service.cfg.ParkedTime = 20 * time.Second
	rep, err := n.service.replica(testPartition)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if r, err := n.client.Write(testContext(t), testPartition, early); err != nil || r.Affected != 1 {
			t.Errorf("parked write: %v %+v", err, r)
		}
	})
	wg.Go(func() {
		if chunk, err := n.client.Read(testContext(t), testPartition, read); err != nil || len(chunk.Rows) != 1 {
			t.Errorf("parked read: %v %+v", err, chunk)
		}
	})
	eventually(t, "both to be parked", func() bool { return rep.parked.Load() == 2 })
	row := createOf(10, 1).Targets[0].Row
	outcome, err := n.client.Execute(testContext(t), testPartition,
		&command.Arrive{Move: 20, Objects: []command.Arrival{{ID: idOf(1), Row: row}}})
	if err != nil || outcome.(*command.Result).Affected != 1 {
		t.Fatalf("arrive: %v %+v", err, outcome)
	}
	wg.Wait()
	// At the bound of the parked there is no waiting.
	n.service.cfg.ParkedCommands = -1
	early.Targets[0].ID = idOf(2)
	r, err = n.client.Write(testContext(t), testPartition, early)
	if err != nil || r.Refusal == nil {
		t.Fatalf("at the bound: %v %+v", err, r)
	}
}

// A long statement is carried out in parts; the client sees one result.
func TestLongDelete(t *testing.T) {
	nodes := newCluster(t, 1, nil)
	c := nodes[0].client
	const n = 40_000
	for i := 0; i < n; i += 2000 {
		ids := rangeOf(2000)
		for j := range ids {
			ids[j] += i
		}
		mustWrite(t, c, createOf(10, ids...))
	}
	status, err := c.Status(testContext(t), testPartition)
	if err != nil || status.Size.Objects != n || !status.Leading || len(status.Replicas) != 1 {
		t.Fatalf("status: %v %+v", err, status)
	}
	// A part that fails tells what those before it did.
	failing := incrementOf(1)
	failing.Targets, failing.Spans = nil, scanRead().Spans
	distance := must(expr.NewOperator("-", columnID, expr.NewConst(datum.NewInt(n-1), datum.Int4)))
	failing.Program = command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 1,
		Value: must(expr.NewOperator("/", expr.NewConst(datum.NewInt(9), datum.Int4), distance))}}})
	failed, err := c.Write(testContext(t), testPartition, failing)
	if err != nil || failed.Err == nil || failed.Err.Code != "22012" || !strings.Contains(failed.Err.Detail, "objects of the partition were changed before") {
		t.Fatalf("failing update: %v %+v", err, failed)
	}
	r := mustWrite(t, c, &command.Write{Kind: command.Delete, Table: testTable, Schema: schemaVersion, Spans: scanRead().Spans})
	if r.Affected != n || r.Rest != nil {
		t.Fatalf("deleted %d", r.Affected)
	}
	if status = nodes[0].service.Status()[0]; status.Size.Objects != 0 || status.Markers != n {
		t.Fatalf("status: %+v", status)
	}
}

func TestExecuteRefusesWhatReplicasCannotDecode(t *testing.T) {
	nodes := newCluster(t, 1, nil)
	c := nodes[0].client
	if _, err := c.Execute(testContext(t), testPartition, &command.InstallTable{}); err == nil {
		t.Fatal("a table without a descriptor was installed")
	}
	if _, err := c.Write(testContext(t), testPartition, &command.Write{Kind: 9}); err == nil {
		t.Fatal("an unknown kind of write was executed")
	}
	mustWrite(t, c, createOf(10, 1))
	for _, req := range [][]byte{nil, {7}, {0}, {0, 1}, {0, 1, 2, 3}, {1, 0}} {
		if _, err := nodes[0].transport.Call(testContext(t), nodes[0].id, methodExecute, req); err == nil {
			t.Errorf("call %x was executed", req)
		}
		if _, err := nodes[0].transport.Call(testContext(t), nodes[0].id, methodRead, req); err == nil {
			t.Errorf("read %x was answered", req)
		}
	}
	if r := mustWrite(t, c, incrementOf(1)); r.Affected != 1 {
		t.Fatal("the partition does not go on")
	}
}
