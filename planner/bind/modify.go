package bind

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// update binds UPDATE.
func (b *binder) update(s *ast.Update) (*plan.Plan, error) {
	switch {
	case s.With != nil:
		return nil, pgerror.NotSupported("WITH").At(s.With.Position())
	case len(s.From) > 0:
		return nil, pgerror.NotSupported("UPDATE ... FROM").At(s.From[0].Position())
	}
	m, sc, err := b.modifyTarget(command.Update, &s.Table)
	if err != nil {
		return nil, err
	}
	a := assigner{binder: b, table: m.Table, place: &place{clause: "UPDATE", scope: sc}}
	if err := a.assignments(s.Set); err != nil {
		return nil, err
	}
	if err := b.modifyWhere(m, s.Where, sc); err != nil {
		return nil, err
	}
	if m.Program.Set, err = a.result(m.Access, -1); err != nil {
		return nil, err
	}
	return b.modifyPlan("UPDATE", m, s.Returning, sc)
}

// delete binds DELETE.
func (b *binder) delete(s *ast.Delete) (*plan.Plan, error) {
	switch {
	case s.With != nil:
		return nil, pgerror.NotSupported("WITH").At(s.With.Position())
	case len(s.Using) > 0:
		return nil, pgerror.NotSupported("DELETE ... USING").At(s.Using[0].Position())
	}
	m, sc, err := b.modifyTarget(command.Delete, &s.Table)
	if err != nil {
		return nil, err
	}
	if err := b.modifyWhere(m, s.Where, sc); err != nil {
		return nil, err
	}
	return b.modifyPlan("DELETE", m, s.Returning, sc)
}

func (b *binder) modifyTarget(kind command.WriteKind, ref *ast.Table) (*plan.Modify, *scope, error) {
	t, err := b.writable(ref.Name)
	if err != nil {
		return nil, nil, err
	}
	r, err := tableRelation(t, ref, 0)
	if err != nil {
		return nil, nil, err
	}
	return &plan.Modify{Kind: kind, Table: t}, &scope{relations: []*relation{r}}, nil
}

func (b *binder) modifyWhere(m *plan.Modify, where ast.Expr, sc *scope) error {
	var cond expr.Expr
	var err error
	if where != nil {
		if cond, err = b.condition(where, "WHERE", &place{clause: "WHERE", scope: sc}); err != nil {
			return err
		}
	}
	m.Access, m.Program.Filter, err = access(m.Table, cond)
	return err
}

func (b *binder) modifyPlan(tag string, m *plan.Modify, returning []ast.SelectItem, sc *scope) (*plan.Plan, error) {
	columns, project, err := b.returning(returning, sc)
	if err != nil {
		return nil, err
	}
	m.Program.Project, m.Returning = project, columns != nil
	b.programs = append(b.programs, &m.Program)
	return &plan.Plan{Tag: tag, Columns: columns, Cacheable: true, Root: m}, nil
}

// returning binds RETURNING; nil columns where there is none.
func (b *binder) returning(list []ast.SelectItem, sc *scope) ([]session.Column, []expr.Expr, error) {
	if len(list) == 0 {
		return nil, nil, nil
	}
	p := &place{clause: "RETURNING", scope: sc}
	var items []item
	for _, it := range list {
		if ref, ok := it.Expr.(*ast.ColumnRef); ok && ref.Star {
			expanded, err := b.star(ref, sc)
			if err != nil {
				return nil, nil, err
			}
			items = append(items, expanded...)
			continue
		}
		bound, err := b.item(it, p)
		if err != nil {
			return nil, nil, err
		}
		if bound.x, err = expr.Settle(bound.x); err != nil {
			return nil, nil, at(err, it)
		}
		items = append(items, bound)
	}
	project := make([]expr.Expr, len(items))
	for i := range items {
		project[i] = items[i].x
	}
	return resultColumns(items), project, nil
}

// move binds MOVE.
func (b *binder) move(s *ast.Move) (*plan.Plan, error) {
	t, err := b.writable(s.Table.Name)
	if err != nil {
		return nil, err
	}
	r, err := tableRelation(t, &s.Table, 0)
	if err != nil {
		return nil, err
	}
	sc := &scope{relations: []*relation{r}}
	m := &plan.Move{Table: t}
	var where expr.Expr
	if s.Where != nil {
		if where, err = b.condition(s.Where, "WHERE", &place{clause: "WHERE", scope: sc}); err != nil {
			return nil, err
		}
	}
	if m.Access, m.Program.Filter, err = access(t, where); err != nil {
		return nil, err
	}
	if s.Pin == ast.WithoutPin {
		m.Pin = catalog.Unpin
	}
	if s.Partition != nil {
		if m.Partition, err = b.partitionNumber(s.Partition); err != nil {
			return nil, err
		}
		if s.Pin != ast.WithoutPin {
			m.Pin = catalog.Pin
		}
		for _, c := range t.PrimaryKey {
			m.Program.Project = append(m.Program.Project, expr.NewColumn(c, t.Columns[c].Type, t.Columns[c].Name))
		}
	} else {
		for i, c := range t.Columns {
			m.Program.Project = append(m.Program.Project, expr.NewColumn(i, c.Type, c.Name))
		}
	}
	b.programs = append(b.programs, &m.Program)
	return &plan.Plan{Tag: "MOVE", Cacheable: true, Root: m}, nil
}

func (b *binder) partitionNumber(e ast.Expr) (expr.Expr, error) {
	p := &place{clause: "TO PARTITION",
		noColumns: pgerror.New(pgerror.InvalidColumnReference, "argument of TO PARTITION must not contain variables")}
	x, err := b.expr(e, p)
	if err != nil {
		return nil, err
	}
	if !expr.CanCoerce(x.Type(), datum.Int4, expr.Assignment) {
		return nil, pgerror.New(pgerror.DatatypeMismatch, "argument of TO PARTITION must be type integer, not type %s", x.Type()).At(start(e))
	}
	x, err = expr.Coerce(x, datum.Int4, expr.Assignment)
	return x, at(err, e)
}

// columnByName finds a column that a statement may assign to.
func columnByName(t *catalog.Table, name ast.Ident) (int, error) {
	for i, c := range t.Columns {
		if !c.Dropped && c.Name == name.Name {
			return i, nil
		}
	}
	for _, c := range catalog.SystemColumns {
		if c.Name == name.Name {
			return 0, pgerror.New(pgerror.FeatureNotSupported, "cannot assign to system column %q", name.Name).At(name.Position())
		}
	}
	return 0, pgerror.New(pgerror.UndefinedColumn, "column %q of relation %q does not exist", name.Name, t.Name).At(name.Position())
}

// assign coerces a value to a column that it is stored in.
func assign(x expr.Expr, c *catalog.Column, n ast.Node) (expr.Expr, error) {
	if !expr.CanCoerce(x.Type(), c.Type, expr.Assignment) {
		return nil, pgerror.New(pgerror.DatatypeMismatch, "column %q is of type %s but expression is of type %s",
			c.Name, c.Type.WithMod(-1), x.Type().WithMod(-1)).
			WithHint("You will need to rewrite or cast the expression.").At(start(n))
	}
	out, err := expr.Coerce(x, c.Type, expr.Assignment)
	if e := pgerror.As(err); e != nil && x.Type() == datum.Unknown && !misfit(e) {
		e.At(n.Position())
	}
	return out, err
}

// defaultOf is the expression of a column's default: nil for a serial column,
// whose value a sequence gives.
func defaultOf(c *catalog.Column) (expr.Expr, error) {
	switch {
	case c.Serial:
		return nil, nil
	case c.Default == nil:
		return expr.NewConst(datum.Null, c.Type), nil
	}
	return expr.Decode(c.Default.Expr)
}

// assigner binds the SET of an UPDATE or of ON CONFLICT DO UPDATE.
type assigner struct {
	binder *binder
	table  *catalog.Table
	place  *place
	set    []assigned
}

type assigned struct {
	command.Assignment
	at ast.Node
}

func (a *assigner) assignments(list []ast.Assignment) error {
	for _, s := range list {
		values := []ast.Expr{s.Value}
		if s.Multi {
			row, ok := s.Value.(*ast.Row)
			switch {
			case ok:
				values = row.Args
			case len(s.Columns) != 1:
				if _, sub := s.Value.(*ast.Subquery); sub {
					return pgerror.NotSupported("a subquery").At(s.Value.Position())
				}
				return pgerror.New(pgerror.FeatureNotSupported, "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression").At(s.Value.Position())
			}
		}
		if len(values) != len(s.Columns) {
			return pgerror.New(pgerror.SyntaxError, "number of columns does not match number of values").At(s.Value.Position())
		}
		for i, name := range s.Columns {
			if err := a.assignment(name, values[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *assigner) assignment(name ast.Ident, value ast.Expr) error {
	i, err := columnByName(a.table, name)
	if err != nil {
		return err
	}
	for _, s := range a.set {
		if s.Column == i {
			return pgerror.New(pgerror.SyntaxError, "multiple assignments to same column %q", name.Name)
		}
	}
	c := &a.table.Columns[i]
	var x expr.Expr
	if _, ok := value.(*ast.Default); ok {
		if c.Serial {
			return pgerror.NotSupported("DEFAULT of a serial column in UPDATE").At(value.Position())
		}
		if x, err = defaultOf(c); err != nil {
			return err
		}
	} else {
		if c.Always {
			return pgerror.New(pgerror.GeneratedAlways, "column %q can only be updated to DEFAULT", c.Name).
				WithDetail("Column %q is an identity column defined as GENERATED ALWAYS.", c.Name)
		}
		if x, err = a.binder.expr(value, a.place); err != nil {
			return err
		}
		if x, err = assign(x, c, value); err != nil {
			return err
		}
	}
	a.set = append(a.set, assigned{command.Assignment{Column: i, Value: x}, name})
	return nil
}

// result returns the assignments without those that leave a column of the key as
// it is; others to the key are refused. excluded is where the row that was to be
// created begins, whose key is that of the row that is there; -1: none.
func (a *assigner) result(acc *plan.Access, excluded int) ([]command.Assignment, error) {
	var out []command.Assignment
	for _, s := range a.set {
		key := -1
		for k, c := range a.table.PrimaryKey {
			if c == s.Column {
				key = k
			}
		}
		if key < 0 {
			out = append(out, s.Assignment)
			continue
		}
		if !unchanged(s.Assignment, key, acc, excluded) {
			return nil, pgerror.NotSupported("updating a primary key column").At(s.at.Position())
		}
	}
	return out, nil
}

func unchanged(s command.Assignment, key int, acc *plan.Access, excluded int) bool {
	if c, ok := s.Value.(*expr.Column); ok {
		return c.Index == s.Column || excluded >= 0 && c.Index == excluded+s.Column
	}
	if acc == nil || !acc.Single() || len(acc.Alternatives) == 0 {
		return false
	}
	have := acc.Alternatives[0].Prefix[key].Exprs[0]
	value, err := expr.Fold(s.Value)
	if err != nil {
		return false
	}
	c, ok := have.(*expr.Const)
	d, both := value.(*expr.Const)
	return same(have, value) || ok && both && !c.Value.IsNull() && datum.Equal(c.Value, d.Value)
}
