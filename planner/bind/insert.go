package bind

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// insert binds INSERT.
func (b *binder) insert(s *ast.Insert) (*plan.Plan, error) {
	if s.With != nil {
		return nil, pgerror.NotSupported("WITH").At(s.With.Position())
	}
	t, err := b.writable(s.Table.Name)
	if err != nil {
		return nil, err
	}
	ins := inserter{binder: b, stmt: s, table: t}
	if err := ins.columns(); err != nil {
		return nil, err
	}
	n := &plan.Insert{Table: t}
	if s.Source != nil && len(s.Source.Locking) > 0 {
		l := s.Source.Locking[0]
		return nil, pgerror.NotSupported("INSERT ... SELECT %s", lockWords[l.Strength]).At(l.Position())
	}
	switch {
	case s.Source == nil:
		ins.targets = nil
		err = ins.row(n, nil)
	case s.Source.Values != nil && plainValues(s.Source):
		err = ins.values(n)
	default:
		err = ins.query(n)
	}
	if err != nil {
		return nil, err
	}
	if err := n.UseChecks(); err != nil {
		return nil, err
	}
	if err := ins.conflict(n); err != nil {
		return nil, err
	}
	r, err := tableRelation(t, &s.Table, 0)
	if err != nil {
		return nil, err
	}
	columns, project, err := b.returning(s.Returning, &scope{relations: []*relation{r}})
	if err != nil {
		return nil, err
	}
	n.Program.Project, n.Returning = project, columns != nil
	b.programs = append(b.programs, &n.Program)
	return &plan.Plan{Tag: "INSERT", Columns: columns, Cacheable: true, Root: n}, nil
}

// plainValues reports whether VALUES has nothing behind it that would make it a
// query.
func plainValues(s *ast.Select) bool {
	return len(s.OrderBy) == 0 && s.Limit == nil && s.Offset == nil && s.With == nil && len(s.Locking) == 0
}

// inserter binds the rows of one INSERT.
type inserter struct {
	binder  *binder
	stmt    *ast.Insert
	table   *catalog.Table
	targets []int // the columns that values are given for, in their order
	// defaults are the columns' defaults once they have been needed.
	defaults map[int]expr.Expr
}

// defaultOf is defaultOf, decoded once for all rows.
func (n *inserter) defaultOf(col int) (expr.Expr, error) {
	if x, ok := n.defaults[col]; ok {
		return x, nil
	}
	x, err := defaultOf(&n.table.Columns[col])
	if err != nil {
		return nil, err
	}
	if n.defaults == nil {
		n.defaults = map[int]expr.Expr{}
	}
	n.defaults[col] = x
	return x, nil
}

// columns finds the columns that values are given for.
func (n *inserter) columns() error {
	if n.stmt.Columns == nil {
		for i, c := range n.table.Columns {
			if !c.Dropped && !c.Hidden {
				n.targets = append(n.targets, i)
			}
		}
		return nil
	}
	for _, name := range n.stmt.Columns {
		i, err := columnByName(n.table, name)
		if err != nil {
			return err
		}
		for _, have := range n.targets {
			if have == i {
				return pgerror.New(pgerror.DuplicateColumn, "column %q specified more than once", name.Name).At(name.Position())
			}
		}
		n.targets = append(n.targets, i)
	}
	return nil
}

// count checks the number of values in a row. at is where the values stand.
func (n *inserter) count(values int, at func(i int) int) error {
	switch {
	case values > len(n.targets):
		return pgerror.New(pgerror.SyntaxError, "INSERT has more expressions than target columns").At(at(len(n.targets)))
	case values < len(n.targets) && n.stmt.Columns != nil:
		return pgerror.New(pgerror.SyntaxError, "INSERT has more target columns than expressions").
			At(n.stmt.Columns[values].Position())
	}
	n.targets = n.targets[:values]
	return nil
}

// values binds VALUES (..), (..).
func (n *inserter) values(p *plan.Insert) error {
	list := n.stmt.Source.Values
	for _, row := range list {
		if len(row) != len(list[0]) {
			e := pgerror.New(pgerror.SyntaxError, "VALUES lists must all be the same length")
			if len(row) > 0 {
				e.At(row[0].Position())
			}
			return e
		}
	}
	if err := n.count(len(list[0]), func(i int) int { return list[0][i].Position() }); err != nil {
		return err
	}
	for _, row := range list {
		if err := n.row(p, row); err != nil {
			return err
		}
	}
	return nil
}

// row binds one row of values: an expression for each column of the table.
func (n *inserter) row(p *plan.Insert, values []ast.Expr) error {
	out := make([]expr.Expr, len(n.table.Columns))
	given := make([]bool, len(out))
	pl := &place{clause: "VALUES", near: n.table}
	for i, v := range values {
		col := n.targets[i]
		if _, ok := v.(*ast.Default); ok {
			continue
		}
		x, err := n.binder.expr(v, pl)
		if err != nil {
			return err
		}
		use, err := n.explicit(col)
		if err != nil {
			return err
		}
		if x, err = assign(x, &n.table.Columns[col], v); err != nil {
			return err
		}
		if use {
			out[col], given[col] = x, true
		}
	}
	return n.add(p, out, given)
}

// explicit says whether a value that is given for a column is to be used.
func (n *inserter) explicit(col int) (bool, error) {
	c := &n.table.Columns[col]
	switch {
	case c.Identity && n.stmt.Overriding == ast.OverridingUser:
		return false, nil
	case c.Always && n.stmt.Overriding != ast.OverridingSystem:
		return false, pgerror.New(pgerror.GeneratedAlways, "cannot insert a non-DEFAULT value into column %q", c.Name).
			WithDetail("Column %q is an identity column defined as GENERATED ALWAYS.", c.Name).
			WithHint("Use OVERRIDING SYSTEM VALUE to override.")
	}
	return true, nil
}

// add fills in defaults and adds the row.
func (n *inserter) add(p *plan.Insert, row []expr.Expr, given []bool) error {
	for i := range row {
		c := &n.table.Columns[i]
		if given[i] || c.Dropped {
			continue
		}
		var err error
		if row[i], err = n.defaultOf(i); err != nil {
			return err
		}
	}
	p.Rows = append(p.Rows, row)
	return nil
}

// query binds INSERT ... SELECT.
func (n *inserter) query(p *plan.Insert) error {
	types := make([]datum.Type, len(n.targets))
	for i, col := range n.targets {
		types[i] = n.table.Columns[col].Type
	}
	q, err := n.binder.query(n.stmt.Source, types)
	if err != nil {
		return err
	}
	if err := n.count(len(q.columns), func(i int) int { return q.at[i].Position() }); err != nil {
		return err
	}
	out := make([]expr.Expr, len(n.table.Columns))
	given := make([]bool, len(out))
	for i, col := range n.targets {
		use, err := n.explicit(col)
		if err != nil {
			return err
		}
		x, err := assign(expr.NewColumn(i, q.columns[i].Type, q.columns[i].Name), &n.table.Columns[col], q.at[i])
		if err != nil {
			return err
		}
		if use {
			out[col], given[col] = x, true
		}
	}
	p.Source = q.stage
	return n.add(p, out, given)
}

// conflict binds ON CONFLICT.
func (n *inserter) conflict(p *plan.Insert) error {
	c := n.stmt.OnConflict
	if c == nil {
		return nil
	}
	if err := n.arbiter(c); err != nil {
		return err
	}
	if !c.Update {
		p.Conflict = command.ConflictSkips
		return nil
	}
	p.Conflict = command.ConflictUpdates
	base := len(n.table.Columns) + len(catalog.SystemColumns)
	r, err := tableRelation(n.table, &n.stmt.Table, 0)
	if err != nil {
		return err
	}
	excluded := &relation{name: "excluded", columns: tableColumns(n.table, base)}
	for i := range excluded.columns {
		excluded.columns[i].label = "excluded." + excluded.columns[i].name
	}
	sc := &scope{relations: []*relation{r, excluded}}
	a := assigner{binder: n.binder, table: n.table, place: &place{clause: "UPDATE", scope: sc}}
	if err := a.assignments(c.Set); err != nil {
		return err
	}
	if c.UpdateWhere != nil {
		if p.Program.ConflictFilter, err = n.binder.condition(c.UpdateWhere, "WHERE", &place{clause: "WHERE", scope: sc}); err != nil {
			return err
		}
	}
	p.Program.Set, err = a.result(nil, base)
	return err
}

// arbiter checks that the conflict target is the primary key.
func (n *inserter) arbiter(c *ast.OnConflict) error {
	if c.Constraint != "" {
		if c.Constraint != n.table.KeyName {
			return pgerror.New(pgerror.UndefinedObject, "constraint %q for table %q does not exist", c.Constraint, n.table.Name)
		}
		return nil
	}
	if len(c.Target) == 0 {
		if c.Update {
			return pgerror.New(pgerror.SyntaxError, "ON CONFLICT DO UPDATE requires inference specification or constraint name").
				WithHint("For example, ON CONFLICT (column_name).").At(c.Position())
		}
		return nil
	}
	if c.Where != nil {
		return pgerror.NotSupported("a WHERE in the target of ON CONFLICT").At(c.Where.Position())
	}
	named := map[int]bool{}
	for _, t := range c.Target {
		if t.Expr != nil {
			return noArbiter()
		}
		i, err := columnByName(n.table, ast.Ident{Pos: t.Pos, Name: t.Column})
		if err != nil {
			// PostgreSQL reads the target as an expression, and says so.
			return pgerror.New(pgerror.UndefinedColumn, "column %q does not exist", t.Column).At(t.Position())
		}
		named[i] = true
	}
	for _, k := range n.table.PrimaryKey {
		if !named[k] {
			return noArbiter()
		}
	}
	if len(named) != len(n.table.PrimaryKey) {
		return noArbiter()
	}
	return nil
}

func noArbiter() error {
	return pgerror.New(pgerror.InvalidColumnReference, "there is no unique or exclusion constraint matching the ON CONFLICT specification")
}
