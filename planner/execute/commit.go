package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Commit makes what was written take effect, at one instant, if all that was read
// is unchanged at that instant. The error is 40001: nothing took effect and nothing
// will; 40003: that is unknown; or why ctx ended before anything was sent. It ends
// the transaction in any case. A transaction that has written nothing sends nothing.
func (t *Transaction) Commit(ctx context.Context) error {
	if t.ended {
		return internalError("a transaction that has ended is committed")
	}
	defer t.end()
	if t.failed != nil {
		return t.failed
	}
	if t.print.Writes() > 0 { // what it has read was of one state
		ctx, stop := lockTime(ctx, t.lockTime)
		defer stop()
		if err := t.commit(ctx); err != nil {
			return err
		}
		t.x.replacer.add(t.print.Replaced())
	}
	if len(t.touches) > 0 {
		t.x.deps.Trace.Touched(t.touches)
	}
	return nil
}

func (t *Transaction) commit(ctx context.Context) error {
	p := t.propose(nil, t.print.Objects(), true, func(object.PartitionID) bool { return true })
	defer func() {
		if len(p.assigned) > 0 { // they live nowhere again
			t.x.deps.Directory.Release(p.assigned)
		}
	}()
	for {
		if err := p.place(ctx); err != nil {
			return err
		}
		shares := p.shares()
		votes, err := t.x.deps.Partitions.Transact(ctx, &command.Transaction{
			Parts: shares, Owner: t.owner, Patient: t.owner.IsZero(),
		})
		if err != nil {
			return unanswered(ctx, err)
		}
		done, err := p.take(ctx, shares, votes)
		if err != nil {
			return err
		}
		if done {
			p.release()
			return nil
		}
	}
}

// release tells the oracle of ids that are given up by deletes.
func (p *proposal) release() {
	var ids []object.ID
	for _, b := range p.tables {
		for i, o := range b.objects {
			if o.Kind == command.EffectDelete && o.Revision != 0 && (b.items[i].Version != 0 || !b.table.Placement.Static) {
				ids = append(ids, o.ID)
			}
		}
	}
	if len(ids) > 0 {
		p.x.deps.Directory.Release(ids)
	}
}
