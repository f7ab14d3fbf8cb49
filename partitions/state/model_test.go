package state

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

var (
	modelSeed  = flag.Uint64("model.seed", 0, "seed of TestModel; 0: a few fixed ones")
	modelSteps = flag.Int("model.steps", 3000, "steps of TestModel")
)

// TestModel runs random commands of clients with stale caches against three
// partitions, between the steps of random moves and releases, with steps and
// commands repeated, partitions restarted and floors raised. Every answer must be
// that of a map (invariants 1 and 4), there must be exactly one copy of each
// object at the end, and a replica that applies the same log must hold the same
// bytes (invariant 5).
func TestModel(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4, 5, 6}
	if *modelSeed != 0 {
		seeds = []uint64{*modelSeed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed, *modelSteps) })
	}
}

const modelPartitions = 3

// world is partitions, an oracle, clients' caches, and what all of it should
// amount to.
type world struct {
	t          *testing.T
	rnd        *rand.Rand
	partitions map[object.PartitionID]*fixture
	version    object.LocationVersion // of the oracle's log
	directory  map[object.ID]object.Location
	arriving   map[object.ID]bool // departed and not yet arrived
	busy       map[object.ID]bool // in a move or release
	assigned   map[object.ID]bool // has an entry, perhaps without an object ever
	jobs       []*job
	history    []func() // to repeat what was sent before
	caches     [2]map[object.ID]cached
	model      map[object.ID]int
	trace      []string
}

type cached struct {
	object.Location
	arriving bool
}

// job is a move or a release, step by step.
type job struct {
	move     object.LocationVersion
	from, to object.PartitionID
	id       object.ID
	step     int
	departed *command.Departed
}

func runModel(t *testing.T, seed uint64, steps int) {
	w := &world{
		t: t, rnd: rand.New(rand.NewPCG(seed, 0)), partitions: make(map[object.PartitionID]*fixture), version: 100,
		directory: make(map[object.ID]object.Location), arriving: make(map[object.ID]bool), busy: make(map[object.ID]bool),
		assigned: make(map[object.ID]bool), model: make(map[object.ID]int),
	}
	for i := range w.caches {
		w.caches[i] = make(map[object.ID]cached)
	}
	for p := object.PartitionID(1); p <= modelPartitions; p++ {
		f := newFixture(t, p)
		var slots []object.Slot
		for s := object.Slot(0); s < object.Slots; s++ {
			if object.PartitionID(s%modelPartitions)+1 == p {
				slots = append(slots, s)
			}
		}
		f.do(&command.InstallSlots{Slots: slots, Version: 1})
		w.partitions[p] = f
	}
	defer func() {
		if t.Failed() {
			for _, line := range w.trace[max(0, len(w.trace)-60):] {
				t.Log(line)
			}
			t.Logf("again: go test -run TestModel ./partitions/state -model.seed=%d -model.steps=%d", seed, steps)
		}
	}()
	for range steps {
		w.step()
	}
	for len(w.jobs) > 0 {
		w.advance(0)
	}
	w.finish()
}

func (w *world) note(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf(format, args...))
}

func (w *world) step() {
	switch n := w.rnd.IntN(100); {
	case n < 45:
		w.clientWrite()
	case n < 60:
		w.clientRead()
	case n < 68:
		w.startMove()
	case n < 88:
		if len(w.jobs) > 0 {
			w.advance(w.rnd.IntN(len(w.jobs)))
		}
	case n < 95:
		if len(w.history) > 0 {
			w.note("something is repeated")
			from := 0
			if w.rnd.IntN(4) > 0 { // mostly what is not below the floor yet
				from = max(0, len(w.history)-40)
			}
			w.history[from+w.rnd.IntN(len(w.history)-from)]()
		}
	case n < 96:
		w.raiseFloor()
	default:
		p := object.PartitionID(w.rnd.IntN(modelPartitions)) + 1
		w.note("restart p%d", p)
		w.partitions[p].reopen()
	}
}

func (w *world) randomID() object.ID {
	return idOf(object.TableID(w.rnd.IntN(2)+1), w.rnd.IntN(12))
}

func (w *world) home(id object.ID) object.PartitionID {
	return object.PartitionID(testTableOf(w.t, id).Slot(id)%modelPartitions) + 1
}

func (w *world) nextVersion() object.LocationVersion {
	w.version++
	return w.version
}

// confirm is the oracle's answer. ok is false where there is no location.
func (w *world) confirm(id object.ID) (cached, bool) {
	if l, found := w.directory[id]; found {
		return cached{l, w.arriving[id]}, true
	}
	if id.Table() == staticTable {
		return cached{Location: object.Location{Partition: w.home(id)}}, true
	}
	return cached{}, false
}

// locate is what a node believes: its cache, or the oracle.
func (w *world) locate(node int, id object.ID) (c cached, fromCache, ok bool) {
	if c, found := w.caches[node][id]; found {
		return c, true, true
	}
	if id.Table() == staticTable {
		return cached{Location: object.Location{Partition: w.home(id)}}, false, true
	}
	c, ok = w.confirm(id)
	if ok {
		w.learn(node, id, c)
	}
	return c, false, ok
}

func (w *world) learn(node int, id object.ID, c cached) {
	if c.Version > w.caches[node][id].Version {
		w.caches[node][id] = c
	}
}

// send delivers a command once, or twice with the same command id.
func (w *world) send(p object.PartitionID, body *command.Write) *command.Result {
	f := w.partitions[p]
	body.Schema = schemaVersion
	c := f.command(body)
	c.Settled = max(c.Settled, 20) - 20
	first := f.entry(c)[0].(*command.Result)
	repeat := func() {
		again := f.entry(c)[0].(*command.Result)
		if outcome(again) != "expired" && outcome(again) != outcome(first) {
			w.t.Fatalf("repeated command gave %s, at first %s", outcome(again), outcome(first))
		}
	}
	if w.rnd.IntN(4) == 0 {
		repeat()
	}
	w.history = append(w.history, repeat)
	return first
}

func (w *world) clientWrite() {
	id := w.randomID()
	node := w.rnd.IntN(len(w.caches))
	n, exists := w.model[id]
	kind := command.WriteKind(w.rnd.IntN(3) + 1)
	value := w.rnd.IntN(900)
	make := func(c cached) *command.Write {
		t := command.Target{ID: id, Version: c.Version, Arriving: c.arriving}
		b := &command.Write{Kind: kind, Table: id.Table()}
		switch kind {
		case command.Create:
			t.Row = rowOf(keyOf(id), value, "s")
		case command.Update:
			b.Program = incrementProgram()
		}
		b.Targets = []command.Target{t}
		return b
	}
	r, ok := w.carryOut(node, id, kind == command.Create, func(c cached) (*command.Refusal, bool, any) {
		res := w.send(c.Partition, make(c))
		return res.Refusal, len(res.Absent) > 0, res
	})
	got := "absent"
	if ok {
		got = outcome(r.(*command.Result))
	}
	want := "1"
	switch {
	case kind == command.Create && exists:
		want = "23505"
	case kind != command.Create && !exists:
		want = "absent"
	case kind == command.Create:
		w.model[id] = value
	case kind == command.Delete:
		delete(w.model, id)
	default:
		if n+1 >= 1000 {
			want = "23514"
			break
		}
		w.model[id] = n + 1
		if v := values(w.t, r.(*command.Result).Rows); v != fmt.Sprint(n+1) {
			w.t.Fatalf("update of %q gave %s, want %d", id, v, n+1)
		}
	}
	w.note("%s %s/%d: %s", kind, tableName(id), keyOf(id), got)
	if got != want {
		w.t.Fatalf("%s of %s/%d: %s, want %s", kind, tableName(id), keyOf(id), got, want)
	}
	if kind == command.Delete && got == "1" && w.rnd.IntN(3) > 0 {
		w.release(id)
	}
}

func (w *world) clientRead() {
	id := w.randomID()
	r, ok := w.carryOut(w.rnd.IntN(len(w.caches)), id, false, func(c cached) (*command.Refusal, bool, any) {
		chunk := w.partitions[c.Partition].read(&command.Read{Table: id.Table(),
			Targets: []command.Target{{ID: id, Version: c.Version, Arriving: c.arriving}}})
		return chunk.Refusal, len(chunk.Absent) > 0, chunk
	})
	got, want := "absent", "absent"
	if ok {
		got = chunkOutcome(w.t, r.(*command.Chunk))
	}
	if n, exists := w.model[id]; exists {
		want = fmt.Sprintf("%d,%d,s", keyOf(id), n)
	}
	w.note("read %s/%d: %s", tableName(id), keyOf(id), got)
	if got != want {
		w.t.Fatalf("read of %s/%d: %s, want %s", tableName(id), keyOf(id), got, want)
	}
}

// carryOut is the planner's redirect loop. ok is false where the oracle says that
// the id has no location.
func (w *world) carryOut(node int, id object.ID, creating bool, try func(cached) (*command.Refusal, bool, any)) (answer any, ok bool) {
	c, fromCache, found := w.locate(node, id)
	for round := 0; ; round++ {
		if round > 40 {
			w.t.Fatalf("no answer for %s/%d after %d rounds (last %v)", tableName(id), keyOf(id), round, c)
		}
		if !found {
			if !creating {
				return nil, false
			}
			c = w.assign(id)
		}
		refusal, absent, answer := try(c)
		switch {
		case refusal == nil && absent && (fromCache || id.Table() == directoryTable):
			now, stands := w.confirm(id)
			if stands && now == c {
				return answer, true
			}
			c, fromCache, found = now, false, stands
		case refusal == nil:
			return answer, true
		case refusal.Reason == command.Awaited:
			w.advanceAll()
			c, found = w.confirm(id)
			fromCache = false
		case refusal.Reason == command.Elsewhere && !refusal.Objects[0].Location.IsZero():
			c, fromCache, found = cached{refusal.Objects[0].Location, true}, true, true
			w.learn(node, id, c)
		case refusal.Reason == command.Elsewhere:
			w.advanceAll()
			c, found = w.confirm(id)
			if fromCache = false; found {
				w.caches[node][id] = c
			} else {
				delete(w.caches[node], id)
			}
		default:
			w.t.Fatalf("refused: %s", refusalText(refusal))
		}
	}
}

func (w *world) assign(id object.ID) cached {
	l, found := w.directory[id]
	if !found {
		l = object.Location{Partition: object.PartitionID(w.rnd.IntN(modelPartitions)) + 1, Version: w.nextVersion()}
		w.directory[id] = l
		w.note("assign %s/%d: %v", tableName(id), keyOf(id), l)
	}
	return cached{l, w.arriving[id]}
}

func (w *world) startMove() {
	id := w.randomID()
	if w.busy[id] {
		return
	}
	c, found := w.confirm(id)
	if !found && w.rnd.IntN(3) == 0 {
		c = w.assign(id) // and the client crashes
		found = true
	}
	to := object.PartitionID(w.rnd.IntN(modelPartitions)) + 1
	if !found || to == c.Partition {
		return
	}
	w.busy[id] = true
	w.jobs = append(w.jobs, &job{move: w.nextVersion(), from: c.Partition, to: to, id: id})
	w.note("move %s/%d from p%d to p%d@%d", tableName(id), keyOf(id), c.Partition, to, w.version)
}

func (w *world) release(id object.ID) {
	l, found := w.directory[id]
	if !found || w.busy[id] {
		return
	}
	w.busy[id] = true
	w.jobs = append(w.jobs, &job{move: w.nextVersion(), from: l.Partition, id: id})
	w.note("release %s/%d at p%d@%d", tableName(id), keyOf(id), l.Partition, w.version)
}

func (w *world) advanceAll() {
	for i := len(w.jobs) - 1; i >= 0; i-- {
		w.advance(i)
	}
}

// sendMove has a step of a move executed, and may repeat it any time.
func (w *world) sendMove(p object.PartitionID, body command.Body) any {
	f := w.partitions[p]
	w.history = append(w.history, func() { f.do(body) })
	return f.do(body)
}

// advance makes the next step of a move or release, and may make it twice.
func (w *world) advance(i int) {
	j := w.jobs[i]
	done := false
	switch j.step {
	case 0:
		j.departed = w.sendMove(j.from, departs(j.move, j.to, j.id)).(*command.Departed)
		if j.departed.Refusal != nil {
			w.t.Fatalf("depart refused: %s", refusalText(j.departed.Refusal))
		}
		gone := j.departed.Objects[0].Gone
		w.note("%s/%d@%d departed from p%d: %v", tableName(j.id), keyOf(j.id), j.move, j.from, gone)
		if done = !gone; gone && j.to != 0 {
			w.directory[j.id] = object.Location{Partition: j.to, Version: j.move}
			w.arriving[j.id] = true
		}
	case 1:
		to, row := j.to, j.departed.Objects[0].Row
		if j.to == 0 {
			if to = w.home(j.id); j.id.Table() == directoryTable || to == j.from {
				to = 0
			}
		}
		if to != 0 {
			w.sendMove(to, &command.Arrive{Move: j.move, Objects: []command.Arrival{{ID: j.id, Row: row}}})
		}
		delete(w.arriving, j.id)
		if done = j.to == 0; done {
			delete(w.directory, j.id)
			for n := range w.caches { // that the entry ended is pushed, too
				if w.rnd.IntN(2) == 0 {
					delete(w.caches[n], j.id)
				}
			}
		}
		w.note("%s/%d@%d arrived at p%d", tableName(j.id), keyOf(j.id), j.move, to)
	case 2:
		w.sendMove(j.from, &command.Settle{Moves: []object.LocationVersion{j.move}})
		done = true
	}
	j.step++
	if done {
		if j.to == 0 {
			w.sendMove(j.from, &command.Settle{Moves: []object.LocationVersion{j.move}})
		}
		delete(w.busy, j.id)
		w.jobs = append(w.jobs[:i], w.jobs[i+1:]...)
	}
}

// raiseFloor sweeps what was assigned and never created, as the oracle has to
// before it raises a floor over it, and raises the floor.
func (w *world) raiseFloor() {
	for len(w.jobs) > 0 {
		w.advance(0)
	}
	for table := directoryTable; table <= staticTable; table++ {
		for n := range 12 {
			id := idOf(table, n)
			if _, exists := w.model[id]; !exists {
				w.release(id)
			}
		}
	}
	for len(w.jobs) > 0 {
		w.advance(0)
	}
	floor := w.nextVersion()
	w.note("floor %d", floor)
	for p := object.PartitionID(1); p <= modelPartitions; p++ {
		w.partitions[p].do(&command.RaiseFloor{Floor: floor})
	}
}

// finish checks that there is exactly one copy of each object, and that another
// replica comes to the same bytes.
func (w *world) finish() {
	found := make(map[object.ID]int)
	for p := object.PartitionID(1); p <= modelPartitions; p++ {
		f := w.partitions[p]
		all := content(w.t, f.space)
		sizes := make(map[object.TableID]Size)
		for key, value := range all {
			switch key[0] {
			case prefixObjects:
				id := object.ID(key[1:])
				if _, twice := found[id]; twice {
					w.t.Errorf("two copies of %s/%d", tableName(id), keyOf(id))
				}
				r := must(decodeRecord([]byte(value)))
				found[id] = numberOf(w.t, r.row)
				s := sizes[id.Table()]
				sizes[id.Table()] = Size{s.Objects + 1, s.Bytes + r.size(id), s.Markers}
			case prefixMarkers:
				id := object.ID(key[1:])
				s := sizes[id.Table()]
				s.Markers++
				sizes[id.Table()] = s
			}
		}
		if !maps.Equal(sizes, f.m.Sizes()) {
			w.t.Errorf("p%d: sizes are %v, counted %v", p, sizes, f.m.Sizes())
		}
		w.replay(f, all)
	}
	if !maps.Equal(found, w.model) {
		w.t.Errorf("objects: %v, want %v", found, w.model)
	}
}

// replay applies a fixture's log to another replica, several entries to a batch,
// and compares the contents.
func (w *world) replay(f *fixture, want map[string]string) {
	space, err := openStore(w.t).Space(f.space.Group())
	if err != nil {
		w.t.Fatal(err)
	}
	m := New(object.PartitionID(space.Group()), Limits{Programs: 1, RecentBytes: 16 << 10}, Events{})
	if err := m.Open(space); err != nil {
		w.t.Fatal(err)
	}
	for log := f.log; len(log) > 0; {
		n := min(len(log), 1+w.rnd.IntN(5))
		batch := space.NewBatch()
		for _, e := range log[:n] {
			if _, err := m.Apply(e, batch); err != nil {
				w.t.Fatal(err)
			}
		}
		if err := batch.Commit(storage.NoSync); err != nil {
			w.t.Fatal(err)
		}
		batch.Close()
		m.Committed(log[n-1].Index)
		log = log[n:]
	}
	if got := content(w.t, space); !maps.Equal(got, want) {
		w.t.Errorf("p%d: the replica's content differs", space.Group())
	}
}
