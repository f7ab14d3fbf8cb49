package state

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/object"
)

// slotSet is the set of slots that the partition owns, as of a version. Immutable
// once published.
type slotSet struct {
	version object.LocationVersion
	bits    [object.Slots / 64]uint64
}

func newSlotSet(slots []object.Slot, version object.LocationVersion) *slotSet {
	s := &slotSet{version: version}
	for _, slot := range slots {
		if slot < object.Slots {
			s.bits[slot/64] |= 1 << (slot % 64)
		}
	}
	return s
}

func (s *slotSet) owns(slot object.Slot) bool {
	return slot < object.Slots && s.bits[slot/64]>>(slot%64)&1 == 1
}

func (s *slotSet) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8+object.Slots/8), uint64(s.version))
	for _, w := range s.bits {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	return b
}

func decodeSlots(b []byte) (*slotSet, error) {
	if len(b) != 8+object.Slots/8 {
		return nil, corrupt("slots")
	}
	s := &slotSet{version: object.LocationVersion(binary.BigEndian.Uint64(b))}
	for i := range s.bits {
		s.bits[i] = binary.BigEndian.Uint64(b[8+8*i:])
	}
	return s, nil
}
