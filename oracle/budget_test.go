package oracle

import (
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// manual is a clock that the test sets.
type manual struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

func (m *manual) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

func (m *manual) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = m.at.Add(d)
}

func count(results []catalog.MoveResult, r catalog.MoveResult) (n int) {
	for _, got := range results {
		if got == r {
			n++
		}
	}
	return n
}

// budgeted makes a table with a budget and objects in partition 1; the leader's clock is the
// test's.
func budgeted(t *testing.T, b catalog.Budget, objects int) (*oracleUnderTest, *manual, []object.ID) {
	o := startOracle(t)
	clock := &manual{at: time.Now()}
	o.service.budgets.now = clock.now
	spec := tableSpec("t", false)
	spec.Table.Rules.Budget = b
	d, _, err := o.cache.CreateTable(o.ctx(), spec)
	if err != nil {
		t.Fatal(err)
	}
	var ids []object.ID
	for key := range int64(objects) {
		id := idOf(t, d.ID, key)
		at, err := o.cache.Assign(o.ctx(), []catalog.Assignment{{ID: id, Partition: 1, Origin: byAnn}})
		if err != nil {
			t.Fatal(err)
		}
		o.partitions.put(1, id, "x", at[0].Version)
		ids = append(ids, id)
	}
	return o, clock, ids
}

// Policies move so many objects a second; users as many as they want.
func TestBudgetOfMoves(t *testing.T) {
	o, clock, ids := budgeted(t, catalog.Budget{Moves: 3}, 10)
	policy := catalog.MoveRequest{To: 2, IDs: ids, Origin: byGeo}
	got := o.ask(policy)
	if count(got, catalog.Moved) != 3 || count(got, catalog.Deferred) != 7 {
		t.Errorf("at first: %v", got)
	}
	if got = o.ask(policy); count(got, catalog.AlreadyThere) != 3 || count(got, catalog.Deferred) != 7 {
		t.Errorf("again at once: %v", got)
	}
	// What does not move costs nothing.
	clock.advance(time.Second)
	if got = o.ask(catalog.MoveRequest{To: 2, IDs: ids[:3], Origin: byGeo}); !all(got, catalog.AlreadyThere) {
		t.Errorf("what is there already: %v", got)
	}
	if got = o.ask(catalog.MoveRequest{To: 2, IDs: ids[3:], Origin: byGeo}); count(got, catalog.Moved) != 3 {
		t.Errorf("a second later: %v", got)
	}
	clock.advance(time.Hour) // saves no more than a second's worth
	if got = o.ask(catalog.MoveRequest{To: 3, IDs: ids, Origin: byGeo}); count(got, catalog.Moved) != 3 {
		t.Errorf("an hour later: %v", got)
	}
	for _, origin := range []catalog.Origin{byAnn, {User: "ann", Policy: "geo"}, {}} {
		if got = o.ask(catalog.MoveRequest{To: 4, IDs: ids, Origin: origin}); count(got, catalog.Deferred) != 0 {
			t.Errorf("asked for by %+v: %v", origin, got)
		}
		o.ask(catalog.MoveRequest{To: 1, IDs: ids, Origin: byAnn})
	}
}

func TestBudgetOfBytes(t *testing.T) {
	o, clock, ids := budgeted(t, catalog.Budget{Bytes: 1000}, 4)
	sizes := []int64{600, 5000, 10, 10}
	policy := catalog.MoveRequest{To: 2, IDs: ids, Origin: byGeo, Bytes: sizes}
	if got := o.ask(policy); count(got, catalog.Moved) != 2 || count(got, catalog.Deferred) != 2 {
		t.Errorf("at first: %v", got)
	}
	clock.advance(2 * time.Second)
	if got := o.ask(policy); count(got, catalog.Deferred) != 2 {
		t.Errorf("while the large one is paid off: %v", got)
	}
	clock.advance(3 * time.Second)
	if got := o.ask(policy); count(got, catalog.Moved) != 2 {
		t.Errorf("when it is paid off: %v", got)
	}
}

// A policy does not move what was moved a short time ago; a user does.
func TestCooldown(t *testing.T) {
	w := newWorld(t)
	spec := tableSpec("c", false)
	spec.Table.Rules.Budget.Cooldown = time.Minute
	w.group.apply(&createTable{Request: RequestID{99}, Spec: spec})
	d := w.group.machine.Snapshot().ByName["c"]
	w.parts.install(d)
	id := idOf(t, d.ID, 1)
	began := time.Now()
	a := w.group.apply(&assign{at: began.UnixMicro(), items: []catalog.Assignment{{ID: id, Partition: 1, Origin: byAnn}}})[0].([]assigned)[0]
	w.put(id, a.location)
	begin := func(to object.PartitionID, after time.Duration, origin catalog.Origin) intent {
		c := &beginMoves{to: to, ids: []object.ID{id}, whole: true, at: began.Add(after).UnixMicro(), origin: origin}
		return w.group.apply(c)[0].([]intent)[0]
	}
	end := func(move object.LocationVersion, after time.Duration) {
		k := w.task(move)
		for k.stage < 2 {
			w.advance(k)
		}
		w.group.apply(newFinish(move, k.departed, "", began.Add(after).UnixMicro()))
	}
	first := begin(2, time.Second, byGeo)
	if !first.begun {
		t.Fatalf("a new object: %+v", first)
	}
	end(first.move, 2*time.Second)
	if got := begin(3, 50*time.Second, byGeo); got.result != catalog.Deferred {
		t.Errorf("too early: %+v", got)
	}
	if got := begin(2, 50*time.Second, byGeo); got.result != catalog.AlreadyThere {
		t.Errorf("where it is: %+v", got)
	}
	w.group.restart()
	w.newDriver()
	if got := begin(3, 61*time.Second, byGeo); got.result != catalog.Deferred {
		t.Errorf("still too early, for another leader: %+v", got)
	}
	byHand := begin(3, 61*time.Second, byAnn)
	if !byHand.begun {
		t.Errorf("by hand: %+v", byHand)
	}
	end(byHand.move, 62*time.Second)
	if got := begin(4, 122*time.Second, byGeo); !got.begun {
		t.Errorf("later: %+v", got)
	}
}

// Who asks again for moves that are under way does not pay again, and is not deferred.
func TestBudgetIsPaidOnce(t *testing.T) {
	o, _, ids := budgeted(t, catalog.Budget{Moves: 2}, 3)
	request := &catalog.MoveRequest{To: 2, IDs: ids, Origin: byGeo}
	w := func() *moveWait {
		return &moveWait{request: request, results: make([]catalog.MoveResult, 3), todo: []int{0, 1, 2}, joined: make(map[object.LocationVersion][]int)}
	}
	o.hold(true)
	first := w()
	if err := o.service.intend(o.ctx(), first); err != nil || first.results[2] != catalog.Deferred || len(first.joined) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	again := w()
	if err := o.service.intend(o.ctx(), again); err != nil || again.results[2] != catalog.Deferred || again.results[0] != catalog.MoveUnknown || len(again.joined) != 1 {
		t.Errorf("again: %+v, %v", again, err)
	}
	o.hold(false)
	o.quiet()
	if got := o.ask(*request); count(got, catalog.AlreadyThere) != 2 || got[2] != catalog.Deferred {
		t.Errorf("at last: %v", got)
	}
}

// hold lets no command reach a partition.
func (o *oracleUnderTest) hold(on bool) {
	o.partitions.mu.Lock()
	defer o.partitions.mu.Unlock()
	o.partitions.before = nil
	if on {
		o.partitions.before = func(object.PartitionID, command.Body) error { return errInjected }
	}
}
