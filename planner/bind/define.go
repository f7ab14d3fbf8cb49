package bind

import (
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// definer builds a table's descriptor.
type definer struct {
	binder  *binder
	table   *catalog.Table
	pending []pendingCheck
	keyed   bool            // there is a primary key
	fresh   map[string]bool // names of the CHECKs that were added
}

// pendingCheck is a CHECK that waits until all columns are known.
type pendingCheck struct{ ast.Constraint }

func (d *definer) columns(list []ast.ColumnDef) error {
	if len(list) > maxColumns {
		return pgerror.New(pgerror.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	for i := range list {
		if err := d.column(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// column adds a column with its own constraints.
func (d *definer) column(def *ast.ColumnDef) error {
	t := d.table
	if err := newColumnName(t, def.Name); err != nil {
		return err
	}
	c := catalog.Column{Name: def.Name}
	if err := columnType(&c, def); err != nil {
		return err
	}
	if def.Collation != nil {
		switch def.Collation.Name {
		case "C", "POSIX", "default", "ucs_basic":
		default:
			return pgerror.NotSupported("collation %q", def.Collation.Name).At(def.Collation.Position())
		}
	}
	t.Columns = append(t.Columns, c)
	return d.columnConstraints(len(t.Columns)-1, def)
}

func newColumnName(t *catalog.Table, name string) error {
	for _, c := range catalog.SystemColumns {
		if c.Name == name {
			return pgerror.New(pgerror.DuplicateColumn, "column name %q conflicts with a system column name", name)
		}
	}
	for _, c := range t.Columns {
		if !c.Dropped && c.Name == name {
			return pgerror.New(pgerror.DuplicateColumn, "column %q specified more than once", name)
		}
	}
	return nil
}

// columnType finds a column's type; serial types are integers with a sequence.
func columnType(c *catalog.Column, def *ast.ColumnDef) error {
	serial := map[string]datum.Type{
		"serial": datum.Int4, "serial4": datum.Int4, "bigserial": datum.Int8, "serial8": datum.Int8,
		"smallserial": datum.Int2, "serial2": datum.Int2,
	}
	n := def.Type
	if t, ok := serial[n.Name]; ok && n.Schema == "" {
		if len(n.Bounds) > 0 {
			return pgerror.NotSupported("an array of type serial").At(n.Position())
		}
		c.Type, c.Serial, c.NotNull = t, true, true
		return nil
	}
	t, err := typeName(n)
	if err != nil {
		return err
	}
	if t.Is(datum.Unknown) || t.Is(datum.Void) {
		return pgerror.New(pgerror.InvalidTableDefinition, "column %q has pseudo-type %s", c.Name, t)
	}
	c.Type = t
	return nil
}

func (d *definer) columnConstraints(i int, def *ast.ColumnDef) error {
	c := &d.table.Columns[i]
	null, notNull, valued := false, false, c.Serial
	for k := range def.Constraints {
		con := &def.Constraints[k]
		if err := plainConstraint(con); err != nil {
			return err
		}
		switch con.Kind {
		case ast.NotNullConstraint:
			notNull, c.NotNull = true, true
		case ast.NullConstraint:
			null = true
		case ast.DefaultConstraint, ast.IdentityConstraint:
			if valued {
				what := "multiple default values specified"
				if con.Kind == ast.IdentityConstraint || c.Identity {
					what = "both default and identity specified"
				}
				err := pgerror.New(pgerror.SyntaxError, "%s for column %q of table %q", what, c.Name, d.table.Name)
				if c.Serial && !c.Identity {
					return err // PostgreSQL tells no position where a serial type gave the default
				}
				return err.At(con.Position())
			}
			valued = true
			if err := d.value(c, con); err != nil {
				return err
			}
		case ast.CheckConstraint:
			d.pending = append(d.pending, pendingCheck{*con})
		case ast.PrimaryKeyConstraint:
			if err := d.setKey(con, []int{i}); err != nil {
				return err
			}
		}
		if null && (notNull || c.Identity) {
			return conflictingNull(d.table, c, con)
		}
	}
	if null && c.Serial {
		return conflictingNull(d.table, c, def)
	}
	return nil
}

func conflictingNull(t *catalog.Table, c *catalog.Column, n ast.Node) error {
	return pgerror.New(pgerror.SyntaxError, "conflicting NULL/NOT NULL declarations for column %q of table %q", c.Name, t.Name).At(n.Position())
}

// plainConstraint refuses constraints that are not supported.
func plainConstraint(con *ast.Constraint) error {
	what := ""
	switch {
	case con.Kind == ast.UniqueConstraint:
		what = "UNIQUE"
	case con.Kind == ast.ForeignKeyConstraint:
		what = "FOREIGN KEY"
	case con.Kind == ast.GeneratedConstraint:
		what = "a generated column"
	case con.Kind == ast.ExcludeConstraint:
		what = "EXCLUDE"
	case con.Deferrable:
		what = "a deferrable constraint"
	case con.NotValid:
		what = "NOT VALID"
	case con.NoInherit:
		what = "NO INHERIT"
	case len(con.Sequence) > 0:
		what = "an option of an identity column's sequence"
	default:
		return nil
	}
	return pgerror.NotSupported("%s", what).At(con.Position())
}

// value sets a column's default or identity.
func (d *definer) value(c *catalog.Column, con *ast.Constraint) error {
	if con.Kind == ast.IdentityConstraint {
		if !c.Type.IsInteger() {
			return pgerror.New(pgerror.InvalidParameterValue, "identity column type must be smallint, integer, or bigint")
		}
		c.Serial, c.Identity, c.Always, c.NotNull = true, true, con.Always, true
		return nil
	}
	def, err := d.binder.columnDefault(c, con.Expr, con.Text)
	c.Default = def
	return err
}

// columnDefault binds a DEFAULT; nil for NULL, which is none.
func (b *binder) columnDefault(c *catalog.Column, e ast.Expr, text string) (*catalog.Default, error) {
	p := &place{clause: "DEFAULT expressions",
		noColumns: pgerror.New(pgerror.FeatureNotSupported, "cannot use column reference in DEFAULT expression"),
		noParams:  pgerror.New(pgerror.UndefinedParameter, "there is no parameter in a DEFAULT expression")}
	x, err := b.expr(e, p)
	if err != nil {
		return nil, err
	}
	if !expr.CanCoerce(x.Type(), c.Type, expr.Assignment) {
		return nil, pgerror.New(pgerror.DatatypeMismatch, "column %q is of type %s but default expression is of type %s",
			c.Name, c.Type.WithMod(-1), x.Type().WithMod(-1)).WithHint("You will need to rewrite or cast the expression.")
	}
	if x, err = expr.Coerce(x, c.Type, expr.Assignment); err != nil {
		return nil, at(err, e)
	}
	if x, err = b.freeze(x); err != nil {
		return nil, err
	}
	if k, ok := x.(*expr.Const); ok && k.Value.IsNull() {
		return nil, nil
	}
	return &catalog.Default{Text: strings.TrimSpace(text), Expr: expr.Append(nil, x)}, nil
}

// freeze folds constants, and reads the literals whose meaning depends on
// settings with those of now, as PostgreSQL does when a table is defined.
func (b *binder) freeze(x expr.Expr) (expr.Expr, error) {
	env := &expr.Env{Format: b.config.Format}
	x, err := expr.Rewrite(x, func(n expr.Expr) (expr.Expr, error) {
		c, ok := n.(*expr.Cast)
		if !ok {
			return n, nil
		}
		if k, ok := c.Arg.(*expr.Const); !ok || k.Typ.Kind() != datum.KindText {
			return n, nil
		}
		v, err := c.Eval(env)
		if err != nil {
			return nil, err
		}
		return expr.NewConst(v, c.Typ), nil
	})
	if err != nil {
		return nil, err
	}
	return expr.Fold(x)
}
