// Package checker decides whether what clients have seen of a database is strictly
// serializable.
//
// The caller records a History: for each transaction who ran it, when it was
// invoked and completed on one clock, what became of it, and what it did, in its
// order: Append and List for keys that hold lists, Write and Read for keys that
// hold one value. Every value that is appended or written to a key must be unique
// among all that ever are to that key, failed attempts included: the checker tells by
// the value who wrote it. A key is used with one pair of operations only, and has no
// value at first.
//
//	rec := checker.NewRecorder(now)
//	t := rec.Begin(client)          // before the first statement is sent
//	t.Append("x", 17)
//	t.List("x", []int64{3, 17})     // after its answer came
//	t.Committed()                   // or t.Failed(), t.Unknown()
//	report := checker.Check(rec.History(), checker.Options{})
//	if !report.OK() { fmt.Println(report) }
//
// Outcomes: Committed: the client was told so. Failed: the client was told that nothing
// took effect; if anything of it is seen, that is an anomaly (G1a). Unknown: it may have
// taken effect at any time after its invocation, and still may; it counts where
// others have seen its values. Reads whose answer did not come are left out of a
// transaction. What a failed transaction has read is not looked at: who
// promises that it is consistent records it as a committed transaction of
// its reads.
//
// # What is found
//
// Transactions are nodes of a graph. An edge says that one comes before another in
// every serial order that explains the history: T overwrote what U wrote (ww), read
// what U wrote (wr), read what U overwrote (rw), or was invoked after U completed
// (time). Lists tell the order of their values themselves. For single values the
// order follows from who read a value and then wrote the next one, and from time: if anybody
// who read or wrote a was done before somebody began who read or wrote b, then a
// came before b. A cycle is an anomaly, named by its edges as Adya does (A. Adya,
// Weak Consistency, MIT 1999; K. Kingsbury, P. Alvaro, Elle, VLDB 2020): G0, G1c, G-single, G2, each
// with "by time" where it needs real time to be one. Others are found without the graph:
// G1a, G1b, lost update, incompatible orders, a transaction that contradicts itself, a
// value twice, a value that nobody wrote.
//
// Lists: the check is complete as far as appends are read: a history in which all lists are
// read at the end passes if and only if it is strictly serializable. Single values: what is
// reported is wrong for sure, but some wrong histories may pass.
//
// Time and memory grow linearly with the history (but for sorting). What is reported
// is bounded (Options.Limit); whether a history is accepted does not depend on the bound.
package checker
