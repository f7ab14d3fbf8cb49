package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// database executes transactions at one instant each, or with a fault.
type database struct {
	lists  map[string][]int64
	values map[string]int64
}

func newDatabase() *database {
	return &database{lists: make(map[string][]int64), values: make(map[string]int64)}
}

// run executes the operations and fills in what they read.
func (d *database) run(operations []Operation, drop func() bool) {
	for i := range operations {
		o := &operations[i]
		switch o.Kind {
		case Append:
			if !drop() {
				d.lists[o.Key] = append(slices.Clip(d.lists[o.Key]), o.Value)
			}
		case List:
			o.Values = d.lists[o.Key]
		case Write:
			if !drop() {
				d.values[o.Key] = o.Value
			}
		case Read:
			v, found := d.values[o.Key]
			o.Value, o.Absent = v, !found
		}
	}
}

func (d *database) clone() *database {
	c := newDatabase()
	for k, v := range d.lists {
		c.lists[k] = v
	}
	for k, v := range d.values {
		c.values[k] = v
	}
	return c
}

func never() bool { return false }

// generator makes histories: in each step of time one process invokes, executes or
// completes its transaction.
type generator struct {
	rng      *rand.Rand
	db       *database
	next     int64
	keys     int
	perTx    int
	lists    bool
	values   bool
	faults   func(t *Transaction) (handled bool) // in place of the execution
	unknowns float64
}

func (g *generator) operations() []Operation {
	list := make([]Operation, 1+g.rng.IntN(g.perTx))
	for i := range list {
		g.next++
		o := Operation{Value: g.next, Key: fmt.Sprintf("l%d", g.rng.IntN(g.keys)), Kind: Kind(g.rng.IntN(2))}
		if !g.lists || g.values && g.rng.IntN(2) == 0 {
			o.Key, o.Kind = "v"+o.Key, Write+Kind(g.rng.IntN(2))
		}
		if o.Kind == List || o.Kind == Read {
			o.Value = 0
		}
		list[i] = o
	}
	return list
}

func (g *generator) history(processes, transactions int) *History {
	h := &History{}
	running := make([]*Transaction, processes)
	executed := make([]bool, processes)
	for now := int64(1); len(h.Transactions) < transactions; now++ {
		p := g.rng.IntN(processes)
		t := running[p]
		switch {
		case t == nil:
			running[p] = &Transaction{Process: p, Invoke: now, Operations: g.operations()}
			executed[p] = false
			if g.rng.Float64() < g.unknowns {
				running[p].Outcome = Outcome(1 + g.rng.IntN(2))
			}
		case !executed[p]:
			executed[p] = true
			switch {
			case t.Outcome == Failed || t.Outcome == Unknown && g.rng.IntN(2) == 0:
				g.db.clone().run(t.Operations, never)
			case g.faults != nil && g.faults(t):
			default:
				g.db.run(t.Operations, never)
			}
		default:
			t.Complete = now
			h.Transactions = append(h.Transactions, *t)
			running[p] = nil
		}
	}
	// In the end everything is read.
	last := Transaction{Process: processes, Invoke: 1 << 40, Complete: 1<<40 + 1}
	for k := range g.keys {
		key := fmt.Sprintf("l%d", k)
		if g.lists {
			last.Operations = append(last.Operations, Operation{Kind: List, Key: key})
		}
		if !g.lists || g.values {
			last.Operations = append(last.Operations, Operation{Kind: Read, Key: "v" + key})
		}
	}
	// Those that are under way are never answered.
	for p, t := range running {
		if t != nil {
			t.Outcome = Unknown
			if !executed[p] {
				t.Operations = slices.DeleteFunc(t.Operations, func(o Operation) bool { return o.Kind == List || o.Kind == Read })
			}
			h.Transactions = append(h.Transactions, *t)
		}
	}
	g.db.run(last.Operations, never)
	h.Transactions = append(h.Transactions, last)
	return h
}

func newGenerator(seed uint64) *generator {
	rng := rand.New(rand.NewPCG(seed, 1))
	return &generator{
		rng: rng, db: newDatabase(), keys: 1 + rng.IntN(6), perTx: 1 + rng.IntN(5),
		lists: seed%3 != 0, values: seed%3 != 1, unknowns: []float64{0, 0.1, 0.5}[rng.IntN(3)],
	}
}

// A database that executes one transaction after the other passes, whatever the
// clients and the losses of answers.
func TestSerialExecutionsPass(t *testing.T) {
	for seed := range uint64(600) {
		g := newGenerator(seed)
		h := g.history(1+g.rng.IntN(12), 120)
		if report := Check(h, Options{}); !report.OK() {
			t.Fatalf("seed %d: %s", seed, report)
		}
	}
}

// A serial execution with one fault of the database, which others can see, fails.
func TestFaultsAreFound(t *testing.T) {
	for name, fault := range map[string]func(g *generator, old *database, t *Transaction) bool{
		// It is executed on a state that was overwritten before it was invoked.
		"stale read": func(g *generator, old *database, t *Transaction) bool {
			if old == nil {
				return false
			}
			for i := range t.Operations {
				o := &t.Operations[i]
				if o.Kind == List && len(old.lists[o.Key]) < len(g.db.lists[o.Key]) {
					t.Operations = []Operation{*o}
					old.run(t.Operations, never)
					return true
				}
			}
			return false
		},
		"lost append": func(g *generator, old *database, t *Transaction) bool {
			for i := range t.Operations {
				if o := &t.Operations[i]; o.Kind == Append {
					t.Operations = []Operation{*o}
					g.db.run(t.Operations, func() bool { return true })
					return true
				}
			}
			return false
		},
		"half a transaction": func(g *generator, old *database, t *Transaction) bool {
			if len(t.Operations) < 2 || t.Operations[0].Kind != Append || t.Operations[1].Kind != Append {
				return false
			}
			t.Operations = t.Operations[:2]
			n := 0
			g.db.run(t.Operations, func() bool { n++; return n == 2 })
			return true
		},
		"executed twice": func(g *generator, old *database, t *Transaction) bool {
			if t.Operations[0].Kind != Append {
				return false
			}
			t.Operations = t.Operations[:1]
			g.db.run(t.Operations, never)
			g.db.run(t.Operations, never)
			return true
		},
		"aborted and there all the same": func(g *generator, old *database, t *Transaction) bool {
			if t.Operations[0].Kind != Append {
				return false
			}
			t.Outcome = Failed
			g.db.run(t.Operations, never)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := 0
			for seed := range uint64(150) {
				g := newGenerator(3*seed + 1) // lists
				done, count := false, 0
				var old *database
				g.faults = func(tr *Transaction) bool {
					if count++; count == 30 {
						old = g.db.clone()
					}
					// What is read stale was overwritten before the transaction began.
					if count < 60 || tr.Outcome != Committed || done {
						return false
					}
					done = fault(g, old, tr)
					return done
				}
				h := g.history(3, 150)
				report := Check(h, Options{})
				if report.OK() == done {
					t.Fatalf("seed %d: a fault: %v; %s", seed, done, report)
				}
				if done {
					found++
				}
			}
			if found < 50 {
				t.Fatalf("%d seeds had a fault", found)
			}
		})
	}
}

// strict finds out by trying all orders whether a history is strictly serializable.
func strict(h *History, level Level) bool {
	n := len(h.Transactions)
	used := make([]bool, n)
	var try func(db *database) bool
	try = func(db *database) bool {
		open := false
		for i := range h.Transactions {
			t := &h.Transactions[i]
			if used[i] || t.Outcome == Failed {
				continue
			}
			open = open || t.Outcome == Committed
			if level == StrictSerializable && slices.ContainsFunc(h.Transactions, func(u Transaction) bool {
				j := slices.IndexFunc(h.Transactions, func(v Transaction) bool { return v.Process == u.Process })
				return !used[j] && u.Outcome == Committed && u.Complete < t.Invoke
			}) {
				continue
			}
			after, again := db.clone(), slices.Clone(t.Operations)
			after.run(again, never)
			if !slices.EqualFunc(again, t.Operations, func(a, b Operation) bool {
				return a.Value == b.Value && a.Absent == b.Absent && slices.Equal(a.Values, b.Values)
			}) {
				continue
			}
			used[i] = true
			if try(after) {
				used[i] = false
				return true
			}
			used[i] = false
		}
		return !open
	}
	return try(newDatabase())
}

// Small histories of a database that reads whatever it likes: for lists the checker says
// what trying all orders says; for single values it reports nothing that is right.
func TestAgainstAllOrders(t *testing.T) {
	counts := make(map[string]int)
	seeds := uint64(20000)
	if testing.Short() {
		seeds = 2000
	}
	for seed := range seeds {
		g := newGenerator(seed)
		g.keys, g.perTx = min(g.keys, 2), min(g.perTx, 3)
		olds := []*database{g.db.clone()}
		fault := g.rng.IntN(4) > 0
		g.faults = func(tr *Transaction) bool {
			if !fault {
				return false
			}
			olds = append(olds, g.db.clone())
			// It reads from older states, each key from another one, and writes to the newest.
			of := make(map[string]*database)
			for i := range tr.Operations {
				o := &tr.Operations[i]
				if of[o.Key] == nil {
					of[o.Key] = olds[max(0, len(olds)-1-g.rng.IntN(3))].clone()
				}
				of[o.Key].run(tr.Operations[i:i+1], never)
				if o.Kind == Append || o.Kind == Write {
					g.db.run(tr.Operations[i:i+1], never)
				}
			}
			return true
		}
		h := g.history(1+g.rng.IntN(4), 4+g.rng.IntN(2))
		for i := range h.Transactions {
			h.Transactions[i].Process = i
		}
		for _, level := range []Level{StrictSerializable, Serializable} {
			report, right := Check(h, Options{Level: level}), strict(h, level)
			if !report.OK() && right || report.OK() && !right && !g.values {
				t.Fatalf("seed %d, level %d: by all orders %v\n%s\n%s", seed, level, right, report, (&check{history: h}).describe(all(h)))
			}
			counts[fmt.Sprintf("level %d, values %v: right %v, reported %v", level, g.values, right, !report.OK())]++
		}
	}
	t.Log(counts)
}

func all(h *History) []int {
	list := make([]int, len(h.Transactions))
	for i := range list {
		list[i] = i
	}
	return list
}

// The time of the check grows with the history, not with its square.
func TestLargeHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 transactions")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	g := &generator{rng: rng, db: newDatabase(), keys: 2000, perTx: 4, lists: true, values: true, unknowns: 0.02}
	h := g.history(64, 100_000)
	start := time.Now()
	report := Check(h, Options{})
	t.Logf("%d transactions, %d edges, %v", len(h.Transactions), report.Edges, time.Since(start))
	if !report.OK() {
		t.Fatal(report)
	}
	for i := range slices.Backward(h.Transactions) { // a stale read at the end
		tr := &h.Transactions[i]
		if tr.Outcome == Committed && tr.Operations[0].Kind == List && len(tr.Operations[0].Values) > 5 {
			tr.Operations = []Operation{{Kind: List, Key: tr.Operations[0].Key, Values: tr.Operations[0].Values[:2]}}
			break
		}
	}
	start = time.Now()
	if report = Check(h, Options{}); report.OK() {
		t.Fatal("a stale read passes")
	}
	t.Logf("with a stale read: %v", time.Since(start))
}
