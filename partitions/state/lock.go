package state

import (
	"errors"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// locking is a Lock under execution.
type locking struct {
	x       *entry
	b       *command.Lock
	t       *table
	prog    *program
	answer  *command.Granted
	r       requester
	targets []*objectCell
	got     footprint
	size    int // of the rows
}

// lock locks objects ahead of a session's transaction, and reads them. Where it meets a
// lock and is to wait, x.blocked is set and the answer does not count.
func (x *entry) lock(b *command.Lock) (*command.Granted, error) {
	refused := func(reason command.Reason) *command.Granted {
		return &command.Granted{Refusal: &command.Refusal{Reason: reason}}
	}
	foreign := func(t command.Target) bool { return t.ID.Table() != b.Table }
	if slices.ContainsFunc(b.Targets, foreign) {
		return &command.Granted{Err: pgerror.New(pgerror.InternalError, "malformed lock: object of another table")}, nil
	}
	if b.Owner.IsZero() || b.Mode != command.LockShared && b.Mode != command.LockUpdate || b.Wait > command.LockSkips {
		return &command.Granted{Err: pgerror.New(pgerror.InternalError, "malformed lock")}, nil
	}
	l := &x.m.locks
	known := l.transactions[b.Owner]
	switch {
	case x.m.aborted.has(b.Owner), known != nil && known.state != command.TransactionLocking:
		return refused(command.Aborted), nil
	case known == nil && len(l.transactions) >= maxTransactions, l.held+len(b.Targets) > maxLocks:
		return refused(command.Busy), nil
	case known != nil && len(known.objects)+len(b.Targets) > maxTransactionLocks || len(b.Targets) > maxTransactionLocks:
		return &command.Granted{Err: pgerror.New(pgerror.ProgramLimitExceeded,
			"a transaction locks more than %d objects of one partition", maxTransactionLocks)}, nil
	}
	t, refusal := x.m.live.schema(b.Table, b.Schema)
	if refusal != nil {
		return &command.Granted{Refusal: refusal}, nil
	}
	prog, failure := x.m.programs.get(b.Program)
	if failure == nil {
		failure = x.m.worker.start(x.m.programs, &b.Context, t)
	}
	if failure != nil {
		return &command.Granted{Err: failure}, nil
	}
	defer x.m.worker.release()
	x.m.worker.env.LimitWork(commandWork)
	o := &locking{x: x, b: b, t: t, prog: prog, answer: &command.Granted{}, r: l.requester(b)}
	err := o.run()
	var broken storageFailure
	switch {
	case errors.As(err, &broken):
		return nil, broken.err
	case err != nil:
		return &command.Granted{Err: asError(err)}, nil
	case o.answer.Refusal == nil:
		o.grant()
	}
	return o.answer, nil
}

func (o *locking) run() error {
	refusal, err := o.standings()
	if err != nil {
		return storageError(err)
	}
	if refusal != nil {
		o.answer.Refusal = refusal
		return nil
	}
	o.answer.Revisions = make([]object.Revision, len(o.targets))
	for i, c := range o.targets {
		if c.present {
			o.answer.Revisions[i] = c.record.revision
		}
		if err := o.target(i, c); err != nil || o.answer.Refusal != nil {
			return err
		}
	}
	return nil
}

// standings looks all targets up and refuses the Lock if one of them is not the
// partition's.
func (o *locking) standings() (refusal *command.Refusal, err error) {
	o.targets = make([]*objectCell, len(o.b.Targets))
	for i := range o.b.Targets {
		target := &o.b.Targets[i]
		c, err := o.x.object(target.ID)
		if err != nil {
			return nil, err
		}
		o.targets[i] = c
		if c.present {
			continue
		}
		st, where, err := o.x.m.live.standAbsent(o.t, o.x, target)
		if err != nil {
			return nil, err
		}
		refusal = refuseTarget(refusal, st, target.ID, where)
	}
	return refusal, nil
}

// target takes one object: what is certain and not wanted is left out before locks are
// looked at.
func (o *locking) target(i int, c *objectCell) error {
	certain := !o.meets(c.id, command.LockShared, true)
	if certain && !c.present {
		o.answer.Absent = append(o.answer.Absent, i)
		return nil
	}
	if certain {
		if ok, err := o.accepts(c); err != nil || !ok {
			return err
		}
	}
	if !certain || o.meets(c.id, o.b.Mode, false) {
		o.locked(i, c)
		return nil
	}
	row, err := o.x.m.worker.project(o.prog.Project)
	if err != nil {
		return err
	}
	if o.size += len(row); o.size > maxReturned {
		return pgerror.New(pgerror.ProgramLimitExceeded, "rows that are locked have more than %d bytes for one partition", maxReturned)
	}
	o.answer.Rows, o.answer.At = append(o.answer.Rows, row), append(o.answer.At, i)
	o.got.add(c.id, o.b.Mode)
	return nil
}

// accepts decodes the object and evaluates the filter.
func (o *locking) accepts(c *objectCell) (bool, error) {
	w := &o.x.m.worker
	w.env.Row = w.row
	if err := o.t.decode(c.record, w.row, o.prog.needed, o.x.m.partition); err != nil {
		return false, err
	}
	return w.holds(o.prog.Filter)
}

// meets reports whether the object is locked by another, or another waits for it. With
// staged only exclusive locks count: those of changes that may have been answered.
func (o *locking) meets(id object.ID, mode command.LockMode, staged bool) bool {
	l := &o.x.m.locks
	if o.x.granted || l.idle() {
		return false
	}
	if staged {
		return l.exclusive(id, &o.r)
	}
	met := false
	l.visitObject(lockedObject{id, mode}, &o.r, func(obstacle) bool {
		met = true
		return false
	})
	return met
}

// exclusive reports whether another transaction has staged a change of an object, or may
// have.
func (l *locks) exclusive(id object.ID, r *requester) bool {
	if lock, found := l.objects.get(id); found {
		for _, h := range lock.holds {
			if h.mode == command.LockExclusive && !r.passes(h.by) {
				return true
			}
		}
	}
	for i := range l.ranges {
		h := &l.ranges[i]
		if h.mode == command.LockExclusive && h.span.Start <= id && id < h.span.End && !r.passes(h.by) {
			return true
		}
	}
	return false
}

// locked does what is to be done about an object that another has locked.
func (o *locking) locked(i int, c *objectCell) {
	switch o.b.Wait {
	case command.LockSkips:
		o.answer.Skipped = append(o.answer.Skipped, i)
		return
	case command.LockWaits:
		o.x.blocked = true
	default:
		o.x.m.counters.locked.Add(1)
	}
	o.answer.Refusal = &command.Refusal{Reason: command.Locked}
	o.answer.Conflict = &command.Conflict{ID: c.id, Table: c.id.Table()}
}

// grant gives the session what was found.
func (o *locking) grant() {
	if len(o.got.objects) == 0 {
		return
	}
	x := o.x
	t := x.openTransaction(o.b.Owner, command.TransactionLocking)
	x.acquire(t, &o.got)
	x.store(t)
}
