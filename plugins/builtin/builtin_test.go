package builtin

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/plugins/placement"
)

var orders = placement.Table{
	Name: "orders",
	Columns: []placement.Column{{Name: "tenant", Type: "text"}, {Name: "id", Type: "bigint"}, {Name: "region", Type: "text"},
		{Name: "price", Type: "numeric(10,2)"}},
	Key: []string{"tenant", "id"},
}

func policy(t *testing.T, name string) placement.Policy {
	t.Helper()
	for _, p := range Policies() {
		if p.Name() == name {
			return p
		}
	}
	t.Fatalf("there is no policy %q", name)
	return nil
}

func configure(t *testing.T, name string, options placement.Options) (placement.Policy, error) {
	t.Helper()
	return policy(t, name).(placement.Configurer).Configure(options, orders)
}

func place(t *testing.T, p placement.Policy, partitions []placement.Partition, rows ...[]placement.Value) []uint32 {
	t.Helper()
	b := &placement.Batch{Table: &orders, Partitions: partitions}
	for _, r := range rows {
		b.Objects = append(b.Objects, placement.Object{Values: r, Home: 4})
	}
	placed, err := p.Place(context.Background(), b)
	if err != nil || len(placed) != len(rows) {
		t.Fatalf("%d placements, %v", len(placed), err)
	}
	var out []uint32
	for _, pl := range placed {
		if pl.Reason == "" {
			t.Error("a placement has no reason")
		}
		out = append(out, pl.Partition)
	}
	return out
}

func row(values ...string) []placement.Value {
	out := make([]placement.Value, len(values))
	for i, v := range values {
		out[i] = placement.Value{Text: v, Null: v == "NULL"}
	}
	return out
}

var four = []placement.Partition{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}}

func TestStaticPlacement(t *testing.T) {
	cases := []struct {
		name    string
		options placement.Options
		static  bool
		columns int
	}{
		{"hash", nil, true, 0},
		{"column", placement.Options{"placement.columns": "tenant"}, true, 1},
		{"column", placement.Options{"placement.columns": "tenant, id"}, true, 2},
		{"column", placement.Options{"placement.columns": "region"}, false, 0},
	}
	for _, c := range cases {
		p, err := configure(t, c.name, c.options)
		if err != nil {
			t.Fatal(err)
		}
		columns, static := p.(placement.Static).StaticColumns(orders)
		if static != c.static || len(columns) != c.columns {
			t.Errorf("%s %v: static %v, columns %v", c.name, c.options, static, columns)
		}
	}
}

func TestPlacement(t *testing.T) {
	cases := []struct {
		name    string
		options placement.Options
		rows    [][]placement.Value
		want    []uint32
	}{
		{"hash", nil, [][]placement.Value{row("a", "1", "eu", "1")}, []uint32{4}},
		{"list", placement.Options{"list.column": "region", "list.map": "eu:1, us:2", "list.default": "3"},
			[][]placement.Value{row("a", "1", "eu", "1"), row("a", "1", "us", "1"), row("a", "1", "x", "1"), row("a", "1", "NULL", "1")}, []uint32{1, 2, 3, 3}},
		{"list", placement.Options{"list.column": "region", "list.map": "eu:1"},
			[][]placement.Value{row("a", "1", "x", "1")}, []uint32{4}},
		{"range", placement.Options{"range.column": "price", "range.bounds": "9.5,100,1000"},
			[][]placement.Value{row("a", "1", "x", "-3"), row("a", "1", "x", "9.50"), row("a", "1", "x", "99.99"), row("a", "1", "x", "100"), row("a", "1", "x", "1e6"), row("a", "1", "x", "NaN"), row("a", "1", "x", "NULL")},
			[]uint32{1, 2, 2, 3, 4, 4, 4}},
		{"range", placement.Options{"range.column": "region", "range.bounds": "f,p"},
			[][]placement.Value{row("a", "1", "a", "1"), row("a", "1", "f", "1"), row("a", "1", "z", "1")}, []uint32{1, 2, 3}},
	}
	for _, c := range cases {
		p, err := configure(t, c.name, c.options)
		if err != nil {
			t.Fatal(err)
		}
		got := place(t, p, four, c.rows...)
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s %v: placed %v, want %v", c.name, c.options, got, c.want)
				break
			}
		}
	}
}

func TestColumnKeepsEqualValuesTogether(t *testing.T) {
	p, err := configure(t, "column", placement.Options{"placement.columns": "region"})
	if err != nil {
		t.Fatal(err)
	}
	got := place(t, p, four, row("a", "1", "eu", "1"), row("b", "2", "eu", "9"), row("c", "3", "NULL", "9"), row("d", "4", "NULL", "9"))
	if got[0] != got[1] || got[2] != got[3] {
		t.Errorf("placed %v", got)
	}
	used := map[uint32]bool{}
	for _, region := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		used[place(t, p, four, row("x", "1", region, "1"))[0]] = true
	}
	if len(used) < 3 {
		t.Errorf("twelve values use %d of four partitions", len(used))
	}
}

func TestLeastLoadedSpreadsABurst(t *testing.T) {
	p, err := configure(t, "least_loaded", nil)
	if err != nil {
		t.Fatal(err)
	}
	loaded := []placement.Partition{{ID: 1, Bytes: 1 << 20}, {ID: 2, Bytes: 0}, {ID: 3, Bytes: 0}, {ID: 4, Bytes: 0, Closed: true}}
	counts := map[uint32]int{}
	for range 100 {
		counts[place(t, p, loaded, row("a", "1", "eu", "1"))[0]]++
	}
	if counts[1] != 0 || counts[4] != 0 || counts[2] != 50 || counts[3] != 50 {
		t.Errorf("placed %v", counts)
	}
}

// TestLeastLoadedLeavesWhatIsEven guards that MOVE <table> TO POLICY moves what
// makes loads even and no more, and that a dry run leaves no trace.
func TestLeastLoadedLeavesWhatIsEven(t *testing.T) {
	p, err := configure(t, "least_loaded", nil)
	if err != nil {
		t.Fatal(err)
	}
	moves := func(dry bool, first, second int64) (moved int) {
		b := &placement.Batch{Table: &orders, DryRun: dry, Partitions: []placement.Partition{{ID: 1, Bytes: first}, {ID: 2, Bytes: second}}}
		for i := range 100 {
			b.Objects = append(b.Objects, placement.Object{Values: row("a", "1", "eu", "1"), Current: uint32(1 + i%2)})
		}
		placed, err := p.Place(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range placed {
			if placed[i].Partition != b.Objects[i].Current {
				moved++
			}
		}
		return moved
	}
	if n := moves(false, 100_000, 100_000); n != 0 {
		t.Errorf("%d objects leave even partitions", n)
	}
	size := sizeOf(placement.Object{Values: row("a", "1", "eu", "1")})
	moves(false, 100_000+8*size, 100_000) // what is placed on top of an older report
	for range 2 {
		if n := moves(true, 100_000+20*size, 100_000); n != 10 {
			t.Errorf("%d objects of 20 too many are to leave, want 10", n)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	cases := []struct {
		name    string
		options placement.Options
		option  string
	}{
		{"hash", placement.Options{"x": "1"}, "x"},
		{"least_loaded", placement.Options{"x": "1"}, "x"},
		{"column", nil, "placement.columns"},
		{"column", placement.Options{"placement.columns": "nope"}, "placement.columns"},
		{"column", placement.Options{"placement.columns": "tenant,tenant"}, "placement.columns"},
		{"list", placement.Options{"list.map": "a:1"}, "list.column"},
		{"list", placement.Options{"list.column": "region"}, "list.map"},
		{"list", placement.Options{"list.column": "region", "list.map": "eu:x"}, "list.map"},
		{"list", placement.Options{"list.column": "region", "list.map": "eu:1,eu:2"}, "list.map"},
		{"list", placement.Options{"list.column": "region", "list.map": "eu:1", "list.default": "0"}, "list.default"},
		{"range", placement.Options{"range.column": "price"}, "range.bounds"},
		{"range", placement.Options{"range.column": "price", "range.bounds": "2,1"}, "range.bounds"},
		{"range", placement.Options{"range.column": "price", "range.bounds": "a,b"}, "range.bounds"},
	}
	for _, c := range cases {
		_, err := configure(t, c.name, c.options)
		var wrong *placement.OptionError
		if !errors.As(err, &wrong) || wrong.Option != c.option || wrong.Allowed == "" {
			t.Errorf("%s %v: got %v, want an error about %q", c.name, c.options, err, c.option)
		}
	}
}

// What a policy says that it reads is all that it looks at: the others may be NULL, and those
// behind the last one may be missing.
func TestReadColumns(t *testing.T) {
	cases := []struct {
		name    string
		options placement.Options
		last    int // column that is read; -1: none
	}{
		{"hash", nil, -1},
		{"column", placement.Options{"placement.columns": "region, tenant"}, 2},
		{"list", placement.Options{"list.column": "region", "list.map": "eu:2, us:3"}, 2},
		{"range", placement.Options{"range.column": "price", "range.bounds": "5, 50, 500"}, 3},
	}
	rows := [][]placement.Value{row("a", "1", "eu", "7"), row("b", "2", "us", "70"), row("NULL", "3", "NULL", "NULL"), row("c", "4", "xx", "700")}
	for _, c := range cases {
		p, err := configure(t, c.name, c.options)
		if err != nil {
			t.Fatal(err)
		}
		reads := p.(placement.Reader).ReadColumns(orders)
		var fewer [][]placement.Value
		for _, r := range rows {
			some := make([]placement.Value, c.last+1)
			for i := range some {
				some[i] = placement.Value{Null: true}
				if slices.Contains(reads, orders.Columns[i].Name) {
					some[i] = r[i]
				}
			}
			fewer = append(fewer, some)
		}
		if want, got := place(t, p, four, rows...), place(t, p, four, fewer...); !slices.Equal(got, want) {
			t.Errorf("%s: with what it reads, %v, it says %v, else %v", c.name, reads, got, want)
		}
	}
}
