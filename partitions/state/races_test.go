package state

import (
	"maps"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

func departs(move object.LocationVersion, to object.PartitionID, ids ...object.ID) *command.Depart {
	return &command.Depart{Move: move, To: to, Objects: ids}
}

func arrives(move object.LocationVersion, d *command.Departed, ids ...object.ID) *command.Arrive {
	a := &command.Arrive{Move: move}
	for i, id := range ids {
		a.Objects = append(a.Objects, command.Arrival{ID: id, Row: d.Objects[i].Row})
	}
	return a
}

// DESIGN, "Location and existence are two things": a delete and a create of the
// same id can never cross.
func TestDeleteAndCreateCross(t *testing.T) {
	f := newFixture(t, 1)
	x := idOf(directoryTable, 7)
	f.expect("create", outcome(f.write(create(directoryTable, 7, 1, 10))), "1")
	f.expect("create again", outcome(f.write(create(directoryTable, 7, 1, 10))), "23505")
	f.expect("delete", outcome(f.write(remove(directoryTable, 7, 10))), "1")
	// Until the oracle releases the id, the partition owns it.
	f.expect("create after delete", outcome(f.write(create(directoryTable, 7, 2, 10))), "1")

	// The release finds the object: it stays.
	d := f.do(departs(20, 0, x)).(*command.Departed)
	if d.Objects[0].Gone {
		t.Fatal("an id with an object was released")
	}
	f.expect("delete", outcome(f.write(remove(directoryTable, 7, 10))), "1")
	d = f.do(departs(21, 0, x)).(*command.Departed)
	if !d.Objects[0].Gone {
		t.Fatal("an id without an object was not released")
	}
	// A create that comes with the old version is sent back to the oracle.
	f.expect("late create", outcome(f.write(create(directoryTable, 7, 3, 10))), "elsewhere")
	f.expect("late read", chunkOutcome(t, f.point(directoryTable, 7, 10)), "elsewhere")
	f.expect("late delete", outcome(f.write(remove(directoryTable, 7, 10))), "elsewhere")
	// The oracle has assigned it anew.
	f.expect("new create", outcome(f.write(create(directoryTable, 7, 4, 30))), "1")
	f.expect("old version, object there", chunkOutcome(t, f.point(directoryTable, 7, 10)), "7,4,s")
	// The release, repeated by another leader of the oracle, changes nothing.
	if d = f.do(departs(21, 0, x)).(*command.Departed); !d.Objects[0].Gone {
		t.Fatal("a repeated release gave another answer")
	}
	f.expect("after repeated release", chunkOutcome(t, f.point(directoryTable, 7, 30)), "7,4,s")
}

// A create that is below the floor is refused, unless the partition itself knows
// that the id is its own.
func TestLateCreateBelowTheFloor(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 1, 10))
	f.write(remove(directoryTable, 1, 10))
	f.do(departs(20, 0, idOf(directoryTable, 1)))
	f.write(create(directoryTable, 2, 1, 11))
	f.write(remove(directoryTable, 2, 11)) // not released: vacant
	f.do(&command.RaiseFloor{Floor: 50})
	f.expect("released, below the floor", outcome(f.write(create(directoryTable, 1, 1, 10))), "elsewhere")
	f.expect("never seen, below the floor", outcome(f.write(create(directoryTable, 3, 1, 12))), "elsewhere")
	f.expect("vacant, below the floor", outcome(f.write(create(directoryTable, 2, 1, 11))), "1")
	f.expect("above the floor", outcome(f.write(create(directoryTable, 1, 1, 60))), "1")
	f.expect("read below the floor", chunkOutcome(t, f.point(directoryTable, 3, 12)), "absent")
	if s := f.m.Sizes()[directoryTable]; s.Markers != 0 || s.Objects != 2 {
		t.Fatalf("after the floor: %+v", s)
	}
}

// DESIGN, "move": every step is idempotent by (id, m); the value is in the outgoing
// marker until the move is settled; commands that come early are awaited.
func TestMoveStepByStep(t *testing.T) {
	source, destination := newFixture(t, 1), newFixture(t, 2)
	x, y := idOf(directoryTable, 7), idOf(directoryTable, 8)
	source.write(create(directoryTable, 7, 1, 10))

	// Early: the sender has heard of the intent before the object has come.
	early := increment(directoryTable, 7, 20)
	early.Targets[0].Arriving = true
	destination.expect("early", outcome(destination.write(early)), "awaited")

	first := source.do(departs(20, 2, x, y)).(*command.Departed)
	if !first.Objects[0].Gone || first.Objects[1].Gone {
		t.Fatalf("departed %+v: x goes, y, which does not exist, stays", first.Objects)
	}
	source.expect("source after depart", outcome(source.write(increment(directoryTable, 7, 10))), "elsewhere p2@20")
	source.expect("create at the source", outcome(source.write(create(directoryTable, 7, 1, 10))), "elsewhere p2@20")
	source.expect("y stays", outcome(source.write(create(directoryTable, 8, 1, 10))), "1")
	again := source.do(departs(20, 2, x, y)).(*command.Departed)
	if string(again.Objects[0].Row) != string(first.Objects[0].Row) || again.Objects[1].Gone {
		t.Fatalf("repeated depart: %+v", again.Objects)
	}

	destination.expect("between", outcome(destination.write(early)), "awaited")
	arrival := arrives(20, first, x)
	destination.expect("arrive", outcome(destination.do(arrival).(*command.Result)), "1")
	destination.expect("update", outcome(destination.write(early)), "1")
	// x was updated; the repeated arrival must not bring the old value back.
	destination.expect("arrive again", outcome(destination.do(arrival).(*command.Result)), "0")
	destination.expect("value", chunkOutcome(t, destination.point(directoryTable, 7, 20)), "7,2,s")
	// y was left out of the batch: it is not here, though its batch has come.
	lost := increment(directoryTable, 8, 20)
	lost.Targets[0].Arriving = true
	destination.expect("left out", outcome(destination.write(lost)), "elsewhere")

	// Deleted, and the arrival repeated: it stays deleted.
	destination.expect("delete", outcome(destination.write(remove(directoryTable, 7, 20))), "1")
	destination.do(arrival)
	destination.expect("after delete", outcome(destination.write(early)), "absent")

	if source.m.Outgoing() != 1 {
		t.Fatalf("outgoing: %d", source.m.Outgoing())
	}
	source.do(&command.Settle{Moves: []object.LocationVersion{20, 99}})
	if source.m.Outgoing() != 0 {
		t.Fatalf("outgoing after settle: %d", source.m.Outgoing())
	}
	late := source.do(departs(20, 2, x)).(*command.Departed)
	if late.Refusal == nil || late.Refusal.Reason != command.Superseded {
		t.Fatalf("depart of a settled move: %+v", late)
	}
	source.do(&command.RaiseFloor{Floor: 30})
	source.expect("forgotten", outcome(source.write(increment(directoryTable, 7, 10))), "absent")
	source.expect("forgotten, create", outcome(source.write(create(directoryTable, 7, 1, 10))), "elsewhere")
	late = source.do(departs(20, 2, x)).(*command.Departed)
	if late.Refusal == nil || late.Refusal.Reason != command.Superseded {
		t.Fatalf("depart below the floor: %+v", late)
	}
}

// A move there, a move back, and every old step repeated: the object stays where
// the last move put it.
func TestMoveThereAndBackWithRepeatedSteps(t *testing.T) {
	a, b := newFixture(t, 1), newFixture(t, 2)
	x := idOf(directoryTable, 7)
	a.write(create(directoryTable, 7, 1, 10))
	there := a.do(departs(20, 2, x)).(*command.Departed)
	b.do(arrives(20, there, x))
	back := b.do(departs(30, 1, x)).(*command.Departed)
	a.do(arrives(30, back, x))
	repeat := func() {
		a.do(departs(20, 2, x))
		b.do(arrives(20, there, x))
		b.do(departs(30, 1, x))
		a.do(arrives(30, back, x))
	}
	repeat()
	a.expect("at a", chunkOutcome(t, a.point(directoryTable, 7, 30)), "7,1,s")
	b.expect("not at b", chunkOutcome(t, b.point(directoryTable, 7, 20)), "elsewhere p1@30")
	a.do(&command.Settle{Moves: []object.LocationVersion{20}})
	b.do(&command.Settle{Moves: []object.LocationVersion{30}})
	repeat()
	for _, f := range []*fixture{a, b} {
		f.do(&command.RaiseFloor{Floor: 40})
	}
	repeat()
	a.expect("at a", chunkOutcome(t, a.point(directoryTable, 7, 30)), "7,1,s")
	b.expect("b has forgotten", outcome(b.write(create(directoryTable, 7, 1, 20))), "elsewhere")
}

// A static object's home forwards as long as the object lives elsewhere, also above
// the floor, and owns the id again when the exception ends.
func TestForwardingAtHome(t *testing.T) {
	home, other := newFixture(t, 1).allSlots(5), newFixture(t, 2)
	x := idOf(staticTable, 7)
	home.expect("create", outcome(home.write(create(staticTable, 7, 1, 0))), "1")
	other.expect("not the home", outcome(other.write(create(staticTable, 7, 1, 0))), "elsewhere")
	d := home.do(departs(20, 2, x)).(*command.Departed)
	// A static object's version was made by a move: it is awaited without a hint.
	other.expect("early", outcome(other.write(increment(staticTable, 7, 20))), "awaited")
	other.do(arrives(20, d, x))
	home.do(&command.Settle{Moves: []object.LocationVersion{20}})
	home.do(&command.RaiseFloor{Floor: 30})
	other.do(&command.RaiseFloor{Floor: 30})
	home.expect("forwarding", outcome(home.write(increment(staticTable, 7, 0))), "elsewhere p2@20")
	home.expect("forwarding a create", outcome(home.write(create(staticTable, 7, 1, 0))), "elsewhere p2@20")
	other.expect("update", outcome(other.write(increment(staticTable, 7, 20))), "1")

	other.expect("delete", outcome(other.write(remove(staticTable, 7, 20))), "1")
	other.expect("create in between", outcome(other.write(create(staticTable, 7, 1, 20))), "1")
	other.expect("delete", outcome(other.write(remove(staticTable, 7, 20))), "1")
	if d := other.do(departs(40, 0, x)).(*command.Departed); !d.Objects[0].Gone {
		t.Fatal("not released")
	}
	end := &command.Arrive{Move: 40, Objects: []command.Arrival{{ID: x}}}
	home.do(end)
	other.expect("late create", outcome(other.write(create(staticTable, 7, 1, 20))), "elsewhere")
	home.expect("home again", outcome(home.write(create(staticTable, 7, 9, 0))), "1")
	home.do(end)
	home.expect("repeated end", chunkOutcome(t, home.point(staticTable, 7, 0)), "7,9,s")
}

// An object that went back to its home is its home's like any other.
func TestReturnToHome(t *testing.T) {
	home, other := newFixture(t, 1).allSlots(5), newFixture(t, 2)
	x := idOf(staticTable, 7)
	home.write(create(staticTable, 7, 1, 0))
	d := home.do(departs(20, 2, x)).(*command.Departed)
	other.do(arrives(20, d, x))
	d = other.do(departs(30, 1, x)).(*command.Departed)
	home.expect("early", outcome(home.write(increment(staticTable, 7, 30))), "awaited")
	home.expect("early without a version", outcome(home.write(increment(staticTable, 7, 0))), "elsewhere p2@20")
	home.do(arrives(30, d, x))
	home.expect("back", outcome(home.write(increment(staticTable, 7, 0))), "1")
	home.expect("delete", outcome(home.write(remove(staticTable, 7, 0))), "1")
	home.expect("create by rule", outcome(home.write(create(staticTable, 7, 5, 0))), "1")
	if d := home.do(departs(20, 2, x)).(*command.Departed); d.Objects[0].Gone && d.Refusal == nil {
		home.expect("old depart", chunkOutcome(t, home.point(staticTable, 7, 0)), "7,5,s")
	}
	home.expect("after an old depart", chunkOutcome(t, home.point(staticTable, 7, 0)), "7,5,s")
}

// "A partition refuses a command that was planned against another version of the
// table."
func TestStaleSchema(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 1, 10))
	newer := testTable(t, directoryTable)
	newer.Version, newer.Fenced = 5, true
	f.do(&command.InstallTable{Table: newer})
	r := f.write(create(directoryTable, 2, 1, 10))
	if outcome(r) != "schema old" || r.Refusal.Schema != 5 {
		t.Fatalf("old version: %+v", r.Refusal)
	}
	w := create(directoryTable, 2, 1, 10)
	w.Schema = 6
	f.expect("newer version", outcome(f.write(w)), "schema new")
	f.do(&command.InstallTable{Table: testTable(t, directoryTable)}) // older: ignored
	f.expect("still", chunkOutcome(t, f.point(directoryTable, 1, 10)), "schema old")
	w = create(9, 2, 1, 10)
	f.expect("unknown table", outcome(f.write(w)), "schema new")
	f.do(&command.DropTable{Table: directoryTable})
	f.expect("dropped", outcome(f.write(create(directoryTable, 2, 1, 10))), "schema old")
	f.expect("installed after the drop", outcome(f.do(&command.InstallTable{Table: newer}).(*command.Result)), "schema old")
	if _, there := f.m.Sizes()[directoryTable]; there {
		t.Fatal("a dropped table has a size")
	}
	f.reopen()
	f.expect("dropped, after a restart", outcome(f.write(create(directoryTable, 2, 1, 10))), "schema old")
}

// Invariant 4: a command is executed at most once, however often it is sent.
func TestCommandsAreExecutedOnce(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 7, 1, 10))
	w := increment(directoryTable, 7, 10)
	w.Schema = schemaVersion
	c := f.command(w)
	first := f.entry(c, c, c)
	for _, r := range first {
		f.expect("in one entry", values(t, r.(*command.Result).Rows), "2")
	}
	f.expect("in the next entry", values(t, f.entry(c)[0].(*command.Result).Rows), "2")
	f.reopen()
	f.expect("after a restart", values(t, f.entry(c)[0].(*command.Result).Rows), "2")

	other := newFixture(t, 1)
	other.become(f)
	f.expect("at a replica that was sent the state", values(t, other.entry(c)[0].(*command.Result).Rows), "2")

	// A refusal is an answer too: when the object has come back, an old copy of the
	// command must not be executed after all.
	refused := f.command(func() *command.Write {
		w := create(directoryTable, 9, 1, 0)
		w.Schema = schemaVersion
		return w
	}())
	f.expect("refused", outcome(f.entry(refused)[0].(*command.Result)), "elsewhere")
	f.expect("refused again", outcome(f.entry(refused)[0].(*command.Result)), "elsewhere")

	// Settled by a later command: forgotten, and not executed.
	f.write(create(directoryTable, 8, 1, 10))
	f.expect("settled", outcome(f.entry(c)[0].(*command.Result)), "expired")
	f.expect("executed once", chunkOutcome(t, f.point(directoryTable, 7, 10)), "7,2,s")

	// A new incarnation voids the old one.
	newer := &command.Command{ID: object.CommandID{Node: "a", Incarnation: 2, Sequence: 1}, Body: w}
	f.expect("newer incarnation", outcome(f.entry(newer)[0].(*command.Result)), "1")
	old := f.command(w)
	f.expect("older incarnation", outcome(f.entry(old)[0].(*command.Result)), "expired")
	f.reopen()
	f.expect("after a restart", outcome(f.entry(old)[0].(*command.Result)), "expired")
	f.expect("newer, again", values(t, f.entry(newer)[0].(*command.Result).Rows), "3")
}

// The window is bounded, and what falls out of it is Expired, on every replica.
func TestWindowIsBounded(t *testing.T) {
	f := newFixture(t, 1)
	id := func(sequence uint64) object.CommandID {
		return object.CommandID{Node: "b", Incarnation: 1, Sequence: sequence}
	}
	w := create(directoryTable, 1, 1, 10)
	w.Schema = schemaVersion
	f.entry(&command.Command{ID: id(1), Body: w})
	f.expect("repeated", outcome(f.entry(&command.Command{ID: id(1), Body: w})[0].(*command.Result)), "1")
	f.entry(&command.Command{ID: id(windowSize + 1), Body: &command.Settle{}})
	f.expect("pushed out", outcome(f.entry(&command.Command{ID: id(1), Body: w})[0].(*command.Result)), "expired")
	if n := len(f.m.senders["b"].stored); n != 1 {
		t.Fatalf("%d records of results are kept", n)
	}
}

// Records of results take the place of those that are forgotten, and what they say of a
// window is the same after a restart.
func TestResultsTakePlaces(t *testing.T) {
	f := newFixture(t, 1)
	f.do(&command.Settle{})
	places := func() (n int) {
		for k := range content(t, f.space) {
			if k[0] == prefixResults {
				n++
			}
		}
		return n
	}
	for range 10 {
		f.do(&command.Settle{}) // settles all before it
	}
	if n := places(); n != 1 {
		t.Errorf("%d records of results, want 1", n)
	}
	f.unsettled = true
	first := f.next + 1
	for range 10 {
		f.do(&command.Settle{})
	}
	if n := places(); n != 11 {
		t.Errorf("%d records of results, want 11", n)
	}
	for range 10 { // a repeat leaves nothing
		f.entry(&command.Command{ID: object.CommandID{Node: "a", Incarnation: 1, Sequence: first}, Body: &command.Settle{}})
	}
	// One that only settles is noted: what is settled is not executed after a restart.
	f.entry(&command.Command{ID: object.CommandID{Node: "a", Incarnation: 1, Sequence: first}, Settled: first + 5, Body: &command.Settle{}})
	before := content(t, f.space)
	f.reopen()
	refused := f.entry(&command.Command{ID: object.CommandID{Node: "a", Incarnation: 1, Sequence: first + 4}, Body: &command.Settle{}})
	f.expect("settled", outcome(refused[0].(*command.Result)), "expired")
	if !maps.Equal(before, content(t, f.space)) {
		t.Error("a refused command has changed what is stored")
	}
	f.unsettled = false
	f.do(&command.Settle{})
	f.do(&command.Settle{})
	if n := places(); n != 1 {
		t.Errorf("%d records of results, want 1", n)
	}
}
