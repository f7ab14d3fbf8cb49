package operator

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.Cleanup()
	os.Exit(code)
}

// refused runs a server that must not start: exit code 1, nothing on stdout, and
// one line on stderr that says what.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Binary(t), args...)
	cmd.Env = harness.Environ()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	text := strings.TrimSuffix(stderr.String(), "\n")
	if code := cmd.ProcessState.ExitCode(); code != 1 || stdout.Len() > 0 || strings.Contains(text, "\n") || !strings.Contains(text, want) {
		t.Errorf("%v: exit code %d, stdout %q, stderr %q, want 1 and one line with %q", args, code, &stdout, text, want)
	}
}

// TestRefusedStarts: what stands in the way of a start is named in one line, and
// the server that runs is not disturbed.
func TestRefusedStarts(t *testing.T) {
	t.Parallel()
	node := harness.Start(t, 1).Nodes[0]
	elsewhere := func() string { return filepath.Join(t.TempDir(), "data") }

	refused(t, "in use by another ssmr-server", "--data-dir", node.Dir, "--listen", "127.0.0.1:0")
	refused(t, "address already in use", "--data-dir", elsewhere(), "--listen", node.SQL)
	refused(t, `key "cluster.nodes"`, "--data-dir", elsewhere(), "--listen", "127.0.0.1:0", "--cluster-nodes", "n1="+node.SQL+",n2=127.0.0.1:1")

	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "not empty", "--data-dir", foreign, "--listen", "127.0.0.1:0")
	file := filepath.Join(foreign, "thesis.txt")
	refused(t, "thesis.txt", "--data-dir", file, "--listen", "127.0.0.1:0")

	if err := harness.Connect(t, node).Ping(harness.Bounded(t)); err != nil {
		t.Errorf("the server that ran before: %v", err)
	}
	if code := node.Terminate(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	refused(t, `belongs to node "n1"`, "--data-dir", node.Dir, "--listen", "127.0.0.1:0", "--node", "other")
	refused(t, `belongs to cluster "ssmr"`, "--data-dir", node.Dir, "--listen", "127.0.0.1:0", "--cluster-name", "other")
	identity := filepath.Join(node.Dir, "ssmr.json")
	text, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	newer := regexp.MustCompile(`"format": \d+`).ReplaceAll(text, []byte(`"format": 1000`))
	if err := os.WriteFile(identity, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "newer ssmr-server", "--data-dir", node.Dir, "--listen", "127.0.0.1:0")
}
