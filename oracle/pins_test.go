package oracle

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// ask has objects moved through the cache.
func (o *oracleUnderTest) ask(request catalog.MoveRequest) []catalog.MoveResult {
	o.t.Helper()
	results, err := o.cache.Move(o.ctx(), request)
	if err != nil {
		o.t.Fatal(err)
	}
	return results
}

func (o *oracleUnderTest) history(id object.ID) []catalog.Placed {
	o.t.Helper()
	places, err := o.cache.History(o.ctx(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	for i, p := range places {
		if p.At.IsZero() || time.Since(p.At) > time.Minute || time.Since(p.At) < -time.Minute {
			o.t.Errorf("place %d is of %v", i, p.At)
		}
		places[i].At = time.Time{}
	}
	return places
}

func (o *oracleUnderTest) wantHistory(id object.ID, want ...catalog.Placed) {
	o.t.Helper()
	if got := o.history(id); !slices.Equal(got, want) {
		o.t.Errorf("history of %x:\n got %+v\nwant %+v", id, got, want)
	}
}

func all(results []catalog.MoveResult, r catalog.MoveResult) bool {
	return !slices.ContainsFunc(results, func(got catalog.MoveResult) bool { return got != r })
}

var (
	byAnn = catalog.Origin{User: "ann"}
	byGeo = catalog.Origin{Policy: "geo", Version: "1.0", Reason: "it is asked again"}
)

// What a user has moved by hand stays: no policy moves it, until the pin is taken off.
func TestPinnedObjectsStay(t *testing.T) {
	for _, static := range []bool{true, false} {
		t.Run(fmt.Sprintf("static %v", static), func(t *testing.T) {
			o := startOracle(t)
			ids := o.fill(o.createTable("t", static))
			o.ask(catalog.MoveRequest{To: 3, IDs: ids, Pin: catalog.Pin, Origin: byAnn})
			if got := o.ask(catalog.MoveRequest{To: 2, IDs: ids, Origin: byGeo}); !all(got, catalog.Pinned) {
				t.Errorf("a policy moves what is pinned: %v", got)
			}
			if got := o.ask(catalog.MoveRequest{To: 3, IDs: ids, Origin: byGeo}); !all(got, catalog.AlreadyThere) {
				t.Errorf("a policy moves what is pinned to where it is: %v", got)
			}
			o.changeLeader()
			if got := o.ask(catalog.MoveRequest{To: 2, IDs: ids, Origin: byGeo}); !all(got, catalog.Pinned) {
				t.Errorf("after a change of the leader: %v", got)
			}
			if got := o.ask(catalog.MoveRequest{To: 4, IDs: ids, Pin: catalog.Pin, Origin: byAnn}); !all(got, catalog.Moved) {
				t.Errorf("a user moves what is pinned: %v", got)
			}
			if got := o.ask(catalog.MoveRequest{To: 4, IDs: ids[:1], Pin: catalog.Unpin, Origin: byAnn}); !all(got, catalog.AlreadyThere) {
				t.Errorf("unpinned where it is: %v", got)
			}
			if got := o.ask(catalog.MoveRequest{To: 2, IDs: ids, Origin: byGeo}); got[0] != catalog.Moved && o.home(ids[0]) != 2 || got[1] != catalog.Pinned || got[2] != catalog.Pinned {
				t.Errorf("one is not pinned any more: %v", got)
			}
			if got := o.partitions.copies(ids[0]); !slices.Equal(got, []object.PartitionID{2}) {
				t.Errorf("it lives in %v", got)
			}
			if got := o.ask(catalog.MoveRequest{To: 1, IDs: ids[1:], Pin: catalog.Unpin, Origin: byAnn}); !all(got, catalog.Moved) {
				t.Errorf("moved and unpinned: %v", got)
			}
			if got := o.ask(catalog.MoveRequest{To: 2, IDs: ids[1:], Origin: byGeo}); !all(got, catalog.Moved) {
				t.Errorf("not pinned any more: %v", got)
			}
		})
	}
}

func (o *oracleUnderTest) home(id object.ID) object.PartitionID {
	snap := o.cache.Catalog()
	return snap.Home(snap.Tables[id.Table()], id).Partition
}

// An object of a static table can be pinned at its home: it has an entry then, which every
// node hears of, so that deleting the object ends the pin.
func TestPinAtHome(t *testing.T) {
	o := startOracle(t)
	id := o.fill(o.createTable("t", true))[0]
	home := o.home(id)
	o.wantHistory(id)
	if got := o.ask(catalog.MoveRequest{To: home, IDs: []object.ID{id}, Pin: catalog.Pin, Origin: byAnn}); !all(got, catalog.AlreadyThere) {
		t.Fatalf("pinned at home: %v", got)
	}
	o.wantHistory(id, catalog.Placed{From: home, To: home, Origin: byAnn, Pinned: true})
	eventually(t, "the node knows of the entry", func() bool {
		known, ok := o.cache.Lookup(id)
		return ok && known.Partition == home && known.Version != 0
	})
	o.quiet()
	if got := o.ask(catalog.MoveRequest{To: home%4 + 1, IDs: []object.ID{id}, Origin: byGeo}); !all(got, catalog.Pinned) {
		t.Errorf("a policy moves it: %v", got)
	}
	// Away and home again by hand: it keeps its entry, until it is unpinned there.
	o.ask(catalog.MoveRequest{To: home%4 + 1, IDs: []object.ID{id}, Pin: catalog.Pin, Origin: byAnn})
	o.ask(catalog.MoveRequest{To: home, IDs: []object.ID{id}, Pin: catalog.Pin, Origin: byAnn})
	if got := o.history(id); len(got) != 3 || !got[2].Pinned || got[2].To != home {
		t.Errorf("history after it came home: %+v", got)
	}
	o.ask(catalog.MoveRequest{To: home, IDs: []object.ID{id}, Pin: catalog.Unpin, Origin: byAnn})
	o.wantHistory(id)
	o.noRemains(t)
	if got := o.ask(catalog.MoveRequest{To: home%4 + 1, IDs: []object.ID{id}, Origin: byGeo}); !all(got, catalog.Moved) {
		t.Errorf("unpinned at home: %v", got)
	}
}

// quiet waits until the leader has nothing to do.
func (o *oracleUnderTest) quiet() {
	o.t.Helper()
	eventually(o.t, "the leader has nothing to do", func() bool {
		w := o.group.machine.work()
		return len(w.batches)+len(w.settling)+len(w.jobs) == 0
	})
}

// noRemains checks that the directory and the histories are empty.
func (o *oracleUnderTest) noRemains(t *testing.T) {
	t.Helper()
	for _, kind := range []byte{keyDirectory, keyPast} {
		if err := scan(o.group.space, kind, func(key, _ []byte) error {
			return fmt.Errorf("key %c%x is left", kind, key)
		}); err != nil {
			t.Error(err)
		}
	}
}

// Deleting an object ends its pin, wherever it lives; a pin of what does not exist ends at
// once.
func TestPinEndsWithTheObject(t *testing.T) {
	for _, static := range []bool{true, false} {
		for _, away := range []bool{true, false} {
			t.Run(fmt.Sprintf("static %v, away %v", static, away), func(t *testing.T) {
				o := startOracle(t)
				id := o.fill(o.createTable("t", static))[0]
				to := o.home(id)
				if away {
					to = to%4 + 1
				}
				for range 3 { // so that there is a past
					o.ask(catalog.MoveRequest{To: to%4 + 1, IDs: []object.ID{id}, Pin: catalog.Pin, Origin: byAnn})
					o.ask(catalog.MoveRequest{To: to, IDs: []object.ID{id}, Pin: catalog.Pin, Origin: byAnn})
				}
				o.cache.Release([]object.ID{id})
				time.Sleep(3 * releaseAfter)
				o.quiet()
				if got := o.history(id); len(got) < 6 {
					t.Fatalf("what lives was released: %+v", got)
				}
				o.partitions.mu.Lock()
				delete(o.partitions.all[to].objects, id)
				o.partitions.mu.Unlock()
				o.cache.Release([]object.ID{id})
				eventually(t, "it is released", func() bool { return len(o.history(id)) == 0 })
				if entries, _, err := o.group.machine.entries("", 10); err != nil || slices.ContainsFunc(entries, func(e entry) bool { return e.id == id }) {
					t.Errorf("entries %v, %v", entries, err)
				}
				if ok, _, _ := o.partitions.all[o.home(id)].owns(command.Target{ID: id}); !ok && static {
					t.Error("it cannot be created at its home again")
				}
			})
		}
	}
}

func TestPinOfNothing(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", true)
	id := idOf(t, d.ID, 7)
	if got := o.ask(catalog.MoveRequest{To: o.home(id), IDs: []object.ID{id}, Pin: catalog.Pin, Origin: byAnn}); !all(got, catalog.AlreadyThere) {
		t.Errorf("pinned: %v", got)
	}
	eventually(t, "its entry is gone", func() bool { return len(o.history(id)) == 0 })
	o.noRemains(t)
	if got := o.ask(catalog.MoveRequest{To: 2, IDs: []object.ID{idOf(t, o.createTable("u", false).ID, 7)}, Pin: catalog.Pin}); !all(got, catalog.NotFound) {
		t.Errorf("of a table that is not static: %v", got)
	}
}

// The sweep takes no entry of a pinned object that lives at its home.
func TestSweepKeepsPins(t *testing.T) {
	w := newWorld(t)
	lives, not := w.ids[0], w.ids[1]
	w.put(lives, w.home(lives))
	for _, id := range []object.ID{lives, not} {
		c := &beginMoves{to: w.home(id).Partition, ids: []object.ID{id}, whole: true, pin: catalog.Pin, origin: byAnn}
		if got := w.group.apply(c)[0].([]intent)[0]; got.result != catalog.AlreadyThere || !got.made {
			t.Fatalf("pinned: %+v", got)
		}
		w.pinned[id], w.placed[id] = true, byAnn
	}
	s := &sweeper{driver: w.driver}
	s.sweep()
	s.sweep()
	batches := w.group.machine.work().batches
	if len(batches) != 1 || !slices.Equal(batches[0].ids, []object.ID{not}) {
		t.Fatalf("released %+v, want %x alone", batches, not)
	}
	for k := (&task{b: batches[0]}); w.advance(k); {
	}
	if places, err := w.group.machine.history(lives); err != nil || len(places) != 1 || !places[0].Pinned {
		t.Errorf("history of what lives: %+v, %v", places, err)
	}
	if places, err := w.group.machine.history(not); err != nil || len(places) != 0 {
		t.Errorf("history of what does not: %+v, %v", places, err)
	}
	w.command("create", not)
	w.command("read", not)
	w.command("delete", lives)
	w.check()
}

// A user pins an object while a policy moves it to the same place: it is pinned when it is
// there. A policy that comes while it is being pinned elsewhere finds it pinned.
func TestRacePinAndMoveOfAPolicy(t *testing.T) {
	w := newWorld(t)
	id := w.directoryID()
	w.put(id, w.assign(id, 1).location)
	begin := func(to object.PartitionID, pin catalog.PinMode, origin catalog.Origin) intent {
		return w.group.apply(&beginMoves{to: to, ids: []object.ID{id}, whole: true, pin: pin, origin: origin, at: 1})[0].([]intent)[0]
	}
	moves := begin(2, catalog.KeepPins, byGeo)
	if got := begin(2, catalog.Pin, byAnn); !got.busy || got.move != moves.move {
		t.Errorf("pinned on its way: %+v, want busy", got)
	}
	w.group.restart()
	w.newDriver()
	for k := w.task(moves.move); w.advance(k); {
	}
	if got := begin(2, catalog.Pin, byAnn); got.result != catalog.AlreadyThere {
		t.Errorf("pinned where it is: %+v", got)
	}
	if got := begin(3, catalog.KeepPins, byGeo); got.result != catalog.Pinned {
		t.Errorf("the policy comes later: %+v", got)
	}
	away := begin(3, catalog.Pin, byAnn)
	if got := begin(1, catalog.KeepPins, byGeo); !got.busy {
		t.Errorf("the policy comes on its way: %+v", got)
	}
	if got := begin(3, catalog.KeepPins, byGeo); got.busy || got.move != away.move {
		t.Errorf("the policy wants it there too: %+v", got)
	}
	w.group.restart()
	w.newDriver()
	for k := w.task(away.move); w.advance(k); {
	}
	if got := begin(1, catalog.KeepPins, byGeo); got.result != catalog.Pinned {
		t.Errorf("the policy comes after it: %+v", got)
	}
	w.check()
}

// Who moves objects, why, and whether they are pinned, travels with the moves; each is
// noted once, whatever step the leader is lost at.
func TestLeaderLostAtEveryStepOfAPin(t *testing.T) {
	var ids []object.ID
	var from []object.PartitionID
	reasons := []string{"one", "two", "three"}
	atEveryStep(t, func(o *oracleUnderTest) {
		o.changeLeaderTo(2)
		ids, from = o.fill(o.createTable("t", true)), nil
		for _, id := range ids {
			from = append(from, o.home(id))
		}
	}, func(o *oracleUnderTest) error {
		_, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 3, IDs: ids, Pin: catalog.Pin, Origin: byAnn, Reasons: reasons})
		return err
	}, func(o *oracleUnderTest) {
		for i, id := range ids {
			if got := o.partitions.copies(id); !slices.Equal(got, []object.PartitionID{3}) {
				o.t.Errorf("object %d lives in %v", i, got)
			}
			o.wantHistory(id, catalog.Placed{From: from[i], To: 3, Origin: catalog.Origin{User: "ann", Reason: reasons[i]}, Pinned: true})
		}
		if got := o.ask(catalog.MoveRequest{To: 2, IDs: ids, Origin: byGeo}); !all(got, catalog.Pinned) {
			o.t.Errorf("a policy moves them: %v", got)
		}
	})
}

// What a departure has no room for follows as it was asked for.
func TestPinsFollow(t *testing.T) {
	w := newWorld(t)
	w.parts.most = 1
	ids := w.directory(1, 1, 1)
	reasons := []string{"one", "two", "three"}
	w.group.apply(&beginMoves{to: 2, ids: ids, whole: true, pin: catalog.Pin, origin: byAnn, reasons: reasons})
	rounds := 0
	for ; len(w.group.machine.work().batches) > 0; rounds++ {
		w.group.restart()
		w.newDriver()
		k := &task{b: w.group.machine.work().batches[0]}
		for k.stage < 2 {
			w.advance(k)
		}
		w.driver.finish("", &k.b, k.departed, "")
	}
	if rounds != len(ids) {
		t.Errorf("moved in %d batches, want %d", rounds, len(ids))
	}
	for i, id := range ids {
		places, err := w.group.machine.history(id)
		want := catalog.Origin{User: "ann", Reason: reasons[i]}
		if err != nil || len(places) == 0 || places[len(places)-1].Origin != want || !places[len(places)-1].Pinned {
			t.Errorf("object %d: %+v, %v", i, places, err)
		}
	}
}
