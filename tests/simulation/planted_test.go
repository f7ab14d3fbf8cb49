//go:build planted

package main

import (
	"os"
	"testing"
)

// A planted bug is found: FAULT_PLANT=no-dedup go test -tags planted ./tests/simulation -run Planted
func TestPlantedBugIsFound(t *testing.T) {
	bug := os.Getenv("FAULT_PLANT")
	if bug == "" {
		t.Skip("FAULT_PLANT names no bug")
	}
	s := &search{first: 1, count: 1500, most: 1, report: func(p *plan, err error) {
		t.Logf("%s is found by seed %d: %.300s", bug, p.Seed, err)
	}}
	s.run(2)
	if s.failed == 0 {
		t.Errorf("%s is not found in %d runs", bug, s.done)
	}
}
