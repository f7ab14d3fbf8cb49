package state

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
)

// Validating compares what a transaction has read with the newest state: Pin, which
// runs under the leader's lease, fixes the state, Run computes the answer, Close
// lets the state go. It belongs to one goroutine at a time.
type Validating struct{}

// Validate makes the Ranges and Effects of a part ready to be compared; its Writes
// do not matter.
func (m *Machine) Validate(part *command.Part) *Validating { return &Validating{} }

// Pin fixes the state as it is now. It may be called again, before Run.
func (q *Validating) Pin() error { return errUnfinished }

// Run computes the vote. A refusal as Awaited says that an object is on its way or
// a transaction has staged a change of one: it is to be begun again after
// Events.Arrived. The returned error is that of ctx or of storage.
func (q *Validating) Run(ctx context.Context) (*command.Vote, error) { return nil, errUnfinished }

// Close lets the state go. Calling it again is harmless.
func (q *Validating) Close() {}
