package state

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/object"
)

// The layout of a partition's space. The first byte of a key says what it is; it
// is on disk: append only.
//
//	slots                                  -> version, bitmap
//	floor                                  -> location version
//	tables   + table                       -> descriptor (command.EncodeTable)
//	dropped  + table                       -> nothing
//	sizes    + table                       -> objects, bytes, markers
//	senders  + node                        -> incarnation, base of the window
//	results  + len(node) node index        -> (sequence, outcome)...
//	markers  + object id                   -> marker
//	expiries + version + object id         -> nothing: a marker that the floor ends
//	moves    + version                     -> state of a Depart
//	outgoing + version + object id         -> what became of the object, its row
//	arrivals + version + object id         -> nothing; without an id: the batch
//	objects  + object id                   -> location version, revision, row
const (
	prefixSlots byte = iota + 1
	prefixFloor
	prefixTables
	prefixDropped
	prefixSizes
	prefixSenders
	prefixResults
	prefixMarkers
	prefixExpiries
	prefixMoves
	prefixOutgoing
	prefixArrivals
	prefixObjects
)

func appendObjectKey(dst []byte, prefix byte, id object.ID) []byte {
	return append(append(dst, prefix), id...)
}

func appendTableKey(dst []byte, prefix byte, table object.TableID) []byte {
	return binary.BigEndian.AppendUint32(append(dst, prefix), uint32(table))
}

func appendVersionKey(dst []byte, prefix byte, v object.LocationVersion, id object.ID) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, prefix), uint64(v))
	return append(dst, id...)
}

func appendResultsKey(dst []byte, node object.NodeID, index uint64) []byte {
	dst = append(dst, prefixResults)
	dst = binary.AppendUvarint(dst, uint64(len(node)))
	dst = append(dst, node...)
	return binary.BigEndian.AppendUint64(dst, index)
}

// tableRange is the range of the keys under a prefix that begin with a table.
func tableRange(prefix byte, table object.TableID) (lower, upper []byte) {
	lower = appendTableKey(nil, prefix, table)
	if table == 1<<32-1 {
		return lower, []byte{prefix + 1}
	}
	return lower, appendTableKey(nil, prefix, table+1)
}

// versionRange is the range of the keys under a prefix of the versions in
// [from, to).
func versionRange(prefix byte, from, to object.LocationVersion) (lower, upper []byte) {
	return appendVersionKey(nil, prefix, from, ""), appendVersionKey(nil, prefix, to, "")
}

// moveRange is the range of the keys of one version.
func moveRange(prefix byte, v object.LocationVersion) (lower, upper []byte) {
	if v == 1<<64-1 {
		return appendVersionKey(nil, prefix, v, ""), []byte{prefix + 1}
	}
	return versionRange(prefix, v, v+1)
}
