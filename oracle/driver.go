package oracle

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/crashpoint"
	"github.com/ssmr/ssmr/internal/object"
)

const (
	retryFirst     = 20 * time.Millisecond
	retryMost      = time.Second
	parallelJobs   = 8
	parallelSettle = 4
	// parallelPartitions bounds the partitions that are told something at once.
	parallelPartitions = 16
	// forgetAtOnce is the number of ids that a partition forgets when it is told of
	// a floor.
	forgetAtOnce = 4096
)

// lead runs a driver whenever this replica leads.
func (s *Service) lead() {
	roles, stop := s.group.Roles()
	defer stop()
	var resign func()
	defer func() {
		if resign != nil {
			resign()
		}
	}()
	for {
		select {
		case role, ok := <-roles:
			if !ok {
				return
			}
			switch {
			case role.Leading && resign == nil:
				s.logger.Debug("this node leads the oracle", "term", role.Term)
				resign = s.startDriver()
			case !role.Leading && resign != nil:
				s.logger.Debug("this node does not lead the oracle any more", "leader", role.Leader)
				resign()
				resign = nil
				s.machine.changed.wake() // nobody waits here any more
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// startDriver starts a driver; the function that is returned stops it.
func (s *Service) startDriver() (resign func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	d := &driver{Service: s, ctx: ctx, gate: newGate(), ended: make(chan struct{}, 1), busy: make(map[string]bool), kinds: make(map[byte]int)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.run()
	}()
	return func() { cancel(); <-done }
}

// driver does what the log intends, while its replica leads. Whatever it does can
// be done again by the next one.
type driver struct {
	*Service
	ctx   context.Context
	gate  *gate
	ended chan struct{} // a task has ended
	tasks sync.WaitGroup

	mu    sync.Mutex
	busy  map[string]bool // guarded by mu: tasks under way
	kinds map[byte]int    // guarded by mu: their numbers by kind

	told atomic.Uint64 // the floor that all partitions were told
}

// run starts tasks for what is to be done, until ctx ends.
func (d *driver) run() {
	defer d.tasks.Wait()
	tick := time.NewTicker(retryMost)
	defer tick.Stop()
	var sweep <-chan time.Time
	if d.cfg.Sweep > 0 {
		ticker := time.NewTicker(d.cfg.Sweep)
		defer ticker.Stop()
		sweep = ticker.C
	}
	sweeper := &sweeper{driver: d}
	for {
		changed := d.machine.changed.wait()
		d.startTasks()
		select {
		case <-changed:
		case <-d.ended:
		case <-tick.C:
		case <-sweep:
			d.start('s', "sweep", 1, sweeper.sweep)
		case <-d.ctx.Done():
			return
		}
	}
}

// start runs a task unless it runs already, or limit tasks of its kind do.
func (d *driver) start(kind byte, name string, limit int, task func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy[name] || d.kinds[kind] >= limit || d.ctx.Err() != nil {
		return
	}
	d.busy[name] = true
	d.kinds[kind]++
	d.tasks.Go(func() {
		defer func() {
			d.mu.Lock()
			delete(d.busy, name)
			d.kinds[kind]--
			d.mu.Unlock()
			select {
			case d.ended <- struct{}{}:
			default:
			}
		}()
		task()
	})
}

func (d *driver) startTasks() {
	w := d.machine.work()
	for _, b := range w.batches {
		if b.release {
			d.start('r', fmt.Sprintf("m%d", b.move), d.cfg.ParallelMoves, func() { d.release(b) })
		} else {
			d.start('m', fmt.Sprintf("m%d", b.move), d.cfg.ParallelMoves, func() { d.move(b) })
		}
	}
	for from, moves := range w.settling {
		d.start('e', fmt.Sprintf("settle %d", from), parallelSettle, func() { d.settle(from, moves) })
	}
	for _, j := range w.jobs {
		d.start('j', fmt.Sprintf("job %d", j.ID), parallelJobs, func() { d.job(&j) })
	}
	switch {
	case uint64(w.floor) > d.told.Load():
		d.start('f', "floor", 1, func() { d.tellFloor(w.floor) })
	case w.forgettable >= d.cfg.FloorAfter:
		d.start('f', "floor", 1, func() { d.retry("floor", nil, d.raise) })
	}
}

// work is what there is to do.
type work struct {
	batches     []batch // not finished, oldest first
	settling    map[object.PartitionID][]object.LocationVersion
	jobs        []job
	floor       object.LocationVersion
	forgettable uint64
}

// maxSettle bounds the moves of one Settle.
const maxSettle = 256

func (m *Machine) work() *work {
	m.mu.RLock()
	defer m.mu.RUnlock()
	w := &work{floor: m.st.Floor, forgettable: m.st.Forgettable, settling: make(map[object.PartitionID][]object.LocationVersion)}
	for _, b := range m.st.batches {
		if !b.done {
			w.batches = append(w.batches, *b)
		} else if list := w.settling[b.from]; len(list) < maxSettle {
			w.settling[b.from] = append(list, b.move)
		}
	}
	slices.SortFunc(w.batches, func(a, b batch) int { return cmp.Compare(a.move, b.move) })
	for _, id := range slices.Sorted(maps.Keys(m.st.jobs)) {
		w.jobs = append(w.jobs, *m.st.jobs[id])
	}
	return w
}

// table returns the present descriptor of a table; nil if there is none.
func (m *Machine) table(id object.TableID) *catalog.Table {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.st.tables[id]
}

// retry calls fn until it succeeds; false if the driver ends before that, or live
// says that the task was done by another one (nil: it is always live).
func (d *driver) retry(what string, live func() bool, fn func() error) bool {
	delay := retryFirst
	for n := 1; ; n++ {
		err := fn()
		if err == nil {
			return true
		}
		if d.ctx.Err() != nil || live != nil && !live() {
			return false
		}
		if n == 10 {
			d.logger.Warn("the oracle cannot go on with a task, and keeps trying", "task", what, "error", err)
		}
		select {
		case <-time.After(delay):
		case <-d.ctx.Done():
			return false
		}
		delay = min(2*delay, retryMost)
	}
}

// refused is the error of a partition that did not execute a command.
type refused struct {
	partition object.PartitionID
	refusal   *command.Refusal
}

func (e *refused) Error() string {
	return fmt.Sprintf("partition %d refuses (reason %d)", e.partition, e.refusal.Reason)
}

// execute sends a command to a partition. A refusal is an error, *refused. Where
// the partition lacks the table's descriptor it is given it.
func (d *driver) execute(p object.PartitionID, table object.TableID, body command.Body) (any, error) {
	crashpoint.Before(body)
	outcome, err := d.partitions.Execute(d.ctx, p, body)
	crashpoint.After(body)
	if err != nil {
		return nil, err
	}
	var refusal *command.Refusal
	switch o := outcome.(type) {
	case *command.Departed:
		refusal = o.Refusal
	case *command.Result:
		if o != nil {
			if refusal = o.Refusal; refusal == nil && o.Err != nil {
				return nil, o.Err
			}
		}
	}
	if refusal == nil {
		return outcome, nil
	}
	if refusal.Reason == command.SchemaNew {
		if t := d.machine.table(table); t != nil {
			if _, err := d.partitions.Execute(d.ctx, p, &command.InstallTable{Table: t}); err != nil {
				return nil, err
			}
		}
	}
	return nil, &refused{p, refusal}
}

// propose has an entry logged.
func (d *driver) propose(ctx context.Context, c logCommand) (any, error) {
	crashpoint.Before(c)
	defer crashpoint.After(c)
	return d.Service.propose(ctx, c)
}

// everywhere calls fn for each partition, several at once, again and again until
// it has succeeded for all; false as in retry.
func (d *driver) everywhere(what string, live func() bool, fn func(p object.PartitionID) error) bool {
	var wg sync.WaitGroup
	var failed atomic.Bool
	slots := make(chan struct{}, parallelPartitions)
	for _, p := range d.machine.partitionIDs() {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if !d.retry(fmt.Sprintf("%s, partition %d", what, p), live, func() error { return fn(p) }) {
				failed.Store(true)
			}
		})
	}
	wg.Wait()
	return !failed.Load()
}

func (m *Machine) partitionIDs() []object.PartitionID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	ids := make([]object.PartitionID, len(m.st.partitions))
	for i := range m.st.partitions {
		ids[i] = m.st.partitions[i].ID
	}
	return ids
}

// raise raises the floor in the log.
func (d *driver) raise() error {
	_, err := d.propose(d.ctx, &raiseFloor{})
	return err
}

// tellFloor has all partitions forget what is below the floor. They forget a part
// each time that they are told.
func (d *driver) tellFloor(floor object.LocationVersion) {
	times := 2 + int(d.cfg.FloorAfter/forgetAtOnce)
	told := d.everywhere("floor", nil, func(p object.PartitionID) error {
		for range times {
			if _, err := d.execute(p, 0, &command.RaiseFloor{Floor: floor}); err != nil {
				return err
			}
		}
		return nil
	})
	if told {
		d.told.Store(uint64(floor))
	}
}
