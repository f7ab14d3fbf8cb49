package oracle

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// newWorld makes a world whose steps the test takes itself; see world.
func newWorld(t *testing.T) *world {
	w := &world{t: t, group: newGroup(t), parts: newPartitions(4), exists: make(map[object.ID]bool), counts: make(map[string]int), pinned: make(map[object.ID]bool),
		placed: make(map[object.ID]catalog.Origin), wants: make(map[object.ID]wish)}
	w.rng = newRand(1)
	w.prepare()
	t.Cleanup(func() {
		if t.Failed() {
			for _, line := range w.history {
				t.Log(line)
			}
		}
	})
	return w
}

// directoryID is an object of the table that has entries, staticID of the other.
func (w *world) directoryID() object.ID { return w.ids[4] }
func (w *world) staticID() object.ID    { return w.ids[0] }

func (w *world) assign(id object.ID, p object.PartitionID) assigned {
	return w.group.apply(&assign{items: []catalog.Assignment{{ID: id, Partition: p}}})[0].([]assigned)[0]
}

func (w *world) move(id object.ID, to object.PartitionID) intent {
	return w.group.apply(&beginMoves{to: to, ids: []object.ID{id}})[0].([]intent)[0]
}

// task returns what a driver does for a batch.
func (w *world) task(move object.LocationVersion) *task {
	for _, b := range w.group.machine.work().batches {
		if b.move == move {
			return &task{b: b}
		}
	}
	w.t.Fatalf("there is no batch %d", move)
	return nil
}

// put creates an object as its owner would.
func (w *world) put(id object.ID, at object.Location) {
	w.parts.put(at.Partition, id, "x", at.Version)
	w.exists[id] = true
}

// Read and create overlap: before the oracle knows the id a read finds "none";
// after the assignment and before the create is applied it finds nothing at the
// partition, and the confirmation says the same location.
func TestRaceReadAndCreate(t *testing.T) {
	w := newWorld(t)
	n, id := w.nodes[0], w.directoryID()
	if at := w.locate(n, id); !at.IsZero() || at.Cached {
		t.Errorf("before the assignment: %+v, want none, asked", at)
	}
	first := w.assign(id, 2)
	if second := w.assign(id, 3); second != first || first.location.Partition != 2 {
		t.Errorf("assigned %v, then %v: the first one wins", first, second)
	}
	if at := w.locate(n, id); at.Location != first.location {
		t.Errorf("after the assignment: %+v", at)
	}
	w.command("read", id) // nothing yet: no rows
	w.put(id, first.location)
	w.command("read", id)
	w.check()
}

// A cache is stale at every step of a move: a read finds the object's value or has
// to wait, and a create says that it exists; never "no rows".
func TestRaceReadAndMoveAtEveryStep(t *testing.T) {
	for _, directory := range []bool{true, false} {
		for steps := range 5 {
			t.Run(fmt.Sprintf("directory %v, step %d", directory, steps), func(t *testing.T) {
				w := newWorld(t)
				id, at := w.staticID(), w.home(w.staticID())
				if directory {
					id = w.directoryID()
					at = w.assign(id, 1).location
				}
				w.put(id, at)
				to := at.Partition%4 + 1
				stale := w.nodes[0]
				w.locate(stale, id)
				k := w.task(w.move(id, to).move)
				for range min(steps, 3) {
					w.advance(k)
				}
				if steps == 4 {
					w.settle()
				}
				for _, n := range []*locations{stale, newLocations(1 << 20)} {
					w.nodes = []*locations{n}
					w.command("read", id)
					w.command("create", id)
				}
				if waits := steps == 1; waits != (w.stuck > 0) {
					t.Errorf("%d commands had to wait", w.stuck)
				}
				w.check()
				for ; k.stage < 2; w.advance(k) {
				}
				w.advance(k)
				w.stuck = 0
				w.command("read", id)
				if w.check(); w.stuck > 0 {
					t.Error("the object is not found after the move")
				}
			})
		}
	}
}

// Two moves of an object: the one to the same partition joins, the other waits.
func TestRaceMoveAndMove(t *testing.T) {
	w := newWorld(t)
	id := w.directoryID()
	w.put(id, w.assign(id, 1).location)
	first := w.move(id, 2)
	if again := w.move(id, 2); again.move != first.move || again.busy || again.begun {
		t.Errorf("the same move again: %+v, want %+v", again, first)
	}
	if other := w.move(id, 3); !other.busy || other.move != first.move {
		t.Errorf("another move: %+v, want busy with %d", other, first.move)
	}
	k := w.task(first.move)
	for w.advance(k) {
	}
	second := w.move(id, 3)
	if second.busy || second.move <= first.move {
		t.Errorf("the other move after the first: %+v", second)
	}
	for k := w.task(second.move); w.advance(k); {
	}
	if got := w.parts.copies(id); !slices.Equal(got, []object.PartitionID{3}) {
		t.Errorf("the object lives in %v", got)
	}
	// The first driver comes back late, and does its steps again.
	late := &task{b: k.b}
	for w.advance(late) {
	}
	w.check()
}

// Delete and create: between the two the id is released, and a create that comes
// with the old location is sent back to the oracle at every step.
func TestRaceDeleteAndCreate(t *testing.T) {
	for _, directory := range []bool{true, false} {
		for steps := range 4 {
			t.Run(fmt.Sprintf("directory %v, step %d", directory, steps), func(t *testing.T) {
				w := newWorld(t)
				id, at := w.staticID(), w.home(w.staticID())
				if directory {
					id = w.directoryID()
					at = w.assign(id, 1).location
				} else { // an exception: moved away from its home
					w.put(id, at)
					for k := w.task(w.move(id, at.Partition%4+1).move); w.advance(k); {
					}
					w.settle()
					at = w.ask(w.nodes[0], id, true).Location
				}
				w.put(id, at)
				w.locate(w.nodes[0], id)
				w.locate(w.nodes[1], id)
				delete(w.parts.all[at.Partition].objects, id)
				w.exists[id] = false
				if n := w.group.apply(&beginReleases{ids: []object.ID{id}})[0]; n != 1 {
					t.Fatalf("released %v ids", n)
				}
				k := &task{b: w.group.machine.work().batches[0]}
				for range steps {
					w.advance(k)
				}
				w.command("create", id)
				w.check()
				for ; k.stage < 2; w.advance(k) {
				}
				w.advance(k)
				w.check()
				w.command("create", id)
				w.command("read", id)
				if w.check(); !w.exists[id] {
					t.Error("the object could not be created again")
				}
			})
		}
	}
}

// A move of what is not there fails for that object and changes nothing.
func TestMoveOfNothing(t *testing.T) {
	w := newWorld(t)
	id := w.directoryID()
	if got := w.move(id, 2); got.result != catalog.NotFound {
		t.Errorf("an id without entry: %+v", got)
	}
	at := w.assign(id, 1).location
	if got := w.move(id, 1); got.result != catalog.AlreadyThere {
		t.Errorf("to where it is: %+v", got)
	}
	for k := w.task(w.move(id, 2).move); w.advance(k); {
	}
	if got := w.ask(w.nodes[0], id, true); got.Location != at {
		t.Errorf("after a move of nothing the location is %v, was %v", got.Location, at)
	}
	moves := w.group.machine.moves()
	if len(moves) != 1 || moves[0].State != catalog.MoveFailed || moves[0].Missing != 1 {
		t.Errorf("history %+v", moves)
	}
}

// A create that was stamped before the floor was raised is refused; the oracle
// gives the id a new version at the same partition.
func TestFloorAndCreate(t *testing.T) {
	w := newWorld(t)
	n, id := w.nodes[0], w.directoryID()
	at := w.assign(id, 2).location
	w.locate(n, id)
	w.group.apply(&raiseFloor{}, &raiseFloor{})
	floor := w.group.machine.floor()
	if _, err := w.parts.Execute(t.Context(), 2, &command.RaiseFloor{Floor: floor}); err != nil {
		t.Fatal(err)
	}
	if ok, _, _ := w.parts.all[2].owns(command.Target{ID: id, Version: at.Version}); ok {
		t.Fatal("a create from below the floor is not refused")
	}
	w.nodes = []*locations{n}
	w.command("create", id)
	if w.check(); !w.exists[id] {
		t.Error("the object could not be created")
	}
	if again := w.assign(id, 3).location; again.Partition != 2 || again.Version < floor {
		t.Errorf("the location is %v", again)
	}
}
