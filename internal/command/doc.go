// Package command is what planners, the oracle and partitions say to each other.
//
// A Command goes through the log of a partition and is executed there by every
// replica, at most once. A Read is answered by the partition's leader, outside
// the log. Both name the objects that they mean and carry, for each, the
// location version that the sender believes in; a partition that does not own
// one of them refuses the whole and says what it knows. Neither holds SQL: what
// is to be computed comes as a Program of typed expressions.
//
// A transaction over several partitions is a Part for each, which a Prepare carries;
// Conclude ends it, Resolve asks what became of it (package partitions/attempt decides).
// A View says which state a Read or an Evaluate sees, where that is not the newest.
//
// Encodings are append-only: they are on disk and on the wire.
package command
