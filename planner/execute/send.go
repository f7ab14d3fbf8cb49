package execute

import (
	"context"
	"errors"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// remedy deals with a refusal that has nothing to do with where objects live. A
// nil error means to send again.
func (x *Executor) remedy(ctx context.Context, p object.PartitionID, t *catalog.Table, r *command.Refusal, w *waiter) error {
	switch r.Reason {
	case command.SchemaOld:
		return ErrReplan
	case command.SchemaNew:
		if r.Schema == t.Version {
			return internalError("partition %d refuses version %d of table %q as unknown, and has it", p, t.Version, t.Name)
		}
		if err := x.install(ctx, p, t); err != nil {
			return err
		}
		w.wanted = true // at once the first time would do, but it must not spin
		return w.pause(ctx, "it has not had the table's descriptor")
	case command.Expired:
		return errExpired()
	case command.Locked, command.Aborted, command.Withdrawn:
		w.wanted = true
		return w.pause(ctx, "another transaction is in its way")
	case command.Busy, command.Awaited:
		w.wanted = true
		return w.pause(ctx, "it is busy")
	}
	return internalError("partition %d refuses for reason %d", p, r.Reason)
}

// install gives a partition a table's descriptor. Where that has no answer, the statement
// has had no effect all the same.
func (x *Executor) install(ctx context.Context, p object.PartitionID, t *catalog.Table) error {
	_, err := x.deps.Partitions.Execute(ctx, p, &command.InstallTable{Table: t})
	if e := pgerror.As(err); e != nil && e.Code == pgerror.StatementCompletionUnknown && ctx.Err() == nil {
		return restarts(errImpatient("it has not had the table's descriptor"))
	}
	if err != nil {
		return lost(ctx, err)
	}
	return nil
}

// awaits is how often a partition may say that an object has not arrived yet,
// before the oracle is asked whether it is on its way at all.
const awaits = 6

// errPinned says that a pinned state will not do, and that a newer one may.
var errPinned = errors.New("the snapshot is too old")

// final reports whether a refusal is for who sends after objects, and not to be
// remedied here. What is pinned does not change: waiting is of no use.
func final(r *command.Refusal, pinned bool, tries int) bool {
	return r == nil || r.Reason == command.Elsewhere || r.Reason == command.Awaited && (pinned || tries > awaits)
}

// read sends a read until it is answered, or refused for where an object lives: of
// the newest state, or of a snapshot.
func (x *Executor) read(ctx context.Context, from Snapshot, p object.PartitionID, t *catalog.Table, r *command.Read, f *facts) (*command.Chunk, error) {
	w := waiter{patience: x.cfg.Patience, rand: x.cfg.Rand}
	for tries := 1; ; tries++ {
		var chunk *command.Chunk
		var err error
		if from == nil {
			chunk, err = x.deps.Partitions.Read(ctx, p, r)
		} else {
			chunk, err = from.Read(ctx, p, r)
		}
		switch {
		case err != nil:
			return nil, lost(ctx, err)
		case chunk.Err != nil:
			return nil, chunk.Err
		case final(chunk.Refusal, from != nil, tries):
			f.chunk(chunk)
			return chunk, nil
		}
		f.retried()
		if err := x.remedy(ctx, p, t, chunk.Refusal, &w); err != nil {
			return nil, err
		}
		if from != nil {
			return nil, errPinned
		}
	}
}

// evaluate is read for an Evaluate. The statement's own error is in the answer.
func (x *Executor) evaluate(ctx context.Context, from Snapshot, p object.PartitionID, t *catalog.Table, e *command.Evaluate, f *facts) (*command.Evaluation, error) {
	w := waiter{patience: x.cfg.Patience, rand: x.cfg.Rand}
	for tries := 1; ; tries++ {
		var got *command.Evaluation
		var err error
		if from == nil {
			got, err = x.deps.Partitions.Evaluate(ctx, p, e)
		} else {
			got, err = from.Evaluate(ctx, p, e)
		}
		switch {
		case err != nil:
			return nil, lost(ctx, err)
		case got.Refusal == nil && got.Result == nil && got.Err == nil && got.Conflict == nil:
			return nil, internalError("partition %d evaluated nothing", p)
		case final(got.Refusal, from != nil, tries):
			return got, nil
		}
		f.retried()
		if err := x.remedy(ctx, p, t, got.Refusal, &w); err != nil {
			return nil, err
		}
		if from != nil {
			return nil, errPinned
		}
	}
}

// snapshot pins partitions.
func (x *Executor) snapshot(ctx context.Context, parts []object.PartitionID) (Snapshot, error) {
	s, err := x.deps.Partitions.Snapshot(ctx, parts)
	if err != nil {
		return nil, lost(ctx, err)
	}
	return s, nil
}

// write sends a write until it is answered, or refused for where an object
// lives. An error is one of: ErrReplan and 40001, which mean that the partition
// executed nothing; the statement's own; 40003.
func (x *Executor) write(ctx context.Context, p object.PartitionID, t *catalog.Table, w *command.Write, f *facts) (*command.Result, error) {
	wait := waiter{patience: x.cfg.Patience, rand: x.cfg.Rand}
	for tries := 1; ; tries++ {
		result, err := x.deps.Partitions.Write(ctx, p, w)
		switch {
		case err != nil:
			return nil, unanswered(ctx, err)
		case result.Err != nil:
			return nil, result.Err
		case final(result.Refusal, false, tries):
			return result, nil
		}
		f.retried()
		if err := x.remedy(ctx, p, t, result.Refusal, &wait); err != nil {
			return nil, err
		}
	}
}

// unanswered is the error of something that may have taken effect.
func unanswered(ctx context.Context, err error) error {
	if notExecuted(err) {
		return interrupted(ctx, err)
	}
	return unknownEffect(ctx, err)
}

// lockTime bounds a call that may wait for locks. The function that it returns is to be
// called after the call.
func lockTime(ctx context.Context, d time.Duration) (context.Context, func()) {
	if d <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, ErrLockTimeout)
}
