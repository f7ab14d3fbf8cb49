package state

import (
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// entry is one log entry under execution. What its commands write is kept in
// cells and reaches the batch once, at the end or before something iterates over
// the batch: a thousand updates of one object in an entry are one read and one
// write of the store.
type entry struct {
	m     *Machine
	batch *storage.Batch
	index uint64

	objects map[object.ID]*objectCell
	markers map[object.ID]*markerCell
	cells   pool[objectCell] // of objects
	rows    []byte           // that were computed; see clone
	// order holds the cells to be written, in the order of their first write.
	written     []*objectCell
	marked      []*markerCell
	undoObjects []objectUndo
	undoMarkers []markerUndo
	sizeDelta   map[object.TableID]Size // of the command under execution
	sizeTables  []object.TableID        // the keys of sizeDelta
	senders     []*sender               // that the entry has touched
	command     uint64                  // counts the commands of the entry
	key         []byte
	value       []byte

	granted bool      // the command comes from the queue, and meets no lock
	blocked bool      // the command has met a lock, and is to wait
	tickets uint32    // counts the commands of the entry that wait
	sweep   sweep     // those in the queue to be looked at
	print   footprint // of the command under execution
	fresh   footprint // what it has locked
	staging staging
	writing writing // that is under execution
}

type objectCell struct {
	id      object.ID
	present bool
	dirty   bool
	kept    bool // it was read, and cache is to have it
	absent  bool // it was looked for, or known to have no object: cache does not have it
	record  record
	command uint64 // the command that wrote it last
}

type markerCell struct {
	id      object.ID
	present bool
	dirty   bool
	marker  marker
}

type objectUndo struct {
	cell    *objectCell
	present bool
	record  record
	command uint64
}

type markerUndo struct {
	cell    *markerCell
	present bool
	marker  marker
}

func (x *entry) reset(m *Machine, batch *storage.Batch, index uint64) {
	x.emptyCells()
	x.cells.reset()
	if x.rows = x.rows[:0]; cap(x.rows) > keptRows {
		x.rows = nil
	}
	x.m, x.batch, x.index = m, batch, index
	x.written, x.marked, x.senders = x.written[:0], x.marked[:0], x.senders[:0]
	x.command = 0
	x.granted, x.blocked, x.tickets, x.sweep = false, false, 0, x.sweep[:0]
}

// object returns the cell of an object.
func (x *entry) object(id object.ID) (*objectCell, error) {
	if c := x.objects[id]; c != nil {
		return c, nil
	}
	c := x.cells.take()
	c.id = id
	x.objects[id] = c
	var err error
	if c.absent, err = x.m.tails.absent(x.batch, id); err != nil || c.absent {
		return c, err
	}
	c.record, c.kept = x.m.cache.newest(id)
	if c.present = c.kept; !c.kept {
		x.key = appendObjectKey(x.key[:0], prefixObjects, id)
		b, found, err := x.batch.Probe(nil, x.key) // one that is there is in the cache, as a rule
		if err != nil {
			return nil, err
		}
		if c.absent = !found; found {
			if c.record, err = decodeRecord(b); err != nil {
				return nil, err
			}
			c.present, c.kept = true, true
			x.m.cache.keep(id, c.record)
		}
	}
	return c, nil
}

// unborn says of an id that is known to have no object that it need not be looked for.
func (x *entry) unborn(id object.ID) {
	if x.objects[id] == nil {
		c := x.cells.take()
		c.id, c.absent = id, true
		x.objects[id] = c
	}
}

// revision is that of what commands of the entry write.
func (x *entry) revision() object.Revision {
	return object.NewRevision(x.m.partition, x.index, false)
}

// clone is of the interface ground: the copy lasts until the end of the entry.
func (x *entry) clone(row []byte) []byte {
	if len(row) > cap(x.rows)-len(x.rows) {
		x.rows = make([]byte, 0, max(len(row), 2*cap(x.rows), 4<<10)) // those before stay where they are
	}
	start := len(x.rows)
	x.rows = append(x.rows, row...)
	return x.rows[start:len(x.rows):len(x.rows)]
}

// put writes an object. The row is kept until the end of the entry.
func (x *entry) put(c *objectCell, r record) {
	d := Size{Bytes: r.size(c.id)}
	if c.present {
		d.Bytes -= c.record.size(c.id)
	} else {
		d.Objects = 1
	}
	x.set(c, true, r, d)
}

// remove deletes an object.
func (x *entry) remove(c *objectCell) {
	if c.present {
		x.set(c, false, record{}, Size{Objects: -1, Bytes: -c.record.size(c.id)})
	}
}

func (x *entry) set(c *objectCell, present bool, r record, d Size) {
	x.undoObjects = append(x.undoObjects, objectUndo{c, c.present, c.record, c.command})
	c.present, c.record, c.command = present, r, x.command
	if !c.dirty {
		c.dirty = true
		x.written = append(x.written, c)
	}
	x.resize(c.id.Table(), d)
}

// unmarked reports whether nothing is remembered of any id of the table.
func (x *entry) unmarked(id object.ID) bool { return x.m.sizes.of[id.Table()].Markers == 0 }

func (x *entry) markerCell(id object.ID) (*markerCell, error) {
	if c := x.markers[id]; c != nil {
		return c, nil
	}
	c := &markerCell{id: id}
	if !x.unmarked(id) {
		x.key = appendObjectKey(x.key[:0], prefixMarkers, id)
		b, found, err := x.batch.Get(nil, x.key)
		if err != nil {
			return nil, err
		}
		if c.present = found; found {
			if c.marker, err = decodeMarker(b); err != nil {
				return nil, err
			}
		}
	}
	x.markers[id] = c
	return c, nil
}

// marker is of the interface source.
func (x *entry) marker(id object.ID) (marker, bool, error) {
	if x.unmarked(id) {
		return marker{}, false, nil
	}
	c, err := x.markerCell(id)
	if err != nil {
		return marker{}, false, err
	}
	return c.marker, c.present, nil
}

// arrived is of the interface source.
func (x *entry) arrived(move object.LocationVersion, id object.ID) (bool, error) {
	x.key = appendVersionKey(x.key[:0], prefixArrivals, move, id)
	_, found, err := x.batch.Get(nil, x.key)
	return found, err
}

// mark remembers something of an id.
func (x *entry) mark(id object.ID, m marker) error { return x.setMarker(id, true, m) }

// unmark forgets what is remembered of an id.
func (x *entry) unmark(id object.ID) error { return x.setMarker(id, false, marker{}) }

func (x *entry) setMarker(id object.ID, present bool, m marker) error {
	c, err := x.markerCell(id)
	if err != nil || !c.present && !present {
		return err
	}
	if c.present && c.marker.left > 0 && m.left == 0 {
		x.m.traces.lost(id.Table(), x.index)
	}
	x.undoMarkers = append(x.undoMarkers, markerUndo{c, c.present, c.marker})
	d := Size{}
	if c.present {
		d.Markers--
	}
	if present {
		d.Markers++
	}
	c.present, c.marker = present, m
	if !c.dirty {
		c.dirty = true
		x.marked = append(x.marked, c)
	}
	x.resize(id.Table(), d)
	return nil
}

func (x *entry) resize(t object.TableID, d Size) {
	if _, known := x.sizeDelta[t]; !known {
		x.sizeTables = append(x.sizeTables, t)
	}
	x.sizeDelta[t] = x.sizeDelta[t].plus(d)
	x.m.sizes.add(t, d)
}

// begin starts a command: from here on undo takes back what it does.
func (x *entry) begin() {
	x.command++
	x.undoObjects, x.undoMarkers = x.undoObjects[:0], x.undoMarkers[:0]
	clear(x.sizeDelta)
	x.sizeTables = x.sizeTables[:0]
}

// drop takes back what the command wrote, where all cells are of this command: it
// began with a flush.
func (x *entry) drop() {
	x.written, x.marked = x.written[:0], x.marked[:0]
	x.emptyCells()
	x.undoSizes()
	x.begin()
}

// undo takes back what the command wrote into cells.
func (x *entry) undo() {
	for i := len(x.undoObjects) - 1; i >= 0; i-- {
		u := x.undoObjects[i]
		u.cell.present, u.cell.record, u.cell.command = u.present, u.record, u.command
	}
	for i := len(x.undoMarkers) - 1; i >= 0; i-- {
		u := x.undoMarkers[i]
		u.cell.present, u.cell.marker = u.present, u.marker
	}
	x.undoSizes()
	x.begin()
}

func (x *entry) undoSizes() {
	for _, t := range x.sizeTables {
		x.m.sizes.add(t, Size{}.minus(x.sizeDelta[t]))
	}
}

// flush brings the cells to the batch, and forgets them.
func (x *entry) flush() {
	for _, c := range x.written {
		x.m.cache.write(c)
		x.key = appendObjectKey(x.key[:0], prefixObjects, c.id)
		if c.present {
			x.value = appendRecord(x.value[:0], c.record)
			x.batch.Set(x.key, x.value)
			x.m.tails.wrote(c.id)
		} else {
			x.batch.Delete(x.key)
		}
	}
	for _, c := range x.marked {
		x.key = appendObjectKey(x.key[:0], prefixMarkers, c.id)
		if c.present {
			x.value = appendMarker(x.value[:0], c.marker)
			x.batch.Set(x.key, x.value)
		} else {
			x.batch.Delete(x.key)
		}
	}
	x.written, x.marked = x.written[:0], x.marked[:0]
	x.emptyCells()
}

// emptyCells forgets all cells.
func (x *entry) emptyCells() { x.objects, x.markers = emptied(x.objects), emptied(x.markers) }

// emptied returns an empty map. One that has held many would be slow to clear from then on.
func emptied[V any](m map[object.ID]V) map[object.ID]V {
	if len(m) > 128 {
		return make(map[object.ID]V)
	}
	clear(m)
	return m
}

// keptRows bounds the memory for rows that is used for entry after entry.
const keptRows = 1 << 20

// finish writes what is left of the entry: cells, sizes and windows.
func (x *entry) finish() {
	x.flush()
	for _, t := range x.m.sizes.changed {
		x.key = appendTableKey(x.key[:0], prefixSizes, t)
		s := x.m.sizes.of[t]
		if s == (Size{}) {
			delete(x.m.sizes.of, t)
		}
		if x.m.live.dropped[t] {
			x.batch.Delete(x.key)
			delete(x.m.sizes.touched, t)
			continue
		}
		x.m.sizes.touched[t] = x.index
		x.value = appendSizeRecord(x.value[:0], s, x.index)
		x.batch.Set(x.key, x.value)
	}
	x.m.publishSizes()
	for _, s := range x.senders {
		x.storeWindow(s)
		s.fresh, s.freshLast, s.touched, s.restarted = s.fresh[:0], 0, false, false
	}
}

// storeWindow writes what the entry has changed in a window: a record, in place of one
// whose results are all forgotten where there is one.
func (x *entry) storeWindow(s *sender) {
	if len(s.fresh) == 0 && !s.restarted && s.base == s.storedBase && len(s.stored) > 0 {
		return // nothing
	}
	forgotten := 0
	for forgotten < len(s.stored) && (s.restarted || s.stored[forgotten].last < s.base) {
		forgotten++
	}
	slot := x.index
	for i, r := range s.stored[:forgotten] {
		if i == 0 {
			slot = r.slot
			continue
		}
		x.key = appendResultsKey(x.key[:0], s.node, r.slot)
		x.batch.Delete(x.key)
	}
	x.key = appendResultsKey(x.key[:0], s.node, slot)
	x.value = append(appendWindow(x.value[:0], x.index, s), s.fresh...)
	x.batch.Set(x.key, x.value)
	s.stored, s.storedBase = append(s.stored[forgotten:], storedResults{slot, s.freshLast}), s.base
}
