package storage

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ssmr/ssmr/internal/object"
)

// The layout of keys: 4 bytes of group, 2 bytes of generation, 1 byte of kind, the
// number of the part (uvarint; nothing for the whole space), and the key. The
// generation changes when a group's whole content is replaced. Groups from
// firstReserved on are the store's own.
const (
	prefixLen            = 4 + 2
	kindMeta        byte = 0
	kindUser        byte = 1
	firstReserved        = object.GroupID(0xffff0000)
	reservedStore        = 0xffffffff
	maxKeyPrefixLen      = prefixLen + 1
)

var keyFormat = []byte{0xff, 0xff, 0xff, 0xff, 'v'}

// keyGeneration holds the current generation of a group.
func keyGeneration(group object.GroupID) []byte {
	return binary.BigEndian.AppendUint32([]byte{0xff, 0xff, 0xff, 0xff, 'g'}, uint32(group))
}

type prefix [prefixLen]byte

func makePrefix(group object.GroupID, generation uint16) *prefix {
	p := new(prefix)
	binary.BigEndian.PutUint32(p[:4], uint32(group))
	binary.BigEndian.PutUint16(p[4:], generation)
	return p
}

func (p *prefix) generation() uint16 { return binary.BigEndian.Uint16(p[4:]) }

func (p *prefix) key(dst []byte, kind byte, part, key []byte) []byte {
	dst = append(dst, p[:]...)
	dst = append(dst, kind)
	dst = append(dst, part...)
	return append(dst, key...)
}

// end is the first key behind all keys of a kind and part: no number of a part begins
// with that of another, and none ends with 0xff.
func (p *prefix) end(kind byte, part []byte) []byte {
	end := p.key(make([]byte, 0, maxKeyPrefixLen+len(part)), kind, part, nil)
	end[len(end)-1]++
	return end
}

// Reader reads keys of one Space: a Space itself, a Snapshot or a Batch.
type Reader interface {
	// Get appends the value of a key to dst. found is false where there is none;
	// dst is returned unchanged then.
	Get(dst, key []byte) (value []byte, found bool, err error)
	// NewIterator iterates over [lower, upper); nil means no bound. The caller
	// closes it.
	NewIterator(lower, upper []byte) (*Iterator, error)
}

// Space is what a store holds of one group, or a part of that (Part). Its methods may
// be called from many goroutines.
type Space struct {
	store   *Store
	group   object.GroupID
	current *atomic.Pointer[content] // shared with the parts
	part    []byte                   // nil: the whole
}

var keyBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 256); return &b }}

// Space returns the part of the store that belongs to a group. The same group
// gives the same Space.
func (s *Store) Space(group object.GroupID) (*Space, error) {
	if group >= firstReserved {
		return nil, fmt.Errorf("storage: group %d is reserved", group)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sp := s.spaces[group]; sp != nil {
		return sp, nil
	}
	value, found, err := s.get(nil, keyGeneration(group))
	if err != nil {
		return nil, err
	}
	var generation uint16
	if found {
		if len(value) != 2 {
			return nil, fmt.Errorf("%w: generation of group %d has %d bytes", ErrCorrupt, group, len(value))
		}
		generation = binary.BigEndian.Uint16(value)
	}
	sp := &Space{store: s, group: group, current: new(atomic.Pointer[content])}
	sp.current.Store(newContent(makePrefix(group, generation)))
	if err := sp.dropOtherGenerations(); err != nil {
		return nil, err
	}
	s.spaces[group] = sp
	return sp, nil
}

// Group returns the group that the space belongs to.
func (sp *Space) Group() object.GroupID { return sp.group }

// Part returns a part of the space, which has keys of its own. In the whole they are
// behind the part's number. Whoever uses parts does not write to the whole.
func (sp *Space) Part(number uint32) *Space {
	return &Space{store: sp.store, group: sp.group, current: sp.current, part: binary.AppendUvarint(nil, uint64(number))}
}

// Get reads the newest committed value of a key; see Reader.
func (sp *Space) Get(dst, key []byte) (value []byte, found bool, err error) {
	return sp.get(dst, kindUser, key)
}

// Meta reads a key that is kept apart from the space's content: it is not seen by
// iterators, and Replace takes it anew.
func (sp *Space) Meta(key []byte) (value []byte, found bool, err error) {
	return sp.get(nil, kindMeta, key)
}

func (sp *Space) get(dst []byte, kind byte, key []byte) (value []byte, found bool, err error) {
	if err := sp.store.enter(); err != nil {
		return dst, false, err
	}
	defer sp.store.leave()
	buf := keyBuffers.Get().(*[]byte)
	defer keyBuffers.Put(buf)
	for {
		c := sp.current.Load()
		*buf = c.key((*buf)[:0], kind, sp.part, key)
		value, found, err = c.get(sp.store, dst, *buf)
		if sp.current.Load() == c {
			return value, found, err
		}
		// The content was replaced meanwhile; what was read may be half deleted.
	}
}

// NewIterator iterates over the content at the moment of the call; see Reader.
func (sp *Space) NewIterator(lower, upper []byte) (*Iterator, error) {
	if err := sp.store.enter(); err != nil {
		return nil, err
	}
	defer sp.store.leave()
	for {
		c := sp.current.Load()
		if err := c.settle(sp.store); err != nil {
			return nil, err
		}
		it, err := newIterator(sp.store, sp.store.db, c.prefix, sp.part, lower, upper)
		if err != nil {
			return nil, err
		}
		if sp.current.Load() == c {
			return it, nil
		}
		_ = it.Close()
	}
}

// Snapshot is the content of a space at one moment. It may be used from many
// goroutines. It keeps old data from being freed: close it soon.
type Snapshot struct {
	space  *Space
	prefix *prefix
	snap   *pebble.Snapshot
	close  sync.Once
}

// Snapshot pins the content as it is. The caller closes it.
func (sp *Space) Snapshot() (*Snapshot, error) {
	if err := sp.store.enter(); err != nil {
		return nil, err
	}
	defer sp.store.leave()
	for {
		c := sp.current.Load()
		if err := c.settle(sp.store); err != nil {
			return nil, err
		}
		snap := sp.store.db.NewSnapshot()
		if sp.current.Load() == c {
			sp.store.handles.Add(1)
			return &Snapshot{space: sp, prefix: c.prefix, snap: snap}, nil
		}
		if err := snap.Close(); err != nil {
			return nil, classify(err)
		}
	}
}

// Get reads a key; see Reader.
func (s *Snapshot) Get(dst, key []byte) (value []byte, found bool, err error) {
	return s.get(dst, kindUser, key)
}

// Meta reads a key of Space.Meta.
func (s *Snapshot) Meta(key []byte) (value []byte, found bool, err error) {
	return s.get(nil, kindMeta, key)
}

func (s *Snapshot) get(dst []byte, kind byte, key []byte) (value []byte, found bool, err error) {
	if err := s.space.store.enter(); err != nil {
		return dst, false, err
	}
	defer s.space.store.leave()
	buf := keyBuffers.Get().(*[]byte)
	defer keyBuffers.Put(buf)
	*buf = s.prefix.key((*buf)[:0], kind, s.space.part, key)
	return getFrom(s.snap, dst, *buf)
}

// NewIterator iterates over the snapshot; see Reader. The iterator is to be
// closed before the snapshot.
func (s *Snapshot) NewIterator(lower, upper []byte) (*Iterator, error) {
	if err := s.space.store.enter(); err != nil {
		return nil, err
	}
	defer s.space.store.leave()
	return newIterator(s.space.store, s.snap, s.prefix, s.space.part, lower, upper)
}

// Close lets the content go. Calling it again is harmless.
func (s *Snapshot) Close() error {
	var err error
	s.close.Do(func() {
		err = s.snap.Close()
		s.space.store.handles.Add(-1)
	})
	return err
}
