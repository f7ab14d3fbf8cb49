package execute

import (
	"context"

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
	if m.Kind == command.Delete && objects.Spans != nil && !m.Table.Placement.Static && e.tx == nil {
		w.cmd.Program, w.keys = returnKeys(m), len(m.Table.PrimaryKey)
	}
	w.drop = !m.Returning
	e.facts.resolved(len(objects.IDs), len(objects.Spans))
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
	if m.Returning {
		e.rows = w.rows(len(m.Program.Project) + w.keys)
		if w.keys > 0 {
			e.rows = &cutRows{input: e.rows, columns: len(m.Program.Project)}
		}
	}
	return nil
}

// returnKeys makes the program of a delete that also returns the keys of what
// was deleted, for the ids to be released.
func returnKeys(m *plan.Modify) []byte {
	p := m.Program.Program
	p.Project = withKey(p.Project, m.Table)
	return command.EncodeProgram(&p)
}
