package plan

import (
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// UseChecks decodes the CHECKs of the table, once for the plan; Build applies
// them.
func (n *Insert) UseChecks() error {
	n.checks = nil
	for _, c := range n.Table.Checks {
		e, err := expr.Decode(c.Expr)
		if err != nil {
			return err
		}
		n.checks = append(n.checks, check{c.Name, e})
	}
	return nil
}

// Build computes row i: serial values are filled in, NOT NULL and CHECK are
// checked. input is the source's row for INSERT ... SELECT (i is 0 then), nil
// otherwise. serial may be nil for a table without serial columns. Nothing is
// shared between calls; env.Row is used and restored.
//
// A column's default and its serial value are taken for each row anew, so that
// volatile defaults differ.
func (n *Insert) Build(env *expr.Env, i int, input []datum.Datum, serial Serial) (Created, error) {
	outer := env.Row
	defer func() { env.Row = outer }()
	env.Row = input
	values := make([]datum.Datum, len(n.Table.Columns))
	for c, x := range n.Rows[i] {
		var err error
		if values[c], err = n.value(env, c, x, serial); err != nil {
			return Created{}, err
		}
	}
	if err := n.satisfies(env, values); err != nil {
		return Created{}, err
	}
	var room [8]datum.Datum
	key, drawn := room[:0], false
	for _, c := range n.Table.PrimaryKey {
		key = append(key, values[c])
		drawn = drawn || n.Table.Columns[c].Serial && n.Rows[i][c] == nil
	}
	id, err := KeyOf(n.Table, key)
	if err != nil {
		return Created{}, err
	}
	return Created{ID: id, Row: datum.AppendRow(nil, values), Values: values, Serial: drawn}, nil
}

// value computes the value of column c.
func (n *Insert) value(env *expr.Env, c int, x expr.Expr, serial Serial) (datum.Datum, error) {
	col := &n.Table.Columns[c]
	switch {
	case x != nil:
		return x.Eval(env)
	case !col.Serial || col.Dropped || serial == nil:
		return datum.Null, nil
	}
	v, err := serial(c)
	if err != nil {
		return datum.Null, err
	}
	if lo, hi := intRange(col.Type); v < lo || v > hi {
		return datum.Null, pgerror.New("2200H", `nextval: reached maximum value of sequence "%s_%s_seq" (%d)`, n.Table.Name, col.Name, hi)
	}
	return datum.NewInt(v), nil
}

// satisfies checks the table's constraints.
func (n *Insert) satisfies(env *expr.Env, values []datum.Datum) error {
	t := n.Table
	for c := range t.Columns {
		if t.Columns[c].NotNull && !t.Columns[c].Dropped && values[c].IsNull() {
			return NotNullViolation(t, c, values, env.Format)
		}
	}
	env.Row = values
	for _, k := range n.checks {
		ok, null, err := expr.EvalBool(k.expr, env)
		if err != nil {
			return err
		}
		if !ok && !null {
			return CheckViolation(t, k.name, values, env.Format)
		}
	}
	return nil
}

// NotNullViolation is 23502 as PostgreSQL has it. values are the row's columns.
func NotNullViolation(t *catalog.Table, column int, values []datum.Datum, f *datum.Format) *pgerror.Error {
	e := pgerror.New(pgerror.NotNullViolation, "null value in column %q of relation %q violates not-null constraint",
		t.Columns[column].Name, t.Name)
	e.Detail = "Failing row contains " + RowText(t, values, f) + "."
	e.Schema, e.Table, e.Column = "public", t.Name, t.Columns[column].Name
	return e
}

// CheckViolation is 23514 as PostgreSQL has it.
func CheckViolation(t *catalog.Table, constraint string, values []datum.Datum, f *datum.Format) *pgerror.Error {
	e := pgerror.New(pgerror.CheckViolation, "new row for relation %q violates check constraint %q", t.Name, constraint)
	e.Detail = "Failing row contains " + RowText(t, values, f) + "."
	e.Schema, e.Table, e.Constraint = "public", t.Name, constraint
	return e
}

// DuplicateKey is the error about a key that exists: 23505 as PostgreSQL has it.
// values are the columns of the table.
func DuplicateKey(t *catalog.Table, values []datum.Datum) *pgerror.Error {
	e := pgerror.New(pgerror.UniqueViolation, "duplicate key value violates unique constraint %q", t.KeyName)
	names := make([]string, len(t.PrimaryKey))
	texts := make([]string, len(t.PrimaryKey))
	for i, c := range t.PrimaryKey {
		names[i] = t.Columns[c].Name
		texts[i] = datum.TextOf(values[c], t.Columns[c].Type, nil)
	}
	e.Detail = "Key (" + strings.Join(names, ", ") + ")=(" + strings.Join(texts, ", ") + ") already exists."
	e.Schema, e.Table, e.Constraint = "public", t.Name, t.KeyName
	return e
}

// maxValueText is how many bytes of a value an error shows.
const maxValueText = 64

// RowText is a row as errors show it: "(1, null, abc)".
func RowText(t *catalog.Table, values []datum.Datum, f *datum.Format) string {
	var b strings.Builder
	b.WriteByte('(')
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Dropped || c.Hidden || i >= len(values) {
			continue
		}
		if b.Len() > 1 {
			b.WriteString(", ")
		}
		if values[i].IsNull() {
			b.WriteString("null")
			continue
		}
		text := datum.TextOf(values[i], c.Type, f)
		if len(text) > maxValueText {
			text = text[:maxValueText]
			for !utf8.ValidString(text) {
				text = text[:len(text)-1]
			}
			text += "..."
		}
		b.WriteString(text)
	}
	b.WriteByte(')')
	return b.String()
}
