// Package expr is typed expressions: what they mean, how they are built, stored,
// written and computed. Their meaning is PostgreSQL's.
//
// # Building
//
// Who binds a statement calls a constructor for each node, children first
// (NewOperator, NewFunction, NewCast, NewCase, NewIn, NewLike, ...). A
// constructor resolves overloads by PostgreSQL's rules, coerces its arguments
// and fails with PostgreSQL's errors, which have no position: the binder adds it
// (pgerror.Error.At). Quoted literals and NULL begin as datum.Unknown
// (NewString, NewNull), parameters without a declared type too (ParamTypes):
// where they stand decides what they are. What is still unknown in the end, in a
// select list for example, goes through Settle.
//
//	e, err := expr.NewOperator("+", expr.NewColumn(2, datum.Int4, "n"), expr.NewConst(datum.NewInt(1), datum.Int4))
//	e, err = expr.Coerce(e, column.Type, expr.Assignment)
//
// Aggregates are no expressions: NewAggregate makes them, and the binder puts a
// Column in their place.
//
// # Where an expression may run
//
// Replicas must compute equal results, so an expression that goes to a partition
// must not ask the session or a clock. HideSession turns such parts into
// parameters, which the session evaluates once per statement with Env.Session
// set. What is left depends on the row, Env.Params, Env.Format (the time zone)
// and Env.Rand, all of which travel with the command. Fold evaluates what is
// constant.
//
// # Encoding
//
// Append and Decode are for the wire, logs and the catalog: append-only, with
// functions by the oids that they have in PostgreSQL 15. Decode never panics and
// bounds depth and size; what it accepts cannot panic in Eval either.
//
// # Limits
//
// Nesting is bounded by MaxDepth (54001), arguments by MaxArgs (54023), and a
// value that an expression makes by MaxValueBytes (54000). Array slices, VARIADIC
// and back-references, look-around, \m, \M and a mix of greedy and non-greedy
// quantifiers in regular expressions are refused with 0A000, and so are functions
// that PostgreSQL has and ssmr does not.
//
// What differs from PostgreSQL: texts order by bytes, while upper, lower, initcap
// and ILIKE map letters by Unicode; groups of a regular expression that could
// match in several ways may match in another; pg_typeof returns text and nextval
// takes it, as there is no regtype and no regclass; functions of floats may
// differ in the last digit; clock_timestamp() is read once for a statement where
// it stands in a partition's program.
package expr
