package command

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/object"
)

func appendTransaction(dst []byte, t object.TransactionID) []byte {
	dst = appendString(dst, t.Node)
	dst = appendUint(dst, t.Incarnation)
	return appendUint(dst, t.Sequence)
}

func (r *reader) transaction() object.TransactionID {
	return object.TransactionID{Node: object.NodeID(r.name()), Incarnation: r.uint(), Sequence: r.uint()}
}

func appendTransactions(dst []byte, list []object.TransactionID) []byte {
	dst = appendUint(dst, uint64(len(list)))
	for _, t := range list {
		dst = appendTransaction(dst, t)
	}
	return dst
}

func (r *reader) transactions() []object.TransactionID {
	n := r.count(3)
	if n == 0 {
		return nil
	}
	list := make([]object.TransactionID, n)
	for i := range list {
		list[i] = r.transaction()
	}
	return list
}

func appendPartitions(dst []byte, list []object.PartitionID) []byte {
	dst = appendUint(dst, uint64(len(list)))
	for _, p := range list {
		dst = appendUint(dst, uint64(p))
	}
	return dst
}

func (r *reader) partitions(into []object.PartitionID) []object.PartitionID {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	list := room(into, n)
	for i := range list {
		list[i] = object.PartitionID(r.uint32())
	}
	return list
}

// Bits of the flags of a Prepare. Append only.
const (
	prepareWaits byte = 1 << iota
	prepareMore
	prepareContinues
	preparePlaced
)

func appendPrepare(dst []byte, p *Prepare) []byte {
	var flags byte
	if p.Wait {
		flags |= prepareWaits
	}
	if p.More {
		flags |= prepareMore
	}
	if p.Continues {
		flags |= prepareContinues
	}
	if p.Placed {
		flags |= preparePlaced
	}
	dst = append(dst, flags)
	dst = appendTransaction(dst, p.Transaction)
	dst = appendPartitions(dst, p.Participants)
	dst = appendTransaction(dst, p.Owner)
	return appendPart(dst, &p.Part)
}

func (r *reader) prepare() *Prepare {
	flags := r.byte()
	if flags > prepareWaits|prepareMore|prepareContinues|preparePlaced {
		r.fail("unknown flags of a prepare")
	}
	p := r.d.newPrepare()
	participants, part := p.Participants, p.Part
	*p = Prepare{
		Wait: flags&prepareWaits != 0, More: flags&prepareMore != 0,
		Continues: flags&prepareContinues != 0, Placed: flags&preparePlaced != 0,
	}
	p.Transaction = r.transaction()
	p.Participants = r.partitions(participants)
	for i, id := range p.Participants {
		if id == 0 || i > 0 && id <= p.Participants[i-1] {
			r.fail("participants are out of order")
		}
	}
	if p.Transaction.IsZero() || len(p.Participants) == 0 {
		r.fail("a prepare of no transaction")
	}
	p.Owner = r.transaction()
	r.part(&p.Part, part)
	return p
}

// appendPart encodes a part, length first.
func appendPart(dst []byte, p *Part) []byte {
	start := len(dst)
	dst = appendUint(dst, uint64(len(p.Tables)))
	for _, t := range p.Tables {
		dst = appendUint(appendUint(dst, uint64(t.Table)), uint64(t.Schema))
	}
	dst = appendUint(dst, uint64(len(p.Ranges)))
	for i := range p.Ranges {
		g := &p.Ranges[i]
		dst = appendUint(dst, uint64(g.Table))
		dst = appendSpans(dst, g.Spans)
		dst = appendString(dst, g.Program)
		dst = appendContext(dst, &g.Context)
		dst = appendPrint(dst, g.Print)
	}
	dst = appendEffects(dst, p.Effects)
	dst = appendUint(dst, uint64(len(p.Writes)))
	for _, w := range p.Writes {
		at := len(dst)
		dst = nest(appendWrite(dst, w), at)
	}
	return nest(dst, start)
}

// part reads a part, in the memory of was where there is room.
func (r *reader) part(p *Part, was Part) {
	in := r.nested()
	if n := in.count(2); n > 0 {
		p.Tables = room(was.Tables, n)
		for i := range p.Tables {
			p.Tables[i] = TableVersion{Table: object.TableID(in.uint32()), Schema: object.SchemaVersion(in.uint())}
		}
	}
	if n := in.count(9); n > 0 {
		p.Ranges = make([]Range, n)
		for i := range p.Ranges {
			p.Ranges[i] = Range{
				Table: object.TableID(in.uint32()), Spans: in.spans(), Program: in.take(in.uint()), Context: in.context(nil), Print: in.print(),
			}
		}
	}
	p.Effects = in.effects(was.Effects)
	if n := in.count(10); n > 0 {
		p.Writes = room(was.Writes, n)
		for i := range p.Writes {
			w := in.nested()
			p.Writes[i] = w.write()
			in.within(&w)
		}
	}
	r.within(&in)
}

func appendEffects(dst []byte, list []Effect) []byte {
	dst = appendUint(dst, uint64(len(list)))
	for i := range list {
		dst = appendTarget(dst, &list[i].Target)
		dst = appendUint(append(dst, byte(list[i].Kind)), uint64(list[i].Revision))
	}
	return dst
}

func (r *reader) effects(into []Effect) []Effect {
	n := r.count(6)
	if n == 0 {
		return nil
	}
	list := room(into, n)
	for i := range list {
		r.target(&list[i].Target)
		list[i].Kind = EffectKind(r.byte())
		if list[i].Kind > EffectDelete {
			r.fail("unknown kind of effect")
		}
		list[i].Revision = object.Revision(r.uint())
	}
	return list
}

func appendPrint(dst []byte, p Fingerprint) []byte {
	dst = binary.AppendVarint(dst, p.Count)
	return appendUint(appendUint(dst, p.Sum), p.Index)
}

func (r *reader) print() Fingerprint {
	return Fingerprint{Count: r.varint(), Sum: r.uint(), Index: r.uint()}
}

func appendConflict(dst []byte, c *Conflict) []byte {
	if c == nil {
		return append(dst, 0)
	}
	return appendUint(appendString(append(dst, 1), c.ID), uint64(c.Table))
}

func (r *reader) conflict() *Conflict {
	if !r.bool() {
		return nil
	}
	return &Conflict{ID: object.ID(r.string()), Table: object.TableID(r.uint32())}
}

func appendConclude(dst []byte, c *Conclude) []byte {
	dst = appendTransactions(dst, c.Commit)
	dst = appendTransactions(dst, c.Abort)
	return appendTransactions(dst, c.Forget)
}

func appendLock(dst []byte, l *Lock) []byte {
	dst = append(dst, byte(l.Mode), byte(l.Wait))
	dst = appendTransaction(dst, l.Owner)
	dst = appendUint(dst, uint64(l.Table))
	dst = appendUint(dst, uint64(l.Schema))
	dst = appendTargets(dst, l.Targets)
	dst = appendString(dst, l.Program)
	return appendContext(dst, &l.Context)
}

func (r *reader) lock() *Lock {
	l := &Lock{Mode: LockMode(r.byte()), Wait: LockWait(r.byte()), Owner: r.transaction()}
	if l.Mode != LockShared && l.Mode != LockUpdate || l.Wait > LockSkips {
		r.fail("unknown kind of lock")
	}
	if l.Owner.IsZero() {
		r.fail("a lock of no transaction")
	}
	l.Table = object.TableID(r.uint32())
	l.Schema = object.SchemaVersion(r.uint())
	l.Targets = r.targets(nil)
	l.Program = r.take(r.uint())
	l.Context = r.context(nil)
	return l
}
