package state

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// create puts target i in, or does what is to be done where it exists.
func (o *writing) create(i int, c *objectCell) error {
	w := o.worker
	w.env.Row = w.row
	row := o.w.Targets[i].Row
	if err := datum.DecodeRow(row, w.row[:o.t.columns], nil, o.t.missing); err != nil {
		return err
	}
	o.t.setSystem(w.row, record{}, o.view.partition)
	if err := o.t.check(w); err != nil {
		return err
	}
	if !c.present {
		// That it was vacant is told by the object's version from now on.
		if m, marked, err := o.on.marker(c.id); err != nil {
			return storageError(err)
		} else if marked && m.kind == vacant {
			if err := o.on.unmark(c.id); err != nil {
				return storageError(err)
			}
		}
		return o.keep(c, record{o.versions[i], o.revision, row})
	}
	switch o.w.Conflict {
	case command.ConflictSkips:
		return nil
	case command.ConflictUpdates:
		return o.conflict(c)
	}
	return o.t.duplicate(w)
}

// conflict is DO UPDATE: the row to be created is in w.row.
func (o *writing) conflict(c *objectCell) error {
	if c.command == o.command {
		return pgerror.New(pgerror.CardinalityViolation, "ON CONFLICT DO UPDATE command cannot affect row a second time").
			WithHint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
	}
	w := o.worker
	w.double = resize(w.double, 2*o.t.width)
	copy(w.double[o.t.width:], w.row[:o.t.columns])
	if err := o.t.decode(c.record, w.double[:o.t.width], nil, o.view.partition); err != nil {
		return err
	}
	w.env.Row = w.double
	ok, err := w.holds(o.prog.ConflictFilter)
	if err != nil || !ok {
		return err
	}
	return o.update(c)
}
