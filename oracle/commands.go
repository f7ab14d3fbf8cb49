package oracle

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Kinds of commands in the oracle's log. Append only.
const (
	kindInitialise byte = iota + 1
	kindAssign
	kindBeginMoves
	kindBeginReleases
	kindFinish
	kindSettled
	kindSequence
	kindCreateTable
	kindAlterTable
	kindDropTables
	kindTruncate
	kindAdvance
	kindAdopt
	kindClean
	kindRaiseFloor
	kindBeginWhole
	kindChangePolicy
	kindChangePartition
	kindAssignFrom
	kindBeginFrom
)

// RequestID makes a schema change harmless to send again: the oracle remembers
// the outcome of the last ones. It is random.
type RequestID [16]byte

// MarshalText writes the id as hexadecimal digits.
func (r RequestID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, r[:]), nil }

// UnmarshalText is the inverse of MarshalText.
func (r *RequestID) UnmarshalText(b []byte) error {
	if len(b) != 2*len(r) {
		return errMalformed
	}
	_, err := hex.Decode(r[:], b)
	return err
}

// logCommand is a command of the oracle's log.
type logCommand interface {
	append(dst []byte) []byte
}

// initialise tells a new cluster what it consists of.
type initialise struct {
	Partitions []catalog.Partition
}

// assign gives ids without a location one. Partition 0 creates nothing.
type assign struct {
	items []catalog.Assignment
	at    int64 // Unix microseconds, for the history of the ids; 0: they have none
}

// assigned is the answer for one id of an assign.
type assigned struct {
	location object.Location
	// busy says that the id cannot be assigned now: it is being moved or released,
	// or its table is fenced. The location, if any, is the one that stands.
	busy bool
	// barred says that the partition must not get it.
	barred bool
}

// beginMoves intends to move ids to a partition.
type beginMoves struct {
	to  object.PartitionID
	ids []object.ID
	at  int64 // Unix microseconds, for people
	// whole: all of them or, where one is busy or there is no room, none. Without it
	// (logs of before) each for itself.
	whole bool
	// each bounds the ids of one batch; 0: maxBatchObjects. What follows is of whole only.
	each    int
	pin     catalog.PinMode
	origin  catalog.Origin
	reasons []string // of each of ids; nil: that of origin
	// unpaid is the number of ids at the end that may not begin a move, because the
	// budgets of their tables have no room for it.
	unpaid int
}

// intent is the answer for one id of a beginMoves.
type intent struct {
	// move is the batch that the id moves in, or, with busy, the batch that has to
	// end first (0: there is no room for another, or others of the request are busy).
	move object.LocationVersion
	busy bool
	// result is set where there is nothing to move.
	result catalog.MoveResult
	// begun says that the id was not moving before; made that it was given an entry.
	begun, made bool
}

// beginReleases intends to drop the entries of ids that have no object.
type beginReleases struct {
	ids []object.ID
}

// finish ends a move or release: what departed has arrived.
type finish struct {
	move   object.LocationVersion
	fates  []fate // for each id of the batch
	reason string // why some stay
	at     int64  // Unix microseconds, for people
}

// fate is what became of one id of a batch. On disk: append only.
type fate byte

const (
	stays    fate = iota // it was not there to be moved, or is there and cannot be released
	gone                 // it has left its source
	deferred             // there was no room for it: who wants it moved asks again
	follows              // there was no room for it: the entry that says so begins another batch
)

// settled forgets moves whose source has been told that they are finished.
type settled struct {
	moves []object.LocationVersion
}

// allocate takes a block of a sequence.
type allocate struct {
	table  object.TableID
	column int
	count  uint64
}

type createTable struct {
	Request RequestID
	Spec    catalog.TableSpec
}

type alterTable struct {
	Request RequestID
	Change  catalog.Change
}

type dropTables struct {
	Request RequestID
	Drop    catalog.Drop
}

type truncate struct {
	Request  RequestID
	Truncate catalog.Truncate
}

type changePolicy struct {
	Request RequestID
	Change  catalog.PolicyChange
}

type changePartition struct {
	Request RequestID
	Change  catalog.PartitionChange
}

// advance takes a schema change from one phase to the next.
type advance struct {
	Job  uint64
	From phase
	Err  *pgerror.Error `json:",omitempty"` // a verification failed: go back
}

// adopt gives existing objects of a table that was static entries.
type adopt struct {
	job       uint64
	partition object.PartitionID
	ids       []object.ID
}

// clean removes entries of a dropped table, at most limit.
type clean struct {
	job   uint64
	limit int
}

// raiseFloor raises the floor as far as it can be.
type raiseFloor struct{}

func appendJSON(dst []byte, kind byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // the types above hold nothing that JSON cannot say
		panic(fmt.Sprintf("oracle: encode log command: %v", err))
	}
	return append(append(dst, kind), text...)
}

func (c *initialise) append(dst []byte) []byte  { return appendJSON(dst, kindInitialise, c) }
func (c *createTable) append(dst []byte) []byte { return appendJSON(dst, kindCreateTable, c) }
func (c *alterTable) append(dst []byte) []byte  { return appendJSON(dst, kindAlterTable, c) }
func (c *dropTables) append(dst []byte) []byte  { return appendJSON(dst, kindDropTables, c) }
func (c *truncate) append(dst []byte) []byte    { return appendJSON(dst, kindTruncate, c) }
func (c *advance) append(dst []byte) []byte     { return appendJSON(dst, kindAdvance, c) }

func (c *changePolicy) append(dst []byte) []byte    { return appendJSON(dst, kindChangePolicy, c) }
func (c *changePartition) append(dst []byte) []byte { return appendJSON(dst, kindChangePartition, c) }

func (c *assign) append(dst []byte) []byte {
	if c.at == 0 && !slices.ContainsFunc(c.items, hasOrigin) {
		return appendAssignments(append(dst, kindAssign), c.items)
	}
	dst = binary.AppendVarint(append(dst, kindAssignFrom), c.at)
	return appendOrigins(appendAssignments(dst, c.items), c.items)
}

func hasOrigin(a catalog.Assignment) bool { return a.Origin != catalog.Origin{} }

// appendOrigins encodes the origins of assignments.
func appendOrigins(dst []byte, items []catalog.Assignment) []byte {
	var t texts
	for i := range items {
		dst = t.appendOrigin(dst, &items[i].Origin)
	}
	return dst
}

func (d *decoder) origins(items []catalog.Assignment) {
	t := textDecoder{decoder: d}
	for i := range items {
		items[i].Origin = t.origin()
	}
}

func appendAssignments(dst []byte, items []catalog.Assignment) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for _, it := range items {
		dst = appendString(dst, it.ID)
		dst = binary.AppendUvarint(dst, uint64(it.Partition))
	}
	return dst
}

func (d *decoder) assignments() []catalog.Assignment {
	items := make([]catalog.Assignment, 0, d.count())
	for range cap(items) {
		items = append(items, catalog.Assignment{ID: d.id(), Partition: object.PartitionID(d.uint32())})
	}
	return items
}

func (c *beginMoves) append(dst []byte) []byte {
	plain := c.pin == catalog.KeepPins && c.origin == catalog.Origin{} && c.reasons == nil && c.unpaid == 0
	switch {
	case !c.whole:
		dst = append(dst, kindBeginMoves)
	case plain:
		dst = binary.AppendUvarint(append(dst, kindBeginWhole), uint64(c.each))
	default:
		dst = binary.AppendUvarint(append(dst, kindBeginFrom), uint64(c.each))
	}
	dst = binary.AppendUvarint(dst, uint64(c.to))
	dst = binary.AppendVarint(appendIDs(dst, c.ids), c.at)
	if !c.whole || plain {
		return dst
	}
	return appendWish(binary.AppendUvarint(dst, uint64(c.unpaid)), c.pin, &c.origin, c.reasons)
}

func (d *decoder) beginMoves() *beginMoves {
	return &beginMoves{to: object.PartitionID(d.uint32()), ids: d.ids(), at: d.varint()}
}

func (c *beginReleases) append(dst []byte) []byte {
	return appendIDs(append(dst, kindBeginReleases), c.ids)
}

func (c *finish) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, kindFinish), uint64(c.move))
	dst = appendString(dst, c.reason)
	dst = binary.AppendUvarint(dst, uint64(len(c.fates)))
	for _, f := range c.fates {
		dst = append(dst, byte(f))
	}
	return binary.AppendVarint(dst, c.at)
}

func (c *settled) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, kindSettled), uint64(len(c.moves)))
	for _, m := range c.moves {
		dst = binary.AppendUvarint(dst, uint64(m))
	}
	return dst
}

func (c *allocate) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, kindSequence), uint64(c.table))
	dst = binary.AppendUvarint(dst, uint64(c.column))
	return binary.AppendUvarint(dst, c.count)
}

func (c *adopt) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, kindAdopt), c.job)
	dst = binary.AppendUvarint(dst, uint64(c.partition))
	return appendIDs(dst, c.ids)
}

func (c *clean) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, kindClean), c.job)
	return binary.AppendUvarint(dst, uint64(c.limit))
}

func (c *raiseFloor) append(dst []byte) []byte { return append(dst, kindRaiseFloor) }

// decodeCommand is the inverse of append.
func decodeCommand(b []byte) (logCommand, error) {
	if len(b) == 0 {
		return nil, errMalformed
	}
	d := &decoder{b: b[1:]}
	switch b[0] {
	case kindInitialise:
		return decodeJSON(d, new(initialise))
	case kindCreateTable:
		return decodeJSON(d, new(createTable))
	case kindAlterTable:
		return decodeJSON(d, new(alterTable))
	case kindDropTables:
		return decodeJSON(d, new(dropTables))
	case kindTruncate:
		return decodeJSON(d, new(truncate))
	case kindAdvance:
		return decodeJSON(d, new(advance))
	case kindChangePolicy:
		return decodeJSON(d, new(changePolicy))
	case kindChangePartition:
		return decodeJSON(d, new(changePartition))
	}
	c, err := decodeBinary(b[0], d)
	if err != nil {
		return nil, err
	}
	return c, d.end()
}

func decodeJSON[C logCommand](d *decoder, c C) (logCommand, error) {
	if err := json.Unmarshal(d.b, c); err != nil {
		return nil, fmt.Errorf("%w: %v", errMalformed, err)
	}
	return c, nil
}

func decodeBinary(kind byte, d *decoder) (logCommand, error) {
	switch kind {
	case kindAssign:
		return &assign{items: d.assignments()}, nil
	case kindBeginMoves:
		return d.beginMoves(), nil
	case kindAssignFrom:
		at := d.varint()
		c := &assign{items: d.assignments(), at: at}
		d.origins(c.items)
		return c, nil
	case kindBeginWhole, kindBeginFrom:
		each := int(d.uint32())
		c := d.beginMoves()
		c.whole, c.each = true, each
		if kind == kindBeginFrom {
			c.unpaid = int(d.uint32())
			c.pin, c.origin, c.reasons = d.wish(len(c.ids))
		}
		return c, nil
	case kindBeginReleases:
		return &beginReleases{ids: d.ids()}, nil
	case kindFinish:
		c := &finish{move: object.LocationVersion(d.uvarint()), reason: string(d.bytes())}
		c.fates = make([]fate, d.count())
		for i := range c.fates {
			c.fates[i] = fate(d.byte())
		}
		c.at = d.varint()
		return c, nil
	case kindSettled:
		c := &settled{moves: make([]object.LocationVersion, d.count())}
		for i := range c.moves {
			c.moves[i] = object.LocationVersion(d.uvarint())
		}
		return c, nil
	case kindSequence:
		return &allocate{table: object.TableID(d.uint32()), column: int(d.uint32()), count: d.uvarint()}, nil
	case kindAdopt:
		return &adopt{job: d.uvarint(), partition: object.PartitionID(d.uint32()), ids: d.ids()}, nil
	case kindClean:
		return &clean{job: d.uvarint(), limit: int(d.uint32())}, nil
	case kindRaiseFloor:
		return &raiseFloor{}, nil
	}
	return nil, fmt.Errorf("%w: command kind %d", errMalformed, kind)
}
