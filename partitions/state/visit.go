package state

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// applyView takes the overlay, and compares what is to be checked. Where that does not
// hold, the chunk or q.refusal says so.
func (q *Query) applyView(ctx context.Context, chunk *command.Chunk) error {
	v := &q.read.View
	q.overlay = v.Overlay
	if err := q.overlay.check(q.t); err != nil {
		return err
	}
	if v.Checks == nil {
		return nil
	}
	c := comparison{
		m: q.m, view: q.view, sight: q.sight, worker: q.worker, ctx: ctx, touched: q.sight.lastTouched,
	}
	vote, err := c.compare(v.Checks)
	if err != nil {
		return err
	}
	if vote.Err != nil {
		return vote.Err
	}
	q.refusal, chunk.Conflict = vote.Refusal, vote.Conflict
	return nil
}

// resolve finds the named objects, or refuses the read.
func (q *Query) resolve() error {
	if q.read.View.Track {
		q.revisions = make([]object.Revision, len(q.read.Targets))
	}
	q.targets = make([]target, 0, len(q.read.Targets))
	kept := 0
	for i := range q.read.Targets {
		if err := q.resolveOne(i, &kept); err != nil {
			return err
		}
	}
	if q.prog.KeyOrder {
		slices.SortStableFunc(q.targets, func(a, b target) int {
			if q.read.Reverse {
				a, b = b, a
			}
			return strings.Compare(string(a.id), string(b.id))
		})
	}
	return nil
}

func (q *Query) resolveOne(i int, kept *int) error {
	t := &q.read.Targets[i]
	if t.ID.Table() != q.read.Table {
		return pgerror.New(pgerror.InternalError, "malformed read: object of another table")
	}
	r, found, err := q.sight.object(t.ID)
	if err != nil {
		return err
	}
	if q.overlaid(i, r) {
		return nil
	}
	if found {
		if *kept += len(r.row); *kept > keptBytes && i > 0 {
			r, q.turn = record{}, 1 // without a snapshot it would be another one later
		}
		q.targets = append(q.targets, target{t.ID, r, r.row != nil})
		return nil
	}
	st, where, err := q.view.standAbsent(q.t, &q.sight, t)
	if err != nil {
		return err
	}
	if q.refusal = refuseTarget(q.refusal, st, t.ID, where); q.refusal == nil {
		q.absent = append(q.absent, i)
	}
	return nil
}

// overlaid notes the revision of a named object, and takes the object of the overlay in
// its place, if there is one.
func (q *Query) overlaid(i int, r record) bool {
	if q.revisions != nil {
		q.revisions[i] = r.revision
	}
	id := q.read.Targets[i].ID
	own := q.overlay.find(id)
	switch {
	case own == nil:
		return false
	case own.Row == nil:
		q.absent = append(q.absent, i)
	default:
		q.targets = append(q.targets, target{id, record{own.Version, r.revision, own.Row}, true})
	}
	return true
}

// errEnough ends a visit.
var errEnough = errors.New("enough")

// visit looks at objects until a chunk is full or there are no more.
func (q *Query) visit(ctx context.Context) error {
	err := q.visitTargets(ctx)
	if err == nil {
		err = q.visitSpans(ctx)
	}
	if err == errEnough {
		return nil
	}
	if err != nil {
		return err
	}
	q.upto = ""
	return q.gather.finish(q)
}

func (q *Query) visitTargets(ctx context.Context) error {
	for len(q.targets) > 0 {
		t := q.targets[0]
		q.targets = q.targets[1:]
		if !t.loaded {
			var err error
			if t.record, _, err = q.sight.object(t.id); err != nil {
				return err
			}
		}
		if err := q.look(ctx, t.record); err != nil {
			return err
		}
	}
	return nil
}

func (q *Query) visitSpans(ctx context.Context) error {
	for len(q.spans) > 0 {
		if err := q.visitSpan(ctx); err != nil {
			return err
		}
		if q.read.Reverse {
			q.spans = q.spans[:len(q.spans)-1]
		} else {
			q.spans = q.spans[1:]
		}
	}
	return nil
}

// visitSpan goes through the next span; what is left of it when a chunk is full
// stays in q.spans.
func (q *Query) visitSpan(ctx context.Context) (err error) {
	s := &q.spans[0]
	if q.read.Reverse {
		s = &q.spans[len(q.spans)-1]
	}
	w, err := q.sight.walk(*s, q.read.Reverse)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := w.close(); closeErr != nil && (err == nil || err == errEnough) {
			err = closeErr
		}
	}()
	if over := q.overlay.in(*s); len(over) > 0 {
		return q.visitOverlaid(ctx, s, w, over)
	}
	for {
		ok, err := w.next()
		if err != nil || !ok {
			return err
		}
		err = q.lookAt(ctx, w)
		if err == errEnough {
			id := object.ID(w.id)
			if q.read.View.Track && q.read.Reverse {
				if ok, err = w.next(); err != nil {
					return err
				}
			}
			q.stop(s, id, w, ok)
			return errEnough
		}
		if err != nil {
			return err
		}
	}
}

// stop notes where a visit ends, after the object id. The walk is at the next object
// of the state, if ok.
func (q *Query) stop(s *command.Span, id object.ID, w *walker, ok bool) {
	if !q.read.Reverse {
		s.Start = id + "\x00"
		q.upto = s.Start
		return
	}
	s.End = id
	switch {
	case ok:
		q.upto = object.ID(w.id)
	case len(q.spans) > 1:
		q.upto = q.spans[len(q.spans)-2].End
	default:
		q.upto = ""
	}
}

// look takes an object to be shown: decodes what is needed, filters, gathers.
// errEnough says that the chunk is full, or that nothing more is wanted; the object
// was taken.
func (q *Query) look(ctx context.Context, r record) error {
	ok, err := q.accepts(ctx, r)
	if err != nil || !ok {
		return err
	}
	return q.gather.add(q)
}

// lookAt is look for the object that the walk is at. It is also counted as read.
func (q *Query) lookAt(ctx context.Context, w *walker) error {
	ok, err := q.accepts(ctx, w.record)
	if err != nil {
		return err
	}
	q.count(w, ok)
	if !ok {
		return nil
	}
	return q.gather.add(q)
}

// count counts the object that the walk is at as read, if the filter accepts it.
func (q *Query) count(w *walker, accepted bool) {
	if q.read.View.Track && (accepted || q.prog.unsteady) {
		q.print.add(w.id, w.record.revision)
	}
}

// accepts makes an object env.Row and filters it.
func (q *Query) accepts(ctx context.Context, r record) (bool, error) {
	q.scanned++
	if q.scanned%256 == 0 && ctx.Err() != nil {
		return false, ctx.Err()
	}
	w := q.worker
	if err := q.t.decode(r, w.row, q.prog.needed, q.m.partition); err != nil {
		return false, err
	}
	return w.holds(q.prog.Filter)
}
