//go:build cluster

package policies

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/tests/harness"
)

// TestRulesHold: from the moment when a statement that bars a partition has returned, no
// object that is inserted through any node gets there, whatever the policy says, and no
// insert fails for it; an object is not moved there either.
func TestRulesHold(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "plugins")
	install(t, dir, "good")
	cluster := harness.Start(t, 3, "--plugins-dir", dir)
	conn := harness.Connect(t, cluster.Nodes[0])
	harness.MustExec(t, conn, "CREATE POLICY two FROM 'good'")
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY, n int) WITH (placement = 'two')")
	var next atomic.Int64
	l := begin(t, cluster.Nodes, &next)
	l.await(100)
	for _, rule := range []struct{ set, reset string }{
		{"ALTER PARTITION 2 SET (accepting = false)", "ALTER PARTITION 2 RESET (accepting)"},
		{"ALTER TABLE t SET (require = 'region=eu')", "ALTER TABLE t RESET (require)"},
	} {
		harness.MustExec(t, conn, "ALTER PARTITION 3 SET (labels = 'region=eu')")
		until(t, "the policy places objects", func() bool {
			return number(t, conn, "SELECT count(*) FROM t WHERE _partition = 2 AND id > $1", next.Load()-100) > 0
		})
		harness.MustExec(t, conn, rule.set)
		first := next.Load() + 3*6 // what was begun before
		l.await(200)
		if got := number(t, conn, "SELECT count(*) FROM t WHERE _partition = 2 AND id > $1", first); got != 0 {
			t.Errorf("%s: %d objects were placed in partition 2 behind it", rule.set, got)
		}
		id := number(t, conn, "SELECT min(id) FROM t WHERE _partition <> 2")
		refused(t, conn, "55000", "partition 2", fmt.Sprintf("MOVE t WHERE id = %d TO PARTITION 2", id))
		if got := number(t, conn, "SELECT count(*) FROM t WHERE _partition = 2 AND id = $1", id); got != 0 {
			t.Errorf("%s: an object was moved to partition 2", rule.set)
		}
		harness.MustExec(t, conn, rule.reset)
	}
	l.end()
	if got := number(t, conn, "SELECT count(*) FROM t"); got != l.rows.Load() {
		t.Errorf("%d objects, %d were inserted", got, l.rows.Load())
	}
}

// TestReadsCallNoPolicy: reads, and updates and deletes of objects that exist, call no
// policy.
func TestReadsCallNoPolicy(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "plugins")
	install(t, dir, "good")
	cluster := harness.Start(t, 1, "--plugins-dir", dir)
	conn := harness.Connect(t, cluster.Nodes[0])
	harness.MustExec(t, conn, "CREATE POLICY two FROM 'good'")
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY, n int) WITH (placement = 'two')")
	before := counter(t, conn, "policy_calls")
	harness.MustExec(t, conn, "INSERT INTO t SELECT i, i FROM generate_series(1, 100) AS s(i)")
	inserted := counter(t, conn, "policy_calls")
	if inserted != before+1 {
		t.Errorf("an INSERT of 100 rows has called the policy %d times", inserted-before)
	}
	for _, sql := range []string{
		"SELECT * FROM t WHERE id = 7", "SELECT sum(n) FROM t", "UPDATE t SET n = n + 1 WHERE id = 7", "UPDATE t SET n = n + 1",
		"INSERT INTO t VALUES (7, 0) ON CONFLICT (id) DO UPDATE SET n = 0", "DELETE FROM t WHERE id = 8", "SELECT * FROM t WHERE id = 1000",
	} {
		harness.MustExec(t, conn, sql)
		if got := counter(t, conn, "policy_calls"); got != inserted {
			t.Errorf("%s has called the policy", sql)
			inserted = got
		}
	}
}
