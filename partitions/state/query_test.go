package state

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
)

// loaded is a partition with the objects 0 to n-1 of the static table; object i has
// n = i % 10.
func loaded(t testing.TB, n int) *fixture {
	f := newFixture(t, 1).allSlots(5)
	f.keepLog = false
	for i := 0; i < n; {
		w := &command.Write{Kind: command.Create, Table: staticTable}
		for ; i < n && len(w.Targets) < 500; i++ {
			w.Targets = append(w.Targets, command.Target{ID: idOf(staticTable, i), Row: rowOf(i, i%10, "s")})
		}
		f.write(w)
	}
	return f
}

var columnI = expr.NewColumn(0, datum.Int4, "id")

func (f *fixture) scan(r command.Read, p *command.Program) string {
	f.t.Helper()
	r.Table = staticTable
	if r.Spans == nil && r.Targets == nil {
		r.Spans = wholeTable(staticTable)
	}
	r.Program = command.EncodeProgram(p)
	if len(r.Program) == 0 {
		r.Program = []byte{}
	}
	return chunkOutcome(f.t, f.read(&r))
}

func TestScans(t *testing.T) {
	f := loaded(t, 30)
	less := must(expr.NewOperator("<", columnN, expr.NewParam(0, datum.Int4)))
	three := command.Context{Params: []datum.Datum{datum.NewInt(3)}}
	span := func(from, to int) command.Span {
		return command.Span{Start: idOf(staticTable, from), End: idOf(staticTable, to)}
	}
	id := []expr.Expr{columnI}
	n := []expr.Expr{columnN}
	for _, c := range []struct {
		name string
		read command.Read
		prog command.Program
		want string
	}{
		{"filter", command.Read{Context: three}, command.Program{Filter: less, Project: id}, "0 1 2 10 11 12 20 21 22"},
		{"limit", command.Read{Context: three, Limit: 4}, command.Program{Filter: less, Project: id}, "0 1 2 10"},
		{"reverse", command.Read{Reverse: true, Limit: 3}, command.Program{Project: id, KeyOrder: true}, "29 28 27"},
		{"spans in order", command.Read{Spans: []command.Span{span(20, 22), span(3, 5), span(4, 6)}}, command.Program{Project: id, KeyOrder: true}, "3 4 5 20 21"},
		{"spans reversed, small chunks", command.Read{Reverse: true, ChunkBytes: 1, Spans: []command.Span{span(3, 6), span(20, 22)}},
			command.Program{Project: id, KeyOrder: true}, "21 20 5 4 3"},
		{"another table's span", command.Read{Spans: []command.Span{{Start: "", End: idOf(staticTable, 2)}}}, command.Program{Project: id}, "0 1"},
		{"first rows", command.Read{Limit: 5}, command.Program{Project: []expr.Expr{columnN, columnI},
			OrderBy: []command.Order{{Column: 0, Descending: true}, {Column: 1}}}, "9,9 9,19 9,29 8,8 8,18"},
		{"distinct", command.Read{Limit: 4}, command.Program{Project: n, Distinct: true}, "0 1 2 3"},
		{"distinct first rows", command.Read{Limit: 3}, command.Program{Project: n, Distinct: true,
			OrderBy: []command.Order{{Column: 0, Descending: true}}}, "9 8 7"},
		{"targets in key order", command.Read{Targets: []command.Target{{ID: idOf(staticTable, 9)}, {ID: idOf(staticTable, 4)}}},
			command.Program{Project: id, KeyOrder: true}, "4 9"},
		{"system columns", command.Read{Spans: []command.Span{span(0, 1)}},
			command.Program{Project: []expr.Expr{expr.NewColumn(3, datum.Int4, "_partition"), expr.NewColumn(4, datum.Int8, "_location_version")}}, "1,0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.t = t
			f.expect(c.name, f.scan(c.read, &c.prog), c.want)
		})
	}
	f.t = t
	absent := f.read(&command.Read{Table: staticTable, Targets: []command.Target{{ID: idOf(staticTable, 1)}, {ID: idOf(staticTable, 77)}}})
	if !slices.Equal(absent.Absent, []int{1}) || len(absent.Rows) != 1 {
		t.Errorf("%+v", absent)
	}
	if got := f.scan(command.Read{Context: command.Context{TimeZone: "No/Where"}}, &command.Program{Project: id}); got != "22023" {
		t.Errorf("unknown time zone: %s", got)
	}
	zero := must(expr.NewOperator("/", columnN, expr.NewConst(datum.NewInt(0), datum.Int4)))
	if got := f.scan(command.Read{}, &command.Program{Project: []expr.Expr{zero}}); got != "22012" {
		t.Errorf("division: %s", got)
	}
}

// The groups of a read are halves where memory is short: merged, they are right.
func TestGroupsWithinAnyMemory(t *testing.T) {
	f := loaded(t, 1000)
	count := must(expr.NewAggregate("count", true, nil, nil, false, nil))
	sum := must(expr.NewAggregate("sum", false, []expr.Expr{columnI}, nil, false, nil))
	p := &command.Program{GroupBy: []expr.Expr{columnN}, Aggregates: []*expr.Aggregate{count, sum}}
	for _, bytes := range []int{1, 3000, 1 << 20} {
		f.m.limits.GroupBytes = bytes
		chunk := f.read(&command.Read{Table: staticTable, Spans: wholeTable(staticTable), Program: command.EncodeProgram(p), ChunkBytes: 50})
		merged := make(map[int64][]expr.Accumulator)
		for _, row := range chunk.Rows {
			v := must(datum.DecodeTuple(row, nil))
			states := merged[v[0].Int()]
			if states == nil {
				states = []expr.Accumulator{count.New(), sum.New()}
				merged[v[0].Int()] = states
			}
			at := 1
			for i, a := range p.Aggregates {
				if err := states[i].Merge(v[at : at+a.PartialWidth()]); err != nil {
					t.Fatal(err)
				}
				at += a.PartialWidth()
			}
		}
		if len(merged) != 10 {
			t.Fatalf("%d groups", len(merged))
		}
		for n, states := range merged {
			c, s := must(states[0].Final()), must(states[1].Final())
			if c.Int() != 100 || s.Int() != 100*n+10*(99*100/2) {
				t.Errorf("%d bytes: group %d has count %d, sum %d", bytes, n, c.Int(), s.Int())
			}
		}
	}
	// Without groups there is one row, also of no objects.
	p = &command.Program{Aggregates: []*expr.Aggregate{count}}
	f.expect("count of nothing", f.scan(command.Read{Spans: []command.Span{{Start: idOf(staticTable, 2000), End: idOf(staticTable, 3000)}}}, p), "0")
	f.expect("count", f.scan(command.Read{}, p), "1000")
}

// First rows and DISTINCT keep their promise where memory is short: a superset.
func TestFirstRowsAndDistinctWithinAnyMemory(t *testing.T) {
	f := loaded(t, 300)
	for _, bytes := range []int{1, 500, 1 << 20} {
		f.m.limits.GroupBytes = bytes
		for _, distinct := range []bool{false, true} {
			p := &command.Program{Project: []expr.Expr{columnN}, Distinct: distinct, OrderBy: []command.Order{{Column: 0, Descending: true}}}
			rows := strings.Fields(f.scan(command.Read{Limit: 5}, p))
			sort.Sort(sort.Reverse(sort.StringSlice(rows)))
			want := "9 9 9 9 9"
			if distinct {
				rows, want = slices.Compact(rows), "9 8 7 6 5"
			}
			if len(rows) < 5 || strings.Join(rows[:5], " ") != want {
				t.Errorf("%d bytes, distinct %v: %v", bytes, distinct, rows)
			}
		}
		p := &command.Program{Project: []expr.Expr{columnN}, Distinct: true}
		rows := strings.Fields(f.scan(command.Read{Limit: 7}, p))
		sort.Strings(rows)
		if rows = slices.Compact(rows); len(rows) < 7 {
			t.Errorf("%d bytes, distinct: %v", bytes, rows)
		}
	}
}

// A read sees one moment, whatever is applied between its chunks.
func TestScanSeesOneMoment(t *testing.T) {
	f := loaded(t, 100)
	q := f.m.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Spans: wholeTable(staticTable), Program: projectAll(), Limit: -1, ChunkBytes: 20})
	defer q.Close()
	if err := q.Pin(); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for i := 0; !q.Done(); i++ {
		chunk := must(q.Next(context.Background()))
		rows += len(chunk.Rows)
		f.write(remove(staticTable, 99-i, 0))
		f.write(create(staticTable, 1000+i, 1, 0))
	}
	if rows != 100 {
		t.Errorf("%d rows", rows)
	}
}

func TestScanEndsWithItsContext(t *testing.T) {
	f := loaded(t, 1000)
	q := f.m.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Spans: wholeTable(staticTable), Program: projectAll(), Limit: -1})
	defer q.Close()
	if err := q.Pin(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := q.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A read's answers are those of a sorted map, for random spans, limits, directions
// and chunk sizes.
func TestRandomScans(t *testing.T) {
	f := loaded(t, 200)
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		var spans []command.Span
		in := make(map[int]bool)
		for range rnd.IntN(4) + 1 {
			from, to := rnd.IntN(220), rnd.IntN(220)
			spans = append(spans, command.Span{Start: idOf(staticTable, from), End: idOf(staticTable, to)})
			for i := from; i < to && i < 200; i++ {
				in[i] = true
			}
		}
		limit := int64(rnd.IntN(50)) + 1
		reverse := rnd.IntN(2) == 0
		var want []string
		for i := range 200 {
			if in[i] {
				want = append(want, fmt.Sprint(i))
			}
		}
		if reverse {
			slices.Reverse(want)
		}
		want = want[:min(int(limit), len(want))]
		got := f.scan(command.Read{Spans: spans, Limit: limit, Reverse: reverse, ChunkBytes: rnd.IntN(60)},
			&command.Program{Project: []expr.Expr{columnI}, KeyOrder: true})
		if got != strings.Join(want, " ") {
			t.Fatalf("spans %q, limit %d, reverse %v: %s, want %v", spans, limit, reverse, got, want)
		}
	}
}

func BenchmarkPointRead(b *testing.B) {
	f := loaded(b, 10000)
	ids := make([]object.ID, 10000)
	for i := range ids {
		ids[i] = idOf(staticTable, i)
	}
	r := &command.Read{Table: staticTable, Schema: schemaVersion, Program: projectAll(), Limit: -1, Targets: make([]command.Target, 1)}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Targets[0].ID = ids[i%len(ids)]
		i++
		q := f.m.Begin(r)
		if err := q.Pin(); err != nil {
			b.Fatal(err)
		}
		chunk, err := q.Next(context.Background())
		if err != nil || len(chunk.Rows) != 1 {
			b.Fatal(err, chunk)
		}
		q.Close()
	}
}

func BenchmarkScan(b *testing.B) {
	f := loaded(b, 10000)
	less := must(expr.NewOperator("<", columnN, expr.NewConst(datum.NewInt(1), datum.Int4)))
	r := &command.Read{Table: staticTable, Schema: schemaVersion, Limit: -1, Spans: wholeTable(staticTable),
		Program: command.EncodeProgram(&command.Program{Filter: less, Project: []expr.Expr{columnI}})}
	b.ReportAllocs()
	for b.Loop() {
		if chunk := f.read(r); len(chunk.Rows) != 1000 {
			b.Fatal(len(chunk.Rows))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/object")
}
