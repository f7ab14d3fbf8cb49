package state

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// States of a Depart, the value of its key under prefixMoves. On disk: append
// only.
const (
	moveDeparted byte = iota + 1 // its objects are in outgoing markers
	moveSettled
)

// What became of an object of a Depart, the first byte of its outgoing marker; the
// row follows. On disk: append only.
const (
	outgoingStays byte = iota + 1
	outgoingGone
	outgoingDeferred
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
		if len(state) != 1 || state[0] != moveDeparted {
			return refuse(b, command.Superseded).(*command.Departed), nil
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
		x.value = append(append(x.value[:0], outgoingKind(d)), d.Row...)
		x.batch.Set(x.key, x.value)
	}
	x.key = appendVersionKey(x.key[:0], prefixMoves, b.Move, "")
	x.batch.Set(x.key, []byte{moveDeparted})
	x.m.outgoing.Add(1)
	return answer, nil
}

func outgoingKind(d command.Departure) byte {
	switch {
	case d.Gone:
		return outgoingGone
	case d.Deferred:
		return outgoingDeferred
	}
	return outgoingStays
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
	x.remove(c)
	if x.m.live.home(t, id) {
		return command.Departure{Gone: true, Row: row}, x.mark(id, marker{forwarding, b.Move, b.To})
	}
	return command.Departure{Gone: true, Row: row}, x.expire(id, marker{departed, b.Move, b.To})
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
		if len(v) == 0 {
			return nil, corrupt("outgoing marker")
		}
		d := command.Departure{Gone: v[0] == outgoingGone, Deferred: v[0] == outgoingDeferred}
		if len(v) > 1 {
			d.Row = v[1:]
		}
		answer.Objects[i] = d
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
		x.put(c, record{version: move, revision: object.Revision(x.index), row: a.Row})
	}
	return a.Row != nil, nil
}

// settle drops the outgoing values of moves.
func (x *entry) settle(b *command.Settle) (*command.Result, error) {
	for _, move := range b.Moves {
		x.key = appendVersionKey(x.key[:0], prefixMoves, move, "")
		state, found, err := x.batch.Get(nil, x.key)
		if err != nil {
			return nil, err
		}
		if !found || len(state) != 1 || state[0] == moveSettled {
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
	for ok := it.First(); ok; ok = it.Next() {
		if v := it.Value(); len(v) == 1 && v[0] == moveDeparted {
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
