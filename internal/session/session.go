// Package session is the contract between the protocol and what executes SQL:
// pgwire speaks to a client and calls a Session, the planner implements it.
// Neither knows the other.
package session

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Backend opens sessions.
type Backend interface {
	// Open starts a session for a client that has finished its start-up. An
	// error is sent to the client and ends the connection.
	Open(ctx context.Context, s Startup) (Session, error)
}

// Startup is what a client said when it connected.
type Startup struct {
	User, Database string
	// Options holds the run-time parameters of the start-up packet (also those
	// of its "options" string), by lower-case name.
	Options map[string]string
	Remote  string // address of the client, for people
	PID     uint32 // the process id that the client was told
	Client  Client
}

// Client is the session's way to the client beside results. Its methods may be
// called while a method of the session runs, and from its goroutine only.
type Client interface {
	Notice(n Notice)
	// ParameterStatus tells the client of a new value of a reported parameter.
	ParameterStatus(name, value string)
}

// Notice is a message that is not an error.
type Notice struct {
	Severity string // WARNING, NOTICE, INFO, LOG, DEBUG
	pgerror.Error
}

// Text is one statement of a query string.
type Text struct {
	SQL string
	// Offset is the number of characters before SQL in the whole query string;
	// error positions count from the start of the whole.
	Offset int
}

// Column describes a column of a result.
type Column struct {
	Name string
	Type datum.Type
	// Table and Attribute (from 1) name the column that the values come from; 0
	// where they are computed.
	Table     uint32
	Attribute uint16
}

// Statement describes a prepared statement.
type Statement struct {
	Params []datum.Type
	// Columns is nil for a statement that returns no rows (NoData), and not nil,
	// though maybe empty, for one that does.
	Columns []Column
}

// Portal describes a bound statement.
type Portal struct {
	Columns []Column // as in Statement
	Formats []int16  // result formats as the client gave them in Bind: 0, 1 or N long
}

// Completion is how a call of Execute or Query ended.
type Completion struct {
	// Tag is the command tag ("INSERT 0 1"). Empty means an empty query.
	Tag string
	// Suspended says that the row limit was reached; there is no tag then.
	Suspended bool
}

// Sink takes the rows of a result as they come. Row blocks while the client is
// slow; an error from it ends the statement and is returned by it.
type Sink interface {
	// Columns is called once before the first row, and also where there are no
	// rows, for statements that return rows. Execute does not call it.
	Columns(cols []Column) error
	// Row takes one row. The slice belongs to the caller again when Row returns.
	Row(values []datum.Datum) error
}

// Status is the transaction status of ReadyForQuery.
type Status byte

// The transaction statuses.
const (
	Idle   Status = 'I'
	Active Status = 'T'
	Failed Status = 'E'
)

// Session is one client's state: settings, prepared statements, portals, the
// transaction. It is used from one goroutine at a time; ending ctx cancels what
// runs (57014). SQL's PREPARE and DECLARE share the name spaces of Parse and Bind.
//
// Errors that a client should see have a *pgerror.Error in their chain.
type Session interface {
	// Parameters are the values to report after start-up (ParameterStatus).
	Parameters() map[string]string
	// Split cuts a simple query into statements; none for an empty query. It
	// ends the unnamed statement and portal.
	Split(query string) ([]Text, error)
	// Query executes one statement of a simple query of which count statements
	// came together and this is number index, from 0. They are one transaction,
	// which has been committed when the last of them returns without error.
	Query(ctx context.Context, text Text, index, count int, sink Sink) (Completion, error)

	// Parse prepares a statement. Parameter types are OIDs, 0 and missing ones are
	// inferred. More than one statement is 42601; none is an empty statement.
	Parse(ctx context.Context, name, query string, paramTypes []uint32) error
	// Statement describes a prepared statement; 26000 if there is none.
	Statement(name string) (*Statement, error)
	// Bind makes a portal of a statement and values of its parameters.
	Bind(ctx context.Context, portal, statement string, params []datum.Datum, formats []int16) error
	// Portal describes a portal; 34000 if there is none.
	Portal(name string) (*Portal, error)
	// Execute runs a portal, or goes on with it, for at most maxRows rows; 0 means
	// all. What is executed up to a Sync is one transaction; last says that the Sync
	// is known to follow, so that nothing else will be executed in it.
	Execute(ctx context.Context, portal string, maxRows int64, last bool, sink Sink) (Completion, error)
	// CloseStatement and ClosePortal forget; a name that does not exist is no error.
	CloseStatement(name string)
	ClosePortal(name string)

	// Sync ends the implicit transaction of what was executed since the last
	// Sync, and the portals that end with it; an error of it is an error of the
	// commit. failed says that one of the messages met an error: the transaction,
	// also one that the client has begun, has failed then. It is called after
	// each simple query, too.
	Sync(ctx context.Context, failed bool) error
	Status() Status
	// IdleLimit is how long a client may take, after it was told that the server is
	// ready, to send its next message: 0 for as long as it likes. The error is what
	// it is told when the time is over.
	IdleLimit() (time.Duration, *pgerror.Error)
	// Format says how values are to be written as text now.
	Format() *datum.Format
	// Close ends the session: an open transaction is rolled back. It is idempotent
	// and may be called while nothing runs.
	Close()
}
