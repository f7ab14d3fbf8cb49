package command

import (
	"encoding/json"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// Kinds of bodies in logs and on the wire. Append only.
const (
	kindWrite byte = iota + 1
	kindDepart
	kindArrive
	kindSettle
	kindInstallTable
	kindDropTable
	kindInstallSlots
	kindRaiseFloor
	kindPrepare
	kindConclude
	kindResolve
	kindLock
	kindWithdraw
	kindArrived // a Settle with Arrived
)

// AppendCommand encodes a command.
func AppendCommand(dst []byte, c *Command) []byte {
	dst = AppendHeader(dst, c.ID, c.Settled)
	return AppendBody(dst, c.Body)
}

// AppendHeader encodes the part of a command that precedes its body: what is
// different when the same body is sent as another command.
func AppendHeader(dst []byte, id object.CommandID, settled uint64) []byte {
	return appendUint(appendCommandID(dst, id), settled)
}

func appendCommandID(dst []byte, id object.CommandID) []byte {
	dst = appendString(dst, id.Node)
	dst = appendUint(dst, id.Incarnation)
	return appendUint(dst, id.Sequence)
}

// DecodeCommand is the inverse of AppendCommand. Rows and programs of the
// command belong to b.
func DecodeCommand(b []byte) (*Command, error) { return decodeCommand(reader{b: b}, new(Command)) }

func decodeCommand(r reader, c *Command) (*Command, error) {
	c.ID, c.Settled = r.header()
	c.Body = r.body()
	if err := r.done(); err != nil {
		return nil, err
	}
	return c, nil
}

func (r *reader) header() (id object.CommandID, settled uint64) {
	return r.commandID(), r.uint()
}

func (r *reader) commandID() object.CommandID {
	return object.CommandID{Node: object.NodeID(r.name()), Incarnation: r.uint(), Sequence: r.uint()}
}

// AppendBody encodes what a command does.
func AppendBody(dst []byte, body Body) []byte {
	switch b := body.(type) {
	case *Write:
		return appendWrite(append(dst, kindWrite), b)
	case *Depart:
		dst = append(dst, kindDepart)
		dst = appendUint(dst, uint64(b.Move))
		dst = appendUint(dst, uint64(b.To))
		return appendIDs(dst, b.Objects)
	case *Arrive:
		dst = append(dst, kindArrive)
		dst = appendUint(dst, uint64(b.Move))
		dst = appendUint(dst, uint64(len(b.Objects)))
		for i := range b.Objects {
			dst = appendString(dst, b.Objects[i].ID)
			dst = appendBytes(dst, b.Objects[i].Row)
		}
		return appendArrivalRevisions(dst, b.Objects)
	case *Settle:
		if b.Arrived {
			dst = append(dst, kindArrived)
		} else {
			dst = append(dst, kindSettle)
		}
		dst = appendUint(dst, uint64(len(b.Moves)))
		for _, m := range b.Moves {
			dst = appendUint(dst, uint64(m))
		}
		return dst
	case *InstallTable:
		return AppendTable(append(dst, kindInstallTable), b.Table)
	case *DropTable:
		return appendUint(append(dst, kindDropTable), uint64(b.Table))
	case *InstallSlots:
		dst = append(dst, kindInstallSlots)
		dst = appendUint(dst, uint64(len(b.Slots)))
		for _, s := range b.Slots {
			dst = appendUint(dst, uint64(s))
		}
		return appendUint(dst, uint64(b.Version))
	case *RaiseFloor:
		return appendUint(append(dst, kindRaiseFloor), uint64(b.Floor))
	case *Prepare:
		return appendPrepare(append(dst, kindPrepare), b)
	case *Conclude:
		return appendConclude(append(dst, kindConclude), b)
	case *Resolve:
		return appendTransaction(append(dst, kindResolve), b.Transaction)
	case *Lock:
		return appendLock(append(dst, kindLock), b)
	case *Withdraw:
		return appendCommandID(append(dst, kindWithdraw), b.Command)
	}
	return append(dst, 0) // no kind: every decoder refuses it
}

// DecodeBody is the inverse of AppendBody. Rows and programs of the body belong
// to b.
func DecodeBody(b []byte) (Body, error) {
	r := reader{b: b}
	body := r.body()
	if err := r.done(); err != nil {
		return nil, err
	}
	return body, nil
}

func (r *reader) body() Body {
	switch kind := r.byte(); kind {
	case kindWrite:
		return r.write()
	case kindDepart:
		return &Depart{Move: r.version(), To: object.PartitionID(r.uint32()), Objects: r.ids()}
	case kindArrive:
		return r.arrive()
	case kindSettle, kindArrived:
		b := &Settle{Arrived: kind == kindArrived}
		if n := r.count(1); n > 0 {
			b.Moves = make([]object.LocationVersion, n)
			for i := range b.Moves {
				b.Moves[i] = r.version()
			}
		}
		return b
	case kindInstallTable:
		return &InstallTable{Table: r.table()}
	case kindDropTable:
		return &DropTable{Table: object.TableID(r.uint32())}
	case kindInstallSlots:
		b := new(InstallSlots)
		if n := r.count(1); n > 0 {
			b.Slots = make([]object.Slot, n)
			for i := range b.Slots {
				s := r.uint()
				if s >= object.Slots {
					r.fail("slot is out of range")
				}
				b.Slots[i] = object.Slot(s)
			}
		}
		b.Version = r.version()
		return b
	case kindRaiseFloor:
		return &RaiseFloor{Floor: r.version()}
	case kindPrepare:
		return r.prepare()
	case kindConclude:
		return &Conclude{Commit: r.transactions(), Abort: r.transactions(), Forget: r.transactions()}
	case kindResolve:
		return &Resolve{Transaction: r.transaction()}
	case kindLock:
		return r.lock()
	case kindWithdraw:
		return &Withdraw{Command: r.commandID()}
	default:
		r.fail("unknown kind of command")
		return nil
	}
}

func (r *reader) version() object.LocationVersion { return object.LocationVersion(r.uint()) }

func (r *reader) arrive() *Arrive {
	b := &Arrive{Move: r.version()}
	if n := r.count(2); n > 0 {
		b.Objects = make([]Arrival, n)
		for i := range b.Objects {
			b.Objects[i] = Arrival{ID: object.ID(r.string()), Row: r.bytes()}
		}
	}
	if r.more() {
		for i := range b.Objects {
			b.Objects[i].Revision = object.Revision(r.uint())
		}
	}
	return b
}

// appendArrivalRevisions writes the revisions, which came later than the rows,
// behind all of these; nothing where there are none.
func appendArrivalRevisions(dst []byte, objects []Arrival) []byte {
	if !slices.ContainsFunc(objects, func(a Arrival) bool { return a.Revision != 0 }) {
		return dst
	}
	for i := range objects {
		dst = appendUint(dst, uint64(objects[i].Revision))
	}
	return dst
}

// writeHome is Write.Home, beside the byte's OnConflict.
const writeHome = 0x80

func appendWrite(dst []byte, w *Write) []byte {
	conflict := byte(w.Conflict)
	if w.Home {
		conflict |= writeHome
	}
	dst = append(dst, byte(w.Kind), conflict)
	dst = appendUint(dst, uint64(w.Table))
	dst = appendUint(dst, uint64(w.Schema))
	dst = appendTargets(dst, w.Targets)
	dst = appendSpans(dst, w.Spans)
	dst = appendString(dst, w.Program)
	return appendContext(dst, &w.Context)
}

func (r *reader) write() *Write {
	w := r.d.newWrite()
	targets, params := w.Targets, w.Context.Params
	*w = Write{Kind: WriteKind(r.byte())}
	conflict := r.byte()
	w.Conflict, w.Home = OnConflict(conflict&^writeHome), conflict&writeHome != 0
	if w.Kind < Create || w.Kind > Delete || w.Conflict > ConflictUpdates {
		r.fail("unknown kind of write")
	}
	w.Table = object.TableID(r.uint32())
	w.Schema = object.SchemaVersion(r.uint())
	w.Targets = r.targets(targets)
	w.Spans = r.spans()
	w.Program = r.take(r.uint())
	w.Context = r.context(params)
	return w
}

// AppendTable encodes a table's descriptor, length first.
func AppendTable(dst []byte, t *catalog.Table) []byte {
	text, err := json.Marshal(t)
	if err != nil || t == nil {
		text = nil // the decoder refuses it
	}
	return appendString(dst, text)
}

func (r *reader) table() *catalog.Table {
	t, err := DecodeTable(r.take(r.uint()))
	if err != nil {
		r.fail("table descriptor: " + err.Error())
		return nil
	}
	return t
}
