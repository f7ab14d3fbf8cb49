package bind

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// target is what a table's name stands for: one of its fields is set.
type target struct {
	table   *catalog.Table
	virtual *plan.VirtualTable
}

// lookup finds the table that a name means.
func (b *binder) lookup(n ast.TableName) (target, error) {
	if n.Catalog != "" {
		if err := b.database(n.Catalog, `"`+n.String()+`"`, n); err != nil {
			return target{}, err
		}
	}
	switch n.Schema {
	case "", "public":
		if t := b.config.Catalog.ByName[n.Name]; t != nil {
			return target{table: t}, nil
		}
		if n.Schema == "" && isCatalogName(n.Name) {
			return target{}, pgerror.NotSupported("catalog table %q", n.Name).At(n.Position())
		}
	case plan.VirtualSchema:
		if v := plan.LookupVirtual(n.Name); v != nil {
			return target{virtual: v}, nil
		}
	case "pg_catalog", "information_schema":
		return target{}, pgerror.NotSupported("catalog table %q", n.String()).At(n.Position())
	}
	return target{}, pgerror.New(pgerror.UndefinedTable, "relation %q does not exist", qualified(n)).At(n.Position())
}

// qualified is a name as PostgreSQL's errors have it, without the database.
func qualified(n ast.TableName) string {
	n.Catalog = ""
	return n.String()
}

// isCatalogName reports whether PostgreSQL finds a bare name in pg_catalog.
func isCatalogName(name string) bool { return len(name) > 3 && name[:3] == "pg_" }

// writable finds the table that a statement changes.
func (b *binder) writable(n ast.TableName) (*catalog.Table, error) {
	t, err := b.lookup(n)
	if err != nil {
		return nil, err
	}
	if t.virtual != nil {
		return nil, pgerror.New(pgerror.WrongObjectType, "cannot change table %q", qualified(n)).
			WithDetail("The tables in schema %s are views of the server.", plan.VirtualSchema).At(n.Position())
	}
	b.use(t.table)
	return t.table, nil
}

// unplaced takes the position from an error: PostgreSQL tells none in a schema
// change.
func unplaced(err error) error {
	if e := pgerror.As(err); e != nil {
		e.Position = 0
	}
	return err
}

// use notes that the plan depends on a table's descriptor.
func (b *binder) use(t *catalog.Table) {
	for _, have := range b.tables {
		if have == t {
			return
		}
	}
	b.tables = append(b.tables, t)
}
