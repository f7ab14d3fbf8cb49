// Package simulate replays a recorded workload (internal/trace) under placement policies,
// and compares what becomes of it: what `ssmr-server plugin simulate` prints.
//
//	report, err := simulate.Run(ctx, simulate.Config{
//		Traces:    []string{"orders.trace"},
//		Candidate: simulate.Choice{Policy: "./shop-policy", TableOptions: map[string]string{"shop.column": "tenant"}},
//	})
//	report.Print(os.Stdout)
//
// # What is counted
//
// A command is a statement outside of transactions, or a whole transaction. It touches the
// partitions that its objects live in, those that it creates included. A range of a table
// touches all partitions, whatever lives there, as in the database: but where the table's
// policy is static (hash, column) and the range fixes the columns that homes follow from,
// it touches their home alone. (Within BEGIN the database asks all partitions all the same,
// which a trace does not tell.) A command that touches one partition is one log entry.
//
// Each contender begins with empty partitions. An object is placed when it is created;
// one that was there before the trace begins is placed when it is first touched, with the
// columns of its key for values and NULL for all others, in a call that is not counted.
// One that exists stays where it is, also where an INSERT meets it (ON CONFLICT). What a
// DELETE of a range deletes stays counted. Objects that are created by one command are one
// call for each table, up to 4096 of them. Replace is asked after an update that set one of its columns to a
// value that the trace knows, and what it answers is done at once; the tables' budgets for
// moves bound nothing here.
//
// An answer counts as a fall-back where it does not come within the deadline, or names a
// partition that does not exist, is closed, or lacks a label that the table requires: the
// object goes to its home, as under hash. Capacities of partitions are not looked at.
//
// Loads that a policy is told are those of the moment; a database tells it some that are
// seconds old. Homes follow from a hash of the key's texts: shares are those of the
// database, but a single object may have another home there. Hints of sessions are not
// in a trace.
package simulate
