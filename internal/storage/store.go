package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/ssmr/ssmr/internal/object"
)

var (
	// ErrClosed is returned by operations on a store that is closed, or being closed.
	ErrClosed = errors.New("storage: store is closed")
	// ErrLocked is returned by Open when another process has the folder open.
	ErrLocked = errors.New("storage: folder is in use by another process")
	// ErrCorrupt is returned when what is on disk is damaged.
	ErrCorrupt = errors.New("storage: data on disk are damaged")
	// ErrNewerFormat is returned by Open when a newer version has written the folder.
	ErrNewerFormat = errors.New("storage: folder was written by a newer version")
)

// formatVersion is the version of the layout of keys; formatMajor that of
// Pebble's files.
const (
	formatVersion = 1
	formatMajor   = pebble.FormatValueSeparation
)

// closeWait bounds how long Close waits for open iterators and snapshots.
const closeWait = 10 * time.Second

// Store is one Pebble database, divided into Spaces.
type Store struct {
	db   *pebble.DB
	lock *pebble.Lock
	opts Options
	dir  string

	// gate is held for reading by every operation, for writing by Close.
	gate    sync.RWMutex
	closed  bool // guarded by gate
	handles atomic.Int64

	failOnce sync.Once
	failed   chan struct{}
	failure  error // written before failed is closed

	mu     sync.Mutex // guards spaces
	spaces map[object.GroupID]*Space

	opened  atomic.Bool // Open has succeeded
	stalled atomic.Bool
	spare   *spare // nil: none is made
	flushes flushQueue
}

// Open opens or creates the store in a folder. The error is ErrLocked,
// ErrNewerFormat or ErrCorrupt where one of these is the reason.
func Open(dir string, opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{opts: opts, dir: dir, failed: make(chan struct{}), spaces: make(map[object.GroupID]*Space)}
	s.flushes.flush = s.flushNow
	if opts.ForLog {
		s.spare = newSpare(opts.FS, dir, int64(opts.MemTableBytes))
	}
	if err := opts.FS.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	if s.lock, err = pebble.LockDirectory(dir, opts.FS); err != nil {
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("storage: lock %s: %w", dir, err)
		}
		return nil, fmt.Errorf("%w: %s (%v)", ErrLocked, dir, err)
	}
	if s.db, err = s.openPebble(); err != nil {
		_ = s.lock.Close()
		return nil, fmt.Errorf("storage: open %s: %w", dir, classify(err))
	}
	s.opened.Store(true)
	if err := s.prepare(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// openPebble opens the database; a fatal error inside is returned, not fatal.
func (s *Store) openPebble() (*pebble.DB, error) {
	type result struct {
		db  *pebble.DB
		err error
	}
	done := make(chan result, 1)
	go func() { // of its own, because fail ends the goroutine that it is called on
		r := result{err: errors.New("gave up")}
		defer func() {
			if err := s.Err(); err != nil {
				r.err = err
			}
			done <- r
		}()
		r.db, r.err = pebble.Open(s.dir, s.pebbleOptions())
	}()
	r := <-done
	return r.db, r.err
}

func (s *Store) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          &guardFS{s.opts.FS, s},
		Lock:                        s.lock,
		CacheSize:                   s.opts.CacheBytes + 2*int64(s.opts.MemTableBytes), // it has to hold memtables, too
		MemTableSize:                uint64(s.opts.MemTableBytes),
		MemTableStopWritesThreshold: s.opts.MemTables,
		MaxOpenFiles:                s.opts.MaxOpenFiles,
		FormatMajorVersion:          formatMajor,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       32,
		LBaseMaxBytes:               64 << 20,
		FlushSplitBytes:             4 << 20,
		CompactionConcurrencyRange:  func() (int, int) { return 1, s.opts.Compactions },
		Logger:                      logger{s},
	}
	listener := s.eventListener()
	o.EventListener = &listener
	if s.opts.ForLog {
		// What is flushed is truncated soon; it is not worth the work.
		o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
		o.L0CompactionThreshold, o.L0StopWritesThreshold = 8, 64
		o.LBaseMaxBytes = 256 << 20
		o.FlushDelayDeleteRange = 30 * time.Second
		return o
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 8 << 10
		o.Levels[i].IndexBlockSize = 64 << 10
	}
	o.TargetFileSizes[0] = 4 << 20
	o.FlushDelayDeleteRange = 10 * time.Second
	o.Experimental.SpanPolicyFunc = newRegions(s.opts.MemTableBytes).policy
	return o
}

// classify finds out whether an error of Pebble is one of ours.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	case errors.Is(err, pebble.ErrClosed):
		return ErrClosed
	case strings.Contains(err.Error(), "unknown format major version"):
		return fmt.Errorf("%w: %v", ErrNewerFormat, err)
	}
	return err
}

// prepare checks the version of the layout and removes what an interrupted
// Replace has left.
func (s *Store) prepare() error {
	if err := s.removeLeftovers(); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	value, found, err := s.get(nil, keyFormat)
	if err != nil {
		return err
	}
	if !found {
		return s.set(keyFormat, binary.BigEndian.AppendUint32(nil, formatVersion))
	}
	if len(value) != 4 {
		return fmt.Errorf("%w: %s: format version of %d bytes", ErrCorrupt, s.dir, len(value))
	}
	if v := binary.BigEndian.Uint32(value); v > formatVersion {
		return fmt.Errorf("%w: %s has layout %d, this version knows up to %d", ErrNewerFormat, s.dir, v, formatVersion)
	}
	return nil
}

// removeLeftovers removes the files of Replacements that a crash has interrupted, and
// a file that was spare.
func (s *Store) removeLeftovers() error {
	names, err := s.opts.FS.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, replaceFilePrefix) || strings.HasPrefix(name, spareFilePrefix) {
			if err := s.opts.FS.Remove(s.opts.FS.PathJoin(s.dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Dir returns the folder of the store.
func (s *Store) Dir() string { return s.dir }

// Failed is closed when the store has failed; see the package comment.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err returns why the store has failed; nil if it has not.
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}

// fail marks the store as failed. The first reason stays.
func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.failure = fmt.Errorf("storage: %s has failed: %w", s.dir, err)
		close(s.failed)
		s.opts.Logger.Error("store has failed; the process must be restarted", "dir", s.dir, "error", err)
	})
}

// enter begins an operation; the caller calls leave if there is no error.
func (s *Store) enter() error {
	s.gate.RLock()
	if s.closed {
		s.gate.RUnlock()
		return ErrClosed
	}
	if err := s.Err(); err != nil {
		s.gate.RUnlock()
		return err
	}
	return nil
}

func (s *Store) leave() { s.gate.RUnlock() }

// Close hands what is gathered to Pebble, flushes nothing that is not synced by that, waits for operations
// that run and for open iterators and snapshots, and closes the store. If some
// stay open for too long it says so and leaves the database unclosed, which loses
// nothing. Calling it again is harmless. A store that has failed, or does so meanwhile, is
// left as it is.
func (s *Store) Close() error {
	if err := s.Err(); err != nil {
		return err // what hangs in it cannot be waited for
	}
	if !s.shut() {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- s.finish() }()
	select {
	case err := <-closed:
		return err
	case <-s.failed:
		return s.Err()
	}
}

// finish waits for what is under way, and closes the database. It may never return where
// the store fails.
func (s *Store) finish() error {
	s.flushes.close()
	if err := s.Err(); err != nil {
		return err
	}
	for deadline := time.Now().Add(closeWait); s.handles.Load() > 0; {
		if time.Now().After(deadline) {
			return fmt.Errorf("storage: %s: %d iterators, snapshots or batches are still open", s.dir, s.handles.Load())
		}
		time.Sleep(time.Millisecond)
	}
	if err := s.settle(); err != nil {
		return err
	}
	err := s.db.Close()
	if s.spare != nil {
		s.spare.close()
	}
	if lockErr := s.lock.Close(); err == nil {
		err = lockErr
	}
	return err
}

// shut refuses new operations; it reports false if that was done before.
func (s *Store) shut() bool {
	s.gate.Lock()
	defer s.gate.Unlock()
	was := s.closed
	s.closed = true
	return !was
}

// Flush writes what is in memory to disk. When it returns, everything that was
// committed before the call is durable. Calls that come together share the work.
func (s *Store) Flush(ctx context.Context) error { return s.flushes.wait(ctx) }

func (s *Store) flushNow() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.settle(); err != nil {
		return err
	}
	done, err := s.db.AsyncFlush()
	if err != nil {
		return classify(err)
	}
	select {
	case <-done:
		return nil
	case <-s.failed:
		return s.failure
	}
}

// settle has Pebble have all that was committed before the call. The caller has entered the
// store, or has shut it.
func (s *Store) settle() error {
	s.mu.Lock()
	spaces := slices.Collect(maps.Values(s.spaces))
	s.mu.Unlock()
	for _, sp := range spaces {
		if err := sp.current.Load().settle(s); err != nil {
			return err
		}
	}
	return nil
}

// get and set are for the store's own keys.
func (s *Store) get(dst, key []byte) (value []byte, found bool, err error) {
	if err := s.enter(); err != nil {
		return dst, false, err
	}
	defer s.leave()
	return getFrom(s.db, dst, key)
}

func (s *Store) set(key, value []byte) error {
	b := s.db.NewBatch()
	defer b.Close()
	if err := b.Set(key, value, nil); err != nil {
		return err
	}
	return s.commit(b, Sync)
}

// commit writes a batch. With Sync it returns when the batch is on disk.
func (s *Store) commit(b *pebble.Batch, durability Durability) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return s.write(b, durability)
}

// write is commit where the caller has entered the store.
func (s *Store) write(b *pebble.Batch, durability Durability) error {
	if durability == NoSync {
		return s.apply(b, pebble.NoSync, s.db.Apply)
	}
	if err := s.apply(b, pebble.Sync, s.db.ApplyNoSyncWait); err != nil {
		return err
	}
	return s.await(b)
}

// apply hands a batch to Pebble. Where the log could not be written on another goroutine
// Pebble finds out here, and panics in the middle of its locks. The store has failed then;
// who waits for one of the locks goes when the process does.
func (s *Store) apply(b *pebble.Batch, o *pebble.WriteOptions, commit func(*pebble.Batch, *pebble.WriteOptions) error) (err error) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case runtime.Error:
			panic(cause)
		case error:
			s.fail(fmt.Errorf("write-ahead log: %w", cause))
			err = s.Err()
		default:
			panic(cause)
		}
	}()
	return classify(commit(b, o))
}

// await returns when a batch is on disk.
func (s *Store) await(b *pebble.Batch) error {
	if err := b.SyncWait(); err != nil {
		s.fail(fmt.Errorf("write-ahead log: %w", err))
		return s.Err()
	}
	return nil
}

// getFrom appends the value of a key to dst.
func getFrom(r pebble.Reader, dst, key []byte) (value []byte, found bool, err error) {
	v, closer, err := r.Get(key)
	if err != nil {
		if errors.Is(err, pebble.ErrNotFound) {
			return dst, false, nil
		}
		return dst, false, classify(err)
	}
	dst = append(dst, v...)
	return dst, true, closer.Close()
}

// deleteSpan removes the keys in [from, to), if there are any.
func (s *Store) deleteSpan(from, to []byte) error {
	empty, err := s.spanIsEmpty(from, to)
	if err != nil || empty {
		return err
	}
	b := s.db.NewBatch()
	defer b.Close()
	if err := b.DeleteRange(from, to, nil); err != nil {
		return classify(err)
	}
	return s.commit(b, Sync)
}

func (s *Store) spanIsEmpty(from, to []byte) (bool, error) {
	if err := s.enter(); err != nil {
		return false, err
	}
	defer s.leave()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return false, classify(err)
	}
	empty := !it.First()
	return empty, classify(it.Close())
}
