package bind

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// Limits of a table's definition.
const (
	maxColumns    = 1600
	maxKeyColumns = 32
	maxName       = 63 // bytes
)

// createTable binds CREATE TABLE.
func (b *binder) createTable(ctx context.Context, s *ast.CreateTable) (*plan.Plan, error) {
	switch s.Persistence {
	case ast.Temporary:
		return nil, pgerror.NotSupported("a temporary table").At(s.Position())
	case ast.Unlogged:
		return nil, pgerror.NotSupported("an unlogged table").At(s.Position())
	}
	if err := b.newName(s.Name); err != nil {
		return nil, err
	}
	p := &plan.Plan{Tag: "CREATE TABLE"}
	if b.config.Catalog.ByName[s.Name.Name] != nil {
		if !s.IfNotExists {
			return nil, pgerror.New(pgerror.DuplicateTable, "relation %q already exists", s.Name.Name)
		}
		p.Root = &plan.CreateTable{Spec: catalog.TableSpec{Table: &catalog.Table{Name: s.Name.Name}, IfNotExists: true}, Exists: true}
		return p, nil
	}
	d := &definer{binder: b, table: &catalog.Table{Name: s.Name.Name}}
	if err := d.columns(s.Columns); err != nil {
		return nil, err
	}
	if err := d.constraints(s.Constraints); err != nil {
		return nil, err
	}
	if err := d.key(); err != nil {
		return nil, err
	}
	if err := d.checks(); err != nil {
		return nil, err
	}
	o := placing{policy: "hash"}
	if err := o.set(s.Options); err != nil {
		return nil, err
	}
	d.table.Rules = o.rules
	if err := b.place(ctx, d.table, o.policy, o.options); err != nil {
		return nil, err
	}
	p.Root = &plan.CreateTable{Spec: catalog.TableSpec{Table: d.table, IfNotExists: s.IfNotExists}}
	return p, nil
}

// newName checks the schema that a new table's name has.
func (b *binder) newName(n ast.TableName) error {
	if n.Catalog != "" {
		if err := b.database(n.Catalog, `"`+n.String()+`"`, n); err != nil {
			return err
		}
	}
	switch n.Schema {
	case "", "public":
		return nil
	case plan.VirtualSchema, "pg_catalog", "information_schema":
		return pgerror.New(pgerror.InsufficientPrivilege, "permission denied to create %q", qualified(n)).
			WithDetail("System catalog modifications are currently disallowed.")
	}
	return pgerror.New(pgerror.InvalidSchemaName, "schema %q does not exist", n.Schema).At(n.Position())
}
