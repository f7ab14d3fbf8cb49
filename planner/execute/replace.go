package execute

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// replacer has policies asked again about objects whose columns have changed, and moves
// those that are to live elsewhere: in the background, behind the statement.
type replacer struct {
	x    *Executor
	stop context.CancelFunc
	done chan struct{} // closed when the worker has ended; nil before it begins
	wake chan struct{}

	mu     sync.Mutex // guards what follows, stop and done
	closed bool
	queued map[object.ID]struct{}
	ready  []waiting // as they came
	later  []waiting // by due
	// room is, for tables with a budget, when there is room for one more object behind those
	// that wait for it.
	room map[object.TableID]time.Time

	asked, moved, deferred, dropped atomic.Int64
}

// waiting is an object that a policy is to be asked about.
type waiting struct {
	id       object.ID
	tries    int
	failures int
	due      time.Time
}

// replaced is what became of an object, and what it takes.
type replaced struct {
	result catalog.MoveResult
	bytes  int64
}

const (
	// maxReplaceFailures is how often an object's move may fail.
	maxReplaceFailures = 16
	firstReplacePause  = 100 * time.Millisecond
	// replaceTick is how far apart batches of what is tried again are.
	replaceTick = 50 * time.Millisecond
	// longestReplacePause is the longest pause between two tries, where a quarter of the
	// table's cool-down is not longer.
	longestReplacePause = 30 * time.Second
)

func newReplacer(x *Executor) *replacer {
	return &replacer{x: x, wake: make(chan struct{}, 1), queued: make(map[object.ID]struct{}),
		room: make(map[object.TableID]time.Time)}
}

// add has a policy asked about objects soon. It does not wait; what does not fit is
// dropped, and counted.
func (r *replacer) add(ids []object.ID) {
	if len(ids) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.put(waiting{id: id})
	}
	if r.done == nil && !r.closed {
		ctx, stop := context.WithCancel(context.Background())
		r.stop, r.done = stop, make(chan struct{})
		go r.run(ctx, r.done)
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// put queues one object; the caller holds mu.
func (r *replacer) put(w waiting) {
	if _, twice := r.queued[w.id]; twice {
		return
	}
	if r.closed || len(r.queued) >= r.x.cfg.ReplaceQueue {
		r.dropped.Add(1)
		return
	}
	r.queued[w.id] = struct{}{}
	if w.due.IsZero() {
		r.ready = append(r.ready, w)
		return
	}
	at, _ := slices.BinarySearchFunc(r.later, w.due, func(o waiting, due time.Time) int { return o.due.Compare(due) })
	r.later = slices.Insert(r.later, at, w)
}

// close ends the worker, and waits for it.
func (r *replacer) close() {
	r.mu.Lock()
	r.closed = true
	done := r.done
	if r.stop != nil {
		r.stop()
	}
	r.mu.Unlock()
	if done != nil {
		<-done
	}
}

// run is the worker.
func (r *replacer) run(ctx context.Context, done chan struct{}) {
	defer close(done)
	for {
		batch, pause := r.take(time.Now())
		if len(batch) > 0 {
			r.replace(ctx, batch)
		}
		if len(batch) > 0 && ctx.Err() == nil {
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-r.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// take takes a batch of what is due: objects of one table. pause is how long there is
// nothing to do otherwise.
func (r *replacer) take(now time.Time) (batch []waiting, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	due := 0
	for due < len(r.later) && !r.later[due].due.After(now) {
		due++
	}
	r.ready = append(r.ready, r.later[:due]...)
	r.later = slices.Delete(r.later, 0, due)
	n := 0
	for n < len(r.ready) && n < MaxMoveBatch && r.ready[n].id.Table() == r.ready[0].id.Table() {
		delete(r.queued, r.ready[n].id)
		n++
	}
	batch = slices.Clone(r.ready[:n])
	r.ready = slices.Delete(r.ready, 0, n)
	pause = time.Hour
	if len(r.later) > 0 {
		pause = r.later[0].due.Sub(now)
	}
	return batch, pause
}

// replace has a policy asked about a batch, and what it wants moved.
func (r *replacer) replace(ctx context.Context, batch []waiting) {
	t := r.x.deps.Catalog.Catalog().Tables[batch[0].id.Table()]
	if t == nil || t.Placement.Static { // dropped, or changed since
		r.mu.Lock()
		delete(r.room, batch[0].id.Table())
		r.mu.Unlock()
		return
	}
	results := make(map[object.ID]replaced, len(batch))
	ids := make([]object.ID, len(batch))
	for i := range batch {
		ids[i] = batch[i].id
	}
	slices.Sort(ids)
	err := r.x.replaceObjects(ctx, t, ids, results)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrReplan) && !errors.Is(err, ErrRestart) {
		r.x.cfg.Logger.Warn("objects could not be placed anew", "table", t.Name, "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range batch {
		was, told := results[w.id]
		switch {
		case told && was.result == catalog.Moved:
			r.moved.Add(1)
		case told && was.result == catalog.Barred:
			r.dropped.Add(1)
		case told && was.result == catalog.Deferred:
			r.deferred.Add(1)
			r.again(w, t, roomFor(&t.Rules.Budget, was.bytes))
		case told && was.result == catalog.MoveUnknown, !told && err != nil:
			if w.failures++; w.failures < maxReplaceFailures {
				r.again(w, t, 0)
			} else {
				r.dropped.Add(1)
			}
		}
	}
}

// again has an object tried again; the caller holds mu. What the table's budget has
// deferred comes back as fast as the budget allows.
func (r *replacer) again(w waiting, t *catalog.Table, room time.Duration) {
	w.due = time.Now().Add(min(firstReplacePause<<min(w.tries, 30), max(longestReplacePause, t.Rules.Budget.Cooldown/4)))
	w.tries++
	if room > 0 {
		if from := r.room[t.ID]; from.After(w.due) {
			w.due = from
		}
		r.room[t.ID] = w.due.Add(room)
	}
	w.due = w.due.Truncate(replaceTick).Add(replaceTick) // for batches, and not one by one
	r.put(w)
}

// roomFor is how long it takes until a budget has room for an object of that size.
func roomFor(b *catalog.Budget, bytes int64) (room time.Duration) {
	if b.Moves > 0 {
		room = time.Second / time.Duration(b.Moves)
	}
	if b.Bytes > 0 {
		room = max(room, time.Duration(float64(bytes)/float64(b.Bytes)*float64(time.Second)))
	}
	return room
}

// replaceObjects reads objects, asks the policy of their table, and moves them. results
// has what became of each that exists, as far as that is known.
func (x *Executor) replaceObjects(ctx context.Context, t *catalog.Table, ids []object.ID, results map[object.ID]replaced) error {
	e := &Execution{x: x, settings: &Settings{}}
	m := &plan.Move{Table: t}
	for i := range t.Columns {
		m.Program.Project = append(m.Program.Project, expr.NewColumn(i, t.Columns[i].Type, t.Columns[i].Name))
	}
	mv, err := e.newMoving(m)
	if err != nil {
		return err
	}
	mv.replaced = results
	// They need not be seen at one instant: where they live in one partition no snapshot is
	// taken, which others would wait for.
	at := make(map[object.PartitionID][]object.ID)
	for _, id := range ids {
		l, _ := x.deps.Directory.Lookup(id)
		at[l.Partition] = append(at[l.Partition], id)
	}
	for _, p := range slices.Sorted(maps.Keys(at)) {
		if err := mv.gather(ctx, plan.Objects{IDs: at[p]}); err != nil {
			return err
		}
	}
	if err := mv.ask(ctx); err != nil {
		return err
	}
	return mv.flushAll(ctx)
}

// replaces reports whether a statement sets columns of a table whose update makes its
// policy be asked again.
func (x *Executor) replaces(t *catalog.Table, set []command.Assignment) bool {
	if t.Placement.Static {
		return false
	}
	columns := x.deps.Policies.ReplaceColumns(t)
	return len(columns) > 0 && slices.ContainsFunc(set, func(a command.Assignment) bool { return slices.Contains(columns, a.Column) })
}

// Counters are what the executor has counted since it was made; Node is left to the
// caller. replace_asked counts objects that a policy was asked about again because they
// had changed, replace_moved those that were moved for that. replace_deferred is how
// often there was no room for such a move (catalog.Budget), and replace_dropped counts
// objects that stay where they are because the queue was full, the partition must not get
// them, or their move has failed too often.
func (x *Executor) Counters() []CounterStatus {
	r := x.replacer
	return []CounterStatus{
		{Name: "replace_asked", Value: r.asked.Load()}, {Name: "replace_moved", Value: r.moved.Load()},
		{Name: "replace_deferred", Value: r.deferred.Load()}, {Name: "replace_dropped", Value: r.dropped.Load()},
	}
}

// Close ends what the executor does in the background, and waits for it: objects that
// were to be placed anew stay where they are. Nothing may be started after it. It may be
// called again.
func (x *Executor) Close() { x.replacer.close() }
