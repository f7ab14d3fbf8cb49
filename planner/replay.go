package planner

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// An implicit transaction of several statements that meets a conflict is executed
// again: its client has not asked for a transaction, and may not know what to do with
// 40001. What the client was told of its statements may have been sent: it is executed
// again for good only where it tells the same, row for row. Batches of writes do,
// and reads of what has not changed.

// step is a statement of an implicit transaction, and what its client was told.
type step struct {
	st     *statement
	params []datum.Datum
	sum    uint64 // of the rows
	tag    string
}

// The bounds of what is kept of an implicit transaction; a larger one is not executed
// again.
const (
	maxSteps     = 1024
	maxStepBytes = 1 << 20
	maxReplays   = 16
)

// record keeps a statement that has been executed as part of the transaction.
func (s *Session) record(r *running, tag string) {
	if !r.joined || s.tx.block == explicit || s.tx.fixed {
		return
	}
	s.tx.stepBytes += len(r.st.text)
	for _, p := range r.params {
		s.tx.stepBytes += 32
		if k := p.Kind(); k == datum.KindText || k == datum.KindBytes {
			s.tx.stepBytes += len(p.ByteString())
		}
	}
	if len(s.tx.steps) >= maxSteps || s.tx.stepBytes > maxStepBytes {
		s.fix()
		return
	}
	st := *r.st // a prepared statement may be forgotten, or get another plan
	s.tx.steps = append(s.tx.steps, step{st: &st, params: r.params, sum: r.sum, tag: tag})
}

// fix says that the transaction cannot be executed again.
func (s *Session) fix() { s.tx.fixed, s.tx.steps = true, nil }

// replayable reports whether an error is a conflict of an implicit transaction that
// can be executed again.
func (s *Session) replayable(err error) bool {
	if s.tx.block == explicit || s.tx.work == nil || s.tx.fixed || s.tx.replays >= maxReplays {
		return false
	}
	e := pgerror.As(err)
	return e != nil && e.Code == pgerror.SerializationFailure
}

// replay executes the transaction's statements again, in a new one. conflict is why;
// it is returned where they tell something else than they did.
func (s *Session) replay(ctx context.Context, conflict error) error {
	for {
		s.tx.replays++
		s.tx.work.Rollback()
		s.tx.work = nil
		select {
		case <-time.After(time.Duration(min(s.tx.replays, 20)) * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err := s.replayOnce(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case !s.replayable(err): // it would tell something else
			s.fix()
			return conflict
		}
	}
}

// replayOnce executes the statements again. An error is a conflict, or says that they
// do not tell what they told.
func (s *Session) replayOnce(ctx context.Context) error {
	s.join() // also where there are no statements: what follows is part of it
	for i := range s.tx.steps {
		was := &s.tx.steps[i]
		r := running{s: s, st: was.st, params: was.params, replayed: true}
		tag, err := r.toEnd(ctx)
		if err != nil {
			return err
		}
		if r.sum != was.sum || tag != was.tag {
			return errToldOtherwise
		}
	}
	return nil
}

var errToldOtherwise = errors.New("a statement has another result than it had")

// toEnd executes a statement that was executed before.
func (r *running) toEnd(ctx context.Context) (tag string, err error) {
	defer r.close()
	if err := r.start(ctx); err != nil {
		return "", err
	}
	for n := int64(0); ; n++ {
		_, ok, err := r.next(ctx)
		if err != nil {
			return "", err
		}
		if !ok {
			return r.result.Tag(n), nil
		}
	}
}

// rowSeed is the same for all sums of rows, which do not leave the process.
var rowSeed = maphash.MakeSeed()

// sumUp adds a row to what the client was told.
func (r *running) sumUp(row []datum.Datum) {
	r.encoded = datum.AppendRow(r.encoded[:0], row)
	if r.sorted {
		r.sum *= 1099511628211
	}
	r.sum += maphash.Bytes(rowSeed, r.encoded)
}
