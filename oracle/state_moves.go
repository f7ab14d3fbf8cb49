package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// source says where a batch leaves from.
type source struct {
	partition object.PartitionID
	table     object.TableID
}

// beginMoves logs the intent to move ids. Ids of one table and one source become
// one batch, or several where there are many.
func (t *tx) beginMoves(c *beginMoves) []intent {
	answers := make([]intent, len(c.ids))
	each := maxBatchObjects
	if c.whole {
		if !t.beginnable(c, answers) {
			return answers
		}
		if c.each > 0 {
			each = min(each, c.each)
		}
	}
	batches := make(map[source]*batch)
	var order []*batch
	for i, id := range c.ids {
		from, answer := t.whereFrom(c, i)
		if from != 0 {
			key := source{from, id.Table()}
			b := batches[key]
			switch {
			case c.whole && (b == nil || len(b.ids) >= each):
				b = t.makeBatch(key, c.to)
			case b == nil:
				b = t.newBatch(key, c.to)
			}
			if b != nil && b != batches[key] {
				b.started, b.pin, b.origin = c.at, c.pin, c.origin
				batches[key] = b
				order = append(order, b)
			}
			answer = t.join(b, id, reasonAt(c.reasons, i)...)
		}
		if answer.result == catalog.AlreadyThere && c.pin != catalog.KeepPins {
			answer.made = t.pinInPlace(c, i)
		}
		answers[i] = answer
	}
	for _, b := range order {
		t.saveBatch(b)
	}
	return answers
}

// reasonAt returns the nth of reasons, if there are any.
func reasonAt(reasons []string, n int) []string {
	if reasons == nil {
		return nil
	}
	return reasons[n : n+1]
}

// beginnable reports whether all of a request can be begun, which is when none of its
// ids is busy with something else, and there is room; where not, it fills in the
// answers. A request that is begun while there is room for one batch may exceed it: its
// own size is bounded, and it need not wait until a number of batches have ended at once.
func (t *tx) beginnable(c *beginMoves, answers []intent) bool {
	room := t.room()
	waits := false
	for i := range c.ids {
		from, answer := t.whereFrom(c, i)
		waits = waits || answer.busy || from != 0 && !room
		answers[i] = intent{move: answer.move, busy: true}
	}
	return !waits
}

// whereFrom returns the partition that the nth id has to leave, or else the answer.
func (t *tx) whereFrom(c *beginMoves, n int) (object.PartitionID, intent) {
	id := c.ids[n]
	table := t.tables[id.Table()]
	switch {
	case table == nil:
		return 0, intent{result: catalog.NotFound}
	case table.Fenced:
		return 0, intent{busy: true}
	}
	if b := t.busyIn(id); b != nil {
		// Who wants it pinned there, or not pinned, has that done when it is there.
		if !b.release && b.to == c.to && (c.pin == catalog.KeepPins || c.pin == b.pin) {
			return 0, intent{move: b.move}
		}
		return 0, intent{move: b.move, busy: true}
	}
	r := t.residence(id)
	from := r.Partition
	if from == 0 {
		from = t.home(id)
	}
	switch {
	case from == 0:
		return 0, intent{result: catalog.NotFound}
	case from == c.to:
		return 0, intent{result: catalog.AlreadyThere}
	case c.pin == catalog.KeepPins && r.pinned():
		return 0, intent{result: catalog.Pinned}
	case !t.allowed(table, c.to):
		return 0, intent{result: catalog.Barred}
	case n >= len(c.ids)-c.unpaid, c.rests(table, &r):
		return 0, intent{result: catalog.Deferred}
	}
	return from, intent{}
}

// byPolicy reports whether a policy has asked for moves by itself.
func byPolicy(o *catalog.Origin) bool { return o.User == "" && o.Policy != "" }

// rests reports whether an object has been moved too short a time ago for a policy to
// move it.
func (c *beginMoves) rests(table *catalog.Table, r *residence) bool {
	cooldown := table.Rules.Budget.Cooldown
	return cooldown > 0 && byPolicy(&c.origin) && r.known && r.newest.From != 0 &&
		c.at-toMicro(r.newest.At) < cooldown.Microseconds()
}

// pinInPlace pins the nth id where it is, or ends its pin. It reports whether an entry was
// made for that: of an id of which nobody knows whether it has an object.
func (t *tx) pinInPlace(c *beginMoves, n int) (made bool) {
	id := c.ids[n]
	r := t.residence(id)
	pin := c.pin == catalog.Pin
	if r.pinned() == pin {
		return false
	}
	home := t.home(id)
	if !pin && r.Partition == home { // an object at its home needs no entry
		t.deleteEntry(id, &r)
		t.updates = append(t.updates, Update{ID: id, Location: object.Location{Partition: home, Version: object.LocationVersion(t.tick())}})
		return false
	}
	if made = r.IsZero(); made {
		r.Location = object.Location{Partition: home, Version: object.LocationVersion(t.tick())}
		t.updates = append(t.updates, Update{ID: id, Location: r.Location, Kept: true})
	}
	origin := c.origin
	for _, reason := range reasonAt(c.reasons, n) {
		origin.Reason = reason
	}
	t.place(id, &r, &catalog.Placed{At: fromMicro(c.at), From: r.Partition, To: r.Partition, Origin: origin, Pinned: pin})
	t.setResidence(id, &r)
	return made
}

// newBatch makes a batch; nil if there is no room for one.
func (t *tx) newBatch(from source, to object.PartitionID) *batch {
	if !t.room() {
		return nil
	}
	return t.makeBatch(from, to)
}

func (t *tx) room() bool {
	return t.unfinished < maxBatches && len(t.batches)-t.unfinished < maxSettling
}

func (t *tx) makeBatch(from source, to object.PartitionID) *batch {
	b := &batch{
		move: object.LocationVersion(t.tick()), release: to == 0,
		table: from.table, from: from.partition, to: to,
	}
	t.batches[b.move] = b
	t.unfinished++
	t.changed = true
	return b
}

// join puts an id into a batch, if there is room.
func (t *tx) join(b *batch, id object.ID, reason ...string) intent {
	if b == nil || len(b.ids) >= maxBatchObjects {
		return intent{busy: true}
	}
	b.ids = append(b.ids, id)
	b.reasons = append(b.reasons, reason...)
	t.setBusy(id, b.move)
	return intent{move: b.move, begun: true}
}

// beginReleases logs the intent to drop entries. It returns how many; the others
// have no entry, are busy, or there is no room.
func (t *tx) beginReleases(c *beginReleases) int {
	batches := make(map[source]*batch)
	var order []*batch
	n := 0
	for _, id := range c.ids {
		table := t.tables[id.Table()]
		if table == nil || table.Fenced || t.busyIn(id) != nil {
			continue
		}
		from := t.entry(id).Partition
		if from == 0 {
			continue
		}
		key := source{from, id.Table()}
		b := batches[key]
		if b == nil {
			if b = t.newBatch(key, 0); b == nil {
				continue
			}
			batches[key] = b
			order = append(order, b)
		}
		if !t.join(b, id).busy {
			n++
		}
	}
	for _, b := range order {
		t.saveBatch(b)
	}
	return n
}

// finish ends a batch. What is gone from its source has arrived. What there was no room
// for follows in a batch that the same entry begins, so that it stays intended.
func (t *tx) finish(c *finish) {
	b := t.batches[c.move]
	if b == nil || b.done || len(c.fates) != len(b.ids) {
		return
	}
	moved, missing := 0, 0
	exists := t.tables[b.table] != nil
	var next *batch
	for i, id := range b.ids {
		t.deleteBusy(id)
		if c.fates[i] == follows && (b.release || !exists) {
			c.fates[i] = stays
		}
		switch c.fates[i] {
		case follows:
			if next == nil {
				next = t.makeBatch(source{b.from, b.table}, b.to)
				next.started, next.pin, next.origin = b.started, b.pin, b.origin
			}
			t.join(next, id, reasonAt(b.reasons, i)...)
		case stays:
			missing++
		case gone:
			moved++
			if exists {
				t.relocate(b, i, c.at)
			}
		}
	}
	t.Forgettable += uint64(moved)
	t.unfinished--
	t.changed = true
	if b.release {
		delete(t.batches, b.move)
		t.b.Delete(numberKey(keyBatch, uint64(b.move)))
		return
	}
	f := &finishedMove{move: b.move, ids: b.ids, fates: c.fates}
	if next != nil {
		t.saveBatch(next)
		f.next = next.move
	}
	t.finished = append(t.finished, f)
	t.remember(b, c, moved, missing)
	b.done, b.ids, b.reasons = true, nil, nil
	t.saveBatch(b)
}

// relocate writes the directory's entry of the nth id of a batch, which has left its
// source. A release ends pin and history with the entry.
func (t *tx) relocate(b *batch, n int, at int64) {
	id := b.ids[n]
	r := t.residence(id)
	u := Update{ID: id, Location: object.Location{Partition: b.to, Version: b.move}}
	home := t.home(id)
	switch pinned := b.pin == catalog.Pin; {
	case b.to == 0:
		u.Gone = true
		t.deleteEntry(id, &r)
	case b.to == home && !pinned: // an object at its home needs no entry
		t.deleteEntry(id, &r)
	default:
		u.Kept = b.to == home
		r.Location = u.Location
		t.place(id, &r, &catalog.Placed{At: fromMicro(at), From: b.from, To: b.to, Origin: b.originOf(n), Pinned: pinned})
		t.setResidence(id, &r)
	}
	t.updates = append(t.updates, u)
}

// remember keeps what became of a move, and forgets the oldest.
func (t *tx) remember(b *batch, c *finish, moved, missing int) {
	m := catalog.Move{
		Version: b.move, Table: b.table, From: b.from, To: b.to, State: catalog.MoveDone,
		Objects: moved + missing, Moved: moved, Missing: missing, Reason: c.reason,
		Started: time.UnixMicro(b.started).UTC(), Finished: time.UnixMicro(c.at).UTC(),
	}
	if moved == 0 {
		m.State = catalog.MoveFailed
	}
	t.history = append(t.history, m)
	slices.SortStableFunc(t.history, func(a, b catalog.Move) int { return cmp.Compare(a.Version, b.Version) })
	t.setJSON(numberKey(keyHistory, uint64(m.Version)), m)
	for len(t.history) > maxHistory {
		t.b.Delete(numberKey(keyHistory, uint64(t.history[0].Version)))
		t.history = t.history[1:]
	}
}

// settled forgets finished moves.
func (t *tx) settled(c *settled) {
	for _, move := range c.moves {
		if b := t.batches[move]; b != nil && b.done {
			delete(t.batches, move)
			t.b.Delete(numberKey(keyBatch, uint64(move)))
			t.changed = true
		}
	}
}
