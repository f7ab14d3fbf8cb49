package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/pgerror"
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
	x    *Executor
	opts TransactionOptions
}

// Begin makes a transaction. Nothing is sent by it.
func (x *Executor) Begin(opts TransactionOptions) *Transaction {
	return &Transaction{x: x, opts: opts}
}

// Commit makes what was written take effect, at one instant, if all that was read
// is unchanged at that instant. The error is 40001: nothing took effect and nothing
// will; 40003: that is unknown; or why ctx ended before anything was sent. It ends
// the transaction in any case. A transaction that has written nothing sends nothing.
func (t *Transaction) Commit(ctx context.Context) error { return internalError("not yet") }

// Rollback ends the transaction without effect. It does not wait. Calling it
// again, or after Commit, is harmless.
func (t *Transaction) Rollback() {}

// Savepoint makes a savepoint. One of the same name is hidden by it.
func (t *Transaction) Savepoint(name string) {}

// RollbackTo drops what was written since the newest savepoint of that name, and the
// savepoints behind it; it stays itself. What was read stays read, and locks stay. Without
// such a savepoint the error is 3B001.
func (t *Transaction) RollbackTo(name string) error { return internalError("not yet") }

// Release forgets the newest savepoint of that name, and those behind it. What was written
// stays. Without such a savepoint the error is 3B001.
func (t *Transaction) Release(name string) error { return internalError("not yet") }

// Empty reports whether the transaction has neither read nor written nor locked
// anything: SET TRANSACTION is allowed.
func (t *Transaction) Empty() bool { return true }

// ReadOnly reports whether it may not write; SetReadOnly changes that.
func (t *Transaction) ReadOnly() bool { return t.opts.ReadOnly }

// SetReadOnly says whether the transaction may write from now on.
func (t *Transaction) SetReadOnly(on bool) { t.opts.ReadOnly = on }

// Failed returns the error that everything but Rollback fails with; nil where it goes
// on.
func (t *Transaction) Failed() error { return nil }
