//go:build cluster

package tour

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/host/hosttest"
	"github.com/ssmr/ssmr/tests/harness"
)

// block is a code block of a document, with what stands behind its opening fence.
var block = regexp.MustCompile("(?ms)^```([a-z ]+)\n(.*?)^```$")

// TestPolicies pastes what docs/policies.md says, in its order: shell lines into one
// shell, SQL into psql.
func TestPolicies(t *testing.T) {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not installed (Debian: postgresql-client)")
	}
	text, err := os.ReadFile(filepath.Join(root, "docs/policies.md"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	dir, jobs := filepath.Join(folder, "ssmr"), filepath.Join(folder, "jobs")
	var script strings.Builder
	script.WriteString("set -m\nset -e\n")
	for _, b := range block.FindAllStringSubmatch(string(text), -1) {
		switch b[1] {
		case "sh":
			script.WriteString(b[2] + "jobs -p >" + jobs + "\n")
		case "sql":
			script.WriteString("psql -X -a -v ON_ERROR_STOP=1 -h 127.0.0.1 -p 5433 -U me app <<'END OF SQL'\n" + b[2] + "END OF SQL\n")
		case "sql error": // which is what the reader is to see
			script.WriteString("if psql -X -a -v ON_ERROR_STOP=1 -h 127.0.0.1 -p 5433 -U me app <<'END OF SQL'\n" + b[2] + "END OF SQL\nthen exit 1; fi\n")
		case "text":
		default:
			t.Fatalf("a block of %s is not tested", b[1])
		}
	}
	copyTree(t, dir)
	t.Cleanup(func() { // what the shell has left running where the test has failed
		running, _ := os.ReadFile(jobs)
		for pid := range strings.FieldsSeq(string(running)) {
			if n, err := strconv.Atoi(pid); err == nil && n > 1 {
				_ = syscall.Kill(-n, syscall.SIGKILL)
			}
		}
	})
	hosttest.FetchGraph(t)
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	// The port may be taken, and the machine slow: what is tested is neither.
	address := harness.FreePorts(t, 1)[0]
	_, port, _ := strings.Cut(address, ":")
	cmd := exec.CommandContext(ctx, "bash", "-c",
		strings.NewReplacer("-p 5433", "-p "+port, "ssmr-server plugin verify", "ssmr-server plugin verify --deadline 10s",
			"ssmr-server plugin simulate", "ssmr-server plugin simulate --deadline 10s").Replace(script.String()))
	cmd.Dir = dir
	cmd.Env = append(harness.Environ(), "SSMR_LISTEN="+address, "SSMR_PLUGINS_CALL_TIMEOUT=10s", "GOPROXY=off", "PGCONNECT_TIMEOUT=10")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"all 27 checks passed",
		`tenant is "acme"`,
		"shop 0.2.0   shop 0.1.0", "shop 0.2.0       hash 1",
		"does not have the label region=eu that the table requires",
		"because it was moved there by hand and is pinned",
		"fall-back hash, for policy shop",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("there is no %q in what was printed", want)
		}
	}
}
