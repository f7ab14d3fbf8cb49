//go:build cluster

package tour

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestThreeNodes pastes the README's shell lines: a cluster of three, one lost.
func TestThreeNodes(t *testing.T) {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not installed (Debian: postgresql-client)")
	}
	dir := t.TempDir()
	copyTree(t, dir)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	for _, block := range blocks(t, "sh") {
		// Job control (%1) is on in the shells of people.
		cmd := exec.CommandContext(ctx, "bash", "-c", "set -m\nset -e\n"+block+"\nwait")
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.WaitDelay = 5 * time.Second
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil && ctx.Err() != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), "written through n2") {
			t.Error("what was written through n2 is not found through n3")
		}
	}
}

// copyTree copies what a clone would hold, so that the tour leaves nothing behind.
func copyTree(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == ".git" || rel == "bin" || strings.HasPrefix(rel, "ssmr-data") {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
