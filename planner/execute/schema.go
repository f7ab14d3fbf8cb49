package execute

import (
	"context"

	"github.com/ssmr/ssmr/planner/plan"
)

// schemaError is the error of a schema change: one that was made from a
// descriptor that is not current any more is planned anew.
func schemaError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case notExecuted(err):
		return ErrReplan
	case ctx.Err() != nil:
		return unknownEffect(ctx, err)
	}
	return err
}

func (e *Execution) createTable(ctx context.Context, c *plan.CreateTable) error {
	if c.Exists {
		e.settings.notice(plan.ExistsNotice(c.Spec.Table.Name))
		return nil
	}
	_, created, err := e.x.deps.Schema.CreateTable(ctx, c.Spec)
	if err != nil {
		return schemaError(ctx, err)
	}
	if !created {
		e.settings.notice(plan.ExistsNotice(c.Spec.Table.Name))
	}
	return nil
}

func (e *Execution) dropTable(ctx context.Context, d *plan.DropTable) error {
	if len(d.Spec.Tables) > 0 {
		if err := e.x.deps.Schema.DropTables(ctx, d.Spec); err != nil {
			return schemaError(ctx, err)
		}
	}
	for _, name := range d.Missing {
		e.settings.notice(plan.MissingNotice(name))
	}
	return nil
}

func (e *Execution) truncate(ctx context.Context, t *plan.Truncate) error {
	return schemaError(ctx, e.x.deps.Schema.TruncateTables(ctx, t.Spec))
}

func (e *Execution) alterTable(ctx context.Context, a *plan.AlterTable) error {
	if !a.None {
		if _, err := e.x.deps.Schema.AlterTable(ctx, a.Spec); err != nil {
			return schemaError(ctx, err)
		}
	}
	for _, n := range a.Notices {
		e.settings.notice(n)
	}
	return nil
}
