package planner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// do runs a query that must succeed and returns what the client was told.
func (c *client) do(t testing.TB, text string) string {
	t.Helper()
	err := c.query(context.Background(), text)
	out := c.take()
	if err != nil {
		t.Fatalf("%s: %v\n%s", text, err, out)
	}
	return out
}

// TestIdleLimit holds which of the two limits counts when, as in PostgreSQL.
func TestIdleLimit(t *testing.T) {
	c := connect(t, newBackend(t, memory.New(1), Config{}), map[string]string{
		"idle_session_timeout": "7s", "idle_in_transaction_session_timeout": "3s"})
	limit := func(want time.Duration, code string) {
		t.Helper()
		if d, e := c.s.IdleLimit(); d != want || e.Code != code {
			t.Errorf("the limit is %s, and then %s", d, e.Code)
		}
	}
	limit(7*time.Second, "57P05")
	c.do(t, "BEGIN")
	limit(3*time.Second, "25P03")
	_ = c.query(context.Background(), "SELECT 1 / 0")
	limit(3*time.Second, "25P03")
	c.do(t, "ROLLBACK")
	c.do(t, "SET idle_session_timeout = 0")
	limit(0, "57P05")
	c.do(t, "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
	limit(0, "25P03")
}

// tickingClock is a second later each time that it is asked.
type tickingClock struct{ n *atomic.Int64 }

func (c tickingClock) Now() time.Time { return time.Unix(c.n.Add(1), 0) }

// TestTransactionTime holds that now() is the time when the transaction began, of
// explicit and implicit ones.
func TestTransactionTime(t *testing.T) {
	b := newBackend(t, memory.New(1), Config{})
	b.deps.Clock = tickingClock{n: new(atomic.Int64)}
	c := connect(t, b, nil)
	now := func(query string) (times []string) {
		t.Helper()
		for _, line := range strings.Split(c.do(t, query), "\n") {
			if strings.HasPrefix(line, "1970") {
				times = append(times, line)
			}
		}
		return times
	}
	same := func(what string, want bool, times ...string) {
		t.Helper()
		for _, x := range times[1:] {
			if (x == times[0]) != want {
				t.Errorf("%s: times are %v", what, times)
			}
		}
	}
	c.do(t, "BEGIN")
	first := append(now("SELECT now()"), now("SELECT transaction_timestamp(); SELECT now()")...)
	same("in a transaction", true, first...)
	c.do(t, "COMMIT AND CHAIN")
	same("in the next", false, first[0], now("SELECT now()")[0])
	c.do(t, "ROLLBACK")
	same("statement", false, now("SELECT now()")[0], now("SELECT now()")[0])
	same("implicit", true, now("SELECT now(); SELECT now()")...)
	same("split", false, now("SELECT now(); COMMIT; SELECT now()")...)
}

// TestCloseRollsBack holds that a session that ends gives up its locks, and leaves
// nothing of its transaction.
func TestCloseRollsBack(t *testing.T) {
	w := memory.New(3)
	b := newBackend(t, w, Config{})
	a := connect(t, b, nil)
	a.do(t, "CREATE TABLE t (id int PRIMARY KEY, n int)")
	a.do(t, "INSERT INTO t SELECT g, 0 FROM generate_series(1, 9) AS g")
	a.do(t, "BEGIN; SELECT n FROM t FOR UPDATE; UPDATE t SET n = 1; DECLARE c CURSOR FOR SELECT n FROM t; FETCH 2 c; SET application_name = 'x'")
	if w.Locks() == 0 {
		t.Error("nothing is locked")
	}
	a.s.Close()
	a.s.Close()
	if w.Locks()+w.Cursors()+w.Snapshots() != 0 {
		t.Errorf("%d locks, %d cursors, %d snapshots are left", w.Locks(), w.Cursors(), w.Snapshots())
	}
	if out := a.take(); out != "" {
		t.Errorf("the client that is gone was told %q", out)
	}
	if out := connect(t, b, nil).do(t, "SELECT sum(n) FROM t"); !strings.Contains(out, "\n0\n") {
		t.Error(out)
	}
}

// TestCommitFails holds what a session is like after a COMMIT that failed: in no
// transaction, with the settings that it had.
func TestCommitFails(t *testing.T) {
	for _, c := range []struct {
		step string
		err  error
		code string
	}{
		{"transact", pgerror.New(pgerror.SerializationFailure, "conflict"), "40001"},
		{"transacted", errors.New("the answer is lost"), "40003"},
	} {
		for _, end := range []string{"COMMIT", "COMMIT AND CHAIN", "END"} {
			w := memory.New(3)
			x := connect(t, newBackend(t, w, Config{}), nil)
			x.do(t, "CREATE TABLE t (id int PRIMARY KEY, n int)")
			x.do(t, "BEGIN; INSERT INTO t SELECT g, 0 FROM generate_series(1, 9) AS g; SET application_name = 'x'")
			w.Hook = func(step string, _ object.PartitionID) error {
				if step == c.step {
					return c.err
				}
				return nil
			}
			err := x.query(context.Background(), end)
			w.Hook = nil
			if e := pgerror.As(err); e == nil || e.Code != c.code || x.s.Status() != session.Idle {
				t.Errorf("%s, %s: %v, status %c", c.step, end, err, x.s.Status())
			}
			x.take()
			if out := x.do(t, "SHOW application_name; SHOW transaction_read_only"); !strings.Contains(out, "\n\nSHOW") {
				t.Errorf("the setting has stayed: %s", out)
			}
		}
	}
}

// TestImplicitCommitFails holds that an error of the commit at Sync, or of the last
// statement of a simple query, is told, and that the statements have left nothing.
func TestImplicitCommitFails(t *testing.T) {
	w := memory.New(3)
	c := connect(t, newBackend(t, w, Config{}), nil)
	c.do(t, "CREATE TABLE t (id int PRIMARY KEY, n int)")
	fail := func(step string, _ object.PartitionID) error {
		if step == "transact" {
			return pgerror.New(pgerror.SerializationFailure, "conflict")
		}
		return nil
	}
	const pipeline = `parse ins: INSERT INTO t VALUES ($1, 0)
bind - ins: %d
execute -
bind - ins: %d
execute -
sync`
	w.Hook = fail
	c.extended(context.Background(), fmt.Sprintf(pipeline, 1, 2))
	if got, want := c.take(), "parsed\nbound\nINSERT 0 1\nbound\nINSERT 0 1\nERROR 40001: conflict\nready I\n"; got != want {
		t.Errorf("got %s", got)
	}
	err := c.query(context.Background(), "INSERT INTO t VALUES (3, 0); INSERT INTO t VALUES (4, 0)")
	if got, want := c.take(), "INSERT 0 1\nERROR 40001: conflict\n"; got != want || err == nil {
		t.Errorf("got %s", got)
	}
	w.Hook = nil
	if out := c.do(t, "SELECT count(*) FROM t"); !strings.Contains(out, "\n0\n") {
		t.Error(out)
	}
}

// TestCommitIsTimed holds that statement_timeout bounds COMMIT, at Sync too, and that
// its error does not claim to know the outcome.
func TestCommitIsTimed(t *testing.T) {
	for _, end := range []string{"COMMIT", "sync"} {
		w := memory.New(3)
		c := connect(t, newBackend(t, w, Config{}), nil)
		c.do(t, "CREATE TABLE t (id int PRIMARY KEY, n int)")
		c.do(t, "SET statement_timeout = 200")
		ctx, cancel := context.WithCancel(context.Background())
		w.Hook = func(step string, _ object.PartitionID) error {
			if step == "transacted" {
				time.Sleep(250 * time.Millisecond) // longer than the statement may take
				return context.DeadlineExceeded
			}
			return nil
		}
		if end == "COMMIT" {
			c.do(t, "BEGIN; INSERT INTO t SELECT g, 0 FROM generate_series(1, 9) AS g")
			_ = c.query(ctx, end)
		} else {
			c.extended(ctx, "parse ins: INSERT INTO t SELECT g, 0 FROM generate_series(1, 9) AS g\nbind - ins:\nexecute -\nsync")
		}
		cancel()
		w.Hook = nil
		if got := c.take(); !strings.Contains(got, "ERROR 40003: ") || !strings.Contains(got, "statement timeout") || c.s.Status() != session.Idle {
			t.Errorf("%s: %s", end, got)
		}
	}
}

// TestManySavepoints holds that they are bounded, and cheap.
func TestManySavepoints(t *testing.T) {
	c := connect(t, newBackend(t, memory.New(1), Config{}), nil)
	c.do(t, "BEGIN")
	ctx := context.Background()
	n := 0
	var err error
	for ; err == nil && n < 1<<20; n++ {
		err = c.query(ctx, "SAVEPOINT a")
		c.take()
	}
	if e := pgerror.As(err); e == nil || e.Code != pgerror.ProgramLimitExceeded {
		t.Errorf("after %d: %v", n, err)
	}
	c.do(t, "ROLLBACK TO a; RELEASE a; SAVEPOINT a; COMMIT")
}

// TestBank has sessions move money between accounts, in transactions of several
// statements with errors, savepoints and schema changes between: the sum stays, in
// every read.
func TestBank(t *testing.T) {
	const accounts, clients, rounds = 12, 4, 60
	w := memory.New(3)
	w.Choose = func(r execute.PlaceRequest) ([]object.PartitionID, error) {
		return make([]object.PartitionID, len(r.Rows)), nil
	}
	b := newBackend(t, w, Config{})
	setup := connect(t, b, nil)
	setup.do(t, "CREATE TABLE bank (id int PRIMARY KEY, n int NOT NULL CHECK (n >= 0))")
	setup.do(t, fmt.Sprintf("INSERT INTO bank SELECT g, 100 FROM generate_series(1, %d) AS g", accounts))
	var done, conflicts atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		c := connect(t, b, nil)
		rnd := rand.New(rand.NewPCG(7, uint64(i)))
		wg.Go(func() {
			for range rounds {
				script := transfer(rnd, accounts)
				err := c.query(context.Background(), script)
				out := c.take()
				if strings.Contains(script, "sum(n)") && err == nil && !strings.Contains(out, fmt.Sprintf("\n%d\n", 100*accounts)) {
					t.Errorf("%s\n%s", script, out)
				}
				switch e := pgerror.As(err); {
				case err == nil:
					done.Add(1)
				case e != nil && e.Code == pgerror.SerializationFailure:
					conflicts.Add(1)
				case e != nil && (e.Code == pgerror.CheckViolation || e.Code == pgerror.DivisionByZero):
				default:
					t.Errorf("%s\n%v", script, err)
				}
				if c.s.Status() != session.Idle {
					_ = c.query(context.Background(), "ROLLBACK")
					c.take()
				}
			}
		})
	}
	for i := range 5 {
		_ = setup.query(context.Background(), fmt.Sprintf("ALTER TABLE bank ADD COLUMN c%d int", i))
		setup.take()
	}
	wg.Wait()
	if out := setup.do(t, "SELECT sum(n) FROM bank"); !strings.Contains(out, fmt.Sprintf("\n%d\n", 100*accounts)) {
		t.Error(out)
	}
	if done.Load() == 0 {
		t.Error("no transaction has committed")
	}
	t.Logf("%d committed, %d conflicts", done.Load(), conflicts.Load())
	if w.Locks()+w.Snapshots()+w.Cursors() != 0 {
		t.Errorf("%d locks, %d snapshots, %d cursors are left", w.Locks(), w.Snapshots(), w.Cursors())
	}
}

// transfer is what a client of the bank does: one of several ways to move money.
func transfer(rnd *rand.Rand, accounts int) string {
	from, to, n := rnd.IntN(accounts)+1, rnd.IntN(accounts)+1, rnd.IntN(30)
	take := fmt.Sprintf("UPDATE bank SET n = n - %d WHERE id = %d", n, from)
	give := fmt.Sprintf("UPDATE bank SET n = n + %d WHERE id = %d", n, to)
	switch rnd.IntN(7) {
	case 0:
		return take + "; " + give
	case 1:
		return "BEGIN; " + take + "; " + give + "; SELECT sum(n) FROM bank; COMMIT"
	case 2:
		return "BEGIN; " + take + "; SAVEPOINT a; UPDATE bank SET n = 0; ROLLBACK TO a; " + give + "; COMMIT"
	case 3:
		return "BEGIN; " + take + "; " + give + "; SELECT 1 / 0; COMMIT"
	case 4:
		return fmt.Sprintf("BEGIN; SELECT n FROM bank WHERE id IN (%d, %d) ORDER BY id FOR UPDATE; %s; %s; COMMIT", from, to, take, give)
	case 5:
		return "SELECT sum(n) FROM bank"
	}
	return fmt.Sprintf("UPDATE bank SET n = CASE id WHEN %d THEN n - %d ELSE n + %[2]d END WHERE id IN (%[1]d, %[3]d)", from, n, from%accounts+1)
}
