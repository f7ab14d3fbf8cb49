package replication

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/object"
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

// applier is raft's FSM: it runs the group's state machines. But for machine its methods
// are called on raft's FSM goroutine only.
type applier struct {
	g     *Group
	space *storage.Space
	make  func(object.MachineID) (StateMachine, error)

	mu       sync.Mutex // held while entries are applied; guards what follows
	machines map[object.MachineID]*Machine
	index    uint64 // of the last entry in the batch, or committed
	term     uint64
	commands []Addressed
	sizes    []int      // of proposals
	touched  []*Machine // that the entry has commands for
	batch    *storage.Batch
	entries  uint64 // in the batch
	count    uint64 // commands in the batch
	stopped  error
}

var _ raft.BatchingFSM = (*applier)(nil)

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

// open reads what is applied, and loads the state machines that are in use, anew.
func (a *applier) open() (err error) {
	if a.index, a.term, err = readApplied(a.space); err != nil {
		return err
	}
	for _, m := range a.machines {
		if err := m.open(); err != nil {
			return err
		}
	}
	a.g.shown.Store(a.index)
	a.g.setApplied(a.index)
	return nil
}

// Apply applies one entry.
func (a *applier) Apply(l *raft.Log) any { return a.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch applies entries. Nobody hears of results before they are committed to
// the space together with the applied index. After a failure it applies nothing
// any more.
func (a *applier) ApplyBatch(logs []*raft.Log) []any {
	results := make([]any, len(logs))
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped == nil {
		a.guard(func() error {
			if err := a.g.logs.awaitDisk(logs[len(logs)-1].Index); err != nil {
				return err
			}
			a.g.landing(logs)
			return a.applyAll(logs, results)
		})
	}
	if a.stopped != nil {
		for i := range results {
			results[i] = &applied{err: a.stopped}
		}
	}
	return results
}

// guard runs f; an error, a panic, or an end of the goroutine stops the replica.
func (a *applier) guard(f func() error) {
	ended := errors.New("storage has failed under it")
	err := ended
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("state machine panicked: %v\n%s", p, debug.Stack())
		}
		a.drop()
		if err != nil {
			a.stopped = fmt.Errorf("apply log entry %d: %w", a.index, err)
			a.g.fail(a.stopped)
		}
	}()
	err = f()
}

func (a *applier) drop() {
	if a.batch == nil {
		return
	}
	a.batch.Close()
	a.batch = nil
	for _, m := range a.machines {
		m.batch = nil
	}
}

func (a *applier) applyAll(logs []*raft.Log, results []any) error {
	for i, l := range logs {
		if l.Index <= a.index {
			continue // applied before a restart, or contained in the state that was received
		}
		out, err := a.applyEntry(l)
		if err != nil {
			return err
		}
		results[i] = &applied{results: out}
		if a.batch.Bytes() >= commitBytes {
			if err := a.commit(); err != nil {
				return err
			}
		}
	}
	return a.commit()
}

// applyEntry applies an entry to the batch, and returns the results of its proposals.
func (a *applier) applyEntry(l *raft.Log) (out []any, err error) {
	sum := l.Type == raft.LogCommand && len(l.Data) > 0 && l.Data[0] == entryChecksum
	if sum { // before the index moves: who waits for that finds the checksum begun
		if out, err = a.checksum(l); err != nil {
			return nil, err
		}
	}
	if a.batch == nil {
		a.batch = a.space.NewBatch()
	}
	a.index, a.term = l.Index, l.Term
	a.entries++
	if sum || l.Type != raft.LogCommand {
		return out, nil
	}
	return a.execute(l)
}

// execute executes the commands of an entry and returns the results of its proposals.
func (a *applier) execute(l *raft.Log) ([]any, error) {
	var err error
	if a.commands, a.sizes, err = decodeCommands(a.commands[:0], a.sizes[:0], l.Data); err != nil {
		return nil, err
	}
	out := make([]any, len(a.sizes))
	commands := a.commands
	for i, n := range a.sizes {
		if n == 1 {
			err = a.executeOne(l, commands[0], i, out)
		} else {
			out[i], err = a.executeJointly(l, commands[:n])
		}
		if err != nil {
			return nil, err
		}
		commands = commands[n:]
	}
	for _, m := range a.touched {
		if err := m.finish(l, out); err != nil {
			return nil, err
		}
	}
	a.touched = a.touched[:0]
	a.count += uint64(len(a.commands))
	clear(a.commands)
	return out, nil
}

func (a *applier) executeOne(l *raft.Log, c Addressed, at int, out []any) error {
	m, err := a.begun(l, c.To)
	if err != nil {
		return err
	}
	return m.execute(c.Command, at, out)
}

// executeJointly has all machines consider their commands, and carry them out if all
// agree. It returns their results, an []any.
func (a *applier) executeJointly(l *raft.Log, commands []Addressed) (any, error) {
	results, all := make([]any, len(commands)), true
	machines := make([]*Machine, len(commands))
	for i, c := range commands {
		m, err := a.begun(l, c.To)
		if err != nil {
			return nil, err
		}
		if m.joint == nil || slices.Contains(machines, m) {
			return nil, fmt.Errorf("%w: state machine %d cannot take part in this", errEntry, c.To)
		}
		result, agreed, err := m.joint.Consider(c.Command, results[:i])
		if err != nil {
			return nil, err
		}
		machines[i], results[i], all = m, result, all && agreed
	}
	for i, m := range machines {
		var err error
		if results[i], err = m.joint.Decide(all); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// begun returns a state machine that has begun with an entry.
func (a *applier) begun(l *raft.Log, id object.MachineID) (*Machine, error) {
	m, err := a.machine(id)
	if err == nil && !m.touched {
		m.begin(l, a.batch)
		a.touched = append(a.touched, m)
	}
	return m, err
}

// checksum begins a checksum of what is applied before the entry.
func (a *applier) checksum(l *raft.Log) ([]any, error) {
	id, err := decodeChecksum(l.Data)
	if err != nil {
		return nil, err
	}
	if err := a.commit(); err != nil {
		return nil, err
	}
	return []any{a.g.checksums.start(a.space.Part(uint32(id)), l.Index)}, nil
}

// machine returns a state machine, which is made and opened when it is asked for first:
// one that was given no commands yet is empty. mu is held.
func (a *applier) machine(id object.MachineID) (*Machine, error) {
	if m := a.machines[id]; m != nil {
		return m, nil
	}
	sm, err := a.make(id)
	if err != nil {
		return nil, fmt.Errorf("state machine %d: %w", id, err)
	}
	m := &Machine{Group: a.g, id: id, sm: sm, space: a.space.Part(uint32(id))}
	m.committer, _ = sm.(Committer)
	m.joint, _ = sm.(Joint)
	if err := m.open(); err != nil {
		return nil, err
	}
	a.machines[id] = m
	return m, nil
}

// commit makes what the batch holds visible.
func (a *applier) commit() error {
	if a.batch == nil {
		return nil
	}
	a.batch.SetMeta(keyApplied, appendU64(make([]byte, 0, 16), a.index, a.term))
	a.g.gate.begin()
	a.g.shown.Store(a.index) // before anybody can read it
	if err := a.batch.Commit(storage.NoSync); err != nil {
		return err
	}
	a.drop()
	for _, m := range a.machines {
		if m.committer != nil {
			m.committer.Committed(a.index)
		}
	}
	a.g.entriesApplied.Add(a.entries)
	a.g.commandsApplied.Add(a.count)
	a.entries, a.count = 0, 0
	a.g.setApplied(a.index)
	a.g.gate.end()
	return nil
}

// Snapshot notes what is applied; Persist sees to it that it is on disk.
func (a *applier) Snapshot() (raft.FSMSnapshot, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped != nil {
		return nil, a.stopped
	}
	return snapshot{a.g, a.index}, nil
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
func (a *applier) Restore(r io.ReadCloser) error {
	defer r.Close()
	if a.stopped != nil {
		return a.stopped
	}
	text, err := io.ReadAll(io.LimitReader(r, tokenBytes+1))
	if err != nil {
		return err
	}
	t, err := decodeToken(text)
	if err != nil {
		return err
	}
	if t.group != a.g.id {
		return fmt.Errorf("snapshot is of group %d", t.group)
	}
	if t.index > a.index {
		if err := a.fetch(t); err != nil {
			return err
		}
	}
	return a.g.snapshots.adopt(text, t.index)
}

// fetch gets the state and changes over to it.
func (a *applier) fetch(t token) error {
	replacement, err := a.space.Replace()
	if err != nil {
		return err
	}
	defer replacement.Abort()
	if _, err := fetchState(a.g, t, replacement); err != nil {
		return fmt.Errorf("fetch state of group %d from %s: %w", t.group, t.node, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.guard(func() error {
		a.g.changeover.Lock() // reads must not see new content with old memory
		defer a.g.changeover.Unlock()
		a.g.gate.breakHolds()
		if err := replacement.Finish(); err != nil {
			return err
		}
		return a.open()
	})
	return a.stopped
}
