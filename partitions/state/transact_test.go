package state

import (
	"fmt"
	"sync"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
)

// tx names a transaction of the tests.
func tx(n int) object.TransactionID {
	return object.TransactionID{Node: "c", Incarnation: 1, Sequence: uint64(n)}
}

var two = []object.PartitionID{1, 2}

var bothTables = []command.TableVersion{{Table: directoryTable, Schema: schemaVersion}, {Table: staticTable, Schema: schemaVersion}}

// prep is a Prepare of a part of writes.
func prep(t object.TransactionID, participants []object.PartitionID, writes ...*command.Write) *command.Prepare {
	for _, w := range writes {
		w.Schema = schemaVersion
	}
	return &command.Prepare{Transaction: t, Participants: participants, Part: command.Part{Tables: bothTables, Writes: writes}}
}

// effects makes a Prepare of what a transaction has computed.
func effects(t object.TransactionID, participants []object.PartitionID, list ...command.Effect) *command.Prepare {
	return &command.Prepare{Transaction: t, Participants: participants, Part: command.Part{Tables: bothTables, Effects: list}}
}

func effectOn(id object.ID, version object.LocationVersion, kind command.EffectKind, revision object.Revision, row []byte) command.Effect {
	return command.Effect{Target: command.Target{ID: id, Version: version, Row: row}, Kind: kind, Revision: revision}
}

func waitingPrepare(b *command.Prepare) *command.Prepare {
	b.Wait = true
	return b
}

func voteText(v *command.Vote) string {
	s := ""
	switch {
	case v.Refusal != nil:
		s = refusalText(v.Refusal)
	case v.Err != nil:
		return v.Err.Code
	case v.Conflict == nil:
		return "yes"
	}
	if v.Conflict != nil {
		if s != "" {
			s += " "
		}
		s += "conflict"
		if v.Conflict.ID != "" {
			s += fmt.Sprintf(" %d", keyOf(v.Conflict.ID))
		}
	}
	return s
}

// answer describes any outcome in a few words.
func answer(o any) string {
	switch a := o.(type) {
	case *Pending:
		return "waits"
	case *command.Result:
		return outcome(a)
	case *command.Vote:
		return voteText(a)
	case *command.Granted:
		if a.Refusal != nil {
			return refusalText(a.Refusal)
		}
		if a.Err != nil {
			return a.Err.Code
		}
		return fmt.Sprintf("at %v absent %v skipped %v", a.At, a.Absent, a.Skipped)
	case *command.Departed:
		if a.Refusal != nil {
			return refusalText(a.Refusal)
		}
		return fmt.Sprintf("gone %v", a.Objects[0].Gone)
	case *command.Concluded:
		return fmt.Sprintf("rest %d", len(a.Rest))
	case *command.Resolution:
		return a.State.String()
	case nil:
		return "nothing"
	}
	return fmt.Sprintf("%T", o)
}

func (f *fixture) says(what string, body command.Body, want string) any {
	f.t.Helper()
	if w, ok := body.(*command.Write); ok {
		w.Schema = schemaVersion
	}
	o := f.do(body)
	f.expect(what, answer(o), want)
	return o
}

// pends sends what has to wait.
func (f *fixture) pends(what string, body command.Body) *Pending {
	f.t.Helper()
	return f.says(what, body, "waits").(*Pending)
}

// ended expects the outcome of what has waited; "" where it waits still.
func (f *fixture) ended(what string, p *Pending, want string) {
	f.t.Helper()
	got := ""
	select {
	case <-p.Done():
		got = answer(p.Outcome())
	default:
	}
	f.expect(what, got, want)
}

func commits(list ...object.TransactionID) *command.Conclude { return &command.Conclude{Commit: list} }
func aborts(list ...object.TransactionID) *command.Conclude  { return &command.Conclude{Abort: list} }

func newPair(t *testing.T) *fixture {
	f := newFixture(t, 1).allSlots(5)
	for id := 1; id <= 4; id++ {
		f.says("create", create(directoryTable, id, 10*id, 10), "1")
	}
	return f
}

func (f *fixture) revisionOf(table object.TableID, id int) object.Revision {
	f.t.Helper()
	b, found, err := f.space.Get(nil, appendObjectKey(nil, prefixObjects, idOf(table, id)))
	if err != nil || !found {
		f.t.Fatalf("object %d: %v", id, err)
	}
	return must(decodeRecord(b)).revision
}

func (f *fixture) shielded(id object.ID) bool {
	return f.m.stagedConflict([]command.Target{{ID: id}}, nil)
}

// A part is checked, locked and staged, all or none; its objects change when it is
// committed, and others wait until then.
func TestPrepareStages(t *testing.T) {
	f := newPair(t)
	one, other := idOf(directoryTable, 1), idOf(directoryTable, 2)
	v := f.says("prepare", prep(tx(1), two, increment(directoryTable, 1, 10)), "yes").(*command.Vote)
	f.expect("returned", values(t, v.Results[0].Rows), "11")
	f.expect("unchanged", chunkOutcome(t, f.point(directoryTable, 2, 10)), "2,20,s")
	if !f.shielded(one) || f.shielded(other) {
		t.Fatal("the wrong objects are shielded")
	}
	for _, reopened := range []bool{false, true} {
		if reopened {
			f.reopen()
		}
		if b, _, _ := f.space.Get(nil, appendObjectKey(nil, prefixObjects, one)); numberOf(t, must(decodeRecord(b)).row) != 10 {
			t.Fatal("the object has changed")
		}
		f.says("others go on", increment(directoryTable, 2, 10), "1")
		f.says("no wait", prep(tx(2), two, increment(directoryTable, 1, 10)), "locked conflict 1")
	}
	p := f.pends("a write", increment(directoryTable, 1, 10))
	f.ended("still", p, "")
	f.says("commit", commits(tx(1)), "rest 0")
	f.ended("after the commit", p, "1")
	f.expect("both", chunkOutcome(t, f.point(directoryTable, 1, 10)), "1,12,s")
	if f.shielded(one) {
		t.Fatal("still shielded")
	}
	f.says("what became of it", &command.Resolve{Transaction: tx(1)}, "committed")
	f.says("again", commits(tx(1)), "rest 0")
	f.says("an abort that is late", aborts(tx(1)), "rest 0")
	f.says("still", &command.Resolve{Transaction: tx(1)}, "committed")
	if n := len(f.m.Transactions()); n != 1 {
		t.Fatalf("%d transactions", n)
	}
}

// An abort leaves nothing behind.
func TestAbortRestores(t *testing.T) {
	f := newPair(t)
	before := content(t, f.space)
	f.says("prepare", prep(tx(1), two, increment(directoryTable, 1, 10), create(directoryTable, 9, 1, 10), remove(directoryTable, 2, 10)), "yes")
	f.says("abort", aborts(tx(1)), "rest 0")
	for k, v := range content(t, f.space) {
		if k[0] != prefixResults && before[k] != v {
			t.Errorf("key %q was %q, is %q", k, before[k], v)
		}
	}
	f.says("unknown", aborts(tx(2)), "rest 0")
	f.says("not remembered", prep(tx(2), two, increment(directoryTable, 1, 10)), "yes")
}

// With one participant there is one entry and no record.
func TestOneParticipant(t *testing.T) {
	f := newPair(t)
	f.says("one", prep(tx(1), two[:1], increment(directoryTable, 1, 10), increment(directoryTable, 1, 10), create(directoryTable, 9, 5, 12)), "yes")
	f.expect("changed", chunkOutcome(t, f.point(directoryTable, 1, 10)), "1,12,s")
	f.expect("created", chunkOutcome(t, f.point(directoryTable, 9, 12)), "9,5,s")
	if len(f.m.Transactions()) != 0 || !f.m.locks.idle() {
		t.Fatal("something stays")
	}
	f.says("fails", prep(tx(2), two[:1], increment(directoryTable, 1, 10), create(directoryTable, 9, 5, 12)), "23505")
	f.expect("nothing was done", chunkOutcome(t, f.point(directoryTable, 1, 10)), "1,12,s")
	if s := f.m.Sizes()[directoryTable]; s.Objects != 5 {
		t.Fatalf("%+v", s)
	}
}

// Effects are checked against the revisions that were read.
func TestEffects(t *testing.T) {
	f := newPair(t)
	one, two2, nine := idOf(directoryTable, 1), idOf(directoryTable, 2), idOf(directoryTable, 9)
	r1, r2 := f.revisionOf(directoryTable, 1), f.revisionOf(directoryTable, 2)
	if r1 == r2 {
		t.Fatal("objects of two entries have one revision")
	}
	f.says("stale", effects(tx(1), two, effectOn(one, 10, command.EffectPut, r2, rowOf(1, 5, "s"))), "conflict 1")
	f.says("phantom", effects(tx(2), two, effectOn(one, 10, command.EffectPut, 0, rowOf(1, 5, "s"))), "conflict 1")
	f.says("gone", effects(tx(3), two, effectOn(nine, 10, command.EffectNone, r2, nil)), "conflict 9")
	if !f.m.locks.idle() {
		t.Fatal("locks stay")
	}
	f.says("yes", effects(tx(4), two,
		effectOn(one, 10, command.EffectPut, r1, rowOf(1, 100, "x")), effectOn(two2, 10, command.EffectNone, r2, nil),
		effectOn(nine, 12, command.EffectPut, 0, rowOf(9, 9, "new"))), "yes")
	f.says("a shared lock is shared", effects(tx(5), two, effectOn(two2, 10, command.EffectNone, r2, nil)), "yes")
	if f.shielded(two2) {
		t.Fatal("readers wait for one that reads")
	}
	p := f.pends("a write of what is read", increment(directoryTable, 2, 10))
	f.says("commit", commits(tx(4)), "rest 0")
	f.ended("another reads still", p, "")
	f.says("commit", commits(tx(5)), "rest 0")
	f.ended("none reads", p, "1")
	f.expect("put", chunkOutcome(t, f.point(directoryTable, 1, 10)), "1,100,x")
	f.expect("created", chunkOutcome(t, f.point(directoryTable, 9, 12)), "9,9,new")
	if r := f.revisionOf(directoryTable, 1); r&(1<<20) == 0 || r == r1 {
		t.Fatalf("revision %x", uint64(r))
	}
	f.says("delete", effects(tx(6), two, effectOn(nine, 12, command.EffectDelete, f.revisionOf(directoryTable, 9), nil)), "yes")
	f.says("commit", commits(tx(6)), "rest 0")
	f.says("its id is vacant", create(directoryTable, 9, 1, 0), "1")
	f.says("malformed", effects(tx(7), two, effectOn(one, 10, command.EffectPut, r1, nil)), "XX000")
	f.says("malformed", &command.Prepare{Transaction: tx(7), Participants: two,
		Part: command.Part{Effects: []command.Effect{effectOn(one, 10, command.EffectNone, r1, nil)}}}, "XX000")
}

// Standings and schemas come before locks.
func TestPrepareRefuses(t *testing.T) {
	f := newPair(t)
	f.says("elsewhere", prep(tx(1), two, increment(directoryTable, 1, 10), increment(directoryTable, 50, 0)), "elsewhere")
	unsure := increment(directoryTable, 51, 10)
	unsure.Targets[0].Unsure = true
	f.says("unsure", prep(tx(2), two, unsure), "elsewhere")
	f.says("unsure alone", unsure, "elsewhere")
	f.says("sure", increment(directoryTable, 51, 10), "absent")
	old := prep(tx(3), two, increment(directoryTable, 1, 10))
	old.Part.Tables = []command.TableVersion{{Table: directoryTable, Schema: 7}}
	f.says("schema", old, "schema new")
	if !f.m.locks.idle() || len(f.m.Transactions()) != 0 {
		t.Fatal("something stays")
	}
}

// Who waits is executed in the order of arrival, in the entry that gives up what he
// waits for, and nobody overtakes him.
func TestQueueIsFair(t *testing.T) {
	f := newPair(t)
	f.says("holder", prep(tx(1), two, increment(directoryTable, 1, 10)), "yes")
	a := f.pends("prepare of 1 and 2", waitingPrepare(prep(tx(2), two, increment(directoryTable, 1, 10), increment(directoryTable, 2, 10))))
	b := f.pends("write of 2, behind", increment(directoryTable, 2, 10))
	c := f.pends("write of 1, behind", increment(directoryTable, 1, 10))
	f.says("no wait", prep(tx(3), two, increment(directoryTable, 2, 10)), "locked conflict 2")
	f.says("another", increment(directoryTable, 3, 10), "1")
	move := f.pends("a move", departs(20, 2, idOf(directoryTable, 1)))
	f.reopen()
	// Repeats wait for the same.
	for _, p := range []*Pending{a, b, c, move} {
		f.ended("after a restart", p, "nothing")
	}
	info := f.m.Transactions(command.TransactionUnknown)
	if len(info) != 1 || info[0].ID != tx(2) || len(info[0].WaitsFor) != 1 || info[0].WaitsFor[0] != tx(1) {
		t.Fatalf("waiting: %+v", info)
	}
	if n := len(f.m.Locks(100)); n != 6 {
		t.Fatalf("%d locks: %+v", n, f.m.Locks(100))
	}
	f.says("commit", commits(tx(1)), "rest 0")
	if s := f.m.Transactions(command.TransactionPrepared); len(s) != 1 || s[0].ID != tx(2) {
		t.Fatalf("prepared: %+v", s)
	}
	f.expect("waiting", fmt.Sprint(len(f.m.locks.waiters)), "3")
	f.says("abort", aborts(tx(2)), "rest 0")
	f.expect("waiting", fmt.Sprint(len(f.m.locks.waiters)), "0")
	f.expect("2", chunkOutcome(t, f.point(directoryTable, 2, 10)), "2,21,s")
	f.expect("1 has moved", chunkOutcome(t, f.point(directoryTable, 1, 10)), "elsewhere p2@20")
	if !f.m.locks.idle() {
		t.Fatal("locks stay")
	}
	d := f.do(departs(20, 2, idOf(directoryTable, 1))).(*command.Departed)
	if n := numberOf(t, d.Objects[0].Row); n != 12 {
		t.Fatalf("moved with %d", n)
	}
}

// A repeat of a command that waits gets the same Pending, and later its outcome; the
// queue outlives a restart and goes with a copy of the state.
func TestRepeatOfWaiting(t *testing.T) {
	f := newPair(t)
	f.unsettled = true
	f.says("holder", prep(tx(1), two, increment(directoryTable, 1, 10)), "yes")
	w := increment(directoryTable, 1, 10)
	w.Schema = schemaVersion
	c := f.command(w)
	first := f.entry(c, c)
	if first[0] != first[1] || answer(first[0]) != "waits" {
		t.Fatal("not the same")
	}
	f.reopen()
	again := f.entry(c)[0].(*Pending)
	other := newFixture(t, 1)
	other.become(f)
	other.next = f.next
	there := other.entry(c)[0].(*Pending)
	f.says("commit", commits(tx(1)), "rest 0")
	f.ended("first", first[0].(*Pending), "nothing")
	f.ended("again", again, "1")
	f.expect("rows", values(t, again.Outcome().(*command.Result).Rows), "12")
	f.expect("remembered", values(t, f.entry(c)[0].(*command.Result).Rows), "12")
	other.says("commit", commits(tx(1)), "rest 0")
	other.ended("there", there, "1")
	open := f.pends0(t)
	f.m.Close()
	f.ended("closed", open, "nothing")
	f.m.Close()
}

// pends0 has something wait.
func (f *fixture) pends0(t *testing.T) *Pending {
	f.says("holder", prep(tx(90), two, increment(directoryTable, 4, 10)), "yes")
	return f.pends("waits", increment(directoryTable, 4, 10))
}

// Withdraw takes a command out of the queue; who waits behind it goes on.
func TestWithdraw(t *testing.T) {
	f := newPair(t)
	f.unsettled = true
	f.says("reader", effects(tx(1), two, effectOn(idOf(directoryTable, 1), 10, command.EffectNone, f.revisionOf(directoryTable, 1), nil)), "yes")
	c := f.command(waitingPrepare(prep(tx(2), two, increment(directoryTable, 1, 10))))
	p := f.entry(c)[0].(*Pending)
	q := f.pends("a reader behind", waitingPrepare(effects(tx(3), two, effectOn(idOf(directoryTable, 1), 10, command.EffectNone, f.revisionOf(directoryTable, 1), nil))))
	stranger := &command.Command{ID: object.CommandID{Node: "b", Incarnation: 1, Sequence: 1}, Body: &command.Withdraw{Command: c.ID}}
	f.entry(stranger)
	f.ended("somebody else's", p, "")
	f.says("withdraw", &command.Withdraw{Command: c.ID}, "1")
	f.ended("withdrawn", p, "withdrawn")
	f.ended("behind", q, "yes")
	f.expect("again", answer(f.entry(&command.Command{ID: c.ID, Body: c.Body})[0]), "withdrawn")
	f.says("nothing", &command.Withdraw{Command: c.ID}, "0")
}

// Resolve has a transaction that is not prepared never be; the floor of a node rises
// with what there is no room for.
func TestResolve(t *testing.T) {
	f := newPair(t)
	f.says("prepare", prep(tx(1), two, increment(directoryTable, 1, 10)), "yes")
	f.says("prepared", &command.Resolve{Transaction: tx(1)}, "prepared")
	p := f.pends("waits", waitingPrepare(prep(tx(2), two, increment(directoryTable, 1, 10))))
	f.says("waiting", &command.Resolve{Transaction: tx(2)}, "aborted")
	f.ended("resolved", p, "aborted")
	f.says("unknown", &command.Resolve{Transaction: tx(3)}, "aborted")
	more := prep(tx(4), two, increment(directoryTable, 2, 10))
	more.More = true
	f.says("first part", more, "yes")
	f.says("preparing", &command.Resolve{Transaction: tx(4)}, "aborted")
	last := prep(tx(4), two, increment(directoryTable, 3, 10))
	last.Continues = true
	f.says("continues", last, "aborted")
	f.says("its lock is gone", increment(directoryTable, 2, 10), "1")
	f.reopen()
	for n := 2; n <= 4; n++ {
		f.says("never", prep(tx(n), two, increment(directoryTable, 2, 10)), "aborted")
	}
	f.says("lock", &command.Lock{Owner: tx(3), Table: directoryTable, Schema: schemaVersion, Mode: command.LockUpdate}, "aborted")
	f.says("the end", aborts(tx(1)), "rest 0")
	f.says("was aborted by all", &command.Resolve{Transaction: tx(1)}, "aborted")

	for n := 100; n < 100+maxAborted; n++ {
		f.do(&command.Resolve{Transaction: tx(n)})
	}
	if n := len(f.m.aborted.nodes["c"].list); n != maxAborted {
		t.Fatalf("%d are remembered", n)
	}
	f.reopen()
	f.says("below the floor", prep(tx(3), two, increment(directoryTable, 2, 10)), "aborted")
	f.says("above, and not asked about", prep(tx(99), two, increment(directoryTable, 2, 10)), "yes")
	f.says("another node's", prep(object.TransactionID{Node: "b", Incarnation: 1, Sequence: 1}, two, increment(directoryTable, 3, 10)), "yes")
}

// A large part comes in several commands; only the last is a vote.
func TestContinues(t *testing.T) {
	f := newPair(t)
	one := prep(tx(1), two, increment(directoryTable, 1, 10))
	one.More = true
	f.says("first", one, "yes")
	f.says("not prepared", commits(tx(1)), "rest 0")
	w := f.pends("waits for 1 and 2", waitingPrepare(prep(tx(2), two, increment(directoryTable, 1, 10), increment(directoryTable, 2, 10))))
	f.reopen()
	next := prep(tx(1), two, increment(directoryTable, 1, 10), increment(directoryTable, 2, 10))
	next.Continues = true
	v := f.says("passes who waits for it", next, "yes").(*command.Vote)
	f.expect("sees the first part", values(t, v.Results[0].Rows), "12")
	f.says("prepared", &command.Resolve{Transaction: tx(1)}, "prepared")
	f.reopen()
	f.says("commit", commits(tx(1)), "rest 0")
	f.ended("waits", w, "nothing")
	f.expect("1", values(t, f.read(&command.Read{Table: directoryTable, Targets: []command.Target{{ID: idOf(directoryTable, 3)}}}).Rows), "3,30,s")
	f.says("abort", aborts(tx(2)), "rest 0")
	f.expect("1", chunkOutcome(t, f.point(directoryTable, 1, 10)), "1,12,s")
	f.expect("2", chunkOutcome(t, f.point(directoryTable, 2, 10)), "2,21,s")
	f.says("a continuation of nothing", &command.Prepare{Transaction: tx(8), Participants: two, Continues: true}, "aborted")

	// One participant in several commands is staged, too.
	first := prep(tx(3), two[:1], increment(directoryTable, 3, 10))
	first.More = true
	f.says("one participant", first, "yes")
	last := prep(tx(3), two[:1], increment(directoryTable, 3, 10))
	last.Continues = true
	f.says("one participant", last, "yes")
	f.says("commit", commits(tx(3)), "rest 0")
	f.expect("3", chunkOutcome(t, f.point(directoryTable, 3, 10)), "3,32,s")
}

func spanOf(table object.TableID, from, to int) command.Span {
	return command.Span{Start: idOf(table, from), End: idOf(table, to)}
}

// Ranges that were read are compared and keep others from changing what is in them.
func TestRanges(t *testing.T) {
	f := newPair(t)
	span := spanOf(directoryTable, 1, 4)
	print := func() command.Fingerprint {
		var p fingerprint
		for id := 1; id < 4; id++ {
			p.add([]byte(idOf(directoryTable, id)), f.revisionOf(directoryTable, id))
		}
		return p.print(f.index)
	}
	reads := func(n int, p command.Fingerprint) *command.Prepare {
		return &command.Prepare{Transaction: tx(n), Participants: two, Part: command.Part{Tables: bothTables,
			Ranges: []command.Range{{Table: directoryTable, Spans: []command.Span{span}, Print: p}}}}
	}
	stale := print()
	f.says("change", increment(directoryTable, 2, 10), "1")
	f.says("changed", reads(1, stale), "conflict")
	old := print()
	f.says("outside", increment(directoryTable, 4, 10), "1")
	f.says("same", reads(2, old), "yes")
	f.says("shared", reads(3, print()), "yes")
	f.says("outside", increment(directoryTable, 4, 10), "1")
	in := f.pends("a create inside", create(directoryTable, 2, 1, 10))
	out := f.pends("a move away", departs(30, 2, idOf(directoryTable, 3)))
	f.says("no wait", prep(tx(4), two, increment(directoryTable, 1, 10)), "locked conflict 1")
	f.reopen()
	f.says("one", commits(tx(2)), "rest 0")
	f.expect("still", fmt.Sprint(len(f.m.locks.waiters)), "2")
	f.says("both", commits(tx(3)), "rest 0")
	f.expect("none", fmt.Sprint(len(f.m.locks.waiters)), "0")
	f.ended("create", in, "nothing")
	f.ended("move", out, "nothing")
}

// A Write over spans locks them as a whole, also what is not there.
func TestPrepareOverSpans(t *testing.T) {
	f := newPair(t)
	w := &command.Write{Kind: command.Update, Table: directoryTable, Program: incrementProgram(), Spans: []command.Span{spanOf(directoryTable, 2, 100)}}
	gone := remove(directoryTable, 3, 10)
	f.says("prepare", prep(tx(1), two, gone, w), "yes")
	if !f.shielded(idOf(directoryTable, 50)) || f.shielded(idOf(directoryTable, 1)) ||
		!f.m.stagedConflict(nil, []command.Span{spanOf(directoryTable, 0, 3)}) || f.m.stagedConflict(nil, []command.Span{spanOf(directoryTable, 0, 2)}) {
		t.Fatal("the wrong objects are shielded")
	}
	p := f.pends("a create inside", create(directoryTable, 50, 1, 10))
	f.says("outside", increment(directoryTable, 1, 10), "1")
	f.says("commit", commits(tx(1)), "rest 0")
	f.ended("after", p, "1")
	f.expect("all", values(t, f.read(&command.Read{Table: directoryTable, Spans: []command.Span{spanOf(directoryTable, 0, 100)}}).Rows),
		"1,11,s 2,21,s 4,41,s 50,1,s")
	// With one participant it is done at once.
	again := &command.Write{Kind: command.Delete, Table: directoryTable, Spans: []command.Span{spanOf(directoryTable, 2, 100)}}
	f.says("one", prep(tx(2), two[:1], increment(directoryTable, 2, 10), again), "yes")
	f.expect("all", values(t, f.read(&command.Read{Table: directoryTable, Spans: []command.Span{spanOf(directoryTable, 0, 100)}}).Rows), "1,11,s")
	f.says("fails", prep(tx(3), two[:1], &command.Write{Kind: command.Update, Table: directoryTable, Program: incrementProgram(),
		Spans: []command.Span{spanOf(directoryTable, 0, 100)}}, create(directoryTable, 1, 1, 10)), "23505")
	f.expect("nothing", values(t, f.read(&command.Read{Table: directoryTable, Spans: []command.Span{spanOf(directoryTable, 0, 100)}}).Rows), "1,11,s")
}

// What one entry may do bounds a part: it goes on with Rest, and a commit in several
// Concludes, during which everything stays locked.
func TestLargeTransaction(t *testing.T) {
	f := newFixture(t, 1).allSlots(5)
	const n = maxSpanChanges + 100
	for from := 0; from < n; from += 1000 {
		w := &command.Write{Kind: command.Create, Table: directoryTable}
		for id := from; id < min(from+1000, n); id++ {
			w.Targets = append(w.Targets, command.Target{ID: idOf(directoryTable, id), Version: 10, Row: rowOf(id, 1, "s")})
		}
		f.write(w)
	}
	w := &command.Write{Kind: command.Update, Table: directoryTable, Spans: []command.Span{spanOf(directoryTable, 0, n)},
		Program: command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 1,
			Value: must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(1), datum.Int4)))}}})}
	v := f.says("first part", prep(tx(1), two[:1], w), "yes").(*command.Vote)
	if len(v.Results) != 1 || len(v.Results[0].Rest) != 1 || v.Results[0].Affected != maxSpanChanges {
		t.Fatalf("%d affected, rest %v", v.Results[0].Affected, v.Results[0].Rest)
	}
	f.says("not prepared", commits(tx(1)), "rest 0")
	f.reopen()
	rest := &command.Write{Kind: w.Kind, Table: w.Table, Program: w.Program, Spans: v.Results[0].Rest}
	next := prep(tx(1), two[:1], rest)
	next.Continues = true
	v = f.says("second part", next, "yes").(*command.Vote)
	f.expect("affected", fmt.Sprint(v.Results[0].Affected), "100")
	p := f.pends("waits", increment(directoryTable, n-1, 10))
	f.says("commit", commits(tx(1)), "rest 1")
	f.ended("locked", p, "")
	if !f.shielded(idOf(directoryTable, 0)) {
		t.Fatal("a part of it can be read")
	}
	f.says("abort", aborts(tx(1)), "rest 0")
	f.reopen()
	f.says("committed", &command.Resolve{Transaction: tx(1)}, "committed")
	f.says("commit", commits(tx(1)), "rest 0")
	f.expect("idle", fmt.Sprint(f.m.locks.idle()), "true")
	f.expect("first", chunkOutcome(t, f.point(directoryTable, 0, 10)), "0,2,s")
	f.expect("last", chunkOutcome(t, f.point(directoryTable, n-1, 10)), fmt.Sprintf("%d,3,s", n-1))
	for k := range content(t, f.space) {
		if k[0] == prefixStaged || k[0] == prefixLocks || k[0] == prefixQueue {
			t.Fatalf("key %q stays", k)
		}
	}
}

// What is listed may be asked for while entries are applied.
func TestListsBesideApply(t *testing.T) {
	f := newPair(t)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			f.m.Transactions()
			f.m.Locks(10)
			f.m.Counters()
			f.m.stagedConflict([]command.Target{{ID: idOf(directoryTable, 1)}}, []command.Span{spanOf(directoryTable, 0, 9)})
		}
	})
	for n := 1; n < 200; n++ {
		f.says("prepare", prep(tx(n), two, increment(directoryTable, 1, 10), &command.Write{Kind: command.Delete, Table: directoryTable,
			Spans: []command.Span{spanOf(directoryTable, 50, 60)}}), "yes")
		p := f.pends("next", waitingPrepare(prep(tx(1000+n), two, increment(directoryTable, 1, 10))))
		if n%2 == 0 {
			f.says("commit", commits(tx(n)), "rest 0")
		} else {
			f.says("abort", aborts(tx(n)), "rest 0")
		}
		f.ended("next", p, "yes")
		f.says("abort", aborts(tx(1000+n)), "rest 0")
	}
	close(stop)
	asking.Wait()
	if c := f.m.Counters(); c.Prepared != 398 || c.Committed != 99 || c.Aborted != 299 || c.Queued != 199 {
		t.Fatalf("%+v", c)
	}
}
