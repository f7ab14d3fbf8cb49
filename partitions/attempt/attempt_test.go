package attempt

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// store is what a participant's log has made of the transaction.
type store uint8

const (
	unknown store = iota
	isPrepared
	isCommitted
	isAborted
	isForgotten // it was committed
)

// driver is an attempt with the steps that it has asked for and that are not done.
type driver struct {
	attempt *Attempt
	steps   []Step
	dead    bool
	begun   bool
}

func (d *driver) copy() driver {
	c := *d
	if d.attempt != nil {
		a := *d.attempt
		a.parts = slices.Clone(a.parts)
		c.attempt = &a
	}
	c.steps = slices.Clone(d.steps)
	return c
}

func (d *driver) ask() { d.steps = d.attempt.AppendSteps(d.steps) }

// world is everything at one moment: the participants, the coordinator, one that
// recovers, and Prepares that nobody waits for any more and that may still be executed.
type world struct {
	stores   []store
	votesNo  []bool
	executed []bool // its Prepare was, which happens once
	flying   []bool
	applied  []bool // its effects were
	drivers  [2]driver
	gaveUp   bool
	told     Decision // what the coordinator's client was told
}

func (w *world) copy() *world {
	c := &world{
		stores: slices.Clone(w.stores), votesNo: w.votesNo, executed: slices.Clone(w.executed), flying: slices.Clone(w.flying),
		applied: slices.Clone(w.applied), gaveUp: w.gaveUp, told: w.told,
	}
	for i := range w.drivers {
		c.drivers[i] = w.drivers[i].copy()
	}
	return c
}

// key is the same for worlds that go on in the same ways.
func (w *world) key() string {
	b := make([]byte, 0, 64)
	flag := func(is bool) {
		if is {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	for i := range w.stores {
		b = append(b, byte(w.stores[i]))
		flag(w.executed[i])
		flag(w.flying[i])
		flag(w.applied[i])
	}
	flag(w.gaveUp)
	b = append(b, byte(w.told))
	for i := range w.drivers {
		d := &w.drivers[i]
		flag(d.begun)
		if flag(d.dead); !d.begun || d.dead {
			continue
		}
		for _, p := range d.attempt.parts {
			b = append(b, byte(p.standing))
		}
		b = append(b, byte(d.attempt.decision))
		slices.SortFunc(d.steps, func(a, b Step) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Partition, b.Partition)) })
		for _, s := range d.steps {
			b = append(b, byte(s.Kind), byte(s.Partition))
		}
	}
	return string(b)
}

// prepare executes a Prepare in a log.
func (w *world) prepare(i int) Vote {
	if w.executed[i] {
		panic("executed twice")
	}
	w.executed[i] = true
	if w.stores[i] == isAborted || w.votesNo[i] {
		return No
	}
	w.stores[i] = isPrepared
	return Yes
}

func (w *world) resolve(i int) command.TransactionState {
	switch w.stores[i] {
	case isPrepared:
		return command.TransactionPrepared
	case isCommitted:
		return command.TransactionCommitted
	}
	w.stores[i] = isAborted
	return command.TransactionAborted
}

func (w *world) conclude(i int, commit bool) {
	if w.stores[i] != isPrepared {
		return
	}
	w.stores[i] = unknown
	if commit {
		w.stores[i], w.applied[i] = isCommitted, true
	}
}

// undecided reports whether the coordinator may still ask the participants.
func (w *world) undecided() bool {
	d := &w.drivers[0]
	return !d.dead && d.attempt.Decision() == Undecided
}

// explorer goes through every order of events.
type explorer struct {
	gated bool // a recoverer's Forget waits for the coordinator
	seen  map[string]bool
	fault string
}

func (e *explorer) explore(w *world) {
	k := w.key()
	if e.seen[k] || e.fault != "" {
		return
	}
	e.seen[k] = true
	e.check(w)
	for d := range w.drivers {
		if w.drivers[d].attempt == nil || w.drivers[d].dead {
			continue
		}
		for s := range w.drivers[d].steps {
			e.perform(w, d, s)
		}
		c := w.copy()
		c.drivers[d].dead = true
		for _, s := range c.drivers[d].steps {
			if s.Kind == Prepare && d == 0 {
				c.flying[s.Partition-1] = true
			}
		}
		e.explore(c)
	}
	for i := range w.flying {
		if w.flying[i] {
			c := w.copy()
			c.flying[i] = false
			c.prepare(i)
			e.explore(c)
		}
	}
	if a := w.drivers[0].attempt; !w.drivers[0].dead && !w.gaveUp && a.Decision() == Undecided {
		c := w.copy()
		c.gaveUp = true
		c.drivers[0].attempt.GiveUp()
		c.next(0)
		e.explore(c)
	}
	if !w.drivers[1].begun {
		e.recover(w)
	}
}

// recover has a participant that knows the transaction begin to recover it.
func (e *explorer) recover(w *world) {
	ids := make([]object.PartitionID, len(w.stores))
	for i := range ids {
		ids[i] = object.PartitionID(i + 1)
	}
	for _, begin := range []struct {
		at store
		f  func([]object.PartitionID) *Attempt
	}{{isPrepared, Recover}, {isCommitted, Finish}} {
		if slices.Contains(w.stores, begin.at) {
			c := w.copy()
			c.drivers[1] = driver{attempt: begin.f(ids), begun: true}
			c.next(1)
			e.explore(c)
		}
	}
}

// next notes what the coordinator has decided, and asks for what is to be done.
func (w *world) next(d int) {
	if d == 0 {
		if now := w.drivers[0].attempt.Decision(); now != w.told {
			if w.told != Undecided {
				panic("a decision was changed")
			}
			w.told = now
		}
	}
	w.drivers[d].ask()
}

// perform does one step in each way that it can go.
func (e *explorer) perform(w *world, d, s int) {
	step := w.drivers[d].steps[s]
	i, p := int(step.Partition)-1, step.Partition
	after := func(f func(c *world, a *Attempt)) {
		c := w.copy()
		c.drivers[d].steps = slices.Delete(c.drivers[d].steps, s, s+1)
		f(c, c.drivers[d].attempt)
		c.next(d)
		e.explore(c)
	}
	switch step.Kind {
	case Prepare:
		after(func(c *world, a *Attempt) { a.Voted(p, c.prepare(i)) })
		after(func(c *world, a *Attempt) { c.prepare(i); a.Lost(p) })
		after(func(c *world, a *Attempt) { c.flying[i] = true; a.Lost(p) })
		after(func(_ *world, a *Attempt) { a.Voted(p, No) }) // it was not sent
	case Resolve:
		after(func(c *world, a *Attempt) { a.Resolved(p, c.resolve(i)) })
	case Commit, Abort:
		after(func(c *world, a *Attempt) { c.conclude(i, step.Kind == Commit); a.Concluded(p) })
	case Forget:
		after(func(c *world, a *Attempt) {
			if c.stores[i] == isCommitted && (d == 0 || !e.gated || !c.undecided()) {
				c.stores[i] = isForgotten
			}
			a.Forgotten(p)
		})
	}
}

// check holds the world against what must always be so.
func (e *explorer) check(w *world) {
	applied := slices.Contains(w.applied, true)
	lost := false // it can never be prepared everywhere
	for i, s := range w.stores {
		lost = lost || !w.applied[i] && (s == isAborted || s == unknown && w.executed[i])
	}
	switch {
	case applied && lost:
		e.fail(w, "carried out in one participant and not in another")
	case w.told == Committed && lost:
		e.fail(w, "the client was told of a commit that cannot be")
	case w.told == NotCommitted && applied:
		e.fail(w, "the client was told that there was no commit")
	}
	// Whoever is left at the end can be recovered.
	if !w.drivers[0].dead && w.drivers[0].attempt.Finished() && len(w.drivers[0].steps) == 0 && !slices.Contains(w.flying, true) {
		for i, s := range w.stores {
			if s == isPrepared {
				e.fail(w, fmt.Sprintf("participant %d is left prepared", i+1))
			}
			if w.told == Committed && !w.applied[i] {
				e.fail(w, fmt.Sprintf("participant %d is finished without the commit", i+1))
			}
		}
	}
}

func (e *explorer) fail(w *world, what string) {
	if e.fault == "" {
		e.fault = fmt.Sprintf("%s: %+v", what, w)
	}
}

func explore(n int, ordered, gated bool, votesNo []bool) *explorer {
	ids := make([]object.PartitionID, n)
	for i := range ids {
		ids[i] = object.PartitionID(i + 1)
	}
	w := &world{
		stores: make([]store, n), votesNo: votesNo, executed: make([]bool, n), flying: make([]bool, n), applied: make([]bool, n),
	}
	w.drivers[0] = driver{attempt: New(ids, ordered), begun: true}
	w.drivers[0].ask()
	e := &explorer{gated: gated, seen: make(map[string]bool)}
	e.explore(w)
	return e
}

// Every order of votes, lost answers, late Prepares, a caller that gives up, the
// coordinator's death and a recovery side by side: all participants or none, and the
// client is told which (invariants 1, 3 and 7 of the design).
func TestEveryOrder(t *testing.T) {
	states := 0
	for n := 1; n <= 3; n++ {
		for no := range 1 << n {
			votesNo := make([]bool, n)
			for i := range votesNo {
				votesNo[i] = no>>i&1 == 1
			}
			for _, ordered := range []bool{false, true} {
				if n == 3 && (no > 1 && !ordered || no > 0 && testing.Short()) {
					continue // by symmetry
				}
				e := explore(n, ordered, true, votesNo)
				states += len(e.seen)
				if e.fault != "" {
					t.Fatalf("%d participants, ordered %v, refusing %v: %s", n, ordered, votesNo, e.fault)
				}
			}
		}
	}
	t.Logf("%d states", states)
}

// The rule of the package comment is needed: where recovery has participants forget
// what the coordinator has not decided yet, the coordinator comes to another decision.
func TestForgettingTooEarlyIsFound(t *testing.T) {
	if e := explore(2, false, false, make([]bool, 2)); e.fault == "" {
		t.Fatal("the exploration does not find it")
	}
}

func TestOrdered(t *testing.T) {
	a := New([]object.PartitionID{2, 5}, true)
	if got := a.Steps(); !slices.Equal(got, []Step{{Prepare, 2, true}}) {
		t.Fatalf("%v", got)
	}
	a.Voted(2, Yes)
	if got := a.Steps(); !slices.Equal(got, []Step{{Prepare, 5, true}}) {
		t.Fatalf("%v", got)
	}
	a.Voted(5, NoHolding)
	if got := a.Steps(); !slices.Equal(got, []Step{{Kind: Abort, Partition: 2}, {Kind: Abort, Partition: 5}}) || a.Decision() != NotCommitted {
		t.Fatalf("%v", got)
	}
	a.Concluded(2)
	if a.Released() {
		t.Fatal("partition 5 holds locks")
	}
	if a.Concluded(5); !a.Released() {
		t.Fatal("nothing is held any more")
	}
}
