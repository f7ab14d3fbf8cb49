package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// changePolicy makes, changes or drops a policy. Its program has to run on this node, and
// to accept the tables that are placed by it, before the oracle hears of it.
func (e *Execution) changePolicy(ctx context.Context, c *plan.ChangePolicy) error {
	if c.Missing {
		e.settings.notice(plan.MissingPolicyNotice(c.Change.Policy.Name))
		return nil
	}
	if !c.Change.Drop {
		if err := e.x.deps.Policies.Check(ctx, c.Change.Policy); err != nil {
			return interrupted(ctx, err)
		}
	}
	return schemaError(ctx, e.x.deps.Schema.ChangePolicy(ctx, c.Change))
}

func (e *Execution) changePartition(ctx context.Context, c *plan.ChangePartition) error {
	return schemaError(ctx, e.x.deps.Schema.ChangePartition(ctx, c.Change))
}

// homeReason is the reason of an object of a static table that was never moved.
const homeReason = "the home of its key"

// historyRows is the stream of the places of objects.
type historyRows struct {
	e      *Execution
	table  *catalog.Table
	ids    []object.ID
	places []catalog.Placed
}

// openHistory makes the stream of SHOW PLACEMENT HISTORY.
func (e *Execution) openHistory(h *plan.PlacementHistory) (rows, error) {
	objects, err := h.Access.Resolve(&e.env)
	if err != nil {
		return nil, err
	}
	if objects.Spans != nil {
		return nil, internalError("the placement history of a range of keys")
	}
	return &historyRows{e: e, table: h.Table, ids: objects.IDs}, nil
}

func (r *historyRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	for len(r.places) == 0 {
		if len(r.ids) == 0 {
			return nil, false, nil
		}
		if err := r.ask(ctx, r.ids[0]); err != nil {
			return nil, false, err
		}
		r.ids = r.ids[1:]
	}
	p := &r.places[0]
	r.places = r.places[1:]
	row := []datum.Datum{
		timeOrNull(p.At), datum.Null, integer(p.To), textOrNull(p.User), textOrNull(p.Policy), textOrNull(p.Version),
		textOrNull(p.Reason), datum.NewBool(p.Pinned),
	}
	if p.From != 0 {
		row[1] = integer(p.From)
	}
	return row, true, nil
}

// ask asks the directory about an object. One of a static table that it has no entry of
// is where its key says.
func (r *historyRows) ask(ctx context.Context, id object.ID) error {
	x := r.e.x
	places, err := x.deps.Directory.History(ctx, id)
	if err != nil {
		return x.unasked(ctx, err)
	}
	if len(places) == 0 && r.table.Placement.Static {
		home := x.deps.Catalog.Catalog().Home(r.table, id).Partition
		if home == 0 {
			return errNotFormed()
		}
		places = []catalog.Placed{{To: home, Origin: catalog.Origin{Policy: r.table.Placement.Policy, Reason: homeReason}}}
	}
	r.places = places
	return nil
}

func (r *historyRows) close() { r.ids, r.places = nil, nil }
