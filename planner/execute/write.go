package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// writing is what a statement writes: objects by their ids (the job's items), or
// key ranges in all partitions.
type writing struct {
	job
	cmd   command.Write // what is the same for all partitions
	spans []command.Span
	limit int64 // of the bytes of returned rows
	drop  bool  // rows are not for the client
	// keys is the number of columns at the end of each row that are the object's
	// key: how a delete over ranges hears which ids are given up.
	keys int

	// assign finds places for items of a create that live nowhere; nil otherwise.
	assign func(ctx context.Context, count int, which func(*item) bool) error

	affected int64
	changed  []object.PartitionID // where something took effect
	returned []returned
	bytes    int64

	oneGroup  [1]group
	oneTarget [1]command.Target
}

// returned is a row of RETURNING, with its place in the statement.
type returned struct {
	rank int
	row  []byte
}

// run carries the write out.
func (w *writing) run(ctx context.Context) error {
	if w.spans != nil {
		groups := make([]group, 0, len(w.snap.Partitions))
		for i := range w.snap.Partitions {
			groups = append(groups, group{part: w.snap.Partitions[i].ID})
		}
		w.f.asked(w.table, nil, groups)
		return w.writeParts(ctx, groups)
	}
	var groups []group
	for {
		if err := w.place(ctx); err != nil {
			return w.failed(err)
		}
		if len(w.items) == 1 {
			if w.items[0].done {
				return nil
			}
			w.oneGroup[0] = group{part: w.items[0].part, at: zeroIndex[:]}
			groups = w.oneGroup[:]
		} else if groups = w.groups(groups, len(w.items)); len(groups) == 0 {
			return nil
		}
		w.f.asked(w.table, w.items, groups)
		if err := w.writeParts(ctx, groups); err != nil {
			return err
		}
		if len(w.items) == 1 && w.items[0].done {
			return nil
		}
		if !w.unfinished() {
			return nil
		}
		if err := w.next(ctx); err != nil {
			return w.failed(err)
		}
	}
}

func (w *writing) unfinished() bool {
	for i := range w.items {
		if !w.items[i].done {
			return true
		}
	}
	return false
}

// place finds out where the items are to be written.
func (w *writing) place(ctx context.Context) error {
	if w.assign == nil {
		return w.locate(ctx)
	}
	// The items of a create that have no location are given one. What is in doubt
	// is asked for in the same way: the location that stands is the answer.
	missing := 0
	for i := range w.items {
		it := &w.items[i]
		if it.done || it.part != 0 && !it.doubt {
			continue
		}
		if !it.doubt {
			if l, ok := w.x.deps.Directory.Lookup(it.ID); ok && l.Partition != 0 {
				it.follow(l.Location, plan.FromCache, l.Arriving)
				continue
			}
		}
		missing++
	}
	if missing == 0 {
		return nil
	}
	return w.assign(ctx, missing, func(it *item) bool { return it.part == 0 || it.doubt })
}

// writeParts has every group's partition execute its part of the statement. It
// is the one place where a statement that writes to several partitions is more
// than one command.
//
// Today the parts are executed one after the other, in ascending order of
// partitions, each atomic by itself: when one fails, those before it stay, and
// the error says so. Groups that are refused because objects live elsewhere have
// not been executed; their items stay to be written in another round.
func (w *writing) writeParts(ctx context.Context, groups []group) error {
	for _, g := range groups {
		if w.affected > 0 {
			if err := alive(ctx); err != nil {
				return w.failed(err)
			}
		}
		if err := w.writePart(ctx, g); err != nil {
			return w.failed(err)
		}
	}
	return nil
}

// writePart has one partition execute its part.
func (w *writing) writePart(ctx context.Context, g group) error {
	cmd := &w.cmd
	if len(w.items) == 1 {
		w.oneTarget[0] = w.items[0].Target
		cmd.Targets = w.oneTarget[:]
	} else {
		part := w.cmd
		cmd = &part
		cmd.Context.Seed = seedFor(w.cmd.Context.Seed, g.part)
		if w.spans == nil {
			cmd.Targets = w.targets(make([]command.Target, 0, len(g.at)), g)
		}
	}
	cmd.Spans = w.spans
	if err := w.bound(cmd); err != nil {
		return err
	}
	for {
		result, err := w.x.write(ctx, g.part, w.table, cmd, w.f)
		switch {
		case err != nil:
			return err
		case result.Refusal != nil && result.Refusal.Reason == command.Elsewhere && w.spans == nil:
			w.elsewhere(g, result.Refusal.Objects)
			return nil
		case result.Refusal != nil && w.spans == nil: // awaited for too long
			for _, i := range g.at {
				w.items[i].doubt = true
			}
			return nil
		case result.Refusal != nil:
			return errImpatient("it waits for an object")
		}
		if err := w.take(ctx, g, result); err != nil {
			return err
		}
		if len(result.Rest) == 0 {
			return nil
		}
		cmd.Spans = result.Rest
	}
}

// bound refuses what is too much for one entry of a partition's log.
func (w *writing) bound(cmd *command.Write) error {
	size := 0
	for i := range cmd.Targets {
		size += len(cmd.Targets[i].ID) + len(cmd.Targets[i].Row)
	}
	if size > w.x.cfg.MaxWriteBytes {
		return pgerror.New(pgerror.ProgramLimitExceeded, "the statement is too large: %d bytes of rows for one partition", size).
			WithHint("At most %d bytes can be written by one statement; split it.", w.x.cfg.MaxWriteBytes)
	}
	return nil
}

// take notes what a partition has executed.
func (w *writing) take(ctx context.Context, g group, result *command.Result) error {
	if result.Affected > 0 {
		w.affected += result.Affected
		if !slices.Contains(w.changed, g.part) {
			w.changed = append(w.changed, g.part)
		}
	}
	w.keep(g, result)
	for _, i := range g.at {
		w.items[i].retry = false
	}
	if len(result.Absent) > 0 {
		if _, err := w.absent(ctx, g, result.Absent); err != nil {
			return err
		}
	}
	w.release(g, result)
	for _, i := range g.at {
		w.items[i].done = w.items[i].done || !w.items[i].retry
	}
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
			if id, err := idOfRow(w.table, row, w.keys); err == nil {
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

// failed adds to an error what took effect before it.
func (w *writing) failed(err error) error {
	if w.affected == 0 {
		return err
	}
	e := pgerror.As(err)
	switch {
	case errors.Is(err, ErrReplan):
		e = pgerror.New(pgerror.StatementCompletionUnknown, "the table was changed while the statement was carried out")
		err = e
	case e == nil:
		e = pgerror.New(pgerror.StatementCompletionUnknown, "the statement was carried out in part")
		err = fmt.Errorf("%w (%w)", e, err)
	default:
		copied := *e
		e = &copied
		err = e
		if e.Code == pgerror.SerializationFailure {
			e.Code, e.Detail = pgerror.StatementCompletionUnknown, ""
		}
	}
	names := make([]string, len(w.changed))
	for i, p := range w.changed {
		names[i] = fmt.Sprint(p)
	}
	if e.Detail != "" {
		e.Detail += "\n"
	}
	objects, partitions := "1 object was", "partition"
	if w.affected != 1 {
		objects = fmt.Sprintf("%d objects were", w.affected)
	}
	if len(names) > 1 {
		partitions = "partitions"
	}
	e.Detail += fmt.Sprintf("The statement was carried out in part: %s changed in %s %s.", objects, partitions, strings.Join(names, ", "))
	return err
}

// rows returns the rows of RETURNING.
func (w *writing) rows(width int) rows {
	slices.SortStableFunc(w.returned, func(a, b returned) int { return a.rank - b.rank })
	r := &encodedRows{width: width, rows: make([][]byte, len(w.returned))}
	for i := range w.returned {
		r.rows[i] = w.returned[i].row
	}
	return r
}

// idOfRow makes the id of an object from a row that ends with its key.
func idOfRow(t *catalog.Table, row []byte, keys int) (object.ID, error) {
	values, err := datum.DecodeTuple(row, nil)
	if err != nil {
		return "", internalError("a partition's row: %w", err)
	}
	if len(values) < keys {
		return "", internalError("a partition's row is too short")
	}
	return idOf(t, values[len(values)-keys:])
}

// idOf makes the id of an object from the values of its key.
func idOf(t *catalog.Table, key []datum.Datum) (object.ID, error) {
	var room [64]byte
	b := room[:0]
	var err error
	for i, c := range t.PrimaryKey {
		if b, err = datum.AppendKey(b, key[i], t.Columns[c].Type); err != nil {
			return "", err
		}
	}
	return object.NewID(t.ID, b), nil
}
