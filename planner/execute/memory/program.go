package memory

import (
	"maps"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// machine evaluates one command.
type machine struct {
	w    *World
	p    *partition
	t    *catalog.Table
	prog *command.Program
	env  expr.Env
}

func (w *World) machine(p *partition, t *catalog.Table, program []byte, c *command.Context) (*machine, error) {
	prog, err := command.DecodeProgram(program)
	if err != nil {
		return nil, err
	}
	m := &machine{w: w, p: p, t: t, prog: prog}
	m.env = expr.Env{Params: c.Params, Rand: expr.NewRand(c.Seed)}
	loc, err := datum.ParseTimeZone(zone(c.TimeZone))
	if err != nil {
		return nil, err
	}
	m.env.Format = &datum.Format{Location: loc}
	return m, nil
}

func zone(name string) string {
	if name == "" {
		return "UTC"
	}
	return name
}

// row decodes an object: its columns, then the system columns.
func (m *machine) row(o stored) ([]datum.Datum, error) {
	n := len(m.t.Columns)
	row := make([]datum.Datum, n+len(catalog.SystemColumns))
	missing := make([]datum.Datum, n)
	for i := range m.t.Columns {
		if b := m.t.Columns[i].Missing; b != nil {
			d, _, err := datum.DecodeDatum(b)
			if err != nil {
				return nil, err
			}
			missing[i] = d
		}
	}
	if err := datum.DecodeRow(o.row, row[:n], nil, missing); err != nil {
		return nil, err
	}
	row[n+catalog.PartitionColumn] = datum.NewInt(int64(m.p.id))
	row[n+catalog.LocationColumn] = datum.NewInt(int64(o.version))
	row[n+catalog.RevisionColumn] = datum.NewInt(int64(o.revision))
	return row, nil
}

func (m *machine) passes(cond expr.Expr, row []datum.Datum) (bool, error) {
	if cond == nil {
		return true, nil
	}
	m.env.Row = row
	ok, _, err := expr.EvalBool(cond, &m.env)
	return ok, err
}

func (m *machine) project(row []datum.Datum) ([]byte, error) {
	m.env.Row = row
	out := make([]datum.Datum, len(m.prog.Project))
	for i, e := range m.prog.Project {
		v, err := e.Eval(&m.env)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return datum.AppendTuple(nil, out), nil
}

// set computes and checks a new row from an old one.
func (m *machine) set(over, row []datum.Datum) ([]datum.Datum, error) {
	m.env.Row = over
	out := slices.Clone(row)
	for _, s := range m.prog.Set {
		v, err := s.Value.Eval(&m.env)
		if err != nil {
			return nil, err
		}
		if v.IsNull() && m.t.Columns[s.Column].NotNull {
			return nil, &pgerror.Error{Code: pgerror.NotNullViolation, Table: m.t.Name, Column: m.t.Columns[s.Column].Name,
				Message: "null value in column \"" + m.t.Columns[s.Column].Name + "\" of relation \"" + m.t.Name + "\" violates not-null constraint"}
		}
		out[s.Column] = v
	}
	for _, c := range m.t.Checks {
		e, err := expr.Decode(c.Expr)
		if err != nil {
			return nil, err
		}
		m.env.Row = out
		ok, null, err := expr.EvalBool(e, &m.env)
		if err != nil {
			return nil, err
		}
		if !ok && !null {
			return nil, pgerror.New(pgerror.CheckViolation, "new row for relation \"%s\" violates check constraint \"%s\"", m.t.Name, c.Name)
		}
	}
	return out, nil
}

func failed(err error) *command.Result {
	if e := pgerror.As(err); e != nil {
		return &command.Result{Err: e}
	}
	return &command.Result{Err: pgerror.New(pgerror.InternalError, "%v", err)}
}

// write executes a command: all or nothing.
func (w *World) write(p *partition, cmd *command.Write) *command.Result {
	t, refusal := p.schema(cmd.Table, cmd.Schema)
	if refusal == nil {
		refusal = w.refuse(p, t, cmd.Targets)
	}
	if refusal != nil {
		return &command.Result{Refusal: refusal}
	}
	m, err := w.machine(p, t, cmd.Program, &cmd.Context)
	if err != nil {
		return failed(err)
	}
	p.applied++
	before, gone := maps.Clone(p.objects), maps.Clone(p.gone)
	result := &command.Result{}
	if err := m.execute(cmd, result); err != nil {
		p.objects, p.gone = before, gone
		return failed(err)
	}
	return result
}

func (m *machine) execute(cmd *command.Write, result *command.Result) error {
	if cmd.Spans != nil {
		for _, id := range m.p.within(cmd.Spans, false) {
			if err := m.one(cmd, &command.Target{ID: id}, 0, result); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range cmd.Targets {
		if err := m.one(cmd, &cmd.Targets[i], i, result); err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) within(spans []command.Span, reverse bool) []object.ID {
	var ids []object.ID
	for id := range p.objects {
		for _, s := range spans {
			if id >= s.Start && id < s.End {
				ids = append(ids, id)
				break
			}
		}
	}
	slices.Sort(ids)
	if reverse {
		slices.Reverse(ids)
	}
	return ids
}

func (m *machine) one(cmd *command.Write, target *command.Target, i int, result *command.Result) error {
	o, exists := m.p.objects[target.ID]
	if cmd.Kind == command.Create {
		return m.create(cmd, target, o, exists, result)
	}
	if !exists {
		result.Absent = append(result.Absent, i)
		return nil
	}
	row, err := m.row(o)
	if err != nil {
		return err
	}
	if ok, err := m.passes(m.prog.Filter, row); err != nil || !ok {
		return err
	}
	if cmd.Kind == command.Delete {
		delete(m.p.objects, target.ID)
		return m.done(row, result)
	}
	changed, err := m.set(row, row)
	if err != nil {
		return err
	}
	return m.store(target.ID, changed, o.version, result)
}

func (m *machine) create(cmd *command.Write, target *command.Target, o stored, exists bool, result *command.Result) error {
	excluded, err := m.row(stored{row: target.Row})
	if err != nil {
		return err
	}
	if !exists {
		delete(m.p.gone, target.ID)
		version := target.Version
		return m.store(target.ID, excluded, version, result)
	}
	switch cmd.Conflict {
	case command.ConflictFails:
		return plan.DuplicateKey(m.t, excluded[:len(m.t.Columns)])
	case command.ConflictSkips:
		return nil
	}
	row, err := m.row(o)
	if err != nil {
		return err
	}
	both := append(slices.Clone(row), excluded...)
	if ok, err := m.passes(m.prog.ConflictFilter, both); err != nil || !ok {
		return err
	}
	changed, err := m.set(both, row)
	if err != nil {
		return err
	}
	return m.store(target.ID, changed, o.version, result)
}

func (m *machine) store(id object.ID, row []datum.Datum, version object.LocationVersion, result *command.Result) error {
	n := len(m.t.Columns)
	o := stored{row: datum.AppendRow(nil, row[:n]), version: version, revision: object.NewRevision(m.p.id, m.p.applied, false)}
	m.p.objects[id] = o
	row, err := m.row(o)
	if err != nil {
		return err
	}
	return m.done(row, result)
}

func (m *machine) done(row []datum.Datum, result *command.Result) error {
	result.Affected++
	if len(m.prog.Project) == 0 {
		return nil
	}
	b, err := m.project(row)
	result.Rows = append(result.Rows, b)
	return err
}
