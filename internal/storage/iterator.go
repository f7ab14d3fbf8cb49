package storage

import (
	"github.com/cockroachdb/pebble/v2"
)

// Iterator walks over keys in byte order, forward and backward. It belongs to one
// goroutine. It is unpositioned at first. A method that moves it reports whether
// there is a key; where there is none, Err tells whether that is the end or an
// error.
type Iterator struct {
	store  *Store
	it     *pebble.Iterator
	prefix *prefix
	part   []byte
	buf    []byte
	err    error
}

// newIterator makes an iterator; the caller has entered the store.
func newIterator(s *Store, r pebble.Reader, p *prefix, part, lower, upper []byte) (*Iterator, error) {
	opts := &pebble.IterOptions{LowerBound: p.key(make([]byte, 0, maxKeyPrefixLen+len(part)+len(lower)), kindUser, part, lower)}
	if upper == nil {
		opts.UpperBound = p.end(kindUser, part)
	} else {
		opts.UpperBound = p.key(make([]byte, 0, maxKeyPrefixLen+len(part)+len(upper)), kindUser, part, upper)
	}
	it, err := r.NewIter(opts)
	if err != nil {
		return nil, classify(err)
	}
	s.handles.Add(1)
	return &Iterator{store: s, it: it, prefix: p, part: part}, nil
}

// First moves to the first key.
func (i *Iterator) First() bool { return i.it.First() }

// Last moves to the last key.
func (i *Iterator) Last() bool { return i.it.Last() }

// Next moves to the next key.
func (i *Iterator) Next() bool { return i.it.Next() }

// Prev moves to the key before.
func (i *Iterator) Prev() bool { return i.it.Prev() }

// SeekGE moves to the first key that is not less than key.
func (i *Iterator) SeekGE(key []byte) bool {
	i.buf = i.prefix.key(i.buf[:0], kindUser, i.part, key)
	return i.it.SeekGE(i.buf)
}

// SeekLT moves to the last key that is less than key.
func (i *Iterator) SeekLT(key []byte) bool {
	i.buf = i.prefix.key(i.buf[:0], kindUser, i.part, key)
	return i.it.SeekLT(i.buf)
}

// Valid reports whether the iterator is at a key.
func (i *Iterator) Valid() bool { return i.it.Valid() }

// Key returns the key. It is valid until the iterator moves.
func (i *Iterator) Key() []byte { return i.it.Key()[maxKeyPrefixLen+len(i.part):] }

// Value returns the value. It is valid until the iterator moves. After an error,
// which Err returns, it is nil.
func (i *Iterator) Value() []byte {
	v, err := i.it.ValueAndErr()
	if err != nil {
		if i.err == nil {
			i.err = classify(err)
		}
		return nil
	}
	return v
}

// Err returns the error that has ended the iteration.
func (i *Iterator) Err() error {
	if i.err != nil {
		return i.err
	}
	return classify(i.it.Error())
}

// Close ends the iteration and returns its error. Calling it again is harmless.
func (i *Iterator) Close() error {
	if i.it == nil {
		return i.err
	}
	err := classify(i.it.Close())
	if i.err == nil {
		i.err = err
	}
	i.it = nil
	i.store.handles.Add(-1)
	return i.err
}
