package state

import (
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// staging is the ground that a Prepare is executed on: what the partition has, with
// what the transaction has staged before, and with what the Prepare does. Nothing is
// written before it is known to be a yes.
type staging struct {
	x       *entry
	t       *transaction // nil: it has staged nothing before
	command uint64
	cells   map[object.ID]*stagedCell
	pool    pool[stagedCell] // of cells
	changed []*stagedCell
	walking *stagedCell // the cell that a scan is at, where it is not in cells yet
}

// stagedCell is an object that a Prepare has looked at.
type stagedCell struct {
	objectCell
	base   object.Revision // of what is there, without the transaction; 0: nothing
	again  bool            // the transaction has staged a change of it before
	unmark bool
	vacant bool
	marked object.LocationVersion // of vacant
}

var _ ground = (*staging)(nil)

func (g *staging) reset(x *entry, t *transaction) {
	if g.cells = emptied(g.cells); g.cells == nil {
		g.cells = make(map[object.ID]*stagedCell)
	}
	clear(g.changed)
	g.pool.reset()
	g.x, g.t, g.command, g.changed = x, t, 0, g.changed[:0]
}

// cell returns the cell of an object.
func (g *staging) cell(id object.ID) (*stagedCell, error) {
	if c := g.cells[id]; c != nil {
		return c, nil
	}
	base, err := g.x.object(id)
	if err != nil {
		return nil, err
	}
	c := g.pool.take()
	c.objectCell = objectCell{id: id, present: base.present, record: base.record}
	if base.present {
		c.base = base.record.revision
	}
	if e, found, err := g.t.effect(g.x.batch, id); err != nil {
		return nil, err
	} else if found {
		c.restore(&e)
	}
	g.cells[id] = c
	return c, nil
}

// restore takes over what was staged before.
func (c *stagedCell) restore(e *effect) {
	c.again, c.present, c.record = true, e.present, e.record
	c.unmark, c.vacant, c.marked = e.unmark, e.vacant, 0
	if !e.present {
		c.record, c.marked = record{}, e.record.version
	}
}

// effect is what is to be staged for the cell.
func (c *stagedCell) effect(revision object.Revision) effect {
	e := effect{present: c.present, unmark: c.unmark, vacant: c.vacant}
	if c.present {
		e.record = record{c.record.version, revision, c.record.row}
	} else {
		e.record = record{version: c.marked, revision: revision}
	}
	return e
}

// object is of the interface ground.
func (g *staging) object(id object.ID) (*objectCell, error) {
	c, err := g.cell(id)
	if err != nil {
		return nil, err
	}
	return &c.objectCell, nil
}

// clone is of the interface ground. What is staged is copied before the entry ends.
func (g *staging) clone(row []byte) []byte { return g.x.clone(row) }

// put is of the interface ground.
func (g *staging) put(c *objectCell, r record) { g.change(c, true, r) }

// remove is of the interface ground.
func (g *staging) remove(c *objectCell) {
	if c.present {
		g.change(c, false, record{})
	}
}

func (g *staging) change(c *objectCell, present bool, r record) {
	s := g.cells[c.id]
	if s == nil {
		s = g.walking
		g.cells[c.id] = s
	}
	if !s.dirty {
		s.dirty = true
		g.changed = append(g.changed, s)
	}
	s.present, s.record, s.objectCell.command = present, r, g.command
}

// mark is of the interface ground. Only a deletion marks: its id is vacant.
func (g *staging) mark(id object.ID, m marker) error {
	c, err := g.cell(id)
	if err != nil {
		return err
	}
	c.vacant, c.unmark, c.marked = true, false, m.version
	return nil
}

// unmark is of the interface ground.
func (g *staging) unmark(id object.ID) error {
	c, err := g.cell(id)
	if err != nil {
		return err
	}
	c.vacant, c.unmark = false, true
	return nil
}

// marker is of the interface source.
func (g *staging) marker(id object.ID) (marker, bool, error) {
	if c := g.cells[id]; c != nil && (c.vacant || c.unmark) {
		return marker{kind: vacant, version: c.marked}, c.vacant, nil
	}
	return g.x.marker(id)
}

// arrived is of the interface source.
func (g *staging) arrived(move object.LocationVersion, id object.ID) (bool, error) {
	return g.x.arrived(move, id)
}

// scan is of the interface ground. The entry's cells have to be flushed before.
func (g *staging) scan(s command.Span, each func(*objectCell, int) (bool, error)) (err error) {
	v := sight{stored: stored{r: g.x.batch}}
	if g.t != nil && g.t.staged > 0 {
		v.include = []object.TransactionID{g.t.id}
	}
	w, err := v.walk(s, false)
	if err != nil {
		return storageError(err)
	}
	defer func() {
		g.walking = nil
		if closeErr := w.close(); err == nil {
			err = storageError(closeErr)
		}
	}()
	own := g.changedIn(s)
	for {
		ok, err := w.next()
		if err != nil {
			return storageError(err)
		}
		id := object.ID(w.id)
		if !ok {
			id = s.End
		}
		for len(own) > 0 && own[0].id < id {
			if more, err := visitOwn(own[0], each); err != nil || !more {
				return err
			}
			own = own[1:]
		}
		if !ok {
			return nil
		}
		if len(own) > 0 && own[0].id == id {
			continue // it is of this Prepare: visited before what comes next
		}
		if more, err := g.visit(id, w.record, each); err != nil || !more {
			return err
		}
	}
}

// changedIn returns what the Prepare has changed in a span, ascending.
func (g *staging) changedIn(s command.Span) []*stagedCell {
	var own []*stagedCell
	for _, c := range g.changed {
		if s.Start <= c.id && c.id < s.End {
			own = append(own, c)
		}
	}
	slices.SortFunc(own, func(a, b *stagedCell) int { return strings.Compare(string(a.id), string(b.id)) })
	return own
}

func visitOwn(c *stagedCell, each func(*objectCell, int) (bool, error)) (bool, error) {
	if !c.present {
		return true, nil
	}
	return each(&c.objectCell, len(c.id)+len(c.record.row))
}

// visit shows an object that the Prepare has not changed.
func (g *staging) visit(id object.ID, r record, each func(*objectCell, int) (bool, error)) (bool, error) {
	c := g.cells[id]
	if c == nil {
		c = &stagedCell{objectCell: objectCell{id: id, present: true, record: r}, base: r.revision}
		if e, found, err := g.t.effect(g.x.batch, id); err != nil {
			return false, storageError(err)
		} else if found {
			c.restore(&e)
		}
		g.walking = c
	}
	return each(&c.objectCell, len(id)+len(r.row))
}
