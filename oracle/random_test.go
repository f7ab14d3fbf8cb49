package oracle

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

var (
	randomSeed = flag.Uint64("random.seed", 0, "the one seed to run; 0 runs many")
	randomRuns = flag.Uint64("random.runs", 150, "how many seeds to run")
)

// TestOneCopyInRandomOrders takes random steps: commands of two nodes with caches
// that are old, moves, releases, every step of the oracle's drivers (also by
// drivers that were replaced and do not know it), floors and restarts. It holds
// invariant 1 after each step (one copy of what exists, none of what does not),
// and every answer is that of a plain map.
func TestOneCopyInRandomOrders(t *testing.T) {
	if *randomSeed != 0 {
		runWorld(t, *randomSeed, 600, make(map[string]int))
		return
	}
	total := make(map[string]int)
	for seed := uint64(1); seed <= *randomRuns && !t.Failed(); seed++ {
		runWorld(t, seed, 600, total)
	}
	for _, what := range []string{"created", "moved", "pinned in place", "pinned", "barred", "deferred", "not assigned"} {
		if total[what] == 0 && !t.Failed() {
			t.Errorf("nothing was %s: %v", what, total)
		}
	}
}

// world is a whole system whose every step is the test's.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	group   *memoryGroup
	parts   *memoryPartitions
	driver  *driver
	nodes   []*locations
	ids     []object.ID
	exists  map[object.ID]bool // what is true
	tasks   []*task            // of drivers, the present one's and those of before
	history []string
	stuck   int // commands that found no way
	counts  map[string]int
	pinned  map[object.ID]bool           // what is true
	placed  map[object.ID]catalog.Origin // by whom, last; what is true
	wants   map[object.ID]wish           // of moves under way
	closed  object.PartitionID           // the partition that is closed; 0: none
	changes byte                         // of partitions' limits, for their requests
}

// wish is what a request of moves wants of an object.
type wish struct {
	pinned bool
	origin catalog.Origin
}

// task is a batch as a driver works on it.
type task struct {
	b        batch
	stage    int
	departed *command.Departed
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func runWorld(t *testing.T, seed uint64, steps int, total map[string]int) {
	w := &world{
		t: t, rng: newRand(seed), group: newGroup(t), parts: newPartitions(4),
		exists: make(map[object.ID]bool), counts: make(map[string]int), pinned: make(map[object.ID]bool),
		placed: make(map[object.ID]catalog.Origin), wants: make(map[object.ID]wish),
	}
	defer func() {
		if t.Failed() {
			for _, line := range w.history[max(0, len(w.history)-60):] {
				t.Log(line)
			}
			t.Logf("again: go test ./oracle -run %s -random.seed %d", t.Name(), seed)
		}
	}()
	w.parts.most = w.rng.IntN(3)
	w.prepare()
	for range steps {
		w.step()
		if w.check(); t.Failed() {
			return
		}
	}
	w.drain()
	w.check()
	for what, n := range w.counts {
		total[what] += n
	}
	if w.counts["created"] == 0 || w.counts["moved"] == 0 {
		t.Errorf("seed %d: nothing happened: %v", seed, w.counts)
	}
}

func (w *world) prepare() {
	w.group.apply(&initialise{Partitions: fourPartitions()})
	for i, static := range []bool{true, false} {
		spec := tableSpec(fmt.Sprintf("t%d", i), static)
		w.group.apply(&createTable{Request: RequestID{byte(i + 1)}, Spec: spec})
	}
	snap := w.group.machine.Snapshot()
	for _, table := range []string{"t0", "t1"} {
		d := snap.ByName[table]
		w.parts.install(d)
		for key := range int64(4) {
			w.ids = append(w.ids, idOf(w.t, d.ID, key))
		}
	}
	for s, l := range snap.Slots {
		w.parts.all[l.Partition].slots[object.Slot(s)] = true
	}
	w.newDriver()
	for range 2 {
		w.nodes = append(w.nodes, newLocations(1<<20))
	}
}

// newDriver makes a driver that does nothing by itself.
func (w *world) newDriver() {
	s := &Service{
		cfg: ServiceConfig{MoveBatch: 512, MoveBytes: 1 << 20}, logger: slog.New(slog.DiscardHandler), machine: w.group.machine, group: w.group,
		partitions: w.parts, active: make(map[object.LocationVersion]bool),
	}
	w.driver = &driver{Service: s, ctx: context.Background()}
}

func (w *world) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

func (w *world) id() object.ID     { return w.ids[w.rng.IntN(len(w.ids))] }
func (w *world) some() []object.ID { return []object.ID{w.id(), w.id()} }
func (w *world) node() *locations  { return w.nodes[w.rng.IntN(len(w.nodes))] }
func (w *world) target() object.PartitionID {
	return object.PartitionID(1 + w.rng.IntN(4))
}

func (w *world) step() {
	switch n := w.rng.IntN(100); {
	case n < 18:
		w.command("create", w.id())
	case n < 28:
		w.command("read", w.id())
	case n < 40:
		w.command("delete", w.id())
	case n < 50:
		w.beginMoves()
	case n < 56:
		c := &beginReleases{ids: w.some()}
		w.note("begin releases %x: %v", c.ids, w.group.apply(c)[0])
	case n < 90:
		w.drive()
	case n < 93:
		w.floor()
	case n < 95:
		w.note("new leader")
		w.group.restart()
		w.newDriver()
	case n < 96:
		w.close()
	case n < 97:
		w.nodes[w.rng.IntN(len(w.nodes))] = newLocations(1 << 20)
	default:
		w.settle()
	}
}

// beginMoves intends to move objects, for a policy or for a user who pins them or does not.
// The policy moves nothing that is pinned.
func (w *world) beginMoves() {
	c := &beginMoves{to: w.target(), ids: w.some(), at: int64(1 + len(w.history))}
	if c.whole = w.rng.IntN(3) > 0; c.whole {
		c.ids, c.each = append(c.ids, w.some()...), w.rng.IntN(3)
		c.pin, c.origin = catalog.PinMode(w.rng.IntN(3)), byAnn
		if c.pin == catalog.KeepPins {
			c.origin, c.unpaid = byGeo, w.rng.IntN(2)
		}
		if w.rng.IntN(2) == 0 {
			for i := range c.ids {
				c.reasons = append(c.reasons, fmt.Sprint("reason ", i%2))
			}
		}
	}
	answers := w.group.apply(c)[0].([]intent)
	w.note("begin moves %x to %d, pins %d: %+v", c.ids, c.to, c.pin, answers)
	for i, id := range c.ids {
		a := answers[i]
		want := wish{c.pin == catalog.Pin, c.origin}
		if c.reasons != nil {
			want.origin.Reason = c.reasons[i]
		}
		if a.begun {
			w.wants[id] = want
		}
		switch {
		case a.begun && c.pin == catalog.KeepPins && w.pinned[id]:
			w.t.Errorf("object %x is pinned, and a policy moves it", id)
		case a.begun && c.to == w.closed:
			w.t.Errorf("object %x moves to partition %d, which is closed", id, c.to)
		case a.begun && i >= len(c.ids)-c.unpaid:
			w.t.Errorf("object %x moves, and is not paid for", id)
		case a.result == catalog.Pinned && !w.pinned[id]:
			w.t.Errorf("object %x is not pinned", id)
		case a.result == catalog.AlreadyThere && c.pin != catalog.KeepPins:
			if w.pinned[id] != want.pinned {
				w.pinned[id], w.placed[id] = want.pinned, want.origin
				w.counts["pinned in place"]++
			}
		case a.result == catalog.Pinned, a.result == catalog.Barred, a.result == catalog.Deferred:
			w.counts[a.result.String()]++
		}
	}
}

// close closes a partition, and opens the one that was.
func (w *world) close() {
	for _, p := range []object.PartitionID{w.closed, w.target()} {
		if p == 0 {
			continue
		}
		w.changes++
		w.closed = p * object.PartitionID(w.rng.IntN(2))
		change := catalog.PartitionChange{Partition: p, Limits: catalog.PartitionLimits{Closed: w.closed == p}}
		w.group.apply(&changePartition{Request: RequestID{200, w.changes}, Change: change})
		w.note("partition %d closed: %v", p, w.closed == p)
	}
}

// drive takes one step of a batch, by the present driver or by one that was
// replaced.
func (w *world) drive() {
	for _, b := range w.group.machine.work().batches {
		if w.rng.IntN(3) == 0 || len(w.tasks) == 0 {
			w.tasks = append(w.tasks, &task{b: b})
		}
	}
	if len(w.tasks) == 0 {
		return
	}
	i := w.rng.IntN(len(w.tasks))
	if !w.advance(w.tasks[i]) || len(w.tasks) > 12 {
		w.tasks = append(w.tasks[:i], w.tasks[i+1:]...)
	}
}

// advance takes a task's next step; false ends the task.
func (w *world) advance(k *task) bool {
	var err error
	w.note("batch %d (%d -> %d, %x), step %d", k.b.move, k.b.from, k.b.to, k.b.ids, k.stage)
	switch k.stage {
	case 0:
		k.departed, _, err = w.driver.depart(&k.b)
	case 1:
		if !k.b.release {
			err = w.driver.arrive(&k.b, k.departed)
			break
		}
		for home, ids := range w.driver.machine.homes(&k.b, k.departed) {
			arrive := &command.Arrive{Move: k.b.move}
			for _, id := range ids {
				arrive.Objects = append(arrive.Objects, command.Arrival{ID: id})
			}
			if _, e := w.driver.execute(home, k.b.table, arrive); e != nil {
				err = e
			}
		}
	case 2:
		live := w.driver.liveBatch(k.b.move)()
		w.driver.finish("", &k.b, k.departed, "")
		for i, id := range k.b.ids {
			switch gone := live && k.departed.Objects[i].Gone; {
			case gone && k.b.release:
				w.pinned[id], w.placed[id] = false, catalog.Origin{}
			case gone:
				w.pinned[id], w.placed[id] = w.wants[id].pinned, w.wants[id].origin
			}
		}
		w.counts["moved"]++
		return false
	}
	if err != nil {
		w.note("  refused: %v", err)
		return false
	}
	k.stage++
	return true
}

func (w *world) floor() {
	floor := w.group.apply(&raiseFloor{})[0].(object.LocationVersion)
	w.note("floor %d", floor)
	for p := range object.PartitionID(4) {
		if w.rng.IntN(4) > 0 {
			_, _ = w.parts.Execute(context.Background(), p+1, &command.RaiseFloor{Floor: floor})
		}
	}
}

func (w *world) settle() {
	for from, moves := range w.group.machine.work().settling {
		_, _ = w.parts.Execute(context.Background(), from, &command.Settle{Moves: moves})
		w.group.apply(&settled{moves: moves})
		w.note("settled %v", moves)
	}
}

// locate finds an object as an executor does, from a node's cache first.
func (w *world) locate(n *locations, id object.ID) catalog.Located {
	if known, ok := n.lookup(id); ok {
		return known
	}
	if w.static(id) {
		return catalog.Located{Location: w.home(id)}
	}
	return w.ask(n, id, false)
}

func (w *world) static(id object.ID) bool {
	return w.group.machine.Snapshot().Tables[id.Table()].Placement.Static
}

func (w *world) home(id object.ID) object.Location {
	snap := w.group.machine.Snapshot()
	return object.Location{Partition: snap.Home(snap.Tables[id.Table()], id).Partition}
}

// ask asks the oracle, and the node learns the answer.
func (w *world) ask(n *locations, id object.ID, confirm bool) catalog.Located {
	locations, clock, err := w.group.machine.locate([]object.ID{id})
	if err == nil && confirm {
		err = w.driver.restamp(context.Background(), []object.ID{id}, locations)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	l := locations[0]
	if !l.IsZero() {
		n.learn(id, l, false, anybody)
		return catalog.Located{Location: l}
	}
	n.forget(id, object.LocationVersion(clock))
	if w.static(id) {
		l = w.home(id)
	}
	return catalog.Located{Location: l}
}

// command executes one command of a node, following redirects as an executor does.
// It compares the answer with what is true.
func (w *world) command(kind string, id object.ID) {
	n := w.node()
	at := w.locate(n, id)
	for range 8 {
		if at.IsZero() && kind == "create" {
			answer := w.group.apply(&assign{items: []catalog.Assignment{{ID: id, Partition: w.target()}}})[0].([]assigned)[0]
			if answer.barred {
				w.counts["not assigned"]++
			} else {
				n.learn(id, answer.location, false, anybody)
			}
			at = catalog.Located{Location: answer.location}
		}
		if at.IsZero() {
			w.answer(kind, id, false)
			return
		}
		target := command.Target{ID: id, Version: at.Version, Arriving: at.Arriving}
		p := w.parts.all[at.Partition]
		ok, awaited, elsewhere := p.owns(target)
		w.note("%s %x at %s (cached %v, arriving %v): owns %v, awaited %v, elsewhere %s", kind, id, at.Location, at.Cached, at.Arriving, ok, awaited, elsewhere)
		switch {
		case awaited:
			w.stuck++
			return
		case !ok && elsewhere.IsZero():
			at = w.ask(n, id, true)
			continue
		case !ok:
			n.learn(id, elsewhere, true, anybody)
			at = catalog.Located{Location: elsewhere, Arriving: true}
			continue
		}
		_, there := p.objects[id]
		if !there && kind != "create" && at.Cached {
			if confirmed := w.ask(n, id, true); confirmed.Location != at.Location {
				at = confirmed
				continue
			}
		}
		w.answer(kind, id, there)
		switch {
		case kind == "create" && !there:
			p.objects[id] = memoryObject{row: "x", version: at.Version}
			w.exists[id] = true
			w.counts["created"]++
		case kind == "delete" && there:
			delete(p.objects, id)
			w.exists[id] = false
			if w.rng.IntN(2) == 0 {
				w.group.apply(&beginReleases{ids: []object.ID{id}})
			}
		}
		return
	}
	w.stuck++
}

func (w *world) answer(kind string, id object.ID, there bool) {
	if w.exists[id] != there {
		w.t.Errorf("%s of %x: the answer says exists=%v, the truth is %v", kind, id, there, w.exists[id])
	}
}

// check holds invariant 1, and, of one object at a time, what is known of its places.
func (w *world) check() {
	w.checkPlaces(w.ids[len(w.history)%len(w.ids)])
	for _, id := range w.ids {
		copies := len(w.parts.copies(id))
		if w.parts.inTransit(id) {
			copies++
		}
		want := 0
		if w.exists[id] {
			want = 1
		}
		if copies != want {
			w.t.Errorf("object %x: %d copies, exists=%v", id, copies, w.exists[id])
		}
	}
}

// checkPlaces compares an object's history with what is true: its end is where the object
// lives, each place follows the one before, and it goes with the entry.
func (w *world) checkPlaces(id object.ID) {
	places, err := w.group.machine.history(id)
	at, _, err2 := w.group.machine.locate([]object.ID{id})
	_, past, err3 := w.group.space.Get(nil, append([]byte{keyPast}, id...))
	if err != nil || err2 != nil || err3 != nil {
		w.t.Fatal(err, err2, err3)
	}
	n := len(places)
	if (n > 0) != (at[0].Partition != 0) || past != (n > 1) || n > maxPast+1 {
		w.t.Errorf("object %x at %v has %d places, older ones %v", id, at[0], n, past)
	}
	if pinned := n > 0 && places[n-1].Pinned; pinned != w.pinned[id] {
		w.t.Errorf("object %x is pinned: %v, its places: %+v", id, w.pinned[id], places)
	}
	if n > 0 && places[n-1].Origin != w.placed[id] {
		w.t.Errorf("object %x was placed by %+v, its places: %+v", id, w.placed[id], places)
	}
	for i, p := range places {
		if i > 0 && p.From != places[i-1].To || i == n-1 && p.To != at[0].Partition {
			w.t.Errorf("object %x at %v: its places do not follow one another: %+v", id, at[0], places)
		}
	}
}

// drain finishes what is under way; then every object must be found from a cache
// that is empty, and from those that are old.
func (w *world) drain() {
	for range 20 {
		for _, b := range w.group.machine.work().batches {
			k := &task{b: b}
			for w.advance(k) {
			}
		}
	}
	w.settle()
	if left := w.group.machine.work(); len(left.batches) > 0 || len(left.settling) > 0 {
		w.t.Errorf("batches are left: %+v", left)
	}
	for _, id := range w.ids {
		w.checkPlaces(id)
	}
	w.nodes = append(w.nodes, newLocations(1<<20))
	w.stuck = 0
	for range 4 {
		for _, id := range w.ids {
			w.command("read", id)
		}
	}
	if w.stuck > 0 {
		w.t.Errorf("%d objects could not be found when nothing was under way", w.stuck)
	}
}
