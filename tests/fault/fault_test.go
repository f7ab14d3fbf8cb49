//go:build cluster

package main

import (
	"bytes"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

var (
	duration = flag.Duration("duration", 20*time.Second, "how long each mix runs")
	seed     = flag.Uint64("seed", 0, "seed of the random choices; 0 draws one")
)

// mix does one run and fails the test where it finds a violation.
func mix(t *testing.T, program string, length time.Duration, args ...string) *verdict {
	t.Helper()
	args = append(args, "-duration", length.String(), "-server", program, "-history", filepath.Join(t.TempDir(), "history.jsonl"))
	if *seed != 0 {
		args = append(args, "-seed", fmt.Sprint(*seed))
	}
	var out bytes.Buffer
	cfg, err := parse(args, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Logf("fault %s -seed %d", strings.Join(args, " "), cfg.seed)
	v, err := start(cfg, t, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func hold(t *testing.T, v *verdict) {
	t.Helper()
	var out bytes.Buffer
	if v.print(&out); v.code() != exitFine {
		t.Error(out.String())
	}
}

func build(t *testing.T, tags string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "ssmr-server")
	if err := harness.Build(program, tags); err != nil {
		t.Fatal(err)
	}
	return program
}

// TestFailures holds invariants 1 to 7 with all traffic, and in turns with failures of
// processes, of the network and of disks; moves and changes of policies and of schemas
// go on beside.
func TestFailures(t *testing.T) {
	program := build(t, "fault")
	for _, c := range []struct{ name, failures string }{
		{"processes", "kill,pause,terminate,restart,oracle,step,clock"},
		{"network", "netsplit,slow-net,pause,kill"},
		{"disks", "disk-full,fsync,slow-disk,power,torn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hold(t, mix(t, program, *duration, "-traffic", "all", "-clients", "2", "-failure", c.failures, "-moves", "-policies", "-schema"))
		})
	}
}

// TestCheckersFindPlantedBugs checks the checkers: each bug that is planted is found, and
// nothing is found where none is planted.
func TestCheckersFindPlantedBugs(t *testing.T) {
	program := build(t, "fault,planted")
	for _, p := range append([]plant{{bug: ""}}, plants...) {
		t.Run(string(p.bug), func(t *testing.T) {
			if p.bug == "" {
				p = plant{traffic: "register,bank", failure: "none"}
			}
			args := []string{"-traffic", p.traffic, "-failure", p.failure, "-plant", string(p.bug), "-clients", "6"}
			if p.besides != "" {
				args = append(args, "-"+p.besides)
			}
			v := mix(t, program, 10*time.Second, args...)
			if p.bug == "" {
				hold(t, v)
				return
			}
			if v.code() != exitViolation {
				t.Errorf("%s was not found: %v", p.bug, v.inconclusive)
			} else {
				t.Logf("found: %s: %s", v.violations[0].where, v.violations[0].what)
			}
		})
	}
}

// TestEveryPlantIsNamed holds that the parser takes what the table has.
func TestEveryPlantIsNamed(t *testing.T) {
	var out bytes.Buffer
	for _, p := range plants {
		if _, err := parse([]string{"-traffic", p.traffic, "-failure", p.failure, "-plant", string(p.bug)}, &out); err != nil {
			t.Errorf("%s: %v", p.bug, err)
		}
	}
	if !slices.ContainsFunc(kinds, func(k kind) bool { return k.transactions }) {
		t.Error("no traffic has transactions")
	}
}
