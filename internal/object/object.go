// Package object names what ssmr keeps: objects, the partitions that own them,
// and the counters that order what happens to them.
//
// It is the vocabulary that every other package shares. It holds types and no
// behaviour beyond their encodings.
package object

import (
	"encoding/binary"
	"fmt"
)

// TableID numbers a table. Ids are given by the oracle's log and never reused,
// also not when a table of the same name is created again.
type TableID uint32

// ID identifies an object: 4 bytes of table id, big endian, followed by the
// primary key in the order-preserving encoding of internal/datum. Byte order is
// key order. An ID is immutable and can be a map key.
type ID string

// NewID joins a table and an encoded primary key.
func NewID(table TableID, key []byte) ID {
	b := make([]byte, 4+len(key))
	binary.BigEndian.PutUint32(b, uint32(table))
	copy(b[4:], key)
	return ID(b)
}

// Table returns the table of the object; 0 where the id is malformed.
func (id ID) Table() TableID {
	if len(id) < 4 {
		return 0
	}
	return TableID(id[0])<<24 | TableID(id[1])<<16 | TableID(id[2])<<8 | TableID(id[3])
}

// Key returns the encoded primary key; empty where the id is malformed.
func (id ID) Key() string {
	if len(id) < 4 {
		return ""
	}
	return string(id[4:])
}

// PartitionID numbers a partition, from 1. 0 means none.
type PartitionID uint32

// NodeID is the name of a node as the configuration gives it.
type NodeID string

// Slot is a share of the static placement: an object's home is
// hash -> slot -> partition.
type Slot uint16

// Slots is the number of slots. It is part of what is on disk.
const Slots = 4096

// LocationVersion orders the locations of an object. It is the index of the
// oracle's log entry that assigned the location; 0 means unknown.
type LocationVersion uint64

// Revision changes with every write of an object's value, and stays with the value
// when the object moves: no two values that an id has ever had share one. It says
// which entry of which partition's log wrote the value (NewRevision). 0 is none.
type Revision uint64

// NewRevision makes the revision of a value that a log entry of a partition has
// written. staged says that it was staged by a transaction, in the entry that
// prepared it: the same entry may have written the object before that.
//
// Bits, from the least: 20 of the partition, 1 of staged, 43 of the index. A cluster
// can have 2^20 partitions.
func NewRevision(p PartitionID, index uint64, staged bool) Revision {
	r := Revision(index)<<21 | Revision(p)&(1<<20-1)
	if staged {
		r |= 1 << 20
	}
	return r
}

// SchemaVersion orders the descriptors of a table: the index of the oracle's
// log entry that made the descriptor.
type SchemaVersion uint64

// Location says which partition owns an object, and since which oracle entry.
type Location struct {
	Partition PartitionID
	Version   LocationVersion
}

// IsZero reports whether the location is unknown.
func (l Location) IsZero() bool { return l == Location{} }

// String prints the location as "p3@17".
func (l Location) String() string { return fmt.Sprintf("p%d@%d", l.Partition, l.Version) }

// GroupID numbers a Raft group: a log, and the replicas of the state machines whose
// commands it orders.
type GroupID uint32

// OracleGroup is the group that orders the oracle's commands.
const OracleGroup GroupID = 0

// MachineID numbers a state machine, whatever group it is in. Machine 0 is the oracle,
// which owns the directory and the catalog; a partition has its own number.
type MachineID uint32

// OracleMachine is the oracle.
const OracleMachine MachineID = 0

// Machine returns the state machine of a partition.
func (p PartitionID) Machine() MachineID { return MachineID(p) }

// CommandID identifies one attempt of a command, so that a group executes it at
// most once however often it is sent. Sequences are counted per sending node
// and group; Incarnation grows with every start of the node.
type CommandID struct {
	Node        NodeID
	Incarnation uint64
	Sequence    uint64
}

// String prints the id as "node/incarnation/sequence".
func (c CommandID) String() string {
	return fmt.Sprintf("%s/%d/%d", c.Node, c.Incarnation, c.Sequence)
}

// TransactionID names one attempt of a transaction; an attempt that is made again
// has another. Sequences are counted by the node that coordinates it.
type TransactionID struct {
	Node        NodeID
	Incarnation uint64
	Sequence    uint64
}

// IsZero reports whether the id names nothing.
func (t TransactionID) IsZero() bool { return t == TransactionID{} }

// String prints the id as "node/incarnation/sequence".
func (t TransactionID) String() string {
	return fmt.Sprintf("%s/%d/%d", t.Node, t.Incarnation, t.Sequence)
}
