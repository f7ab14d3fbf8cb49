// Package trace records what commands touch, so that placement policies can be tried
// on a workload that was real (ssmr-server plugin simulate), and reads it again.
//
//	r, err := trace.NewRecorder(trace.Config{File: "orders.trace", Catalog: cache.Catalog})
//	r.Record(len(touches), func(i int) trace.Touch { ... })   // never blocks
//	err = r.Close()
//
//	in := trace.NewReader(file)
//	line, err := in.Next()                  // io.EOF at the end
//
// # Format
//
// A trace is JSON, one object on each line. Fields are only ever added; a reader ignores
// those that it does not know. What a line is, its first field says:
//
//	{"trace":{"version":1,"node":"n1","at":"2026-03-01T12:00:00Z"}}
//
// begins a recording. A file may hold several, one behind the other.
//
//	{"partitions":[{"id":1,"labels":{"region":"eu"}},{"id":2,"closed":true}]}
//
// says which partitions there are from here on.
//
//	{"table":{"id":7,"name":"orders","columns":[{"name":"tenant","type":"text"},{"name":"id","type":"bigint"}],
//	 "key":["tenant","id"],"placement":{"policy":"column","options":{"placement.columns":"tenant"},"static":true,"columns":["tenant"]}}}
//
// describes a table (here on two lines), before it is first touched and when it has changed.
// Columns keep their places: one that was dropped has no name. "require" holds the labels
// that the table requires, "program" says that the policy is a program.
//
//	{"touches":[{"table":7,"kind":"create","key":["acme","1"],"values":["acme","1"],"bytes":70},
//	            {"table":7,"kind":"read","range":["acme"]}],"at":"2026-03-01T12:00:01.5Z"}
//
// is a command that took effect: a statement outside of transactions, or a whole
// transaction. A touch is of one object (key), or of a range of them: all that have the
// values of range in the first columns of the key; all of the table where there are none.
// kind is read, create, update or delete. Values are texts as PostgreSQL writes them, or
// null; those of a created object are in the order of the table's columns, cut after 1024
// bytes; bytes says how long the row was about. An update has in set the values of
// columns, by name, that it set to what the statement said itself; others are not known.
// "more" counts touches that were left out of a line that would have become too long.
//
//	{"dropped":12}
//
// counts commands that were not recorded, because the disk was too slow.
//
// A file belongs to one node. It holds values of the application: it is as secret as the
// data.
package trace
