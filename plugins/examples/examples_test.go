// Package examples tries the example policies out as their authors would.
package examples

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/verify"
)

// build builds an example's program.
func build(t *testing.T, example string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), example+"-policy")
	if out, err := exec.Command("go", "build", "-o", path, "./"+example).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// passes wants everything that is tried of a policy to be as it should be.
func passes(t *testing.T, cfg verify.Config) *verify.Report {
	t.Helper()
	cfg.Deadline = 5 * time.Second // this is no test of how quick the machine is
	report, err := verify.Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	report.Print(&b)
	if !report.OK() {
		t.Fatalf("it does not pass:\n%s", b.String())
	}
	return report
}

func detail(t *testing.T, r *verify.Report, check string) string {
	t.Helper()
	for _, c := range r.Checks {
		if strings.HasPrefix(c.Name, check) {
			return c.Detail
		}
	}
	t.Fatalf("%q was not checked", check)
	return ""
}

func TestTenant(t *testing.T) {
	program := build(t, "tenant")
	r := passes(t, verify.Config{Program: program, TableOptions: map[string]string{"tenant.big": "tenant-3=4"}})
	if got := detail(t, r, "is deterministic"); !strings.Contains(got, "same answer") {
		t.Errorf("by name it is deterministic, and does not say so: %s", got)
	}
	r = passes(t, verify.Config{Program: program, Options: map[string]string{"new": "load"}})
	if got := detail(t, r, "is deterministic"); !strings.Contains(got, "does not say so") {
		t.Errorf("by load it is not deterministic, and says so: %s", got)
	}
}
