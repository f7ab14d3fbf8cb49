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

func decodeSize(b []byte) (Size, error) {
	var part [3]int64
	for i := range part {
		v, n := binary.Varint(b)
		if n <= 0 {
			return Size{}, corrupt("size of a table")
		}
		part[i], b = v, b[n:]
	}
	if len(b) > 0 {
		return Size{}, corrupt("size of a table")
	}
	return Size{part[0], part[1], part[2]}, nil
}

// sizes holds the size of each table, with what the entry under execution has
// changed. It belongs to the goroutine that applies.
type sizes struct {
	of      map[object.TableID]Size
	changed []object.TableID // by the entry, in the order of the first change
	isDirty map[object.TableID]bool
}

func newSizes() sizes {
	return sizes{of: make(map[object.TableID]Size), isDirty: make(map[object.TableID]bool)}
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
