package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
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
		if _, err := x.deps.Partitions.Execute(ctx, p, &command.InstallTable{Table: t}); err != nil {
			return interrupted(ctx, err)
		}
		w.wanted = true // at once the first time would do, but it must not spin
		return w.pause(ctx, "it has not had the table's descriptor")
	case command.Expired:
		return errExpired()
	case command.Busy, command.Awaited:
		w.wanted = true
		return w.pause(ctx, "it is busy")
	}
	return internalError("partition %d refuses for reason %d", p, r.Reason)
}

// awaits is how often a partition may say that an object has not arrived yet,
// before the oracle is asked whether it is on its way at all.
const awaits = 6

// read sends a read until it is answered, or refused for where an object lives.
func (x *Executor) read(ctx context.Context, p object.PartitionID, t *catalog.Table, r *command.Read, f *facts) (*command.Chunk, error) {
	w := waiter{patience: x.cfg.Patience, rand: x.cfg.Rand}
	for tries := 1; ; tries++ {
		chunk, err := x.deps.Partitions.Read(ctx, p, r)
		if err != nil {
			return nil, interrupted(ctx, err)
		}
		if chunk.Err != nil {
			return nil, chunk.Err
		}
		if chunk.Refusal == nil || chunk.Refusal.Reason == command.Elsewhere ||
			chunk.Refusal.Reason == command.Awaited && tries > awaits {
			f.chunk(chunk)
			return chunk, nil
		}
		f.retried()
		if err := x.remedy(ctx, p, t, chunk.Refusal, &w); err != nil {
			return nil, err
		}
	}
}

// write sends a write until it is answered, or refused for where an object
// lives. An error is one of: ErrReplan and 40001, which mean that the partition
// executed nothing; the statement's own; 40003.
func (x *Executor) write(ctx context.Context, p object.PartitionID, t *catalog.Table, w *command.Write, f *facts) (*command.Result, error) {
	wait := waiter{patience: x.cfg.Patience, rand: x.cfg.Rand}
	for tries := 1; ; tries++ {
		result, err := x.deps.Partitions.Write(ctx, p, w)
		switch {
		case err != nil && notExecuted(err):
			return nil, interrupted(ctx, err)
		case err != nil:
			return nil, unknownEffect(ctx, err)
		case result.Err != nil:
			return nil, result.Err
		case result.Refusal == nil || result.Refusal.Reason == command.Elsewhere ||
			result.Refusal.Reason == command.Awaited && tries > awaits:
			return result, nil
		}
		f.retried()
		if err := x.remedy(ctx, p, t, result.Refusal, &wait); err != nil {
			return nil, err
		}
	}
}
