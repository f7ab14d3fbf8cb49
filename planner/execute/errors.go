package execute

import (
	"context"
	"errors"
	"fmt"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Every error of this package that a client sees says whether the statement
// took effect. A statement's own failure (22012, 23505, ...) and 40001 mean that
// it did not; 40003 means that this is unknown. MOVE, which moves in batches, tells in
// the detail what it has done.

func errNotFormed() *pgerror.Error {
	return pgerror.New(pgerror.CannotConnectNow, "the cluster has not been formed yet").
		WithHint("It forms itself when its nodes have met; try again.")
}

func errChased(what string) *pgerror.Error {
	return pgerror.New(pgerror.SerializationFailure, "could not find out where %s lives", what).
		WithDetail("The statement did not take effect.").WithHint("The object is being moved; try again.")
}

func errImpatient(why string) *pgerror.Error {
	return pgerror.New(pgerror.SerializationFailure, "a partition could not execute the statement in time: %s", why).
		WithDetail("The statement did not take effect.").WithHint("Try again.")
}

func errExpired() *pgerror.Error {
	return pgerror.New(pgerror.StatementCompletionUnknown, "it is unknown whether the statement took effect").
		WithDetail("A partition was sent the statement again after it had forgotten what it executed.")
}

func errMemory(what string, limit int64) *pgerror.Error {
	return pgerror.New(pgerror.OutOfMemory, "out of memory").
		WithDetail("%s would need more than work_mem (%d kB).", what, limit/1024).
		WithHint("Raise the setting work_mem, or have less returned.")
}

// unknownEffect is the error of a write that has no answer.
func unknownEffect(ctx context.Context, err error) error {
	cause := err
	if c := context.Cause(ctx); c != nil {
		cause = c
	}
	e := pgerror.New(pgerror.StatementCompletionUnknown, "it is unknown whether the statement took effect")
	if p := pgerror.As(cause); p != nil {
		e.Detail = p.Message
		if p.Code == pgerror.StatementCompletionUnknown {
			return p
		}
		return e
	}
	return fmt.Errorf("%w (%w)", e, err)
}

// restart is an error that a statement can be started over after: ErrRestart.
type restart struct{ cause error }

// Error is what the client is told where it is not started over.
func (r *restart) Error() string { return r.cause.Error() }

// Unwrap returns the cause.
func (r *restart) Unwrap() error { return r.cause }

// Is makes it ErrRestart.
func (r *restart) Is(target error) bool { return target == ErrRestart }

// restarts makes an error one that the statement is started over after, where it
// says that nothing took effect.
func restarts(err error) error {
	if serialization(err) && !errors.Is(err, ErrReplan) && !errors.Is(err, ErrRestart) {
		return &restart{err}
	}
	return err
}

// lost is the error of a read, or of what changes nothing, that has no answer.
func lost(ctx context.Context, err error) error { return restarts(interrupted(ctx, err)) }

// interrupted is the error of something without effect that ctx ended, or err
// itself.
func interrupted(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// unasked is the error of a call to the oracle that gave no answer; nothing took
// effect by it.
func (x *Executor) unasked(ctx context.Context, err error) error {
	if ctx.Err() != nil || pgerror.As(err) != nil {
		return interrupted(ctx, err)
	}
	x.cfg.Logger.Warn("the oracle could not be asked", "error", err)
	return pgerror.New(pgerror.SerializationFailure, "the oracle could not be asked").
		WithDetail("The statement did not take effect.").WithHint("Try again.")
}

// notExecuted reports whether an error says that a command was not executed and
// will not be.
func notExecuted(err error) bool {
	e := pgerror.As(err)
	return e != nil && (e.Code == pgerror.SerializationFailure || e.Code == pgerror.LockNotAvailable)
}

// serialization reports whether an error is 40001.
func serialization(err error) bool {
	e := pgerror.As(err)
	return e != nil && e.Code == pgerror.SerializationFailure
}

// internalError is a broken rule between packages: the text goes to the log.
func internalError(format string, args ...any) error { return fmt.Errorf("execute: "+format, args...) }

func errSchemaChanged() *pgerror.Error {
	return pgerror.New(pgerror.SerializationFailure, "a table was changed while its rows were read").
		WithDetail("The statement changed nothing.").WithHint("Try again.")
}

const retryHint = "The transaction might succeed if retried."

// errConflict is the error of a transaction that has read what has changed since.
func errConflict(t *catalog.Table, c *command.Conflict) *pgerror.Error {
	if t == nil {
		return pgerror.New(pgerror.SerializationFailure, "could not serialize access due to a concurrent change").
			WithDetail("The transaction did not take effect.").WithHint(retryHint)
	}
	if c.ID == "" {
		return pgerror.New(pgerror.SerializationFailure, "could not serialize access due to a concurrent change of rows of table %q", t.Name).
			WithDetail("Rows that the transaction has read, or looked for, are not what they were. It did not take effect.").WithHint(retryHint)
	}
	return pgerror.New(pgerror.SerializationFailure, "could not serialize access due to a concurrent change of key (%s) of table %q", keyOrHex(t, c.ID), t.Name).
		WithDetail("The transaction did not take effect.").WithHint(retryHint)
}

// errBlocked is the error of a transaction that may not wait for a lock, since it holds
// locks itself.
func errBlocked(t *catalog.Table, c *command.Conflict) *pgerror.Error {
	what := "an object"
	if t != nil {
		what = fmt.Sprintf("rows of table %q", t.Name)
		if c != nil && c.ID != "" {
			what = fmt.Sprintf("key (%s) of table %q", keyOrHex(t, c.ID), t.Name)
		}
	}
	return pgerror.New(pgerror.SerializationFailure, "could not serialize access: %s stayed locked by another transaction", what).
		WithDetail("A transaction that holds locks does not wait for others' for long: so there are no deadlocks. It did not take effect.").
		WithHint(retryHint)
}

func errTableChanged(name string) *pgerror.Error {
	return pgerror.New(pgerror.SerializationFailure, "could not serialize access due to a concurrent change of the definition of table %q", name).
		WithDetail("The transaction did not take effect.").WithHint(retryHint)
}

func errInBlock(what string) *pgerror.Error {
	return pgerror.New(pgerror.ActiveSQLTransaction, "%s cannot run inside a transaction block", what)
}

func errReadOnly(what string) *pgerror.Error {
	return pgerror.New(pgerror.ReadOnlySQLTransaction, "cannot execute %s in a read-only transaction", what)
}

func errTooLarge(limit int64) *pgerror.Error {
	return pgerror.New(pgerror.ProgramLimitExceeded, "the transaction is too large").
		WithDetail("A transaction may keep %d kB of what it has read and written.", limit/1024)
}
