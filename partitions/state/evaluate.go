package state

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
)

// Evaluating is an Evaluate under way: Pin, which runs under the leader's lease,
// fixes the state, Run computes the answer, Close lets the state go. It belongs to
// one goroutine at a time.
type Evaluating struct{}

// Evaluate makes an Evaluate ready for Pin, of the newest state.
func (m *Machine) Evaluate(e *command.Evaluate) *Evaluating { return &Evaluating{} }

// Pin fixes the state as it is now. It may be called again, before Run. In a pinned
// state it does nothing.
func (q *Evaluating) Pin() error { return errUnfinished }

// Run computes the answer. A refusal as Awaited, in the newest state, says that
// an object is on its way or a transaction has staged a change of one: it is to be
// begun again after Events.Arrived. The returned error is that of ctx or of storage.
func (q *Evaluating) Run(ctx context.Context) (*command.Evaluation, error) { return nil, errUnfinished }

// Close lets the state go. Calling it again is harmless.
func (q *Evaluating) Close() {}
