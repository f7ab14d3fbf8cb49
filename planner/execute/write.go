package execute

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// writing is what a statement writes: objects by their ids (the job's items), or
// key ranges in all partitions. It takes effect as a whole, or not at all: objects of
// one partition by one command there, others by a transaction (transact), and inside of a
// session's transaction when that commits (compute).
type writing struct {
	job
	cmd      command.Write // what is the same for all partitions
	spans    []command.Span
	home     object.PartitionID // of all objects in spans, where cmd.Home
	limit    int64              // of the bytes of returned rows
	lockTime time.Duration      // that it may wait for locks
	drop     bool               // rows are not for the client
	// keys is the number of columns at the end of each row that are the object's
	// key: how a delete over ranges hears which ids are given up, and an update
	// which objects it has changed.
	keys int
	// before is the number of columns in front of these that are for asPlaced: whether an
	// object is as the policy was told just now, and where it wanted it; nil: none is.
	before   int
	asPlaced func(id object.ID, values []datum.Datum) bool

	// assign finds places for items of a create that live nowhere; nil otherwise.
	assign func(ctx context.Context, count int, which func(*item) bool) error
	// found tries to place and create all items of a create at once; nil: it is not tried.
	found func(ctx context.Context) (done bool, err error)
	// pinned are ids that were given a location only so that the statement sees at
	// one instant that there is no object.
	pinned []object.ID

	// replaces says that columns are set whose update makes the policy of the table be
	// asked again. changed are then the objects that were updated, outside of transactions.
	replaces bool
	changed  []object.ID

	affected int64
	returned []returned
	bytes    int64

	oneGroup  [1]group
	oneTarget [1]command.Target
}

// run carries the write out.
func (w *writing) run(ctx context.Context) error {
	if w.tx != nil {
		return w.compute(ctx)
	}
	ctx, stop := lockTime(ctx, w.lockTime)
	defer stop()
	if w.spans != nil {
		return w.overSpans(ctx)
	}
	defer w.unpin()
	if w.found != nil {
		if done, err := w.found(ctx); done || err != nil {
			return err
		}
	}
	var groups []group
	for {
		if err := w.place(ctx); err != nil {
			return err
		}
		if err := w.pin(ctx); err != nil {
			return err
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
		var err error
		if len(groups) == 1 && w.certain() {
			err = w.writePart(ctx, groups[0])
		} else {
			err = w.transact(ctx, groups)
		}
		if err != nil || !w.unfinished() {
			return err
		}
		if err := w.next(ctx); err != nil {
			return err
		}
	}
}

// certain reports whether one partition's answer to a single command decides for all
// objects of the statement: there is one, or all are to be created, or their home tells.
// An object that is absent where the oracle said may have moved on since, and the
// others would be written then; as a part of a transaction it is refused.
func (w *writing) certain() bool {
	if len(w.items) == 1 || w.cmd.Kind == command.Create {
		return true
	}
	for i := range w.items {
		if it := &w.items[i]; !it.done && it.from != plan.FromHome {
			return false
		}
	}
	return true
}

// everywhere is a group for each partition: for key ranges.
func (w *writing) everywhere() []group {
	groups := make([]group, 0, len(w.snap.Partitions))
	for i := range w.snap.Partitions {
		groups = append(groups, group{part: w.snap.Partitions[i].ID})
	}
	w.f.asked(w.table, nil, groups)
	return groups
}

// place finds out where the items are to be written.
func (w *writing) place(ctx context.Context) error {
	if w.assign == nil {
		err := w.locate(ctx)
		if err == nil && w.cmd.Kind == command.Create {
			err = w.closedHome(ctx)
		}
		return err
	}
	// The items of a create that have no location are given one. What is in doubt
	// is asked for in the same way: the location that stands is the answer.
	missing := 0
	var old []int
	for i := range w.items {
		it := &w.items[i]
		if it.done || it.part != 0 && !it.doubt {
			continue
		}
		missing++
		if it.doubt {
			continue
		}
		if l, ok := w.x.deps.Directory.Lookup(it.ID); ok && l.Partition != 0 {
			if uint64(l.Version) <= uint64(w.table.Version) {
				old = append(old, i)
				continue
			}
			it.follow(l.Location, plan.FromCache, l.Arriving)
			missing--
		}
	}
	if len(old) > 0 {
		found, err := w.confirmOld(ctx, old)
		if err != nil {
			return err
		}
		missing -= found
	}
	if missing == 0 {
		return nil
	}
	return w.assign(ctx, missing, func(it *item) bool { return it.part == 0 || it.doubt })
}

// confirmOld asks the oracle about items (by index) of a create whose cached location is
// older than the descriptor: it may be of a time when the table was static, and the
// directory have no entry. Those that it has one of exist, as a rule, and no policy is
// asked about them. It returns how many these are.
func (w *writing) confirmOld(ctx context.Context, at []int) (found int, err error) {
	ids := make([]object.ID, len(at))
	for n, i := range at {
		ids[n] = w.items[i].ID
	}
	located, err := w.leader(ctx, ids)
	if err != nil {
		return 0, err
	}
	for n, i := range at {
		if l := located[n]; l.Partition != 0 {
			w.items[i].follow(l.Location, plan.FromOracle, l.Arriving)
			found++
		}
	}
	return found, nil
}

// pin gives ids that live nowhere a location, where the statement also means objects
// that do: all are to be seen at one instant, and the absence of an object can be seen
// only where it would be.
func (w *writing) pin(ctx context.Context) error {
	nowhere, live := 0, 0
	for i := range w.items {
		if w.items[i].nowhere {
			nowhere++
		} else if !w.items[i].done {
			live++
		}
	}
	if nowhere == 0 || live == 0 {
		return nil
	}
	var stands []object.Location
	at := make([]int, 0, nowhere)
	for tries := 1; stands == nil; tries++ {
		assignments := make([]catalog.Assignment, 0, nowhere)
		at = at[:0]
		for i := range w.items {
			if it := &w.items[i]; it.nowhere {
				a, err := shelter(w.snap, w.table, it.ID)
				if err != nil {
					return err
				}
				assignments, at = append(assignments, a), append(at, i)
			}
		}
		var err error
		if stands, err = w.x.assign(ctx, w.f, assignments); err == ErrReplan {
			err = w.renew(ctx, tries)
		}
		if err != nil {
			return err
		}
	}
	for n, i := range at {
		w.items[i].follow(stands[n], plan.FromOracle, false)
		w.items[i].done = false
		w.pinned = append(w.pinned, w.items[i].ID)
	}
	return nil
}

// unpin lets the ids that pin has placed be given up. The oracle keeps what exists.
func (w *writing) unpin() {
	if len(w.pinned) > 0 {
		w.x.deps.Directory.Release(w.pinned)
	}
}

// writePart has one partition execute the statement.
func (w *writing) writePart(ctx context.Context, g group) error {
	cmd := &w.cmd
	if len(w.items) == 1 {
		w.oneTarget[0] = w.items[0].Target
		cmd.Targets = w.oneTarget[:]
	} else {
		part, err := w.part(g)
		if err != nil {
			return err
		}
		cmd = part
	}
	result, err := w.x.write(ctx, g.part, w.table, cmd, w.f)
	switch {
	case err != nil:
		return err
	case result.Refusal != nil:
		w.refused(g, result.Refusal)
		return nil
	}
	if len(result.Absent) > 0 {
		if _, err := w.absent(ctx, g, result.Absent); err != nil {
			return err
		}
	}
	return w.take(g, result)
}

// part is the command for one partition of several, or for several objects.
func (w *writing) part(g group) (*command.Write, error) {
	part := w.cmd
	part.Context.Seed = seedFor(w.cmd.Context.Seed, g.part)
	if part.Spans = w.spans; w.spans != nil {
		return &part, nil
	}
	part.Context.Seed += uint64(g.at[0]) // a partition may be asked in pieces
	part.Targets = w.targets(make([]command.Target, 0, len(g.at)), g)
	size := 0
	for n, i := range g.at {
		t := &part.Targets[n]
		size += len(t.ID) + len(t.Row)
		// Nothing may be done to the others where one is not where it is believed to be.
		t.Unsure = w.cmd.Kind != command.Create && w.items[i].from == plan.FromCache && !w.items[i].own
	}
	if size > w.x.cfg.MaxWriteBytes {
		return nil, pgerror.New(pgerror.ProgramLimitExceeded, "the statement is too large: %d bytes of rows for one partition", size).
			WithHint("At most %d bytes can be written by one statement; split it.", w.x.cfg.MaxWriteBytes)
	}
	return &part, nil
}

// take notes what a partition has executed.
func (w *writing) take(g group, result *command.Result) error {
	w.affected += result.Affected
	w.keep(g, result)
	w.f.wrote(g, result)
	w.release(g, result)
	w.note(g, result)
	for _, i := range g.at {
		it := &w.items[i]
		it.done, it.retry = !it.retry, false
	}
	return w.room(result)
}
