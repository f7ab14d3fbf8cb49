package plan

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
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

// check is a CHECK of the table, decoded.
type check struct {
	name string
	expr expr.Expr
}

// Created is a row that Insert.Build has made.
type Created struct {
	ID     object.ID
	Row    []byte        // as datum.AppendRow, for command.Target
	Values []datum.Datum // one for each column of the table, for placement policies
	Serial bool          // the key has a value of a sequence: it is new, as a rule
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
	Table  *catalog.Table
	Access *Access
	// Program holds the filter. Project is the columns of the primary key, in key
	// order (see KeyOf); where Partition is nil, all of Table.Columns, for the
	// policy.
	Program Program
	// Partition is where to, an integer over parameters; nil means to where the
	// table's policy wants each object.
	Partition expr.Expr
	// Pin is Pin or Unpin with a Partition, KeepPins or Unpin without.
	Pin catalog.PinMode
}

// Serial gives the next value of the sequence of a column of the table.
type Serial func(column int) (int64, error)

// KeyOf is the id of the object with the given key: its values in key order.
func KeyOf(t *catalog.Table, key []datum.Datum) (object.ID, error) {
	var room [64]byte
	b := appendTable(room[:0], t.ID)
	for i, c := range t.PrimaryKey {
		var err error
		if b, err = datum.AppendKey(b, key[i], t.Columns[c].Type); err != nil {
			return "", err
		}
	}
	return object.ID(b), nil
}
