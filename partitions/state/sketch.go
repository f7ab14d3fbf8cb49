package state

import (
	"context"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// sketch is a ground that is thrown away: it collects what a Write would do to the
// state that a reader sees.
type sketch struct {
	ctx     context.Context
	sight   sight
	overlay overlay
	o       *writing
	cells   map[object.ID]*sketchCell
	changed []*sketchCell // of spans, ascending
	bytes   int           // of the rows that are kept
	print   fingerprint   // of the objects in the spans
	looked  int
}

type sketchCell struct {
	objectCell
	version object.LocationVersion // before the Write
	// base is the revision of the object without the overlay; 0 where there is none.
	base object.Revision
	told bool
}

// sketched is the command of the cells that the Write has changed.
const sketched = 1

// maxSketchBytes bounds the rows of an Evaluation. A Write over spans ends before,
// with Rest.
const maxSketchBytes = 24 << 20

func newSketch(ctx context.Context, s sight, o overlay) *sketch {
	return &sketch{ctx: ctx, sight: s, overlay: o, cells: make(map[object.ID]*sketchCell)}
}

// object is of the interface ground.
func (s *sketch) object(id object.ID) (*objectCell, error) {
	if c := s.cells[id]; c != nil {
		return &c.objectCell, nil
	}
	if err := s.alive(); err != nil {
		return nil, err
	}
	r, found, err := s.sight.object(id)
	if err != nil {
		return nil, err
	}
	c := makeSketchCell(id, found, r, s.overlay.find(id))
	s.cells[id] = c
	return &c.objectCell, nil
}

// makeSketchCell is the cell of an object of the state, with that of the overlay
// over it; own is nil where there is none.
func makeSketchCell(id object.ID, found bool, r record, own *command.Overlaid) *sketchCell {
	c := &sketchCell{base: r.revision}
	if own != nil {
		found, r = own.Row != nil, record{own.Version, r.revision, own.Row}
	}
	c.version, c.objectCell = r.version, objectCell{id: id, present: found, record: r}
	return c
}

// alive ends the call with its context.
func (s *sketch) alive() error {
	if s.looked++; s.looked%256 == 0 {
		return s.ctx.Err()
	}
	return nil
}

// marker is of the interface source. What the overlay has deleted is the partition's.
func (s *sketch) marker(id object.ID) (marker, bool, error) {
	if own := s.overlay.find(id); own != nil {
		return marker{kind: vacant, version: own.Version}, own.Row == nil, nil
	}
	return s.sight.marker(id)
}

// arrived is of the interface source.
func (s *sketch) arrived(move object.LocationVersion, id object.ID) (bool, error) {
	return s.sight.arrived(move, id)
}

// scan is of the interface ground. It visits what the state and the overlay have in
// the span together.
func (s *sketch) scan(span command.Span, each func(*objectCell, int) (bool, error)) (err error) {
	w, err := s.sight.walk(span, false)
	if err != nil {
		return storageError(err)
	}
	defer func() {
		if closeErr := w.close(); err == nil {
			err = storageError(closeErr)
		}
	}()
	over := s.overlay.in(span)
	ok, err := w.next()
	for err == nil {
		own := over.first(false)
		if own == nil && !ok {
			return nil
		}
		order := compareHeads(w, ok, own, false)
		more, err := s.visit(w, own, order, each)
		if err != nil || !more {
			return err
		}
		if order >= 0 {
			over = over.rest(false)
		}
		if order <= 0 {
			if ok, err = w.next(); err != nil {
				return storageError(err)
			}
		}
	}
	return storageError(err)
}

// visit visits what comes first: the state's object, the overlay's, or where the order
// is 0 that of both.
func (s *sketch) visit(w *walker, own *command.Overlaid, order int, each func(*objectCell, int) (bool, error)) (more bool, err error) {
	if err := s.alive(); err != nil {
		return false, storageError(err)
	}
	var c *sketchCell
	switch {
	case order < 0:
		c = makeSketchCell(object.ID(w.id), true, w.record, nil)
	case order > 0:
		c = makeSketchCell(own.ID, false, record{}, own)
	default:
		c = makeSketchCell(own.ID, true, w.record, own)
	}
	if c.present {
		if more, err := each(&c.objectCell, len(c.id)+len(c.record.row)); err != nil || !more {
			return more, err
		}
		if c.dirty {
			s.changed = append(s.changed, c)
		}
	}
	accepted := c.dirty // what the filter accepts is changed
	if order == 0 && !s.o.prog.unsteady {
		if accepted, err = s.accepts(w.record); err != nil {
			return false, err
		}
	}
	if order <= 0 && (accepted || s.o.prog.unsteady) {
		s.print.add(w.id, c.base)
	}
	return true, nil
}

// accepts filters an object that the overlay hides.
func (s *sketch) accepts(r record) (bool, error) {
	w := s.o.worker
	w.env.Row = w.row
	if err := s.o.t.decode(r, w.row, s.o.prog.needed, s.o.view.partition); err != nil {
		return false, err
	}
	return w.holds(s.o.prog.Filter)
}

// clone is of the interface ground. Rows go into the answer.
func (s *sketch) clone(row []byte) []byte { return slices.Clone(row) }

// put is of the interface ground. Beyond the bound rows are not kept, and the
// evaluation fails in the end.
func (s *sketch) put(c *objectCell, r record) {
	if s.bytes += len(c.id) + len(r.row); s.bytes > maxSketchBytes {
		r.row = nil
	}
	c.present, c.dirty, c.record, c.command = true, true, r, sketched
}

// remove is of the interface ground.
func (s *sketch) remove(c *objectCell) {
	c.present, c.dirty, c.record, c.command = false, true, record{}, sketched
}

// mark is of the interface ground. What is remembered of an id follows from what
// is done to its object.
func (s *sketch) mark(object.ID, marker) error { return nil }

// unmark is of the interface ground.
func (s *sketch) unmark(object.ID) error { return nil }

// effects returns what the Write has done to objects, and which it has read and left
// alone.
func (s *sketch) effects() []command.Effect {
	var effects []command.Effect
	for i := range s.o.w.Targets {
		t := s.o.w.Targets[i]
		c := s.cells[t.ID]
		if c == nil || c.told {
			continue
		}
		c.told = true
		t.Row = nil
		effects = append(effects, c.effect(t))
	}
	for _, c := range s.changed {
		effects = append(effects, c.effect(command.Target{ID: c.id}))
	}
	return effects
}

func (c *sketchCell) effect(t command.Target) command.Effect {
	e := command.Effect{Target: t, Revision: c.base}
	e.Version = max(t.Version, c.version)
	switch {
	case c.dirty && c.present:
		e.Kind, e.Row = command.EffectPut, c.record.row
		e.Version = max(e.Version, c.record.version)
	case c.dirty:
		e.Kind = command.EffectDelete
	}
	return e
}
