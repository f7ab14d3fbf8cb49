package state

import (
	"encoding/binary"
	"fmt"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// record is an object as it is stored.
type record struct {
	version  object.LocationVersion
	revision object.Revision
	row      []byte
}

func appendRecord(dst []byte, r record) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.version))
	dst = binary.AppendUvarint(dst, uint64(r.revision))
	return append(dst, r.row...)
}

// decodeRecord is the inverse; the row belongs to b.
func decodeRecord(b []byte) (record, error) {
	version, n := binary.Uvarint(b)
	if n <= 0 {
		return record{}, corrupt("object")
	}
	revision, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return record{}, corrupt("object")
	}
	return record{object.LocationVersion(version), object.Revision(revision), b[n+m:]}, nil
}

// size is what the object counts for in the sizes of its table.
func (r record) size(id object.ID) int64 {
	return int64(len(id) + len(r.row))
}

// markerKind says what is remembered of an id that the partition holds no object
// of. On disk: append only.
type markerKind byte

const (
	// vacant: the id was assigned to this partition with the marker's version, and
	// its object was deleted. The partition owns it until it is released.
	vacant markerKind = iota + 1
	// departed: the object was moved to the marker's partition; the version is that
	// of the move. The partition does not own it.
	departed
	// forwarding is departed at the object's home: it stays when the floor passes.
	forwarding
	// released: the id was given up, so that its entry in the directory can go.
	released
)

// marker is what is remembered of an id. A newer version always replaces an older.
type marker struct {
	kind    markerKind
	version object.LocationVersion
	to      object.PartitionID
	left    uint64 // the log entry that the object left in; 0 where it did not, or was not noted
}

func appendMarker(dst []byte, m marker) []byte {
	dst = append(dst, byte(m.kind))
	dst = binary.AppendUvarint(dst, uint64(m.version))
	dst = binary.AppendUvarint(dst, uint64(m.to))
	if m.left > 0 {
		dst = binary.AppendUvarint(dst, m.left)
	}
	return dst
}

func decodeMarker(b []byte) (marker, error) {
	if len(b) == 0 || b[0] < byte(vacant) || b[0] > byte(released) {
		return marker{}, corrupt("marker")
	}
	version, n := binary.Uvarint(b[1:])
	if n <= 0 {
		return marker{}, corrupt("marker")
	}
	to, m := binary.Uvarint(b[1+n:])
	if m <= 0 || to > 1<<32-1 {
		return marker{}, corrupt("marker")
	}
	var left uint64
	if rest := b[1+n+m:]; len(rest) > 0 {
		var k int
		if left, k = binary.Uvarint(rest); k != len(rest) {
			return marker{}, corrupt("marker")
		}
	}
	return marker{markerKind(b[0]), object.LocationVersion(version), object.PartitionID(to), left}, nil
}

// location is where the marker sends who asks; zero means "ask the oracle".
func (m marker) location() object.Location {
	if m.kind == departed || m.kind == forwarding {
		return object.Location{Partition: m.to, Version: m.version}
	}
	return object.Location{}
}

// void reports whether the floor has ended the marker: what it says follows from
// the floor alone then.
func (m marker) void(floor object.LocationVersion) bool {
	return (m.kind == departed || m.kind == released) && m.version < floor
}

func corrupt(what string) error { return fmt.Errorf("state: %s: %w", what, storage.ErrCorrupt) }
