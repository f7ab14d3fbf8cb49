package replication

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/storage"
)

// Keys of a group in the log store.
const (
	keyLog      = 'l' // then the index, 8 bytes big endian
	keyStable   = 's' // then raft's key
	keySnapshot = 'm' // raft.SnapshotMeta
)

// The newest entries are kept decoded: leaders send and apply, and followers
// apply, what they have just stored.
const (
	recentBytes   = 4 << 20
	recentEntries = 512
	recentAlways  = 2
)

// errNotFound has the text by which raft knows that a key has no value.
var errNotFound = errors.New("not found")

// logStore is the log of one group, and what its replica must not forget. It is
// raft's LogStore and StableStore.
//
// Raft panics on some errors of its stores. Once the replica runs, such an error
// stops the replica instead: fatal is told, and the goroutine, which is raft's,
// ends with its deferred functions.
type logStore struct {
	space  *storage.Space
	limits Limits
	fatal  func(error)
	ready  atomic.Bool // the replica runs; see above
	full   func()      // called when much was appended since the last snapshot
	// overlap says that this replica leads others: its own copy of a command may reach
	// the disk while theirs do. See durable.
	overlap func() bool

	mu            sync.Mutex // guards what follows; never held over a write
	first, last   uint64     // 0, 0: empty
	configuration uint64     // the newest entry of a configuration when the log was opened
	sizes         []uint32   // of the entries from first to last
	bytes         int64      // sum of sizes
	since         int64      // bytes appended since the last snapshot
	sinceCount    uint64
	recent        []*raft.Log // the newest entries, without gaps
	recentBytes   int64
	holds         map[*logHold]struct{}
	closed        bool

	// durable is the last entry that is known to be on disk. It is less than last only
	// while a leader's own commands are being synced.
	durable uint64
	syncing map[*logSync]struct{}
	synced  chan struct{} // closed when durable moves or cannot; nil while nobody waits
}

// logSync is a write of entries that is not known to be on disk yet.
type logSync struct{ last uint64 }

// logHold keeps entries from an index on from being truncated, within bounds.
type logHold struct{ from uint64 }

var (
	_ raft.LogStore          = (*logStore)(nil)
	_ raft.StableStore       = (*logStore)(nil)
	_ raft.MonotonicLogStore = (*logStore)(nil)
)

func openLog(space *storage.Space, limits Limits, fatal func(error), full func()) (*logStore, error) {
	s := &logStore{space: space, limits: limits, fatal: fatal, full: full, holds: make(map[*logHold]struct{}), syncing: make(map[*logSync]struct{})}
	it, err := space.NewIterator([]byte{keyLog}, []byte{keyLog + 1})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		key := it.Key()
		if len(key) != 9 {
			return nil, fmt.Errorf("%w: key of %d bytes in a log", storage.ErrCorrupt, len(key))
		}
		index := binary.BigEndian.Uint64(key[1:])
		if s.last != 0 && index != s.last+1 {
			return nil, fmt.Errorf("%w: log entry %d follows %d", storage.ErrCorrupt, index, s.last)
		}
		if s.last == 0 {
			s.first = index
		}
		s.last = index
		value := it.Value()
		size := len(value)
		if size > 0 && raft.LogType(value[0]) == raft.LogConfiguration {
			s.configuration = index
		}
		s.sizes = append(s.sizes, uint32(size))
		s.bytes += int64(size)
	}
	s.durable = s.last
	return s, it.Close()
}

func logKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 9), keyLog), index)
}

// die stops the replica because of an error that raft would panic about.
func (s *logStore) die(what string, err error) error {
	err = fmt.Errorf("%s: %w", what, err)
	if !s.ready.Load() {
		return err
	}
	s.fatal(err)
	runtime.Goexit()
	return err
}

// IsMonotonic tells raft that there are no gaps in the log.
func (s *logStore) IsMonotonic() bool { return true }

// FirstIndex returns the index of the first entry; 0 for none.
func (s *logStore) FirstIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, ErrStopped
	}
	return s.first, nil
}

// LastIndex returns the index of the last entry; 0 for none.
func (s *logStore) LastIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, ErrStopped
	}
	return s.last, nil
}

// GetLog reads an entry.
func (s *logStore) GetLog(index uint64, l *raft.Log) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrStopped
	}
	if index < s.first || index > s.last || s.last == 0 {
		s.mu.Unlock()
		return raft.ErrLogNotFound
	}
	if n := len(s.recent); n > 0 && index >= s.recent[0].Index {
		*l = *s.recent[index-s.recent[0].Index]
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()

	value, found, err := s.space.Get(nil, logKey(index))
	if err == nil && !found {
		s.mu.Lock()
		truncated := index < s.first || index > s.last
		s.mu.Unlock()
		if truncated {
			return raft.ErrLogNotFound
		}
		err = fmt.Errorf("%w: entry is missing", storage.ErrCorrupt)
	}
	if err == nil {
		err = decodeLog(l, index, value)
	}
	if err != nil {
		return s.die(fmt.Sprintf("read log entry %d", index), err)
	}
	return nil
}

// StoreLog stores one entry.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs stores entries, which follow the last one, and returns when they are
// on disk. Groups that store at the same time share the disk's write. Of a leader's
// own commands it returns earlier: see durable.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	s.mu.Lock()
	closed, last := s.closed, s.last
	s.mu.Unlock()
	if closed {
		return ErrStopped
	}
	b := s.space.NewWriteBatch()
	early := s.ready.Load() && s.overlap != nil && s.overlap()
	sizes := make([]uint32, len(logs))
	var buf []byte
	for i, l := range logs {
		early = early && l.Type == raft.LogCommand
		if last != 0 && l.Index != last+1 {
			b.Close()
			return fmt.Errorf("log entry %d cannot follow %d", l.Index, last)
		}
		last = l.Index
		buf = appendLog(buf[:0], l)
		sizes[i] = uint32(len(buf))
		b.Set(logKey(l.Index), buf)
	}
	commit := b.Begin
	if !early {
		commit = func() error { return b.Commit(storage.Sync) }
	}
	if err := commit(); err != nil {
		b.Close()
		s.fatal(fmt.Errorf("store log entries: %w", err))
		return err
	}
	if early {
		s.stored(logs, sizes, b)
		return nil
	}
	s.stored(logs, sizes, nil)
	b.Close()
	return nil
}

// stored notes what was written. A batch is one that has to be waited for.
func (s *logStore) stored(logs []*raft.Log, sizes []uint32, early *storage.Batch) {
	s.mu.Lock()
	if s.last == 0 {
		s.first = logs[0].Index
		s.sizes, s.recent, s.bytes, s.recentBytes = nil, nil, 0, 0
	}
	s.last = logs[len(logs)-1].Index
	if early == nil {
		s.moveDurable(s.last) // with all that was written before
	} else {
		sync := &logSync{s.last}
		s.syncing[sync] = struct{}{}
		go s.finish(early, sync)
	}
	for i, l := range logs {
		c := *l
		s.recent = append(s.recent, &c)
		s.recentBytes += int64(sizes[i])
		s.bytes += int64(sizes[i])
		s.since += int64(sizes[i])
	}
	s.sizes = append(s.sizes, sizes...)
	s.sinceCount += uint64(len(logs))
	drop := 0
	for left := len(s.recent); left > recentAlways && (s.recentBytes > recentBytes || left > recentEntries); left-- {
		s.recentBytes -= int64(s.sizes[s.recent[drop].Index-s.first])
		s.recent[drop] = nil
		drop++
	}
	s.recent = s.recent[drop:]
	full := s.since >= s.limits.SnapshotBytes || s.sinceCount >= s.limits.SnapshotEntries
	s.mu.Unlock()
	if full {
		s.full()
	}
}

// DeleteRange removes entries: a suffix that conflicts with the leader's log,
// everything, or a prefix that a snapshot covers. Of a prefix it keeps what the
// limits let trail behind, and what is held.
func (s *logStore) DeleteRange(from, to uint64) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrStopped
	}
	if s.last == 0 || from > s.last || to < s.first || from > to {
		s.mu.Unlock()
		return nil
	}
	prefix := from <= s.first && to < s.last
	if prefix {
		to = s.truncatable(to)
	} else if to < s.last {
		s.mu.Unlock()
		return fmt.Errorf("log entries %d to %d are in the middle of %d to %d", from, to, s.first, s.last)
	}
	s.mu.Unlock()
	if prefix && to == 0 {
		return nil
	}

	b := s.space.NewWriteBatch()
	defer b.Close()
	if prefix {
		b.DeleteRange([]byte{keyLog}, logKey(to+1))
	} else {
		b.DeleteRange(logKey(from), []byte{keyLog + 1})
	}
	// Readers must not take what is going for what is missing: first the books, then
	// the bytes.
	s.mu.Lock()
	if prefix {
		s.dropBefore(to + 1)
	} else {
		s.dropFrom(from)
	}
	s.mu.Unlock()
	return b.Commit(storage.NoSync)
}

// truncatable returns the last index, up to the given, that may be removed from
// the front; 0 for none. mu is held.
func (s *logStore) truncatable(to uint64) uint64 {
	trailing := s.bytes
	last := uint64(0)
	for index := s.first; index <= to && index < s.last; index++ {
		if trailing <= s.limits.TrailingBytes && s.last-index < s.limits.TrailingEntries {
			break
		}
		trailing -= int64(s.sizes[index-s.first])
		last = index
	}
	for h := range s.holds {
		if h.from <= last && s.bytes < 16*(s.limits.SnapshotBytes+s.limits.TrailingBytes) {
			last = h.from - 1
		}
	}
	if last < s.first {
		return 0
	}
	return last
}

// dropBefore forgets entries at the front. mu is held.
func (s *logStore) dropBefore(index uint64) {
	for s.first < index && s.first <= s.last && s.last != 0 {
		if len(s.recent) > 0 && s.recent[0].Index == s.first {
			s.recentBytes -= int64(s.sizes[0])
			s.recent = s.recent[1:]
		}
		s.bytes -= int64(s.sizes[0])
		s.sizes = s.sizes[1:]
		s.first++
	}
	s.sizes = append([]uint32(nil), s.sizes...)
	if s.first > s.last {
		s.forget()
	}
}

// dropFrom forgets entries at the end. mu is held.
func (s *logStore) dropFrom(index uint64) {
	s.durable = min(s.durable, index-1)
	for sync := range s.syncing {
		sync.last = min(sync.last, index-1)
	}
	s.wake()
	for s.last >= index && s.last >= s.first && s.last != 0 {
		n := len(s.sizes) - 1
		if r := len(s.recent); r > 0 {
			s.recentBytes -= int64(s.sizes[n])
			s.recent = s.recent[:r-1]
		}
		s.bytes -= int64(s.sizes[n])
		s.sizes = s.sizes[:n]
		s.last--
	}
	if s.last < s.first {
		s.forget()
	}
}

func (s *logStore) forget() {
	s.first, s.last, s.bytes, s.recentBytes = 0, 0, 0, 0
	s.sizes, s.recent = nil, nil
}

// snapshotTaken counts anew what was appended since.
func (s *logStore) snapshotTaken(index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.sinceCount = s.sizeBetween(index, s.last), 0
	if s.last > index {
		s.sinceCount = s.last - index
	}
}

// hold keeps entries from the index on for a follower that is being sent the
// state; release ends it.
func (s *logStore) hold(from uint64) (release func()) {
	h := &logHold{from: from}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds[h] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.holds, h)
	}
}

// close makes all operations fail. Raft leaves goroutines behind that look at the
// log once more.
func (s *logStore) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.wake()
}

// extent returns what is kept.
func (s *logStore) extent() (first, last uint64, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first, s.last, s.bytes
}

// bytesBetween returns the size of the entries behind one index up to another.
func (s *logStore) bytesBetween(after, to uint64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sizeBetween(after, to)
}

func (s *logStore) sizeBetween(after, to uint64) int64 {
	bytes := int64(0)
	for index := max(after+1, s.first); index <= min(to, s.last) && s.last != 0; index++ {
		bytes += int64(s.sizes[index-s.first])
	}
	return bytes
}

func stableKey(key []byte) []byte { return append([]byte{keyStable}, key...) }

// Set stores a value durably.
func (s *logStore) Set(key, value []byte) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	err := ErrStopped
	if !closed {
		b := s.space.NewWriteBatch()
		defer b.Close()
		b.Set(stableKey(key), value)
		err = b.Commit(storage.Sync)
	}
	if err != nil {
		return s.die(fmt.Sprintf("store %s", key), err)
	}
	return nil
}

// Get reads a value.
func (s *logStore) Get(key []byte) ([]byte, error) {
	value, found, err := s.space.Get(nil, stableKey(key))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNotFound
	}
	return value, nil
}

// SetUint64 stores a number durably.
func (s *logStore) SetUint64(key []byte, value uint64) error {
	return s.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// GetUint64 reads a number.
func (s *logStore) GetUint64(key []byte) (uint64, error) {
	value, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("%w: %s has %d bytes", storage.ErrCorrupt, key, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// appendLog encodes an entry without its index: type (1), term (uvarint), time of
// append (varint, nanoseconds since 1970, 0 for none), length of extensions
// (uvarint), extensions, data.
func appendLog(dst []byte, l *raft.Log) []byte {
	dst = append(dst, byte(l.Type))
	dst = binary.AppendUvarint(dst, l.Term)
	var at int64
	if !l.AppendedAt.IsZero() {
		at = l.AppendedAt.UnixNano()
	}
	dst = binary.AppendVarint(dst, at)
	dst = binary.AppendUvarint(dst, uint64(len(l.Extensions)))
	dst = append(dst, l.Extensions...)
	return append(dst, l.Data...)
}

// decodeLog is the inverse of appendLog. The entry shares memory with b.
func decodeLog(l *raft.Log, index uint64, b []byte) error {
	if len(b) < 4 {
		return fmt.Errorf("%w: log entry of %d bytes", storage.ErrCorrupt, len(b))
	}
	*l = raft.Log{Index: index, Type: raft.LogType(b[0])}
	b = b[1:]
	var n int
	if l.Term, n = binary.Uvarint(b); n <= 0 {
		return fmt.Errorf("%w: term of a log entry", storage.ErrCorrupt)
	}
	b = b[n:]
	at, n := binary.Varint(b)
	if n <= 0 {
		return fmt.Errorf("%w: time of a log entry", storage.ErrCorrupt)
	}
	if at != 0 {
		l.AppendedAt = time.Unix(0, at)
	}
	b = b[n:]
	extensions, n := binary.Uvarint(b)
	if n <= 0 || extensions > uint64(len(b)-n) {
		return fmt.Errorf("%w: extensions of a log entry", storage.ErrCorrupt)
	}
	b = b[n:]
	if extensions > 0 {
		l.Extensions = b[:extensions:extensions]
	}
	if b = b[extensions:]; len(b) > 0 {
		l.Data = b
	}
	return nil
}
