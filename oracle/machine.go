package oracle

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// maxFinished bounds the moves whose outcome by object is kept for those who wait.
const maxFinished = 256

// Machine is the oracle's state machine: the catalog, in memory, and the
// directory, in its space. It implements replication.StateMachine,
// replication.Committer and replication.Joint.
type Machine struct {
	logger *slog.Logger

	space    atomic.Pointer[storage.Space]
	snapshot atomic.Pointer[catalog.Snapshot]
	clock    atomic.Uint64 // of what can be read from the space
	feed     *feed
	changed  broadcast // jobs, batches or the floor have changed

	mu       sync.RWMutex // guards what follows; Apply writes
	st       state
	updates  []Update        // of Apply, until Committed
	finished []*finishedMove // the last ones, oldest first
	next     *catalog.Snapshot
	woken    bool
	entry    *tx      // that is being applied; nil between entries
	before   counters // it
	joint    *assign  // that is considered; nil: it is not to be carried out
}

// finishedMove is the outcome of a batch of moves by object.
type finishedMove struct {
	move  object.LocationVersion
	ids   []object.ID
	fates []fate
	next  object.LocationVersion // the batch of those that follow
}

// NewMachine makes a state machine; a nil logger discards.
func NewMachine(logger *slog.Logger) *Machine {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	m := &Machine{logger: logger, feed: newFeed(), st: newState()}
	m.snapshot.Store(m.st.snapshot())
	return m
}

// Open reads the catalog into memory.
func (m *Machine) Open(space *storage.Space) error {
	st, err := load(space)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.space.Store(space)
	m.st = st
	m.updates, m.finished, m.next = nil, nil, nil
	m.snapshot.Store(st.snapshot())
	m.clock.Store(st.Clock)
	m.mu.Unlock()
	m.feed.wake()
	m.changed.wake()
	return nil
}

// Apply executes an entry of the log.
func (m *Machine) Apply(entry replication.Entry, b *storage.Batch) ([]any, error) {
	m.BeginEntry(entry, b)
	results := make([]any, len(entry.Commands))
	for i, encoded := range entry.Commands {
		var err error
		if results[i], err = m.Execute(encoded); err != nil {
			return nil, err
		}
	}
	m.FinishEntry()
	return results, nil
}

// BeginEntry begins to apply an entry command by command; see replication.Joint.
func (m *Machine) BeginEntry(entry replication.Entry, b *storage.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entry, m.before = &tx{state: &m.st, b: b, index: entry.Index}, m.st.counters
}

// Execute executes the next command of the entry.
func (m *Machine) Execute(encoded []byte) (any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.entry
	c, err := decodeCommand(encoded)
	if err != nil {
		return nil, t.malformed(err)
	}
	result := t.execute(c)
	t.savePage()
	m.keepOutcomes()
	return result, t.err
}

// keepOutcomes keeps the outcomes of the moves that a command has finished, before any
// other sees in the state that they are. The caller holds mu.
func (m *Machine) keepOutcomes() {
	m.finished = append(m.finished, m.entry.finished...)
	m.entry.finished = nil
	if n := len(m.finished) - maxFinished; n > 0 {
		m.finished = slices.Delete(m.finished, 0, n)
	}
}

func (t *tx) malformed(err error) error { return fmt.Errorf("oracle: entry %d: %w", t.index, err) }

// FinishEntry ends the entry.
func (m *Machine) FinishEntry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.entry
	m.entry = nil
	if t.catalog {
		t.Catalog = t.tick()
		m.next = t.snapshot()
	}
	if m.st.counters != m.before {
		t.b.Set([]byte{keyCounters}, m.st.counters.append(nil))
	}
	m.updates = append(m.updates, t.updates...)
	m.woken = m.woken || t.changed
}

func (t *tx) execute(c logCommand) any {
	switch c := c.(type) {
	case *initialise:
		return t.initialise(c)
	case *assign:
		return t.assign(c)
	case *beginMoves:
		return t.beginMoves(c)
	case *beginReleases:
		return t.beginReleases(c)
	case *finish:
		t.finish(c)
	case *settled:
		t.settled(c)
	case *allocate:
		return t.allocate(c)
	case *createTable:
		return t.createTable(c)
	case *alterTable:
		return t.alterTable(c)
	case *dropTables:
		return t.dropTables(c)
	case *truncate:
		return t.truncate(c)
	case *changePolicy:
		return t.changePolicy(c)
	case *changePartition:
		return t.changePartition(c)
	case *advance:
		t.advance(c)
	case *adopt:
		t.adopt(c)
	case *clean:
		return t.clean(c)
	case *raiseFloor:
		return t.raiseFloor()
	}
	return nil
}

// Committed shows readers and subscribers what Apply has changed.
func (m *Machine) Committed(uint64) {
	m.mu.Lock()
	updates, next, woken := m.updates, m.next, m.woken
	m.updates, m.next, m.woken = nil, nil, false
	m.clock.Store(m.st.Clock)
	if next != nil {
		m.snapshot.Store(next)
	}
	m.mu.Unlock()
	if len(updates) > 0 || next != nil {
		m.feed.publish(updates)
	}
	if woken {
		m.changed.wake()
	}
}

// Snapshot returns the catalog as this replica has it.
func (m *Machine) Snapshot() *catalog.Snapshot { return m.snapshot.Load() }

// snapshot makes the catalog's public form.
func (s *state) snapshot() *catalog.Snapshot {
	snap := &catalog.Snapshot{
		Version: s.Catalog, Tables: maps.Clone(s.tables), ByName: make(map[string]*catalog.Table, len(s.tables)),
		Partitions: s.partitions, Slots: s.slots, Policies: s.policies,
	}
	for _, t := range s.tables {
		snap.ByName[t.Name] = t
	}
	return snap
}

// locate reads locations from the directory. The clock is that of a state that
// the answers are at least as new as.
func (m *Machine) locate(ids []object.ID) (locations []object.Location, clock uint64, err error) {
	space := m.space.Load()
	if space == nil {
		return nil, 0, fmt.Errorf("oracle: locate before the state machine was opened")
	}
	clock = m.clock.Load()
	locations = make([]object.Location, len(ids))
	var key, v []byte
	for i, id := range ids {
		var at int
		key, at = pageOf(key[:0], id)
		var found bool
		v, found, err = space.Get(v[:0], key)
		if err != nil {
			return nil, 0, err
		}
		if !found {
			continue
		}
		if locations[i], err = placeIn(v, at); err != nil {
			return nil, 0, fmt.Errorf("oracle: directory entry: %w", err)
		}
	}
	return locations, clock, nil
}
