package state

import (
	"context"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// overlay is the objects that a transaction sees by its own writes, ascending by id.
type overlay []command.Overlaid

// check refuses overlays that no executor sends.
func (o overlay) check(t *table) error {
	row := make([]datum.Datum, t.columns)
	for i := range o {
		if o[i].ID.Table() != t.desc.ID || i > 0 && o[i-1].ID >= o[i].ID {
			return pgerror.New(pgerror.InternalError, "malformed overlay: objects out of order, or of another table")
		}
		if o[i].Row == nil {
			continue
		}
		if err := datum.DecodeRow(o[i].Row, row, nil, t.missing); err != nil {
			return pgerror.New(pgerror.InternalError, "malformed overlay: %v", err)
		}
	}
	return nil
}

// find finds an object; nil where it is not in the overlay.
func (o overlay) find(id object.ID) *command.Overlaid {
	if i, found := o.search(id); found {
		return &o[i]
	}
	return nil
}

func (o overlay) search(id object.ID) (int, bool) {
	return slices.BinarySearchFunc(o, id, func(a command.Overlaid, id object.ID) int {
		return strings.Compare(string(a.ID), string(id))
	})
}

// in returns the part of the overlay that lies in a span.
func (o overlay) in(s command.Span) overlay {
	if len(o) == 0 {
		return nil
	}
	from, _ := o.search(s.Start)
	to, _ := o.search(s.End)
	return o[from:to]
}

// first returns the first object of a direction; nil where there is none.
func (o overlay) first(reverse bool) *command.Overlaid {
	switch {
	case len(o) == 0:
		return nil
	case reverse:
		return &o[len(o)-1]
	}
	return &o[0]
}

// rest is the overlay without the first object of a direction.
func (o overlay) rest(reverse bool) overlay {
	if reverse {
		return o[:len(o)-1]
	}
	return o[1:]
}

// compareHeads says which comes first of a walk and an overlay in the same direction: the
// object of the walk, if ok, where it is less than 0, that of the overlay, if it is not
// nil, where it is greater. Where it is 0 they are the same.
func compareHeads(w *walker, ok bool, o *command.Overlaid, reverse bool) int {
	switch {
	case o == nil:
		return -1
	case !ok:
		return 1
	}
	order := strings.Compare(string(w.id), string(o.ID))
	if reverse {
		return -order
	}
	return order
}

// visitOverlaid is visitSpan where the overlay has objects in the span.
func (q *Query) visitOverlaid(ctx context.Context, s *command.Span, w *walker, over overlay) error {
	reverse := q.read.Reverse
	ok, err := w.next()
	if err != nil {
		return err
	}
	for {
		o := over.first(reverse)
		if o == nil && !ok {
			return nil
		}
		before := compareHeads(w, ok, o, reverse)
		id, err := q.lookAtBoth(ctx, w, o, before)
		if err != nil && err != errEnough {
			return err
		}
		if before >= 0 {
			over = over.rest(reverse)
		}
		if before <= 0 {
			var moved error
			if ok, moved = w.next(); moved != nil {
				return moved
			}
		}
		if err != nil {
			q.stop(s, id, w, ok)
			return err
		}
	}
}

// lookAtBoth looks at what comes first. It returns its id with errEnough.
func (q *Query) lookAtBoth(ctx context.Context, w *walker, o *command.Overlaid, before int) (object.ID, error) {
	if before < 0 {
		err := q.lookAt(ctx, w)
		if err == nil {
			return "", nil // nobody asks
		}
		return object.ID(w.id), err
	}
	own := record{version: o.Version, row: o.Row}
	if before == 0 {
		own.revision = w.record.revision
		if q.read.View.Track { // it is read, though it is not shown
			accepted, err := q.accepts(ctx, w.record)
			if err != nil {
				return o.ID, err
			}
			q.count(w, accepted)
		}
	}
	if o.Row == nil {
		return o.ID, nil
	}
	return o.ID, q.look(ctx, own)
}
