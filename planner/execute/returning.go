package execute

import (
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// returned is a row of RETURNING, with its place in the statement.
type returned struct {
	rank int
	row  []byte
}

// room bounds what RETURNING returns.
func (w *writing) room(result *command.Result) error {
	for _, row := range result.Rows {
		w.bytes += int64(len(row)) + 48
	}
	if !w.drop && w.bytes > w.limit {
		return errMemory("What RETURNING returns", w.limit)
	}
	return nil
}

// keep notes the rows of RETURNING with their places. Where each object gave a
// row these are known; otherwise the rows stay in the partition's order.
func (w *writing) keep(g group, result *command.Result) {
	if w.drop {
		return
	}
	exact := len(result.Rows) == len(g.at)
	for n, row := range result.Rows {
		rank := 1 << 30
		if exact {
			rank = w.items[g.at[n]].rank
		}
		w.returned = append(w.returned, returned{rank, row})
	}
}

// release tells the oracle of ids that are given up by a delete: those that the
// directory has an entry for. The oracle keeps what exists after all.
func (w *writing) release(g group, result *command.Result) {
	if w.cmd.Kind != command.Delete || result.Affected == 0 {
		return
	}
	var ids []object.ID
	if w.keys > 0 {
		for _, row := range result.Rows {
			if id, _, err := idOfRow(w.table, row, w.keys); err == nil {
				ids = append(ids, id)
			}
		}
	}
	for n, i := range g.at {
		if it := &w.items[i]; it.Version != 0 && !slices.Contains(result.Absent, n) {
			ids = append(ids, it.ID)
		}
	}
	if len(ids) > 0 {
		w.x.deps.Directory.Release(ids)
	}
}

// note notes which objects were updated, where their policy is to be asked again.
func (w *writing) note(g group, result *command.Result) {
	switch {
	case !w.replaces || w.tx != nil || result.Affected == 0:
	case w.keys > 0:
		for _, row := range result.Rows {
			id, values, err := idOfRow(w.table, row, w.keys)
			if err == nil && (w.asPlaced == nil || !w.asPlaced(id, values[len(values)-w.before:])) {
				w.changed = append(w.changed, id)
			}
		}
	default:
		for n, i := range g.at {
			if !slices.Contains(result.Absent, n) {
				w.changed = append(w.changed, w.items[i].ID)
			}
		}
	}
}

// rows returns the rows of RETURNING, of so many columns.
func (w *writing) rows(columns int) rows {
	slices.SortStableFunc(w.returned, func(a, b returned) int { return a.rank - b.rank })
	r := &encodedRows{width: columns + w.before + w.keys, rows: make([][]byte, len(w.returned))}
	for i := range w.returned {
		r.rows[i] = w.returned[i].row
	}
	if r.width > columns {
		return &cutRows{input: r, columns: columns}
	}
	return r
}

// idOfRow makes the id of an object from a row that ends with its key, and returns the
// columns before that.
func idOfRow(t *catalog.Table, row []byte, keys int) (object.ID, []datum.Datum, error) {
	values, err := datum.DecodeTuple(row, nil)
	if err != nil {
		return "", nil, internalError("a partition's row: %w", err)
	}
	n := len(values) - keys
	if n < 0 {
		return "", nil, internalError("a partition's row is too short")
	}
	id, err := plan.KeyOf(t, values[n:])
	return id, values[:n], err
}
