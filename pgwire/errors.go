package pgwire

import (
	"context"
	"errors"

	"github.com/jackc/pgproto3/v2"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

// Causes of a cancelled statement. The session sees them by context.Cause.
var (
	errCancelRequest = pgerror.New(pgerror.QueryCanceled, "canceling statement due to user request")
	errShutdown      = pgerror.New(pgerror.AdminShutdown, "terminating connection due to administrator command")
)

// clientError turns an error into what the client sees. An error without a
// SQLSTATE is internal: its text goes to the log only.
func (c *conn) clientError(err error) *pgerror.Error {
	if e := pgerror.As(err); e != nil {
		return e
	}
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return pgerror.New(state.SQLState(), "%s", err.Error())
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return errCancelRequest
	}
	if c.w.err != nil { // the client is gone; nobody hears this
		return errShutdown
	}
	c.log.Error("statement failed with an internal error", "error", err)
	return pgerror.New(pgerror.InternalError, "internal error; the server's log says more")
}

// sendError queues an ErrorResponse.
func (w *writer) sendError(severity string, e *pgerror.Error) {
	w.send(&pgproto3.ErrorResponse{
		Severity: severity, SeverityUnlocalized: severity,
		Code: e.Code, Message: e.Message, Detail: e.Detail, Hint: e.Hint,
		Position: int32(e.Position), SchemaName: e.Schema, TableName: e.Table,
		ColumnName: e.Column, DataTypeName: e.DataType, ConstraintName: e.Constraint,
		Routine: e.Routine,
	})
}

// sendNotice queues a NoticeResponse.
func (w *writer) sendNotice(n session.Notice) {
	code := n.Code
	if code == "" {
		code = pgerror.SuccessfulCompletion
	}
	w.send(&pgproto3.NoticeResponse{
		Severity: n.Severity, SeverityUnlocalized: n.Severity,
		Code: code, Message: n.Message, Detail: n.Detail, Hint: n.Hint,
		Position: int32(n.Position), SchemaName: n.Schema, TableName: n.Table,
		ColumnName: n.Column, DataTypeName: n.DataType, ConstraintName: n.Constraint,
		Routine: n.Routine,
	})
}
