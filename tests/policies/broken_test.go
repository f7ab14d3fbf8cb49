//go:build cluster

package policies

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/tests/harness"
)

// modes are the ways in which the program breaks.
var modes = []struct {
	name string
	// falls says that no object is placed by the policy, harmless that all may be, and ends
	// that the server has to end the program and to start it again.
	falls, harmless, ends bool
}{
	{name: "crash", falls: true, ends: true}, {name: "panic", falls: true, ends: true}, {name: "hang", falls: true, ends: true},
	{name: "stop", ends: true}, {name: "slow", falls: true, ends: true}, {name: "unknown", falls: true}, {name: "count", falls: true},
	{name: "status", falls: true}, {name: "garbage", falls: true, ends: true}, {name: "huge", falls: true, ends: true},
	{name: "prints", harmless: true}, {name: "flood", harmless: true}, {name: "fork", falls: true, ends: true},
}

// TestBrokenPolicies: whatever a policy's program does while clients insert, update and
// read, no command is lost or answered wrongly. What it does not place the fall-back does,
// which is told and counted; when it is mended it places again.
func TestBrokenPolicies(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "plugins")
	install(t, dir, "good")
	for _, mode := range modes {
		install(t, dir, mode.name)
	}
	cluster := harness.Start(t, 3, "--plugins-dir", dir, "--plugins-health-interval", "100ms", "--plugins-log-lines", "5")
	mark := fmt.Sprintf("mark-%d", os.Getpid())
	conn := harness.Connect(t, cluster.Nodes[0])
	harness.MustExec(t, conn, "CREATE POLICY broken FROM 'good' WITH (mark = '"+mark+"')")
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY, n int) WITH (placement = 'broken')")
	var next atomic.Int64
	var rows int64
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			before, restarts := counter(t, conn, "policy_fall_backs"), number(t, conn, allRestarts)
			harness.MustExec(t, conn, "ALTER POLICY broken USING '"+mode.name+"'")
			awaitProgram(t, conn, mode.name)
			l := begin(t, cluster.Nodes, &next)
			l.await(300)
			l.end()
			rows += l.rows.Load()
			fell := counter(t, conn, "policy_fall_backs") - before
			if fell > 0 != (l.notices.Load() > 0) {
				t.Errorf("%d objects were placed by the fall-back, and %d notices say so", fell, l.notices.Load())
			}
			if mode.falls && fell < l.rows.Load() {
				t.Errorf("%d objects were inserted, and %d placed by the fall-back", l.rows.Load(), fell)
			}
			if !mode.falls && !mode.harmless && fell == 0 {
				t.Error("the fall-back has placed nothing")
			}

			if mode.ends {
				until(t, "it is started again", func() bool { return number(t, conn, allRestarts) > restarts })
			}

			harness.MustExec(t, conn, "ALTER POLICY broken USING 'good'")
			for _, n := range cluster.Nodes {
				client := harness.Connect(t, n)
				until(t, "the policy places again through "+n.Name, func() bool {
					id := next.Add(3)
					rows++
					harness.MustExec(t, client, "INSERT INTO t VALUES ($1, 1)", id)
					return number(t, client, "SELECT _partition FROM t WHERE id = $1", id) == 2
				})
			}
			if got := number(t, conn, "SELECT count(*) FROM t"); got != rows {
				t.Errorf("%d objects, %d were inserted", got, rows)
			}
		})
	}
	until(t, "what the program has started has ended", func() bool { return running(mark) == 0 })
	for _, n := range cluster.Nodes {
		if lines := strings.Count(n.Log(100_000), "flood"); lines > 500 {
			t.Errorf("%s has logged %d lines of a flood", n.Name, lines)
		}
	}
}

// TestPlacementIsCanceled: a client that waits for what a program says of its table can give
// up, and the program is not to blame.
func TestPlacementIsCanceled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "plugins")
	install(t, dir, "deaf")
	cluster := harness.Start(t, 1, "--plugins-dir", dir, "--plugins-start-timeout", "1m")
	conn := harness.Connect(t, cluster.Nodes[0])
	harness.MustExec(t, conn, "CREATE POLICY broken FROM 'deaf'")
	const sql = "CREATE TABLE t (id int PRIMARY KEY) WITH (placement = 'broken')"
	began := time.Now()
	harness.MustExec(t, conn, "SET statement_timeout = '200ms'")
	refused(t, conn, "57014", "statement timeout", sql)
	harness.MustExec(t, conn, "RESET statement_timeout")
	time.AfterFunc(time.Second, func() {
		if err := conn.PgConn().CancelRequest(harness.Bounded(t)); err != nil {
			t.Error(err)
		}
	})
	refused(t, conn, "57014", "user request", sql)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("giving up twice has taken %s", took)
	}
	if got := number(t, conn, allRestarts); got != 0 {
		t.Errorf("the program was started again %d times", got)
	}
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY)")
}

const allRestarts = "SELECT sum(restarts) FROM ssmr.policies WHERE name = 'broken'"

// awaitProgram waits until all nodes have put a program in the place of the one before.
func awaitProgram(t *testing.T, conn *pgx.Conn, program string) {
	t.Helper()
	until(t, "all nodes run "+program, func() bool {
		return number(t, conn, "SELECT count(*) FROM ssmr.policies WHERE name = 'broken' AND state = 'ready' AND program = $1", program) == 3
	})
}
