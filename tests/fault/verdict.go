package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// violation is something that must not be.
type violation struct {
	where string // a traffic, a node, ...
	what  string // in one line
	text  string // the smallest explanation, in lines
}

// maxViolations bounds what a verdict keeps of one place; the others are counted.
const maxViolations = 5

// verdict gathers violations, and what keeps a run from saying anything.
type verdict struct {
	mu           sync.Mutex // guards what follows
	violations   []violation
	counts       map[string]int // by where
	total        int
	inconclusive []string
}

// add adds violations.
func (v *verdict) add(found ...violation) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.counts == nil {
		v.counts = make(map[string]int)
	}
	v.total += len(found)
	for _, f := range found {
		if v.counts[f.where]++; v.counts[f.where] <= maxViolations {
			v.violations = append(v.violations, f)
		}
	}
}

// addf adds a violation that is explained in one line.
func (v *verdict) addf(where, format string, args ...any) {
	v.add(violation{where: where, what: fmt.Sprintf(format, args...)})
}

// doubt notes why the run does not say anything.
func (v *verdict) doubt(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.inconclusive = append(v.inconclusive, fmt.Sprintf(format, args...))
}

// Exit codes.
const (
	exitFine         = 0
	exitViolation    = 1
	exitInconclusive = 2
)

// code is the exit code.
func (v *verdict) code() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.total > 0:
		return exitViolation
	case len(v.inconclusive) > 0:
		return exitInconclusive
	}
	return exitFine
}

// print tells what was found.
func (v *verdict) print(w io.Writer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range v.violations {
		fmt.Fprintf(w, "VIOLATION (%s): %s\n", f.where, f.what)
		for l := range strings.Lines(f.text) {
			fmt.Fprintf(w, "    %s\n", strings.TrimRight(l, "\n"))
		}
	}
	if n := v.total - len(v.violations); n > 0 {
		fmt.Fprintf(w, "and %d more violations\n", n)
	}
	for _, d := range v.inconclusive {
		fmt.Fprintf(w, "inconclusive: %s\n", d)
	}
	if v.total == 0 && len(v.inconclusive) == 0 {
		fmt.Fprintln(w, "verdict: no violation")
	} else {
		fmt.Fprintf(w, "verdict: %d violations\n", v.total)
	}
}
