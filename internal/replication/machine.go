package replication

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// Machine is one replica of a state machine. What it shares with the others of its
// group (the log, the leader, the lease, what is applied) is the Group's. Its methods
// may be called from many goroutines.
type Machine struct {
	*Group
	id        object.MachineID
	sm        StateMachine
	committer Committer // nil if the state machine is none
	joint     Joint     // nil if the state machine is none
	space     *storage.Space

	// Of the entry that is being applied; guarded by applier.mu.
	batch    *storage.Batch // nil between batches
	touched  bool           // the entry has commands for it
	commands [][]byte       // for Apply
	at       []int          // which of the entry's proposals they are
}

// Machine returns the replica of a state machine of the group, which is opened if it
// was not yet.
func (g *Group) Machine(id object.MachineID) (*Machine, error) {
	g.applier.mu.Lock()
	m, err := g.applier.machine(id)
	g.applier.mu.Unlock()
	if err != nil {
		return nil, err
	}
	g.host.mu.Lock()
	defer g.host.mu.Unlock()
	if other := g.host.machines[id]; other != nil && other != m {
		return nil, fmt.Errorf("state machine %d is in group %d already", id, other.Group.id)
	}
	g.host.machines[id] = m
	return m, nil
}

// Space returns where the state machine's content is.
func (m *Machine) Space() *storage.Space { return m.space }

// Propose has a command executed and returns the state machine's result. The
// command must not be changed any more, also not after an error. See the package
// comment for errors.
func (m *Machine) Propose(ctx context.Context, command []byte) (any, error) {
	return m.propose(ctx, Addressed{m.id, command}, false)
}

// open loads the state machine.
func (m *Machine) open() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("state machine %d panicked while it was opened: %v\n%s", m.id, p, debug.Stack())
		}
	}()
	if err := m.sm.Open(m.space); err != nil {
		return fmt.Errorf("open state machine %d: %w", m.id, err)
	}
	return nil
}

// begin begins with an entry.
func (m *Machine) begin(l *raft.Log, batch *storage.Batch) {
	if m.batch == nil {
		m.batch = batch.Part(m.space)
	}
	m.touched = true
	if m.joint != nil {
		m.joint.BeginEntry(Entry{Index: l.Index, Term: l.Term}, m.batch)
	}
}

// execute executes a command, or gathers it for finish. at is which of the entry's
// proposals it is.
func (m *Machine) execute(command []byte, at int, out []any) (err error) {
	if m.joint != nil {
		out[at], err = m.joint.Execute(command)
		return err
	}
	m.commands, m.at = append(m.commands, command), append(m.at, at)
	return nil
}

// finish executes what was gathered, and ends the entry.
func (m *Machine) finish(l *raft.Log, out []any) error {
	m.touched = false
	if m.joint != nil {
		m.joint.FinishEntry()
		return nil
	}
	results, err := m.sm.Apply(Entry{Index: l.Index, Term: l.Term, Commands: m.commands}, m.batch)
	if err != nil {
		return err
	}
	if len(results) != len(m.commands) {
		return fmt.Errorf("state machine %d gave %d results for %d commands", m.id, len(results), len(m.commands))
	}
	for i, r := range results {
		out[m.at[i]] = r
	}
	clear(m.commands)
	m.commands, m.at = m.commands[:0], m.at[:0]
	return nil
}
