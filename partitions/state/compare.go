package state

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// comparison compares key ranges with what transactions have read of them.
type comparison struct {
	m      *Machine
	view   *view
	sight  sight
	worker *worker
	// ctx ends it; nil when a log entry is applied.
	ctx context.Context
	// touched returns the last log entry that has touched a table.
	touched func(object.TableID) (uint64, error)
	// objects and bytes may still be looked at; ctx, if there is one, bounds it instead.
	objects, bytes int
}

// compareRanges compares ranges with what is stored when an entry is applied. It
// returns the first that does not hold. The failure is for the client; the error is
// of storage.
func (x *entry) compareRanges(ranges []command.Range) (conflict *command.Conflict, failure *pgerror.Error, err error) {
	if len(ranges) == 0 {
		return nil, nil, nil
	}
	x.flush()
	c := comparison{
		m: x.m, view: x.m.live, sight: sight{stored: stored{r: x.batch}}, worker: &x.m.worker,
		objects: maxRangesScanned, bytes: maxRangesScannedBytes,
		touched: func(t object.TableID) (uint64, error) { return x.m.sizes.lastTouched(t), nil },
	}
	return c.compareRanges(ranges)
}

// compare compares all that a transaction has read, at once.
func (c *comparison) compare(p *command.Part) (*command.Vote, error) {
	for i := range p.Tables {
		if _, refusal := c.view.schema(p.Tables[i].Table, p.Tables[i].Schema); refusal != nil {
			return &command.Vote{Refusal: refusal}, nil
		}
	}
	refusal, conflict, err := c.compareEffects(p.Effects)
	if err != nil || refusal != nil || conflict != nil {
		return &command.Vote{Refusal: refusal, Conflict: conflict}, err
	}
	conflict, failure, err := c.compareRanges(p.Ranges)
	return &command.Vote{Err: failure, Conflict: conflict}, err
}

func (c *comparison) compareRanges(ranges []command.Range) (*command.Conflict, *pgerror.Error, error) {
	for i := range ranges {
		r := &ranges[i]
		same, failure, err := c.compareRange(r)
		if failure != nil || err != nil {
			return nil, failure, err
		}
		if !same {
			return &command.Conflict{Table: r.Table}, nil, nil
		}
	}
	return nil, nil, nil
}

// compareRange reports whether the objects of a range are the ones that a
// transaction has read.
func (c *comparison) compareRange(r *command.Range) (same bool, failure *pgerror.Error, err error) {
	t := c.view.tables[r.Table]
	if t == nil {
		return false, nil, nil
	}
	// What was read was stored in an entry up to the Index, or it counted as being
	// there in the same way still; the latter is compared.
	if c.sight.plain() {
		if touched, err := c.touched(r.Table); err != nil || touched <= r.Print.Index {
			return err == nil, nil, err
		}
	}
	if c.ctx != nil {
		if left, err := c.departed(r); err != nil || left {
			return false, nil, err
		}
	}
	prog, failure := c.m.programs.get(r.Program)
	if failure == nil {
		failure = c.worker.start(c.m.programs, &r.Context, t)
	}
	if failure != nil {
		return false, failure, nil
	}
	defer c.worker.release()
	if c.ctx == nil {
		c.worker.env.LimitWork(commandWork)
	}
	var found fingerprint
	for _, s := range orderSpans(r.Spans, r.Table) {
		complete, failure, err := c.compareSpan(t, prog, s, r.Print.Count, &found)
		if !complete || failure != nil || err != nil {
			return false, failure, err
		}
	}
	return found.equals(r.Print), nil, nil
}

// compareSpan adds the objects of a span. complete is false where there are more than
// want, or than there is room for.
func (c *comparison) compareSpan(t *table, prog *program, s command.Span, want int64, found *fingerprint) (complete bool, failure *pgerror.Error, err error) {
	w, err := c.sight.walk(s, false)
	if err != nil {
		return false, nil, err
	}
	defer func() {
		if closeErr := w.close(); err == nil {
			err = closeErr
		}
	}()
	for n := 1; ; n++ {
		ok, err := w.next()
		if err != nil || !ok {
			return err == nil, nil, err
		}
		if found.count > want {
			return false, nil, nil
		}
		if c.ctx == nil {
			c.objects, c.bytes = c.objects-1, c.bytes-len(w.record.row)
			if c.objects < 0 || c.bytes < 0 {
				return false, nil, nil
			}
		} else if n%256 == 0 && c.ctx.Err() != nil {
			return false, nil, c.ctx.Err()
		}
		if prog.Filter != nil && !prog.unsteady {
			err := t.decode(w.record, c.worker.row, prog.needed, c.m.partition)
			accepted := false
			if err == nil {
				accepted, err = c.worker.holds(prog.Filter)
			}
			if e := pgerror.As(err); e != nil && e.Code == pgerror.ProgramLimitExceeded {
				return false, e, nil
			}
			if err != nil {
				return false, nil, nil // who has read the range did not fail at this object
			}
			if !accepted {
				continue
			}
		}
		found.add(w.id, w.record.revision)
	}
}

// compareEffects compares objects with the revisions that a transaction has read.
func (c *comparison) compareEffects(effects []command.Effect) (*command.Refusal, *command.Conflict, error) {
	var refusal *command.Refusal
	var conflict *command.Conflict
	for i := range effects {
		e := &effects[i]
		r, found, err := c.sight.object(e.ID)
		if err != nil {
			return nil, nil, err
		}
		if !found {
			st, where, err := c.standing(&e.Target)
			if err != nil {
				return nil, nil, err
			}
			refusal = refuseTarget(refusal, st, e.ID, where)
			if st != owned {
				continue
			}
		}
		if (found && r.revision != e.Revision || !found && e.Revision != 0) && conflict == nil {
			conflict = &command.Conflict{ID: e.ID, Table: e.ID.Table()}
		}
		if c.ctx != nil && i%256 == 255 && c.ctx.Err() != nil {
			return nil, nil, c.ctx.Err()
		}
	}
	if refusal != nil {
		conflict = nil
	}
	return refusal, conflict, nil
}

// standing says how the partition stands to an object that it does not hold.
func (c *comparison) standing(target *command.Target) (standing, object.Location, error) {
	t := c.view.tables[target.ID.Table()]
	if t == nil {
		return owned, object.Location{}, nil
	}
	return c.view.standAbsent(t, &c.sight, target)
}

// standAbsent is stand for an object that is not to be created and is not here.
func (v *view) standAbsent(t *table, src source, target *command.Target) (standing, object.Location, error) {
	st, where, _, err := v.stand(t, src, target, false)
	if st == owned && target.Unsure {
		return elsewhere, object.Location{}, err
	}
	return st, where, err
}
