//go:build !fault

package crashpoint

// Before says that a command is about to be sent, or an entry to be logged.
func Before(any) {}

// After says that it was.
func After(any) {}
