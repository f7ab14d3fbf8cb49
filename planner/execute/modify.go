package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/planner/plan"
)

// modify executes UPDATE and DELETE.
func (e *Execution) modify(ctx context.Context, m *plan.Modify) error {
	objects, err := m.Access.Resolve(&e.env)
	if err != nil {
		return err
	}
	w := &writing{limit: e.settings.workMem(), lockTime: e.settings.LockTimeout, spans: objects.Spans}
	w.begin(e.x, e.facts, e.tx, m.Table, objects.IDs)
	w.cmd = command.Write{
		Kind: m.Kind, Table: m.Table.ID, Schema: m.Table.Version,
		Program: m.Program.Encoded, Context: e.context(&m.Program),
	}
	w.replaces = m.Kind == command.Update && e.x.replaces(m.Table, m.Program.Set)
	if e.tx == nil && returnsKeys(m, &objects, w.replaces) {
		w.cmd.Program, w.keys = returnKeys(m.Program.Program, m.Table), len(m.Table.PrimaryKey)
	}
	w.drop = !m.Returning
	e.facts.resolved(len(objects.IDs), len(objects.Spans))
	if e.traces() {
		e.traceModify(m, &objects)
	}
	if len(objects.IDs) == 0 && len(objects.Spans) == 0 {
		return nil
	}
	if w.home = e.home(m.Table, &objects); w.home != 0 {
		w.cmd.Home = true
		e.facts.prefix(w.home)
	}
	if err := w.run(ctx); err != nil {
		return err
	}
	e.affected = w.affected
	e.x.replacer.add(w.changed)
	if m.Returning {
		e.rows = w.rows(len(m.Program.Project))
	}
	return nil
}

// returnsKeys reports whether partitions have to tell which objects they have deleted or
// updated, for the ids to be released, or placed anew.
func returnsKeys(m *plan.Modify, objects *plan.Objects, replaces bool) bool {
	if m.Table.Placement.Static {
		return false
	}
	return m.Kind == command.Delete && objects.Spans != nil || replaces && (objects.Spans != nil || m.Program.Filter != nil)
}

func (e *Execution) traceModify(m *plan.Modify, objects *plan.Objects) {
	like := Touch{Kind: TouchDelete}
	if m.Kind == command.Update {
		like.Kind = TouchUpdate
		like.Set, like.Values = e.sets(&m.Program)
	}
	e.touch(m.Table, objects, like)
}

// returnKeys makes the program of a write that also returns the keys of its objects.
func returnKeys(p command.Program, t *catalog.Table) []byte {
	p.Project = withKey(p.Project, t)
	return command.EncodeProgram(&p)
}
