package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/planner/plan"
)

// valuesRows evaluates rows of expressions.
type valuesRows struct {
	env  *expr.Env
	rows [][]expr.Expr
	row  []datum.Datum
}

func (r *valuesRows) next(context.Context) ([]datum.Datum, bool, error) {
	if len(r.rows) == 0 {
		return nil, false, nil
	}
	r.env.Row = nil
	var err error
	r.row, err = evalRow(r.env, r.rows[0], r.row)
	r.rows = r.rows[1:]
	return r.row, err == nil, err
}

func (r *valuesRows) close() { r.rows = nil }

// evalRow evaluates expressions into the room of the last row.
func evalRow(env *expr.Env, exprs []expr.Expr, room []datum.Datum) ([]datum.Datum, error) {
	room = room[:0]
	for _, e := range exprs {
		v, err := e.Eval(env)
		if err != nil {
			return room, err
		}
		room = append(room, v)
	}
	return room, nil
}

// filterRows lets rows pass for which a condition is true.
type filterRows struct {
	env   *expr.Env
	input rows
	cond  expr.Expr
}

func (r *filterRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	for {
		row, ok, err := r.input.next(ctx)
		if !ok {
			return nil, false, err
		}
		r.env.Row = row
		pass, _, err := expr.EvalBool(r.cond, r.env)
		if err != nil {
			return nil, false, err
		}
		if pass {
			return row, true, nil
		}
		if err := alive(ctx); err != nil {
			return nil, false, err
		}
	}
}

func (r *filterRows) close() { r.input.close() }

// alive fails when ctx has ended: for loops that may not wait for anything.
func alive(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// projectRows computes new rows.
type projectRows struct {
	env   *expr.Env
	input rows
	exprs []expr.Expr
	row   []datum.Datum
}

func (r *projectRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	row, ok, err := r.input.next(ctx)
	if !ok {
		return nil, false, err
	}
	r.env.Row = row
	r.row, err = evalRow(r.env, r.exprs, r.row)
	return r.row, err == nil, err
}

func (r *projectRows) close() { r.input.close() }

// cutRows passes the first columns of each row.
type cutRows struct {
	input   rows
	columns int
}

func (r *cutRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	row, ok, err := r.input.next(ctx)
	if !ok {
		return nil, false, err
	}
	return row[:r.columns], true, nil
}

func (r *cutRows) close() { r.input.close() }

// limitRows skips rows and passes a number of them; it ends its input as soon as
// it can.
type limitRows struct {
	input       rows
	skip, count int64 // count < 0: all
	ended       bool
}

func (r *limitRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if r.ended || r.count == 0 {
		r.end()
		return nil, false, nil
	}
	for ; r.skip > 0; r.skip-- {
		if _, ok, err := r.input.next(ctx); !ok {
			r.ended = true
			return nil, false, err
		}
	}
	row, ok, err := r.input.next(ctx)
	if !ok {
		r.ended = true
		return nil, false, err
	}
	if r.count > 0 {
		r.count--
	}
	return row, true, nil
}

// end closes the input early. The row that was given out last is not used any
// more then.
func (r *limitRows) end() {
	if !r.ended {
		r.ended = true
		r.input.close()
	}
}

func (r *limitRows) close() { r.input.close() }

// distinctRows drops rows that are equal to one that passed before.
type distinctRows struct {
	input   rows
	columns int
	memory  memory
	seen    map[uint64][][]datum.Datum
}

func (r *distinctRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if r.seen == nil {
		r.seen = make(map[uint64][][]datum.Datum)
	}
	for {
		row, ok, err := r.input.next(ctx)
		if !ok {
			return nil, false, err
		}
		key := row[:r.columns]
		h := hashRow(key)
		if containsRow(r.seen[h], key) {
			if err := alive(ctx); err != nil {
				return nil, false, err
			}
			continue
		}
		if err := r.memory.take(rowBytes(key) + 48); err != nil {
			return nil, false, err
		}
		r.seen[h] = append(r.seen[h], cloneRow(key))
		return row, true, nil
	}
}

func (r *distinctRows) close() {
	r.input.close()
	r.seen = nil
}

func hashRow(row []datum.Datum) uint64 {
	h := uint64(0x9ae16a3b2f90404f)
	for i := range row {
		h = datum.Hash(h, row[i])
	}
	return h
}

func equalRows(a, b []datum.Datum) bool {
	for i := range a {
		if !datum.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func containsRow(list [][]datum.Datum, row []datum.Datum) bool {
	for _, other := range list {
		if equalRows(other, row) {
			return true
		}
	}
	return false
}

// memory bounds what one stage holds.
type memory struct {
	what  string
	limit int64
	used  int64
}

func (m *memory) take(n int64) error {
	if m.used += n; m.used > m.limit {
		return errMemory(m.what, m.limit)
	}
	return nil
}

// timedRows notes a stage's rows and time for EXPLAIN ANALYZE.
type timedRows struct {
	input rows
	f     *facts
	stage plan.Stage
}

func (r *timedRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	start := r.f.now()
	row, ok, err := r.input.next(ctx)
	r.f.stage(r.stage, ok, r.f.now().Sub(start))
	return row, ok, err
}

func (r *timedRows) close() { r.input.close() }
