package execute

import (
	"context"
	"strconv"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute/footprint"
	"github.com/ssmr/ssmr/planner/plan"
)

// item is one object that a statement names by its id, and what is believed of
// where it lives.
type item struct {
	command.Target
	part object.PartitionID // 0: not known yet
	from plan.Provenance
	// rank is the object's place in the statement: the row of an INSERT.
	rank int
	// done says that a partition, or the directory, has answered for it.
	done bool
	// doubt says that the oracle has to be asked, whatever the cache says.
	doubt bool
	// retry says that it was absent where it was asked for, and lives elsewhere.
	retry bool
	// nowhere says that the directory had no entry of it; it is done then.
	nowhere bool
	// own says that the transaction has written it: what partitions have does not
	// count.
	own bool
}

// follow takes a location.
func (it *item) follow(l object.Location, from plan.Provenance, arriving bool) {
	it.part, it.Version, it.Arriving, it.from, it.doubt = l.Partition, l.Version, arriving, from, false
	it.nowhere = false
}

// missing notes that it has no location.
func (it *item) missing() { it.done, it.nowhere, it.doubt, it.part = true, true, false, 0 }

// place is where it is believed to live, for the transaction to remember.
func (it *item) place() footprint.Place {
	return footprint.Place{Location: object.Location{Partition: it.part, Version: it.Version}, Arriving: it.Arriving}
}

// job sends a statement after the objects that it names. It belongs to one
// goroutine.
type job struct {
	x     *Executor
	f     *facts
	tx    *Transaction // nil: none
	table *catalog.Table
	snap  *catalog.Snapshot
	items []item
	wait  waiter
	round int
	one   [1]item // room for the items of a statement about one object
}

// begin sets the job up for these ids.
func (j *job) begin(x *Executor, f *facts, tx *Transaction, t *catalog.Table, ids []object.ID) {
	j.x, j.f, j.tx, j.table, j.snap = x, f, tx, t, x.deps.Catalog.Catalog()
	j.wait = waiter{patience: x.cfg.Patience, rand: x.cfg.Rand}
	if len(ids) == 1 {
		j.items = j.one[:1]
	} else {
		j.items = make([]item, len(ids))
	}
	for i, id := range ids {
		j.items[i] = item{Target: command.Target{ID: id}, rank: i}
		if tx != nil {
			if o, own := tx.print.Own(id); own {
				j.items[i].follow(o.Location, plan.FromCache, o.Arriving)
				j.items[i].own = true
			}
		}
	}
}

// restart has all items asked for again, but those that live nowhere.
func (j *job) restart() {
	for i := range j.items {
		if it := &j.items[i]; !it.nowhere {
			it.done, it.retry = false, false
		}
	}
}

// home gives an item the location of the static rule.
func (j *job) home(it *item) error {
	l := j.snap.Home(j.table, it.ID)
	if l.Partition == 0 {
		return errNotFormed()
	}
	it.follow(object.Location{Partition: l.Partition}, plan.FromHome, false)
	return nil
}

// locate finds out where the items live that are not done and have no location.
// Items that live nowhere are done then.
func (j *job) locate(ctx context.Context) error {
	misses, doubts := 0, 0
	for i := range j.items {
		it := &j.items[i]
		switch {
		case it.done:
			continue
		case it.doubt:
			doubts++
			continue
		case it.part != 0:
			continue
		}
		if l, ok := j.x.deps.Directory.Lookup(it.ID); ok && l.Partition != 0 {
			it.follow(l.Location, plan.FromCache, l.Arriving)
			continue
		}
		if !j.table.Placement.Static {
			misses++
			continue
		}
		if err := j.home(it); err != nil {
			return err
		}
	}
	if misses > 0 {
		if err := j.ask(ctx, misses); err != nil {
			return err
		}
	}
	if doubts > 0 {
		return j.confirm(ctx, doubts)
	}
	return nil
}

// ask asks for what the cache lacks, of a table that is not static.
func (j *job) ask(ctx context.Context, count int) error {
	ids, at := j.pick(count, func(it *item) bool { return it.part == 0 && !it.doubt })
	stop := j.f.locating()
	located, err := j.x.deps.Directory.Locate(ctx, ids)
	stop()
	if err != nil {
		return j.x.unasked(ctx, err)
	}
	if len(located) != len(ids) {
		return internalError("Locate answered %d of %d ids", len(located), len(ids))
	}
	for n, i := range at {
		it, l := &j.items[i], located[n]
		switch {
		case l.Partition != 0 && l.Cached:
			it.follow(l.Location, plan.FromCache, l.Arriving)
		case l.Partition != 0:
			it.follow(l.Location, plan.FromOracle, l.Arriving)
		case l.Cached:
			it.doubt = true // a cache does not decide that something does not exist
		default:
			it.missing()
		}
	}
	return nil
}

// confirm asks the oracle's leader about the items in doubt. An item whose
// location stands is asked for again where it is.
func (j *job) confirm(ctx context.Context, count int) error {
	ids, at := j.pick(count, func(it *item) bool { return it.doubt })
	located, err := j.leader(ctx, ids)
	if err != nil {
		return err
	}
	var stand []object.ID
	for n, i := range at {
		it, l := &j.items[i], located[n]
		before := object.Location{Partition: it.part, Version: it.Version}
		switch {
		case l.Partition != 0:
			it.follow(l.Location, plan.FromOracle, l.Arriving)
		case j.table.Placement.Static:
			if err := j.home(it); err != nil {
				return err
			}
		default:
			it.missing()
			continue
		}
		if before.Partition == it.part && before.Version == it.Version {
			// The partition and the oracle do not agree yet: slots or an object are
			// on their way.
			j.wait.wanted = true
			if !j.table.Placement.Static {
				stand = append(stand, it.ID)
			}
		}
	}
	if len(stand) > 0 && j.round > 2 {
		// Or the object was never created, and the floor has passed its location: it is given
		// another one. The oracle keeps what exists.
		j.x.deps.Directory.Release(stand)
	}
	return nil
}

// leader asks the oracle's leader.
func (j *job) leader(ctx context.Context, ids []object.ID) ([]catalog.Located, error) {
	stop := j.f.locating()
	defer stop()
	located, err := j.x.deps.Directory.Confirm(ctx, ids)
	if err != nil {
		return nil, j.x.unasked(ctx, err)
	}
	if len(located) != len(ids) {
		return nil, internalError("Confirm answered %d of %d ids", len(located), len(ids))
	}
	if j.table.Placement.Static {
		// The slots may have changed hands meanwhile, too.
		if err := j.x.deps.Catalog.Refresh(ctx); err != nil {
			return nil, j.x.unasked(ctx, err)
		}
		j.snap = j.x.deps.Catalog.Catalog()
	}
	return located, nil
}

// pick lists the items that are not done and satisfy which.
func (j *job) pick(count int, which func(*item) bool) (ids []object.ID, at []int) {
	ids, at = make([]object.ID, 0, count), make([]int, 0, count)
	for i := range j.items {
		if it := &j.items[i]; !it.done && which(it) {
			ids, at = append(ids, it.ID), append(at, i)
		}
	}
	return ids, at
}

// elsewhere takes what a partition said of objects that it does not own. The
// other objects of the group stay where they are believed to be.
func (j *job) elsewhere(g group, redirects []command.Redirect) {
	j.x.deps.Directory.Learn(redirects)
	j.f.redirected(len(redirects))
	if len(redirects) == 0 { // says nothing: ask about all
		for _, i := range g.at {
			j.items[i].doubt = !j.items[i].own
		}
		return
	}
	where := func(id object.ID) (object.Location, bool) {
		for i := range redirects {
			if redirects[i].ID == id {
				return redirects[i].Location, true
			}
		}
		return object.Location{}, false
	}
	if len(redirects) > 16 {
		byID := make(map[object.ID]object.Location, len(redirects))
		for _, r := range redirects {
			byID[r.ID] = r.Location
		}
		where = func(id object.ID) (object.Location, bool) { l, ok := byID[id]; return l, ok }
	}
	for _, i := range g.at {
		it := &j.items[i]
		l, ok := where(it.ID)
		switch {
		case !ok:
		case l.Partition == 0 || l.Version <= it.Version:
			// The transaction's own object exists wherever the oracle knows it to be.
			it.doubt = !it.own
		default:
			it.follow(l, plan.FromCache, true)
		}
	}
}

// absent takes a partition's word that it has no value of some items of the
// group (indexes into it). Where that is not final yet, the items stay to be
// asked for, and again tells so.
func (j *job) absent(ctx context.Context, g group, absent []int) (again bool, err error) {
	count := 0
	for _, n := range absent {
		if n < 0 || n >= len(g.at) {
			return false, internalError("a partition's answer names target %d of %d", n, len(g.at))
		}
		it := &j.items[g.at[n]]
		// Also what the oracle has told may be old when it is used: below the floor the
		// partition has forgotten what left it. The home of a static object never does.
		it.done = it.from == plan.FromHome || it.own
		if !it.done {
			count++
		}
	}
	if count == 0 {
		return false, nil
	}
	ids, at := make([]object.ID, 0, count), make([]int, 0, count)
	for _, n := range absent {
		if it := &j.items[g.at[n]]; !it.done {
			ids, at = append(ids, it.ID), append(at, g.at[n])
		}
	}
	located, err := j.leader(ctx, ids)
	if err != nil {
		return false, err
	}
	for n, i := range at {
		it, l := &j.items[i], located[n].Location
		switch {
		case l.Partition == it.part && l.Version == it.Version:
			it.done, it.from = true, plan.FromOracle
		case l.Partition != 0:
			it.follow(l, plan.FromOracle, located[n].Arriving)
			it.retry, again = true, true
		case !j.table.Placement.Static:
			it.missing()
		default:
			if err := j.home(it); err != nil {
				return false, err
			}
			it.retry, again = true, true
		}
	}
	return again, nil
}

// stillNowhere asks the oracle again about items that had no location, where others
// have been read meanwhile: so that all are as they were at one moment. It reports
// whether one has a location now.
func (j *job) stillNowhere(ctx context.Context) (changed bool, err error) {
	count := 0
	for i := range j.items {
		if j.items[i].nowhere {
			count++
		}
	}
	if count == 0 || count == len(j.items) {
		return false, nil
	}
	ids, at := make([]object.ID, 0, count), make([]int, 0, count)
	for i := range j.items {
		if j.items[i].nowhere {
			ids, at = append(ids, j.items[i].ID), append(at, i)
		}
	}
	located, err := j.leader(ctx, ids)
	if err != nil {
		return false, err
	}
	for n, i := range at {
		if l := located[n]; l.Partition != 0 {
			j.items[i].follow(l.Location, plan.FromOracle, l.Arriving)
			j.items[i].done, changed = false, true
		}
	}
	return changed, nil
}

// next begins another round; it fails when there have been too many.
func (j *job) next(ctx context.Context) error {
	j.round++
	if j.round > j.x.cfg.MaxRounds {
		return errChased(j.what())
	}
	if j.round > 3 {
		j.wait.wanted = true // something moves as fast as we follow
	}
	return j.wait.pause(ctx, "it waits for an object")
}

// what names the objects in an error.
func (j *job) what() string {
	n := 0
	for i := range j.items {
		if !j.items[i].done {
			n++
		}
	}
	if n == 1 {
		return "an object of table \"" + j.table.Name + "\""
	}
	return strconv.Itoa(n) + " objects of table \"" + j.table.Name + "\""
}
