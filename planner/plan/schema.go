package plan

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// CreateTable makes a table.
type CreateTable struct {
	// Table is the descriptor; the oracle gives it ID and Version.
	Table *catalog.Table
	// IfNotExists makes an existing table a notice (plan.ExistsNotice).
	IfNotExists bool
}

// DropTable drops tables, all or none.
type DropTable struct {
	Tables []TableRef
	// Missing are the names that IF EXISTS excuses: a notice for each
	// (plan.MissingNotice).
	Missing []string
}

// Truncate empties tables, all or none, by giving each a new id.
type Truncate struct {
	Tables []TableRef
	// RestartIdentity starts the tables' sequences anew.
	RestartIdentity bool
}

// TableRef names a table as of one version; the oracle refuses the change where
// the version is not current any more, and the statement is bound anew.
type TableRef struct {
	ID      object.TableID
	Version object.SchemaVersion
	Name    string
}

// AlterTable replaces a table's descriptor.
type AlterTable struct {
	// Base is the version that the change was made against.
	Base TableRef
	// Table is the new descriptor with the old ID; the oracle gives it its
	// Version. nil where nothing is to be done (IF [NOT] EXISTS).
	Table *catalog.Table
	// Renamed is set where the name differs from the base's.
	Renamed bool
	// NotNull are indexes of columns that must hold no NULL in any object before
	// the descriptor may become public (23502 otherwise).
	NotNull []int
	// Checks are indexes into Table.Checks of constraints that all objects must
	// satisfy before the descriptor may become public (23514 otherwise).
	Checks []int
	// Empty are indexes of columns that were added NOT NULL without a default:
	// the table must hold no object (23502 otherwise).
	Empty []int
	// Notices are told to the client when the change is done.
	Notices []string
}

// VirtualTable is a table in schema ssmr, whose rows the executor supplies.
type VirtualTable struct {
	Kind    VirtualKind
	Name    string // without the schema
	Columns []VirtualColumn
}

// VirtualColumn is a column of a VirtualTable.
type VirtualColumn struct {
	Name string
	Type datum.Type
}
