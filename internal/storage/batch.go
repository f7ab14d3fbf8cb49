package storage

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Durability says when a commit returns.
type Durability bool

const (
	// NoSync returns when the batch is in memory and on its way to disk.
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

// writes is what a batch and its parts share.
type writes struct {
	space  *Space
	prefix *prefix
	b      *pebble.Batch
	buf    []byte
	err    error
	reads  bool

	probe  *pebble.Iterator // of Probe
	probed uint32           // writes that it sees
}

// NewBatch returns an empty batch that can be read through. The caller closes it.
func (sp *Space) NewBatch() *Batch { return sp.newBatch(true) }

// NewWriteBatch returns an empty batch that is cheaper: it cannot be read.
func (sp *Space) NewWriteBatch() *Batch { return sp.newBatch(false) }

func (sp *Space) newBatch(reads bool) *Batch {
	b := &Batch{writes: &writes{space: sp, prefix: sp.current.Load(), reads: reads}, part: sp.part}
	if b.err = sp.store.enter(); b.err != nil {
		return b
	}
	defer sp.store.leave()
	if reads {
		b.b = sp.store.db.NewIndexedBatch()
	} else {
		b.b = sp.store.db.NewBatch()
	}
	sp.store.handles.Add(1)
	return b
}

// Part is the same batch, seen from a part of its space (Space.Part).
func (b *Batch) Part(of *Space) *Batch { return &Batch{writes: b.writes, part: of.part} }

// Get reads a key as it will be after the commit; see Reader.
func (b *Batch) Get(dst, key []byte) (value []byte, found bool, err error) {
	if err := b.readable(); err != nil {
		return dst, false, err
	}
	if err := b.space.store.enter(); err != nil {
		return dst, false, err
	}
	defer b.space.store.leave()
	b.buf = b.prefix.key(b.buf[:0], kindUser, b.part, key)
	return getFrom(b.b, dst, b.buf)
}

// probeOptions has the filters of all levels asked.
var probeOptions = pebble.IterOptions{UseL6Filters: true}

// Probe is Get of a key that is hardly there. Get reads a block of the lowest level to
// find that out. Probe asks filters, with an iterator that is kept: 2 us for the first key
// and 0.5 us for others, where Get takes 3 to 7 us (BenchmarkLook). Of keys that are there
// it takes about as long.
func (b *Batch) Probe(dst, key []byte) (value []byte, found bool, err error) {
	if err := b.readable(); err != nil {
		return dst, false, err
	}
	if err := b.space.store.enter(); err != nil {
		return dst, false, err
	}
	defer b.space.store.leave()
	switch writes := b.b.Count(); {
	case b.probe == nil:
		if b.probe, err = b.b.NewIter(&probeOptions); err != nil {
			return dst, false, classify(err)
		}
		b.probed = writes
	case b.probed != writes:
		b.probe.SetOptions(&probeOptions)
		b.probed = writes
	}
	b.buf = b.prefix.key(b.buf[:0], kindUser, b.part, key)
	if !b.probe.SeekPrefixGE(b.buf) {
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
	return newIterator(b.space.store, b.b, b.prefix, b.part, lower, upper)
}

func (b *Batch) readable() error {
	switch {
	case b.err != nil:
		return b.err
	case b.b == nil:
		return ErrClosed
	case !b.reads:
		return fmt.Errorf("storage: read from a batch that is for writes only")
	}
	return nil
}

// Set writes a key. Key and value are copied.
func (b *Batch) Set(key, value []byte) { b.set(kindUser, key, value) }

// SetMeta writes a key of Space.Meta.
func (b *Batch) SetMeta(key, value []byte) { b.set(kindMeta, key, value) }

func (b *Batch) set(kind byte, key, value []byte) {
	if b.b == nil {
		return
	}
	op := b.b.SetDeferred(maxKeyPrefixLen+len(b.part)+len(key), len(value))
	b.prefix.key(op.Key[:0], kind, b.part, key)
	copy(op.Value, value)
	b.note(op.Finish())
}

// Delete removes a key. A key that is not there is no error.
func (b *Batch) Delete(key []byte) { b.delete(kindUser, key) }

// DeleteMeta removes a key of Space.Meta.
func (b *Batch) DeleteMeta(key []byte) { b.delete(kindMeta, key) }

func (b *Batch) delete(kind byte, key []byte) {
	if b.b == nil {
		return
	}
	op := b.b.DeleteDeferred(maxKeyPrefixLen + len(b.part) + len(key))
	b.prefix.key(op.Key[:0], kind, b.part, key)
	b.note(op.Finish())
}

// DeleteRange removes the keys in [lower, upper); nil means no bound.
func (b *Batch) DeleteRange(lower, upper []byte) {
	if b.b == nil {
		return
	}
	from := b.prefix.key(nil, kindUser, b.part, lower)
	to := b.prefix.end(kindUser, b.part)
	if upper != nil {
		to = b.prefix.key(nil, kindUser, b.part, upper)
	}
	b.note(b.b.DeleteRange(from, to, nil))
}

func (b *Batch) note(err error) {
	if err != nil && b.err == nil {
		b.err = classify(err)
	}
}

// Empty reports whether nothing was written.
func (b *Batch) Empty() bool { return b.b == nil || b.b.Empty() }

// Bytes returns the size of what was written so far.
func (b *Batch) Bytes() int {
	if b.b == nil {
		return 0
	}
	return b.b.Len()
}

// Commit makes the writes visible, all or none. After an error of a Sync commit
// it is not known whether the batch will be there after a restart; the store has
// failed then.
func (b *Batch) Commit(durability Durability) error {
	if err := b.ready(); err != nil || b.b.Empty() {
		return err
	}
	return b.space.store.commit(b.b, durability)
}

// Begin is a Commit with Sync that returns as soon as the writes are visible. They
// are on disk when Wait has returned, which is to be called, on any goroutine, before
// Close. A batch is on disk not later than those that are committed after it.
func (b *Batch) Begin() error {
	if err := b.ready(); err != nil {
		return err
	}
	return b.space.store.begin(b.b)
}

// Wait returns when what Begin has committed is on disk; after an error the store has
// failed.
func (b *Batch) Wait() error { return b.space.store.await(b.b) }

// ready returns why the batch cannot be committed.
func (b *Batch) ready() error {
	switch {
	case b.err != nil:
		return b.err
	case b.b == nil:
		return ErrClosed
	case b.prefix != b.space.current.Load():
		return fmt.Errorf("storage: content of group %d was replaced while a batch was open", b.space.group)
	}
	return b.endProbe()
}

// Close frees the batch; what was not committed is dropped. Calling it again is
// harmless.
func (b *Batch) Close() {
	if b.b == nil {
		return
	}
	_ = b.endProbe()
	_ = b.b.Close()
	b.b = nil
	b.space.store.handles.Add(-1)
}

var _ pebble.Reader = (*pebble.Batch)(nil)
