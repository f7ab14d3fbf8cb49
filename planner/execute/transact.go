package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
)

// transact has several partitions execute the statement, all or none. It returns
// without having done anything where objects turned out to live elsewhere: they are to
// be written in another round.
func (w *writing) transact(ctx context.Context, groups []group) error {
	parts, err := w.shares(groups)
	if err != nil {
		return err
	}
	t := &command.Transaction{Parts: parts, Patient: true}
	wait := waiter{patience: w.x.cfg.Patience, rand: w.x.cfg.Rand}
	for tries := 1; ; tries++ {
		wait.most = 0
		votes, err := w.x.deps.Partitions.Transact(ctx, t)
		if err != nil {
			return unanswered(ctx, err)
		}
		verdict, err := w.count(ctx, groups, votes, tries, &wait)
		switch {
		case err != nil:
			return err
		case verdict == isDone:
			return w.takeAll(groups, votes)
		case verdict == isElsewhere:
			return nil
		}
		w.f.retried()
	}
}

// shares are the parts of the statement, one for each group.
func (w *writing) shares(groups []group) ([]command.Share, error) {
	parts := make([]command.Share, len(groups))
	for i, g := range groups {
		cmd, err := w.part(g)
		if err != nil {
			return nil, err
		}
		parts[i] = command.Share{Partition: g.part, Part: command.Part{Writes: []*command.Write{cmd}}}
	}
	return parts, nil
}

// verdict is what several partitions have said together.
type verdict uint8

const (
	isDone      verdict = iota // all have executed their part
	isElsewhere                // none has: some objects live elsewhere
	isAgain                    // none has: send it again
)

// count goes through the votes on the parts of the statement.
func (w *writing) count(ctx context.Context, groups []group, votes []*command.Vote, tries int, wait *waiter) (verdict, error) {
	if len(votes) != len(groups) {
		return isDone, internalError("%d votes on %d parts", len(votes), len(groups))
	}
	sum, unasked := isDone, -1
	for i, v := range votes {
		switch {
		case v.Yes():
			continue
		case v.Refusal != nil && v.Refusal.Reason == command.Aborted:
			unasked = i // because of another one's vote, as a rule
			continue
		case v.Err != nil:
			return isDone, v.Err
		case w.cmd.Home && v.Refusal != nil && v.Refusal.Reason == command.Elsewhere:
			w.cmd.Home, sum = false, isElsewhere
			continue
		case v.Refusal == nil:
			return isDone, internalError("partition %d finds a conflict with what was not read", groups[i].part)
		case w.spans == nil && final(v.Refusal, false, tries):
			w.refused(groups[i], v.Refusal)
			sum = isElsewhere
			continue
		}
		if v.Refusal.Reason == command.Awaited {
			wait.most = transitPause
		}
		if err := w.x.remedy(ctx, groups[i].part, w.table, v.Refusal, wait); err != nil {
			return isDone, err
		}
		if sum == isDone {
			sum = isAgain
		}
	}
	if sum == isDone && unasked >= 0 {
		return isAgain, w.x.remedy(ctx, groups[unasked].part, w.table, votes[unasked].Refusal, wait)
	}
	return sum, nil
}

// takeAll notes what all partitions have executed. What was absent then, was.
func (w *writing) takeAll(groups []group, votes []*command.Vote) error {
	for i, g := range groups {
		if len(votes[i].Results) != 1 || votes[i].Results[0] == nil {
			return internalError("partition %d gave %d results of one write", g.part, len(votes[i].Results))
		}
		if err := w.take(g, votes[i].Results[0]); err != nil {
			return err
		}
	}
	return nil
}
