package harness

import (
	"fmt"
	"os"
	"slices"
	"sync"
)

// Program is a Reporter for a program: what is fatal ends it, after the clean-up.
type Program struct {
	name string

	mu       sync.Mutex // guards what follows
	cleanups []func()
	failed   bool
	keep     bool
}

// NewProgram makes the reporter of a program of that name.
func NewProgram(name string) *Program { return &Program{name: name} }

// Helper does nothing.
func (p *Program) Helper() {}

// Logf prints a line to standard error.
func (p *Program) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Fatal prints, cleans up and ends the program with exit code 2.
func (p *Program) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, append([]any{p.name + ":"}, args...)...)
	p.Finish()
	os.Exit(2)
}

// Fatalf is Fatal with a format.
func (p *Program) Fatalf(format string, args ...any) { p.Fatal(fmt.Sprintf(format, args...)) }

// Fail has Failed report true.
func (p *Program) Fail() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = true
}

// Keep has the folders of TempDir stay.
func (p *Program) Keep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep = true
}

// Failed reports whether Fail was called.
func (p *Program) Failed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// Cleanup has f run at the end, last added first.
func (p *Program) Cleanup(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cleanups = append(p.cleanups, f)
}

// TempDir makes a folder that is removed at the end.
func (p *Program) TempDir() string {
	dir, err := os.MkdirTemp("", "ssmr-"+p.name+"-")
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		p.mu.Lock()
		keep := p.keep
		p.mu.Unlock()
		if keep {
			p.Logf("kept: %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

// Finish cleans up. Calling it again is harmless.
func (p *Program) Finish() {
	p.mu.Lock()
	cleanups := p.cleanups
	p.cleanups = nil
	p.mu.Unlock()
	for _, f := range slices.Backward(cleanups) {
		f()
	}
}
