package plan

import (
	"errors"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

func param(i int, t datum.Type) expr.Expr { return expr.NewParam(i, t) }

func buildInsert(t *testing.T) *Insert {
	t.Helper()
	table := keyTable()
	cond, err := expr.NewOperator(">", expr.NewColumn(0, datum.Int4, "a"), expr.NewConst(datum.NewInt(0), datum.Int4))
	if err != nil {
		t.Fatal(err)
	}
	table.Checks = []catalog.Check{{Name: "t_a_check", Text: "a > 0", Expr: expr.Append(nil, cond)}}
	n := &Insert{Table: table, Rows: [][]expr.Expr{{param(0, datum.Int4), param(1, datum.Text), nil, nil}}}
	if err := n.UseChecks(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBuild(t *testing.T) {
	n := buildInsert(t)
	serial := func(c int) (int64, error) {
		if c != 2 {
			t.Errorf("value of the sequence of column %d", c)
		}
		return 77, nil
	}
	env := &expr.Env{Params: []datum.Datum{datum.NewInt(1), datum.NewText("k")}, Row: []datum.Datum{datum.NewInt(9)}}
	c, err := n.Build(env, 0, nil, serial)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := KeyOf(n.Table, env.Params); c.ID != want {
		t.Errorf("id %x, want %x", c.ID, want)
	}
	if c.Values[2].Int() != 77 || !c.Values[3].IsNull() {
		t.Errorf("values %v", c.Values)
	}
	if len(env.Row) != 1 {
		t.Error("Build did not restore env.Row")
	}
	into := make([]datum.Datum, 4)
	if err := datum.DecodeRow(c.Row, into, nil, nil); err != nil || into[1].Text() != "k" {
		t.Errorf("row %v, %v", into, err)
	}
}

// TestBuildRefuses guards PostgreSQL's texts of what an INSERT may violate.
func TestBuildRefuses(t *testing.T) {
	n := buildInsert(t)
	lost := errors.New("no sequence")
	for _, c := range []struct {
		name         string
		a, b         datum.Datum
		serial       int64
		err          error
		code, detail string
	}{
		{"not null", datum.NewInt(1), datum.Null, 1, nil, pgerror.NotNullViolation, "Failing row contains (1, null, 1)."},
		{"check", datum.NewInt(-1), datum.NewText("k"), 1, nil, pgerror.CheckViolation, "Failing row contains (-1, k, 1)."},
		{"not null before check", datum.NewInt(-1), datum.Null, 1, nil, pgerror.NotNullViolation, "Failing row contains (-1, null, 1)."},
		{"sequence", datum.NewInt(1), datum.NewText("k"), 1, lost, "", ""},
	} {
		env := &expr.Env{Params: []datum.Datum{c.a, c.b}}
		_, err := n.Build(env, 0, nil, func(int) (int64, error) { return c.serial, c.err })
		if c.err != nil {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if e := pgerror.As(err); e == nil || e.Code != c.code || e.Detail != c.detail || e.Table != "t" {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

// TestBuildSerialRange guards that a sequence ends where its column's type does.
func TestBuildSerialRange(t *testing.T) {
	n := buildInsert(t)
	n.Table.Columns[2].Type = datum.Int2
	env := &expr.Env{Params: []datum.Datum{datum.NewInt(1), datum.NewText("k")}}
	_, err := n.Build(env, 0, nil, func(int) (int64, error) { return 40000, nil })
	if e := pgerror.As(err); e == nil || e.Code != "2200H" {
		t.Error(err)
	}
}

func TestDuplicateKey(t *testing.T) {
	e := DuplicateKey(keyTable(), []datum.Datum{datum.NewInt(1), datum.NewText("k"), datum.NewInt(2), datum.Null})
	if e.Code != pgerror.UniqueViolation || e.Detail != "Key (a, b)=(1, k) already exists." || e.Constraint != "t_pkey" {
		t.Errorf("%+v", e)
	}
}

func TestRowTextCutsLongValues(t *testing.T) {
	long := make([]byte, 0, 200)
	for range 100 {
		long = append(long, "é"...)
	}
	s := RowText(keyTable(), []datum.Datum{datum.NewInt(1), datum.NewText("x" + string(long))}, nil)
	if want := "(1, x" + string(long[:62]) + "...)"; s != want {
		t.Errorf("%q, want %q", s, want)
	}
}

// TestLimit guards the errors and the bounds of LIMIT and OFFSET.
func TestLimit(t *testing.T) {
	env := &expr.Env{Params: []datum.Datum{datum.NewInt(3), datum.NewInt(-1), datum.Null}}
	p := func(i int) expr.Expr { return param(i, datum.Int8) }
	for _, c := range []struct {
		l      *Limit
		needed int64
		code   string
	}{
		{nil, -1, ""},
		{&Limit{}, -1, ""},
		{&Limit{Count: p(0)}, 3, ""},
		{&Limit{Count: p(0), Offset: p(0)}, 6, ""},
		{&Limit{Offset: p(0)}, -1, ""},
		{&Limit{Count: p(2), Offset: p(2)}, -1, ""},
		{&Limit{Count: p(1)}, 0, pgerror.InvalidRowCountInLimit},
		{&Limit{Offset: p(1)}, 0, pgerror.InvalidRowCountInOffset},
	} {
		n, err := c.l.Needed(env)
		if c.code != "" {
			if e := pgerror.As(err); e == nil || e.Code != c.code {
				t.Errorf("%+v: %v", c.l, err)
			}
			continue
		}
		if err != nil || n != c.needed {
			t.Errorf("%+v: %d, %v; want %d", c.l, n, err, c.needed)
		}
	}
}
