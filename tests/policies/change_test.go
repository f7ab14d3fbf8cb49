//go:build cluster

package policies

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ssmr/ssmr/tests/harness"
)

// TestSwapUnderLoad: a policy's program is changed between two calls: no insert fails, and
// none is left to the fall-back. One that does not start changes nothing.
func TestSwapUnderLoad(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "plugins")
	install(t, dir, "v1", "v2", "ends")
	cluster := harness.Start(t, 3, "--plugins-dir", dir, "--plugins-call-timeout", "20s", "--plugins-health-interval", "10s")
	conn := harness.Connect(t, cluster.Nodes[0])
	harness.MustExec(t, conn, "CREATE POLICY swapped FROM 'v1'")
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY, n int) WITH (placement = 'swapped')")
	runs := func(version string) bool {
		return number(t, conn, "SELECT count(*) FROM ssmr.policies WHERE name = 'swapped' AND state = 'ready' AND version = $1", version) == 3
	}
	until(t, "all nodes run the policy", func() bool { return runs("v1") })
	var next atomic.Int64
	l := begin(t, cluster.Nodes, &next)
	for range 3 {
		for _, version := range []string{"v2", "v1"} {
			harness.MustExec(t, conn, "ALTER POLICY swapped USING '"+version+"'")
			l.await(30)
			until(t, "all nodes run "+version, func() bool { return runs(version) })
			refused(t, conn, "55000", "cannot be started", "ALTER POLICY swapped USING 'ends'")
			refused(t, conn, "58P01", "there is no program", "ALTER POLICY swapped USING 'none'")
			l.await(30)
			if !runs(version) {
				t.Errorf("a change that was refused has ended %s", version)
			}
		}
	}
	l.end()
	if fell := counter(t, conn, "policy_fall_backs"); fell != 0 || l.notices.Load() != 0 {
		t.Errorf("%d objects were left to the fall-back, %d notices", fell, l.notices.Load())
	}
	if got := number(t, conn, "SELECT count(*) FROM t"); got != l.rows.Load() {
		t.Errorf("%d objects, %d were inserted", got, l.rows.Load())
	}
	if got := number(t, conn, "SELECT count(*) FROM t WHERE _partition <> 2"); got != 0 {
		t.Errorf("%d objects are not where the policy has placed them", got)
	}
	refused(t, conn, "2BP01", "t", "DROP POLICY swapped")
	harness.MustExec(t, conn, "DROP TABLE t")
	harness.MustExec(t, conn, "DROP POLICY swapped")
	until(t, "the policy is gone", func() bool { return number(t, conn, "SELECT count(*) FROM ssmr.policies WHERE name = 'swapped'") == 0 })
	until(t, "its programs are gone", func() bool { return running(dir+"/v") == 0 })
}

// TestNodeWithoutProgram: a node that lacks the program, or has another one than is
// pinned, takes inserts by the fall-back and says so; it runs the policy when it can.
func TestNodeWithoutProgram(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	cluster := harness.Prepare(t, 3)
	for _, n := range cluster.Nodes {
		n.Configure("--plugins-dir", filepath.Join(base, n.Name))
	}
	install(t, filepath.Join(base, "n1"), "v1")
	install(t, filepath.Join(base, "n2"), "v1")
	n1, n2, n3 := cluster.Nodes[0], cluster.Nodes[1], cluster.Nodes[2]
	n2.Configure("--plugins-sha256", `{"v1": "`+strings.Repeat("0a", 32)+`"}`)
	for _, n := range cluster.Nodes {
		n.Start()
	}
	for _, n := range cluster.Nodes {
		n.WaitReady(limit)
	}
	conn := harness.Connect(t, n1)
	refused(t, harness.Connect(t, n3), "58P01", "plugins.dir", "CREATE POLICY somewhere FROM 'v1'")
	refused(t, harness.Connect(t, n2), "55000", "SHA-256", "CREATE POLICY somewhere FROM 'v1'")
	refused(t, conn, "55000", "SHA-256", "CREATE POLICY somewhere FROM 'v1' WITH (sha256 = '"+strings.Repeat("0b", 32)+"')")
	harness.MustExec(t, conn, "CREATE POLICY somewhere FROM 'v1'")
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY, n int) WITH (placement = 'somewhere')")
	state := func(node string) string {
		return text(t, conn, "SELECT coalesce(min(concat(state, ' ', error)), '') FROM ssmr.policies WHERE name = 'somewhere' AND node = $1", node)
	}
	for node, want := range map[string]string{"n2": "has the SHA-256", "n3": "there is no folder of plugins"} {
		until(t, node+" says what it lacks", func() bool { s := state(node); return strings.HasPrefix(s, "failed") && strings.Contains(s, want) })
	}
	id := 0
	insert := func(n *harness.Node) (heard string) {
		t.Helper()
		id++
		client := harness.Connect(t, n, hearing(func(message string) { heard = message }))
		harness.MustExec(t, client, "INSERT INTO t VALUES ($1, 1)", id)
		if got := number(t, client, "SELECT n FROM t WHERE id = $1", id); got != 1 {
			t.Errorf("n is %d", got)
		}
		return heard
	}
	for _, n := range []*harness.Node{n2, n3} {
		if heard := insert(n); !strings.Contains(heard, "was not followed") || !strings.Contains(heard, "does not run on this node") {
			t.Errorf("through %s: notice %q", n.Name, heard)
		}
	}
	if got := number(t, conn, "SELECT sum(fall_backs) FROM ssmr.policies WHERE name = 'somewhere' AND node IN ('n2', 'n3')"); got < 2 {
		t.Errorf("%d fall-backs are counted", got)
	}
	install(t, filepath.Join(base, "n3"), "v1") // it is looked for again
	until(t, "n3 runs the policy", func() bool { return strings.TrimSpace(state("n3")) == "ready" })
	if heard := insert(n3); strings.Contains(heard, "does not run") {
		t.Errorf("notice %q", heard)
	}
}

// TestNothingIsLeft: no process of a policy outlives its server, and no socket the next
// start, or a regular end.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "plugins")
	install(t, dir, "v1")
	cluster := harness.Start(t, 1, "--plugins-dir", dir)
	n := cluster.Nodes[0]
	conn := harness.Connect(t, n)
	harness.MustExec(t, conn, "CREATE POLICY kept FROM 'v1'")
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY, n int) WITH (placement = 'kept')")
	const which = "SELECT pid FROM ssmr.policies WHERE name = 'kept'"
	sockets := func() int {
		entries, err := os.ReadDir(filepath.Join(n.Dir, "sockets"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return len(entries)
	}
	until(t, "the policy runs", func() bool { return number(t, conn, "SELECT count(pid) FROM ssmr.policies WHERE name = 'kept'") == 1 })
	for _, stopped := range []bool{false, true} {
		pid := number(t, conn, which)
		if got := sockets(); got != 1 {
			t.Errorf("%d folders of sockets", got)
		}
		if stopped {
			if err := syscall.Kill(int(pid), syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		n.Kill()
		until(t, "the policy has ended", func() bool { return gone(pid) })
		n.Start()
		n.WaitReady(limit)
		conn = harness.Connect(t, n)
		until(t, "the policy runs", func() bool { return number(t, conn, "SELECT count(pid) FROM ssmr.policies WHERE name = 'kept'") == 1 })
		harness.MustExec(t, conn, "INSERT INTO t VALUES ($1, 1)", pid)
	}
	pid := number(t, conn, which)
	_ = conn.Close(context.Background())
	if code := n.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !gone(pid) || sockets() != 0 {
		t.Errorf("after a regular end: the policy has ended: %t; %d folders of sockets", gone(pid), sockets())
	}
}
