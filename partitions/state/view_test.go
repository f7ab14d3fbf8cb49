package state

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

var viewSeed = flag.Uint64("view.seed", 0, "seed of TestViews; 0: a few fixed ones")

// TestViews compares reads and evaluations of pinned states with those of maps: for
// random states with prepared transactions and departed objects, random choices of
// what of it counts, and random overlays (DESIGN, "Scans" and "Transactions").
func TestViews(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4, 5, 6, 7, 8}
	if *viewSeed != 0 {
		seeds = []uint64{*viewSeed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("again: go test -run TestViews ./partitions/state -view.seed=%d", seed)
				}
			}()
			rnd := rand.New(rand.NewPCG(seed, 1))
			for range 6 {
				p := newPainting(t, rnd)
				for range 60 {
					p.step()
				}
				p.pin()
				for range 20 {
					p.step() // none of it is seen
				}
				for range 40 {
					p.choose()
					p.checkScan()
					p.checkTargets()
					p.checkEvaluate()
				}
			}
		})
	}
}

const viewIDs = 40

// thing is an object in a map.
type thing struct {
	n        int
	revision object.Revision
	version  object.LocationVersion
}

type things map[int]thing

// work is what a prepared transaction does: nil deletes.
type work map[int]*thing

// painting is a partition, and what it should hold.
type painting struct {
	t    *testing.T
	rnd  *rand.Rand
	f    *fixture
	move object.LocationVersion
	next uint64

	base     things
	prepared map[object.TransactionID]work
	outgoing map[object.LocationVersion]things
	departed map[int]bool
	locked   map[int]bool
	ended    map[object.TransactionID]bool // committed and not forgotten

	pinned *Pinned
	was    painting0

	// What counts beside the base:
	view  command.View
	sees  things // without the overlay
	shown things // with it
}

// painting0 is the painting when it was pinned.
type painting0 struct {
	base     things
	prepared map[object.TransactionID]work
	outgoing map[object.LocationVersion]things
	departed map[int]bool
}

func newPainting(t *testing.T, rnd *rand.Rand) *painting {
	p := &painting{
		t: t, rnd: rnd, f: newFixture(t, 1).allSlots(5), move: 100, base: make(things),
		prepared: make(map[object.TransactionID]work), outgoing: make(map[object.LocationVersion]things),
		departed: make(map[int]bool), locked: make(map[int]bool), ended: make(map[object.TransactionID]bool),
	}
	p.f.keepLog = false
	return p
}

func (p *painting) free() (int, bool) {
	id := p.rnd.IntN(viewIDs)
	return id, !p.locked[id] && !p.departed[id]
}

func (p *painting) step() {
	switch k := p.rnd.IntN(10); {
	case k < 5:
		p.write()
	case k < 7:
		p.prepare()
	case k < 8:
		p.conclude()
	default:
		p.depart()
	}
}

func (p *painting) write() {
	id, free := p.free()
	if !free {
		return
	}
	n := p.rnd.IntN(900)
	old, there := p.base[id]
	var w *command.Write
	switch {
	case !there:
		w = create(staticTable, id, n, 0)
		p.base[id] = thing{n: n}
	case p.rnd.IntN(4) == 0:
		w = remove(staticTable, id, 0)
		delete(p.base, id)
	default:
		w = increment(staticTable, id, 0)
		p.base[id] = thing{n: old.n + 1, version: old.version}
	}
	p.f.expect("write", outcome(p.f.write(w)), "1")
	if now, there := p.base[id]; there {
		now.revision = object.NewRevision(1, p.f.index, false)
		p.base[id] = now
	}
}

var tables = []command.TableVersion{{Table: staticTable, Schema: schemaVersion}}

func (p *painting) prepare() {
	p.next++
	t := object.TransactionID{Node: object.NodeID("c" + fmt.Sprint(p.next%3)), Incarnation: 1, Sequence: p.next}
	b := &command.Prepare{Transaction: t, Participants: []object.PartitionID{1, 2}, Part: command.Part{Tables: tables}}
	does := make(work)
	revision := object.NewRevision(1, p.f.index+1, true)
	for range p.rnd.IntN(6) + 1 {
		id, free := p.free()
		if !free {
			continue
		}
		p.locked[id] = true
		old, there := p.base[id]
		e := command.Effect{Target: command.Target{ID: idOf(staticTable, id)}, Revision: old.revision}
		switch k := p.rnd.IntN(5); {
		case k == 0:
			e.Kind = command.EffectDelete
			if there {
				does[id] = nil
			}
		case k == 1 && there: // it is checked only
		default:
			n := p.rnd.IntN(900)
			e.Kind, e.Row = command.EffectPut, rowOf(id, n, "s")
			does[id] = &thing{n: n, revision: revision, version: old.version}
		}
		b.Part.Effects = append(b.Part.Effects, e)
	}
	vote := p.f.do(b).(*command.Vote)
	if !vote.Yes() {
		p.t.Fatalf("prepare: %+v", vote)
	}
	p.prepared[t] = does
}

func (p *painting) conclude() {
	ids := slices.SortedFunc(maps.Keys(p.prepared), compareTransactions)
	if len(ids) == 0 {
		return
	}
	t := ids[p.rnd.IntN(len(ids))]
	c := &command.Conclude{Commit: []object.TransactionID{t}}
	if p.rnd.IntN(3) == 0 {
		c = &command.Conclude{Abort: c.Commit}
	} else {
		p.ended[t] = true
		for id, o := range p.prepared[t] {
			if delete(p.base, id); o != nil {
				p.base[id] = *o
			}
		}
	}
	p.f.do(c)
	delete(p.prepared, t)
	p.locked = make(map[int]bool)
	for t := range p.prepared {
		for _, o := range p.f.m.locks.transactions[t].objects {
			p.locked[keyOf(o)] = true
		}
	}
}

func (p *painting) depart() {
	p.move++
	var ids []object.ID
	left := make(things)
	for range p.rnd.IntN(4) + 1 {
		id, free := p.free()
		o, there := p.base[id]
		if !free {
			continue
		}
		ids = append(ids, idOf(staticTable, id))
		if there {
			delete(p.base, id)
			o.version = p.move
			left[id], p.departed[id] = o, true
		}
	}
	if len(ids) == 0 {
		return
	}
	p.f.do(departs(p.move, 2, ids...))
	p.outgoing[p.move] = left
	switch p.rnd.IntN(3) {
	case 0:
		p.f.do(&command.Settle{Moves: []object.LocationVersion{p.move}})
		delete(p.outgoing, p.move)
	case 1: // they come back
		p.move++
		a := &command.Arrive{Move: p.move}
		for _, id := range slices.Sorted(maps.Keys(left)) {
			o := left[id]
			o.n, o.revision, o.version = (o.n+1)%900, o.revision+1, p.move
			a.Objects = append(a.Objects, command.Arrival{ID: idOf(staticTable, id), Row: rowOf(id, o.n, "s"), Revision: o.revision})
			p.base[id] = o
			delete(p.departed, id)
		}
		p.f.do(a)
	}
}

// pin pins the state and compares what it lists.
func (p *painting) pin() {
	var err error
	if p.pinned, err = p.f.m.Pin(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.pinned.Close)
	states := make(map[object.TransactionID]command.TransactionState)
	for t := range p.prepared {
		states[t] = command.TransactionPrepared
	}
	for t := range p.ended {
		states[t] = command.TransactionCommitted
	}
	for _, t := range must(p.pinned.Transactions()) {
		if states[t.ID] != t.State || !slices.Equal(t.Participants, []object.PartitionID{1, 2}) {
			p.t.Fatalf("pinned transaction %+v", t)
		}
		delete(states, t.ID)
	}
	if len(states) > 0 {
		p.t.Fatalf("not in the pinned state: %v", states)
	}
	var moves []object.LocationVersion
	for _, m := range must(p.pinned.Outgoing()) {
		moves = append(moves, m.Move)
		if m.To != 2 {
			p.t.Fatalf("%+v", m)
		}
	}
	if !slices.Equal(moves, slices.Sorted(maps.Keys(p.outgoing))) {
		p.t.Fatalf("outgoing %v", moves)
	}
	p.was = painting0{maps.Clone(p.base), maps.Clone(p.prepared), maps.Clone(p.outgoing), maps.Clone(p.departed)}
}

// choose chooses what counts, and an overlay.
func (p *painting) choose() {
	p.view = command.View{Track: p.rnd.IntN(3) > 0}
	p.sees = make(things)
	for _, m := range slices.Sorted(maps.Keys(p.was.outgoing)) {
		if p.rnd.IntN(2) == 0 {
			p.view.Outgoing = append(p.view.Outgoing, m)
			maps.Copy(p.sees, p.was.outgoing[m])
		}
	}
	p.rnd.Shuffle(len(p.view.Outgoing), func(i, j int) {
		p.view.Outgoing[i], p.view.Outgoing[j] = p.view.Outgoing[j], p.view.Outgoing[i]
	})
	maps.Copy(p.sees, p.was.base)
	for _, t := range slices.SortedFunc(maps.Keys(p.was.prepared), compareTransactions) {
		if p.rnd.IntN(2) == 0 {
			p.view.Include = append(p.view.Include, t)
			for id, o := range p.was.prepared[t] {
				if delete(p.sees, id); o != nil {
					p.sees[id] = *o
				}
			}
		}
	}
	p.shown = maps.Clone(p.sees)
	if p.rnd.IntN(3) == 0 {
		return
	}
	for id := range viewIDs {
		if p.rnd.IntN(4) > 0 {
			continue
		}
		o := command.Overlaid{ID: idOf(staticTable, id), Version: p.sees[id].version}
		if p.rnd.IntN(2) == 0 {
			n := p.rnd.IntN(900)
			o.Row = rowOf(id, n, "s")
			p.shown[id] = thing{n: n, version: o.Version, revision: p.sees[id].revision}
		} else {
			delete(p.shown, id)
		}
		p.view.Overlay = append(p.view.Overlay, o)
	}
}

func (p *painting) overlays(id int) bool {
	return overlay(p.view.Overlay).find(idOf(staticTable, id)) != nil
}

// spans are random, and in says which ids they have.
func (p *painting) spans() (spans []command.Span, in func(int) bool) {
	set := make(map[int]bool)
	for range p.rnd.IntN(3) + 1 {
		from, to := p.rnd.IntN(viewIDs+2), p.rnd.IntN(viewIDs+2)
		if p.rnd.IntN(3) == 0 {
			from, to = 0, viewIDs
		}
		spans = append(spans, command.Span{Start: idOf(staticTable, from), End: idOf(staticTable, to)})
		for i := from; i < to; i++ {
			set[i] = true
		}
	}
	return spans, func(id int) bool { return set[id] }
}

// small is n < 450.
var small = must(expr.NewOperator("<", columnN, expr.NewConst(datum.NewInt(450), datum.Int4)))

func (p *painting) begin(r *command.Read) *Query {
	r.Table, r.Schema, r.View = staticTable, schemaVersion, p.view
	q, err := p.pinned.Begin(r)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := q.Pin(); err != nil {
		p.t.Fatal(err)
	}
	return q
}

func (p *painting) checkScan() {
	spans, in := p.spans()
	filtered, reverse := p.rnd.IntN(2) == 0, p.rnd.IntN(2) == 0
	limit := int64(-1)
	if p.rnd.IntN(2) == 0 {
		limit = int64(p.rnd.IntN(20))
	}
	prog := &command.Program{Project: []expr.Expr{columnI, columnN, expr.NewColumn(5, datum.Int8, "_revision")}, KeyOrder: true}
	if filtered {
		prog.Filter = small
	}
	accepts := func(o thing) bool { return !filtered || o.n < 450 }
	var want []string
	for id := range viewIDs {
		if reverse {
			id = viewIDs - 1 - id
		}
		if o, there := p.shown[id]; there && in(id) && accepts(o) && (limit < 0 || len(want) < int(limit)) {
			want = append(want, fmt.Sprintf("%d,%d,%d", id, o.n, o.revision))
		}
	}
	encoded := command.EncodeProgram(prog)
	q := p.begin(&command.Read{Spans: spans, Reverse: reverse, Limit: limit, Program: encoded, ChunkBytes: p.rnd.IntN(120)})
	defer q.Close()
	var got []string
	for !q.Done() {
		chunk := must(q.Next(context.Background()))
		if chunk.Err != nil || chunk.Refusal != nil {
			p.t.Fatalf("%+v", chunk)
		}
		for _, row := range chunk.Rows {
			got = append(got, values(p.t, [][]byte{row}))
		}
		if p.view.Track {
			p.checkPrint(chunk, spans, reverse, in, accepts, encoded)
		}
	}
	if !slices.Equal(got, want) {
		p.t.Fatalf("spans %q, limit %d, reverse %v, view %+v:\n got %q\nwant %q", spans, limit, reverse, p.view, got, want)
	}
	// Aggregated, and sorted.
	count := must(expr.NewAggregate("count", true, nil, nil, false, nil))
	total := 0
	for id, o := range p.shown {
		if in(id) && accepts(o) {
			total++
		}
	}
	p.expectRows(command.Read{Spans: spans, Limit: -1}, &command.Program{Filter: prog.Filter, Aggregates: []*expr.Aggregate{count}}, fmt.Sprint(total))
	top, best := "", -1
	for id, o := range p.shown {
		if in(id) && accepts(o) && o.n > best {
			top, best = fmt.Sprint(o.n), o.n
		}
	}
	p.expectRows(command.Read{Spans: spans, Limit: 1}, &command.Program{Filter: prog.Filter, Project: []expr.Expr{columnN},
		OrderBy: []command.Order{{Column: 0, Descending: true}}}, top)
}

func (p *painting) expectRows(r command.Read, prog *command.Program, want string) {
	p.t.Helper()
	r.Program = command.EncodeProgram(prog)
	q := p.begin(&r)
	defer q.Close()
	chunk := must(q.Next(context.Background()))
	if got := values(p.t, chunk.Rows); got != want || !q.Done() {
		p.t.Fatalf("got %q, want %q", got, want)
	}
}

// reader reads what is stored in the state that is looked at.
func (p *painting) reader() storage.Reader {
	if p.pinned != nil {
		return p.pinned.snap
	}
	return p.f.m.reading.Load()
}

// checkPrint compares what a chunk tells of what was read, and has it compared.
func (p *painting) checkPrint(chunk *command.Chunk, spans []command.Span, reverse bool, in func(int) bool, accepts func(thing) bool, program []byte) {
	covered := func(id int) bool {
		key := idOf(staticTable, id)
		return in(id) && (chunk.Upto == "" || !reverse && key < chunk.Upto || reverse && key > chunk.Upto)
	}
	var want fingerprint
	for id, o := range p.sees {
		if covered(id) && accepts(o) {
			want.add([]byte(idOf(staticTable, id)), o.revision)
		}
	}
	if !want.equals(chunk.Print) {
		p.t.Fatalf("print %+v up to %q, want %+v; spans %q, reverse %v", chunk.Print, chunk.Upto, want, spans, reverse)
	}
	// The same is found again, in this state; something else where that is not the same.
	r := command.Range{Table: staticTable, Program: program, Print: chunk.Print}
	for _, s := range orderSpans(spans, staticTable) {
		if chunk.Upto != "" && reverse {
			s.Start = max(s.Start, chunk.Upto+"\x00")
		} else if chunk.Upto != "" {
			s.End = min(s.End, chunk.Upto)
		}
		r.Spans = append(r.Spans, s)
	}
	r.Print.Index = 0 // so that all departures count as later ones, too
	left := !p.f.m.traces.complete(staticTable, 0)
	for _, s := range r.Spans {
		left = left || must(leftSince(p.reader(), s, 0))
	}
	p.expectChecks(&command.Part{Tables: tables, Ranges: []command.Range{r}}, !left)
	if r.Print.Sum++; p.rnd.IntN(4) == 0 {
		p.expectChecks(&command.Part{Tables: tables, Ranges: []command.Range{r}}, false)
	}
}

// expectChecks reads nothing, with checks.
func (p *painting) expectChecks(checks *command.Part, hold bool) {
	p.t.Helper()
	v := p.view
	v.Checks = checks
	q := must(p.pinned.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Program: projectAll(), Limit: -1, View: v}))
	defer q.Close()
	chunk := must(q.Next(context.Background()))
	if chunk.Refusal != nil || chunk.Err != nil || (chunk.Conflict == nil) != hold {
		p.t.Fatalf("checks %+v: %+v, want them to hold: %v", checks, chunk, hold)
	}
}

func (p *painting) checkTargets() {
	r := &command.Read{Limit: -1, Program: command.EncodeProgram(&command.Program{Project: []expr.Expr{columnI, columnN}})}
	var want []string
	var absent []int
	var revisions []object.Revision
	elsewhere := false
	for i, id := range p.rnd.Perm(viewIDs)[:p.rnd.IntN(5)+1] {
		r.Targets = append(r.Targets, command.Target{ID: idOf(staticTable, id)})
		revisions = append(revisions, p.sees[id].revision)
		if o, there := p.shown[id]; there {
			want = append(want, fmt.Sprintf("%d,%d", id, o.n))
			continue
		}
		absent = append(absent, i)
		_, there := p.sees[id]
		elsewhere = elsewhere || p.was.departed[id] && !there && !p.overlays(id)
	}
	q := p.begin(r)
	defer q.Close()
	chunk := must(q.Next(context.Background()))
	if elsewhere {
		p.f.expect("an object that has left", chunkOutcome(p.t, chunk), "elsewhere"+p.redirects(chunk.Refusal))
		return
	}
	got := make([]string, len(chunk.Rows))
	for i, row := range chunk.Rows {
		got[i] = values(p.t, [][]byte{row})
	}
	if chunk.Refusal != nil || !slices.Equal(got, want) || !slices.Equal(chunk.Absent, absent) || p.view.Track != slices.Equal(chunk.Revisions, revisions) {
		p.t.Fatalf("targets %v, view %+v: %+v\nrows %q, want %q\nabsent %v, revisions %v", r.Targets, p.view, chunk, got, want, absent, revisions)
	}
	checks := &command.Part{Tables: tables}
	for i, t := range r.Targets {
		if !slices.Contains(absent, i) && !p.overlays(keyOf(t.ID)) {
			checks.Effects = append(checks.Effects, command.Effect{Target: t, Revision: revisions[i]})
		}
	}
	p.expectChecks(checks, true)
	if len(checks.Effects) > 0 {
		checks.Effects[p.rnd.IntN(len(checks.Effects))].Revision++
		p.expectChecks(checks, false)
	}
}

// redirects is what the text of a refusal says of locations.
func (p *painting) redirects(r *command.Refusal) string {
	if r == nil {
		return " nowhere"
	}
	return refusalText(r)[len("elsewhere"):]
}

// checkEvaluate evaluates a Write, and has it executed by a partition that holds what
// the view shows.
func (p *painting) checkEvaluate() {
	reference := newFixture(p.t, 1).allSlots(5)
	all := &command.Write{Kind: command.Create, Table: staticTable}
	for _, id := range slices.Sorted(maps.Keys(p.shown)) {
		all.Targets = append(all.Targets, command.Target{ID: idOf(staticTable, id), Row: rowOf(id, p.shown[id].n, "s")})
	}
	reference.write(all)
	w := p.randomWrite()
	if w == nil {
		return
	}
	e := must(p.pinned.Evaluate(&command.Evaluate{Write: w, View: p.view}))
	defer e.Close()
	got := must(e.Run(context.Background()))
	want := reference.write(w)
	if got.Refusal != nil || (got.Err == nil) != (want.Err == nil) {
		p.t.Fatalf("evaluated %+v of %+v, executed %+v", got, w, want)
	}
	if want.Err != nil {
		if got.Err.Code != want.Err.Code || got.Err.Message != want.Err.Message {
			p.t.Fatalf("evaluated %+v, executed %+v", got.Err, want.Err)
		}
		return
	}
	if got.Result.Affected != want.Affected || !slices.Equal(got.Result.Absent, want.Absent) ||
		values(p.t, got.Result.Rows) != values(p.t, want.Rows) {
		p.t.Fatalf("evaluated %+v, executed %+v", got.Result, want)
	}
	after := maps.Clone(p.shown)
	var read fingerprint
	for _, e := range got.Effects {
		id := keyOf(e.ID)
		if e.Revision != p.sees[id].revision {
			p.t.Fatalf("effect %+v, was read with revision %d", e, p.sees[id].revision)
		}
		switch e.Kind {
		case command.EffectPut:
			after[id] = thing{n: numberOf(p.t, e.Row)}
		case command.EffectDelete:
			delete(after, id)
		}
	}
	reads := make(map[int]int)
	for id := range viewIDs {
		if c := reference.point(staticTable, id, 0); len(c.Rows) > 0 {
			reads[id] = int(must(datum.DecodeTuple(c.Rows[0], nil))[1].Int())
		}
	}
	for id, o := range after {
		if n, there := reads[id]; !there || n != o.n {
			p.t.Fatalf("object %d: evaluated %d, executed %d (%v)", id, o.n, n, there)
		}
	}
	if len(reads) != len(after) {
		p.t.Fatalf("evaluated %v, executed %v", after, reads)
	}
	for id, o := range p.sees {
		key := idOf(staticTable, id)
		if slices.ContainsFunc(w.Spans, func(s command.Span) bool { return s.Start <= key && key < s.End }) && o.n < 450 {
			read.add([]byte(key), o.revision)
		}
	}
	if !read.equals(got.Print) {
		p.t.Fatalf("print %+v, want %+v", got.Print, read)
	}
}

// randomWrite returns a Write of objects that the partition owns in the view; nil where
// chance names another.
func (p *painting) randomWrite() *command.Write {
	w := &command.Write{Kind: command.WriteKind(p.rnd.IntN(3) + 1), Table: staticTable, Schema: schemaVersion}
	prog := command.Program{Project: []expr.Expr{columnI, columnN}}
	if w.Kind != command.Create {
		prog.Filter = small
	}
	set := []command.Assignment{{Column: 1, Value: must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(120), datum.Int4)))}}
	switch {
	case w.Kind == command.Update:
		prog.Set = set
	case w.Kind == command.Create:
		if w.Conflict = command.OnConflict(p.rnd.IntN(3)); w.Conflict == command.ConflictUpdates {
			prog.Set = set
		}
	}
	w.Program = command.EncodeProgram(&prog)
	if w.Kind != command.Create && p.rnd.IntN(2) == 0 {
		w.Spans, _ = p.spans()
		return w
	}
	for range p.rnd.IntN(4) + 1 {
		id := p.rnd.IntN(viewIDs)
		if _, there := p.sees[id]; p.was.departed[id] && !there && !p.overlays(id) {
			return nil
		}
		t := command.Target{ID: idOf(staticTable, id)}
		if w.Kind == command.Create {
			t.Row = rowOf(id, p.rnd.IntN(1000), "s")
		}
		w.Targets = append(w.Targets, t)
	}
	return w
}
