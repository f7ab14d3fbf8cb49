package oracle

import (
	"encoding/binary"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// numbered returns the id of a row of the table that has entries, whose key is a number.
func (w *world) numbered(n uint64) object.ID {
	return object.NewID(w.directoryID().Table(), binary.BigEndian.AppendUint64(nil, n))
}

// assignAll assigns rows to a partition in one command.
func (w *world) assignAll(p object.PartitionID, numbers ...uint64) []assigned {
	c := &assign{}
	for _, n := range numbers {
		c.items = append(c.items, catalog.Assignment{ID: w.numbered(n), Partition: p})
	}
	return w.group.apply(c)[0].([]assigned)
}

// Many assignments in one command are as good as one after another: what stands stays, and
// of two for one id the first wins.
func TestAssignNeighbours(t *testing.T) {
	w := newWorld(t)
	stands := make(map[uint64]object.Location)
	random := newRand(7)
	for round := range 200 {
		span := uint64(1 + random.IntN(400))
		base := uint64(random.IntN(1500))
		if round%5 == 0 {
			base = 65_500 // neighbours end within
		}
		numbers := make([]uint64, 1+random.IntN(60))
		for i := range numbers {
			if numbers[i] = base + uint64(random.IntN(int(span))); round%2 == 0 {
				numbers[i] = base + uint64(i) // as a sequence gives them
			}
		}
		p := object.PartitionID(1 + round%4)
		for i, got := range w.assignAll(p, numbers...) {
			n := numbers[i]
			want, known := stands[n]
			if !known {
				stands[n] = got.location
				if got.location.Partition != p || got.location.Version == 0 {
					t.Fatalf("round %d: row %d is assigned %v, want partition %d", round, n, got.location, p)
				}
			} else if got.location != want {
				t.Fatalf("round %d: row %d is assigned %v, and %v stands", round, n, got.location, want)
			}
		}
	}
}
