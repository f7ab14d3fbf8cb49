package planner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// TestReplay has another session interfere between the statements of an implicit
// transaction and its commit: it is executed again where it tells its client the same.
func TestReplay(t *testing.T) {
	for _, c := range []struct {
		name, query, other string
		interfere          int // so many times
		want               string
		sum                string
	}{
		{"writes", "UPDATE t SET n = n + 1 WHERE id = 1; UPDATE t SET n = n + 1 WHERE id = 2", "UPDATE t SET n = n + 10 WHERE id = 1", 3,
			"UPDATE 1\nUPDATE 1\n", "32"},
		{"many times", "UPDATE t SET n = n + 1 WHERE id = 1; UPDATE t SET n = n + 1 WHERE id = 2", "UPDATE t SET n = n + 10 WHERE id = 1", 100,
			"UPDATE 1\nERROR 40001: could not serialize access due to a concurrent change of key (1) of table \"t\"\n", "170"},
		{"a read of what stays", "SELECT n FROM t WHERE id = 3; UPDATE t SET n = n + 1 WHERE id = 1", "UPDATE t SET n = n + 10 WHERE id = 1", 1,
			"n:int4\n0\nSELECT 1\nUPDATE 1\n", "11"},
		{"a read of what changes", "SELECT n FROM t WHERE id = 1; UPDATE t SET n = n + 1 WHERE id = 2", "UPDATE t SET n = n + 10 WHERE id = 1", 1,
			"n:int4\n0\nSELECT 1\nERROR 40001: could not serialize access due to a concurrent change of key (1) of table \"t\"\n", "10"},
		{"a count that changes", "DELETE FROM t WHERE n > 5; UPDATE t SET n = n + 1 WHERE id = 2", "UPDATE t SET n = n + 10 WHERE id = 1", 1,
			"DELETE 0\nERROR 40001: could not serialize access due to a concurrent change of rows of table \"t\"\n", "10"},
		{"an error that was none", "INSERT INTO t VALUES (9, 0); UPDATE t SET n = n + 1 WHERE id = 2", "INSERT INTO t VALUES (9, 0)", 1,
			"INSERT 0 1\nERROR 40001: could not serialize access due to a concurrent change of key (9) of table \"t\"\n", "0"},
		{"a setting between", "UPDATE t SET n = n + 1 WHERE id = 1; SET work_mem = 64; UPDATE t SET n = n + 1 WHERE id = 2", "UPDATE t SET n = n + 10 WHERE id = 1", 1,
			"UPDATE 1\nSET\nERROR 40001: could not serialize access due to a concurrent change of key (1) of table \"t\"\n", "10"},
		{"the client's own", "BEGIN; UPDATE t SET n = n + 1 WHERE id = 1; COMMIT", "UPDATE t SET n = n + 10 WHERE id = 1", 1,
			"BEGIN\nUPDATE 1\nERROR 40001: could not serialize access due to a concurrent change of key (1) of table \"t\"\n", "10"},
		{"a schema change", "UPDATE t SET n = n + 1 WHERE id = 1; UPDATE t SET n = n + 1 WHERE id = 2", "ALTER TABLE t ADD COLUMN x int", 1,
			"UPDATE 1\nUPDATE 1\n", "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := memory.New(3)
			b := newBackend(t, w, Config{})
			main, other := connect(t, b, nil), connect(t, b, nil)
			other.do(t, "CREATE TABLE t (id int PRIMARY KEY, n int)")
			other.do(t, "INSERT INTO t SELECT g, 0 FROM generate_series(1, 5) AS g")
			left, busy := c.interfere, false
			w.Hook = func(step string, _ object.PartitionID) error {
				if step == "transact" && left > 0 && !busy {
					busy = true
					left--
					_ = other.query(context.Background(), c.other)
					busy = false
				}
				return nil
			}
			_ = main.query(context.Background(), c.query)
			w.Hook = nil
			got := main.take()
			for _, line := range strings.Split(got, "\n") {
				if strings.HasPrefix(line, "DETAIL") || strings.HasPrefix(line, "HINT") {
					got = strings.Replace(got, line+"\n", "", 1)
				}
			}
			if got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
			if out := main.do(t, "SELECT sum(n) FROM t"); !strings.Contains(out, "\n"+c.sum+"\n") {
				t.Errorf("the sum is %s, not %s", out, c.sum)
			}
		})
	}
}

// TestReplayStatement has a statement of an implicit transaction find the conflict.
func TestReplayStatement(t *testing.T) {
	w := memory.New(3)
	b := newBackend(t, w, Config{})
	main, other := connect(t, b, nil), connect(t, b, nil)
	other.do(t, "CREATE TABLE t (id int PRIMARY KEY, n int)")
	other.do(t, "INSERT INTO t SELECT g, 0 FROM generate_series(1, 5) AS g")
	main.extended(context.Background(), "parse up: UPDATE t SET n = n + 1 WHERE id = $1\nbind - up: 1\nexecute -")
	other.do(t, "UPDATE t SET n = n + 10 WHERE id = 1")
	main.extended(context.Background(), "parse -: SELECT n FROM t WHERE id IN (1, 2) ORDER BY id\nbind - -:\nexecute -\nsync")
	if got, want := main.take(), "parsed\nbound\nUPDATE 1\nparsed\nbound\n11\n0\nSELECT 2\nready I\n"; got != want {
		t.Errorf("got:\n%s", got)
	}
	if out := main.do(t, "SELECT sum(n) FROM t"); !strings.Contains(out, "\n11\n") {
		t.Errorf("the sum is %s", out)
	}
}

// TestReplayCounts has sessions increment counters, several in a pipeline: what was
// told to have been done is done, once.
func TestReplayCounts(t *testing.T) {
	const clients, rounds = 4, 50
	w := memory.New(3)
	b := newBackend(t, w, Config{})
	setup := connect(t, b, nil)
	setup.do(t, "CREATE TABLE t (id int PRIMARY KEY, n int)")
	setup.do(t, "INSERT INTO t SELECT g, 0 FROM generate_series(1, 6) AS g")
	var wg sync.WaitGroup
	done := make([]int, clients)
	for i := range clients {
		c := connect(t, b, nil)
		wg.Go(func() {
			for j := range rounds {
				err := c.query(context.Background(), fmt.Sprintf("UPDATE t SET n = n + 1 WHERE id = %d; UPDATE t SET n = n + 1 WHERE id = %d",
					(i+j)%6+1, j%6+1))
				c.take()
				if e := pgerror.As(err); err == nil {
					done[i] += 2
				} else if !errors.As(err, &e) || e.Code != pgerror.SerializationFailure {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	if out := setup.do(t, "SELECT sum(n) FROM t"); !strings.Contains(out, fmt.Sprintf("\n%d\n", sum)) {
		t.Errorf("%d increments were acknowledged; %s", sum, out)
	}
	t.Logf("%d of %d", sum, 2*clients*rounds)
}
