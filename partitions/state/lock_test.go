package state

import (
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
)

// locks is SELECT n ... WHERE n < 100 FOR UPDATE.
func locksOn(owner int, wait command.LockWait, ids ...int) *command.Lock {
	b := &command.Lock{Owner: tx(owner), Table: directoryTable, Schema: schemaVersion, Mode: command.LockUpdate, Wait: wait,
		Program: command.EncodeProgram(&command.Program{
			Filter:  must(expr.NewOperator("<", columnN, expr.NewConst(datum.NewInt(100), datum.Int4))),
			Project: []expr.Expr{columnN},
		})}
	for _, id := range ids {
		b.Targets = append(b.Targets, command.Target{ID: idOf(directoryTable, id), Version: 10})
	}
	return b
}

// A Lock locks what its filter accepts, and says what it has left out.
func TestLock(t *testing.T) {
	f := newPair(t)
	f.says("create", create(directoryTable, 5, 500, 10), "1")
	g := f.says("lock", locksOn(1, command.LockWaits, 2, 5, 77, 1), "at [0 3] absent [2] skipped []").(*command.Granted)
	f.expect("rows", values(t, g.Rows), "20 10")
	if g.Revisions[0] != f.revisionOf(directoryTable, 2) || g.Revisions[1] != f.revisionOf(directoryTable, 5) || g.Revisions[2] != 0 {
		t.Fatalf("%v", g.Revisions)
	}
	f.expect("reads pass", chunkOutcome(t, f.point(directoryTable, 2, 10)), "2,20,s")
	if f.shielded(idOf(directoryTable, 2)) {
		t.Fatal("readers wait for a session")
	}
	for range 2 {
		f.says("not accepted", increment(directoryTable, 5, 10), "1")
		f.says("no wait", locksOn(2, command.LockFails, 3, 2), "locked")
		f.says("nothing was locked", increment(directoryTable, 3, 10), "1")
		f.says("skip", locksOn(3, command.LockSkips, 4, 2, 5), "at [0] absent [] skipped [1]")
		f.says("its own", locksOn(1, command.LockFails, 2, 1), "at [0 1] absent [] skipped []")
		f.says("no wait", prep(tx(50), two, increment(directoryTable, 2, 10)), "locked conflict 2")
		f.reopen()
	}
	p := f.pends("write", increment(directoryTable, 2, 10))
	q := f.pends("lock", locksOn(4, command.LockWaits, 2))
	f.says("one who waits is like a lock", locksOn(5, command.LockSkips, 2), "at [] absent [] skipped [0]")
	f.says("its own still", locksOn(1, command.LockFails, 2), "at [0] absent [] skipped []")
	f.says("a session ends", aborts(tx(1)), "rest 0")
	f.ended("write", p, "1")
	f.ended("lock", q, "at [0] absent [] skipped []")
	f.expect("newest", values(t, q.Outcome().(*command.Granted).Rows), "21")
	info := f.m.Transactions(command.TransactionLocking)
	if len(info) != 2 || info[0].ID != tx(3) || info[1].ID != tx(4) || info[1].Objects != 1 {
		t.Fatalf("%+v", info)
	}
	f.says("a table may be installed when nobody holds it", aborts(tx(3), tx(4)), "rest 0")
	if !f.m.locks.idle() || len(f.m.Transactions()) != 0 {
		t.Fatal("locks stay")
	}
}

// What is staged has no newest value yet: a Lock waits for it, whatever its filter says
// of what is there.
func TestLockOfStaged(t *testing.T) {
	f := newPair(t)
	f.says("create", create(directoryTable, 5, 500, 10), "1")
	f.says("prepare", prep(tx(1), two, create(directoryTable, 9, 1, 12), increment(directoryTable, 5, 10)), "yes")
	f.says("no wait", locksOn(2, command.LockFails, 5), "locked")
	f.says("skip", locksOn(2, command.LockSkips, 5, 9, 1), "at [2] absent [] skipped [0 1]")
	p := f.pends("wait", locksOn(3, command.LockWaits, 9))
	f.says("commit", commits(tx(1)), "rest 0")
	f.ended("created", p, "at [0] absent [] skipped []")
}

// A transaction passes the locks of its session, and ends them when it commits.
func TestOwner(t *testing.T) {
	f := newPair(t)
	f.says("lock", locksOn(1, command.LockWaits, 1, 2), "at [0 1] absent [] skipped []")
	w := f.pends("another", increment(directoryTable, 1, 10))
	owned := func(n int, participants []object.PartitionID, writes ...*command.Write) *command.Prepare {
		b := prep(tx(n), participants, writes...)
		b.Owner = tx(1)
		return b
	}
	f.says("attempt", owned(2, two, increment(directoryTable, 1, 10)), "yes")
	f.says("aborted", aborts(tx(2)), "rest 0")
	f.ended("the session has it still", w, "")
	f.reopen()
	f.says("again", owned(3, two, increment(directoryTable, 1, 10)), "yes")
	f.says("committed", commits(tx(3)), "rest 0")
	f.expect("all", chunkOutcome(t, f.point(directoryTable, 1, 10)), "1,12,s")
	f.says("free", increment(directoryTable, 2, 10), "1")
	if len(f.m.Transactions(command.TransactionLocking)) != 0 {
		t.Fatal("the session's locks stay")
	}
	// With one participant in one entry.
	f.says("lock", locksOn(1, command.LockWaits, 1, 2), "at [0 1] absent [] skipped []")
	v := f.pends("another", increment(directoryTable, 2, 10))
	f.says("one", owned(4, two[:1], increment(directoryTable, 1, 10)), "yes")
	f.ended("after it", v, "1")
}

// Two who share may not both go on to change; the one that is refused gives up.
func TestSharedLocks(t *testing.T) {
	f := newPair(t)
	shared := func(n int) *command.Lock {
		b := locksOn(n, command.LockFails, 1)
		b.Mode = command.LockShared
		return b
	}
	f.says("one", shared(1), "at [0] absent [] skipped []")
	f.says("two", shared(2), "at [0] absent [] skipped []")
	b := prep(tx(3), two, increment(directoryTable, 1, 10))
	b.Owner = tx(1)
	f.says("upgrade", b, "locked conflict 1")
	f.says("give up", aborts(tx(2)), "rest 0")
	f.says("upgrade", locksOn(1, command.LockFails, 1), "at [0] absent [] skipped []")
	f.says("not shared any more", shared(2), "locked")
	f.reopen()
	f.says("not shared any more", shared(2), "locked")
	f.says("end", aborts(tx(1)), "rest 0")
	f.says("one", shared(2), "at [0] absent [] skipped []")
}

// Schema changes wait for who has locked objects of the table, and others behind them.
func TestSchemaWaits(t *testing.T) {
	f := newPair(t)
	f.says("prepare", prep(tx(1), two, increment(directoryTable, 1, 10)), "yes")
	newer := testTable(t, directoryTable)
	newer.Version = 2
	p := f.pends("install", &command.InstallTable{Table: newer})
	w := f.pends("behind", increment(directoryTable, 2, 10))
	f.says("another table", create(staticTable, 1, 1, 0), "1")
	f.says("commit", commits(tx(1)), "rest 0")
	f.ended("installed", p, "0")
	f.ended("behind", w, "schema old")
	f.says("slots while nothing is locked", &command.InstallSlots{Version: 7}, "0")
	f.says("prepare", prep(tx(2), two, create(directoryTable, 60, 1, 12)), "schema old")
	part := prep(tx(2), two)
	w2 := create(directoryTable, 60, 1, 12)
	w2.Schema = 2
	part.Part = command.Part{Writes: []*command.Write{w2}}
	f.says("prepare", part, "yes")
	slots := f.pends("slots", &command.InstallSlots{Version: 8})
	other := f.pends("behind", create(staticTable, 2, 1, 0))
	drop := f.pends("drop", &command.DropTable{Table: directoryTable})
	f.reopen()
	for _, p := range []*Pending{slots, other, drop} {
		f.ended("restarted", p, "nothing")
	}
	f.says("abort", aborts(tx(2)), "rest 0")
	if !f.m.locks.idle() {
		t.Fatalf("locks stay: %+v", f.m.Locks(10))
	}
	f.expect("dropped", chunkOutcome(t, f.point(directoryTable, 1, 10)), "schema old")
}

// A committed transaction is remembered until its coordinator has said that all know
// it; when another says so, the coordinator may still ask.
func TestForget(t *testing.T) {
	f := newPair(t)
	from := func(node object.NodeID, incarnation, sequence uint64, body command.Body) any {
		return f.entry(&command.Command{ID: object.CommandID{Node: node, Incarnation: incarnation, Sequence: sequence}, Body: body})[0]
	}
	for n := 1; n <= 3; n++ {
		f.says("prepare", prep(tx(n), two, increment(directoryTable, 1, 10)), "yes")
		f.says("commit", commits(tx(n)), "rest 0")
	}
	from("c", 1, 1, &command.Conclude{Forget: []object.TransactionID{tx(1)}})
	f.expect("own", f.stateOf(tx(1)), "unknown")
	from("x", 1, 1, &command.Conclude{Forget: []object.TransactionID{tx(2)}})
	f.reopen()
	f.expect("another's", f.stateOf(tx(2)), "committed")
	from("c", 2, 1, &command.Settle{})
	from("x", 1, 2, &command.Conclude{Forget: []object.TransactionID{tx(2), tx(3)}})
	f.expect("gone", f.stateOf(tx(2))+f.stateOf(tx(3)), "unknownunknown")

	late := func(n int) object.TransactionID {
		return object.TransactionID{Node: "d", Incarnation: 1, Sequence: uint64(n)}
	}
	for n := range maxForgotten + 2 {
		f.says("prepare", prep(late(n), two, increment(directoryTable, 1+n%4, 10)), "yes")
		f.do(commits(late(n)))
		from("x", 1, uint64(10+n), &command.Conclude{Forget: []object.TransactionID{late(n)}})
		if n%200 == 0 {
			f.reopen()
		}
	}
	f.expect("the oldest go", f.stateOf(late(1))+f.stateOf(late(2)), "unknowncommitted")
	if n := len(f.m.locks.transactions); n != maxForgotten || len(f.m.Transactions()) != 0 {
		t.Fatalf("%d are remembered", n)
	}
}

func (f *fixture) stateOf(id object.TransactionID) string {
	if t := f.m.locks.transactions[id]; t != nil {
		return t.state.String()
	}
	return "unknown"
}

// The revision of a value goes with it.
func TestRevisionMoves(t *testing.T) {
	f, g := newPair(t), newFixture(t, 2)
	x := idOf(directoryTable, 1)
	r := f.revisionOf(directoryTable, 1)
	d := f.do(departs(20, 2, x)).(*command.Departed)
	again := f.do(departs(20, 2, x)).(*command.Departed)
	if d.Objects[0].Revision != r || again.Objects[0].Revision != r {
		t.Fatalf("departed with %x and %x, not %x", d.Objects[0].Revision, again.Objects[0].Revision, r)
	}
	b, _, _ := f.space.Get(nil, appendVersionKey(nil, prefixOutgoing, 20, x))
	if o, gone, err := decodeOutgoing(b); err != nil || !gone || o.revision != r || numberOf(t, o.row) != 10 {
		t.Fatalf("outgoing: %+v %v %v", o, gone, err)
	}
	var moves []object.PartitionID
	if err := readOutgoing(f.space, func(move object.LocationVersion, to object.PartitionID) error {
		moves = append(moves, object.PartitionID(move), to)
		return nil
	}); err != nil || len(moves) != 2 || moves[0] != 20 || moves[1] != 2 {
		t.Fatalf("%v %v", moves, err)
	}
	a := &command.Arrive{Move: 20, Objects: []command.Arrival{{ID: x, Row: d.Objects[0].Row, Revision: d.Objects[0].Revision}}}
	g.do(a)
	if g.revisionOf(directoryTable, 1) != r {
		t.Fatal("the revision has changed on the way")
	}
	g.says("prepared by revision", effects(tx(1), two, effectOn(x, 20, command.EffectNone, r, nil)), "yes")
	f.says("not here", effects(tx(1), two, effectOn(x, 20, command.EffectNone, r, nil)), "elsewhere p2@20")
}
