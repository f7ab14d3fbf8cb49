package command

import (
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Kinds of outcomes. They are in states and on the wire: append only.
const (
	outcomeResult byte = iota + 1
	outcomeDeparted
	outcomeVote
	outcomeConcluded
	outcomeResolution
	outcomeGranted
	outcomeAssigned
)

// Bits of the first byte of an answer. Append only.
const (
	answerRefused byte = 1 << iota
	answerFailed
)

// Bits of the first byte of a departure. Append only.
const (
	departureGone byte = 1 << iota
	departureDeferred
)

// AppendOutcome encodes the answer to a command: a *Departed for a Depart, a *Vote
// for a Prepare, a *Concluded for a Conclude, a *Resolution for a Resolve, a *Granted
// for a Lock, an *Assigned for the oracle's part, and a *Result for everything else.
func AppendOutcome(dst []byte, outcome any) []byte {
	switch o := outcome.(type) {
	case *Result:
		return AppendResult(append(dst, outcomeResult), o)
	case *Departed:
		return AppendDeparted(append(dst, outcomeDeparted), o)
	case *Vote:
		return AppendVote(append(dst, outcomeVote), o)
	case *Concluded:
		return appendTransactions(append(dst, outcomeConcluded), o.Rest)
	case *Resolution:
		return append(dst, outcomeResolution, byte(o.State))
	case *Granted:
		return appendGranted(append(dst, outcomeGranted), o)
	case *Assigned:
		return appendUint(append(dst, outcomeAssigned), uint64(o.Version))
	}
	return append(dst, 0) // no kind: every decoder refuses it
}

// DecodeOutcome is the inverse of AppendOutcome. Rows belong to b.
func DecodeOutcome(b []byte) (any, error) {
	if len(b) > 0 {
		switch b[0] {
		case outcomeResult:
			return asOutcome(DecodeResult(b[1:]))
		case outcomeDeparted:
			return asOutcome(DecodeDeparted(b[1:]))
		case outcomeVote:
			return asOutcome(DecodeVote(b[1:]))
		case outcomeConcluded:
			return asOutcome(decodeConcluded(b[1:]))
		case outcomeResolution:
			return asOutcome(decodeResolution(b[1:]))
		case outcomeGranted:
			return asOutcome(decodeGranted(b[1:]))
		case outcomeAssigned:
			return asOutcome(decodeAssigned(b[1:]))
		}
	}
	r := reader{b: b}
	r.fail("unknown kind of outcome")
	return nil, r.err
}

func asOutcome[T any](o *T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return o, nil
}

func decodeAssigned(b []byte) (*Assigned, error) {
	r := reader{b: b}
	a := &Assigned{Version: object.LocationVersion(r.uint())}
	if err := r.done(); err != nil {
		return nil, err
	}
	return a, nil
}

// AppendResult encodes a result.
func AppendResult(dst []byte, res *Result) []byte {
	dst = append(dst, answerFlags(res.Refusal, res.Err))
	dst = appendRefusal(dst, res.Refusal)
	dst = appendError(dst, res.Err)
	dst = binary.AppendVarint(dst, res.Affected)
	dst = appendRows(dst, res.Rows)
	dst = appendIndexes(dst, res.Absent)
	if len(res.Rest) > 0 {
		dst = appendSpans(dst, res.Rest)
	}
	return dst
}

// DecodeResult is the inverse of AppendResult. The rows belong to b.
func DecodeResult(b []byte) (*Result, error) {
	r := reader{b: b}
	res := new(Result)
	res.Refusal, res.Err = r.answer()
	res.Affected = r.varint()
	res.Rows = r.rows()
	res.Absent = r.indexes()
	if r.more() {
		res.Rest = r.spans()
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return res, nil
}

// AppendDeparted encodes the answer to a Depart.
func AppendDeparted(dst []byte, d *Departed) []byte {
	dst = append(dst, answerFlags(d.Refusal, nil))
	dst = appendRefusal(dst, d.Refusal)
	dst = appendUint(dst, uint64(len(d.Objects)))
	for i := range d.Objects {
		dst = append(dst, departureFlags(&d.Objects[i]))
		dst = appendBytes(dst, d.Objects[i].Row)
	}
	// The revisions came later than the rows. They are behind all of these; nothing
	// where there are none.
	if slices.ContainsFunc(d.Objects, func(o Departure) bool { return o.Revision != 0 }) {
		for i := range d.Objects {
			dst = appendUint(dst, uint64(d.Objects[i].Revision))
		}
	}
	return dst
}

// DecodeDeparted is the inverse of AppendDeparted. The rows belong to b.
func DecodeDeparted(b []byte) (*Departed, error) {
	r := reader{b: b}
	d := new(Departed)
	d.Refusal, _ = r.answer()
	if n := r.count(2); n > 0 {
		d.Objects = make([]Departure, n)
		for i := range d.Objects {
			flags := r.byte()
			if flags > departureGone|departureDeferred {
				r.fail("unknown kind of departure")
			}
			d.Objects[i] = Departure{
				Gone:     flags&departureGone != 0,
				Deferred: flags&departureDeferred != 0,
				Row:      r.bytes(),
			}
		}
	}
	if r.more() {
		for i := range d.Objects {
			d.Objects[i].Revision = object.Revision(r.uint())
		}
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return d, nil
}

func departureFlags(d *Departure) byte {
	var flags byte
	if d.Gone {
		flags |= departureGone
	}
	if d.Deferred {
		flags |= departureDeferred
	}
	return flags
}

func answerFlags(refusal *Refusal, err *pgerror.Error) byte {
	var flags byte
	if refusal != nil {
		flags |= answerRefused
	}
	if err != nil {
		flags |= answerFailed
	}
	return flags
}

// answer reads what appendRefusal and appendError wrote.
func (r *reader) answer() (refusal *Refusal, failure *pgerror.Error) {
	flags := r.byte()
	if flags > answerRefused|answerFailed {
		r.fail("unknown kind of answer")
		return nil, nil
	}
	if flags&answerRefused != 0 {
		refusal = r.refusal()
	}
	if flags&answerFailed != 0 {
		failure = new(pgerror.Error)
		if err := json.Unmarshal(r.take(r.uint()), failure); err != nil {
			r.fail("error of a statement: " + err.Error())
		}
	}
	return refusal, failure
}

func appendRefusal(dst []byte, refusal *Refusal) []byte {
	if refusal == nil {
		return dst
	}
	dst = append(dst, byte(refusal.Reason))
	dst = appendUint(dst, uint64(refusal.Schema))
	dst = appendUint(dst, uint64(len(refusal.Objects)))
	for _, o := range refusal.Objects {
		dst = appendString(dst, o.ID)
		dst = appendUint(dst, uint64(o.Location.Partition))
		dst = appendUint(dst, uint64(o.Location.Version))
	}
	return dst
}

func (r *reader) refusal() *Refusal {
	refusal := &Refusal{Reason: Reason(r.byte()), Schema: object.SchemaVersion(r.uint())}
	if n := r.count(3); n > 0 {
		refusal.Objects = make([]Redirect, n)
		for i := range refusal.Objects {
			refusal.Objects[i].ID = object.ID(r.string())
			refusal.Objects[i].Location.Partition = object.PartitionID(r.uint32())
			refusal.Objects[i].Location.Version = r.version()
		}
	}
	return refusal
}

func appendError(dst []byte, e *pgerror.Error) []byte {
	if e == nil {
		return dst
	}
	text, err := json.Marshal(e)
	if err != nil {
		text = nil // the decoder refuses it; a struct of strings always marshals
	}
	return appendString(dst, text)
}

func appendRows(dst []byte, rows [][]byte) []byte {
	dst = appendUint(dst, uint64(len(rows)))
	for _, row := range rows {
		dst = appendString(dst, row)
	}
	return dst
}

func (r *reader) rows() [][]byte {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	rows := make([][]byte, n)
	for i := range rows {
		rows[i] = r.take(r.uint())
	}
	return rows
}

func appendIndexes(dst []byte, list []int) []byte {
	dst = appendUint(dst, uint64(len(list)))
	for _, i := range list {
		dst = appendUint(dst, uint64(i))
	}
	return dst
}

func (r *reader) indexes() []int {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	list := make([]int, n)
	for i := range list {
		list[i] = r.int()
	}
	return list
}
