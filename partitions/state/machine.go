package state

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/planted"
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
	tails    tails
	traces   traces
	senders  map[object.NodeID]*sender
	decoder  command.Decoder
	entry    entry
	joint    considered
	cache    cache
	worker   worker
	locks    locks
	aborted  aborted
	finished []finished // to be told at the next commit
	// transit are the moves out of here that are not known to have arrived. Apply owns it.
	transit map[object.LocationVersion]bool

	published atomic.Pointer[view]
	reading   atomic.Pointer[storage.Space]
	shown     atomic.Uint64 // index of an entry that readers see, with all before it
	turn      atomic.Uint64 // odd while what was applied is about to be shown; see moment
	outgoing  atomic.Int64
	applied   atomic.Uint64 // commands executed since start

	shield   shield
	pendings pendings
	counters counters

	mu    sync.Mutex
	stats map[object.TableID]Size // guarded by mu
}

var (
	_ replication.StateMachine = (*Machine)(nil)
	_ replication.Committer    = (*Machine)(nil)
	_ replication.Joint        = (*Machine)(nil)
)

// New makes the state machine of a partition.
func New(partition object.PartitionID, limits Limits, events Events) *Machine {
	limits = limits.withDefaults()
	m := &Machine{
		partition: partition, limits: limits, events: events,
		programs: newPrograms(limits.Programs),
	}
	m.locks.keptBytes = limits.StagedBytes
	m.entry = entry{
		objects: make(map[object.ID]*objectCell), markers: make(map[object.ID]*markerCell),
		sizeDelta: make(map[object.TableID]Size),
	}
	return m
}

// Open reads what the machine keeps in memory.
func (m *Machine) Open(space *storage.Space) error {
	m.space = space
	m.turn.Store(m.turn.Load() | 1)
	m.pendings.finishAll(false)
	m.finished = nil
	m.tails = newTails()
	m.cache.reset(m.limits.RecentBytes)
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
	m.shown.Store(m.sizes.newest()) // or a later one that has touched no table
	m.traces.reset(m.sizes.newest())
	m.reading.Store(space)
	m.published.Store(m.live)
	m.turn.Store((m.turn.Load() | 1) + 1)
	m.pending, m.arrivals = false, false
	if m.events.Arrived != nil {
		m.events.Arrived()
	}
	return nil
}

// Apply executes the commands of an entry. An error is a failure of storage, or a
// command that this version does not know.
func (m *Machine) Apply(e replication.Entry, batch *storage.Batch) ([]any, error) {
	m.BeginEntry(e, batch)
	results := make([]any, len(e.Commands))
	for i, b := range e.Commands {
		var err error
		if results[i], err = m.Execute(b); err != nil {
			return nil, err
		}
	}
	m.FinishEntry()
	return results, nil
}

// BeginEntry begins to apply an entry command by command; see replication.Joint.
func (m *Machine) BeginEntry(e replication.Entry, batch *storage.Batch) {
	m.entry.reset(m, batch, e.Index)
}

// Execute executes the next command of the entry.
func (m *Machine) Execute(b []byte) (any, error) {
	c, err := m.decoder.Command(b)
	if err != nil {
		return nil, m.entry.failed(err)
	}
	result, err := m.entry.run(c, b)
	if err != nil {
		return nil, m.entry.failed(err)
	}
	m.applied.Add(1)
	return result, nil
}

// FinishEntry ends the entry. Committed shows it.
func (m *Machine) FinishEntry() {
	m.entry.finish()
	m.turn.Store(m.turn.Load() | 1)
}

// Committed shows readers what Apply has changed.
func (m *Machine) Committed(index uint64) {
	m.cache.committed()
	m.shown.Store(index)
	if m.pending {
		m.pending = false
		m.published.Store(m.live)
	}
	m.turn.Store((m.turn.Load() + 1) &^ 1)
	if len(m.finished) > 0 {
		for i, f := range m.finished {
			m.pendings.finish(f.pending, f.outcome)
			m.finished[i] = finished{}
		}
		m.finished = m.finished[:0]
	}
	if lowered := m.shield.committed(); m.arrivals || lowered {
		m.arrivals = false
		if m.events.Arrived != nil {
			m.events.Arrived()
		}
	}
}

// run executes a command unless it was before. raw is the command as it is in the log.
// The answer to one that has to wait is a *Pending.
func (x *entry) run(c *command.Command, raw []byte) (any, error) {
	m := x.m
	s, answer, err := x.admit(c)
	if answer != nil || err != nil {
		return answer, err
	}
	if len(m.locks.waiters) > 0 {
		if w := m.locks.byID[c.ID]; w != nil {
			return w.pending, nil
		}
	}
	x.begin()
	result, err := x.attempt(c, raw)
	if err != nil {
		return nil, err
	}
	if _, waits := result.(*Pending); !waits {
		x.remember(s, c.ID.Sequence, result)
	}
	if len(x.sweep) > 0 {
		err = x.sweepQueue()
	}
	return result, err
}

// admit notes who has sent a command. A command that is not to be executed has an
// answer: it was before, or is too old to know, or there are too many senders.
func (x *entry) admit(c *command.Command) (s *sender, answer any, err error) {
	m := x.m
	s = m.senders[c.ID.Node]
	if s == nil {
		if len(m.senders) >= maxSenders {
			return nil, refuse(c.Body, command.Busy), nil
		}
		s = &sender{node: c.ID.Node, incarnation: c.ID.Incarnation}
		m.senders[c.ID.Node] = s
	}
	x.touch(s)
	switch verdict, outcome := s.admit(c.ID, c.Settled); {
	case verdict == expired:
		answer = refuse(c.Body, command.Expired)
	case verdict == repeat && !planted.Is(planted.NoDedup):
		answer, err = command.DecodeOutcome(outcome)
	}
	return s, answer, err
}

// failed is the error of an entry that this replica cannot apply.
func (x *entry) failed(err error) error {
	return fmt.Errorf("partition %d, entry %d: %w", x.m.partition, x.index, err)
}

// remember notes the outcome of a command.
func (x *entry) remember(s *sender, sequence uint64, outcome any) {
	x.value = command.AppendOutcome(x.value[:0], outcome)
	s.remember(sequence, append(make([]byte, 0, len(x.value)), x.value...))
}

func (x *entry) touch(s *sender) {
	if !s.touched {
		s.touched = true
		x.senders = append(x.senders, s)
	}
}

// attempt executes a command, or has it wait for a lock.
func (x *entry) attempt(c *command.Command, raw []byte) (any, error) {
	if !x.m.locks.idle() && x.waits(c.Body) {
		return x.enqueue(c, raw)
	}
	x.blocked = false
	result, err := x.execute(c.Body, c.ID)
	if err == nil && x.blocked {
		return x.enqueue(c, raw)
	}
	return result, err
}

// waits reports whether a command meets a lock, of those that always wait. Prepare and
// Lock look themselves.
func (x *entry) waits(body command.Body) bool {
	switch body.(type) {
	case *command.Write, *command.Depart, *command.Arrive, *command.InstallTable, *command.DropTable, *command.InstallSlots:
		x.print.of(body)
		r := x.m.locks.requester(body)
		_, blocked := x.m.locks.meets(&x.print, &r)
		return blocked
	}
	return false
}

// execute does what a command says.
func (x *entry) execute(body command.Body, by object.CommandID) (any, error) {
	switch b := body.(type) {
	case *command.Write:
		return x.write(b)
	case *command.Prepare:
		return x.prepare(b)
	case *command.Conclude:
		return x.conclude(b, by)
	case *command.Depart:
		return x.depart(b)
	case *command.Arrive:
		return x.arrive(b)
	case *command.Settle:
		return x.settleMoves(b)
	case *command.Lock:
		return x.lock(b)
	case *command.Resolve:
		return x.resolve(b), nil
	case *command.Withdraw:
		return x.withdraw(b, by), nil
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

// refuse is the answer to a command that is not executed. Those whose own answer has no
// place for a refusal (Conclude, Resolve) are given a Result.
func refuse(body command.Body, reason command.Reason) any {
	refusal := &command.Refusal{Reason: reason}
	switch body.(type) {
	case *command.Depart:
		return &command.Departed{Refusal: refusal}
	case *command.Prepare:
		return &command.Vote{Refusal: refusal}
	case *command.Lock:
		return &command.Granted{Refusal: refusal}
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
