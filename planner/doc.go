// Package planner is the SQL session: it implements internal/session for the
// protocol layer on top of the packages below it.
//
//	executor, err := execute.New(execute.Config{}, dependencies)
//	backend, err := planner.New(planner.Config{}, planner.Dependencies{
//		Executor: executor, Catalog: cache, Policies: registry,
//	})
//	server, err := pgwire.New(pgwire.Config{}, backend)
//
// A statement's text goes through package dialect (text to tree), bind (tree to
// plan) and execute (plan to rows). Plans of SELECT, INSERT, UPDATE, DELETE and
// MOVE are kept by their text, the types of their parameters and the settings
// that literals are read with; all sessions of a node share them. A plan is used
// as long as the tables that it was made against have the same versions. When a
// partition knows a newer version, the statement is planned anew and started
// again: the client sees nothing of it.
//
// # Prepared statements and portals
//
// They follow PostgreSQL: SQL's PREPARE shares the names of Parse. A portal holds
// the running query: rows are pulled from it, so one that is not asked goes no
// further. There are no transactions of several statements yet, so every portal
// ends at Sync. Their number, and the size of their texts, are bounded
// (Config).
//
// # What takes effect
//
// Each statement is its own transaction: BEGIN is refused with 0A000. Statements
// of one simple query, or between two Syncs, take effect one by one; where one
// fails, the error's detail says how many before it have taken effect. Within a
// statement an object is written at most once; what a statement over several
// partitions guarantees is told by package execute.
//
// 40001 means that the statement did not take effect, 40003 that this is
// unknown or that only a part did, which the detail tells. Cancelling (57014)
// means no effect, unless the detail says otherwise; a write that was under way
// when it was cancelled, or timed out, is 40003.
//
// # Settings
//
// SET, SHOW and RESET know the parameters that drivers use, and ssmr's own:
//
//	ssmr.read_consistency  strong (default), or stale: any replica answers reads
//	ssmr.max_staleness     how old a stale answer may be (default 10 s)
//	ssmr.move_rate         objects that MOVE moves per second at most; 0: no bound
//	ssmr.hint              text that placement policies are told
//	work_mem               bytes that a sort, a DISTINCT or groups may take (64 MB);
//	                       there is no sorting on disk: beyond it is 53200
package planner
