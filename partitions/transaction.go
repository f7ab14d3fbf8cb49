package partitions

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/planted"
	"github.com/ssmr/ssmr/partitions/attempt"
)

// resolveMost is for how long, after the caller has got its answer, participants are
// asked what became of an attempt that could not be decided. Then it is left to their
// leaders.
const resolveMost = time.Minute

// orderedTime is for how long one that holds locks waits for others; then it gives
// them up, and starts over.
const orderedTime = time.Second

// errForgotten says that a partition does not remember what it answered.
var errForgotten = errors.New("the partition has forgotten what it answered")

// transaction is one attempt under way: it does the steps of an attempt.Attempt.
type transaction struct {
	c            *Client
	id           object.TransactionID
	owner        object.TransactionID
	participants []object.PartitionID
	shares       []share // in the order of participants; nil where it is recovered
	// forget is asked before a participant is told to forget; nil: it may.
	forget func() bool
	ctx    context.Context // of the Prepares: the statement's

	mu         sync.Mutex       // guards what follows, and votes and errors of shares
	attempt    *attempt.Attempt // nil before begin
	decided    chan struct{}    // closed when it is committed, or released
	stuck      chan struct{}    // closed when a participant could not be resolved for a while
	late       *time.Timer      // gives up waiting until it is released; nil: not needed yet
	isDecided  bool
	isStuck    bool
	registered bool
}

// newTransaction makes an attempt for parts, in any order.
func (c *Client) newTransaction(ctx context.Context, participants []object.PartitionID, parts []command.Share) *transaction {
	x := &transaction{c: c, id: c.nextTransaction(), participants: participants, ctx: ctx, shares: make([]share, len(parts))}
	for i := range parts {
		at := 0
		for participants[at] != parts[i].Partition {
			at++
		}
		x.shares[at] = share{partition: parts[i].Partition, part: &parts[i].Part, index: i}
	}
	return x
}

// register has the node say, when it is asked, that it is about to decide this.
func (x *transaction) register() {
	x.registered = true
	x.c.undecided.Store(x.id.Sequence, struct{}{})
}

// unregister is called with mu held, or before begin.
func (x *transaction) unregister() {
	if x.registered {
		x.registered = false
		x.c.undecided.Delete(x.id.Sequence)
	}
}

// begin starts to do what an attempt says.
func (x *transaction) begin(a *attempt.Attempt) {
	x.decided, x.stuck = make(chan struct{}), make(chan struct{})
	x.mu.Lock()
	x.attempt = a
	x.mu.Unlock()
	x.report(func(*attempt.Attempt) {})
}

// report tells the attempt what has happened, and does what follows from it.
func (x *transaction) report(f func(*attempt.Attempt)) {
	var room [8]attempt.Step
	x.mu.Lock()
	f(x.attempt)
	steps := x.attempt.AppendSteps(room[:0])
	if d := x.attempt.Decision(); d != attempt.Undecided {
		x.unregister()
		switch {
		case x.isDecided:
		case d == attempt.Committed || x.attempt.Released():
			x.isDecided = true
			close(x.decided)
		case x.late == nil:
			x.late = time.AfterFunc(x.c.cfg.Grace, x.giveUp)
		}
		if x.isDecided && x.late != nil {
			x.late.Stop()
		}
	}
	x.mu.Unlock()
	for _, s := range steps {
		x.perform(s)
	}
}

// perform begins a step. It does not wait.
func (x *transaction) perform(s attempt.Step) {
	p := s.Partition
	switch s.Kind {
	case attempt.Prepare:
		if !x.c.startBackground(func() { x.prepare(p, s.Wait) }) {
			x.voted(p, attempt.No, nil, &Unanswered{Partition: p, Cause: cluster.ErrClosed})
		}
	case attempt.Resolve:
		if !x.c.startBackground(func() { x.resolve(p) }) {
			x.giveUp()
		}
	case attempt.Commit:
		x.c.concluder(p).add(concluding{id: x.id, commit: true, of: x})
	case attempt.Abort:
		x.c.concluder(p).add(concluding{id: x.id, of: x})
	case attempt.Forget:
		if x.forget == nil || x.forget() {
			x.c.concluder(p).forget(x.id)
		}
		x.report(func(a *attempt.Attempt) { a.Forgotten(p) })
	}
}

// concluded is called by a concluder.
func (x *transaction) concluded(p object.PartitionID) {
	x.report(func(a *attempt.Attempt) { a.Concluded(p) })
}

func (x *transaction) share(p object.PartitionID) *share {
	for i := range x.shares {
		if x.shares[i].partition == p {
			return &x.shares[i]
		}
	}
	return nil
}

// prepare sends a participant its part, chunk by chunk.
func (x *transaction) prepare(p object.PartitionID, wait bool) {
	s := x.share(p)
	if s.chunks == nil && s.sent == 0 {
		s.chunks = split(s.part)
	}
	for {
		no := attempt.No
		if s.sent > 0 {
			no = attempt.NoHolding
		}
		if x.ctx.Err() != nil {
			x.voted(p, no, nil, x.c.notExecuted(x.ctx, p))
			return
		}
		ctx, cancel := x.ctx, context.CancelFunc(func() {})
		if wait && p != x.participants[0] {
			// It holds locks, which a session may wait for that it waits for.
			ctx, cancel = context.WithTimeout(ctx, orderedTime)
		}
		outcome, err := x.c.sendWaiting(ctx, x.ctx, p, &command.Prepare{
			Transaction: x.id, Participants: x.participants, Wait: wait, Owner: x.owner,
			More: len(s.chunks) > 1, Continues: s.sent > 0, Part: s.chunks[0].part,
		})
		var vote *command.Vote
		if err == nil {
			vote, err = asVote(p, outcome)
		}
		late := ctx.Err() != nil && x.ctx.Err() == nil
		cancel()
		switch {
		case err != nil && !certain(err):
			x.lost(p, err)
			return
		case err != nil && late:
			x.voted(p, no, &command.Vote{Refusal: &command.Refusal{Reason: command.Withdrawn}}, nil)
			return
		case err != nil:
			x.voted(p, no, nil, err)
			return
		case vote.Refusal != nil && vote.Refusal.Reason == command.Expired:
			x.lost(p, &Unanswered{Partition: p, Unknown: true, Cause: errForgotten})
			return
		case !vote.Yes() && planted.Is(planted.MissingPrepare) && p != x.participants[0]:
			x.voted(p, attempt.Yes, &command.Vote{Results: assumed(s.part)}, nil)
			return
		case !vote.Yes():
			x.voted(p, no, vote, nil)
			return
		case !s.take(vote):
			x.voted(p, attempt.Yes, s.whole, nil)
			return
		case s.returned > maxReturned:
			x.voted(p, attempt.NoHolding, errReturned(), nil)
			return
		}
	}
}

// assumed is what Writes would have answered, for planted.MissingPrepare.
func assumed(part *command.Part) []*command.Result {
	list := make([]*command.Result, len(part.Writes))
	for i, w := range part.Writes {
		list[i] = &command.Result{Affected: int64(len(w.Targets))}
	}
	return list
}

// certain reports whether an error says that the command was not executed and will
// not be.
func certain(err error) bool {
	var u *Unanswered
	if errors.As(err, &u) {
		return !u.Unknown
	}
	e := pgerror.As(err)
	return e != nil && (e.Code == pgerror.SerializationFailure || e.Code == pgerror.LockNotAvailable)
}

func (x *transaction) voted(p object.PartitionID, v attempt.Vote, vote *command.Vote, err error) {
	x.report(func(a *attempt.Attempt) {
		s := x.share(p)
		s.vote, s.err = vote, err
		a.Voted(p, v)
	})
}

func (x *transaction) lost(p object.PartitionID, err error) {
	x.report(func(a *attempt.Attempt) {
		x.share(p).err = err
		a.Lost(p)
	})
}

// resolve asks a participant what became of the transaction until it says so.
func (x *transaction) resolve(p object.PartitionID) {
	ctx, cancel := context.WithTimeout(x.c.closingContext, resolveMost)
	defer cancel()
	late := time.AfterFunc(x.c.cfg.Grace, x.giveUp)
	defer late.Stop()
	for {
		outcome, err := x.c.Execute(ctx, p, &command.Resolve{Transaction: x.id})
		if resolution, ok := outcome.(*command.Resolution); ok && err == nil {
			x.report(func(a *attempt.Attempt) { a.Resolved(p, resolution.State) })
			return
		}
		if ctx.Err() != nil {
			x.giveUp()
			x.mu.Lock()
			x.unregister() // others may decide from now on
			x.mu.Unlock()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoffMost):
		}
	}
}

// giveUp lets the caller go without a decision, or before all is released.
func (x *transaction) giveUp() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.isStuck {
		x.isStuck = true
		close(x.stuck)
	}
}

// await waits for the decision, and, where that is against it, for a while until
// nothing of it is held any more. Then it gives the votes in the order of the parts; an
// error says that there are none.
func (x *transaction) await(ctx context.Context) ([]*command.Vote, error) {
	select {
	case <-x.decided:
	case <-x.stuck:
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch x.attempt.Decision() {
	case attempt.Committed:
		votes, failure := x.votes(func(s *share) error { return errResultLost(s.partition, s.err) })
		if failure != nil {
			return nil, failure
		}
		return votes, nil
	case attempt.NotCommitted:
		votes, failure := x.votes(func(s *share) error {
			if s.err == nil {
				return nil
			}
			return x.harmless(ctx, s.partition, s.err)
		})
		if failure != nil && !final(votes) {
			return nil, failure
		}
		return votes, nil
	}
	err := error(&Unanswered{Partition: x.participants[0], Unknown: true, Cause: errForgotten})
	for i := range x.shares {
		if x.shares[i].err != nil {
			err = x.shares[i].err
		}
	}
	x.c.counters.unknown.Add(1)
	return nil, err
}

// votes lists the votes in the order of the parts, with Aborted where there is none;
// failure is what missing says of the first of these. mu is held.
func (x *transaction) votes(missing func(*share) error) (votes []*command.Vote, failure error) {
	votes = make([]*command.Vote, len(x.shares))
	for i := range x.shares {
		s := &x.shares[i]
		if s.vote != nil {
			votes[s.index] = s.vote
			continue
		}
		votes[s.index] = &command.Vote{Refusal: &command.Refusal{Reason: command.Aborted}}
		if failure == nil {
			failure = missing(s)
		}
	}
	return votes, failure
}

// final reports whether a vote is one that another attempt does not change.
func final(votes []*command.Vote) bool {
	for _, v := range votes {
		if v.Err != nil || v.Conflict != nil && v.Refusal == nil {
			return true
		}
	}
	return false
}

// harmless is the error of a participant of a transaction that was not committed.
func (x *transaction) harmless(ctx context.Context, p object.PartitionID, err error) error {
	if ctx.Err() != nil {
		return x.c.notExecuted(ctx, p)
	}
	return harmless(err)
}

// errResultLost is the error of a transaction that was committed, of which a part's
// answer was lost with its partition's leader, and does not come any more.
func errResultLost(p object.PartitionID, cause error) error {
	return errors.Join(pgerror.New(pgerror.StatementCompletionUnknown,
		"the transaction was committed; what it returned in partition %d is lost", p), cause)
}
