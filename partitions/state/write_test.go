package state

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
)

// The errors of constraints are PostgreSQL's, field by field.
func TestConstraintErrors(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 1, 10))
	e := errorOf(t, f.write(create(directoryTable, 1, 1, 10)), "23505")
	if e.Message != `duplicate key value violates unique constraint "t1_pkey"` || e.Detail != "Key (id)=(1) already exists." ||
		e.Schema != "public" || e.Table != "t1" || e.Constraint != "t1_pkey" {
		t.Errorf("duplicate: %+v", e)
	}
	w := create(directoryTable, 2, 1, 10)
	w.Targets[0].Row = datum.AppendRow(nil, []datum.Datum{datum.NewInt(2), {}, datum.NewText(strings.Repeat("ä", 40))})
	e = errorOf(t, f.write(w), "23502")
	if e.Message != `null value in column "n" of relation "t1" violates not-null constraint` || e.Column != "n" || e.Table != "t1" ||
		e.Detail != "Failing row contains (2, null, "+strings.Repeat("ä", 32)+"...)." {
		t.Errorf("not null: %+v", e)
	}
	e = errorOf(t, f.write(create(directoryTable, 1, 5000, 10)), "23514") // before the duplicate, as in PostgreSQL
	if e.Message != `new row for relation "t1" violates check constraint "small"` || e.Constraint != "small" ||
		e.Detail != "Failing row contains (1, 5000, s)." {
		t.Errorf("check: %+v", e)
	}
}

// A command is executed on all its objects or on none.
func TestAllOrNone(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 998, 10))
	f.write(create(directoryTable, 2, 999, 10))
	before := content(t, f.space)
	w := increment(directoryTable, 1, 10)
	w.Targets = append(w.Targets, command.Target{ID: idOf(directoryTable, 2), Version: 10})
	errorOf(t, f.write(w), "23514")
	w = create(directoryTable, 3, 1, 10)
	w.Targets = append(w.Targets, command.Target{ID: idOf(directoryTable, 1), Version: 10, Row: rowOf(1, 1, "")})
	errorOf(t, f.write(w), "23505")
	w = &command.Write{Kind: command.Update, Table: directoryTable, Program: incrementProgram(), Spans: wholeTable(directoryTable)}
	errorOf(t, f.write(w), "23514")
	w = remove(directoryTable, 1, 10)
	w.Targets = append(w.Targets, command.Target{ID: idOf(directoryTable, 5)})
	f.expect("one of them elsewhere", outcome(f.write(w)), "elsewhere")
	after := content(t, f.space)
	for k, v := range before {
		if k[0] != prefixResults && k[0] != prefixSizes && after[k] != v {
			t.Errorf("key %q was %q, is %q", k, v, after[k])
		}
	}
	if s := f.m.Sizes()[directoryTable]; s.Objects != 2 || s.Markers != 0 {
		t.Errorf("sizes: %+v", s)
	}
}

func wholeTable(t object.TableID) []command.Span {
	return []command.Span{{Start: object.NewID(t, nil), End: object.NewID(t+1, nil)}}
}

func TestOnConflict(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 5, 10))
	w := create(directoryTable, 1, 7, 10)
	w.Conflict = command.ConflictSkips
	f.expect("skips", outcome(f.write(w)), "0")
	// DO UPDATE SET n = t.n + excluded.n WHERE t.n < 100 RETURNING n
	excluded := expr.NewColumn(3+3+1, datum.Int4, "excluded.n")
	w = create(directoryTable, 1, 7, 10)
	w.Conflict = command.ConflictUpdates
	w.Program = command.EncodeProgram(&command.Program{
		Set:            []command.Assignment{{Column: 1, Value: must(expr.NewOperator("+", columnN, excluded))}},
		ConflictFilter: must(expr.NewOperator("<", columnN, expr.NewConst(datum.NewInt(100), datum.Int4))),
		Project:        []expr.Expr{columnN, expr.NewColumn(0, datum.Int4, "id")},
	})
	r := f.write(w)
	f.expect("updates", values(t, r.Rows), "12,1")
	w.Targets[0].Row = rowOf(1, 90, "s")
	f.expect("updates again", values(t, f.write(w).Rows), "102,1")
	f.expect("filtered", outcome(f.write(w)), "0")
	w.Targets = append(w.Targets, command.Target{ID: idOf(directoryTable, 2), Version: 10, Row: rowOf(2, 3, "s")})
	f.expect("creates the other", values(t, f.write(w).Rows), "3,2")
	w.Targets = append(w.Targets[1:], w.Targets[1])
	e := errorOf(t, f.write(w), "21000")
	if e.Message != "ON CONFLICT DO UPDATE command cannot affect row a second time" {
		t.Error(e.Message)
	}
	// Of two equal new rows, DO NOTHING takes the first, and no action is 23505.
	w = create(directoryTable, 3, 1, 10)
	w.Targets = append(w.Targets, w.Targets[0])
	errorOf(t, f.write(w), "23505")
	w.Conflict = command.ConflictSkips
	f.expect("once", outcome(f.write(w)), "1")
}

// An update of the key's column is refused, unless it does not change it.
func TestUpdateOfTheKey(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 5, 10))
	set := func(v expr.Expr) *command.Result {
		w := increment(directoryTable, 1, 10)
		w.Program = command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 0, Value: v}}})
		return f.write(w)
	}
	errorOf(t, set(expr.NewConst(datum.NewInt(2), datum.Int4)), "0A000")
	errorOf(t, set(expr.NewConst(datum.Datum{}, datum.Int4)), "23502")
	f.expect("same", outcome(set(expr.NewColumn(0, datum.Int4, "id"))), "1")
}

// Columns that were added later have their Missing value in older rows; a row is
// written with all columns.
func TestMissingColumns(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 5, 10))
	newer := testTable(t, directoryTable)
	newer.Version = 2
	newer.Columns = append(newer.Columns, catalogColumn("m", datum.AppendDatum(nil, datum.NewInt(42))))
	f.do(&command.InstallTable{Table: newer})
	m := expr.NewColumn(3, datum.Int4, "m")
	w := increment(directoryTable, 1, 10)
	w.Schema = 2
	w.Program = command.EncodeProgram(&command.Program{
		Set:     []command.Assignment{{Column: 1, Value: must(expr.NewOperator("+", columnN, m))}},
		Project: []expr.Expr{columnN, m, expr.NewColumn(4, datum.Int4, "_partition"), expr.NewColumn(5, datum.Int8, "_location_version")},
	})
	f.expect("update", values(t, f.write(w).Rows), "47,42,1,10")
}

// A statement over many objects is executed in parts, each within the bounds of
// one entry, and none twice.
func TestSpansAreCut(t *testing.T) {
	f := newFixture(t, 1).allSlots(5)
	f.keepLog = false
	const n = maxSpanChanges + 100
	for i := 0; i < n; {
		w := &command.Write{Kind: command.Create, Table: staticTable}
		for ; i < n && len(w.Targets) < 1000; i++ {
			w.Targets = append(w.Targets, command.Target{ID: idOf(staticTable, i), Row: rowOf(i, 1, "")})
		}
		f.expect("load", outcome(f.write(w)), fmt.Sprint(len(w.Targets)))
	}
	update := &command.Write{Kind: command.Update, Table: staticTable, Spans: wholeTable(staticTable),
		Program: command.EncodeProgram(&command.Program{
			Filter: must(expr.NewOperator("<", columnN, expr.NewConst(datum.NewInt(2), datum.Int4))),
			Set:    []command.Assignment{{Column: 1, Value: must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(1), datum.Int4)))}},
		})}
	total, parts := f.runParts(update)
	if total != n || parts != 2 {
		t.Errorf("update: %d objects in %d parts", total, parts)
	}
	del := &command.Write{Kind: command.Delete, Table: staticTable, Spans: []command.Span{
		{Start: idOf(staticTable, 10), End: idOf(staticTable, 20)}, {Start: idOf(staticTable, 15), End: idOf(staticTable, 30)},
		{Start: idOf(staticTable, 5), End: idOf(staticTable, 6)},
	}}
	if total, _ = f.runParts(del); total != 21 {
		t.Errorf("delete of overlapping spans: %d", total)
	}
	del.Spans = []command.Span{{Start: "", End: "\xff\xff\xff\xff\xff"}}
	if total, parts = f.runParts(del); total != n-21 || parts != 2 {
		t.Errorf("delete: %d objects in %d parts", total, parts)
	}
	if s := f.m.Sizes()[staticTable]; s != (Size{}) {
		t.Errorf("size %+v", s)
	}
}

// runParts does what a client does with Rest.
func (f *fixture) runParts(w *command.Write) (total int64, parts int) {
	f.t.Helper()
	for {
		part := *w
		r := f.write(&part)
		if r.Err != nil || r.Refusal != nil {
			f.t.Fatalf("part %d: %+v", parts, r)
		}
		total += r.Affected
		parts++
		if r.Rest == nil {
			return total, parts
		}
		next := *w
		next.Spans = r.Rest
		w = &next
	}
}

// Commands of one entry see what those before them did, through cells, spans and
// drops alike.
func TestCommandsOfOneEntry(t *testing.T) {
	f := newFixture(t, 1)
	with := func(w *command.Write) *command.Command {
		w.Schema = schemaVersion
		return f.command(w)
	}
	spans := func(kind command.WriteKind, program []byte) *command.Command {
		return with(&command.Write{Kind: kind, Table: directoryTable, Spans: wholeTable(directoryTable), Program: program})
	}
	results := f.entry(
		with(create(directoryTable, 1, 1, 10)),
		with(create(directoryTable, 2, 1, 10)),
		with(increment(directoryTable, 1, 10)),
		spans(command.Update, incrementProgram()),
		with(increment(directoryTable, 1, 10)),
		with(remove(directoryTable, 2, 10)),
		spans(command.Update, incrementProgram()),
		with(create(directoryTable, 2, 7, 10)),
		spans(command.Delete, nil),
		with(increment(directoryTable, 1, 10)),
		with(create(directoryTable, 1, 5, 10)),
	)
	got := ""
	for _, r := range results {
		r := r.(*command.Result)
		got += outcome(r) + ":" + values(t, r.Rows) + ";"
	}
	want := "1:;1:;1:2;2:3 2;1:4;1:;1:5;1:;2:;absent:;1:;"
	f.expect("results", got, want)
	f.expect("value", chunkOutcome(t, f.point(directoryTable, 1, 10)), "1,5,s")
	if s := f.m.Sizes()[directoryTable]; s.Objects != 1 || s.Markers != 1 {
		t.Errorf("size %+v", s)
	}
}
