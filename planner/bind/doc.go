// Package bind gives a statement its meaning: it looks names up in the catalog,
// infers types, finds the keys that a condition names, and decides what
// partitions compute and what is left to the coordinator.
//
//	p, err := bind.Statement(ctx, stmt, bind.Config{Catalog: snapshot, Policies: policies})
//
// The result is a plan.Plan for exactly the table versions in the snapshot.
// Errors are *pgerror.Error with PostgreSQL's codes, texts and positions; what
// PostgreSQL has and ssmr does not is 0A000 and says what it is.
//
// A plan may be kept by its text and the declared types of its parameters as long
// as the versions in plan.Plan.Tables are current: literals whose meaning depends
// on settings are read when the plan is executed. Only the DEFAULTs and CHECKs of
// a schema change are read with Config.Format when they are bound, as PostgreSQL
// does it.
//
// # What goes where
//
// WHERE is taken apart into conditions on the primary key, which become
// plan.Access, and the rest, which partitions filter by. The select list,
// aggregates that can be merged, DISTINCT, first rows of an ORDER BY and LIMIT go
// into the program of the scan; HAVING, sorting and what needs all rows stay at
// the coordinator. Functions that ask the session or its clock become hidden
// parameters. NOT NULL and CHECK of new rows are the coordinator's
// (plan.Insert.Build); those of UPDATE and DO UPDATE are the partition's, from its
// descriptor.
//
// Deferred tells the statements that are bound when they are executed and not
// when they are prepared: schema changes, and what only the session understands.
//
// Binding touches nothing but its arguments and may be done from any goroutine.
package bind
