package state

import (
	"encoding/binary"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// effect is what the commit of a transaction does to one object. It is stored under
// prefixStaged from the Prepare to the Conclude, and whole: nothing is left to be
// decided at the commit, because the object's locks keep all that it rests on.
type effect struct {
	present bool   // the object is there from then on, as record says
	record  record // where it is not, version is that of the marker
	unmark  bool   // what is remembered of the id is forgotten
	vacant  bool   // the id is remembered as vacant
}

// Bits of the first byte of a staged effect. On disk: append only.
const (
	stagedPresent byte = 1 << iota
	stagedUnmark
	stagedVacant
)

func appendEffect(dst []byte, e *effect) []byte {
	var flags byte
	if e.present {
		flags |= stagedPresent
	}
	if e.unmark {
		flags |= stagedUnmark
	}
	if e.vacant {
		flags |= stagedVacant
	}
	return appendRecord(append(dst, flags), e.record)
}

// decodeEffect is the inverse; the row belongs to b.
func decodeEffect(b []byte) (e effect, err error) {
	if len(b) == 0 || b[0] > stagedPresent|stagedUnmark|stagedVacant {
		return e, corrupt("staged effect")
	}
	e.present, e.unmark, e.vacant = b[0]&stagedPresent != 0, b[0]&stagedUnmark != 0, b[0]&stagedVacant != 0
	e.record, err = decodeRecord(b[1:])
	return e, err
}

// decodeStaged reads the object that a staged effect makes; present is false where
// it deletes it. The row belongs to b.
func decodeStaged(b []byte) (r record, present bool, err error) {
	e, err := decodeEffect(b)
	return e.record, e.present && err == nil, err
}

// transactionRecord is a transaction as it is stored: what readers of a pinned state,
// and Open, need of it.
type transactionRecord struct {
	id           object.TransactionID
	state        command.TransactionState
	since        uint64 // the log entry that brought it to this state
	participants []object.PartitionID
	owner        object.TransactionID
	chunks       uint32 // records of locks beside the first, which is in locks
	// staged counts the effects that are stored under prefixStaged. Those of a
	// transaction that is committed are being carried out, a part for each Conclude:
	// who reads the state has to count them, whatever else he includes.
	staged int
	bytes  int // of them
	// forgotten says that it may be dropped when there is no room: all participants
	// have concluded it, as somebody other than its coordinator has told.
	forgotten bool
	locks     []byte // of its first command; see appendLocks
}

const recordForgotten byte = 1

func appendTransactionRecord(dst []byte, t *transactionRecord) []byte {
	var flags byte
	if t.forgotten {
		flags |= recordForgotten
	}
	dst = append(dst, byte(t.state), flags)
	dst = binary.AppendUvarint(dst, t.since)
	dst = binary.AppendUvarint(dst, uint64(len(t.participants)))
	for _, p := range t.participants {
		dst = binary.AppendUvarint(dst, uint64(p))
	}
	dst = appendTransaction(dst, t.owner)
	dst = binary.AppendUvarint(dst, uint64(t.chunks))
	dst = binary.AppendUvarint(dst, uint64(t.staged))
	dst = binary.AppendUvarint(dst, uint64(t.bytes))
	return append(dst, t.locks...)
}

// decodeTransactionRecord reads a key under prefixTransactions, without the prefix,
// and its value; the record keeps nothing of them but locks.
func decodeTransactionRecord(key, b []byte) (*transactionRecord, error) {
	id, rest, err := cutTransaction(key)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 || len(b) < 2 || b[0] > byte(command.TransactionLocking) || b[1] > recordForgotten {
		return nil, corrupt("transaction")
	}
	t := &transactionRecord{id: id, state: command.TransactionState(b[0]), forgotten: b[1] == recordForgotten}
	c := cutter{b: b[2:]}
	t.since = c.uint()
	n := c.uint()
	if n > uint64(len(c.b)) {
		return nil, corrupt("transaction")
	}
	t.participants = make([]object.PartitionID, n)
	for i := range t.participants {
		t.participants[i] = object.PartitionID(c.uint())
	}
	if c.bad {
		return nil, corrupt("transaction")
	}
	if t.owner, c.b, err = cutTransaction(c.b); err != nil {
		return nil, err
	}
	t.chunks, t.staged, t.bytes = uint32(c.uint()), int(c.uint()), int(c.uint())
	if c.bad {
		return nil, corrupt("transaction")
	}
	t.locks = c.b
	return t, nil
}

// readTransactions calls each for the transactions that r knows, in the order of
// their keys. Of what each is given only locks must not be kept.
func readTransactions(r storage.Reader, each func(*transactionRecord) error) error {
	return scan(r, prefixTransactions, func(key, value []byte) error {
		t, err := decodeTransactionRecord(key, value)
		if err != nil {
			return err
		}
		return each(t)
	})
}

// readOutgoing calls each for the moves that have departed and are not settled,
// ascending. to is 0 for a release, which has no values.
func readOutgoing(r storage.Reader, each func(move object.LocationVersion, to object.PartitionID) error) error {
	return scan(r, prefixMoves, func(key, value []byte) error {
		state, to, err := decodeMove(value)
		if err != nil || len(key) != 8 {
			return corrupt("move")
		}
		if state == moveSettled {
			return nil
		}
		return each(object.LocationVersion(binary.BigEndian.Uint64(key)), to)
	})
}

// lockRecord is what a command of a transaction has locked.
type lockRecord struct {
	objects []lockedObject
	spans   []lockedSpan
}

type lockedObject struct {
	id   object.ID
	mode command.LockMode
}

type lockedSpan struct {
	span command.Span
	mode command.LockMode
}

func appendLocks(dst []byte, objects []lockedObject, spans []lockedSpan) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(objects)))
	for _, o := range objects {
		dst = appendText(append(dst, byte(o.mode)), o.id)
	}
	dst = binary.AppendUvarint(dst, uint64(len(spans)))
	for _, s := range spans {
		dst = appendText(append(dst, byte(s.mode)), s.span.Start)
		dst = appendText(dst, s.span.End)
	}
	return dst
}

func decodeLocks(b []byte) (l lockRecord, err error) {
	if len(b) == 0 {
		return l, nil
	}
	c := cutter{b: b}
	for n := c.uint(); n > 0 && !c.bad; n-- {
		mode := c.mode()
		l.objects = append(l.objects, lockedObject{c.id(), mode})
	}
	for n := c.uint(); n > 0 && !c.bad; n-- {
		mode := c.mode()
		l.spans = append(l.spans, lockedSpan{command.Span{Start: c.id(), End: c.id()}, mode})
	}
	if c.bad || len(c.b) > 0 {
		return l, corrupt("locks")
	}
	l.objects, l.spans = slices.Clip(l.objects), slices.Clip(l.spans)
	return l, nil
}

func appendText[S ~string](dst []byte, s S) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// cutter takes a stored value apart. After the first error it gives zero values.
type cutter struct {
	b   []byte
	bad bool
}

func (c *cutter) uint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cutter) mode() command.LockMode {
	if len(c.b) == 0 || c.b[0] < byte(command.LockShared) || c.b[0] > byte(command.LockExclusive) {
		c.bad, c.b = true, nil
		return 0
	}
	m := command.LockMode(c.b[0])
	c.b = c.b[1:]
	return m
}

func (c *cutter) id() object.ID {
	n := c.uint()
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return ""
	}
	id := object.ID(c.b[:n])
	c.b = c.b[n:]
	return id
}
