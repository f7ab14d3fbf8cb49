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
//	results  + len(node) node slot         -> index, incarnation, base, (sequence, outcome)...
//	markers  + object id                   -> marker
//	expiries + version + object id         -> nothing: a marker that the floor ends
//	moves    + version                     -> state of a Depart
//	outgoing + version + object id         -> what became of the object, its row
//	arrivals + version + object id         -> nothing; without an id: the batch
//	objects  + object id                   -> location version, revision, row
//	transactions + transaction             -> state, participants, first locks
//	locks    + transaction + number        -> more locks: of one command each
//	staged   + transaction + object id     -> what its commit does to the object
//	queue    + index, number               -> a command that waits (command.AppendCommand)
//	aborted  + transaction                 -> nothing: it must not be prepared
//	aborts   + node                        -> the transaction up to which all are aborted
//
// A transaction in a key is len(node) node incarnation sequence.
const (
	prefixSlots byte = iota + 1
	prefixFloor
	prefixTables
	prefixDropped
	prefixSizes
	prefixResults
	prefixMarkers
	prefixExpiries
	prefixMoves
	prefixOutgoing
	prefixArrivals
	prefixObjects
	prefixTransactions
	prefixLocks
	prefixStaged
	prefixQueue
	prefixAborted
	prefixAborts
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

func appendResultsKey(dst []byte, node object.NodeID, slot uint64) []byte {
	dst = append(dst, prefixResults)
	dst = binary.AppendUvarint(dst, uint64(len(node)))
	dst = append(dst, node...)
	return binary.BigEndian.AppendUint64(dst, slot)
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

// appendTransaction appends a transaction as it is in keys.
func appendTransaction(dst []byte, t object.TransactionID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(t.Node)))
	dst = append(dst, t.Node...)
	dst = binary.BigEndian.AppendUint64(dst, t.Incarnation)
	return binary.BigEndian.AppendUint64(dst, t.Sequence)
}

// cutTransaction is the inverse; rest is what follows in the key.
func cutTransaction(key []byte) (t object.TransactionID, rest []byte, err error) {
	n, size := binary.Uvarint(key)
	if size <= 0 || len(key)-size < 16 || n > uint64(len(key)-size-16) {
		return t, nil, corrupt("key of a transaction")
	}
	key = key[size:]
	t.Node = object.NodeID(key[:n])
	t.Incarnation = binary.BigEndian.Uint64(key[n:])
	t.Sequence = binary.BigEndian.Uint64(key[n+8:])
	return t, key[n+16:], nil
}

func appendTransactionKey(dst []byte, prefix byte, t object.TransactionID) []byte {
	return appendTransaction(append(dst, prefix), t)
}

// appendStagedPrefix begins the keys of what a transaction has staged; the id follows.
func appendStagedPrefix(dst []byte, t object.TransactionID) []byte {
	return appendTransactionKey(dst, prefixStaged, t)
}

// keyEnd is the first key behind all that begin with prefix.
func keyEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

func appendQueueKey(dst []byte, t ticket) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, prefixQueue), t.index)
	return binary.BigEndian.AppendUint32(dst, t.number)
}

// appendNumber ends the key of one of several records.
func appendNumber(dst []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(dst, n) }
