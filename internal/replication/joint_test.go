package replication

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// ledger is counters that can take part in joint commands. One that would make a number
// negative is not agreed to.
type ledger struct {
	counters
	entry      Entry
	batch      *storage.Batch
	considered []byte
	result     int64
	steps      []string // of what is wrong with the order of calls
}

func (l *ledger) BeginEntry(entry Entry, batch *storage.Batch) {
	if entry.Commands != nil || l.batch != nil {
		l.steps = append(l.steps, "Begin")
	}
	l.entry, l.batch = entry, batch
}

func (l *ledger) Execute(command []byte) (any, error) {
	if l.batch == nil || l.considered != nil {
		l.steps = append(l.steps, "Execute")
	}
	results, err := l.Apply(Entry{Index: l.entry.Index, Commands: [][]byte{command}}, l.batch)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

func (l *ledger) Consider(command []byte, earlier []any) (any, bool, error) {
	if l.batch == nil || l.considered != nil || len(earlier) > 1 {
		l.steps = append(l.steps, "Consider")
	}
	var name string
	var n int64
	if _, err := fmt.Sscan(string(command), &name, &n); err != nil {
		return nil, false, err
	}
	var before int64
	value, found, err := l.batch.Get(nil, []byte(name))
	if err != nil {
		return nil, false, err
	}
	if found {
		for _, b := range value {
			before = before<<8 | int64(b)
		}
	}
	l.considered, l.result = command, before+n
	return before + n, before+n >= 0, nil
}

func (l *ledger) Decide(carryOut bool) (any, error) {
	if l.batch == nil || l.considered == nil {
		l.steps = append(l.steps, "Decide")
	}
	command := l.considered
	l.considered = nil
	if !carryOut {
		return l.result, nil
	}
	return l.Execute(command)
}

func (l *ledger) FinishEntry() {
	if l.batch == nil || l.considered != nil {
		l.steps = append(l.steps, "Finish")
	}
	l.batch = nil
}

// Commands that are proposed jointly take effect together or not at all, also beside
// others of the same machines in the same entry, and on every replica.
func TestJointCommands(t *testing.T) {
	c := newTrio(t, 3, nil)
	const machines, accounts, money = 3, 4, 10
	groups := make(map[object.NodeID]*Group)
	for id, r := range c.replicas {
		g, err := r.host.Start(GroupConfig{ID: 9, Peers: c.peers, Machine: func(object.MachineID) (StateMachine, error) {
			return new(ledger), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		groups[id] = g
	}
	var leader *Group
	c.wait("a leader", func() bool {
		for _, g := range groups {
			if g.IsLeader() {
				leader = g
			}
		}
		return leader != nil
	})
	of := func(g *Group, id int) *Machine {
		m, err := g.Machine(object.MachineID(id + 50))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for m := range machines {
		for a := range accounts {
			if _, err := of(leader, m).Propose(t.Context(), fmt.Appendf(nil, "a%d %d", a, money)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var wg sync.WaitGroup
	refused, done := 0, 0
	var mu sync.Mutex
	for worker := range 16 {
		random := rand.New(rand.NewPCG(7, uint64(worker)))
		wg.Go(func() {
			for range 100 {
				from := random.IntN(machines)
				to := (from + 1 + random.IntN(machines-1)) % machines
				n := 1 + random.IntN(money)
				results, err := leader.ProposeJointly(t.Context(), []Addressed{
					{object.MachineID(from + 50), fmt.Appendf(nil, "a%d %d", random.IntN(accounts), -n)},
					{object.MachineID(to + 50), fmt.Appendf(nil, "a%d %d", random.IntN(accounts), n)},
				})
				if err != nil || len(results) != 2 {
					t.Errorf("got %v, %v", results, err)
					return
				}
				mu.Lock()
				if results[0].(int64) < 0 {
					refused++
				} else {
					done++
				}
				mu.Unlock()
				if _, err := of(leader, from).Propose(t.Context(), []byte("other 1")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if refused == 0 || done == 0 {
		t.Errorf("%d were refused, %d done; the test tests little", refused, done)
	}
	last := leader.AppliedIndex()
	for id, g := range groups {
		if err := g.WaitApplied(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for m := range machines {
			l := of(g, m).sm.(*ledger)
			if len(l.steps) > 0 {
				t.Errorf("%s, machine %d: calls out of order: %q", id, m, l.steps)
			}
			for a := range accounts {
				n, err := l.read(fmt.Sprintf("a%d", a))
				if err != nil || n < 0 {
					t.Errorf("%s, machine %d has %d, %v", id, m, n, err)
				}
				sum += n
			}
		}
		if sum != machines*accounts*money {
			t.Errorf("%s has %d in all, want %d", id, sum, machines*accounts*money)
		}
	}
	if _, err := leader.ProposeJointly(t.Context(), []Addressed{{50, nil}, {51, nil}, {50, nil}}); err == nil {
		t.Error("two commands for one machine were taken")
	}
}
