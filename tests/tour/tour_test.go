// Package tour runs the README's five-minute tour as printed.
package tour

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/tests/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.Cleanup()
	os.Exit(code)
}

const root = "../.."

// blocks returns the code blocks of the README in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	return blocksOf(t, filepath.Join(root, "README.md"), language)
}

func blocksOf(t *testing.T, file, language string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, part := range strings.Split(string(text), "```"+language+"\n")[1:] {
		block, _, ok := strings.Cut(part, "```")
		if !ok {
			t.Fatalf("a block of %s has no end", language)
		}
		out = append(out, block)
	}
	if len(out) == 0 {
		t.Fatalf("%s has no block of %s", file, language)
	}
	return out
}

// TestSQL pastes the SQL of the README into psql, in its order.
func TestSQL(t *testing.T) {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not installed (Debian: postgresql-client)")
	}
	paste(t, harness.Start(t, 1), blocks(t, "sql"))
}

// paste pastes blocks of SQL into psql.
func paste(t *testing.T, cluster *harness.Cluster, blocks []string) {
	t.Helper()
	for _, block := range blocks {
		cmd := exec.Command("psql", "-X", "-a", "-v", "ON_ERROR_STOP=1", cluster.Nodes[0].DSN())
		cmd.Stdin = strings.NewReader(block)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
	}
}
