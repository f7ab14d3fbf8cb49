// Package plan is what planner/bind produces and planner/execute runs.
//
// A Plan is immutable and may be executed any number of times, from several
// goroutines at once, with other parameters each time. It is valid for exactly
// the table versions in Plan.Tables and says nothing about where objects live.
// What does not depend on parameters is computed when it is made: the encoded
// command.Program of what partitions do, the expressions of keys, the result
// columns.
//
// To execute a plan:
//
//  1. Take the client's parameters (Plan.Params says their types) and append the
//     values of Plan.Hidden, evaluated at the coordinator now. The whole is
//     expr.Env.Params, and Context.Params of commands whose Program says that it
//     needs them.
//  2. Switch over Plan.Root. A *Query is a tree of stages that rows flow through
//     from the leaves up; *Insert, *Modify and *Move change objects; *Explain
//     holds another plan; the schema changes are data for the oracle; *Utility is
//     for the session.
//  3. Access.Resolve turns conditions on keys into object ids or key ranges.
//
// Rows between stages are []datum.Datum; a stage's expressions address the
// columns of its input by index. A point read is a Query whose root is a Scan
// and whose rows go to the client as they come.
package plan
