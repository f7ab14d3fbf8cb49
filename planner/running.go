package planner

import (
	"context"
	"errors"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/plan"
)

// result is a statement in execution: rows are pulled from it.
type result interface {
	Next(ctx context.Context) (row []datum.Datum, ok bool, err error)
	// Tag is the command tag after the last row; rows counts those since the last
	// time that rows were asked for.
	Tag(rows int64) string
	Close()
}

// kept is the result of a statement that the session itself executes.
type kept struct {
	tag  string
	rows [][]datum.Datum
}

// Next gives out the next row.
func (k *kept) Next(context.Context) ([]datum.Datum, bool, error) {
	if len(k.rows) == 0 {
		return nil, false, nil
	}
	row := k.rows[0]
	k.rows = k.rows[1:]
	return row, true, nil
}

// Tag is the command tag.
func (k *kept) Tag(int64) string { return k.tag }

// Close drops the rows.
func (k *kept) Close() { k.rows = nil }

// running is a statement in execution that is planned anew, and started again,
// when that is needed and nothing of it was seen.
type running struct {
	s       *Session
	st      *statement
	params  []datum.Datum
	columns []session.Column
	result  result
	plan    *plan.Plan // nil for a statement that the session executes itself
	tries   int
	since   time.Time // of the first start
	given   bool      // a row was given out
	count   int64     // rows that next has returned
	// joined says that it is part of an implicit transaction of several statements; sum
	// is of the rows that were given out then, in their order if they are sorted;
	// replayed says that it is executed again.
	joined, sorted, replayed bool
	sum                      uint64
	encoded                  []byte

	peeked bool // the first row, or the end, was looked at and not given out
	row    []datum.Datum
	more   bool
}

// A statement is started again as often as it takes while it is younger than
// restartTime, and maxRestarts times in any case where the schema changes under it.
const (
	maxRestarts = 16
	restartTime = time.Minute
)

// start begins to execute the statement. What it changes is changed when start
// returns.
func (r *running) start(ctx context.Context) error {
	if r.since.IsZero() {
		r.since = r.s.backend.deps.Clock.Now()
	}
	for {
		err := r.startOnce(ctx)
		if err == nil {
			return nil
		}
		if err = r.again(ctx, err); err != nil {
			return err
		}
	}
}

func (r *running) startOnce(ctx context.Context) error {
	s := r.s
	if u, ok := r.st.tree.(*ast.Unsupported); ok { // it ends a transaction that has failed
		return r.utility(ctx, &plan.Utility{Statement: u})
	}
	began := s.backend.deps.Clock.Now()
	p, err := s.planFor(ctx, r.st)
	if err != nil {
		return err
	}
	if u, ok := p.Root.(*plan.Utility); ok {
		return r.utility(ctx, u)
	}
	s.tx.queried = true
	params := r.params
	if r.st.literals != nil {
		params = r.st.literals
	}
	settings := s.now.settings
	if _, ok := p.Root.(*plan.Explain); ok {
		copied := *settings
		copied.Planning = r.st.planning + s.backend.deps.Clock.Now().Sub(began)
		settings = &copied
	}
	x, joined, err := s.execute(ctx, p, params, settings)
	if err != nil {
		return shift(err, r.st.offset)
	}
	if r.joined = joined && s.tx.block != explicit; r.joined {
		r.sorted = sorted(p)
	}
	r.result, r.plan, r.columns = x, p, p.Columns
	return nil
}

// again prepares for another start if an error asks for it; otherwise it returns
// the error that the client is told.
func (r *running) again(ctx context.Context, err error) error {
	replan := errors.Is(err, execute.ErrReplan)
	if !replan && !errors.Is(err, execute.ErrRestart) {
		return r.afterConflict(ctx, err)
	}
	old := r.s.backend.deps.Clock.Now().Sub(r.since) > restartTime
	if !replan && old {
		return err
	}
	if r.result != nil {
		r.result.Close()
		r.result = nil
	}
	if r.tries++; r.tries > maxRestarts && old {
		return pgerror.New(pgerror.SerializationFailure, "a table is being changed again and again").
			WithDetail("The statement did not take effect.").WithHint("Try again.")
	}
	if r.tries > 1 {
		select {
		case <-time.After(min(time.Duration(r.tries)*time.Millisecond, 100*time.Millisecond)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if replan {
		return r.s.replan(ctx)
	}
	return nil
}

// afterConflict has what came before the statement in its implicit transaction executed
// again, where that is why it failed, so that it can be started again itself.
func (r *running) afterConflict(ctx context.Context, err error) error {
	if r.replayed || r.s.tx.work == nil || r.s.tx.work.Failed() == nil || !r.s.replayable(err) {
		return err
	}
	r.close()
	return r.s.replay(ctx, err)
}

// peek computes the first row ahead.
func (r *running) peek(ctx context.Context) (err error) {
	r.row, r.more, err = r.pull(ctx)
	r.peeked = err == nil
	return err
}

// next returns the next row; false at the end.
func (r *running) next(ctx context.Context) (row []datum.Datum, ok bool, err error) {
	if r.peeked {
		r.peeked = false
		row, ok = r.row, r.more
	} else {
		row, ok, err = r.pull(ctx)
	}
	if ok {
		r.count++
		if r.joined {
			r.sumUp(row)
		}
	}
	return row, ok, err
}

// pull has the next row computed. While none was given out, the statement is
// started again if that is needed.
func (r *running) pull(ctx context.Context) ([]datum.Datum, bool, error) {
	for {
		row, ok, err := r.result.Next(ctx)
		if err == nil {
			r.given = r.given || ok
			return row, ok, nil
		}
		if r.given {
			return nil, false, shift(err, r.st.offset)
		}
		if err = r.again(ctx, shift(err, r.st.offset)); err != nil {
			return nil, false, err
		}
		columns := r.columns
		if err := r.start(ctx); err != nil {
			return nil, false, err
		}
		if !sameResult(columns, r.columns) {
			return nil, false, pgerror.New(pgerror.SerializationFailure, "a table was changed while its rows were read").
				WithDetail("The statement changed nothing.").WithHint("Try again.")
		}
	}
}

func (r *running) close() {
	if r.result != nil {
		r.result.Close()
		r.result = nil
	}
}

// drain gives out rows until the end, or until there were limit of them.
func (r *running) drain(ctx context.Context, limit int64, sink session.Sink) (session.Completion, error) {
	for n := int64(0); ; n++ {
		if limit > 0 && n == limit {
			return session.Completion{Suspended: true}, nil
		}
		row, ok, err := r.next(ctx)
		if err != nil {
			return session.Completion{}, err
		}
		if !ok {
			return session.Completion{Tag: r.result.Tag(n)}, nil
		}
		if err := sink.Row(row); err != nil {
			return session.Completion{}, err
		}
	}
}
