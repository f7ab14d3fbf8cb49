package state

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
)

// stages is a Prepare of effects with another participant.
func stages(n int, list ...command.Effect) *command.Prepare { return effects(tx(n), two, list...) }

func (f *fixture) yes(b *command.Prepare) {
	f.t.Helper()
	f.says("prepare", b, "yes")
}

func puts(id, n int, revision object.Revision) command.Effect {
	return effectOn(idOf(staticTable, id), 0, command.EffectPut, revision, rowOf(id, n, "s"))
}

func (f *fixture) evaluate(e *command.Evaluate) *command.Evaluation {
	f.t.Helper()
	e.Write.Schema = schemaVersion
	q := f.m.Evaluate(e)
	defer q.Close()
	if err := q.Pin(); err != nil {
		f.t.Fatal(err)
	}
	return must(q.Run(context.Background()))
}

func (f *fixture) validate(part *command.Part) string {
	f.t.Helper()
	part.Tables = tables
	q := f.m.Validate(part)
	defer q.Close()
	if err := q.Pin(); err != nil {
		f.t.Fatal(err)
	}
	return voteText(must(q.Run(context.Background())))
}

func span(from, to int) command.Span {
	return command.Span{Start: idOf(staticTable, from), End: idOf(staticTable, to)}
}

// DESIGN: a read of an object that a prepared T has locked exclusively waits for T's
// outcome, because T may have been answered. Nothing else waits.
func TestReadsWaitForStagedChanges(t *testing.T) {
	f := loaded(t, 10)
	arrived := 0
	f.m.events.Arrived = func() { arrived++ }
	checked := command.Effect{Target: command.Target{ID: idOf(staticTable, 4)}, Revision: f.revisionOf(staticTable, 4)}
	f.yes(stages(1, puts(3, 33, f.revisionOf(staticTable, 3)), checked))
	f.yes(&command.Prepare{Transaction: tx(2), Participants: two, Part: command.Part{Tables: tables, Writes: []*command.Write{
		{Kind: command.Delete, Table: staticTable, Schema: schemaVersion, Spans: []command.Span{span(7, 9)}}}}})
	reads := []struct {
		name string
		read func() string
		want string // after the commits
	}{
		{"target", func() string { return chunkOutcome(t, f.point(staticTable, 3, 0)) }, "3,33,s"},
		{"span", func() string {
			return chunkOutcome(t, f.read(&command.Read{Table: staticTable, Spans: []command.Span{span(3, 5)}}))
		}, "3,33,s 4,4,s"},
		{"target in a locked span", func() string { return chunkOutcome(t, f.point(staticTable, 8, 0)) }, "absent"},
		{"span that meets a locked one", func() string {
			return chunkOutcome(t, f.read(&command.Read{Table: staticTable, Spans: []command.Span{span(8, 10)}}))
		}, "9,9,s"},
		{"check of an object", func() string {
			return f.checks(&command.Part{Tables: tables, Effects: []command.Effect{{Target: command.Target{ID: idOf(staticTable, 3)}}}})
		}, "conflict"},
		{"check of a range", func() string {
			return f.checks(&command.Part{Tables: tables, Ranges: []command.Range{{Table: staticTable, Spans: []command.Span{span(7, 9)}}}})
		}, "0,0,s"},
		{"evaluation", func() string {
			e := f.evaluate(&command.Evaluate{Write: increment(staticTable, 3, 0)})
			if e.Refusal != nil {
				return refusalText(e.Refusal)
			}
			return values(t, e.Result.Rows)
		}, "34"},
		{"validation", func() string {
			return f.validate(&command.Part{Ranges: []command.Range{{Table: staticTable, Spans: []command.Span{span(7, 9)}, Print: command.Fingerprint{}}}})
		}, "yes"},
	}
	for _, c := range reads {
		f.expect(c.name, c.read(), "awaited")
	}
	f.expect("an object that is only checked", chunkOutcome(t, f.point(staticTable, 4, 0)), "4,4,s")
	f.expect("another object", chunkOutcome(t, f.point(staticTable, 5, 0)), "5,5,s")
	f.expect("a stale read", chunkOutcome(t, f.read(&command.Read{Table: staticTable, MaxStaleness: 10, Spans: []command.Span{span(3, 4)}})), "3,3,s")
	pinned := must(f.m.Pin())
	defer pinned.Close()
	q := must(pinned.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Program: projectAll(), Limit: -1, Spans: []command.Span{span(3, 4)}}))
	defer q.Close()
	f.expect("a pinned state", chunkOutcome(t, must(q.Next(context.Background()))), "3,3,s")
	before := arrived
	f.do(commits(tx(1)))
	f.do(commits(tx(2)))
	if arrived != before+2 {
		t.Errorf("waiting reads were told %d times", arrived-before)
	}
	for _, c := range reads {
		f.expect(c.name, c.read(), c.want)
	}
}

// checks reads object 0 of the newest state, with checks.
func (f *fixture) checks(p *command.Part) string {
	f.t.Helper()
	q := f.m.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Program: projectAll(), Limit: -1,
		Targets: []command.Target{{ID: idOf(staticTable, 0)}}, View: command.View{Checks: p}})
	defer q.Close()
	if err := q.Pin(); err != nil {
		f.t.Fatal(err)
	}
	chunk := must(q.Next(context.Background()))
	if chunk.Conflict != nil {
		return "conflict"
	}
	return chunkOutcome(f.t, chunk)
}

// A transaction that is carried out in several entries is seen whole or not at all,
// and reads need the same memory whatever its size.
func TestLargeTransactionIsSeenWhole(t *testing.T) {
	const n = maxConcludeObjects + 500
	f := loaded(t, 10)
	all := make([]command.Effect, n)
	for i := range all {
		all[i] = puts(100+i, 1, 0)
	}
	f.yes(stages(1, all...))
	count := command.EncodeProgram(&command.Program{Aggregates: []*expr.Aggregate{must(expr.NewAggregate("count", true, nil, nil, false, nil))}})
	read := func(p *Pinned, v command.View) string {
		q := must(p.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Program: count, Limit: -1, Spans: wholeTable(staticTable), View: v}))
		defer q.Close()
		return chunkOutcome(t, must(q.Next(context.Background())))
	}
	include := command.View{Include: []object.TransactionID{tx(1)}}
	prepared := must(f.m.Pin())
	defer prepared.Close()
	f.expect("prepared", read(prepared, command.View{}), "10")
	f.expect("prepared and included", read(prepared, include), fmt.Sprint(n+10))
	least := float64(n) // the store's own goroutines are counted too
	for tries := 0; tries < 10 && least > n/10; tries++ {
		least = min(least, testing.AllocsPerRun(1, func() { read(prepared, include) }))
	}
	if least > n/10 {
		t.Errorf("%v allocations for %d staged effects", least, n)
	}
	if rest := f.do(commits(tx(1))).(*command.Concluded).Rest; len(rest) != 1 {
		t.Fatalf("rest %v", rest)
	}
	partly := must(f.m.Pin())
	defer partly.Close()
	f.expect("in part", read(partly, command.View{}), fmt.Sprint(n+10))
	f.expect("in part and included", read(partly, include), fmt.Sprint(n+10))
	f.expect("stale", chunkOutcome(t, f.read(&command.Read{Table: staticTable, MaxStaleness: 5, Program: count, Spans: wholeTable(staticTable)})), fmt.Sprint(n+10))
	f.expect("newest", chunkOutcome(t, f.read(&command.Read{Table: staticTable, Program: count, Spans: wholeTable(staticTable)})), "awaited")
	f.do(commits(tx(1)))
	f.expect("newest", chunkOutcome(t, f.read(&command.Read{Table: staticTable, Program: count, Spans: wholeTable(staticTable)})), fmt.Sprint(n+10))
	f.expect("still prepared", read(prepared, command.View{}), "10")
}

// Validate finds what has changed, and only that.
func TestValidate(t *testing.T) {
	f := loaded(t, 30)
	less := command.EncodeProgram(&command.Program{Filter: must(expr.NewOperator("<", columnN, expr.NewConst(datum.NewInt(3), datum.Int4))),
		Project: []expr.Expr{columnI}})
	chunk := f.readTracked(&command.Read{Spans: []command.Span{span(0, 20)}, Program: less})
	r := command.Range{Table: staticTable, Spans: []command.Span{span(0, 20)}, Program: less, Print: chunk.Print}
	one := command.Effect{Target: command.Target{ID: idOf(staticTable, 5)}, Revision: f.revisionOf(staticTable, 5)}
	none := command.Effect{Target: command.Target{ID: idOf(staticTable, 500)}}
	part := func() *command.Part {
		return &command.Part{Ranges: []command.Range{r}, Effects: []command.Effect{one, none}}
	}
	f.expect("nothing has changed", f.validate(part()), "yes")
	f.write(increment(directoryTable, 1, 0))
	f.expect("another table has", f.validate(part()), "yes")
	f.write(increment(staticTable, 7, 0)) // n 7 to 8: the filter rejects both
	f.expect("an object that was not read", f.validate(part()), "yes")
	f.write(create(staticTable, 25, 1, 0)) // there: fails
	f.write(create(staticTable, 100, 1, 0))
	f.expect("an object outside of the range", f.validate(part()), "yes")
	f.write(increment(staticTable, 12, 0)) // n 2 to 3
	f.expect("an object of the range", f.validate(part()), "conflict")
	r = command.Range{}
	r.Table = staticTable
	f.write(increment(staticTable, 5, 0))
	f.expect("an object", f.validate(&command.Part{Effects: []command.Effect{one, none}}), "conflict 5")
	f.write(create(staticTable, 500, 1, 0))
	f.expect("one that was not there", f.validate(&command.Part{Effects: []command.Effect{none}}), "conflict 500")
	f.do(departs(900, 2, idOf(staticTable, 500)))
	f.expect("one that has left", f.validate(&command.Part{Effects: []command.Effect{none}}), "elsewhere p2@900")
	unsure := command.Effect{Target: command.Target{ID: idOf(staticTable, 501), Unsure: true}}
	f.expect("one whose location is not sure", f.validate(&command.Part{Effects: []command.Effect{unsure}}), "elsewhere")
	zero := command.EncodeProgram(&command.Program{Filter: must(expr.NewOperator("=", must(expr.NewOperator("/", columnN,
		expr.NewConst(datum.NewInt(0), datum.Int4))), columnN))})
	f.expect("a filter that fails", f.validate(&command.Part{Ranges: []command.Range{{Table: staticTable, Spans: []command.Span{span(0, 2)}, Program: zero}}}), "conflict")
	q := f.m.Validate(&command.Part{Tables: []command.TableVersion{{Table: staticTable, Schema: schemaVersion + 1}}})
	defer q.Close()
	if err := q.Pin(); err != nil {
		t.Fatal(err)
	}
	f.expect("a newer descriptor", voteText(must(q.Run(context.Background()))), "schema new")
}

// readTracked gives the chunk of a tracked read.
func (f *fixture) readTracked(r *command.Read) *command.Chunk {
	f.t.Helper()
	r.Table, r.Schema, r.View.Track = staticTable, schemaVersion, true
	if r.Limit == 0 {
		r.Limit = -1
	}
	if r.Program == nil {
		r.Program = projectAll()
	}
	q := f.m.Begin(r)
	defer q.Close()
	if err := q.Pin(); err != nil {
		f.t.Fatal(err)
	}
	return must(q.Next(context.Background()))
}

// A table that no entry has touched since is not compared; which one has is known
// after a restart, because it decides.
func TestUntouchedTablesAreNotCompared(t *testing.T) {
	f := loaded(t, 30)
	f.write(increment(staticTable, 1, 0))
	r := command.Range{Table: staticTable, Spans: wholeTable(staticTable), Print: command.Fingerprint{Count: 77, Index: f.index}}
	f.write(increment(directoryTable, 1, 0))
	for range 2 {
		f.expect("untouched", f.validate(&command.Part{Ranges: []command.Range{r}}), "yes")
		r.Print.Index--
		f.expect("touched", f.validate(&command.Part{Ranges: []command.Range{r}}), "conflict")
		r.Print.Index++
		f.expect("prepared", voteText(f.do(&command.Prepare{Transaction: tx(int(f.index)), Participants: two[:1],
			Part: command.Part{Tables: tables, Ranges: []command.Range{r}}}).(*command.Vote)), "yes")
		f.reopen()
	}
}

// A tracked read of the newest state gives revisions, and what it has come to.
func TestTrackedReads(t *testing.T) {
	f := loaded(t, 10)
	f.write(remove(staticTable, 4, 0))
	c := f.readTracked(&command.Read{Targets: []command.Target{{ID: idOf(staticTable, 3)}}})
	if len(c.Revisions) != 1 || c.Revisions[0] != f.revisionOf(staticTable, 3) || c.Revisions[0] == 0 {
		t.Errorf("one object: %+v", c)
	}
	c = f.readTracked(&command.Read{Targets: []command.Target{{ID: idOf(staticTable, 4)}, {ID: idOf(staticTable, 3)}}})
	if len(c.Revisions) != 2 || c.Revisions[0] != 0 || c.Revisions[1] != f.revisionOf(staticTable, 3) {
		t.Errorf("two objects: %+v", c)
	}
	for _, c := range []struct {
		read  command.Read
		upto  object.ID
		count int64
	}{
		{command.Read{}, "", 9},
		{command.Read{Limit: 2}, idOf(staticTable, 1) + "\x00", 2},
		{command.Read{Limit: 2, Reverse: true}, idOf(staticTable, 7), 2},
		{command.Read{Limit: 9, Reverse: true}, "", 9},
		{command.Read{Limit: 5, Reverse: true}, idOf(staticTable, 3), 5},
		{command.Read{Limit: 1, Reverse: true, Spans: []command.Span{span(0, 3), span(9, 20)}}, idOf(staticTable, 3), 1},
	} {
		if c.read.Spans == nil {
			c.read.Spans = wholeTable(staticTable)
		}
		if got := f.readTracked(&c.read); got.Upto != c.upto || got.Print.Count != c.count || got.Print.Index == 0 {
			t.Errorf("limit %d, reverse %v: %d objects up to %q, want %d up to %q", c.read.Limit, c.read.Reverse, got.Print.Count, got.Upto, c.count, c.upto)
		}
	}
}

// A filter that has its moods accepts others the next time: all that it was asked about
// was read.
func TestUnsteadyFilters(t *testing.T) {
	f := loaded(t, 30)
	half := must(expr.NewOperator("<", must(expr.NewFunction("random")), expr.NewConst(datum.NewFloat(0.5), datum.Float8)))
	program := command.EncodeProgram(&command.Program{Filter: half, Project: []expr.Expr{columnI}})
	c := f.readTracked(&command.Read{Spans: []command.Span{span(0, 20)}, Reverse: true, Program: program})
	if len(c.Rows) == 0 || len(c.Rows) >= 20 || c.Print.Count != 20 {
		t.Errorf("%d rows, %d objects", len(c.Rows), c.Print.Count)
	}
	e := f.evaluate(&command.Evaluate{Write: &command.Write{Kind: command.Delete, Table: staticTable, Program: program, Spans: []command.Span{span(0, 20)}}})
	if len(e.Effects) == 0 || len(e.Effects) >= 20 || e.Print.Count != 20 {
		t.Errorf("%d effects, %d objects", len(e.Effects), e.Print.Count)
	}
	r := command.Range{Table: staticTable, Spans: []command.Span{span(0, 20)}, Program: program, Print: c.Print}
	f.write(create(staticTable, 25, 1, 0)) // touches the table
	f.expect("nothing has changed", f.validate(&command.Part{Ranges: []command.Range{r}}), "yes")
	f.write(increment(staticTable, 3, 0))
	f.expect("an object has", f.validate(&command.Part{Ranges: []command.Range{r}}), "conflict")
}

// What a session has done itself decides what its next write would do.
func TestEvaluateOnOwnWrites(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 1, 10))
	base := must(f.m.Pin())
	defer base.Close()
	r, _, err := (stored{r: f.space}).object(idOf(directoryTable, 1))
	if err != nil {
		t.Fatal(err)
	}
	own := func(id int, n int, version object.LocationVersion) command.Overlaid {
		o := command.Overlaid{ID: idOf(directoryTable, id), Version: version}
		if n > 0 {
			o.Row = rowOf(id, n, "s")
		}
		return o
	}
	view := command.View{Overlay: []command.Overlaid{own(1, 0, 10), own(2, 5, 20)}}
	insert := func(id int, version object.LocationVersion, onConflict command.OnConflict) *command.Write {
		w := create(directoryTable, id, 9, version)
		w.Conflict, w.Program = onConflict, incrementProgram()
		return w
	}
	for _, c := range []struct {
		name  string
		write *command.Write
		want  string
	}{
		{"create what it has deleted", insert(1, 10, 0), fmt.Sprintf("1: put 9 v10 r%d", r.revision)},
		{"create what it has created", insert(2, 20, command.ConflictFails), "23505"},
		{"the same, do nothing", insert(2, 20, command.ConflictSkips), "0: none v20 r0"},
		{"the same, do update", insert(2, 20, command.ConflictUpdates), "1: put 6 v20 r0"},
		{"create what nobody has", insert(3, 30, 0), "1: put 9 v30 r0"},
		{"create it at home, which this is not", insert(4, 0, 0), "elsewhere"},
		{"update what it has deleted", increment(directoryTable, 1, 10), fmt.Sprintf("absent: none v10 r%d", r.revision)},
		{"delete what it has created", remove(directoryTable, 2, 20), "1: delete v20 r0"},
		{"update all", &command.Write{Kind: command.Update, Table: directoryTable, Program: incrementProgram(), Spans: wholeTable(directoryTable)}, "1: put 6 v20 r0"},
	} {
		f.expect(c.name, evaluationText(t, f.evaluate(&command.Evaluate{Write: c.write, View: view})), c.want)
	}
	checks := &command.Part{Tables: []command.TableVersion{{Table: directoryTable, Schema: schemaVersion}},
		Effects: []command.Effect{{Target: command.Target{ID: idOf(directoryTable, 1)}, Revision: r.revision}}}
	e := &command.Evaluate{Write: increment(directoryTable, 1, 10), View: command.View{Checks: checks}}
	f.expect("checks hold", evaluationText(t, f.evaluate(e)), fmt.Sprintf("1: put 2 v10 r%d", r.revision))
	f.write(increment(directoryTable, 1, 10))
	f.expect("checks do not", evaluationText(t, f.evaluate(e)), "conflict")
	// The deletion of an included transaction leaves the id to the partition.
	d := &command.Prepare{Transaction: tx(1), Participants: two, Part: command.Part{Writes: []*command.Write{remove(directoryTable, 1, 10)}}}
	d.Part.Writes[0].Schema = schemaVersion
	f.yes(d)
	pinned := must(f.m.Pin())
	defer pinned.Close()
	w := insert(1, 0, 0)
	w.Schema = schemaVersion
	q := must(pinned.Evaluate(&command.Evaluate{Write: w, View: command.View{Include: []object.TransactionID{tx(1)}}}))
	defer q.Close()
	f.expect("create what an included transaction has deleted", evaluationText(t, must(q.Run(context.Background()))), "1: put 9 v10 r0")
	if e := f.evaluate(&command.Evaluate{Write: &command.Write{}}); e.Refusal == nil {
		t.Errorf("a write of no table: %+v", e)
	}
}

func evaluationText(t testing.TB, e *command.Evaluation) string {
	switch {
	case e.Refusal != nil:
		return refusalText(e.Refusal)
	case e.Err != nil:
		return e.Err.Code
	case e.Conflict != nil:
		return "conflict"
	}
	s := outcome(e.Result) + ":"
	for _, e := range e.Effects {
		switch e.Kind {
		case command.EffectPut:
			s += fmt.Sprintf(" put %d", numberOf(t, e.Row))
		case command.EffectDelete:
			s += " delete"
		case command.EffectNone:
			s += " none"
		}
		s += fmt.Sprintf(" v%d r%d", e.Version, e.Revision)
	}
	return s
}

// An evaluation is bounded as a Write is.
func TestEvaluationsAreBounded(t *testing.T) {
	f := newFixture(t, 1).allSlots(5)
	f.keepLog = false
	big := must(expr.NewFunction("repeat", expr.NewConst(datum.NewText("x"), datum.Text), expr.NewConst(datum.NewInt(4<<20), datum.Int4)))
	var ids []command.Target
	for i := range 10 {
		f.write(create(staticTable, i, 1, 0))
		ids = append(ids, command.Target{ID: idOf(staticTable, i)})
	}
	grow := command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 2, Value: big}}})
	e := f.evaluate(&command.Evaluate{Write: &command.Write{Kind: command.Update, Table: staticTable, Program: grow, Spans: wholeTable(staticTable)}})
	if e.Err != nil || len(e.Effects) != 2 || len(e.Result.Rest) != 1 || e.Result.Rest[0].Start != idOf(staticTable, 2) || e.Print.Count != 2 {
		t.Errorf("%d effects, rest %v, %+v", len(e.Effects), e.Result, e.Err)
	}
	e = f.evaluate(&command.Evaluate{Write: &command.Write{Kind: command.Update, Table: staticTable, Program: grow, Targets: ids}})
	if e.Err == nil || e.Err.Code != "54000" {
		t.Errorf("%+v", e.Err)
	}
}

func TestPinnedIsCountedByItsReads(t *testing.T) {
	f := loaded(t, 5)
	handles := f.store.Stats().OpenHandles
	p := must(f.m.Pin())
	r := &command.Read{Table: staticTable, Schema: schemaVersion, Program: projectAll(), Limit: -1, Spans: wholeTable(staticTable)}
	q := must(p.Begin(r))
	p.Close()
	p.Close()
	f.write(remove(staticTable, 0, 0))
	if c := must(q.Next(context.Background())); len(c.Rows) != 5 {
		t.Errorf("%d rows", len(c.Rows))
	}
	if _, err := p.Begin(r); !errors.Is(err, ErrUnpinned) {
		t.Errorf("begin: %v", err)
	}
	if _, err := p.Transactions(); !errors.Is(err, ErrUnpinned) {
		t.Errorf("transactions: %v", err)
	}
	if _, err := p.Arrived([]object.LocationVersion{1}); !errors.Is(err, ErrUnpinned) {
		t.Errorf("arrived: %v", err)
	}
	q.Close()
	q.Close()
	if now := f.store.Stats().OpenHandles; now != handles {
		t.Errorf("%d handles are open, %d were", now, handles)
	}
}

func TestArrivedInPinned(t *testing.T) {
	f := newFixture(t, 2)
	before := must(f.m.Pin())
	defer before.Close()
	f.do(&command.Arrive{Move: 50, Objects: []command.Arrival{{ID: idOf(directoryTable, 1), Row: rowOf(1, 1, "s")}}})
	after := must(f.m.Pin())
	defer after.Close()
	f.do(&command.RaiseFloor{Floor: 51})
	above := must(f.m.Pin())
	defer above.Close()
	for p, want := range map[*Pinned]string{before: "[false false]", after: "[true false]", above: "[true false]"} {
		if got := fmt.Sprint(must(p.Arrived([]object.LocationVersion{50, 51}))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Money moves between objects, in one entry or in two, while pinned states and the
// newest are read: no read sees some of a transaction.
func TestPinsWhileEntriesAreApplied(t *testing.T) {
	const accounts, each, readers, transfers = 20, 100, 3, 400
	f := newFixture(t, 1).allSlots(5)
	f.keepLog = false
	for i := range accounts {
		f.write(create(staticTable, i, each, 0))
	}
	sum := command.EncodeProgram(&command.Program{Aggregates: []*expr.Aggregate{must(expr.NewAggregate("sum", false, []expr.Expr{columnN}, nil, false, nil))}})
	done := make(chan struct{})
	var running sync.WaitGroup
	for i := range readers {
		running.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 3))
			for reading := true; reading; {
				select {
				case <-done:
					reading = false // once more
				default:
				}
				if err := checkSum(f.m, rnd, sum, accounts*each); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	rnd := rand.New(rand.NewPCG(9, 9))
	n := [accounts]int{}
	for i := range n {
		n[i] = each
	}
	for i := range transfers {
		from, to := rnd.IntN(accounts), rnd.IntN(accounts)
		amount := rnd.IntN(10)
		if from == to || n[from] < amount || n[to]+amount >= 1000 {
			continue
		}
		n[from], n[to] = n[from]-amount, n[to]+amount
		b := stages(i+1, puts(from, n[from], f.revisionOf(staticTable, from)), puts(to, n[to], f.revisionOf(staticTable, to)))
		if rnd.IntN(2) == 0 {
			b.Participants = two[:1]
		}
		f.yes(b)
		f.do(commits(tx(i + 1)))
	}
	close(done)
	running.Wait()
}

// checkSum reads the newest state, or a pinned one of which some transactions count.
func checkSum(m *Machine, rnd *rand.Rand, sum []byte, want int) error {
	r := &command.Read{Table: staticTable, Schema: schemaVersion, Program: sum, Limit: -1, Spans: wholeTable(staticTable)}
	q := m.Begin(r)
	if rnd.IntN(3) > 0 {
		p, err := m.Pin()
		if err != nil {
			return err
		}
		defer p.Close()
		list, err := p.Transactions()
		if err != nil {
			return err
		}
		for _, t := range list {
			if t.State == command.TransactionPrepared && rnd.IntN(2) == 0 {
				r.View.Include = append(r.View.Include, t.ID)
			}
		}
		if q, err = p.Begin(r); err != nil {
			return err
		}
	}
	defer q.Close()
	if err := q.Pin(); err != nil {
		return err
	}
	chunk, err := q.Next(context.Background())
	if err != nil {
		return err
	}
	if chunk.Refusal != nil && chunk.Refusal.Reason == command.Awaited {
		return nil
	}
	v, err := datum.DecodeTuple(chunk.Rows[0], nil)
	if err != nil {
		return err
	}
	if got := v[len(v)-1]; chunk.Err != nil || got.Int() != int64(want) {
		return fmt.Errorf("the sum is %v (%+v), want %d", v, chunk, want)
	}
	return nil
}

// BenchmarkScanView is BenchmarkScan where more counts than what is stored.
func BenchmarkScanView(b *testing.B) {
	f := loaded(b, 10000)
	staged := make([]command.Effect, 1000)
	for i := range staged {
		staged[i] = puts(10*i, 1, f.revisionOf(staticTable, 10*i))
	}
	f.yes(stages(1, staged...))
	less := must(expr.NewOperator("<", columnN, expr.NewConst(datum.NewInt(1), datum.Int4)))
	p := must(f.m.Pin())
	defer p.Close()
	var own []command.Overlaid
	for i := range 100 {
		own = append(own, command.Overlaid{ID: idOf(staticTable, 100*i), Row: rowOf(100*i, 1, "s")})
	}
	for _, c := range []struct {
		name string
		view command.View
	}{
		{"plain", command.View{}}, {"tracked", command.View{Track: true}}, {"overlay", command.View{Overlay: own}},
		{"staged", command.View{Include: []object.TransactionID{tx(1)}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := &command.Read{Table: staticTable, Schema: schemaVersion, Limit: -1, Spans: wholeTable(staticTable), View: c.view,
				Program: command.EncodeProgram(&command.Program{Filter: less, Project: []expr.Expr{columnI}})}
			for b.Loop() {
				q := must(p.Begin(r))
				if chunk := must(q.Next(context.Background())); chunk.Err != nil || chunk.Scanned < 10000 {
					b.Fatal(chunk)
				}
				q.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/object")
		})
	}
}
