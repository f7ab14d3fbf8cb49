package partitions

import (
	"context"
	"errors"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Back-off between rounds in which no node would answer.
const (
	backoffFirst = 5 * time.Millisecond
	backoffMost  = 200 * time.Millisecond
	// followed bounds the leaders that are followed one after another without a
	// pause.
	followed = 3
	// brokenCalls bounds the calls that may fail at a node for a reason that is
	// not known to pass.
	brokenCalls = 4
)

// route finds the node to ask, attempt by attempt, for one call.
type route struct {
	c *Client
	p object.PartitionID
	l *lane
	// harmless says that attempts have no effect.
	harmless bool
	tried    int // in rotation
	followed int
	broken   int
	pause    time.Duration
	since    time.Time // of the first attempt that failed
	// unknown says that an attempt may have had an effect.
	unknown bool
}

// reach asks node after node until one answers.
func reach[T any](ctx context.Context, r *route, ask func(node object.NodeID) (T, error)) (T, error) {
	for {
		node := r.node()
		answer, err := ask(node)
		if err == nil {
			if r.l.hint() != node {
				r.l.learn(node)
			}
			return answer, nil
		}
		if err = r.failed(ctx, node, err); err != nil {
			var none T
			return none, err
		}
	}
}

// here reports whether the node is this one, and has replicas.
func (r *route) here(node object.NodeID) bool { return node == r.c.node && r.c.service != nil }

// node returns the node to ask next; empty where the partition has no replicas as
// far as this node knows.
func (r *route) node() object.NodeID {
	if hint := r.l.hint(); hint != "" {
		return hint
	}
	if r.tried == 0 && r.c.service != nil {
		if leader := r.c.service.Leader(r.p); leader != "" {
			return leader
		}
	}
	replicas := r.c.cfg.Replicas(r.p)
	if len(replicas) == 0 {
		return ""
	}
	return replicas[r.tried%len(replicas)]
}

// failed takes the error of an attempt. It returns nil when another attempt is to
// be made, after a pause if need be, and an error when the call is over.
func (r *route) failed(ctx context.Context, node object.NodeID, err error) error {
	var notLeader *cluster.NotLeader
	switch {
	case errors.As(err, &notLeader):
		r.l.learn("")
		if leader := notLeader.Leader; leader != "" && leader != node && r.followed < followed {
			r.followed++
			r.l.learn(leader)
			return r.again()
		}
	case errors.Is(err, cluster.ErrInterrupted):
		r.unknown = true
		r.l.learn("")
	case errors.Is(err, cluster.ErrUnreachable), errors.Is(err, cluster.ErrClosed):
		r.l.learn("")
	case errors.Is(err, cluster.ErrOverloaded):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return r.over(ctx, err)
	case pgerror.As(err) != nil:
		return err
	default:
		r.unknown = true
		if r.broken++; r.broken >= brokenCalls || ctx.Err() != nil {
			return r.over(ctx, err)
		}
		r.l.learn("")
	}
	r.tried++
	if wait := r.wait(ctx); wait != nil {
		return r.over(ctx, err)
	}
	return r.again()
}

func (r *route) again() error {
	if r.c.cfg.Events.Retried != nil {
		r.c.cfg.Events.Retried(r.p)
	}
	return nil
}

// errPatience ends a call that has no deadline of its own.
var errPatience = errors.New("the partition was without a leader for too long")

// wait pauses after each full round of the replicas.
func (r *route) wait(ctx context.Context) error {
	if r.since.IsZero() {
		r.since = r.c.cfg.Clock.Now()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if n := len(r.c.cfg.Replicas(r.p)); n > 1 && r.tried%n != 0 {
		return nil
	}
	if _, has := ctx.Deadline(); !has && r.c.cfg.Clock.Now().Sub(r.since) > r.c.cfg.Patience {
		return errPatience
	}
	r.followed = 0
	r.pause = min(max(2*r.pause, backoffFirst), backoffMost)
	timer := time.NewTimer(r.pause/2 + r.c.jitter(r.pause/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.c.closing:
		return cluster.ErrClosed
	}
}

// over is the error of a call that got no answer.
func (r *route) over(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		cause = errors.Join(context.Cause(ctx), cause)
	}
	return &Unanswered{Partition: r.p, Unknown: r.unknown && !r.harmless, Cause: cause}
}

// Unanswered is the error of a call to a partition that got no answer: its leader
// could not be reached, or could not replicate, until the call's time was over.
type Unanswered struct {
	Partition object.PartitionID
	// Unknown says that the command may have been executed, or may be still.
	Unknown bool
	Cause   error
}

// Error tells whether the command took effect.
func (e *Unanswered) Error() string { return e.postgres().Message + ": " + e.Cause.Error() }

// SQLState is 40003 where it is unknown whether the command took effect, and
// 40001 where it did not.
func (e *Unanswered) SQLState() string { return e.postgres().Code }

// Unwrap returns the error for the client and the cause.
func (e *Unanswered) Unwrap() []error { return []error{e.postgres(), e.Cause} }

func (e *Unanswered) postgres() *pgerror.Error {
	if e.Unknown {
		return pgerror.New(pgerror.StatementCompletionUnknown,
			"partition %d did not answer; it is not known whether the statement took effect there", e.Partition)
	}
	return pgerror.New(pgerror.SerializationFailure, "partition %d did not answer; the statement took no effect there", e.Partition)
}
