package partitions

import (
	"context"
	"errors"
	"slices"
	"sort"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/partitions/attempt"
)

const (
	// hastyAttempts is how often all participants are asked at once, none of which
	// waits for locks, before they are asked one after another and wait. (With 64 clients
	// on 10 objects, 2 give half of the throughput that 1 gives.)
	hastyAttempts = 1
	// hastyTime is for how long one that must not wait tries, and one that is refused
	// as Busy.
	hastyTime = time.Second
	// Back-off between attempts.
	retryFirst = time.Millisecond
	retryMost  = 50 * time.Millisecond
)

// Transact has parts executed, all or none, at one instant. It is committed where all
// votes, which are in the order of the parts, are yes; else nothing took effect in any
// partition, and nothing will. A vote that is refused as Aborted where another one is
// not yes is of a partition that was not asked any more. Locks of other transactions
// are waited for, where Patient allows it; where it does not the vote is refused as
// Locked after a second. See the package comment for errors.
func (c *Client) Transact(ctx context.Context, t *command.Transaction) ([]*command.Vote, error) {
	for i := range t.Parts {
		if !validPart(&t.Parts[i].Part) || t.Parts[i].Partition == 0 {
			return nil, pgerror.New(pgerror.InternalError, "malformed transaction")
		}
	}
	switch len(t.Parts) {
	case 0:
		return nil, nil
	case 1:
		c.counters.onePartition.Add(1)
	default:
		c.counters.severalPartitions.Add(1)
	}
	participants, err := participantsOf(t)
	if err != nil {
		return nil, err
	}
	r := retries{c: c, hasty: hastyAttempts}
	began := c.cfg.Clock.Now()
	together := c.together(participants) && fitJointly(t.Parts)
	if together {
		r.hasty = jointAttempts
	} else if t.Patient && len(participants) > 1 && c.crowds.expects(t, c.cfg.Clock.Now()) {
		r.n = r.hasty
	}
	for {
		x := c.newTransaction(ctx, participants, t.Parts)
		x.owner = t.Owner
		wait := t.Patient && (len(participants) == 1 || r.n >= r.hasty)
		var votes []*command.Vote
		if together && !wait {
			if _, votes, err = x.jointly(ctx, nil); slices.ContainsFunc(votes, withdrawnVote) {
				together, r.hasty = false, hastyAttempts
			}
		} else {
			votes, err = x.run(ctx, wait)
		}
		if err != nil {
			if !c.withoutEffect(ctx, err) || c.cfg.Clock.Now().Sub(began) > c.cfg.Patience || !r.pause(ctx) {
				return nil, err
			}
			c.counters.retries.Add(1)
			continue
		}
		again, wait := r.judge(votes, t.Patient)
		if !again {
			return votes, nil
		}
		c.counters.retries.Add(1)
		if wait && !r.pause(ctx) || ctx.Err() != nil {
			return nil, c.notExecuted(ctx, lockedAt(t, votes))
		}
	}
}

func withdrawnVote(v *command.Vote) bool {
	return v.Refusal != nil && v.Refusal.Reason == command.Withdrawn
}

// withoutEffect reports whether an attempt has got no answer, has taken no effect, and is
// worth another one: a participant was lost on the way, and may have another leader now.
func (c *Client) withoutEffect(ctx context.Context, err error) bool {
	var u *Unanswered
	return errors.As(err, &u) && !u.Unknown && ctx.Err() == nil && c.closingContext.Err() == nil
}

// participantsOf lists the partitions of a transaction, ascending.
func participantsOf(t *command.Transaction) ([]object.PartitionID, error) {
	list := make([]object.PartitionID, len(t.Parts))
	for i := range t.Parts {
		list[i] = t.Parts[i].Partition
	}
	sort.Slice(list, func(i, j int) bool { return list[i] < list[j] })
	for i := 1; i < len(list); i++ {
		if list[i] == list[i-1] {
			return nil, pgerror.New(pgerror.InternalError, "malformed transaction: two parts of partition %d", list[i])
		}
	}
	return list, nil
}

// retries decides whether a transaction is attempted again.
type retries struct {
	c     *Client
	hasty int // attempts that do not wait
	n     int // attempts so far
	since time.Time
	delay time.Duration
}

// judge looks at the votes of an attempt. again says that another one is worth it,
// wait that it should not be made at once.
func (r *retries) judge(votes []*command.Vote, patient bool) (again, wait bool) {
	locked, busy, committed := false, false, true
	for _, v := range votes {
		committed = committed && v.Yes()
		if v.Conflict != nil && v.Refusal == nil {
			r.c.counters.conflicts.Add(1)
			return false, false
		}
		if v.Err != nil {
			return false, false
		}
		if v.Refusal == nil {
			continue
		}
		switch v.Refusal.Reason {
		case command.Locked:
			locked = true
			if v.Conflict != nil {
				r.c.crowds.note(v.Conflict.ID, r.c.cfg.Clock.Now())
			}
		case command.Aborted, command.Withdrawn:
		case command.Busy:
			busy = true
		default:
			return false, false
		}
	}
	if committed {
		return false, false
	}
	r.n++
	if locked {
		r.c.counters.locked.Add(1)
	}
	if r.since.IsZero() {
		r.since = r.c.cfg.Clock.Now()
	}
	if (busy || !patient) && r.c.cfg.Clock.Now().Sub(r.since) > hastyTime {
		return false, false
	}
	// From here on it waits in queues: there it is best placed now.
	return true, !patient || busy || r.n != r.hasty
}

// pause backs off, and reports false where ctx has ended.
func (r *retries) pause(ctx context.Context) bool {
	r.delay = min(max(2*r.delay, retryFirst), retryMost)
	timer := time.NewTimer(r.delay/2 + r.c.jitter(r.delay/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-r.c.closing:
	}
	return false
}

// lockedAt returns the partition that a transaction was refused by.
func lockedAt(t *command.Transaction, votes []*command.Vote) object.PartitionID {
	for i, v := range votes {
		if !v.Yes() {
			return t.Parts[i].Partition
		}
	}
	return t.Parts[0].Partition
}

// run makes one attempt. The votes are in the order of the parts; an error says that
// there is no answer.
func (x *transaction) run(ctx context.Context, wait bool) ([]*command.Vote, error) {
	if len(x.shares) == 1 {
		if vote, err := x.alone(ctx, wait); vote != nil || err != nil {
			return []*command.Vote{vote}, err
		}
	}
	x.register()
	x.begin(attempt.New(x.participants, wait))
	if wait {
		x.c.counters.ordered.Add(1)
	}
	return x.await(ctx)
}

// alone commits a transaction of one participant in one entry of its log. The vote is
// nil where the part is too large for that; what was executed is staged then.
func (x *transaction) alone(ctx context.Context, wait bool) (*command.Vote, error) {
	s := &x.shares[0]
	if s.chunks = split(s.part); len(s.chunks) > 1 {
		return nil, nil
	}
	outcome, err := x.c.send(ctx, s.partition, &command.Prepare{
		Transaction: x.id, Participants: x.participants, Wait: wait, Owner: x.owner, Part: s.chunks[0].part,
	})
	if err != nil {
		return nil, err
	}
	vote, err := asVote(s.partition, outcome)
	if err != nil {
		return nil, err
	}
	if vote.Yes() && s.take(vote) {
		return nil, nil // s goes on with what is left
	}
	if vote.Refusal != nil && vote.Refusal.Reason == command.Expired {
		return nil, &Unanswered{Partition: s.partition, Unknown: true, Cause: errForgotten}
	}
	return vote, nil
}

func asVote(p object.PartitionID, outcome any) (*command.Vote, error) {
	switch o := outcome.(type) {
	case *command.Vote:
		return o, nil
	case *command.Result: // of a replica that did not get as far as to the part
		if o.Refusal != nil || o.Err != nil {
			return &command.Vote{Refusal: o.Refusal, Err: o.Err}, nil
		}
	}
	return nil, pgerror.New(pgerror.InternalError, "partition %d answered a transaction with %T", p, outcome)
}
