package oracle

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/replication"
)

func TestNamesAreUnique(t *testing.T) {
	o := startOracle(t)
	first := o.createTable("t", true)
	if _, _, err := o.cache.CreateTable(o.ctx(), tableSpec("t", false)); sqlState(err) != pgerror.DuplicateTable {
		t.Errorf("the same name again: %v, want 42P07", err)
	}
	spec := tableSpec("t", false)
	spec.IfNotExists = true
	if d, created, err := o.cache.CreateTable(o.ctx(), spec); err != nil || created || d.ID != first.ID {
		t.Errorf("IF NOT EXISTS: %+v, created %v, %v", d, created, err)
	}
	other := o.createTable("u", true)
	next := *other
	next.Name = "t"
	if _, err := o.cache.AlterTable(o.ctx(), catalog.Change{Base: refOf(other), Table: &next}); sqlState(err) != pgerror.DuplicateTable {
		t.Errorf("a rename to a name that is taken: %v, want 42P07", err)
	}
}

// Table ids are never reused, and a change whose base is not current is 40001.
func TestChangesNeedTheCurrentVersion(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", true)
	changed, err := o.cache.AlterTable(o.ctx(), alter(d))
	if err != nil || changed.Version <= d.Version {
		t.Fatalf("%+v, %v", changed, err)
	}
	if _, err := o.cache.AlterTable(o.ctx(), alter(d)); sqlState(err) != pgerror.SerializationFailure {
		t.Errorf("a change of an old version: %v, want 40001", err)
	}
	drop := catalog.Drop{Tables: []catalog.TableRef{refOf(changed), refOf(d)}}
	if err := o.cache.DropTables(o.ctx(), drop); sqlState(err) != pgerror.SerializationFailure {
		t.Errorf("dropping an old version: %v, want 40001", err)
	}
	if o.cache.Catalog().Tables[d.ID] == nil {
		t.Error("of two tables to be dropped one was, though not all could be")
	}
	if err := o.cache.DropTables(o.ctx(), catalog.Drop{Tables: []catalog.TableRef{refOf(changed)}}); err != nil {
		t.Fatal(err)
	}
	if again := o.createTable("t", true); again.ID <= d.ID {
		t.Errorf("table id %d was used before", again.ID)
	}
	for id, p := range o.partitions.all {
		if !p.dropped[d.ID] {
			t.Errorf("partition %d was not told of the drop", id)
		}
	}
}

// A request that is sent again, also to another leader, is made once.
func TestRequestsAreMadeOnce(t *testing.T) {
	g := newGroup(t)
	g.apply(&initialise{Partitions: fourPartitions()})
	c := &createTable{Request: RequestID{1}, Spec: tableSpec("t", true)}
	first := g.apply(c)[0].(schemaAnswer)
	g.restart()
	again := g.apply(c)[0].(schemaAnswer)
	if first.request.Err != nil || again.request.Err != nil || again.request.Table != first.request.Table || len(g.machine.Snapshot().Tables) != 1 {
		t.Errorf("first %+v, again %+v", first, again)
	}
	for i := range 2 * maxRequests {
		id := RequestID{2, byte(i), byte(i >> 8)}
		g.apply(&dropTables{Request: id, Drop: catalog.Drop{Tables: []catalog.TableRef{{ID: 1, Name: "x"}}}})
	}
	if n := len(g.machine.st.requests); n > maxRequests+1 {
		t.Errorf("%d requests are remembered, the bound is %d", n, maxRequests)
	}
	g.restart()
	if n := len(g.machine.st.requests); n > maxRequests+1 {
		t.Errorf("%d requests are stored", n)
	}
}

// What is stored is all there is: a machine that reads it is equal to the one that
// wrote it.
func TestRestartChangesNothing(t *testing.T) {
	w := newWorld(t)
	for range 300 {
		w.step()
	}
	before := w.group.machine.st
	w.group.restart()
	after := w.group.machine.st
	if fmt.Sprintf("%+v", before.counters) != fmt.Sprintf("%+v", after.counters) || before.unfinished != after.unfinished ||
		len(before.batches) != len(after.batches) || len(before.history) != len(after.history) ||
		len(before.jobs) != len(after.jobs) || len(before.tables) != len(after.tables) {
		t.Errorf("before %+v, after %+v", before.counters, after.counters)
	}
	for move, b := range before.batches {
		if got := after.batches[move]; got == nil || !slices.Equal(got.append(nil), b.append(nil)) {
			t.Errorf("batch %d: %+v, want %+v", move, got, b)
		}
	}
	if !slices.Equal(before.history, after.history) {
		t.Error("another history")
	}
}

// While a table is fenced nothing is assigned and nothing begins to move.
func TestFencedTables(t *testing.T) {
	w := newWorld(t)
	id := w.directoryID()
	w.put(id, w.assign(id, 1).location)
	d := w.group.machine.Snapshot().ByName["t1"]
	w.group.apply(&alterTable{Request: RequestID{9}, Change: alter(d)})
	if got := w.move(id, 2); !got.busy {
		t.Errorf("move: %+v, want busy", got)
	}
	if got := w.assign(w.ids[5], 2); !got.busy || !got.location.IsZero() {
		t.Errorf("assign: %+v, want busy", got)
	}
	if n := w.group.apply(&beginReleases{ids: []object.ID{id}})[0]; n != 0 {
		t.Errorf("%v ids are being released", n)
	}
	fenced := w.group.machine.Snapshot().ByName["t1"]
	if fenced == nil || !fenced.Fenced || len(fenced.Columns) != 3 || fenced.Version <= d.Version {
		t.Errorf("fenced descriptor %+v", fenced)
	}
	// Its names are taken for as long, and whoever wants one has to wait.
	for _, name := range []string{"t1", "renamed"} {
		if got := w.group.apply(&createTable{Request: RequestID{7}, Spec: tableSpec(name, true)})[0].(schemaAnswer); !got.busy {
			t.Errorf("create table %s: %+v, want busy", name, got)
		}
	}
}

func TestViolations(t *testing.T) {
	d := *tableSpec("t", true).Table
	holds, err := expr.NewOperator("<>", expr.NewColumn(1, datum.Text, "v"), expr.NewConst(datum.NewText("bad"), datum.Text))
	if err != nil {
		t.Fatal(err)
	}
	d.Checks = []catalog.Check{{Name: "good", Text: "v <> 'bad'", Expr: expr.Append(nil, holds)}}
	list, failure := violations(&d, &catalog.Change{NotNull: []int{1}, Checks: []int{0}, Empty: []int{1}})
	if failure != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, failure)
	}
	rows := map[string]datum.Datum{"null": {}, "bad": datum.NewText("bad"), "ok": datum.NewText("ok")}
	want := map[string][]bool{"null": {true, true, false}, "bad": {true, false, true}, "ok": {true, false, false}}
	for name, v := range rows {
		for i, violation := range list {
			violates := violation.filter == nil
			if !violates {
				violates, _, err = expr.EvalBool(violation.filter, &expr.Env{Row: []datum.Datum{datum.NewInt(1), v}})
				if err != nil {
					t.Fatal(err)
				}
			}
			if violates != want[name][i] {
				t.Errorf("row %s violates %s: %v", name, violation.err.Message, violates)
			}
		}
	}
	for i, code := range []string{"23502", "23502", "23514"} {
		if list[i].err.Code != code {
			t.Errorf("violation %d is %s, want %s", i, list[i].err.Code, code)
		}
	}
}

// An error of the expression itself ends the change, and takes it back.
func TestCheckThatCannotBeEvaluated(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", true)
	o.partitions.put(1, idOf(t, d.ID, 1), "divide by zero", 0)
	if _, err := o.cache.AlterTable(o.ctx(), alter(d)); sqlState(err) != pgerror.DivisionByZero {
		t.Errorf("got %v, want 22012", err)
	}
	if got := o.cache.Catalog().ByName["t"]; got == nil || got.Fenced || len(got.Columns) != 2 {
		t.Errorf("the catalog says %+v", got)
	}
}

// Ids that were assigned and never created, or whose release was lost, are swept;
// what holds an object stays.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	full, empty := w.ids[4], w.ids[5]
	w.put(full, w.assign(full, 1).location)
	w.assign(empty, 2)
	s := &sweeper{driver: w.driver}
	s.sweep()
	young := w.ids[6]
	w.assign(young, 3)
	s.sweep()
	batches := w.group.machine.work().batches
	if len(batches) != 1 || !slices.Equal(batches[0].ids, []object.ID{empty}) || !batches[0].release {
		t.Fatalf("released %+v, want %x alone", batches, empty)
	}
	for k := (&task{b: batches[0]}); w.advance(k); {
	}
	if at := w.ask(w.nodes[0], empty, true); !at.IsZero() {
		t.Errorf("the directory says %v of a swept id", at.Location)
	}
	// Below the floor the partition does not own it any more; it is swept all the same.
	w.group.apply(&raiseFloor{})
	if _, err := w.parts.Execute(t.Context(), 3, &command.RaiseFloor{Floor: w.group.machine.floor()}); err != nil {
		t.Fatal(err)
	}
	s.sweep()
	if batches := w.group.machine.work().batches; len(batches) != 1 || batches[0].ids[0] != young {
		t.Errorf("released %+v, want %x", batches, young)
	}
}

// The leader raises the floor when much can be forgotten, and tells partitions.
func TestFloorIsRaised(t *testing.T) {
	o := startOracle(t)
	o.service.Close()
	var err error
	o.service, err = NewService(ServiceConfig{Transport: o.transport, Sweep: -1, FloorAfter: 3}, o.group.machine, o.group, o.partitions)
	if err != nil {
		t.Fatal(err)
	}
	d := o.createTable("t", false)
	ids := o.fill(d)
	if _, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 4, IDs: ids}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 1, IDs: ids}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all partitions know a floor", func() bool {
		o.partitions.mu.Lock()
		defer o.partitions.mu.Unlock()
		for _, p := range o.partitions.all {
			if p.floor == 0 {
				return false
			}
		}
		return true
	})
	located, err := o.cache.Confirm(o.ctx(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range located {
		if l.Partition != 1 || l.Version < o.group.machine.floor() {
			t.Errorf("object %d: %v, floor %d", i, l, o.group.machine.floor())
		}
	}
}

// Beyond the bound of moves under way, further ones wait and are made later.
func TestMovesAreBounded(t *testing.T) {
	w := newWorld(t)
	table := w.directoryID().Table()
	for key := range int64(maxBatches + 1) {
		id := idOf(t, table, 1000+key)
		w.assign(id, 1)
		if got, full := w.move(id, 2), key == maxBatches; got.busy != full {
			t.Fatalf("move %d: %+v", key, got)
		}
	}
	if n := len(w.group.machine.moves()); n != maxBatches {
		t.Errorf("%d moves are listed", n)
	}
	if _, err := (&Service{machine: w.group.machine}).handleMove(t.Context(), appendMoveRequest(nil, &catalog.MoveRequest{To: 77, IDs: w.ids[:1]})); sqlState(err) != pgerror.InvalidParameterValue {
		t.Errorf("a partition that does not exist: %v", err)
	}
}

// A table is dropped while a partition has not been told of its creation yet.
func TestDropOvertakesCreate(t *testing.T) {
	o := startOracle(t)
	version := make(chan object.SchemaVersion, 1)
	o.partitions.mu.Lock()
	o.partitions.before = func(p object.PartitionID, body command.Body) error {
		c, ok := body.(*command.InstallTable)
		if !ok || p != 4 || c.Table.Fenced {
			return nil
		}
		select {
		case version <- c.Table.Version:
		default:
		}
		return errInjected
	}
	o.partitions.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		_, _, err := o.cache.CreateTable(o.ctx(), tableSpec("t", true))
		ended <- err
	}()
	<-version
	d := o.group.machine.Snapshot().ByName["t"]
	if err := o.cache.DropTables(o.ctx(), catalog.Drop{Tables: []catalog.TableRef{refOf(d)}}); err != nil {
		t.Fatal(err)
	}
	o.calm()
	if err := <-ended; sqlState(err) != pgerror.SerializationFailure {
		t.Errorf("create table: %v, want 40001", err)
	}
	eventually(t, "no job is left", func() bool { return len(o.group.machine.work().jobs) == 0 })
}

// What a departure deferred is moved by the next batch.
func TestDeferredObjectsAreMovedLater(t *testing.T) {
	w := newWorld(t)
	var ids []object.ID
	for _, id := range w.ids[4:6] {
		w.put(id, w.assign(id, 1).location)
		ids = append(ids, id)
	}
	wait := &moveWait{
		request: &catalog.MoveRequest{To: 2, IDs: ids}, results: make([]catalog.MoveResult, 2),
		todo: []int{0, 1}, joined: make(map[object.LocationVersion][]int),
	}
	if err := w.driver.intend(t.Context(), wait); err != nil || len(wait.joined) != 1 {
		t.Fatal(wait.joined, err)
	}
	b := w.group.machine.work().batches[0]
	w.group.apply(&finish{move: b.move, fates: []fate{gone, deferred}})
	w.group.machine.collect(wait)
	if !slices.Equal(wait.todo, []int{1}) || wait.results[0] != catalog.Moved || len(wait.joined) != 0 {
		t.Errorf("%+v", wait)
	}
	if moves := w.group.machine.moves(); moves[0].Objects != 1 || moves[0].Moved != 1 || moves[0].Missing != 0 {
		t.Errorf("history %+v", moves)
	}
}

// Who waits for a move may look at any time, also in the midst of the entry that
// finishes it: where the move is seen to be finished, its outcome is known.
func TestOutcomeComesWithItsMove(t *testing.T) {
	w := newWorld(t)
	id := w.ids[4]
	w.put(id, w.assign(id, 1).location)
	wait := &moveWait{
		request: &catalog.MoveRequest{To: 2, IDs: []object.ID{id}}, results: make([]catalog.MoveResult, 1),
		todo: []int{0}, joined: make(map[object.LocationVersion][]int),
	}
	if err := w.driver.intend(t.Context(), wait); err != nil || len(wait.joined) != 1 {
		t.Fatal(wait.joined, err)
	}
	machine, b := w.group.machine, w.group.space.NewBatch()
	defer b.Close()
	machine.BeginEntry(replication.Entry{Index: 1 << 20, Term: 1}, b)
	finished := &finish{move: machine.work().batches[0].move, fates: []fate{gone}}
	if _, err := machine.Execute(finished.append(nil)); err != nil {
		t.Fatal(err)
	}
	machine.collect(wait)
	if wait.results[0] != catalog.Moved || len(wait.todo) != 0 || len(wait.joined) != 0 {
		t.Errorf("in the midst of the entry: %+v", wait)
	}
}
