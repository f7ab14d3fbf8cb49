//go:build cluster

package policies

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ssmr/ssmr/tests/harness"
)

const limit = time.Minute

// hearing has a connection's notices given to heard.
func hearing(heard func(message string)) func(*pgx.ConnConfig) {
	return func(cfg *pgx.ConnConfig) {
		cfg.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { heard(notice.Message) }
	}
}

// refused has a statement executed that has to fail.
func refused(t *testing.T, conn *pgx.Conn, code, want, sql string) {
	t.Helper()
	_, err := conn.Exec(harness.Bounded(t), sql)
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message+" "+e.Detail, want) {
		t.Errorf("%s: %v, want %s with %q", sql, err, code, want)
	}
}

func number(t *testing.T, conn *pgx.Conn, sql string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := conn.QueryRow(harness.Bounded(t), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func text(t *testing.T, conn *pgx.Conn, sql string, args ...any) string {
	t.Helper()
	var s string
	if err := conn.QueryRow(harness.Bounded(t), sql, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func counter(t *testing.T, conn *pgx.Conn, name string) int64 {
	t.Helper()
	return number(t, conn, "SELECT CAST(sum(value) AS bigint) FROM ssmr.counters WHERE name = $1", name)
}

// until waits for a condition.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !cond(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// gone reports whether a process has ended, also where nobody has waited for it.
func gone(pid int64) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return errors.Is(syscall.Kill(int(pid), 0), syscall.ESRCH) || err == nil && strings.Contains(string(b), ") Z ")
}

// running counts the processes whose command line contains a mark.
func running(mark string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	n := 0
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil && strings.Contains(string(b), mark) {
			n++
		}
	}
	return n
}

// load is clients that insert, update and read; each answer is checked at once, and all
// of them at the end.
type load struct {
	t       *testing.T
	running sync.WaitGroup
	stop    chan struct{}
	next    *atomic.Int64 // id of the next object
	rows    atomic.Int64  // that were inserted
	notices atomic.Int64  // that say that the policy was not followed
}

// begin has clients of all nodes work on table t (id int PRIMARY KEY, n int).
func begin(t *testing.T, nodes []*harness.Node, next *atomic.Int64) *load {
	t.Helper()
	l := &load{t: t, stop: make(chan struct{}), next: next}
	for i := range 2 * len(nodes) {
		conn := harness.Connect(t, nodes[i%len(nodes)], hearing(func(message string) {
			if strings.Contains(message, "was not followed") {
				l.notices.Add(1)
			}
		}))
		harness.MustExec(t, conn, "SET statement_timeout = '20s'")
		l.running.Go(func() {
			for l.work(conn) {
			}
		})
	}
	return l
}

// work is one round of one client; false at the end.
func (l *load) work(conn *pgx.Conn) bool {
	select {
	case <-l.stop:
		return false
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	id := l.next.Add(3) - 2
	// Three objects, one call of the policy.
	if _, err := conn.Exec(ctx, "INSERT INTO t VALUES ($1, 1), ($2, 1), ($3, 1)", id, id+1, id+2); err != nil {
		l.t.Errorf("an insert failed: %v", err)
		return false
	}
	l.rows.Add(3)
	if _, err := conn.Exec(ctx, "UPDATE t SET n = n + 1 WHERE id = $1", id); err != nil {
		l.t.Errorf("an update failed: %v", err)
		return false
	}
	var n, count int64
	if err := conn.QueryRow(ctx, "SELECT sum(n), count(*) FROM t WHERE id IN ($1, $2, $3)", id, id+1, id+2).Scan(&n, &count); err != nil || n != 4 || count != 3 {
		l.t.Errorf("%d objects with the sum %d, %v; want 3 with 4", count, n, err)
		return false
	}
	return true
}

// end stops the clients.
func (l *load) end() {
	l.t.Helper()
	close(l.stop)
	l.running.Wait()
}

// await waits until as many more rows were inserted.
func (l *load) await(rows int64) {
	l.t.Helper()
	want := l.rows.Load() + rows
	until(l.t, fmt.Sprintf("%d rows are inserted", rows), func() bool { return l.t.Failed() || l.rows.Load() >= want })
}
