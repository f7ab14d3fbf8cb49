package execute

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/plan"
)

// batch is objects that are moved to one partition together, at the wish of one.
type batch struct {
	by      catalog.Origin // without a Reason
	ids     []object.ID
	reasons []string
	bytes   []int64
}

// add puts an object in its destination's batch.
func (mv *moving) add(ctx context.Context, c candidate, to object.PartitionID, by catalog.Origin) error {
	reason := by.Reason
	by.Reason = ""
	b := mv.batches[to]
	switch {
	case b == nil:
		b = &batch{by: by}
		mv.batches[to] = b
	case b.by != by: // a fall-back has chosen some
		if err := mv.flush(ctx, to); err != nil {
			return err
		}
		b.by = by
	}
	b.ids = append(b.ids, c.id)
	if mv.to == 0 {
		b.reasons, b.bytes = append(b.reasons, reason), append(b.bytes, c.bytes)
	}
	size := int64(MaxMoveBatch)
	if rate := mv.e.settings.MoveRate; rate > 0 {
		size = min(size, rate)
	}
	if int64(len(b.ids)) < size {
		return nil
	}
	return mv.flush(ctx, to)
}

func (mv *moving) flushAll(ctx context.Context) error {
	for i := range mv.snap.Partitions {
		if err := mv.flush(ctx, mv.snap.Partitions[i].ID); err != nil {
			return err
		}
	}
	return nil
}

// flush has a batch moved, and then waits as long as the rate wants it.
func (mv *moving) flush(ctx context.Context, to object.PartitionID) error {
	b := mv.batches[to]
	if b == nil || len(b.ids) == 0 {
		return nil
	}
	ids, request := b.ids, catalog.MoveRequest{To: to, IDs: b.ids, Pin: mv.m.Pin, Origin: b.by, Reasons: b.reasons, Bytes: b.bytes}
	*b = batch{by: b.by}
	if err := alive(ctx); err != nil {
		return err
	}
	if err := mv.allowed(to, request.Bytes); err != nil {
		return err
	}
	start := mv.e.x.deps.Clock.Now()
	results, err := mv.e.x.deps.Mover.Move(ctx, request)
	barred := mv.count(&request, results)
	switch {
	case err != nil && ctx.Err() == nil && pgerror.As(err) == nil:
		mv.e.x.cfg.Logger.Warn("the oracle could not be asked to move objects", "error", err)
		return pgerror.New(pgerror.StatementCompletionUnknown, "it is unknown whether %d objects were moved", len(ids)).
			WithHint("Try again; what was moved stays moved.")
	case err != nil:
		return interrupted(ctx, err)
	case barred && mv.replaced == nil:
		return mv.barred(ctx, to)
	}
	if rate := mv.e.settings.MoveRate; rate > 0 {
		due := time.Duration(len(ids)) * time.Second / time.Duration(rate)
		if spent := mv.e.x.deps.Clock.Now().Sub(start); spent < due {
			return sleep(ctx, due-spent)
		}
	}
	return nil
}

// allowed asks whether a partition may get a batch, where no policy's answer was checked
// for that.
func (mv *moving) allowed(to object.PartitionID, bytes []int64) error {
	if mv.to == 0 && !mv.m.Table.Placement.Static {
		return nil
	}
	sum := int64(0)
	for _, n := range bytes {
		sum += n
	}
	return mv.e.x.deps.Policies.Allowed(mv.m.Table, to, sum)
}

// count takes the results of a batch; barred says that the partition must not get some of
// its objects.
func (mv *moving) count(request *catalog.MoveRequest, results []catalog.MoveResult) (barred bool) {
	for i, r := range results[:min(len(request.IDs), len(results))] {
		switch r {
		case catalog.Moved:
			mv.moved++
		case catalog.MoveUnknown, catalog.Deferred:
			mv.left++
		case catalog.Pinned:
			mv.pinned++
		case catalog.Barred:
			barred = true
		}
		if mv.replaced != nil {
			mv.replaced[request.IDs[i]] = replaced{r, request.Bytes[i]}
		}
	}
	return barred
}

// barred is the error of a batch that the oracle has refused: it knows limits that this
// node did not know.
func (mv *moving) barred(ctx context.Context, to object.PartitionID) error {
	if err := mv.e.x.deps.Catalog.Refresh(ctx); err != nil {
		return mv.e.x.unasked(ctx, err)
	}
	if err := mv.e.x.deps.Policies.Allowed(mv.m.Table, to, 0); err != nil {
		return err
	}
	return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "partition %d must not get objects of table %q", to, mv.m.Table.Name).
		WithHint("That was so when they were to be moved; try again.")
}

// tell tells the client what it may not expect.
func (mv *moving) tell() {
	if mv.notice != "" {
		mv.e.settings.notice(plan.Notice{Code: pgerror.Warning, Message: mv.notice})
	}
	if mv.pinned == 0 {
		return
	}
	what := "one object stays where it is, because it was moved there by hand and is pinned"
	if mv.pinned > 1 {
		what = fmt.Sprintf("%d objects stay where they are, because they were moved there by hand and are pinned", mv.pinned)
	}
	mv.e.settings.notice(plan.Notice{Code: "00000", Message: what})
}

// ended adds to an error what was moved.
func (mv *moving) ended(err error) error {
	if err == nil && mv.left > 0 {
		err = pgerror.New(pgerror.SerializationFailure, "some objects could not be moved").
			WithDetail("None was moved.").
			WithHint("Try again; SELECT * FROM ssmr.moves tells why.")
	}
	if err == nil || mv.moved == 0 || errors.Is(err, ErrReplan) && mv.moved == 0 {
		return err
	}
	if errors.Is(err, ErrReplan) {
		err = errSchemaChanged()
	}
	e := pgerror.As(err)
	if e == nil {
		return err
	}
	copied := *e
	if copied.Code == pgerror.SerializationFailure {
		copied.Code = pgerror.StatementCompletionUnknown
	}
	copied.Detail = fmt.Sprintf("%d objects were moved, and stay where they are now.", mv.moved)
	if mv.moved == 1 {
		copied.Detail = "One object was moved, and stays where it is now."
	}
	return &copied
}
