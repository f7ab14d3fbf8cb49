package state

import (
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// publicSchema is the schema that all tables of the application are in.
const publicSchema = "public"

// check tests a new row, env.Row, against the table's constraints. Its errors are
// worded as PostgreSQL words them.
func (t *table) check(w *worker) error {
	for _, c := range t.notNull {
		if w.env.Row[c].IsNull() {
			e := pgerror.New(pgerror.NotNullViolation, "null value in column %q of relation %q violates not-null constraint",
				t.desc.Columns[c].Name, t.desc.Name)
			e.Detail = t.failingRow(w)
			e.Schema, e.Table, e.Column = publicSchema, t.desc.Name, t.desc.Columns[c].Name
			return e
		}
	}
	for i := range t.checks {
		ok, isNull, err := expr.EvalBool(t.checks[i].cond, &w.env)
		if err != nil {
			return err
		}
		if !ok && !isNull {
			e := pgerror.New(pgerror.CheckViolation, "new row for relation %q violates check constraint %q",
				t.desc.Name, t.checks[i].name)
			e.Detail = t.failingRow(w)
			e.Schema, e.Table, e.Constraint = publicSchema, t.desc.Name, t.checks[i].name
			return e
		}
	}
	return nil
}

// maxFieldBytes is how much of a value PostgreSQL shows of a failing row.
const maxFieldBytes = 64

func (t *table) failingRow(w *worker) string {
	b := []byte("Failing row contains (")
	first := true
	for i := range t.desc.Columns {
		c := &t.desc.Columns[i]
		if c.Dropped || c.Hidden {
			continue
		}
		if !first {
			b = append(b, ", "...)
		}
		first = false
		if w.env.Row[i].IsNull() {
			b = append(b, "null"...)
			continue
		}
		start := len(b)
		b = datum.AppendText(b, w.env.Row[i], c.Type, w.env.Format)
		if len(b)-start > maxFieldBytes {
			end := start + maxFieldBytes
			for end > start && !utf8.RuneStart(b[end]) {
				end--
			}
			b = append(b[:end], "..."...)
		}
	}
	return string(append(b, ")."...))
}

// duplicate is the error of a create whose object exists. env.Row is the new row.
func (t *table) duplicate(w *worker) *pgerror.Error {
	var names, values []byte
	for i, c := range t.desc.PrimaryKey {
		if i > 0 {
			names, values = append(names, ", "...), append(values, ", "...)
		}
		names = append(names, expr.QuoteIdent(t.desc.Columns[c].Name)...)
		if w.env.Row[c].IsNull() {
			values = append(values, "null"...)
			continue
		}
		values = datum.AppendText(values, w.env.Row[c], t.desc.Columns[c].Type, w.env.Format)
	}
	e := pgerror.New(pgerror.UniqueViolation, "duplicate key value violates unique constraint %q", t.desc.KeyName)
	e.Detail = "Key (" + string(names) + ")=(" + string(values) + ") already exists."
	e.Schema, e.Table, e.Constraint = publicSchema, t.desc.Name, t.desc.KeyName
	return e
}
