package catalog

import "github.com/ssmr/ssmr/internal/object"

// TableSpec asks the oracle for a new table.
type TableSpec struct {
	// Table is the descriptor; its ID, Version and Fenced are given by the oracle.
	Table *Table
	// IfNotExists makes a table of that name that exists already a success.
	IfNotExists bool
}

// TableRef names a table as of one version. The oracle refuses a change whose
// version is not current any more (40001): the statement is planned anew.
type TableRef struct {
	ID      object.TableID
	Version object.SchemaVersion
	Name    string
}

// Change asks the oracle to replace a table's descriptor.
type Change struct {
	// Base is the descriptor that the change was made from.
	Base TableRef
	// Table is the new descriptor; the oracle gives it its Version. Columns keep
	// their places, and the primary key stays.
	Table *Table
	// NotNull are indexes of columns that must hold no NULL in any object before
	// the descriptor may become public (23502 otherwise).
	NotNull []int
	// Checks are indexes into Table.Checks of constraints that all objects must
	// satisfy before the descriptor may become public (23514 otherwise).
	Checks []int
	// Empty are indexes of columns that were added NOT NULL without a default: the
	// table must hold no object (23502 otherwise).
	Empty []int
}

// Drop asks the oracle to remove tables, all or none.
type Drop struct {
	Tables []TableRef
}

// Truncate asks the oracle to empty tables, all or none: each is given a new id,
// and the old id is dropped.
type Truncate struct {
	Tables          []TableRef
	RestartIdentity bool
}
