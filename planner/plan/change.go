package plan

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Insert creates objects. Rows are computed and checked at the coordinator
// (Build), because the key decides where each goes.
type Insert struct {
	Table *catalog.Table
	// Rows are the VALUES: for each row one expression for each column of the
	// table, over parameters. nil means the sequence's next value for a serial
	// column and NULL for any other.
	Rows [][]expr.Expr
	// Source produces the rows of INSERT ... SELECT; Rows then has one element,
	// whose expressions are over the source's row.
	Source Stage
	// Conflict says what happens to a row whose key exists.
	Conflict command.OnConflict
	// Program holds Set and ConflictFilter of DO UPDATE, and Project of RETURNING.
	Program Program
	// Returning says that Program.Project makes the result's rows.
	Returning bool

	checks []check
}

// Created is a row that Build has made.
type Created struct {
	ID     object.ID
	Row    []byte        // as datum.AppendRow, for command.Target
	Values []datum.Datum // one for each column of the table, for placement policies
}

// Modify updates or deletes objects where they live.
type Modify struct {
	Kind      command.WriteKind // command.Update or command.Delete
	Table     *catalog.Table
	Access    *Access
	Program   Program // Filter, Set, and Project of RETURNING
	Returning bool
}

// Move moves objects to another partition.
type Move struct {
	Table   *catalog.Table
	Access  *Access
	Program Program // Filter; Project is the primary key
	// Partition is where to, an integer over parameters; nil means to where the
	// table's policy wants each object.
	Partition expr.Expr
}

type check struct {
	name string
	expr expr.Expr
}

// Serial gives the next value of the sequence of a column of the table.
type Serial func(column int) (int64, error)

// Build computes row i: defaults and serial values are filled in, NOT NULL and
// CHECK are checked. input is the source's row for INSERT ... SELECT (i is 0
// then), nil otherwise. Values are valid until they are dropped; nothing is
// shared between calls.
func (n *Insert) Build(env *expr.Env, i int, input []datum.Datum, serial Serial) (Created, error) {
	return Created{}, nil
}

// DuplicateKey is the error about a key that exists: 23505 as PostgreSQL has it.
// values are the columns of the table.
func DuplicateKey(t *catalog.Table, values []datum.Datum) *pgerror.Error { return nil }
