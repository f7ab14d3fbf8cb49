package execute

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute/footprint"
	"github.com/ssmr/ssmr/planner/plan"
)

// ErrLockTimeout is the cause that a context is ended with (context.WithTimeoutCause)
// where lock_timeout is over: 55P03. Settings.LockTimeout does that for calls that may
// wait for locks.
var ErrLockTimeout = pgerror.New(pgerror.LockNotAvailable, "canceling statement due to lock timeout")

// TransactionOptions say what a transaction may do.
type TransactionOptions struct {
	// ReadOnly refuses everything that writes, or locks, with 25006.
	ReadOnly bool
	// MaxBytes bounds what the transaction keeps on this node: what it has written,
	// and what it has read (beyond it: 54000). 0 means 64 MiB.
	MaxBytes int64
}

// Transaction is a session's transaction: it is handed to Start with each of its
// statements, and ends with Commit or Rollback. It belongs to one goroutine, and its
// statements' executions with it: none may be pulled from after the end.
//
// All that it reads is of one state: a statement that finds that something has
// changed which was read before fails with 40001. From then on everything but Rollback
// fails with that, also behind a savepoint. Other errors of statements leave the
// transaction as it was before the statement; that a client has to end it then, or
// go back to a savepoint, is the session's business.
type Transaction struct {
	x     *Executor
	opts  TransactionOptions
	print *footprint.Footprint
	// failed is why it cannot go on; ended says that it was committed or rolled back.
	failed error
	ended  bool
	// single says that it is one statement: nobody has seen what it has read.
	single bool

	owner    object.TransactionID // of its locks; zero: none
	locked   map[object.ID]command.LockMode
	lockedIn object.PartitionID // the last partition, in their order, that it has locked in
	lockTime time.Duration      // of its last statement

	touches []Touch // for Trace
}

// Begin makes a transaction. Nothing is sent by it.
func (x *Executor) Begin(opts TransactionOptions) *Transaction {
	setDefault(&opts.MaxBytes, defaultTransactionBytes)
	return &Transaction{x: x, opts: opts, print: footprint.New(opts.MaxBytes)}
}

const defaultTransactionBytes = 64 << 20

// maxSavepoints bounds the savepoints that a transaction has at a time.
const maxSavepoints = 10000

// Rollback ends the transaction without effect. It does not wait. Calling it
// again, or after Commit, is harmless.
func (t *Transaction) Rollback() {
	if !t.ended {
		t.end()
	}
}

// end gives everything up.
func (t *Transaction) end() {
	t.ended = true
	if !t.owner.IsZero() {
		t.x.deps.Partitions.Unlock(t.owner)
	}
	t.print, t.locked, t.touches = footprint.New(t.opts.MaxBytes), nil, nil
}

// Savepoint makes a savepoint. One of the same name is hidden by it. The error is
// 54000 where there are too many.
func (t *Transaction) Savepoint(name string) error {
	if t.print.Savepoints() >= maxSavepoints {
		return pgerror.New(pgerror.ProgramLimitExceeded, "a transaction can have at most %d savepoints", maxSavepoints)
	}
	t.print.Savepoint(name)
	return nil
}

// RollbackTo drops what was written since the newest savepoint of that name, and the
// savepoints behind it; it stays itself. What was read stays read, and locks stay. Without
// such a savepoint the error is 3B001.
func (t *Transaction) RollbackTo(name string) error {
	if !t.print.RollbackTo(name) {
		return errNoSavepoint(name)
	}
	return nil
}

// Release forgets the newest savepoint of that name, and those behind it. What was written
// stays. Without such a savepoint the error is 3B001.
func (t *Transaction) Release(name string) error {
	if !t.print.Release(name) {
		return errNoSavepoint(name)
	}
	return nil
}

func errNoSavepoint(name string) error {
	return pgerror.New("3B001", "savepoint \"%s\" does not exist", name)
}

// Empty reports whether the transaction has neither read nor written nor locked
// anything: SET TRANSACTION is allowed.
func (t *Transaction) Empty() bool { return t.print.Empty() && t.owner.IsZero() }

// ReadOnly reports whether it may not write; SetReadOnly changes that.
func (t *Transaction) ReadOnly() bool { return t.opts.ReadOnly }

// SetReadOnly says whether the transaction may write from now on.
func (t *Transaction) SetReadOnly(on bool) { t.opts.ReadOnly = on }

// Failed returns the error that everything but Rollback fails with; nil where it goes
// on.
func (t *Transaction) Failed() error { return t.failed }

// enter is called for each statement.
func (t *Transaction) enter(p *plan.Plan, settings *Settings) error {
	switch {
	case t.failed != nil:
		return t.failed
	case t.ended:
		return internalError("a statement of a transaction that has ended")
	}
	t.lockTime = settings.LockTimeout
	for _, table := range p.Tables {
		if !t.print.Uses(table) {
			return t.fail(errTableChanged(table.Name))
		}
	}
	return nil
}

// fail ends a transaction that cannot go on. Its locks stay until it is rolled back.
func (t *Transaction) fail(err error) error {
	if t.failed == nil {
		t.failed = err
		if t.single {
			t.failed = restarts(err)
		}
	}
	return t.failed
}

// conflict fails the transaction for something that has changed.
func (t *Transaction) conflict(c *command.Conflict) error {
	table := t.print.Table(c.Table)
	if table == nil && c.ID != "" {
		table = t.print.Table(c.ID.Table())
	}
	return t.fail(errConflict(table, c))
}

// full fails where the transaction keeps more than it may.
func (t *Transaction) full() error {
	if t.print.Full() {
		return errTooLarge(t.print.Max())
	}
	return nil
}

// viewOf is what a read of single objects in a partition sees, and checks.
func (t *Transaction) viewOf(p object.PartitionID, targets []command.Target) command.View {
	return command.View{Track: true, Overlay: t.print.OverlayOf(targets), Checks: t.print.Checks(p)}
}

// scanView is what a read of key ranges in a partition sees, and checks.
func (t *Transaction) scanView(p object.PartitionID, table *catalog.Table, spans []command.Span) command.View {
	return command.View{Track: true, Overlay: t.print.Overlay(table.ID, spans, p), Checks: t.print.Checks(p)}
}

// noteRead notes that an object was read.
func (t *Transaction) noteRead(table *catalog.Table, it *item, revision object.Revision) error {
	if it.own {
		return nil
	}
	if !t.print.Use(table) {
		return t.fail(errTableChanged(table.Name))
	}
	if !t.print.Read(it.ID, it.place(), revision) {
		return t.conflict(&command.Conflict{ID: it.ID, Table: table.ID})
	}
	return t.full()
}

// noteRange notes that key ranges were read; false where they were read before, and
// have changed.
func (t *Transaction) noteRange(table *catalog.Table, r *footprint.Range, whole bool) bool {
	return t.print.Use(table) && t.print.AddRange(r, whole)
}

// learn takes what a partition said of objects that were read before.
func (t *Transaction) learn(redirects []command.Redirect) {
	for _, r := range redirects {
		t.print.Follow(r.ID, footprint.Place{Location: r.Location, Arriving: true})
	}
}

// settle is called when a statement has read: it notes what the directory knew
// nothing of, and sees to it that everything that was read before is as it was. parts
// have been asked, and have checked theirs.
func (t *Transaction) settle(ctx context.Context, f *facts, j *job, parts []object.PartitionID) error {
	if j != nil {
		for i := range j.items {
			if it := &j.items[i]; it.nowhere {
				if err := t.noteRead(j.table, it, 0); err != nil {
					return err
				}
			}
		}
	}
	return t.validate(ctx, f, parts)
}
