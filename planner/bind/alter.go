package bind

import (
	"context"
	"fmt"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// alterTable binds ALTER TABLE: it makes the new descriptor, and says what must
// be true of the objects before it may become public.
func (b *binder) alterTable(ctx context.Context, s *ast.AlterTable) (*plan.Plan, error) {
	out := &plan.AlterTable{}
	p := &plan.Plan{Tag: "ALTER TABLE", Root: out}
	base, err := b.writable(s.Table.Name)
	if err != nil {
		if e := pgerror.As(err); s.IfExists && e != nil && e.Code == pgerror.UndefinedTable {
			out.None = true
			out.Notices = append(out.Notices, skipping(`relation "%s" does not exist`, qualified(s.Table.Name)))
			return p, nil
		}
		return nil, unplaced(err)
	}
	a := &alterer{definer: definer{binder: b, table: clone(base), keyed: true, fresh: map[string]bool{}}, base: base, plan: out}
	for _, action := range s.Actions {
		if err := a.action(action); err != nil {
			return nil, err
		}
	}
	if err := a.finish(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// clone copies a descriptor as deep as a change may reach.
func clone(t *catalog.Table) *catalog.Table {
	c := *t
	c.Columns = slices.Clone(t.Columns)
	c.PrimaryKey = slices.Clone(t.PrimaryKey)
	c.Checks = slices.Clone(t.Checks)
	return &c
}

func skipping(format string, args ...any) plan.Notice {
	return plan.Notice{Code: pgerror.SuccessfulCompletion, Message: fmt.Sprintf(format, args...) + ", skipping"}
}

// alterer applies actions to a copy of a descriptor.
type alterer struct {
	definer
	base    *catalog.Table
	plan    *plan.AlterTable
	changed bool
	replace bool // the placement has to be checked again
	placed  bool // the placement was changed
}

func (a *alterer) action(action ast.AlterAction) error {
	switch x := action.(type) {
	case *ast.AddColumn:
		return a.addColumn(x)
	case *ast.DropColumn:
		return a.dropColumn(x)
	case *ast.RenameColumn:
		return a.renameColumn(x)
	case *ast.RenameTable:
		return a.renameTable(x)
	case *ast.AlterColumn:
		return a.alterColumn(x)
	case *ast.AddConstraint:
		return a.addConstraint(x)
	case *ast.DropConstraint:
		return a.dropConstraint(x)
	case *ast.RenameConstraint:
		return a.renameConstraint(x)
	case *ast.SetOptions:
		return a.setOptions(x)
	case *ast.UnsupportedAction:
		return pgerror.NotSupported("%s", x.What).At(x.Position())
	}
	return pgerror.NotSupported("this ALTER TABLE").At(action.Position())
}

// finish checks what has to hold of the whole, and fills in the spec.
func (a *alterer) finish(ctx context.Context) error {
	if !a.changed {
		a.plan.None = true
		return nil
	}
	if a.replace {
		p := a.table.Placement
		if err := a.binder.place(ctx, a.table, p.Policy, p.Options); err != nil {
			if e := pgerror.As(err); e != nil && !a.placed && e.Detail == "" {
				e.WithDetail("The table's placement depends on it; SET (placement = ...) changes that.")
			}
			return err
		}
	} else if err := a.binder.checkRules(a.table); err != nil {
		return err
	}
	a.plan.Spec.Base = catalog.TableRef{ID: a.base.ID, Version: a.base.Version, Name: a.base.Name}
	a.plan.Spec.Table = a.table
	for i, c := range a.table.Columns {
		if c.NotNull && !c.Dropped && i < len(a.base.Columns) && !a.base.Columns[i].NotNull {
			a.plan.Spec.NotNull = append(a.plan.Spec.NotNull, i)
		}
		if c.NotNull && !c.Dropped && i >= len(a.base.Columns) && c.Missing == nil {
			a.plan.Spec.Empty = append(a.plan.Spec.Empty, i)
		}
	}
	for i, c := range a.table.Checks {
		if a.fresh[c.Name] {
			a.plan.Spec.Checks = append(a.plan.Spec.Checks, i)
		}
	}
	return nil
}

// find finds a column by name.
func (a *alterer) find(name string) int {
	return slices.IndexFunc(a.table.Columns, func(c catalog.Column) bool { return !c.Dropped && c.Name == name })
}

// existing finds a column that an action is about.
func (a *alterer) existing(name ast.Ident) (int, error) {
	if i := a.find(name.Name); i >= 0 {
		return i, nil
	}
	for _, c := range catalog.SystemColumns {
		if c.Name == name.Name {
			return 0, pgerror.New(pgerror.FeatureNotSupported, "cannot alter system column %q", name.Name)
		}
	}
	return 0, pgerror.New(pgerror.UndefinedColumn, "column %q of relation %q does not exist", name.Name, a.table.Name)
}

func (a *alterer) addColumn(x *ast.AddColumn) error {
	t := a.table
	if a.find(x.Column.Name) >= 0 {
		if x.IfNotExists {
			a.plan.Notices = append(a.plan.Notices, plan.Notice{Code: pgerror.DuplicateColumn,
				Message: fmt.Sprintf("column %q of relation %q already exists, skipping", x.Column.Name, t.Name)})
			return nil
		}
		return pgerror.New(pgerror.DuplicateColumn, "column %q of relation %q already exists", x.Column.Name, t.Name)
	}
	if len(t.Columns) >= maxColumns {
		return pgerror.New(pgerror.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	for _, con := range x.Column.Constraints {
		if con.Kind == ast.PrimaryKeyConstraint {
			return pgerror.NotSupported("adding a primary key").At(con.Position())
		}
	}
	if err := a.column(&x.Column); err != nil {
		return err
	}
	if err := a.missing(&t.Columns[len(t.Columns)-1], &x.Column); err != nil {
		return err
	}
	a.changed = true
	return a.checks()
}

// missing computes what objects have in a new column that were written before.
func (a *alterer) missing(c *catalog.Column, def *ast.ColumnDef) error {
	if c.Serial {
		return pgerror.NotSupported("adding a serial or identity column").At(def.Position())
	}
	if c.Default == nil {
		return nil
	}
	x, err := expr.Decode(c.Default.Expr)
	if err != nil {
		return err
	}
	session := a.binder.config.Session
	if expr.VolatilityOf(x) == expr.Volatile || session == nil && expr.NeedsSession(x) {
		return pgerror.NotSupported("adding a column whose default is not a constant").At(def.Position())
	}
	v, err := x.Eval(&expr.Env{Format: a.binder.config.Format, Session: session})
	if err != nil {
		return err
	}
	if !v.IsNull() {
		c.Missing = datum.AppendDatum(nil, v)
	}
	return nil
}

func (a *alterer) dropColumn(x *ast.DropColumn) error {
	t := a.table
	i := a.find(x.Name.Name)
	if i < 0 {
		if x.IfExists {
			a.plan.Notices = append(a.plan.Notices, skipping("column %q of relation %q does not exist", x.Name.Name, t.Name))
			return nil
		}
		_, err := a.existing(x.Name)
		return err
	}
	if slices.Contains(t.PrimaryKey, i) {
		return pgerror.NotSupported("dropping a primary key column").At(x.Name.Position())
	}
	kept := t.Checks[:0:0]
	for _, c := range t.Checks {
		used := map[int]bool{}
		e, err := expr.Decode(c.Expr)
		if err != nil {
			return err
		}
		if expr.Columns(e, used); !used[i] {
			kept = append(kept, c)
		}
	}
	t.Checks = kept
	old := t.Columns[i]
	t.Columns[i] = catalog.Column{Name: fmt.Sprintf("........pg.dropped.%d........", i+1), Type: old.Type, Dropped: true, Missing: old.Missing}
	a.changed, a.replace = true, true
	return nil
}

func (a *alterer) renameColumn(x *ast.RenameColumn) error {
	i := a.find(x.From.Name)
	if i < 0 {
		return pgerror.New(pgerror.UndefinedColumn, "column %q does not exist", x.From.Name)
	}
	if a.find(x.To.Name) >= 0 {
		return pgerror.New(pgerror.DuplicateColumn, "column %q of relation %q already exists", x.To.Name, a.table.Name)
	}
	if err := newColumnName(a.table, x.To.Name); err != nil {
		return err
	}
	a.table.Columns[i].Name = x.To.Name
	a.changed, a.replace = true, true
	return a.renameInChecks(i, x.To.Name)
}

// renameInChecks gives constraints the new name of a column, for people.
func (a *alterer) renameInChecks(column int, name string) error {
	for i := range a.table.Checks {
		c := &a.table.Checks[i]
		e, err := expr.Decode(c.Expr)
		if err != nil {
			return err
		}
		used := map[int]bool{}
		if expr.Columns(e, used); !used[column] {
			continue
		}
		e, err = expr.Rewrite(e, func(n expr.Expr) (expr.Expr, error) {
			if col, ok := n.(*expr.Column); ok && col.Index == column {
				return expr.NewColumn(column, col.Typ, name), nil
			}
			return n, nil
		})
		if err != nil {
			return err
		}
		c.Text, c.Expr = expr.Format(e), expr.Append(nil, e)
	}
	return nil
}

func (a *alterer) renameTable(x *ast.RenameTable) error {
	if a.binder.config.Catalog.ByName[x.To.Name] != nil {
		return pgerror.New(pgerror.DuplicateTable, "relation %q already exists", x.To.Name)
	}
	a.table.Name = x.To.Name
	a.changed = true
	return nil
}

func (a *alterer) alterColumn(x *ast.AlterColumn) error {
	i, err := a.existing(x.Name)
	if err != nil {
		return err
	}
	c := &a.table.Columns[i]
	switch x.Change {
	case ast.SetType:
		return pgerror.NotSupported("ALTER COLUMN ... TYPE").At(x.Position())
	case ast.SetDefault, ast.DropDefault:
		if c.Identity {
			return pgerror.New(pgerror.SyntaxError, "column %q of relation %q is an identity column", c.Name, a.table.Name)
		}
		c.Serial, c.Default = false, nil
		if x.Change == ast.SetDefault {
			if c.Default, err = a.binder.columnDefault(c, x.Expr, x.Text); err != nil {
				return err
			}
		}
	case ast.SetNotNull:
		if c.NotNull {
			return nil
		}
		c.NotNull = true
	case ast.DropNotNull:
		switch {
		case c.Identity:
			return pgerror.New(pgerror.SyntaxError, "column %q of relation %q is an identity column", c.Name, a.table.Name)
		case slices.Contains(a.table.PrimaryKey, i):
			return pgerror.New(pgerror.InvalidTableDefinition, "column %q is in a primary key", c.Name)
		case !c.NotNull:
			return nil
		}
		c.NotNull = false
	}
	a.changed = true
	return nil
}

func (a *alterer) addConstraint(x *ast.AddConstraint) error {
	con := x.Constraint
	if err := plainConstraint(&con); err != nil {
		return err
	}
	if con.Kind != ast.CheckConstraint {
		return pgerror.NotSupported("adding a primary key").At(con.Position())
	}
	a.changed = true
	return a.check(&con)
}

func (a *alterer) dropConstraint(x *ast.DropConstraint) error {
	t := a.table
	i := slices.IndexFunc(t.Checks, func(c catalog.Check) bool { return c.Name == x.Name.Name })
	switch {
	case i >= 0:
		t.Checks = slices.Delete(t.Checks, i, i+1)
		delete(a.fresh, x.Name.Name)
		a.changed = true
		return nil
	case t.KeyName == x.Name.Name:
		return pgerror.NotSupported("dropping a primary key").At(x.Name.Position())
	case x.IfExists:
		a.plan.Notices = append(a.plan.Notices, skipping("constraint %q of relation %q does not exist", x.Name.Name, t.Name))
		return nil
	}
	return pgerror.New(pgerror.UndefinedObject, "constraint %q of relation %q does not exist", x.Name.Name, t.Name)
}

func (a *alterer) renameConstraint(x *ast.RenameConstraint) error {
	t := a.table
	if !hasConstraint(t, x.From.Name) {
		return pgerror.New(pgerror.UndefinedObject, "constraint %q for table %q does not exist", x.From.Name, t.Name)
	}
	if hasConstraint(t, x.To.Name) {
		return pgerror.New(pgerror.DuplicateObject, "constraint %q for relation %q already exists", x.To.Name, t.Name)
	}
	a.changed = true
	if t.KeyName == x.From.Name {
		t.KeyName = x.To.Name
		return nil
	}
	for i := range t.Checks {
		if t.Checks[i].Name == x.From.Name {
			t.Checks[i].Name = x.To.Name
			a.fresh[x.To.Name] = a.fresh[x.From.Name]
		}
	}
	return nil
}

// setOptions changes the placement and its rules: SET (placement = ...) begins anew
// with the policy's options, all others are merged with those that stand.
func (a *alterer) setOptions(x *ast.SetOptions) error {
	old := a.table.Placement
	o := placing{policy: old.Policy, options: old.Options, rules: a.table.Rules}
	change := o.set
	if x.Reset {
		change = o.reset
	}
	if err := change(x.Options); err != nil {
		return err
	}
	a.changed, a.table.Rules = true, o.rules
	if o.placed {
		a.table.Placement = catalog.Placement{Policy: o.policy, Options: o.options}
		a.replace, a.placed = true, true
	}
	return nil
}
