package execute

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/planner/plan"
)

// maxTouches bounds what is kept of one command for Trace; what is beyond it is not told.
const maxTouches = 1 << 16

// traces reports whether what the statement touches is told. All that has to do with that
// is behind it.
func (e *Execution) traces() bool { return e.x.deps.Trace != nil }

// touch notes that the statement touches objects.
func (e *Execution) touch(t *catalog.Table, objects *plan.Objects, like Touch) {
	like.Table = t
	for _, id := range objects.IDs {
		like.ID = id
		e.touched(like)
	}
	like.ID = ""
	for _, s := range objects.Spans {
		like.Span = s
		if s == plan.TableSpan(t.ID) {
			like.Span = command.Span{}
		}
		e.touched(like)
	}
}

func (e *Execution) touched(t Touch) {
	if len(e.touches) < maxTouches {
		e.touches = append(e.touches, t)
	}
}

// told tells what a statement outside of transactions has touched when it is over; a
// transaction keeps it until it commits.
func (e *Execution) told() {
	touches := e.touches
	e.touches = nil
	switch {
	case len(touches) == 0:
	case e.tx == nil:
		e.x.deps.Trace.Touched(touches)
	default:
		e.tx.touches = append(e.tx.touches, touches[:min(len(touches), maxTouches-len(e.tx.touches))]...)
	}
}

// sets are the columns that an update sets to what the statement says itself, with these
// values.
func (e *Execution) sets(p *plan.Program) (columns []int, values []datum.Datum) {
	if p.Volatile {
		return nil, nil
	}
	for _, s := range p.Set {
		if expr.HasColumns(s.Value) {
			continue
		}
		v, err := s.Value.Eval(&e.env)
		if err != nil {
			continue // the partition says so
		}
		columns, values = append(columns, s.Column), append(values, v)
	}
	return columns, values
}
