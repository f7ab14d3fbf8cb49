package state

import (
	"encoding/binary"
	"maps"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/planted"
)

// States of a Depart, the first byte of the value of its key under prefixMoves; the
// destination follows that of one that has departed. On disk: append only.
const (
	moveDeparted byte = iota + 1 // its objects are in outgoing markers
	moveSettled
	moveArrived // departed, and known to have arrived; the destination follows
)

// What became of an object of a Depart, the first byte of its outgoing marker; the
// row follows. On disk: append only.
const (
	outgoingStays byte = iota + 1
	outgoingGone
	outgoingDeferred
	outgoingRow // gone; the revision and the row follow
)

// depart takes objects out, and remembers its answer until the floor.
func (x *entry) depart(b *command.Depart) (*command.Departed, error) {
	if b.Move < x.m.live.floor {
		return refuse(b, command.Superseded).(*command.Departed), nil
	}
	x.key = appendVersionKey(x.key[:0], prefixMoves, b.Move, "")
	state, found, err := x.batch.Get(nil, x.key)
	if err != nil {
		return nil, err
	}
	if found {
		if kind, _, err := decodeMove(state); err != nil || kind == moveSettled {
			return refuse(b, command.Superseded).(*command.Departed), err
		}
		return x.departAgain(b)
	}
	answer := &command.Departed{Objects: make([]command.Departure, len(b.Objects))}
	room := maxDepartBytes
	for i, id := range b.Objects {
		d, err := x.departOne(b, id, &room)
		if err != nil {
			return nil, err
		}
		answer.Objects[i] = d
		x.key = appendVersionKey(x.key[:0], prefixOutgoing, b.Move, id)
		x.value = appendDeparture(x.value[:0], &d)
		x.batch.Set(x.key, x.value)
	}
	x.key = appendVersionKey(x.key[:0], prefixMoves, b.Move, "")
	x.value = binary.AppendUvarint(append(x.value[:0], moveDeparted), uint64(b.To))
	x.batch.Set(x.key, x.value)
	x.m.outgoing.Add(1)
	x.m.depart(b.Move, b.To)
	return answer, nil
}

// decodeMove reads the value of a key under prefixMoves.
func decodeMove(b []byte) (state byte, to object.PartitionID, err error) {
	if len(b) == 0 || b[0] < moveDeparted || b[0] > moveArrived {
		return 0, 0, corrupt("move")
	}
	if len(b) == 1 {
		return b[0], 0, nil
	}
	v, n := binary.Uvarint(b[1:])
	if n != len(b)-1 || v > 1<<32-1 {
		return 0, 0, corrupt("move")
	}
	return b[0], object.PartitionID(v), nil
}

// appendDeparture encodes an outgoing marker.
func appendDeparture(dst []byte, d *command.Departure) []byte {
	switch {
	case d.Gone && d.Row != nil:
		dst = binary.AppendUvarint(append(dst, outgoingRow), uint64(d.Revision))
		return append(dst, d.Row...)
	case d.Gone:
		return append(dst, outgoingGone)
	case d.Deferred:
		return append(dst, outgoingDeferred)
	}
	return append(dst, outgoingStays)
}

// decodeDeparture is the inverse; the row belongs to b.
func decodeDeparture(b []byte) (d command.Departure, err error) {
	if len(b) == 0 || b[0] < outgoingStays || b[0] > outgoingRow {
		return d, corrupt("outgoing marker")
	}
	d.Gone = b[0] == outgoingGone || b[0] == outgoingRow
	d.Deferred = b[0] == outgoingDeferred
	row := b[1:]
	if b[0] == outgoingRow {
		revision, n := binary.Uvarint(row)
		if n <= 0 {
			return d, corrupt("outgoing marker")
		}
		d.Revision, d.Row = object.Revision(revision), row[n:]
	} else if len(row) > 0 {
		d.Row = row
	}
	return d, nil
}

// decodeOutgoing reads the object in an outgoing marker; there is none where gone is
// false. Its version is not in it: it is the move. The row belongs to b.
func decodeOutgoing(b []byte) (r record, gone bool, err error) {
	d, err := decodeDeparture(b)
	if err != nil || !d.Gone || d.Row == nil {
		return r, false, err
	}
	return record{revision: d.Revision, row: d.Row}, true, nil
}

// depart notes a move whose objects are in no partition until they have arrived.
func (m *Machine) depart(move object.LocationVersion, to object.PartitionID) {
	if to == 0 { // a release: there are no objects
		return
	}
	if m.transit == nil {
		m.transit = make(map[object.LocationVersion]bool)
	}
	m.transit[move] = true
}

// departedFrom reports whether a move that is not known to have arrived has taken an
// object out of spans.
func (x *entry) departedFrom(spans []command.Span) (left bool, err error) {
	for move := range x.m.transit { // one is enough: the order does not matter
		for i := range spans {
			lower := appendVersionKey(nil, prefixOutgoing, move, spans[i].Start)
			upper := appendVersionKey(nil, prefixOutgoing, move, spans[i].End)
			if err := scanRange(x.batch, lower, upper, func(_, value []byte) error {
				_, gone, err := decodeOutgoing(value)
				left = left || gone
				return err
			}); err != nil || left {
				return left, err
			}
		}
	}
	return false, nil
}

// departOne takes one object out, if it can.
func (x *entry) departOne(b *command.Depart, id object.ID, room *int) (command.Departure, error) {
	stays := command.Departure{}
	c, err := x.object(id)
	if err != nil {
		return stays, err
	}
	m, marked, err := x.marker(id)
	if err != nil {
		return stays, err
	}
	t := x.m.live.tables[id.Table()]
	switch {
	case marked && m.version >= b.Move || c.present && c.record.version >= b.Move:
		// Something newer has happened to the id: this is not its move any more.
		return stays, nil
	case b.To == 0:
		if c.present {
			return stays, nil
		}
		if t != nil && x.m.live.home(t, id) {
			// The static rule makes it this partition's again, at once.
			return command.Departure{Gone: true}, x.unmark(id)
		}
		return command.Departure{Gone: true}, x.expire(id, marker{kind: released, version: b.Move})
	case !c.present || t == nil || b.To == x.m.partition:
		return stays, nil
	}
	row := append([]byte(nil), c.record.row...)
	if *room < len(row) && *room < maxDepartBytes {
		return command.Departure{Deferred: true}, nil
	}
	*room -= len(row)
	gone := command.Departure{Gone: true, Row: row, Revision: c.record.revision}
	if !planted.Is(planted.DoubleMove) {
		x.remove(c)
	}
	if x.m.live.home(t, id) {
		return gone, x.mark(id, marker{forwarding, b.Move, b.To, x.index})
	}
	return gone, x.expire(id, marker{departed, b.Move, b.To, x.index})
}

// expire remembers something of an id until the floor.
func (x *entry) expire(id object.ID, m marker) error {
	x.key = appendVersionKey(x.key[:0], prefixExpiries, m.version, id)
	x.batch.Set(x.key, nil)
	return x.mark(id, m)
}

// departAgain gives the first answer.
func (x *entry) departAgain(b *command.Depart) (*command.Departed, error) {
	answer := &command.Departed{Objects: make([]command.Departure, len(b.Objects))}
	for i, id := range b.Objects {
		x.key = appendVersionKey(x.key[:0], prefixOutgoing, b.Move, id)
		v, found, err := x.batch.Get(nil, x.key)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		if answer.Objects[i], err = decodeDeparture(v); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// arrive puts objects in, each once for each move.
func (x *entry) arrive(b *command.Arrive) (*command.Result, error) {
	live := x.m.live
	if b.Move < live.floor {
		return refuse(b, command.Superseded).(*command.Result), nil
	}
	for i := range b.Objects {
		table := b.Objects[i].ID.Table()
		if live.tables[table] == nil && !live.dropped[table] {
			return refuse(b, command.SchemaNew).(*command.Result), nil
		}
	}
	result := &command.Result{}
	for i := range b.Objects {
		came, err := x.arriveOne(b.Move, &b.Objects[i])
		if err != nil {
			return nil, err
		}
		if came {
			result.Affected++
		}
	}
	x.key = appendVersionKey(x.key[:0], prefixArrivals, b.Move, "")
	x.batch.Set(x.key, nil)
	x.m.arrivals = true
	return result, nil
}

func (x *entry) arriveOne(move object.LocationVersion, a *command.Arrival) (came bool, err error) {
	if x.m.live.dropped[a.ID.Table()] {
		return false, nil
	}
	if came, err = x.arrived(move, a.ID); err != nil || came {
		return false, err
	}
	x.key = appendVersionKey(x.key[:0], prefixArrivals, move, a.ID)
	x.batch.Set(x.key, nil)
	c, err := x.object(a.ID)
	if err != nil {
		return false, err
	}
	m, marked, err := x.marker(a.ID)
	if err != nil {
		return false, err
	}
	if marked && m.version > move || c.present {
		return false, nil // it has come and gone on, or is there
	}
	if err := x.unmark(a.ID); err != nil {
		return false, err
	}
	if a.Row != nil {
		revision := a.Revision
		if revision == 0 { // of a version that did not carry it
			revision = x.revision()
		}
		x.put(c, record{version: move, revision: revision, row: a.Row})
	}
	return a.Row != nil, nil
}

// settleMoves drops the outgoing values of moves, or notes that they have arrived.
func (x *entry) settleMoves(b *command.Settle) (*command.Result, error) {
	for _, move := range b.Moves {
		x.key = appendVersionKey(x.key[:0], prefixMoves, move, "")
		state, found, err := x.batch.Get(nil, x.key)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		kind, to, err := decodeMove(state)
		if err != nil {
			return nil, err
		}
		if kind == moveSettled {
			continue
		}
		delete(x.m.transit, move)
		if b.Arrived {
			if kind == moveDeparted {
				x.value = binary.AppendUvarint(append(x.value[:0], moveArrived), uint64(to))
				x.batch.Set(x.key, x.value)
			}
			continue
		}
		x.batch.Set(x.key, []byte{moveSettled})
		lower, upper := moveRange(prefixOutgoing, move)
		x.batch.DeleteRange(lower, upper)
		x.m.outgoing.Add(-1)
	}
	return &command.Result{}, nil
}

// countSettled takes the moves below a floor, which are settled by it, out of the
// count of outgoing ones.
func (x *entry) countSettled(floor object.LocationVersion) (err error) {
	lower, upper := versionRange(prefixMoves, 0, floor)
	it, err := x.batch.NewIterator(lower, upper)
	if err != nil {
		return err
	}
	maps.DeleteFunc(x.m.transit, func(move object.LocationVersion, _ bool) bool { return move < floor })
	for ok := it.First(); ok; ok = it.Next() {
		if kind, _, err := decodeMove(it.Value()); err == nil && kind != moveSettled {
			x.m.outgoing.Add(-1)
		}
	}
	return it.Close()
}

// forget removes markers that the floor has made void, within a bound.
func (x *entry) forget() error {
	x.flush()
	lower, upper := versionRange(prefixExpiries, 0, x.m.live.floor)
	it, err := x.batch.NewIterator(lower, upper)
	if err != nil {
		return err
	}
	var ids []object.ID
	var last []byte
	for ok := it.First(); ok && len(ids) < forgetPerFloor; ok = it.Next() {
		key := it.Key()
		if len(key) < 9 {
			_ = it.Close()
			return corrupt("expiry")
		}
		last = append(last[:0], key...)
		ids = append(ids, object.ID(key[9:]))
	}
	if err := it.Close(); err != nil || len(ids) == 0 {
		return err
	}
	x.batch.DeleteRange(lower, append(last, 0))
	for _, id := range ids {
		m, marked, err := x.marker(id)
		if err != nil {
			return err
		}
		if marked && m.void(x.m.live.floor) {
			if err := x.unmark(id); err != nil {
				return err
			}
		}
	}
	return nil
}
