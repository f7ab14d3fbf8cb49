package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/oracle"
	"github.com/ssmr/ssmr/partitions/state"
	"github.com/ssmr/ssmr/tests/checker"
)

// outcome is what came of a run.
type outcome struct {
	err    error          // nil: everything was as it should be
	counts map[string]int // of what happened, by kind
}

// simulate carries out a plan. The trace goes to out, unless that is nil.
func simulate(p *plan, store *storage.Store, out io.Writer) outcome {
	w := newWorld(p, store)
	w.out = out
	defer w.close()
	if w.failure == nil {
		w.begin()
		w.run(func() bool { return w.clients == 0 })
		w.settle()
	}
	if w.failure == nil {
		w.check()
	}
	return outcome{err: w.failure, counts: w.counts()}
}

// close lets go of what the run has used.
func (w *world) close() {
	for _, t := range w.tasks {
		t.kill()
	}
	for _, p := range w.pins {
		p.Close()
	}
	for _, g := range w.groups {
		for _, r := range g.replicas {
			batch := r.space.NewBatch()
			batch.DeleteRange(nil, nil)
			_ = batch.Commit(storage.NoSync)
			batch.Close()
		}
	}
}

// begin starts clients, what leaders do, and faults.
func (w *world) begin() {
	for _, g := range w.groups {
		w.lead(g.leader)
	}
	for i := range w.plan.Clients {
		c := &client{n: i, node: w.nodes[w.plan.Clients[i].Node]}
		w.clientList = append(w.clientList, c)
		w.clients++
		c.node.spawn(fmt.Sprintf("client %d", i), c.run)
	}
	for i := range w.plan.Faults {
		f := &w.plan.Faults[i]
		rng := w.random(fmt.Sprintf("fault %d", i))
		w.after(micros(f.At), func() {
			if !w.quiet {
				w.inject(f, rng.IntN)
			}
		})
	}
}

// lead starts what a leader does beside serving calls.
func (w *world) lead(r *replica) {
	name := fmt.Sprintf("leads %s in term %d", r.g, r.g.term)
	if r.g.id == object.OracleGroup {
		r.node.spawn(name, func(t *task) { drive(t, r) })
		return
	}
	r.node.spawn(name, func(t *task) { watch(t, r) })
}

func (w *world) inject(f *fault, draw func(int) int) {
	switch f.Kind {
	case faultCrash:
		n := w.nodes[f.A]
		n.crash()
		w.after(micros(f.For), n.restart)
	case faultPause:
		w.nodes[f.A].pause(micros(f.For))
	case faultAll:
		for _, n := range w.nodes {
			n.crash()
			w.after(micros(f.For), n.restart)
		}
	case faultElection:
		g := w.groups[f.A]
		if r := g.replicas[draw(len(g.replicas))]; g.leader != nil && !r.down && r.node.stopped() == 0 {
			g.elect(r)
		}
	case faultInstall:
		g := w.groups[f.A]
		a, b := g.replicas[0], g.replicas[1]
		if a == g.leader {
			a, b = b, a
		}
		a.install(b)
	case faultNetsplit:
		w.say("%s is cut off from %d for %.3f ms, one way %v", w.nodes[f.A], f.B+1, float64(f.For)/1000, f.OneWay)
	}
}

// settle ends all faults and lets everything come to its end: moves, recoveries, the
// replicas that lag.
func (w *world) settle() {
	if w.failure != nil {
		return
	}
	w.quiet = true
	w.say("the clients have ended, and so have the faults")
	for _, n := range w.nodes {
		n.restart()
	}
	w.calm()
	// What is left of releases goes with the floor.
	if w.failure == nil {
		w.oracleGroup().leader.propose(oracle.RaiseFloorEntry(), func(any, error) {})
		w.calm()
	}
}

// calm runs until nothing happens any more.
func (w *world) calm() {
	calm := w.now
	last := w.fingerprint()
	w.run(func() bool {
		if w.steps%64 != 0 {
			return false
		}
		if f := w.fingerprint(); f != last {
			last, calm = f, w.now
		}
		return w.now-calm > 2*recoverAfter && w.idle()
	})
}

// fingerprint changes with every entry that is logged or applied.
func (w *world) fingerprint() [2]int {
	f := [2]int{}
	for _, g := range w.groups {
		f[0] += len(g.log)
		for _, r := range g.replicas {
			f[1] += int(r.applied)
		}
	}
	return f
}

// idle reports whether nothing is left to be done.
func (w *world) idle() bool {
	for _, g := range w.groups {
		if g.leader == nil || !g.leader.ready || len(g.waiting)+len(g.flight)+len(g.gathering) > 0 {
			return false
		}
		for _, r := range g.replicas {
			if r.applied != uint64(len(g.log)) {
				return false
			}
		}
	}
	work := w.oracleGroup().leader.machine.(*oracle.Machine).Work()
	return len(work.Batches) == 0 && len(work.Settling) == 0
}

// check holds what the clients have seen, and what is left, against what must be.
func (w *world) check() {
	w.checkReplicas()
	w.checkLocks()
	final := w.checkCopies()
	if w.failure != nil {
		return
	}
	// All that is there in the end is what a last client reads.
	last := &record{client: len(w.plan.Clients), invoke: w.now + 1, complete: w.now + 2, outcome: checker.Committed, note: "what is there in the end"}
	for k, list := range final {
		last.ops = append(last.ops, recordedOp{do: doRead, key: k, known: true, there: list != nil, list: list})
	}
	w.records = append(w.records, last)
	if report := checker.Check(w.history(), checker.Options{}); !report.OK() {
		w.fail("%s", report)
		return
	}
	start := make(database, len(w.keys))
	for k := range w.keys {
		if w.keys[k].Lasting {
			start[k] = []int64{}
		}
	}
	found, decided, longest := serial(w.records, start)
	switch {
	case !decided:
		w.tally["undecided"]++
	case !found:
		w.fail("%s", explainSerial(w.records, longest))
	}
}

// checkReplicas: replicas that have applied the same hold the same bytes (invariant 5).
func (w *world) checkReplicas() {
	for _, g := range w.groups {
		a, b := g.replicas[0].content(), g.replicas[1].content()
		if maps.Equal(a, b) {
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(a)) {
			if v, found := b[k]; !found || v != a[k] {
				w.fail("replicas of %s differ at key %q: %q and %s", g, k, a[k], orNone(v, found))
				return
			}
		}
		for _, k := range slices.Sorted(maps.Keys(b)) {
			if _, found := a[k]; !found {
				w.fail("replicas of %s differ at key %q: none and %q", g, k, b[k])
				return
			}
		}
	}
}

func orNone(v string, found bool) string {
	if !found {
		return "none"
	}
	return fmt.Sprintf("%q", v)
}

// checkLocks: nothing is locked, waits, or is prepared for ever.
func (w *world) checkLocks() {
	for _, g := range w.groups[1:] {
		for _, r := range g.replicas {
			m := r.machine.(*state.Machine)
			if list := m.Transactions(); len(list) > 0 {
				w.fail("%s: transactions are left: %s", r, describeTransactions(list))
			}
			if list := m.Locks(10); len(list) > 0 {
				w.fail("%s: locks are left: %s", r, describeLocks(w, list))
			}
			if n := m.Outgoing(); n != 0 {
				w.fail("%s: %d moves are left outgoing", r, n)
			}
		}
	}
}

// checkCopies: of each object there is one copy, or none (invariant 1). It returns what
// is there.
func (w *world) checkCopies() [][]int64 {
	final := make([][]int64, len(w.keys))
	where := make([]object.PartitionID, len(w.keys))
	for _, g := range w.groups[1:] {
		for _, table := range []*command.Read{w.scan(true), w.scan(false)} {
			query := g.leader.machine.(*state.Machine).Begin(table)
			if err := query.Pin(); err != nil {
				w.fail("%v", err)
				return final
			}
			chunk, err := whole(query)
			if err != nil || chunk.Refusal != nil || chunk.Err != nil {
				w.fail("the last scan of %s: %v %+v", g, err, chunk)
				return final
			}
			for _, row := range chunk.Rows {
				k, list := w.decodeRow(row)
				if where[k] != 0 {
					w.fail("object %d is in partition %d and in partition %d", k, where[k], g.id)
				}
				where[k], final[k] = object.PartitionID(g.id), append([]int64{}, list...)
			}
		}
	}
	return final
}

// scan reads a whole table.
func (w *world) scan(static bool) *command.Read {
	table := w.tables.directory
	if static {
		table = w.tables.static
	}
	return &command.Read{
		Table: table.ID, Schema: table.Version, Program: programs.read, Limit: -1,
		Spans: w.spans(table),
	}
}

// spans are all keys of a table.
func (w *world) spans(table *catalog.Table) []command.Span {
	return []command.Span{{Start: object.NewID(table.ID, nil), End: object.NewID(table.ID+1, nil)}}
}

// counts tells what happened, for whoever wants to know whether the runs are worth it.
func (w *world) counts() map[string]int {
	counts := w.tally
	for _, r := range w.records {
		counts[r.outcome.String()]++
	}
	for _, g := range w.groups {
		counts["log entries"] += len(g.log)
		counts["elections"] += int(g.term - 1)
	}
	return counts
}
