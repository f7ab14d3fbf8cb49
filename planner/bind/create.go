package bind

import (
	"strings"

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
func (b *binder) createTable(s *ast.CreateTable) (*plan.Plan, error) {
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
	policy, options, err := placementOptions(s.Options, "hash", nil)
	if err != nil {
		return nil, err
	}
	if d.table.Placement, err = b.placement(d.table, policy, options); err != nil {
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

// placement has a table's placement checked.
func (b *binder) placement(t *catalog.Table, policy string, options map[string]string) (catalog.Placement, error) {
	if b.config.Policies != nil {
		return b.config.Policies.Placement(t, policy, options)
	}
	if policy == "hash" && len(options) == 0 {
		return catalog.Placement{Policy: "hash", Static: true}, nil
	}
	return catalog.Placement{}, pgerror.New(pgerror.UndefinedObject, "placement policy %q does not exist", policy)
}

// placementOptions reads WITH (placement = .., ..). Options with a dot in their
// names are the policy's; they are merged with those given.
func placementOptions(list []ast.Option, policy string, options map[string]string) (string, map[string]string, error) {
	out := map[string]string{}
	for k, v := range options {
		out[k] = v
	}
	seen := map[string]bool{}
	for _, o := range list {
		if seen[o.Name] {
			return "", nil, pgerror.New(pgerror.InvalidParameterValue, "parameter %q specified more than once", o.Name).At(o.Position())
		}
		seen[o.Name] = true
		value := "true"
		if o.Value != nil {
			l, ok := o.Value.(*ast.Literal)
			if !ok {
				return "", nil, pgerror.New(pgerror.InvalidParameterValue, "invalid value for parameter %q", o.Name).At(o.Position())
			}
			value = l.Text
		}
		switch {
		case o.Name == "placement":
			policy = value
		case strings.HasPrefix(o.Name, "toast.") || o.Name == "fillfactor" || strings.HasPrefix(o.Name, "autovacuum_"):
			// They tell PostgreSQL how to store the rows, and mean nothing here.
		case strings.Contains(o.Name, "."):
			out[o.Name] = value
		default:
			return "", nil, pgerror.New(pgerror.InvalidParameterValue, "unrecognized parameter %q", o.Name).
				WithHint("A placement's own options have a dot in their names.")
		}
	}
	if len(out) == 0 {
		out = nil
	}
	return policy, out, nil
}
