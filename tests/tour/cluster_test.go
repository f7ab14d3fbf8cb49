//go:build cluster

package tour

import (
	"context"
	"os/exec"
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
