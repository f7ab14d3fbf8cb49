package oracle

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

func (w *world) whole(to object.PartitionID, each int, ids ...object.ID) []intent {
	return w.group.apply(&beginMoves{to: to, ids: ids, whole: true, each: each})[0].([]intent)
}

// begun are the batches under way, as from, to and number of ids.
func (w *world) begun() (list []string) {
	for _, b := range w.group.machine.work().batches {
		list = append(list, fmt.Sprintf("%d>%d:%d", b.from, b.to, len(b.ids)))
	}
	return list
}

// directory makes objects of the table with entries, at given partitions.
func (w *world) directory(at ...object.PartitionID) (ids []object.ID) {
	for i, p := range at {
		id := idOf(w.t, w.directoryID().Table(), int64(1000+i))
		w.put(id, w.assign(id, p).location)
		ids = append(ids, id)
	}
	return ids
}

func (w *world) allMove(answers []intent, ids ...int) {
	w.t.Helper()
	for _, i := range ids {
		if answers[i].busy || answers[i].move == 0 {
			w.t.Fatalf("id %d does not move: %+v", i, answers)
		}
	}
}

// The moves of one request are intended by one entry, or not at all.
func TestMovesAreBegunWhole(t *testing.T) {
	w := newWorld(t)
	ids := w.directory(1, 1, 1, 2, 3, 1)
	missing := idOf(t, w.directoryID().Table(), 5000)
	other := w.move(ids[3], 1)
	request := append(slices.Clone(ids), missing, ids[0])
	for range 2 {
		for i, a := range w.whole(4, 2, request...) {
			if !a.busy {
				t.Fatalf("id %d is begun although another is busy: %+v", i, a)
			}
		}
		if got := w.begun(); !slices.Equal(got, []string{"2>1:1"}) {
			t.Fatalf("under way: %v", got)
		}
		w.group.restart()
	}
	w.newDriver()
	for k := w.task(other.move); w.advance(k); {
	}
	answers := w.whole(4, 2, request...)
	if got := w.begun(); !slices.Equal(got, []string{"1>4:2", "1>4:2", "3>4:1", "1>4:1"}) {
		t.Fatalf("under way: %v", got)
	}
	w.allMove(answers, 0, 1, 2, 3, 4, 5)
	if answers[6].result != catalog.NotFound || answers[7].move != answers[0].move || answers[7].begun {
		t.Fatalf("what is not there, and what is named twice: %+v", answers)
	}
	for i := range answers {
		answers[i].begun = false
	}
	if again := w.whole(4, 2, request...); !slices.Equal(again, answers) {
		t.Fatalf("again: %+v, want %+v", again, answers)
	}
	released := w.directory(2)
	w.group.apply(&beginReleases{ids: released})
	if a := w.whole(3, 0, released[0], w.staticID()); !a[0].busy || !a[1].busy {
		t.Fatalf("one is being released: %+v", a)
	}
}

// Where there is no room nothing is begun; where there is, a request may exceed it.
func TestMovesNeedRoom(t *testing.T) {
	w := newWorld(t)
	many := w.directory(slices.Repeat([]object.PartitionID{1}, maxBatches+1)...)
	w.whole(2, 1, many[:maxBatches-1]...)
	answers := w.whole(3, 1, many[maxBatches-1:]...)
	w.allMove(answers, 0, 1)
	next := w.staticID()
	to := w.home(next).Partition%4 + 1
	if a := w.whole(to, 1, next); !a[0].busy {
		t.Fatalf("begun without room: %+v", a)
	}
	if a := w.whole(2, 1, many[0], many[1]); a[0].busy || a[1].busy {
		t.Fatalf("what is under way needs none: %+v", a)
	}
	if n := len(w.begun()); n != maxBatches+1 {
		t.Fatalf("%d batches", n)
	}
	for _, b := range w.group.machine.work().batches[:2] {
		for k := (&task{b: b}); w.advance(k); {
		}
	}
	w.allMove(w.whole(to, 1, next), 0)
}

// What a departure had no room for is intended by the entry that says so.
func TestDeferredFollow(t *testing.T) {
	w := newWorld(t)
	w.parts.most = 2
	ids := w.directory(1, 1, 1, 1, 1)
	w.whole(2, 0, ids...)
	for _, want := range []string{"1>2:5", "1>2:3", "1>2:1"} {
		if got := w.begun(); !slices.Equal(got, []string{want}) {
			t.Fatalf("under way: %v, want %s", got, want)
		}
		w.group.restart()
		w.newDriver()
		if a := w.move(ids[4], 3); !a.busy {
			t.Fatalf("an object that follows may be moved elsewhere: %+v", a)
		}
		k := &task{b: w.group.machine.work().batches[0]}
		for w.advance(k) {
		}
		w.driver.finish("", &k.b, k.departed, "") // by a driver that comes late
		w.check()
	}
	if got := w.begun(); len(got) > 0 {
		t.Fatalf("under way: %v", got)
	}
	for _, id := range ids {
		if got := w.parts.copies(id); !slices.Equal(got, []object.PartitionID{2}) {
			t.Errorf("an object is in %v", got)
		}
	}
}

// The leader is lost at every step of a request whose objects live in several
// partitions, in several batches of which each leaves some behind. From the one
// entry on everything is intended, before it nothing.
func TestLeaderLostAtEveryStepOfManyMoves(t *testing.T) {
	const objects = 9
	var ids []object.ID
	atEveryStep(t, func(o *oracleUnderTest) {
		d := o.createTable("t", false)
		o.changeLeaderTo(2)
		ids = ids[:0]
		for key := range int64(objects) {
			id := idOf(o.t, d.ID, key)
			p := object.PartitionID(1 + key%2)
			at, err := o.cache.Assign(o.ctx(), []catalog.Assignment{{ID: id, Partition: p}})
			if err != nil {
				o.t.Fatal(err)
			}
			o.partitions.put(p, id, "row", at[0].Version)
			ids = append(ids, id)
		}
		o.partitions.most = 1
		o.lost = func(o *oracleUnderTest) {
			intended := 0
			for _, b := range o.group.machine.work().batches {
				intended += len(b.ids)
			}
			at, _, err := o.group.machine.locate(ids)
			if err != nil {
				o.t.Fatal(err)
			}
			for _, l := range at {
				if l.Partition == 3 {
					intended++
				}
			}
			if intended != 0 && intended != objects {
				o.t.Errorf("%d of %d moves are done or intended", intended, objects)
			}
		}
	}, func(o *oracleUnderTest) error {
		results, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 3, IDs: ids})
		if err == nil && slices.ContainsFunc(results, func(r catalog.MoveResult) bool {
			return r != catalog.Moved && r != catalog.AlreadyThere
		}) {
			err = fmt.Errorf("results %v", results)
		}
		return err
	}, func(o *oracleUnderTest) {
		for i, id := range ids {
			if got := o.partitions.copies(id); !slices.Equal(got, []object.PartitionID{3}) {
				o.t.Errorf("object %d lives in %v", i, got)
			}
		}
	})
}

// changeLeaderTo has a leader whose batches have so many objects.
func (o *oracleUnderTest) changeLeaderTo(batch int) {
	o.batch = batch
	o.changeLeader()
}

// A request waits for ids that are busy, and then all of it is carried out.
func TestRequestWaitsForBusyIDs(t *testing.T) {
	o := startOracle(t)
	ids := o.fill(o.createTable("t", false))
	arrived, hold := make(chan struct{}), make(chan struct{})
	o.partitions.mu.Lock()
	o.partitions.before = func(_ object.PartitionID, body command.Body) error {
		if a, ok := body.(*command.Arrive); ok && len(a.Objects) == 1 && !isClosed(hold) {
			if !isClosed(arrived) {
				close(arrived)
			}
			return errInjected // the driver tries again
		}
		return nil
	}
	o.partitions.mu.Unlock()
	at, err := o.cache.Confirm(o.ctx(), ids)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	move := func(to object.PartitionID, ids []object.ID) {
		results, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: to, IDs: ids})
		if err == nil && slices.ContainsFunc(results, func(r catalog.MoveResult) bool { return r == catalog.NotFound || r == catalog.MoveUnknown }) {
			err = fmt.Errorf("to %d: results %v", to, results)
		}
		ended <- err
	}
	first := at[0].Partition%4 + 1
	go move(first, ids[:1])
	<-arrived
	second := first%4 + 1
	calls := o.transport.count(methodMove)
	go move(second, ids)
	eventually(t, "the request has waited once", func() bool { return o.transport.count(methodMove) > calls+1 })
	if w := o.group.machine.work(); len(w.batches) != 1 {
		t.Errorf("%d batches are under way", len(w.batches))
	}
	close(hold)
	for range 2 {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	for i, id := range ids {
		if got := o.partitions.copies(id); !slices.Equal(got, []object.PartitionID{second}) {
			t.Errorf("object %d lives in %v, want %d", i, got, second)
		}
	}
}

// The size of a request is bounded.
func TestRequestOfTooManyMoves(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", true)
	ids := slices.Repeat([]object.ID{idOf(t, d.ID, 1)}, maxMoveObjects+1)
	_, err := o.client.move(o.ctx(), catalog.MoveRequest{To: 3, IDs: ids})
	if e := pgerror.As(err); e == nil || e.Code != pgerror.ProgramLimitExceeded {
		t.Fatalf("got %v", err)
	}
}
