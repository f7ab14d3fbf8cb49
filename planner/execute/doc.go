// Package execute runs plans: it turns them into commands to partitions, follows
// objects to where they live, and streams rows to whoever pulls them.
//
//	executor, err := execute.New(execute.Config{}, execute.Dependencies{...})
//	e, err := executor.Start(ctx, plan, params, settings) // writes are done now
//	for {
//		row, ok, err := e.Next(ctx) // valid until the next call
//		...
//	}
//	e.Close()
//
// On ErrReplan the caller makes the plan anew from a fresh catalog and starts
// again; on ErrRestart it starts again. Both come only while nothing has taken
// effect and no row was given out.
//
// # Objects that are named by their keys
//
// A job holds an item for each object and goes in rounds: locate (a static
// table's home follows from the catalog, unless the node's cache knows of an
// exception; other tables ask cache and oracle), send to each partition what is
// believed to be there, take the answers. What a partition refuses because it
// lives elsewhere goes into the next round with the new location; where the
// partition does not know, or says something older than what was believed, the
// oracle's leader is asked. An object that a partition has no value of is
// believed to be absent where its location came from the static rule or from the
// oracle just now; where it came from the cache the oracle has to confirm it
// first. An object that was written is done: it is never sent again, whatever
// happens to others of the statement. Rounds and waiting are bounded
// (Config.MaxRounds, Config.Patience); then the error is 40001.
//
// # Key ranges
//
// All partitions are asked, in parallel; each answers from one instant of its
// own. Several partitions are not one instant, and an object that is moved while
// a statement reads ranges may be seen twice or not at all; an UPDATE over ranges
// may, in the same way, meet it twice or not at all. Rows are pulled: for each
// partition at most one chunk is fetched ahead, so long results use constant
// memory and a slow client slows its own query only.
//
// Rows in key order are merged as they come. Any other order is sorted here,
// within work_mem: there is no sorting on disk, and what would need more fails
// with 53200. A LIMIT keeps only as many rows as it needs.
//
// # Writes
//
// An INSERT is computed and checked whole before anything is sent. A statement
// whose objects live in one partition is one command there: atomic. One over
// several is carried out partition by partition (writing.writeParts); when a
// part fails, those before it stay, and the error's detail says so. Serial values
// come from blocks that the oracle reserves for the node: they are unique, and
// have gaps. The policy of a table that is not static is asked once for a
// statement, for all its rows that have no location; where it fails, or chooses
// what does not exist, the object goes to its home.
//
// MOVE moves in batches; what was moved stays moved, also when the statement is
// cancelled. Its count is that of objects that were elsewhere before.
//
// # Errors
//
// Every error says whether the statement took effect: see the package comment of
// planner.
package execute
