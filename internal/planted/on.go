//go:build planted

package planted

import "os"

var chosen = Bug(os.Getenv("FAULT_PLANT"))

// Is reports whether a bug is planted.
func Is(bug Bug) bool { return bug == chosen }
