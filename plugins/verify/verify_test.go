package verify

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/host/hosttest"
)

// build builds a program of this module.
func build(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy")
	if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func TestGeoPasses(t *testing.T) {
	report, err := Run(context.Background(), Config{
		Program: build(t, "github.com/ssmr/ssmr/plugins/examples/geo"), Deadline: 5 * time.Second,
		TableOptions: map[string]string{"geo.map": "de=eu, fr=eu, us=us", "geo.default": "us"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	report.Print(&b)
	if !report.OK() || report.Policy != "geo" || len(report.Checks) < 15 {
		t.Fatalf("geo does not pass:\n%s", b.String())
	}
}

func TestWrongOptionFails(t *testing.T) {
	report, err := Run(context.Background(), Config{
		Program: hosttest.Link(t, t.TempDir(), "none"), Deadline: 5 * time.Second, TableOptions: map[string]string{"no.such": "nonsense"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.OK() {
		t.Fatal("a wrong option passes")
	}
}

func TestNoPolicyFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	report, err := Run(context.Background(), Config{Program: path})
	if err != nil {
		t.Fatal(err)
	}
	if report.OK() || len(report.Checks) != 1 {
		t.Fatalf("a script passes: %+v", report)
	}
}
