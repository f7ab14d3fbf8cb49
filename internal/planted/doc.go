// Package planted holds bugs that are planted to check the checkers of tests/fault.
//
// A seam asks Is where a bug is planted. In every ordinary binary the answer is the
// constant false, and the compiler removes the seam. In a binary with the build tag
// planted it is true for the one bug that the environment variable FAULT_PLANT names.
//
//	if planted.Is(planted.NoDedup) {
//		verdict = fresh
//	}
package planted

// Bug names a planted bug.
type Bug string

// The bugs.
const (
	// StaleRead has a follower answer a read without asking the leader whether it holds
	// the same.
	StaleRead Bug = "stale-read"
	// LostRelease has a transaction's locks stay when it has ended.
	LostRelease Bug = "lost-release"
	// DoubleMove has an object that moves away stay where it was, too.
	DoubleMove Bug = "double-move"
	// MissingPrepare has a transaction be committed although one participant has not
	// prepared it.
	MissingPrepare Bug = "missing-prepare"
	// NoDedup has a command that was sent again be executed again.
	NoDedup Bug = "no-dedup"
)
