// Package execute runs plans: it turns them into commands to partitions, follows
// objects to where they live, and streams rows to whoever pulls them.
//
//	executor, err := execute.New(execute.Config{}, execute.Dependencies{...})
//	defer executor.Close()
//	e, err := executor.Start(ctx, plan, params, settings, nil) // writes are done now
//	for {
//		row, ok, err := e.Next(ctx) // valid until the next call
//		...
//	}
//	e.Close()
//
// On ErrReplan the caller makes the plan anew from a fresh catalog and starts
// again; on ErrRestart it starts again. Both come only while nothing has taken
// effect and no row was given out; in a transaction as well.
//
//	tx := executor.Begin(execute.TransactionOptions{})
//	e, err := executor.Start(ctx, plan, params, settings, tx) // and so on
//	err = tx.Commit(ctx)                                      // or tx.Rollback()
//
// Executions of a transaction are closed before it ends.
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
// first. Rounds and waiting are bounded (Config.MaxRounds, Config.Patience); then
// the error is 40001.
//
// All objects of a statement are seen at one instant. Those of one partition are read
// from its newest state; those of several from a snapshot (Partitions.Snapshot), and
// all of them again, from another one, where one of them turns out to live elsewhere.
//
// # Key ranges
//
// All partitions are asked, in parallel, from one snapshot. It is let go when all have
// begun to answer: each has what it needs then, and only then the first row is given out: up
// to that moment the statement can be started again. Rows are pulled: for each
// partition at most one chunk is fetched ahead, so long results use constant
// memory and a slow client slows its own query only. With MaxStaleness there is no
// snapshot: each partition answers from an instant of its own.
//
// Where a statement fixes the columns that a static table is placed by, all objects that it
// means have one home. That one is asked alone (Read.Home, Write.Home): it knows whether any
// of them lives elsewhere, and refuses then, or while a transaction has staged a change of
// what is read; all partitions are asked after that. Not within a session's transaction.
//
// Rows in key order are merged as they come. Any other order is sorted here,
// within work_mem: there is no sorting on disk, and what would need more fails
// with 53200. A LIMIT keeps only as many rows as it needs.
//
// # Writes
//
// An INSERT is computed and checked whole before anything is sent. A statement
// takes effect as a whole, at one instant, or not at all: where its objects live in
// one partition it is one command there, else one transaction (Partitions.Transact).
// A target whose location came from a cache is sent as Unsure, so that nothing is done
// to the others where it lives elsewhere. What a retry can solve is tried again here,
// until Patience or the context is at its end. INSERT ... SELECT from a table is a
// transaction as sessions have them, and started over where what it has read has
// changed. Serial values
// come from blocks that the oracle reserves for the node: they are unique, and
// have gaps. The policy of a table that is not static is asked once for a
// statement, for all its rows that have no location as far as the node's cache knows; a
// row of ON CONFLICT that exists may be among them, since only the oracle could tell, and
// that would cost each new row a round. Who has chosen, and why, goes to the oracle with
// the ids. Where a fall-back has chosen (Places.Notice) the client is told once for the
// statement, by a warning.
//
// What partitions may get (catalog.Rules, catalog.PartitionLimits) the oracle decides; where
// it refuses, places are chosen anew with its newest catalog, a few times. Objects of a
// static table whose home is closed are refused here (55000), by the node's catalog: an
// object that ON CONFLICT has found there may be deleted and created again a moment later.
//
// # What has changed
//
// A policy may name columns (Policies.ReplaceColumns) whose update makes it be asked again
// where an object is to live. That happens in the background, right behind the statement or
// the COMMIT: the objects are read anew, the policy is asked about up to MaxMoveBatch of
// them, and those that are to live elsewhere are moved, but for pinned ones. A move that
// the table's budget defers is tried again when there should be room for it; one that fails
// is, too, 16 times in all. The pauses grow from 0.1 to 30 s (or a quarter of the
// cool-down). The queue is bounded
// (Config.ReplaceQueue) and in memory: what does not fit, and what waits when the node
// ends, stays where it is until its next such update, or MOVE ... TO POLICY. Statements
// that fail with 40003 are not followed. Executor.Counters counts all that. Reads, deletes
// and other updates never ask a policy.
//
// # Transactions
//
// A Transaction is optimistic. Its statements read the newest state, with what the
// transaction itself has written laid over it, and note what they have read: of objects
// their revisions, of key ranges a fingerprint (package footprint). Writes are computed by
// the partitions (Evaluate) and kept here. When a statement has read something,
// everything that was read before is compared with a state after that: in the same call
// where it is the same partition, else with Validate. So all that a transaction reads
// is of one state, and one that writes nothing has nothing to send when it commits.
// Commit is one Transact with what was read and written, and follows objects that
// have moved meanwhile. A conflict is 40001 and names the object.
//
// A key range that was read is in conflict also with a move of an object in or out of it.
// An id of a table with a policy that had no location when it was read is given one by
// Commit, if that writes something: its absence can be locked only in a partition. Such
// ids are given up again afterwards. It is at its home, or where the table's objects may be;
// where no partition may get any, the error is 55000.
//
// FOR UPDATE and FOR SHARE lock objects where they live, until the transaction ends
// (lockingRows); a transaction that holds locks waits for others' only in partitions of
// greater numbers than it holds locks in, and otherwise tries for a second: there are no
// deadlocks. COMMIT, while it holds locks, does the same.
//
// Schema changes, changes of policies and of partitions, TRUNCATE and MOVE are refused in a
// transaction with 25001: they go through the oracle's log, and cannot be taken back. A table that is changed while a
// transaction uses it fails the transaction.
//
// What a transaction keeps is bounded (TransactionOptions.MaxBytes), and so is the number of
// its savepoints.
//
// # MOVE
//
// Objects are found at one instant. Up to MaxMoveBatch of them for one partition are one
// request to the oracle, which logs it in as few entries as the size of the rows
// allows. What is logged is carried out, whatever fails then; an object is never
// lost or double, and its value does not change, so nobody sees a MOVE in its middle but
// by _partition. A MOVE over more is several requests: when it is cancelled, what was
// requested is moved.
//
// Its count is that of objects that were elsewhere before. A MOVE that pins, or ends pins,
// has the oracle told of objects that are there already, too; they are not counted. Those
// that stay because they are pinned are counted in a notice. Where a partition must not get
// an object the error is 55000. EXPLAIN knows nothing of pins: they are in the oracle alone.
//
// # Errors
//
// Every error says whether the statement took effect: see the package comment of
// planner.
package execute
