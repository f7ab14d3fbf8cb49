package operator

import (
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ssmr/ssmr/tests/harness"
)

const sigterm = syscall.SIGTERM

// running sends a query of several statements and returns when its first rows have
// come: it runs.
func running(t *testing.T, conn *pgconn.PgConn, last string) *pgconn.MultiResultReader {
	t.Helper()
	results := conn.Exec(harness.Bounded(t), "SELECT generate_series(1, 50000); "+last)
	if !results.NextResult() || !results.ResultReader().NextRow() {
		t.Fatalf("no rows: %v", results.Close())
	}
	return results
}

// TestStopWhileStatementsRun: SIGTERM lets a statement finish; when the grace is
// over it is cancelled. The exit code is 0 both ways, and what was acknowledged is
// there afterwards.
func TestStopWhileStatementsRun(t *testing.T) {
	t.Parallel()
	node := harness.Start(t, 1, "--timing-drain", "20s").Nodes[0]
	harness.MustExec(t, harness.Connect(t, node), "CREATE TABLE t (id int PRIMARY KEY)")
	results := running(t, harness.Connect(t, node).PgConn(), "SELECT pg_sleep(0.5); INSERT INTO t VALUES (1)")
	node.Signal(sigterm)
	if err := results.Close(); err != nil {
		t.Errorf("a statement that had time to finish: %v", err)
	}
	if code := node.WaitExit(startLimit); code != 0 {
		t.Errorf("exit code %d", code)
	}

	node.Configure("--timing-drain", "100ms")
	node.Start()
	node.WaitReady(startLimit)
	results = running(t, harness.Connect(t, node).PgConn(), "SELECT pg_sleep(600)")
	node.Signal(sigterm)
	if state := harness.SQLState(results.Close()); state != "57P01" && state != "57014" {
		t.Errorf("a statement that was cut off has SQLSTATE %q", state)
	}
	if code := node.WaitExit(startLimit); code != 0 {
		t.Errorf("exit code %d", code)
	}
	node.Start()
	node.WaitReady(startLimit)
	var count int
	if err := harness.Connect(t, node).QueryRow(harness.Bounded(t), "SELECT count(*) FROM t").Scan(&count); err != nil || count != 1 {
		t.Errorf("%d rows, %v after two restarts, want 1", count, err)
	}
}

// TestKillKeepsWhatWasAcknowledged: kill -9 in the middle of writes.
func TestKillKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	node := harness.Start(t, 1).Nodes[0]
	conn := harness.Connect(t, node)
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY)")
	acknowledged := make(chan int, 1)
	const before = 100
	reached := make(chan struct{})
	go func() {
		n := 0
		for ; ; n++ {
			if n == before {
				close(reached)
			}
			if _, err := conn.Exec(context.Background(), "INSERT INTO t VALUES ($1)", n); err != nil {
				break
			}
		}
		acknowledged <- n
	}()
	select {
	case <-reached:
	case <-time.After(startLimit):
		t.Fatal("writes do not go on")
	}
	node.Kill()
	want := <-acknowledged
	node.Start()
	node.WaitReady(startLimit)
	var count int
	err := harness.Connect(t, node).QueryRow(harness.Bounded(t), "SELECT count(*) FROM t WHERE id < $1", want).Scan(&count)
	if err != nil || count != want {
		t.Errorf("%d rows, %v; %d were acknowledged", count, err, want)
	}
}

// connectSoon connects when earlier connections have made room.
func connectSoon(t *testing.T, n *harness.Node) *pgx.Conn {
	t.Helper()
	for deadline := time.Now().Add(startLimit); ; time.Sleep(10 * time.Millisecond) {
		conn, err := n.Connect(harness.Bounded(t))
		if err == nil {
			t.Cleanup(func() { _ = conn.Close(context.Background()) })
			return conn
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// TestSessions: the limit of connections, requests to cancel, and a log that is
// JSON only.
func TestSessions(t *testing.T) {
	t.Parallel()
	node := harness.Start(t, 1, "--limits-connections", "3", "--log-format", "json").Nodes[0]
	first, second, third := connectSoon(t, node), connectSoon(t, node), connectSoon(t, node)
	if conn, err := node.Connect(harness.Bounded(t)); harness.SQLState(err) != "53300" {
		if err == nil {
			_ = conn.Close(harness.Bounded(t))
		}
		t.Errorf("a connection above the limit: %v", err)
	}
	if err := third.Close(harness.Bounded(t)); err != nil {
		t.Fatal(err)
	}
	connectSoon(t, node) // the place of a closed connection is given back

	results := running(t, second.PgConn(), "SELECT pg_sleep(600)")
	if err := second.PgConn().CancelRequest(harness.Bounded(t)); err != nil {
		t.Error(err)
	}
	if err := results.Close(); harness.SQLState(err) != "57014" {
		t.Errorf("a cancelled statement: %v", err)
	}
	harness.MustExec(t, second, "SELECT 1")
	harness.MustExec(t, first, "SELECT 1")
	if _, err := first.Exec(harness.Bounded(t), "SELECT nonsense("); err == nil {
		t.Error("nonsense is a statement")
	}
	if code := node.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(node.Log(1000), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %q", line)
		}
	}
	if len(lines) < 3 || !strings.Contains(lines[0], `"serving clients"`) {
		t.Errorf("log is %q", lines)
	}
}
