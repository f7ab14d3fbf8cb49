package state

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
)

// Validating compares what a transaction has read with the newest state: Pin, which
// runs under the leader's lease, fixes the state, Run computes the answer, Close
// lets the state go. It belongs to one goroutine at a time.
type Validating struct {
	moment
	part *command.Part
}

// Validate makes the Ranges and Effects of a part ready to be compared; its Writes
// do not matter.
func (m *Machine) Validate(part *command.Part) *Validating { return &Validating{moment{m: m}, part} }

// Pin fixes the state as it is now. It may be called again, before Run.
func (q *Validating) Pin() error {
	return q.pin(points(nil, nil, q.part), q.shielded)
}

func (q *Validating) shielded(n *newest) bool { return n.shieldedPart(q.part) }

// Run computes the vote. A refusal as Awaited says that an object is on its way or
// a transaction has staged a change of one: it is to be begun again after
// Events.Arrived. The returned error is that of ctx or of storage.
func (q *Validating) Run(ctx context.Context) (*command.Vote, error) {
	return steady(&q.moment, q.shielded, func() (*command.Vote, error) { return q.look(ctx) })
}

func (q *Validating) look(ctx context.Context) (*command.Vote, error) {
	if q.refusal != nil {
		return &command.Vote{Refusal: q.refusal}, nil
	}
	s, err := q.sightOf(&command.View{})
	if err != nil {
		return nil, err
	}
	d := desks.Get().(*desk)
	defer desks.Put(d)
	c := comparison{m: q.m, view: q.view, sight: s, worker: &d.worker, ctx: ctx, touched: s.lastTouched}
	return c.compare(q.part)
}

// Close lets the state go. Calling it again is harmless.
func (q *Validating) Close() { q.unpin() }
