package state

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// Events tell what was applied; each may be nil. They are called by the goroutine
// that applies and must not block.
type Events struct {
	// Arrived is called when objects, tables or slots have come that parked commands
	// may wait for, once they can be read.
	Arrived func()
}

// Machine is the state machine of one partition: a replication.StateMachine.
type Machine struct {
	partition object.PartitionID
	limits    Limits
	events    Events
	programs  *programs

	// Of the goroutine that applies:
	space    *storage.Space
	live     *view // with what was applied since the last publication
	pending  bool  // live is newer than what is published
	arrivals bool  // to be told at the next publication
	sizes    sizes
	recent   recent
	senders  map[object.NodeID]*sender
	entry    entry
	worker   worker

	published atomic.Pointer[view]
	reading   atomic.Pointer[storage.Space]
	shown     atomic.Uint64 // index of an entry that readers see, with all before it
	outgoing  atomic.Int64
	applied   atomic.Uint64 // commands executed since start

	shield   shield
	pendings pendings
	counters counters

	mu    sync.Mutex
	stats map[object.TableID]Size // guarded by mu
}

var _ replication.StateMachine = (*Machine)(nil)
var _ replication.Committer = (*Machine)(nil)

// New makes the state machine of a partition.
func New(partition object.PartitionID, limits Limits, events Events) *Machine {
	limits = limits.withDefaults()
	m := &Machine{
		partition: partition, limits: limits, events: events,
		programs: newPrograms(limits.Programs),
	}
	m.entry = entry{
		objects: make(map[object.ID]*objectCell), markers: make(map[object.ID]*markerCell),
		sizeDelta: make(map[object.TableID]Size),
	}
	return m
}

// Open reads what the machine keeps in memory.
func (m *Machine) Open(space *storage.Space) error {
	m.space = space
	m.recent = newRecent(m.limits.RecentBytes)
	m.sizes, m.senders = newSizes(), make(map[object.NodeID]*sender)
	m.live = &view{
		partition: m.partition, slots: &slotSet{},
		tables: make(map[object.TableID]*table), dropped: make(map[object.TableID]bool),
	}
	if err := m.load(space); err != nil {
		return fmt.Errorf("partition %d: %w", m.partition, err)
	}
	m.mu.Lock()
	m.stats = maps.Clone(m.sizes.of)
	m.mu.Unlock()
	m.reading.Store(space)
	m.published.Store(m.live)
	m.pending, m.arrivals = false, false
	if m.events.Arrived != nil {
		m.events.Arrived()
	}
	return nil
}

// Apply executes the commands of an entry. An error is a failure of storage, or a
// command that this version does not know.
func (m *Machine) Apply(e replication.Entry, batch *storage.Batch) ([]any, error) {
	x := &m.entry
	x.reset(m, batch, e.Index)
	results := make([]any, len(e.Commands))
	for i, b := range e.Commands {
		c, err := command.DecodeCommand(b)
		if err != nil {
			return nil, fmt.Errorf("partition %d, entry %d: %w", m.partition, e.Index, err)
		}
		if results[i], err = x.run(c); err != nil {
			return nil, fmt.Errorf("partition %d, entry %d: %w", m.partition, e.Index, err)
		}
	}
	x.finish()
	m.applied.Add(uint64(len(e.Commands)))
	return results, nil
}

// Committed shows readers what Apply has changed.
func (m *Machine) Committed(index uint64) {
	m.shown.Store(index)
	if m.pending {
		m.pending = false
		m.published.Store(m.live)
	}
	if m.arrivals {
		m.arrivals = false
		if m.events.Arrived != nil {
			m.events.Arrived()
		}
	}
}

// run executes a command unless it was before.
func (x *entry) run(c *command.Command) (any, error) {
	s := x.m.senders[c.ID.Node]
	if s == nil {
		if len(x.m.senders) >= maxSenders {
			return refuse(c.Body, command.Busy), nil
		}
		s = &sender{node: c.ID.Node, incarnation: c.ID.Incarnation}
		x.m.senders[c.ID.Node] = s
	}
	if !s.touched {
		s.touched = true
		x.senders = append(x.senders, s)
	}
	switch verdict, outcome := s.admit(c.ID, c.Settled); verdict {
	case expired:
		return refuse(c.Body, command.Expired), nil
	case repeat:
		return command.DecodeOutcome(outcome)
	}
	x.begin()
	result, err := x.execute(c.Body)
	if err != nil {
		return nil, err
	}
	s.remember(c.ID.Sequence, command.AppendOutcome(nil, result))
	return result, nil
}

// execute does what a command says.
func (x *entry) execute(body command.Body) (any, error) {
	switch b := body.(type) {
	case *command.Write:
		return x.write(b)
	case *command.Depart:
		return x.depart(b)
	case *command.Arrive:
		return x.arrive(b)
	case *command.Settle:
		return x.settle(b)
	case *command.InstallTable:
		return x.installTable(b)
	case *command.DropTable:
		return x.dropTable(b)
	case *command.InstallSlots:
		return x.installSlots(b)
	case *command.RaiseFloor:
		return x.raiseFloor(b)
	}
	return nil, fmt.Errorf("unknown command %T", body)
}

// refuse is the answer to a command that is not executed.
func refuse(body command.Body, reason command.Reason) any {
	refusal := &command.Refusal{Reason: reason}
	if _, ok := body.(*command.Depart); ok {
		return &command.Departed{Refusal: refusal}
	}
	return &command.Result{Refusal: refusal}
}

// change returns a copy of the live view that may be changed; it is published when
// the entry can be read.
func (m *Machine) change() *view {
	if !m.pending {
		v := *m.live
		m.live, m.pending = &v, true
	}
	return m.live
}

func (m *Machine) publishSizes() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.sizes.changed {
		if s, found := m.sizes.of[t]; found {
			m.stats[t] = s
		} else {
			delete(m.stats, t)
		}
		delete(m.sizes.isDirty, t)
	}
	m.sizes.changed = m.sizes.changed[:0]
}

// Sizes returns what the partition holds of each table.
func (m *Machine) Sizes() map[object.TableID]Size {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.stats)
}

// Outgoing counts the moves that have departed and are not settled.
func (m *Machine) Outgoing() int64 { return m.outgoing.Load() }

// Applied counts the commands executed since the start.
func (m *Machine) Applied() uint64 { return m.applied.Load() }
