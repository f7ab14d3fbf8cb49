package execute

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// locker locks objects of one table for a transaction, where they live.
//
// There are no deadlocks: a transaction waits in a partition's queue only while all
// the locks that it holds are in partitions of lesser numbers. Otherwise it asks a few
// times, for about a second, and fails with 40001 then.
type locker struct {
	job
	lock command.Lock // what is the same for all partitions
	rows [][]byte     // by item: of those that are locked; nil for others
}

// blockedFor bounds the attempts of a transaction that must not wait.
const blockedFor = time.Second

// locks locks the objects with these ids that the program's filter accepts, or of them
// what Wait allows, and notes the revisions of all. rows are those of the objects that
// are locked now, by index of the id.
func (t *Transaction) locks(ctx context.Context, f *facts, j *job, lock command.Lock, ids []object.ID) (rows [][]byte, err error) {
	if t.owner.IsZero() {
		t.owner = t.x.deps.Partitions.NewTransaction()
		t.locked = make(map[object.ID]command.LockMode)
	}
	lock.Owner = t.owner
	l := &locker{lock: lock, rows: make([][]byte, len(ids))}
	l.begin(t.x, f, nil, j.table, ids)
	l.tx = t
	for {
		if err := l.locate(ctx); err != nil {
			return nil, err
		}
		groups := l.groups(nil, maxReadTargets)
		f.asked(l.table, l.items, groups)
		for _, g := range groups {
			if err := l.lockIn(ctx, g); err != nil {
				return nil, err
			}
		}
		if !l.unfinished() {
			return l.rows, l.noteNowhere()
		}
		if err := l.next(ctx); err != nil {
			return nil, err
		}
	}
}

// noteNowhere notes the objects that the directory knew nothing of.
func (l *locker) noteNowhere() error {
	for i := range l.items {
		if l.items[i].nowhere {
			if err := l.tx.noteRead(l.table, &l.items[i], 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockIn locks in one partition.
func (l *locker) lockIn(ctx context.Context, g group) error {
	cmd := l.lock
	cmd.Targets = l.targets(make([]command.Target, 0, len(g.at)), g)
	cmd.Context.Seed = seedFor(cmd.Context.Seed, g.part)
	blocked := cmd.Wait == command.LockWaits && l.tx.lockedIn >= g.part
	if blocked {
		cmd.Wait = command.LockFails
	}
	wait := waiter{patience: l.x.cfg.Patience, rand: l.x.cfg.Rand}
	attempts := waiter{patience: blockedFor, rand: l.x.cfg.Rand}
	for tries := 1; ; tries++ {
		granted, err := l.send(ctx, g.part, &cmd)
		switch {
		case err != nil:
			return err
		case granted.Err != nil:
			return granted.Err
		case granted.Refusal == nil:
			return l.granted(ctx, g, granted)
		case final(granted.Refusal, false, tries):
			l.refused(g, granted.Refusal)
			return nil
		case granted.Refusal.Reason == command.Aborted:
			return l.tx.fail(errBlocked(l.table, nil))
		case granted.Refusal.Reason == command.Locked && l.lock.Wait == command.LockFails:
			return errNoWait(l.table.Name)
		case granted.Refusal.Reason == command.Locked && blocked:
			attempts.wanted = true
			if attempts.pause(ctx, "") != nil {
				if err := alive(ctx); err != nil {
					return err
				}
				return errBlocked(l.table, granted.Conflict)
			}
			continue
		}
		if err := l.x.remedy(ctx, g.part, l.table, granted.Refusal, &wait); err != nil {
			return err
		}
	}
}

// send asks one partition.
func (l *locker) send(ctx context.Context, p object.PartitionID, cmd *command.Lock) (*command.Granted, error) {
	ctx, stop := lockTime(ctx, l.tx.lockTime)
	defer stop()
	granted, err := l.x.deps.Partitions.Lock(ctx, p, cmd)
	if err != nil {
		l.tx.lockedIn = max(l.tx.lockedIn, p) // perhaps
		return nil, interrupted(ctx, err)
	}
	return granted, nil
}

// granted takes a partition's answer.
func (l *locker) granted(ctx context.Context, g group, a *command.Granted) error {
	if len(a.Rows) != len(a.At) || len(a.Revisions) != len(g.at) {
		return internalError("partition %d answers %d rows, %d places and %d revisions for %d locks", g.part, len(a.Rows), len(a.At), len(a.Revisions), len(g.at))
	}
	if len(a.Rows) > 0 {
		l.tx.lockedIn = max(l.tx.lockedIn, g.part)
	}
	for _, i := range g.at {
		l.items[i].retry = false
	}
	if _, err := l.absent(ctx, g, a.Absent); err != nil {
		return err
	}
	left := make(map[int]bool, len(a.Skipped))
	for _, n := range a.Skipped {
		left[n] = true
	}
	for n, i := range g.at {
		it := &l.items[i]
		if it.retry {
			continue
		}
		it.done = true
		if left[n] || it.nowhere {
			continue
		}
		if _, own := l.tx.print.Own(it.ID); own {
			continue
		}
		if err := l.tx.noteRead(l.table, it, a.Revisions[n]); err != nil {
			return err
		}
	}
	for n, at := range a.At {
		if at < 0 || at >= len(g.at) {
			return internalError("a partition's answer names target %d of %d", at, len(g.at))
		}
		i := g.at[at]
		if l.rows[i] = a.Rows[n]; l.rows[i] == nil {
			l.rows[i] = []byte{}
		}
		id := l.items[i].ID
		l.tx.locked[id] = max(l.tx.locked[id], l.lock.Mode)
	}
	return nil
}

func (j *job) unfinished() bool {
	for i := range j.items {
		if !j.items[i].done {
			return true
		}
	}
	return false
}

func errNoWait(table string) *pgerror.Error {
	return pgerror.New(pgerror.LockNotAvailable, "could not obtain lock on row in relation %q", table)
}
