package partitions

import (
	"context"
	"errors"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// insistFirst and insistMost are for how long a command is asked after between two
// Withdraws.
const (
	insistFirst = 50 * time.Millisecond
	insistMost  = 500 * time.Millisecond
)

// insist finds out what became of a command whose caller's context has ended: where
// it waits for locks it is withdrawn, otherwise its answer is fetched, which is the
// first one that was given, however often it is asked for. It takes until the Grace
// after the end of outer at most; then unanswered, the error so far, is the answer.
func (c *Client) insist(ctx, outer context.Context, r *route, k *call, unanswered error) (any, error) {
	switch k.body.(type) {
	case *command.Write, *command.Prepare, *command.Lock:
	case *command.Conclude, *command.Resolve, *command.Withdraw, *command.Settle, *command.RaiseFloor:
		return nil, unanswered // they do not wait
	default:
		c.withdrawLater(k)
		return nil, unanswered
	}
	grace, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(c.closingContext, cancel)()
	defer context.AfterFunc(outer, func() { time.AfterFunc(c.cfg.Grace, cancel) })()
	for pause := insistFirst; ; pause = min(2*pause, insistMost) {
		if _, err := c.send(grace, k.p, &command.Withdraw{Command: k.id}); err != nil {
			return nil, unanswered
		}
		asking, stop := context.WithTimeout(grace, pause)
		outcome, err := c.try(asking, r, k)
		late := asking.Err() != nil
		stop()
		switch {
		case err == nil && withdrawn(outcome):
			return nil, c.notExecuted(ctx, k.p)
		case err == nil:
			return outcome, nil
		case !late || grace.Err() != nil:
			return nil, unanswered
		}
	}
}

// withdrawLater takes a command that is idempotent out of the queue, in the
// background: it will be sent again with another id.
func (c *Client) withdrawLater(k *call) {
	body := &command.Withdraw{Command: k.id}
	p := k.p
	c.startBackground(func() {
		ctx, cancel := context.WithTimeout(c.closingContext, c.cfg.Grace)
		defer cancel()
		_, _ = c.send(ctx, p, body)
	})
}

func withdrawn(outcome any) bool {
	refusal := refusalOf(outcome)
	return refusal != nil && refusal.Reason == command.Withdrawn
}

// notExecuted is the error of a call whose context has ended, and that had and will
// have no effect: 55P03 where that is the cause, else 40001.
func (c *Client) notExecuted(ctx context.Context, p object.PartitionID) error {
	cause := context.Cause(ctx)
	if e := pgerror.As(cause); e != nil && e.Code == pgerror.LockNotAvailable {
		return cause
	}
	return &Unanswered{Partition: p, Cause: errors.Join(cause, errWaited)}
}

var errWaited = errors.New("the command waited for a lock")
