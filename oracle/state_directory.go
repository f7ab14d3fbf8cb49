package oracle

import (
	"cmp"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// assign gives ids without a location one; the first one wins. An id whose
// location is below the floor gets a new version at the same partition, because
// the partition refuses creates that come with the old one.
func (t *tx) assign(c *assign) []assigned {
	answers := make([]assigned, len(c.items))
	var version object.LocationVersion
	next := func() object.LocationVersion {
		if version == 0 {
			version = object.LocationVersion(t.tick())
		}
		return version
	}
	for i, item := range c.items {
		table := t.tables[item.ID.Table()]
		if table == nil {
			continue
		}
		if table.Fenced {
			answers[i] = assigned{location: t.entry(item.ID), busy: true}
			continue
		}
		stands := t.entry(item.ID)
		switch {
		case !stands.IsZero() && t.busyIn(item.ID) != nil:
			answers[i] = assigned{location: stands, busy: true}
			continue
		case !stands.IsZero() && stands.Version >= t.Floor:
		case !stands.IsZero():
			stands.Version = next()
			t.setEntry(item.ID, stands)
		case item.Partition == 0 || !t.hasPartition(item.Partition):
		case table.Placement.Static:
			stands = object.Location{Partition: t.home(item.ID)}
		default:
			stands = object.Location{Partition: item.Partition, Version: next()}
			t.setEntry(item.ID, stands)
		}
		answers[i] = assigned{location: stands}
	}
	return answers
}

// adopt gives objects that are where the static rule put them entries, because
// their table will not be static any more.
func (t *tx) adopt(c *adopt) {
	j := t.jobs[c.job]
	if j == nil || j.Phase != phaseAdopt {
		return
	}
	version := object.LocationVersion(t.tick())
	for _, id := range c.ids {
		if id.Table() == j.Table.ID && t.entry(id).IsZero() {
			t.setEntry(id, object.Location{Partition: c.partition, Version: version})
		}
	}
}

// clean removes entries of the tables that a job has dropped. It reports whether
// there are more.
func (t *tx) clean(c *clean) bool {
	j := t.jobs[c.job]
	if j == nil || j.Phase != phaseClean {
		return false
	}
	left := c.limit
	for _, old := range j.Tables {
		lower := t.key(keyDirectory, object.NewID(old.ID, nil))
		upper := append([]byte{keyDirectory}, object.NewID(old.ID+1, nil)...)
		it, err := t.b.NewIterator(lower, upper)
		if err != nil {
			t.fail(err)
			return false
		}
		var keys [][]byte
		for ok := it.First(); ok && len(keys) < left; ok = it.Next() {
			keys = append(keys, slices.Clone(it.Key()))
		}
		if err := it.Close(); err != nil {
			t.fail(err)
			return false
		}
		for _, k := range keys {
			t.b.Delete(k)
		}
		if left -= len(keys); left <= 0 {
			return true
		}
	}
	return false
}

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
		from, answer := t.whereFrom(id, c.to)
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
				b.started = c.at
				batches[key] = b
				order = append(order, b)
			}
			answer = t.join(b, id)
		}
		answers[i] = answer
	}
	for _, b := range order {
		t.saveBatch(b)
	}
	return answers
}

// beginnable reports whether all of a request can be begun, which is when none of its
// ids is busy with something else, and there is room; where not, it fills in the
// answers. A request that is begun while there is room for one batch may exceed it: its
// own size is bounded, and it need not wait until a number of batches have ended at once.
func (t *tx) beginnable(c *beginMoves, answers []intent) bool {
	room := t.room()
	waits := false
	for i, id := range c.ids {
		from, answer := t.whereFrom(id, c.to)
		waits = waits || answer.busy || from != 0 && !room
		answers[i] = intent{move: answer.move, busy: true}
	}
	return !waits
}

// whereFrom returns the partition that an id has to leave, or else the answer.
func (t *tx) whereFrom(id object.ID, to object.PartitionID) (object.PartitionID, intent) {
	table := t.tables[id.Table()]
	switch {
	case table == nil:
		return 0, intent{result: catalog.NotFound}
	case table.Fenced:
		return 0, intent{busy: true}
	}
	if b := t.busyIn(id); b != nil {
		if !b.release && b.to == to {
			return 0, intent{move: b.move}
		}
		return 0, intent{move: b.move, busy: true}
	}
	from := t.entry(id).Partition
	if from == 0 {
		from = t.home(id)
	}
	switch from {
	case 0:
		return 0, intent{result: catalog.NotFound}
	case to:
		return 0, intent{result: catalog.AlreadyThere}
	}
	return from, intent{}
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
func (t *tx) join(b *batch, id object.ID) intent {
	if b == nil || len(b.ids) >= maxBatchObjects {
		return intent{busy: true}
	}
	b.ids = append(b.ids, id)
	t.setBusy(id, b.move)
	return intent{move: b.move}
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
				next.started = b.started
			}
			t.join(next, id)
		case stays:
			missing++
		case gone:
			moved++
			if exists {
				t.relocate(b, id)
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
	b.done, b.ids = true, nil
	t.saveBatch(b)
}

// relocate writes the directory's entry of an id that has left its source.
func (t *tx) relocate(b *batch, id object.ID) {
	u := Update{ID: id, Location: object.Location{Partition: b.to, Version: b.move}}
	switch b.to {
	case 0:
		u.Gone = true
		t.deleteEntry(id)
	case t.home(id): // an object at its home needs no entry
		t.deleteEntry(id)
	default:
		t.setEntry(id, u.Location)
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

// raiseFloor raises the floor to the oldest move that is not settled, or else
// above everything.
func (t *tx) raiseFloor() object.LocationVersion {
	floor := object.LocationVersion(t.tick())
	for move := range t.batches { // a minimum: the order does not matter
		floor = min(floor, move)
	}
	if floor > t.Floor {
		t.Floor = floor
		t.Forgettable = 0
		t.changed = true
	}
	return t.Floor
}

// allocate takes a block of a sequence's values and returns its first; 0 where
// there is no such table, or no such block.
func (t *tx) allocate(c *allocate) int64 {
	table := t.tables[c.table]
	if table == nil || c.column >= len(table.Columns) || c.count == 0 || c.count > maxSequenceBlock {
		return 0
	}
	k := sequenceKey{c.table, c.column}
	first := max(t.sequences[k], 1)
	if first > 1<<62 {
		return 0
	}
	t.setSequence(k, first+int64(c.count))
	return first
}
