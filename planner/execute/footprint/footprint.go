package footprint

import (
	"cmp"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Object is what a transaction knows of one object, and does to it.
type Object struct {
	ID object.ID
	Place
	// Revision is that of the first read; 0: it did not exist.
	Revision object.Revision
	Kind     command.EffectKind
	Row      []byte // for EffectPut
	// Origin is who has chosen Place for an object that the transaction creates; nil:
	// nobody.
	Origin *catalog.Origin
	// replaces says that columns were set whose update makes the policy be asked again.
	replaces bool

	listed bool // in writtenTable.list
}

// Place is where an object is believed to live.
type Place struct {
	object.Location // zero: nowhere; the directory had no entry
	Arriving        bool
	// Doubt says that the partition does not know of it: the oracle has to be asked.
	Doubt bool
}

// Range is key ranges of one partition that were read. Its reader may extend it, as
// it reads on.
type Range struct {
	Partition object.PartitionID
	command.Range
	size int64
}

// Footprint is what a transaction has read and written. It belongs to one
// goroutine.
type Footprint struct {
	max     int64
	bytes   int64
	tables  map[object.TableID]*catalog.Table
	objects map[object.ID]*Object
	order   []*Object                        // as they were first read
	written map[object.TableID]*writtenTable // objects that were ever written
	ranges  []*Range
	writes  int // objects that are written as it stands
	// replaces says that some object's is set.
	replaces bool
	// Reads counts what was read that was not known before.
	reads   uint64
	journal []undo
	points  []savepoint
}

// writtenTable lists written objects of a table.
type writtenTable struct {
	list   []*Object
	sorted bool
}

// New makes the footprint of a transaction that may keep max bytes.
func New(max int64) *Footprint { return &Footprint{max: max} }

// set is m[k] = v of a map that is made when it is needed: many transactions need few.
func set[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[k] = v
}

// Use notes that the transaction reads or writes a table; false where it has done so
// with another descriptor.
func (f *Footprint) Use(t *catalog.Table) bool {
	old := f.tables[t.ID]
	if old == nil {
		set(&f.tables, t.ID, t)
		return true
	}
	return old.Version == t.Version
}

// Table is the descriptor that the transaction has used; nil if it has not.
func (f *Footprint) Table(id object.TableID) *catalog.Table { return f.tables[id] }

// Uses reports whether the transaction can go on with this descriptor.
func (f *Footprint) Uses(t *catalog.Table) bool {
	old := f.tables[t.ID]
	return old == nil || old.Version == t.Version
}

// Empty reports whether nothing was read or written.
func (f *Footprint) Empty() bool { return len(f.objects) == 0 && len(f.ranges) == 0 }

// Writes counts the objects that are written as it stands.
func (f *Footprint) Writes() int { return f.writes }

// Reads counts what was read and was not known before; it only grows.
func (f *Footprint) Reads() uint64 { return f.reads }

// Full reports whether more is kept than may be.
func (f *Footprint) Full() bool { return f.bytes > f.max }

// Max is how many bytes may be kept.
func (f *Footprint) Max() int64 { return f.max }

// objectBytes is about what an entry takes beside its id and row.
const objectBytes = 200

// Read notes that an object was read in this revision, at this place; false where
// it was read in another one before. Of an object that the transaction has written
// only the place is taken.
func (f *Footprint) Read(id object.ID, at Place, revision object.Revision) bool {
	if o := f.objects[id]; o != nil {
		if at.Version >= o.Version {
			o.Place = at
		}
		return o.Revision == revision || o.Kind != command.EffectNone
	}
	o := &Object{ID: id, Place: at, Revision: revision}
	set(&f.objects, id, o)
	f.order = append(f.order, o)
	f.bytes += objectBytes + int64(len(id))
	f.reads++
	return true
}

// Object is what is known of an object; nil where it was not read.
func (f *Footprint) Object(id object.ID) *Object { return f.objects[id] }

// Objects are all that were read, in that order.
func (f *Footprint) Objects() []*Object { return f.order }

// Own returns an object as the transaction has written it; false where it has not.
func (f *Footprint) Own(id object.ID) (*Object, bool) {
	o := f.objects[id]
	if o == nil || o.Kind == command.EffectNone {
		return nil, false
	}
	return o, true
}

// Write notes what the transaction does to an object that it has read. An object that
// did not exist and is deleted again is only checked.
func (f *Footprint) Write(id object.ID, kind command.EffectKind, row []byte) {
	o := f.objects[id]
	if o == nil {
		return
	}
	if len(f.points) > 0 {
		f.journal = append(f.journal, undo{o, o.Kind, o.Row})
		f.bytes += undoBytes + int64(len(o.Row))
	}
	w := f.written[id.Table()]
	if w == nil {
		w = &writtenTable{}
		set(&f.written, id.Table(), w)
	}
	if !o.listed {
		o.listed = true
		w.list, w.sorted = append(w.list, o), false
	}
	f.set(o, kind, row)
}

func (f *Footprint) set(o *Object, kind command.EffectKind, row []byte) {
	f.writes += count(kind) - count(o.Kind)
	f.bytes += int64(len(row)) - int64(len(o.Row))
	o.Kind, o.Row = kind, row
}

func count(k command.EffectKind) int {
	if k == command.EffectNone {
		return 0
	}
	return 1
}

// Placed notes who has chosen the place of an object that the transaction creates.
func (f *Footprint) Placed(id object.ID, by *catalog.Origin) {
	if o := f.objects[id]; o != nil {
		o.Origin = by
		f.bytes += int64(len(by.Reason))
	}
}

// Replace notes that columns of an object were set whose update makes the policy of its
// table be asked again where it is to live.
func (f *Footprint) Replace(id object.ID) {
	if o := f.objects[id]; o != nil {
		o.replaces, f.replaces = true, true
	}
}

// Replaced are the objects of which Replace was told, as far as the transaction writes
// them as it stands.
func (f *Footprint) Replaced() (ids []object.ID) {
	if !f.replaces {
		return nil
	}
	for _, o := range f.order {
		if o.replaces && o.Kind == command.EffectPut {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// Follow takes what is known of where an object lives, if it is newer.
func (f *Footprint) Follow(id object.ID, at Place) {
	o := f.objects[id]
	switch {
	case o == nil:
	case at.Partition == 0:
		o.Doubt = true
	case at.Version > o.Version || o.Doubt:
		o.Place = at
	}
}

// sort orders the written objects of a table by id.
func (w *writtenTable) sort() []*Object {
	if !w.sorted {
		slices.SortFunc(w.list, func(a, b *Object) int { return cmp.Compare(a.ID, b.ID) })
		w.sorted = true
	}
	return w.list
}

// Overlay is what a read of key ranges in a partition has to see in place of the
// state: rows where the objects are believed to live, elsewhere that they are not to be
// shown.
func (f *Footprint) Overlay(t object.TableID, spans []command.Span, p object.PartitionID) []command.Overlaid {
	w := f.written[t]
	if w == nil {
		return nil
	}
	var out []command.Overlaid
	list := w.sort()
	for _, s := range spans {
		from, _ := slices.BinarySearchFunc(list, s.Start, func(o *Object, id object.ID) int { return cmp.Compare(o.ID, id) })
		for _, o := range list[from:] {
			if o.ID >= s.End {
				break
			}
			if o.Kind != command.EffectNone {
				out = append(out, o.overlaid(o.Partition == p))
			}
		}
	}
	return out
}

// OverlayOf is what a read of single objects has to see in place of the state: the
// partition that it goes to takes them for its own.
func (f *Footprint) OverlayOf(targets []command.Target) []command.Overlaid {
	var out []command.Overlaid
	for i := range targets {
		if o, own := f.Own(targets[i].ID); own {
			out = append(out, o.overlaid(true))
		}
	}
	slices.SortFunc(out, func(a, b command.Overlaid) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (o *Object) overlaid(here bool) command.Overlaid {
	v := command.Overlaid{ID: o.ID, Version: o.Version}
	if here && o.Kind == command.EffectPut {
		v.Row = o.Row
	}
	return v
}
