package partitions

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// maxReturned bounds the rows of RETURNING that Write holds.
const maxReturned = 64 << 20

// Write has a command executed, at most once, and if it is over Spans with all
// its parts. See the package comment for errors.
func (c *Client) Write(ctx context.Context, p object.PartitionID, w *command.Write) (*command.Result, error) {
	var whole *command.Result
	returned := 0
	err := c.WriteEach(ctx, p, w, func(part *command.Result) error {
		if whole == nil {
			whole = part
			return nil
		}
		whole.Err, whole.Refusal, whole.Rest = part.Err, part.Refusal, part.Rest
		whole.Affected += part.Affected
		whole.Rows = append(whole.Rows, part.Rows...)
		for _, row := range part.Rows {
			returned += len(row)
		}
		if returned > maxReturned && part.Rest != nil {
			whole.Err = errPartly(pgerror.New(pgerror.ProgramLimitExceeded, "RETURNING gives more than %d bytes", maxReturned), whole.Affected)
			return errStop
		}
		return nil
	})
	if err != nil && err != errStop {
		return nil, err
	}
	return whole, nil
}

var errStop = pgerror.New(pgerror.ProgramLimitExceeded, "stop")

// WriteEach is Write that hands over the results of the parts one by one, so that
// rows of RETURNING need not be held. An error of each ends the statement and is
// returned; what was executed stays.
func (c *Client) WriteEach(ctx context.Context, p object.PartitionID, w *command.Write, each func(*command.Result) error) error {
	var changed int64
	c.counters.onePartition.Add(1)
	for {
		outcome, err := c.send(ctx, p, w)
		if err != nil {
			return partlyUnanswered(err, changed)
		}
		result, ok := outcome.(*command.Result)
		if !ok {
			return pgerror.New(pgerror.InternalError, "partition %d answered a write with %T", p, outcome)
		}
		if result.Err != nil {
			result.Err = errPartly(result.Err, changed)
		}
		if result.Refusal != nil && changed > 0 {
			result = partlyRefused(result.Refusal, changed)
		}
		changed += result.Affected
		if err := each(result); err != nil || len(result.Rest) == 0 {
			return err
		}
		rest := *w
		rest.Spans = result.Rest
		rest.Context.Seed++
		w = &rest
	}
}

// partlyRefused turns the refusal of a later part into an error: the statement
// must not be started over.
func partlyRefused(refusal *command.Refusal, changed int64) *command.Result {
	return &command.Result{Err: errPartly(pgerror.New(pgerror.StatementCompletionUnknown,
		"the statement was carried out in part: the partition refused the rest (%s)", refusal.Reason), changed)}
}

// partlyUnanswered makes an unanswered later part one of unknown effect: the
// statement has had some.
func partlyUnanswered(err error, changed int64) error {
	if changed == 0 {
		return err
	}
	if u, ok := err.(*Unanswered); ok {
		u.Unknown = true
		return u
	}
	if e := pgerror.As(err); e != nil {
		return errPartly(e, changed)
	}
	return err
}
