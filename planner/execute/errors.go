package execute

import (
	"context"
	"fmt"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// Every error of this package that a client sees says whether the statement
// took effect. A statement's own failure (22012, 23505, ...) and 40001 mean that
// it did not, unless the detail says that a part of it did; 40003 means that this
// is unknown, or that the detail tells.

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
	return e != nil && e.Code == pgerror.SerializationFailure
}

// internalError is a broken rule between packages: the text goes to the log.
func internalError(format string, args ...any) error { return fmt.Errorf("execute: "+format, args...) }

func errSchemaChanged() *pgerror.Error {
	return pgerror.New(pgerror.SerializationFailure, "a table was changed while its rows were read").
		WithDetail("The statement changed nothing.").WithHint("Try again.")
}
