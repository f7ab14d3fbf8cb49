package bind

import (
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// scope is what column names can refer to.
type scope struct {
	relations []*relation
}

// relation is a table that a statement names, under the name that it gives it.
type relation struct {
	name     string // alias, or the table's name
	schema   string // "" where the relation has an alias
	hiddenBy string // the table's name where an alias hides it
	columns  []scopeColumn
}

// scopeColumn is a column as a scope knows it.
type scopeColumn struct {
	name   string
	label  string // for people, where it is not the name
	typ    datum.Type
	index  int // in the row that expressions are over
	hidden bool
	table  uint32 // for the result's description
	attr   uint16
}

// tableRelation makes the relation of a table whose row begins at base.
func tableRelation(t *catalog.Table, ref *ast.Table, base int) (*relation, error) {
	r := &relation{name: t.Name, schema: "public"}
	if ref.Alias != "" {
		r.name, r.schema, r.hiddenBy = ref.Alias, "", t.Name
	}
	r.columns = tableColumns(t, base)
	if err := r.rename(ref.Columns); err != nil {
		return nil, err
	}
	return r, nil
}

func tableColumns(t *catalog.Table, base int) []scopeColumn {
	columns := make([]scopeColumn, 0, len(t.Columns)+len(catalog.SystemColumns))
	for i, c := range t.Columns {
		if c.Dropped {
			continue
		}
		columns = append(columns, scopeColumn{name: c.Name, typ: c.Type, index: base + i, hidden: c.Hidden,
			table: uint32(t.ID), attr: uint16(i + 1)})
	}
	for i, c := range catalog.SystemColumns {
		columns = append(columns, scopeColumn{name: c.Name, typ: c.Type, index: base + len(t.Columns) + i, hidden: true,
			table: uint32(t.ID)})
	}
	return columns
}

// rename gives columns the names of an alias's list: t AS a (x, y).
func (r *relation) rename(names []ast.Ident) error {
	i := 0
	for c := range r.columns {
		if r.columns[c].hidden || i >= len(names) {
			continue
		}
		r.columns[c].name = names[i].Name
		i++
	}
	if i < len(names) {
		return pgerror.New(pgerror.InvalidColumnReference, "table %q has %d columns available but %d columns specified",
			r.name, i, len(names))
	}
	return nil
}

// column resolves a name to a column.
func (b *binder) column(s *scope, ref *ast.ColumnRef) (scopeColumn, *relation, error) {
	name := ref.Parts[len(ref.Parts)-1]
	if len(ref.Parts) == 1 {
		return b.bareColumn(s, name, ref)
	}
	r, err := b.qualifier(s, ref.Parts[:len(ref.Parts)-1], ref)
	if err != nil {
		return scopeColumn{}, nil, err
	}
	for _, c := range r.columns {
		if c.name == name {
			return c, r, nil
		}
	}
	return scopeColumn{}, nil, pgerror.New(pgerror.UndefinedColumn, "column %s.%s does not exist", r.name, name).At(ref.Position())
}

func (b *binder) bareColumn(s *scope, name string, ref *ast.ColumnRef) (found scopeColumn, in *relation, err error) {
	for _, r := range s.relations {
		for _, c := range r.columns {
			if c.name != name {
				continue
			}
			if in != nil {
				return found, nil, pgerror.New(pgerror.AmbiguousColumn, "column reference %q is ambiguous", name).At(ref.Position())
			}
			found, in = c, r
		}
	}
	if in != nil {
		return found, in, nil
	}
	for _, r := range s.relations {
		if r.name == name {
			return found, nil, pgerror.NotSupported("a reference to the whole row of table %q", name).At(ref.Position())
		}
	}
	return found, nil, pgerror.New(pgerror.UndefinedColumn, "column %q does not exist", name).At(ref.Position())
}

// qualifier finds the relation that [catalog.][schema.]table names.
func (b *binder) qualifier(s *scope, parts []string, at ast.Node) (*relation, error) {
	schema, name := "", parts[len(parts)-1]
	switch {
	case len(parts) == 3:
		if err := b.database(parts[0], strings.Join(parts, "."), at); err != nil {
			return nil, err
		}
		schema = parts[1]
	case len(parts) == 2:
		schema = parts[0]
	case len(parts) > 3:
		return nil, pgerror.New(pgerror.SyntaxError, "improper qualified name (too many dotted names): %s", strings.Join(parts, ".")).At(at.Position())
	}
	for _, r := range s.relations {
		if r.name == name && (schema == "" || schema == r.schema) {
			return r, nil
		}
	}
	for _, r := range s.relations {
		if r.hiddenBy == name {
			return nil, pgerror.New(pgerror.UndefinedTable, "invalid reference to FROM-clause entry for table %q", name).
				WithHint("Perhaps you meant to reference the table alias %q.", r.name).At(at.Position())
		}
	}
	return nil, pgerror.New(pgerror.UndefinedTable, "missing FROM-clause entry for table %q", name).At(at.Position())
}

// database checks the first part of a three-part name.
func (b *binder) database(name, whole string, at ast.Node) error {
	if b.config.Database == "" || name == b.config.Database {
		return nil
	}
	return pgerror.New(pgerror.FeatureNotSupported, "cross-database references are not implemented: %s", whole).At(at.Position())
}

// reference makes the expression for a column and remembers where it stood.
func (b *binder) reference(c scopeColumn, at ast.Node) *expr.Column {
	name := c.name
	if c.label != "" {
		name = c.label
	}
	e := expr.NewColumn(c.index, c.typ, name)
	b.where[e] = at.Position()
	return e
}
