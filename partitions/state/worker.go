package state

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// commandWork bounds what the expressions of one write cost: some seconds, for which
// the partition executes nothing else. It is part of what a command means, and the
// same on all replicas.
const commandWork = 1 << 31

// worker evaluates programs. It belongs to one goroutine, and its buffers are
// used again and again.
type worker struct {
	env    expr.Env
	row    []datum.Datum // env.Row of single rows
	double []datum.Datum // the row that is there, then EXCLUDED
	values []datum.Datum
	out    []byte
}

// start prepares the worker for a command or read over a table.
func (w *worker) start(c *programs, ctx *command.Context, t *table) *pgerror.Error {
	format, err := c.format(ctx.TimeZone)
	if err != nil {
		return err
	}
	w.env.Params, w.env.Format, w.env.Rand = ctx.Params, format, expr.NewRand(ctx.Seed)
	w.row = resize(w.row, t.width)
	w.env.Row = w.row
	return nil
}

// release lets go of what the worker was started with.
func (w *worker) release() {
	clear(w.row)
	clear(w.double)
	clear(w.values[:cap(w.values)])
	w.env.Params, w.env.Row, w.env.Format = nil, nil, nil
	w.env.LimitWork(0)
	if cap(w.out) > 64<<10 {
		w.out = nil
	}
}

func resize(row []datum.Datum, n int) []datum.Datum {
	if cap(row) < n {
		return make([]datum.Datum, n)
	}
	row = row[:n]
	clear(row)
	return row
}

// holds evaluates a condition over env.Row; nil holds.
func (w *worker) holds(cond expr.Expr) (bool, error) {
	if cond == nil {
		return true, nil
	}
	ok, _, err := expr.EvalBool(cond, &w.env)
	return ok, err
}

// project evaluates expressions over env.Row and returns the encoded row, which is
// new memory.
func (w *worker) project(list []expr.Expr) ([]byte, error) {
	w.values = w.values[:0]
	for _, e := range list {
		v, err := e.Eval(&w.env)
		if err != nil {
			return nil, err
		}
		w.values = append(w.values, v)
	}
	w.out = datum.AppendTuple(w.out[:0], w.values)
	return append(make([]byte, 0, len(w.out)), w.out...), nil
}
