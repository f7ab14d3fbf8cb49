package storage

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// changes are writes by key, the last one of each. Keys and values lie in one slice of
// bytes, so that the garbage collector has nothing to follow.
type changes struct {
	list  []change
	index []uint32 // open addressing by hash: a number in list, plus 1; 0: free
	bytes []byte
}

// change is the last write of a key: where in bytes key and value are.
type change struct {
	hash            uint32
	key, keyLen     uint32
	value, valueLen uint32
	room            uint32 // for values
	deleted         bool
}

const (
	maxChanges = 1 << 30 // bytes
	keptBytes  = 4 << 20 // that reset keeps for what comes next
	leastIndex = 64      // of an index, a power of two as all are
)

var hashSeed = maphash.MakeSeed()

func hashOf(key []byte) uint32 { return uint32(maphash.Bytes(hashSeed, key)) }

// find returns the change of a key; nil: there is none.
func (c *changes) find(hash uint32, key []byte) *change {
	if len(c.list) == 0 {
		return nil
	}
	mask := uint32(len(c.index) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		n := c.index[at]
		if n == 0 {
			return nil
		}
		if found := &c.list[n-1]; found.hash == hash && bytes.Equal(c.keyOf(found), key) {
			return found
		}
	}
}

func (c *changes) keyOf(one *change) []byte { return c.bytes[one.key:][:one.keyLen] }

func (c *changes) valueOf(one *change) []byte { return c.bytes[one.value:][:one.valueLen] }

// get appends the value to dst; found is false where the key is deleted.
func (c *changes) get(dst []byte, one *change) (value []byte, found bool) {
	if one.deleted {
		return dst, false
	}
	return append(dst, c.valueOf(one)...), true
}

// set notes a write: a value, or that the key is deleted. There has to be room for it.
func (c *changes) set(hash uint32, key, value []byte, deleted bool) {
	one := c.find(hash, key)
	if one == nil {
		one = c.add(hash, key)
	}
	one.deleted = deleted
	one.valueLen = uint32(len(value))
	if len(value) > int(one.room) {
		one.value, one.room = uint32(len(c.bytes)), one.valueLen
		c.bytes = append(c.bytes, value...)
		return
	}
	copy(c.bytes[one.value:], value)
}

// add adds a change of a key that has none.
func (c *changes) add(hash uint32, key []byte) *change {
	if 2*(len(c.list)+1) > len(c.index) {
		c.grow()
	}
	c.list = append(c.list, change{hash: hash, key: uint32(len(c.bytes)), keyLen: uint32(len(key))})
	c.bytes = append(c.bytes, key...)
	c.enter(len(c.list))
	return &c.list[len(c.list)-1]
}

func (c *changes) grow() {
	c.index = make([]uint32, max(leastIndex, 4*len(c.index)))
	for n := range c.list {
		c.enter(n + 1)
	}
}

// enter puts a change into the index, by its number plus 1.
func (c *changes) enter(n int) {
	mask := uint32(len(c.index) - 1)
	at := c.list[n-1].hash & mask
	for c.index[at] != 0 {
		at = (at + 1) & mask
	}
	c.index[at] = uint32(n)
}

// hasRoom reports whether so many bytes can be added.
func (c *changes) hasRoom(n int) bool { return n <= maxChanges-len(c.bytes) }

// addAll notes later writes.
func (c *changes) addAll(later *changes) {
	for i := range later.list {
		one := &later.list[i]
		c.set(one.hash, later.keyOf(one), later.valueOf(one), one.deleted)
	}
}

// ordered appends the numbers of the changes in list to dst, in the order of their keys.
func (c *changes) ordered(dst []uint32) []uint32 {
	for n := range c.list {
		dst = append(dst, uint32(n))
	}
	slices.SortFunc(dst, func(a, b uint32) int {
		return bytes.Compare(c.keyOf(&c.list[a]), c.keyOf(&c.list[b]))
	})
	return dst
}

// reset makes it empty.
func (c *changes) reset() {
	if cap(c.bytes) > keptBytes {
		*c = changes{}
		return
	}
	if len(c.index) > leastIndex && len(c.index) > 16*len(c.list) {
		c.index = nil // after many changes it would be cleared for each few that follow
	} else {
		clear(c.index)
	}
	c.list, c.bytes = c.list[:0], c.bytes[:0]
}

// write writes the changes with the given numbers to a batch of Pebble.
func (c *changes) write(b *pebble.Batch, numbers []uint32) error {
	for _, n := range numbers {
		one := &c.list[n]
		var err error
		if one.deleted {
			err = b.Delete(c.keyOf(one), nil)
		} else {
			err = b.Set(c.keyOf(one), c.valueOf(one), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
