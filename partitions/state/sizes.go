package state

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/object"
)

// Size counts what a partition holds of a table.
type Size struct {
	Objects int64
	Bytes   int64 // of ids and rows
	Markers int64 // ids that are remembered without an object
}

func (s Size) plus(d Size) Size {
	return Size{s.Objects + d.Objects, s.Bytes + d.Bytes, s.Markers + d.Markers}
}

func (s Size) minus(d Size) Size {
	return Size{s.Objects - d.Objects, s.Bytes - d.Bytes, s.Markers - d.Markers}
}

func appendSize(dst []byte, s Size) []byte {
	dst = binary.AppendVarint(dst, s.Objects)
	dst = binary.AppendVarint(dst, s.Bytes)
	return binary.AppendVarint(dst, s.Markers)
}

// appendSizeRecord adds what is stored of a table: its size, and the last log entry
// that has touched it. The latter decides about Prepares, so it is part of the state.
func appendSizeRecord(dst []byte, s Size, touched uint64) []byte {
	return binary.AppendUvarint(appendSize(dst, s), touched)
}

func decodeSizeRecord(b []byte) (s Size, touched uint64, err error) {
	var part [3]int64
	for i := range part {
		v, n := binary.Varint(b)
		if n <= 0 {
			return Size{}, 0, corrupt("size of a table")
		}
		part[i], b = v, b[n:]
	}
	touched, n := binary.Uvarint(b)
	if n <= 0 || n != len(b) {
		return Size{}, 0, corrupt("size of a table")
	}
	return Size{part[0], part[1], part[2]}, touched, nil
}

// sizes holds the size of each table, with what the entry under execution has
// changed. It belongs to the goroutine that applies.
type sizes struct {
	of      map[object.TableID]Size
	touched map[object.TableID]uint64 // the last entry before that has touched it
	changed []object.TableID          // by the entry, in the order of the first change
	isDirty map[object.TableID]bool
}

func newSizes() sizes {
	return sizes{
		of: make(map[object.TableID]Size), touched: make(map[object.TableID]uint64), isDirty: make(map[object.TableID]bool),
	}
}

func (s *sizes) add(t object.TableID, d Size) {
	s.of[t] = s.of[t].plus(d)
	s.touch(t)
}

func (s *sizes) touch(t object.TableID) {
	if !s.isDirty[t] {
		s.isDirty[t] = true
		s.changed = append(s.changed, t)
	}
}

// lastTouched returns the last entry that has touched a table, that under execution
// included; 0 where there was none.
func (s *sizes) lastTouched(t object.TableID) uint64 {
	if s.isDirty[t] {
		return 1<<64 - 1
	}
	return s.touched[t]
}

// newest returns the last entry before that has touched any table.
func (s *sizes) newest() uint64 {
	var newest uint64
	for _, index := range s.touched {
		newest = max(newest, index)
	}
	return newest
}

// lastTouched is sizes.lastTouched of what is stored.
func (s stored) lastTouched(t object.TableID) (uint64, error) {
	b, found, err := s.r.Get(nil, appendTableKey(nil, prefixSizes, t))
	if err != nil || !found {
		return 0, err
	}
	_, touched, err := decodeSizeRecord(b)
	return touched, err
}
