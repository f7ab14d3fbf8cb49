package storage

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// Durability says when a commit returns.
type Durability bool

const (
	// NoSync returns when the batch is in memory, and will be on disk some day.
	NoSync Durability = false
	// Sync returns when the batch is on disk.
	Sync Durability = true
)

// Batch gathers writes to one space that take effect together. Its own reads see
// them at once. It belongs to one goroutine. Errors of writes are kept and
// returned by Commit.
type Batch struct {
	*writes
	part []byte
}

// writes is what a batch and its parts share. They are gathered in changes as long as
// nothing needs their order, else in b; both are nil when the batch is closed.
type writes struct {
	space   *Space
	content *content
	changes *changes
	b       *pebble.Batch
	buf     []byte
	err     error
	reads   bool

	probe  *pebble.Iterator // of Probe
	probed uint64           // content.moves when it was made, or before
}

// NewBatch returns an empty batch that can be read through. The caller closes it.
func (sp *Space) NewBatch() *Batch { return sp.newBatch(true) }

// NewWriteBatch returns an empty batch that cannot be read. It goes to Pebble as it is,
// which is cheaper for what is written once, in order.
func (sp *Space) NewWriteBatch() *Batch { return sp.newBatch(false) }

var changesPool = sync.Pool{New: func() any { return new(changes) }}

func (sp *Space) newBatch(reads bool) *Batch {
	b := &Batch{writes: &writes{space: sp, content: sp.current.Load(), reads: reads}, part: sp.part}
	if b.err = sp.store.enter(); b.err != nil {
		return b
	}
	defer sp.store.leave()
	if reads {
		b.changes = changesPool.Get().(*changes)
	} else {
		b.b = sp.store.db.NewBatch()
	}
	sp.store.handles.Add(1)
	return b
}

// Part is the same batch, seen from a part of its space (Space.Part).
func (b *Batch) Part(of *Space) *Batch { return &Batch{writes: b.writes, part: of.part} }

// order has the writes in a batch of Pebble, for what needs their order.
func (b *writes) order() error {
	if b.b != nil {
		return nil
	}
	if err := b.endProbe(); err != nil {
		return err
	}
	b.b = b.space.store.db.NewIndexedBatch()
	err := b.changes.write(b.b, b.changes.ordered(nil))
	b.dropChanges()
	return err
}

func (b *writes) dropChanges() {
	b.changes.reset()
	changesPool.Put(b.changes)
	b.changes = nil
}

// Get reads a key as it will be after the commit; see Reader.
func (b *Batch) Get(dst, key []byte) (value []byte, found bool, err error) {
	return b.read(dst, key, func(dst, key []byte, _ uint64) ([]byte, bool, error) {
		return getFrom(b.space.store.db, dst, key)
	})
}

// read looks for a key among the writes, and then in what is committed: stored is asked
// for what is not among the recent changes.
func (b *Batch) read(dst, key []byte, stored func(dst, key []byte, moves uint64) ([]byte, bool, error)) (value []byte, found bool, err error) {
	if err := b.readable(); err != nil {
		return dst, false, err
	}
	store := b.space.store
	if err := store.enter(); err != nil {
		return dst, false, err
	}
	defer store.leave()
	b.buf = b.content.key(b.buf[:0], kindUser, b.part, key)
	if b.b != nil {
		if err := b.content.settle(store); err != nil {
			return dst, false, err
		}
		return getFrom(b.b, dst, b.buf)
	}
	if one := b.changes.find(hashOf(b.buf), b.buf); one != nil {
		value, found = b.changes.get(dst, one)
		return value, found, nil
	}
	value, found, known, moves := b.content.look(dst, b.buf)
	if known {
		return value, found, nil
	}
	return stored(dst, b.buf, moves)
}

// probeOptions has the filters of all levels asked.
var probeOptions = pebble.IterOptions{UseL6Filters: true}

// Probe is Get of a key that is hardly there. Get reads a block of the lowest level to
// find that out. Probe asks filters, with an iterator that is kept: 2 us for the first key
// and 0.5 us for others, where Get takes 3 to 7 us (BenchmarkLook). Of keys that are there
// it takes about as long.
func (b *Batch) Probe(dst, key []byte) (value []byte, found bool, err error) {
	return b.read(dst, key, b.probeStored)
}

func (b *Batch) probeStored(dst, key []byte, moves uint64) (value []byte, found bool, err error) {
	if b.probe != nil && b.probed != moves {
		if err := b.endProbe(); err != nil {
			return dst, false, err
		}
	}
	if b.probe == nil {
		if b.probe, err = b.space.store.db.NewIter(&probeOptions); err != nil {
			return dst, false, classify(err)
		}
		b.probed = moves
	}
	if !b.probe.SeekPrefixGE(key) {
		return dst, false, classify(b.probe.Error())
	}
	v, err := b.probe.ValueAndErr()
	if err != nil {
		return dst, false, classify(err)
	}
	return append(dst, v...), true, nil
}

// endProbe closes the iterator of Probe.
func (b *writes) endProbe() error {
	if b.probe == nil {
		return nil
	}
	err := b.probe.Close()
	b.probe = nil
	return classify(err)
}

// NewIterator iterates over the content as it will be after the commit; see
// Reader. It does not see what is written to the batch after the call.
func (b *Batch) NewIterator(lower, upper []byte) (*Iterator, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	store := b.space.store
	if err := store.enter(); err != nil {
		return nil, err
	}
	defer store.leave()
	if err := b.direct(); err != nil {
		return nil, err
	}
	return newIterator(store, b.b, b.content.prefix, b.part, lower, upper)
}

func (b *Batch) readable() error {
	switch {
	case b.err != nil:
		return b.err
	case b.closed():
		return ErrClosed
	case !b.reads:
		return fmt.Errorf("storage: read from a batch that is for writes only")
	}
	return nil
}

func (b *writes) closed() bool { return b.b == nil && b.changes == nil }

// Set writes a key. Key and value are copied.
func (b *Batch) Set(key, value []byte) { b.set(kindUser, key, value, false) }

// SetMeta writes a key of Space.Meta.
func (b *Batch) SetMeta(key, value []byte) { b.set(kindMeta, key, value, false) }

// Delete removes a key. A key that is not there is no error.
func (b *Batch) Delete(key []byte) { b.set(kindUser, key, nil, true) }

// DeleteMeta removes a key of Space.Meta.
func (b *Batch) DeleteMeta(key []byte) { b.set(kindMeta, key, nil, true) }

var errTooLarge = errors.New("storage: batch is too large")

// set writes a key, or deletes it.
func (b *Batch) set(kind byte, key, value []byte, deleted bool) {
	if b.closed() {
		return
	}
	b.buf = b.content.key(b.buf[:0], kind, b.part, key)
	switch {
	case b.b != nil && deleted:
		b.note(b.b.Delete(b.buf, nil))
	case b.b != nil:
		b.note(b.b.Set(b.buf, value, nil))
	case !b.changes.hasRoom(len(b.buf) + len(value)):
		b.note(errTooLarge)
	default:
		b.changes.set(hashOf(b.buf), b.buf, value, deleted)
	}
}

// DeleteRange removes the keys in [lower, upper); nil means no bound.
func (b *Batch) DeleteRange(lower, upper []byte) {
	if b.closed() {
		return
	}
	from := b.content.key(nil, kindUser, b.part, lower)
	to := b.content.end(kindUser, b.part)
	if upper != nil {
		to = b.content.key(nil, kindUser, b.part, upper)
	}
	if b.note(b.order()); b.err == nil {
		b.note(b.b.DeleteRange(from, to, nil))
	}
}

func (b *Batch) note(err error) {
	if err != nil && b.err == nil {
		b.err = classify(err)
	}
}

// Empty reports whether nothing was written.
func (b *Batch) Empty() bool {
	if b.b != nil {
		return b.b.Empty()
	}
	return b.changes == nil || len(b.changes.list) == 0
}

// Bytes returns the size of what was written so far.
func (b *Batch) Bytes() int {
	switch {
	case b.b != nil:
		return b.b.Len()
	case b.changes != nil:
		return len(b.changes.bytes)
	}
	return 0
}

// Commit makes the writes visible, all or none. After an error of a Sync commit
// it is not known whether the batch will be there after a restart; the store has
// failed then.
func (b *Batch) Commit(durability Durability) error {
	if err := b.ready(); err != nil || b.Empty() {
		return err
	}
	store := b.space.store
	if err := store.enter(); err != nil {
		return err
	}
	defer store.leave()
	if b.b == nil && durability == NoSync {
		return b.content.commit(store, b.changes)
	}
	if err := b.direct(); err != nil {
		return err
	}
	return store.write(b.b, durability)
}

// direct prepares what is done by Pebble itself: the writes are in one of its batches, and
// what was committed before is where that looks.
func (b *Batch) direct() error {
	if err := b.order(); err != nil {
		return err
	}
	return b.content.settle(b.space.store)
}

// Begin is a Commit with Sync that returns as soon as the writes are visible. They
// are on disk when Wait has returned, which is to be called, on any goroutine, before
// Close. A batch is on disk not later than those that are committed after it.
func (b *Batch) Begin() error {
	if err := b.ready(); err != nil {
		return err
	}
	store := b.space.store
	if err := store.enter(); err != nil {
		return err
	}
	defer store.leave()
	if err := b.direct(); err != nil {
		return err
	}
	return store.apply(b.b, pebble.Sync, store.db.ApplyNoSyncWait)
}

// Wait returns when what Begin has committed is on disk; after an error the store has
// failed.
func (b *Batch) Wait() error { return b.space.store.await(b.b) }

// ready returns why the batch cannot be committed.
func (b *Batch) ready() error {
	switch {
	case b.err != nil:
		return b.err
	case b.closed():
		return ErrClosed
	case b.content != b.space.current.Load():
		return fmt.Errorf("storage: content of group %d was replaced while a batch was open", b.space.group)
	}
	return b.endProbe()
}

// Close frees the batch; what was not committed is dropped. Calling it again is
// harmless.
func (b *Batch) Close() {
	if b.closed() {
		return
	}
	_ = b.endProbe()
	if b.b != nil {
		_ = b.b.Close()
		b.b = nil
	} else {
		b.dropChanges()
	}
	b.space.store.handles.Add(-1)
}
