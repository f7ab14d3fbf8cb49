package replication

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/storage"
)

// commitBytes bounds what entries write before the batch that they share is
// committed.
const commitBytes = 4 << 20

var keyApplied = []byte("applied") // a key of Space.Meta: index (8), term (8)

// applied is what an entry's future gives: the results of its commands.
type applied struct {
	results []any
	err     error
}

// machine is raft's FSM: it runs the state machine. Its methods are called on
// raft's FSM goroutine only.
type machine struct {
	g         *Group
	sm        StateMachine
	committer Committer // nil if the state machine is none
	space     *storage.Space

	index    uint64 // of the last entry in the batch, or committed
	term     uint64
	commands [][]byte
	batch    *storage.Batch
	entries  uint64 // in the batch
	count    uint64 // commands in the batch
	stopped  error
}

var _ raft.BatchingFSM = (*machine)(nil)

func readApplied(r interface {
	Meta([]byte) ([]byte, bool, error)
}) (index, term uint64, err error) {
	value, found, err := r.Meta(keyApplied)
	if err != nil || !found {
		return 0, 0, err
	}
	if len(value) != 16 {
		return 0, 0, fmt.Errorf("%w: applied index of %d bytes", storage.ErrCorrupt, len(value))
	}
	return binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:]), nil
}

// open loads the state machine.
func (m *machine) open() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("state machine panicked while it was opened: %v\n%s", p, debug.Stack())
		}
	}()
	if m.index, m.term, err = readApplied(m.space); err != nil {
		return err
	}
	if err := m.sm.Open(m.space); err != nil {
		return fmt.Errorf("open state machine: %w", err)
	}
	m.g.shown.Store(m.index)
	m.g.setApplied(m.index)
	return nil
}

// Apply applies one entry.
func (m *machine) Apply(l *raft.Log) any { return m.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch applies entries. Nobody hears of results before they are committed to
// the space together with the applied index. After a failure it applies nothing
// any more.
func (m *machine) ApplyBatch(logs []*raft.Log) []any {
	results := make([]any, len(logs))
	if m.stopped == nil {
		m.guard(func() error {
			if err := m.g.logs.awaitDisk(logs[len(logs)-1].Index); err != nil {
				return err
			}
			return m.applyAll(logs, results)
		})
	}
	if m.stopped != nil {
		for i := range results {
			results[i] = &applied{err: m.stopped}
		}
	}
	return results
}

// guard runs f; an error, a panic, or an end of the goroutine stops the replica.
func (m *machine) guard(f func() error) {
	ended := errors.New("storage has failed under it")
	err := ended
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("state machine panicked: %v\n%s", p, debug.Stack())
		}
		m.drop()
		if err != nil {
			m.stopped = fmt.Errorf("apply log entry %d: %w", m.index, err)
			m.g.fail(m.stopped)
		}
	}()
	err = f()
}

func (m *machine) drop() {
	if m.batch != nil {
		m.batch.Close()
		m.batch = nil
	}
}

func (m *machine) applyAll(logs []*raft.Log, results []any) error {
	for i, l := range logs {
		if l.Index <= m.index {
			continue // applied before a restart, or contained in the state that was received
		}
		if m.batch == nil {
			m.batch = m.space.NewBatch()
		}
		m.index, m.term = l.Index, l.Term
		m.entries++
		if l.Type != raft.LogCommand {
			continue
		}
		if len(l.Data) == 1 && l.Data[0] == entryChecksum {
			if err := m.commit(); err != nil {
				return err
			}
			results[i] = &applied{results: []any{m.g.checksums.start(m.space, l.Index)}}
			continue
		}
		var err error
		if m.commands, err = decodeCommands(m.commands[:0], l.Data); err != nil {
			return err
		}
		out, err := m.sm.Apply(Entry{Index: l.Index, Term: l.Term, Commands: m.commands}, m.batch)
		if err != nil {
			return err
		}
		if len(out) != len(m.commands) {
			return fmt.Errorf("state machine gave %d results for %d commands", len(out), len(m.commands))
		}
		m.count += uint64(len(out))
		results[i] = &applied{results: out}
		clear(m.commands)
		if m.batch.Bytes() >= commitBytes {
			if err := m.commit(); err != nil {
				return err
			}
		}
	}
	return m.commit()
}

// commit makes what the batch holds visible.
func (m *machine) commit() error {
	if m.batch == nil {
		return nil
	}
	m.batch.SetMeta(keyApplied, appendU64(make([]byte, 0, 16), m.index, m.term))
	m.g.gate.begin()
	m.g.shown.Store(m.index) // before anybody can read it
	if err := m.batch.Commit(storage.NoSync); err != nil {
		return err
	}
	m.drop()
	if m.committer != nil {
		m.committer.Committed(m.index)
	}
	m.g.entriesApplied.Add(m.entries)
	m.g.commandsApplied.Add(m.count)
	m.entries, m.count = 0, 0
	m.g.setApplied(m.index)
	m.g.gate.end()
	return nil
}

// Snapshot notes what is applied; Persist sees to it that it is on disk.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	if m.stopped != nil {
		return nil, m.stopped
	}
	return snapshot{m.g, m.index}, nil
}

type snapshot struct {
	g     *Group
	index uint64 // applied
}

// Persist flushes the state store. It writes nothing to the sink: see
// snapshotStore.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	own, ok := sink.(*snapshotSink)
	if !ok {
		return fmt.Errorf("snapshot sink is a %T", sink)
	}
	own.local, own.state = true, s.index
	return s.g.host.cfg.State.Flush(s.g.ctx)
}

// Release does nothing.
func (s snapshot) Release() {}

// Restore replaces the content of the space by that of the replica that the token
// names. A failure leaves the old content; raft tries again.
func (m *machine) Restore(r io.ReadCloser) error {
	defer r.Close()
	if m.stopped != nil {
		return m.stopped
	}
	text, err := io.ReadAll(io.LimitReader(r, tokenBytes+1))
	if err != nil {
		return err
	}
	t, err := decodeToken(text)
	if err != nil {
		return err
	}
	if t.group != m.g.id {
		return fmt.Errorf("snapshot is of group %d", t.group)
	}
	if t.index > m.index {
		if err := m.fetch(t); err != nil {
			return err
		}
	}
	return m.g.snapshots.adopt(text, t.index)
}

// fetch gets the state and changes over to it.
func (m *machine) fetch(t token) error {
	replacement, err := m.space.Replace()
	if err != nil {
		return err
	}
	defer replacement.Abort()
	if _, err := fetchState(m.g, t, replacement); err != nil {
		return fmt.Errorf("fetch state of group %d from %s: %w", t.group, t.node, err)
	}
	m.guard(func() error {
		m.g.changeover.Lock() // reads must not see new content with old memory
		defer m.g.changeover.Unlock()
		m.g.gate.breakHolds()
		if err := replacement.Finish(); err != nil {
			return err
		}
		return m.open()
	})
	return m.stopped
}
