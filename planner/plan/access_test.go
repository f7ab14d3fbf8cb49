package plan

import (
	"math"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// TestCeiling guards that a value that a key column cannot hold matches nothing,
// and bounds a range at the right place.
func TestCeiling(t *testing.T) {
	num := func(s string) datum.Datum {
		d, err := datum.ParseText(s, datum.Numeric, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		in   datum.Datum
		t    datum.Type
		want int64
		how  closeness
	}{
		{datum.NewInt(5), datum.Int2, 5, isExact},
		{datum.NewInt(math.MaxInt16 + 1), datum.Int2, 0, aboveAll},
		{datum.NewInt(math.MinInt16 - 1), datum.Int2, 0, belowAll},
		{datum.NewInt(math.MaxInt32 + 1), datum.Int4, 0, aboveAll},
		{datum.NewInt(math.MinInt64), datum.Int8, math.MinInt64, isExact},
		{num("5"), datum.Int4, 5, isExact},
		{num("5.000"), datum.Int4, 5, isExact},
		{num("1e3"), datum.Int4, 1000, isExact},
		{num("5.1"), datum.Int4, 6, isAbove},
		{num("-5.1"), datum.Int4, -5, isAbove},
		{num("-0.1"), datum.Int4, 0, isAbove},
		{num("0.1"), datum.Int4, 1, isAbove},
		{num("0"), datum.Int4, 0, isExact},
		{num("32767.5"), datum.Int2, 0, aboveAll},
		{num("-32768.5"), datum.Int2, -32768, isAbove},
		{num("-32769.5"), datum.Int2, 0, belowAll},
		{num("9223372036854775807"), datum.Int8, math.MaxInt64, isExact},
		{num("9223372036854775807.5"), datum.Int8, 0, aboveAll},
		{num("-9223372036854775808.5"), datum.Int8, math.MinInt64, isAbove},
		{num("9223372036854775808"), datum.Int8, 0, aboveAll},
		{num("-9223372036854775809"), datum.Int8, 0, belowAll},
		{num("1e130000"), datum.Int8, 0, aboveAll},
		{num("-1e130000"), datum.Int8, 0, belowAll},
		{num("1e-16000"), datum.Int8, 1, isAbove},
		{num("NaN"), datum.Int8, 0, aboveAll},
		{num("Infinity"), datum.Int8, 0, aboveAll},
		{num("-Infinity"), datum.Int8, 0, belowAll},
	} {
		got, how := ceiling(c.in, c.t)
		if how != c.how || (how == isExact || how == isAbove) && got.Int() != c.want {
			t.Errorf("ceiling(%s, %s) = %d, %d; want %d, %d",
				datum.AppendText(nil, c.in, datum.Numeric, nil), c.t, got.Int(), how, c.want, c.how)
		}
	}
}

func keyTable() *catalog.Table {
	return &catalog.Table{ID: 7, Name: "t", KeyName: "t_pkey", PrimaryKey: []int{0, 1}, Columns: []catalog.Column{
		{Name: "a", Type: datum.Int4, NotNull: true}, {Name: "b", Type: datum.Text, NotNull: true},
		{Name: "x", Type: datum.Int8, NotNull: true, Serial: true}, {Name: "gone", Type: datum.Int4, Dropped: true}}}
}

// TestResolveBounds guards the bound on how many objects a statement may name.
func TestResolveBounds(t *testing.T) {
	elems := make([]datum.Datum, 2000)
	for i := range elems {
		elems[i] = datum.NewInt(int64(2 * i))
	}
	table := keyTable()
	table.Columns[1].Type = datum.Int4
	array := expr.NewConst(datum.NewArray(datum.Int4, elems), datum.Int4Array)
	a := &Access{Table: table, Alternatives: []Alternative{{Prefix: []KeyValues{
		{Array: array, Type: datum.Int4}, {Array: array, Type: datum.Int4}}}}}
	if _, err := a.Resolve(&expr.Env{}); pgerror.As(err) == nil || pgerror.As(err).Code != pgerror.ProgramLimitExceeded {
		t.Errorf("4,000,000 keys: %v", err)
	}
	a.Alternatives[0].Prefix = a.Alternatives[0].Prefix[:1]
	o, err := a.Resolve(&expr.Env{})
	if err != nil || len(o.Spans) != 2000 || len(o.IDs) != 0 {
		t.Errorf("2000 prefixes: %d spans, %d ids, %v", len(o.Spans), len(o.IDs), err)
	}
}

// TestResolveWholeTable guards that the range of a table holds all its objects
// and no other's.
func TestResolveWholeTable(t *testing.T) {
	o, err := (&Access{Table: keyTable(), All: true}).Resolve(&expr.Env{})
	if err != nil || len(o.Spans) != 1 {
		t.Fatal(o, err)
	}
	s := o.Spans[0]
	for id, in := range map[object.ID]bool{
		object.NewID(7, nil): true, object.NewID(7, []byte{0xff, 0xff}): true, object.NewID(8, nil): false, object.NewID(6, []byte{0xff}): false,
	} {
		if (id >= s.Start && id < s.End) != in {
			t.Errorf("%x in the range: %v", id, !in)
		}
	}
}

// TestResolveKeysAndRanges guards that a key within a range is not meant twice,
// and that keys beside ranges become ranges.
func TestResolveKeysAndRanges(t *testing.T) {
	table := keyTable()
	one := func(v int64) KeyValues {
		return KeyValues{Exprs: []expr.Expr{expr.NewConst(datum.NewInt(v), datum.Int4)}, Type: datum.Int4}
	}
	b := KeyValues{Exprs: []expr.Expr{expr.NewConst(datum.NewText("k"), datum.Text)}, Type: datum.Text}
	a := &Access{Table: table, Alternatives: []Alternative{
		{Prefix: []KeyValues{one(1)}}, {Prefix: []KeyValues{one(1), b}}, {Prefix: []KeyValues{one(2), b}}, {Prefix: []KeyValues{one(2), b}}}}
	o, err := a.Resolve(&expr.Env{})
	if err != nil || len(o.IDs) != 0 || len(o.Spans) != 2 {
		t.Fatalf("%x %v", o.Spans, err)
	}
	id, _ := KeyOf(table, []datum.Datum{datum.NewInt(2), datum.NewText("k")})
	if o.Spans[1].Start != id || o.Spans[1].End != id+"\x00" {
		t.Errorf("the span of one object is %x", o.Spans[1])
	}
	if a.Keys() || a.Single() {
		t.Error("an access with ranges is not one by keys")
	}
}

// BenchmarkResolvePoint is what a point read pays to find its key.
func BenchmarkResolvePoint(b *testing.B) {
	table := &catalog.Table{ID: 7, PrimaryKey: []int{0}, Columns: []catalog.Column{{Name: "a", Type: datum.Int8}}}
	a := &Access{Table: table, Alternatives: []Alternative{{Prefix: []KeyValues{
		{Exprs: []expr.Expr{expr.NewParam(0, datum.Int8)}, Type: datum.Int8}}}}}
	env := &expr.Env{Params: []datum.Datum{datum.NewInt(42)}}
	b.ReportAllocs()
	for b.Loop() {
		if o, err := a.Resolve(env); err != nil || len(o.IDs) != 1 {
			b.Fatal(err)
		}
	}
}

// TestHomely guards which accesses have one home: those that fix each column of the
// placement, and all before it, to one value.
func TestHomely(t *testing.T) {
	table := *keyTable()
	one := KeyValues{Exprs: []expr.Expr{expr.NewConst(datum.NewInt(1), datum.Int4)}, Type: datum.Int4}
	two := KeyValues{Exprs: append(one.Exprs, one.Exprs...), Type: datum.Int4}
	array := KeyValues{Array: one.Exprs[0], Type: datum.Int4}
	for _, c := range []struct {
		placed []int
		a      Access
		want   bool
	}{
		{[]int{0}, Access{Alternatives: []Alternative{{Prefix: []KeyValues{one}}}}, true},
		{[]int{0}, Access{Alternatives: []Alternative{{Prefix: []KeyValues{one, two}}}}, true},
		{[]int{1}, Access{Alternatives: []Alternative{{Prefix: []KeyValues{one}}}}, false},
		{[]int{1}, Access{Alternatives: []Alternative{{Prefix: []KeyValues{two, one}}}}, false},
		{[]int{1, 0}, Access{Alternatives: []Alternative{{Prefix: []KeyValues{one, one}}}}, true},
		{[]int{0}, Access{Alternatives: []Alternative{{Prefix: []KeyValues{two}}}}, false},
		{[]int{0}, Access{Alternatives: []Alternative{{Prefix: []KeyValues{array}}}}, false},
		{[]int{0}, Access{Alternatives: []Alternative{{Prefix: []KeyValues{one}}, {Prefix: []KeyValues{one}}}}, false},
		{[]int{0}, Access{Alternatives: []Alternative{{}}}, false},
		{[]int{0}, Access{All: true}, false},
		{[]int{0}, Access{}, false},
		{nil, Access{Alternatives: []Alternative{{Prefix: []KeyValues{one}}}}, false},
	} {
		table.Placement.Static, table.Placement.Columns = true, c.placed
		c.a.Table = &table
		if got := c.a.Homely(); got != c.want {
			t.Errorf("%v, %+v: %v", c.placed, c.a.Alternatives, got)
		}
		table.Placement.Static = false
		if c.a.Homely() {
			t.Error("a table that is not static")
		}
	}
}
