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
// that literals are read with; all sessions of a node share them. Statements
// without parameters that differ in nothing but literals have one plan, with parameters in
// the literals' places: the text that it is kept by has marks there (parameterize.go). A plan is used
// as long as the tables that it was made against have the same versions. When a
// partition knows a newer version, the statement is planned anew and started
// again: the client sees nothing of it.
//
// # Prepared statements and portals
//
// They follow PostgreSQL: SQL's PREPARE shares the names of Parse, and DECLARE those
// of Bind. A portal holds the running query: rows are pulled from it, so one that is
// not asked goes no further, and it shows the state that its transaction saw when it
// began. It ends with its transaction, or with the savepoint that it was made behind.
// Cursors go forward only; WITH HOLD, SCROLL and BINARY are refused. The number of
// statements and portals, and the size of their texts, are bounded (Config).
//
// # Transactions
//
// A transaction is the client's, from BEGIN to COMMIT, or an implicit one: the
// statements of a simple query, or what is executed up to a Sync. BEGIN and COMMIT
// among such statements split them as in PostgreSQL. An error ends an implicit
// transaction; one of the client's answers nothing from then on (25P02) but its end,
// or ROLLBACK TO. What was written since is dropped at once, and locks are given up
// at once where there is no savepoint.
//
// Every transaction is strictly serializable, whatever level it asks for; all levels
// allow that. SHOW transaction_isolation says so. BEGIN sends nothing: reads are
// noted, writes are kept in this session, and COMMIT is one command that checks and
// writes (package execute). A conflict is 40001, of the statement that finds it or of
// COMMIT. SELECT ... FOR UPDATE locks at once; a session that ends, for whatever
// reason, gives up its locks.
//
// A statement that is alone in its implicit transaction is not part of any: it is one
// command, and tried again where it meets others, so that its client sees no conflict
// that another try can solve. So is one that reads no tables. Several statements of an
// implicit transaction that meets a conflict are executed again, too, a bounded number
// of times, and committed where they tell their client what it was told: batches of
// writes, and of reads of what has not changed. Otherwise the error is 40001.
//
// Schema changes, those of policies and partitions, TRUNCATE and MOVE are always
// transactions of their own: they go through the oracle, in many steps that others see.
// Within a client's transaction they are 25001. Among the statements of an implicit one
// they may stand: what was before is committed first, what follows is another
// transaction, and the detail of a later error says how many statements have taken
// effect. SHOW PLACEMENT HISTORY asks the oracle, and is part of no transaction.
//
// Settings follow PostgreSQL: SET ends with a transaction, or a savepoint, that is
// rolled back, SET LOCAL with any. statement_timeout bounds COMMIT, too.
// idle_in_transaction_session_timeout and idle_session_timeout end the connection.
// PREPARE TRANSACTION is refused.
//
// # What takes effect
//
// 40001 means that the statement, or the transaction, did not take effect, 40003 that
// this is unknown. Cancelling (57014) means no effect; a write or a COMMIT that was
// under way when it was cancelled, or timed out, is 40003. What MOVE has moved stays
// moved.
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
