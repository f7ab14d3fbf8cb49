package plan

import (
	"fmt"
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/expr"
)

// Text returns the plan as the lines of EXPLAIN. facts may be nil: then it says
// what follows from the statement alone. verbose adds types and parameters.
func (p *Plan) Text(facts *Facts, verbose bool) []string {
	t := &text{root: p.Root, facts: facts, verbose: verbose}
	if e, ok := p.Root.(*Explain); ok {
		return e.Plan.Text(facts, verbose)
	}
	switch r := p.Root.(type) {
	case *Query:
		t.stage(r.Stage, 0)
	case *Insert:
		t.insert(r)
	case *Modify:
		t.modify(r)
	case *Move:
		t.move(r)
	default:
		t.line(0, "%s", p.Tag)
	}
	if verbose {
		t.types(p)
	}
	if facts != nil {
		t.where()
		t.happened()
	}
	return t.lines
}

// text gathers the lines.
type text struct {
	root    Root
	facts   *Facts
	verbose bool
	lines   []string
}

func (t *text) line(indent int, format string, args ...any) {
	t.lines = append(t.lines, strings.Repeat("  ", indent)+fmt.Sprintf(format, args...))
}

// head is the first line of a stage.
func (t *text) head(s Stage, indent int, format string, args ...any) {
	arrow := ""
	if indent > 0 {
		arrow = "-> "
	}
	measured := ""
	if t.facts != nil && t.facts.Analyzed {
		if f, ok := t.facts.Stages[s]; ok {
			measured = fmt.Sprintf(" (rows=%d time=%s)", f.Rows, millis(f.Time))
		}
	}
	t.line(indent, "%s%s%s", arrow, fmt.Sprintf(format, args...), measured)
}

// stage writes a stage and what is below it.
func (t *text) stage(s Stage, indent int) {
	below := func(input Stage) { t.stage(input, indent+1) }
	switch s := s.(type) {
	case *Scan:
		t.scan(s, indent)
	case *Virtual:
		t.head(s, indent, "Read %s.%s at the coordinator", VirtualSchema, s.Table.Name)
	case *PlacementHistory:
		t.head(s, indent, "Places of an object of %s", s.Table.Name)
		t.access(s.Access, indent+1)
	case *Values:
		t.head(s, indent, "Values: %s", plural(len(s.Rows), "row"))
		if s.Columns > 0 && len(s.Rows) > 0 {
			t.line(indent+1, "First row: %s", exprList(s.Rows[0]))
		}
	case *Series:
		name := "generate_series"
		if s.Kind == Unnest {
			name = "unnest"
		}
		t.head(s, indent, "Rows of %s(%s) as %s", name, exprList(s.Args), s.Type)
	case *Filter:
		t.head(s, indent, "Filter at the coordinator: %s", expr.Format(s.Cond))
		below(s.Input)
	case *Aggregate:
		how := "Aggregate at the coordinator"
		if s.Partial {
			how = "Merge the partitions' partial aggregates"
		}
		t.head(s, indent, "%s: %s", how, aggregateList(s.Groups, s.GroupCount, s.Aggregates))
		below(s.Input)
	case *Project:
		t.head(s, indent, "Compute at the coordinator: %s", exprList(s.Exprs))
		below(s.Input)
	case *Distinct:
		t.head(s, indent, "Distinct at the coordinator: first %s", plural(s.Columns, "column"))
		below(s.Input)
	case *Sort:
		what := ""
		if s.Limit != nil {
			what = ", keeping what the limit needs"
		}
		t.head(s, indent, "Sort at the coordinator: %s%s", orderList(s.Order, s.Input), what)
		below(s.Input)
	case *Limit:
		t.head(s, indent, "%s", limitText(s))
		below(s.Input)
	case *Cut:
		t.head(s, indent, "First %s", plural(s.Columns, "column"))
		below(s.Input)
	}
}

func (t *text) scan(s *Scan, indent int) {
	t.head(s, indent, "Read %s %s", s.Table.Name, s.Access.how())
	t.access(s.Access, indent+1)
	p := &s.Program
	t.filter(p, indent+1)
	switch {
	case len(p.GroupBy) > 0 || len(p.Aggregates) > 0:
		t.line(indent+1, "In the partitions: partial %s", aggregateList(p.GroupBy, len(p.GroupBy), p.Aggregates))
	case len(p.Project) > 0:
		t.line(indent+1, "In the partitions: compute %s", exprList(p.Project))
	}
	if p.Distinct {
		t.line(indent+1, "In the partitions: distinct")
	}
	switch {
	case p.KeyOrder && s.Reverse:
		t.line(indent+1, "In the partitions: read from the last key on; merged by %s", orderList(s.Order, s))
	case p.KeyOrder:
		t.line(indent+1, "In the partitions: read in key order; merged by %s", orderList(s.Order, s))
	case len(p.OrderBy) > 0:
		t.line(indent+1, "In the partitions: first rows by %s; merged", orderList(p.OrderBy, s))
	}
	if s.Lock != nil {
		t.line(indent+1, "Lock what is returned: %s, %s", s.Lock.Mode, s.Lock.wait())
	}
	if s.Limit != nil {
		t.line(indent+1, "In the partitions: stop early, at %s", strings.ToLower(limitText(s.Limit)))
	}
}

// wait is what happens where another has locked, in words.
func (l *Lock) wait() string {
	switch l.Wait {
	case command.LockFails:
		return "an error where another has locked"
	case command.LockSkips:
		return "without what others have locked"
	}
	return "waiting for others"
}

// how is how an access finds objects, in words.
func (a *Access) how() string {
	switch {
	case a.All:
		return "in all partitions"
	case len(a.Alternatives) == 0:
		return "nowhere: the condition is never true"
	case a.Single():
		return "by key"
	case a.Keys():
		return "by keys"
	case a.Homely():
		return "by key ranges, of one home"
	}
	return "by key ranges, in all partitions"
}

// access writes the conditions on keys.
func (t *text) access(a *Access, indent int) {
	if a.All || len(a.Alternatives) == 0 {
		return
	}
	const shown = 4
	var parts []string
	for i := range a.Alternatives {
		if i == shown {
			parts = append(parts, plural(len(a.Alternatives)-shown, "more alternative"))
			break
		}
		parts = append(parts, a.alternative(&a.Alternatives[i]))
	}
	t.line(indent, "Keys: %s", strings.Join(parts, "; or "))
}

func (a *Access) alternative(alt *Alternative) string {
	name := func(i int) string { return a.Table.Columns[a.Table.PrimaryKey[i]].Name }
	var parts []string
	for i := range alt.Prefix {
		v := &alt.Prefix[i]
		switch {
		case v.Array != nil:
			parts = append(parts, name(i)+" = ANY ("+show(v.Array)+")")
		case len(v.Exprs) == 1:
			parts = append(parts, name(i)+" = "+show(v.Exprs[0]))
		default:
			parts = append(parts, name(i)+" IN ("+exprList(v.Exprs)+")")
		}
	}
	bound := func(b *Bound, op string) {
		if b == nil {
			return
		}
		if b.Inclusive {
			op += "="
		}
		parts = append(parts, name(len(alt.Prefix))+" "+op+" "+show(b.Expr))
	}
	bound(alt.Lower, ">")
	bound(alt.Upper, "<")
	return strings.Join(parts, ", ")
}

func (t *text) filter(p *Program, indent int) {
	if p.Filter != nil {
		t.line(indent, "In the partitions: filter %s", expr.Format(p.Filter))
	}
}

func (t *text) insert(n *Insert) {
	t.line(0, "Create objects of %s", n.Table.Name)
	if n.Source == nil {
		t.line(1, "Rows: %d, computed and checked at the coordinator", len(n.Rows))
	}
	if t.verbose {
		for i, row := range n.Rows {
			if i == 3 {
				t.line(1, "...")
				break
			}
			t.line(1, "Row: %s", rowText(n, row))
		}
	}
	if n.Table.Placement.Static {
		t.line(1, "Placement: %s, home by hash: no round to the oracle", n.Table.Placement.Policy)
	} else {
		t.line(1, "Placement: %s chooses, the oracle assigns: one round more, none where they share a group", n.Table.Placement.Policy)
	}
	switch n.Conflict {
	case command.ConflictSkips:
		t.line(1, "Where the key exists: nothing")
	case command.ConflictUpdates:
		t.line(1, "Where the key exists, in the partitions: set %s", setList(&n.Program, func(i int) string { return n.Table.Columns[i].Name }))
		if n.Program.ConflictFilter != nil {
			t.line(1, "Where the key exists, in the partitions: only if %s", expr.Format(n.Program.ConflictFilter))
		}
	default:
		t.line(1, "Where the key exists: an error")
	}
	t.returning(&n.Program, n.Returning)
	if n.Source != nil {
		t.stage(n.Source, 1)
	}
}

func rowText(n *Insert, row []expr.Expr) string {
	var parts []string
	for i, x := range row {
		c := &n.Table.Columns[i]
		switch {
		case c.Dropped:
		case x != nil:
			parts = append(parts, c.Name+" = "+show(x))
		case c.Serial:
			parts = append(parts, c.Name+" = next of its sequence")
		}
	}
	return strings.Join(parts, ", ")
}

func setList(p *Program, name func(int) string) string {
	parts := make([]string, len(p.Set))
	for i, s := range p.Set {
		parts[i] = name(s.Column) + " = " + show(s.Value)
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func (t *text) modify(m *Modify) {
	what := "Update"
	if m.Kind == command.Delete {
		what = "Delete from"
	}
	t.line(0, "%s %s %s", what, m.Table.Name, m.Access.how())
	t.access(m.Access, 1)
	t.filter(&m.Program, 1)
	if m.Kind == command.Update {
		t.line(1, "In the partitions: set %s", setList(&m.Program, func(i int) string { return m.Table.Columns[i].Name }))
	}
	t.returning(&m.Program, m.Returning)
}

func (t *text) returning(p *Program, returning bool) {
	if returning {
		t.line(1, "In the partitions: return %s", exprList(p.Project))
	}
}

func (t *text) move(m *Move) {
	to := "where the policy " + m.Table.Placement.Policy + " wants them"
	if m.Partition != nil {
		to = "partition " + show(m.Partition)
	}
	pin := ""
	switch m.Pin {
	case catalog.Pin:
		pin = ", and pin them"
	case catalog.Unpin:
		pin = ", and unpin them"
	}
	t.line(0, "Move objects of %s to %s%s", m.Table.Name, to, pin)
	t.line(1, "Find them %s", m.Access.how())
	t.access(m.Access, 1)
	t.filter(&m.Program, 1)
	if t.facts == nil {
		return
	}
	if m.Partition != nil {
		return
	}
	if len(t.facts.Moves) == 0 && !t.facts.Analyzed {
		t.line(1, "Nothing is to be moved")
	}
	for _, f := range t.facts.Moves {
		t.line(1, "From partition %d to %d: %s, %d bytes", f.From, f.To, plural(int(f.Objects), "object"), f.Bytes)
	}
}
