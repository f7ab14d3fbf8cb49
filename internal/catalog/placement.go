package catalog

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// Slot returns the slot of the static placement that an object of the table
// hashes to. For a table that is not static it is merely a hash of the id.
//
// It is part of what is on disk: the function never changes.
func (t *Table) Slot(id object.ID) object.Slot {
	if len(t.Placement.Columns) == 0 {
		return HashSlot(string(id))
	}
	return t.slotOfColumns(id)
}

// HashSlot returns the slot of a hashed text.
func HashSlot(s string) object.Slot {
	return object.Slot(xxhash.Sum64String(s) % object.Slots)
}

// slotOfColumns hashes the placement's columns of the key, as they are encoded in
// it. The table is not part of what is hashed, so that equal values of two tables
// live together.
func (t *Table) slotOfColumns(id object.ID) object.Slot {
	last := slices.Max(t.Placement.Columns)
	if last >= len(t.PrimaryKey) || slices.Min(t.Placement.Columns) < 0 {
		return HashSlot(string(id))
	}
	key := []byte(id.Key())
	ends := make([]int, 1, 8) // of the key's columns
	for i, rest := 0, key; i <= last; i++ {
		_, after, err := datum.DecodeKeyPart(rest, t.Columns[t.PrimaryKey[i]].Type)
		if err != nil {
			return HashSlot(string(id))
		}
		ends = append(ends, len(key)-len(after))
		rest = after
	}
	if len(t.Placement.Columns) == 1 {
		return HashSlot(string(key[ends[last]:ends[last+1]]))
	}
	hashed := make([]byte, 0, len(key))
	for _, c := range t.Placement.Columns {
		hashed = append(hashed, key[ends[c]:ends[c+1]]...)
	}
	return HashSlot(string(hashed))
}

// KeyTypes returns the types of the primary key, in key order.
func (t *Table) KeyTypes() []datum.Type {
	types := make([]datum.Type, len(t.PrimaryKey))
	for i, c := range t.PrimaryKey {
		types[i] = t.Columns[c].Type
	}
	return types
}

// Home returns the partition that the static rule gives an object of the table,
// and since when; zero while the cluster is not initialised.
func (s *Snapshot) Home(t *Table, id object.ID) object.Location {
	slot := int(t.Slot(id))
	if slot >= len(s.Slots) {
		return object.Location{}
	}
	return s.Slots[slot]
}

// Partition returns the description of a partition; nil if there is none.
func (s *Snapshot) Partition(id object.PartitionID) *Partition {
	for i := range s.Partitions {
		if s.Partitions[i].ID == id {
			return &s.Partitions[i]
		}
	}
	return nil
}
