package drivers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// script runs a driver's script, which says ok when all was as it should be.
func script(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Env = append(environment(t), cmd.Env...)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "ok\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNodePostgres runs testdata/node.js with node-postgres (the package pg), which
// is installed into a folder of the test.
func TestNodePostgres(t *testing.T) {
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	dir := t.TempDir()
	install := exec.CommandContext(limited(t), "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--prefer-offline", "pg@8")
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install pg: %v\n%s", err, out)
	}
	text, err := os.ReadFile("testdata/node.js")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "node.js")
	write(t, file, string(text))
	script(t, exec.CommandContext(limited(t), "node", file))
}

// TestPsycopg2 runs testdata/python.py. Debian's package python3-psycopg2 is for
// the system's python, which need not be the first in the PATH.
func TestPsycopg2(t *testing.T) {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(python)
		if err != nil || exec.Command(path, "-c", "import psycopg2").Run() != nil {
			continue
		}
		script(t, exec.CommandContext(limited(t), path, "testdata/python.py"))
		return
	}
	t.Skip("psycopg2 is not installed (Debian: python3-psycopg2)")
}
