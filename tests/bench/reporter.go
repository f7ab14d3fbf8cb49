package main

import (
	"fmt"
	"os"
	"slices"
)

// reporter is a harness.Reporter for a program: what is fatal ends it, after the
// clean-up.
type reporter struct {
	cleanups []func()
}

// Helper does nothing.
func (r *reporter) Helper() {}

// Logf prints a line to standard error.
func (r *reporter) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Fatal prints, cleans up and ends the program.
func (r *reporter) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"bench:"}, args...)...)
	r.finish()
	os.Exit(1)
}

// Fatalf is Fatal with a format.
func (r *reporter) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// Failed reports false: a failure has ended the program.
func (r *reporter) Failed() bool { return false }

// Cleanup has f run at the end, last added first.
func (r *reporter) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// TempDir makes a folder that is removed at the end.
func (r *reporter) TempDir() string {
	dir, err := os.MkdirTemp("", "ssmr-bench-")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (r *reporter) finish() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	r.cleanups = nil
}
