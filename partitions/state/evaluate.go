package state

import (
	"context"
	"errors"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Evaluating is an Evaluate under way: Pin, which runs under the leader's lease,
// fixes the state, Run computes the answer, Close lets the state go. It belongs to
// one goroutine at a time.
type Evaluating struct {
	moment
	e *command.Evaluate
}

// Evaluate makes an Evaluate ready for Pin, of the newest state.
func (m *Machine) Evaluate(e *command.Evaluate) *Evaluating { return newEvaluating(moment{m: m}, e) }

func newEvaluating(state moment, e *command.Evaluate) *Evaluating {
	if e.Write == nil {
		e = &command.Evaluate{Write: &command.Write{}, View: e.View} // of no table: it is refused
	}
	return &Evaluating{state, e}
}

// Evaluate is Machine.Evaluate in the pinned state.
func (p *Pinned) Evaluate(e *command.Evaluate) (*Evaluating, error) {
	if err := p.use(); err != nil {
		return nil, err
	}
	return newEvaluating(p.moment(), e), nil
}

// Pin fixes the state as it is now. It may be called again, before Run. In a pinned
// state it does nothing.
func (q *Evaluating) Pin() error {
	if q.pinned != nil {
		return nil
	}
	w := q.e.Write
	return q.pin(points(w.Targets, w.Spans, q.e.View.Checks), q.shielded)
}

func (q *Evaluating) shielded(n *newest) bool {
	return n.shielded(q.e.Write.Targets, q.e.Write.Spans) || n.shieldedPart(q.e.View.Checks)
}

// Close lets the state go. Calling it again is harmless.
func (q *Evaluating) Close() { q.unpin() }

// Run computes the answer. A refusal as Awaited, in the newest state, says that
// an object is on its way or a transaction has staged a change of one: it is to be
// begun again after Events.Arrived. The returned error is that of ctx or of storage.
//
// The effects are bounded as those of a Write are; a Write with Spans that reaches
// the bounds has Result.Rest, one with Targets fails with 54000.
func (q *Evaluating) Run(ctx context.Context) (*command.Evaluation, error) {
	return steady(&q.moment, q.shielded, func() (*command.Evaluation, error) { return q.look(ctx) })
}

func (q *Evaluating) look(ctx context.Context) (*command.Evaluation, error) {
	answer := &command.Evaluation{Refusal: q.refusal}
	if answer.Refusal != nil {
		return answer, nil
	}
	d := desks.Get().(*desk)
	defer func() {
		d.worker.release()
		desks.Put(d)
	}()
	err := q.run(ctx, &d.worker, answer)
	if err == nil {
		return answer, nil
	}
	var broken storageFailure
	if errors.As(err, &broken) {
		return nil, broken.err
	}
	return &command.Evaluation{Err: asError(err)}, nil
}

// run fills the answer. What fails as a statement fails is an error, and what fails
// otherwise a storageFailure.
func (q *Evaluating) run(ctx context.Context, w *worker, answer *command.Evaluation) error {
	write, view := q.e.Write, &q.e.View
	t, refusal := q.view.schema(write.Table, write.Schema)
	if refusal != nil {
		answer.Refusal = refusal
		return nil
	}
	if err := overlay(view.Overlay).check(t); err != nil {
		return err
	}
	s, err := q.sightOf(view)
	if err != nil {
		return storageError(err)
	}
	if write.Home && len(write.Spans) > 0 {
		if home, err := q.view.isHome(s.r, t, write.Spans); err != nil || !home {
			answer.Refusal = &command.Refusal{Reason: command.Elsewhere}
			return storageError(err)
		}
	}
	if view.Checks != nil {
		c := comparison{m: q.m, view: q.view, sight: s, worker: w, ctx: ctx, touched: s.lastTouched}
		vote, err := c.compare(view.Checks)
		if err != nil {
			return storageError(err)
		}
		if !vote.Yes() {
			answer.Refusal, answer.Err, answer.Conflict = vote.Refusal, vote.Err, vote.Conflict
			return nil
		}
	}
	on := newSketch(ctx, s, view.Overlay)
	o, refusal, failure := beginWriting(write, on, q.view, q.m.programs, w)
	if o == nil {
		answer.Refusal, answer.Err = refusal, failure
		return nil
	}
	on.o, o.command = o, sketched
	if err := o.run(); err != nil {
		return err
	}
	if o.result.Refusal != nil {
		answer.Refusal = o.result.Refusal
		return nil
	}
	if on.bytes > maxSketchBytes {
		return pgerror.New(pgerror.ProgramLimitExceeded, "a statement changes more than %d bytes in one partition", maxSketchBytes)
	}
	answer.Result, answer.Effects, answer.Print = o.result, on.effects(), on.print.print(q.index())
	return nil
}
