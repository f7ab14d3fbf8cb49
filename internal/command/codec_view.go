package command

import (
	"github.com/ssmr/ssmr/internal/object"
)

// Bits of the flags of a view. Append only.
const (
	viewTracks byte = 1 << iota
	viewChecks
)

func (v *View) isZero() bool {
	return v.Pin == Pin{} && len(v.Include) == 0 && len(v.Outgoing) == 0 && len(v.Overlay) == 0 && !v.Track && v.Checks == nil
}

// appendView encodes a view, length first.
func appendView(dst []byte, v *View) []byte {
	start := len(dst)
	var flags byte
	if v.Track {
		flags |= viewTracks
	}
	if v.Checks != nil {
		flags |= viewChecks
	}
	dst = append(dst, flags)
	dst = appendPin(dst, v.Pin)
	dst = appendTransactions(dst, v.Include)
	dst = appendUint(dst, uint64(len(v.Outgoing)))
	for _, m := range v.Outgoing {
		dst = appendUint(dst, uint64(m))
	}
	dst = appendUint(dst, uint64(len(v.Overlay)))
	for i := range v.Overlay {
		dst = appendString(dst, v.Overlay[i].ID)
		dst = appendBytes(dst, v.Overlay[i].Row)
		dst = appendUint(dst, uint64(v.Overlay[i].Version))
	}
	if v.Checks != nil {
		dst = appendPart(dst, v.Checks)
	}
	return nest(dst, start)
}

func (r *reader) view(v *View) {
	in := r.nested()
	flags := in.byte()
	if flags > viewTracks|viewChecks {
		in.fail("unknown flags of a view")
	}
	v.Track = flags&viewTracks != 0
	v.Pin = in.pin()
	v.Include = in.transactions()
	if n := in.count(1); n > 0 {
		v.Outgoing = make([]object.LocationVersion, n)
		for i := range v.Outgoing {
			v.Outgoing[i] = in.version()
		}
	}
	if n := in.count(3); n > 0 {
		v.Overlay = make([]Overlaid, n)
		for i := range v.Overlay {
			v.Overlay[i] = Overlaid{ID: object.ID(in.string()), Row: in.bytes(), Version: in.version()}
		}
	}
	if flags&viewChecks != 0 {
		v.Checks = new(Part)
		in.part(v.Checks, Part{})
	}
	r.within(&in)
}

func appendPin(dst []byte, p Pin) []byte { return appendUint(appendString(dst, p.Node), p.ID) }

func (r *reader) pin() Pin { return Pin{Node: object.NodeID(r.string()), ID: r.uint()} }

// AppendPart encodes a part, as for a Validate.
func AppendPart(dst []byte, p *Part) []byte { return appendPart(dst, p) }

// DecodePart is the inverse of AppendPart. Rows and programs belong to b.
func DecodePart(b []byte) (*Part, error) {
	r := reader{b: b}
	p := new(Part)
	r.part(p, Part{})
	if err := r.done(); err != nil {
		return nil, err
	}
	return p, nil
}

// AppendEvaluate encodes an Evaluate.
func AppendEvaluate(dst []byte, e *Evaluate) []byte {
	start := len(dst)
	dst = nest(appendWrite(dst, e.Write), start)
	return appendView(dst, &e.View)
}

// DecodeEvaluate is the inverse of AppendEvaluate. Rows and programs belong to b.
func DecodeEvaluate(b []byte) (*Evaluate, error) {
	r := reader{b: b}
	e := new(Evaluate)
	w := r.nested()
	e.Write = w.write()
	r.within(&w)
	r.view(&e.View)
	if err := r.done(); err != nil {
		return nil, err
	}
	return e, nil
}

// AppendEvaluation encodes an Evaluation.
func AppendEvaluation(dst []byte, e *Evaluation) []byte {
	dst = append(dst, answerFlags(e.Refusal, e.Err))
	dst = appendRefusal(dst, e.Refusal)
	dst = appendError(dst, e.Err)
	dst = appendConflict(dst, e.Conflict)
	dst = appendBool(dst, e.Result != nil)
	if e.Result != nil {
		start := len(dst)
		dst = nest(AppendResult(dst, e.Result), start)
	}
	dst = appendEffects(dst, e.Effects)
	return appendPrint(dst, e.Print)
}

// DecodeEvaluation is the inverse of AppendEvaluation. Rows belong to b.
func DecodeEvaluation(b []byte) (*Evaluation, error) {
	r := reader{b: b}
	e := new(Evaluation)
	e.Refusal, e.Err = r.answer()
	e.Conflict = r.conflict()
	if r.bool() {
		e.Result = r.result()
	}
	e.Effects = r.effects(nil)
	e.Print = r.print()
	if err := r.done(); err != nil {
		return nil, err
	}
	return e, nil
}

// AppendPinned encodes what a node tells of a snapshot.
func AppendPinned(dst []byte, p *Pinned) []byte {
	dst = appendPin(dst, p.Pin)
	dst = appendUint(dst, p.Index)
	dst = appendUint(dst, uint64(len(p.Transactions)))
	for i := range p.Transactions {
		t := &p.Transactions[i]
		dst = appendTransaction(dst, t.ID)
		dst = append(dst, byte(t.State))
		dst = appendPartitions(dst, t.Participants)
	}
	dst = appendUint(dst, uint64(len(p.Outgoing)))
	for _, m := range p.Outgoing {
		dst = appendUint(appendUint(dst, uint64(m.Move)), uint64(m.To))
	}
	return dst
}

// DecodePinned is the inverse of AppendPinned.
func DecodePinned(b []byte) (*Pinned, error) {
	r := reader{b: b}
	p := &Pinned{Pin: r.pin(), Index: r.uint()}
	if n := r.count(5); n > 0 {
		p.Transactions = make([]PinnedTransaction, n)
		for i := range p.Transactions {
			p.Transactions[i] = PinnedTransaction{ID: r.transaction(), State: TransactionState(r.byte()), Participants: r.partitions(nil)}
		}
	}
	if n := r.count(2); n > 0 {
		p.Outgoing = make([]PinnedMove, n)
		for i := range p.Outgoing {
			p.Outgoing[i] = PinnedMove{Move: r.version(), To: object.PartitionID(r.uint32())}
		}
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return p, nil
}
