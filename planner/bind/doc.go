// Package bind gives a statement its meaning: it looks names up in the catalog,
// infers types, finds the keys that a condition names, and decides what
// partitions compute and what is left to the coordinator.
//
//	p, err := bind.Statement(stmt, bind.Config{Catalog: snapshot, Policies: policies})
//
// The result is a plan.Plan for exactly the table versions in the snapshot.
// Errors are *pgerror.Error with PostgreSQL's codes, texts and positions; what
// PostgreSQL has and ssmr does not is 0A000 and says what it is.
//
// Literals whose meaning depends on settings (a timestamptz without a zone) are
// read with Config.Format when the statement is bound, as in PostgreSQL. A cache
// of plans has Config.Format's time zone and date style in its key.
//
// Deferred tells the statements that are bound when they are executed and not
// when they are prepared: schema changes, and what only the session understands.
//
// Binding touches nothing but its arguments and may be done from any goroutine.
package bind
