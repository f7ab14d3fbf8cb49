package planner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/execute"
)

// Session is one client's session. It implements session.Session, whose rules
// hold: one goroutine at a time.
type Session struct {
	backend *Backend
	start   session.Startup

	values map[string]string // parameters that were set, by lower-case name
	locals map[string]string // those that end with the transaction
	resets map[string]string // what RESET goes back to, where it is not the built-in value
	now    current           // what follows from the parameters

	statements map[string]*statement // the unnamed one under ""
	stored     int                   // bytes of the statements' texts
	skimmed    []*statement          // of the simple query that is executed, as they were read
	portals    map[string]*portal
	active     *portal // the one that Execute runs
	room       *portal // a closed portal, to be used again
	bound      uint64  // portals that were made; see portal.serial

	functions expr.Session    // what session functions answer
	ctx       context.Context // of the call that runs; for pg_sleep and nextval
	sequences map[sequenceName]int64
	lastValue *int64

	tx transaction
	// alone says that the statement which is executed is the only one of its implicit
	// transaction.
	alone bool
	// executed counts statements since the last Sync or COMMIT, settled those among
	// them that have taken effect already, because one came that is always a transaction
	// of its own.
	executed, settled int
	closed            bool
}

// current is what follows from the parameters. What it points to is not changed
// (but for the time in format): executions hold it.
type current struct {
	format   *datum.Format
	settings *execute.Settings
	timeout  time.Duration // of statements
	idle     time.Duration // of a client that is in no transaction
	idleIn   time.Duration // of one that is in one
	level    int           // of messages that the client wants; see severities
	plan     planSettings

	readOnly, deferrable bool // of transactions to come
}

func (s *Session) logger() *slog.Logger { return s.backend.cfg.Logger }

// Format says how values are written as text now.
func (s *Session) Format() *datum.Format { return s.now.format }

// IdleLimit is how long a client may be silent.
func (s *Session) IdleLimit() (time.Duration, *pgerror.Error) {
	if s.tx.block == explicit {
		return s.now.idleIn, errIdleInTransaction
	}
	return s.now.idle, errIdle
}

var (
	errIdleInTransaction = pgerror.New(pgerror.IdleInTransactionTimeout, "terminating connection due to idle-in-transaction timeout")
	errIdle              = pgerror.New(pgerror.IdleSessionTimeout, "terminating connection due to idle-session timeout")
)

// Close ends the session.
func (s *Session) Close() {
	if s.closed {
		return
	}
	s.closed = true
	s.start.Client = nil // it hears nothing more
	s.rollback()
	s.statements, s.stored = nil, 0
}

// begin prepares for a call that executes something. The returned context ends
// with the statement's time-out; end must be called.
func (s *Session) begin(ctx context.Context) (context.Context, func()) {
	at := s.tick()
	s.functions.StatementTime = at
	s.enter(untilSync)
	if s.now.timeout <= 0 {
		s.ctx = ctx
		return ctx, s.end
	}
	limited, cancel := context.WithTimeoutCause(ctx, s.now.timeout, errTimeout)
	s.ctx = limited
	return limited, func() { cancel(); s.end() }
}

// tick tells the format what time it is, for literals like 'now'.
func (s *Session) tick() int64 {
	at := execute.Micros(s.backend.deps.Clock.Now())
	s.now.format.Now = at
	return at
}

func (s *Session) end() { s.ctx = nil }

// errTimeout is what ends a statement that takes too long.
var errTimeout = pgerror.New(pgerror.QueryCanceled, "canceling statement due to statement timeout")

var errCanceled = pgerror.New(pgerror.QueryCanceled, "canceling statement due to user request")

// clientError is the error that the client is told: a cause of cancelling
// instead of the context's error, and what has taken effect before.
func (s *Session) clientError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if pgerror.As(err) == nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		if err = context.Cause(ctx); pgerror.As(err) == nil {
			err = errCanceled
		}
	}
	if s.settled == 0 {
		return err
	}
	e := pgerror.As(err)
	if e == nil {
		s.logger().Error("a statement failed with an internal error", "error", err)
		e = pgerror.New(pgerror.InternalError, "internal error; the server's log says more")
	}
	copied := *e
	if copied.Detail != "" {
		copied.Detail += "\n"
	}
	copied.Detail += s.effect()
	return &copied
}

// effect tells which statements took effect where a later one has failed.
func (s *Session) effect() string {
	switch {
	case s.settled < s.executed && s.settled == 1:
		return "The first of the statements that were sent together with it has taken effect."
	case s.settled < s.executed:
		return fmt.Sprintf("The first %d of the statements that were sent together with it have taken effect.", s.settled)
	case s.settled == 1:
		return "The statement before it, which was sent together with it, has taken effect."
	}
	return fmt.Sprintf("The %d statements before it, which were sent together with it, have taken effect.", s.settled)
}

// severities order the levels of client_min_messages.
var severities = map[string]int{
	"DEBUG5": 0, "DEBUG4": 1, "DEBUG3": 2, "DEBUG2": 3, "DEBUG1": 4, "DEBUG": 4, "LOG": 5, "NOTICE": 6, "WARNING": 7, "ERROR": 8,
}

// notice tells the client something, if it wants to hear it.
func (s *Session) notice(severity, code, message string) {
	if s.start.Client == nil || severity != "INFO" && severities[severity] < s.now.level {
		return
	}
	s.start.Client.Notice(session.Notice{Severity: severity, Error: pgerror.Error{Code: code, Message: message}})
}
