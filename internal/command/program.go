package command

import "github.com/ssmr/ssmr/internal/expr"

// Program is what a partition computes for each object that a Read or a Write
// means. Row indexes in its expressions are those of the table's descriptor:
// its columns, then catalog.SystemColumns.
//
// The encoding of a Program depends on the statement's text alone (what differs
// between executions is in Context.Params), so partitions keep decoded programs
// by their bytes.
type Program struct {
	// Filter chooses among the objects; nil means all.
	Filter expr.Expr
	// Set computes new values: for an Update from the row, for a Create with
	// ConflictUpdates from the row that is there followed by the row that was to
	// be created (EXCLUDED), which begins at the index len(columns)+len(system).
	Set []Assignment
	// ConflictFilter is the WHERE of ON CONFLICT DO UPDATE, over the same double row.
	ConflictFilter expr.Expr
	// Project computes the rows that travel back: of a Read, or of RETURNING
	// (from the row as written, or as it was before a Delete). Empty for a Read
	// means that rows without columns travel.
	Project []expr.Expr
	// Aggregates turn a Read into one row for each group: the values of GroupBy,
	// then the partial states of each aggregate (Aggregate.PartialWidth columns
	// each), to be merged by the reader. With neither the read is not aggregated.
	GroupBy    []expr.Expr
	Aggregates []*expr.Aggregate
	// OrderBy sorts what a Read returns, by columns of Project. KeyOrder says that
	// this is the order of the keys (or the reverse, with Read.Reverse), so that
	// rows stream as they are found. Without a Limit a partition does not sort
	// for anything but KeyOrder.
	OrderBy  []Order
	KeyOrder bool
	// Distinct drops rows that are equal in all columns of Project, within one
	// chunk's bounds: the reader still has to.
	Distinct bool
}

// Assignment sets a column of the table.
type Assignment struct {
	Column int
	Value  expr.Expr
}

// Order is one key of a sort.
type Order struct {
	Column     int // index into Program.Project
	Descending bool
	NullsFirst bool
}
