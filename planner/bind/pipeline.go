package bind

import (
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/planner/plan"
)

// pipeline builds the stages of a query: what partitions can do goes into the
// scan's program, the rest stands behind it.
func (b *binder) pipeline(sel *selection) (plan.Stage, error) {
	p := &pipeline{binder: b, sel: sel}
	if err := p.source(); err != nil {
		return nil, err
	}
	rows, order := sel.rows()
	if sel.grouped {
		p.aggregate()
	}
	p.project(rows)
	switch {
	case len(sel.on) > 0:
		p.distinctOn(order)
	case sel.distinct:
		p.distinct(order)
	default:
		p.sort(order)
	}
	if sel.limit != nil {
		sel.limit.Input = p.stage
		p.stage = sel.limit
	}
	if len(sel.on) > 0 {
		p.cutFront(len(sel.on), len(sel.items))
	} else if len(rows) > len(sel.items) {
		p.stage = &plan.Cut{Input: p.stage, Columns: len(sel.items)}
	}
	return p.stage, nil
}

// rows are the expressions of the rows that are sorted: the output, then what
// only ORDER BY names; for DISTINCT ON its expressions come first. The order is
// by columns of these rows.
func (sel *selection) rows() ([]expr.Expr, []command.Order) {
	var rows []expr.Expr
	rows = append(rows, sel.on...)
	base := len(rows)
	for _, it := range sel.items {
		rows = append(rows, it.x)
	}
	order := make([]command.Order, len(sel.order))
	for i, k := range sel.order {
		column := base + k.item
		if k.item < 0 {
			column = slices.IndexFunc(rows, func(x expr.Expr) bool { return same(x, k.x) })
			if column < 0 {
				column = len(rows)
				rows = append(rows, k.x)
			}
		}
		order[i] = command.Order{Column: column, Descending: k.descending, NullsFirst: k.nullsFirst}
	}
	return rows, order
}

// pipeline is the stages built so far. scan is the leaf as long as nothing
// stands behind it.
type pipeline struct {
	binder *binder
	sel    *selection
	stage  plan.Stage
	scan   *plan.Scan
}

func (p *pipeline) source() error {
	sel := p.sel
	if sel.from.table == nil {
		p.stage = sel.from.stage
		if sel.where != nil {
			p.stage = &plan.Filter{Input: p.stage, Cond: sel.where}
		}
		return nil
	}
	a, filter, err := access(sel.from.table, sel.where)
	if err != nil {
		return err
	}
	p.scan = &plan.Scan{Table: sel.from.table, Access: a, Lock: sel.lock}
	p.scan.Program.Filter = filter
	p.binder.programs = append(p.binder.programs, &p.scan.Program)
	p.stage = p.scan
	return nil
}

// aggregate computes groups and aggregates: in the partitions where all
// aggregates can be merged from partial states.
func (p *pipeline) aggregate() {
	sel := p.sel
	calls := sel.aggregates.calls
	stage := &plan.Aggregate{Groups: sel.groups, GroupCount: len(sel.groups), Aggregates: calls}
	if p.scan != nil {
		if mergeable(calls) {
			stage.Partial, stage.Groups = true, nil
			p.scan.Program.GroupBy, p.scan.Program.Aggregates = sel.groups, calls
			p.scan.Columns = len(sel.groups)
			for _, a := range calls {
				p.scan.Columns += a.PartialWidth()
			}
		} else {
			p.inputs(stage)
		}
	}
	stage.Input = p.stage
	p.stage, p.scan = stage, nil
	if sel.having != nil {
		p.stage = &plan.Filter{Input: p.stage, Cond: sel.having}
	}
}

func mergeable(calls []*expr.Aggregate) bool {
	for _, a := range calls {
		if a.PartialWidth() == 0 {
			return false
		}
	}
	return true
}

// inputs has the partitions send what the groups and aggregates are computed
// from, and makes the stage compute over that.
func (p *pipeline) inputs(stage *plan.Aggregate) {
	var send []expr.Expr
	over := func(x expr.Expr) expr.Expr {
		i := slices.IndexFunc(send, func(s expr.Expr) bool { return same(s, x) })
		if i < 0 {
			i = len(send)
			send = append(send, x)
		}
		return expr.NewColumn(i, x.Type(), columnLabel(x))
	}
	groups := make([]expr.Expr, len(stage.Groups))
	for i, g := range stage.Groups {
		groups[i] = over(g)
	}
	calls := make([]*expr.Aggregate, len(stage.Aggregates))
	for i, a := range stage.Aggregates {
		list := a.Exprs()
		for j := range list {
			list[j] = over(list[j])
		}
		calls[i] = a.WithExprs(list)
	}
	stage.Groups, stage.Aggregates = groups, calls
	p.scan.Program.Project, p.scan.Columns = send, len(send)
}

func columnLabel(x expr.Expr) string {
	if c, ok := x.(*expr.Column); ok {
		return c.Name
	}
	return "input"
}

// project computes the rows: in the partitions where nothing stands between.
func (p *pipeline) project(rows []expr.Expr) {
	if p.scan != nil {
		p.scan.Program.Project, p.scan.Columns = rows, len(rows)
		return
	}
	if identity(rows, p.stage.Width()) {
		return
	}
	p.stage = &plan.Project{Input: p.stage, Exprs: rows}
}

func identity(rows []expr.Expr, width int) bool {
	if len(rows) != width {
		return false
	}
	for i, x := range rows {
		if c, ok := x.(*expr.Column); !ok || c.Index != i {
			return false
		}
	}
	return true
}

// distinct drops equal rows; the partitions begin with it.
func (p *pipeline) distinct(order []command.Order) {
	if p.scan != nil {
		if p.scan.Access.Single() {
			p.sort(order)
			return
		}
		p.scan.Program.Distinct = true
		p.scan = nil
	}
	p.stage = &plan.Distinct{Input: p.stage, Columns: len(p.sel.items)}
	p.sort(order)
}

// distinctOn keeps the first of the rows that are equal in the columns in front.
func (p *pipeline) distinctOn(order []command.Order) {
	if len(order) > 0 {
		p.stage = &plan.Sort{Input: p.stage, Order: order}
	}
	p.stage, p.scan = &plan.Distinct{Input: p.stage, Columns: len(p.sel.on)}, nil
}

func (p *pipeline) cutFront(from, count int) {
	exprs := make([]expr.Expr, count)
	for i := range exprs {
		exprs[i] = expr.NewColumn(from+i, p.sel.items[i].x.Type(), p.sel.items[i].name)
	}
	p.stage = &plan.Project{Input: p.stage, Exprs: exprs}
}

// sort orders the rows: by reading in key order, by merging what partitions have
// sorted, or here.
func (p *pipeline) sort(order []command.Order) {
	s := p.scan
	if s == nil {
		if len(order) > 0 {
			p.stage = &plan.Sort{Input: p.stage, Order: order, Limit: p.bounded()}
		}
		return
	}
	s.Limit = p.bounded()
	if len(order) == 0 || s.Access.Single() {
		return
	}
	if s.Access.Keys() {
		s.Limit = nil
		p.stage = &plan.Sort{Input: p.stage, Order: order, Limit: p.bounded()}
		return
	}
	reverse, ok := keyOrder(s, order)
	switch {
	case ok:
		s.Program.OrderBy, s.Program.KeyOrder, s.Reverse, s.Order = order, true, reverse, order
	case p.bounded() != nil:
		s.Program.OrderBy, s.Order = order, order
	default:
		s.Limit = nil
		p.stage = &plan.Sort{Input: p.stage, Order: order, Limit: p.bounded()}
	}
}

// bounded is the limit if it bounds the number of rows; nil otherwise.
func (p *pipeline) bounded() *plan.Limit {
	if l := p.sel.limit; l != nil && l.Count != nil {
		return l
	}
	return nil
}

// keyOrder reports whether an order is that of the keys, or the reverse of it.
// Columns of the key that have one value only may be left out.
func keyOrder(s *plan.Scan, order []command.Order) (reverse, ok bool) {
	fixed := fixedColumns(s.Access)
	next := 0
	for _, o := range order {
		c, isColumn := s.Program.Project[o.Column].(*expr.Column)
		if !isColumn {
			return false, false
		}
		at := slices.Index(s.Table.PrimaryKey, c.Index)
		if at >= 0 && at < fixed {
			continue
		}
		next = max(next, fixed)
		if at != next || (next > fixed && reverse != o.Descending) {
			return false, false
		}
		reverse = o.Descending
		if next++; next == len(s.Table.PrimaryKey) {
			break // the key is unique: what follows does not matter
		}
	}
	return reverse, true
}

// fixedColumns counts the first columns of the key that have one value only.
func fixedColumns(a *plan.Access) int {
	if len(a.Alternatives) != 1 {
		return 0
	}
	n := 0
	for _, v := range a.Alternatives[0].Prefix {
		if v.Array != nil || len(v.Exprs) != 1 {
			break
		}
		n++
	}
	return n
}
