package execute_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// bank is a world with accounts in several partitions, the sum of which is 100 each.
type bank struct{ *fixture }

const accounts = 6

// newBank makes accounts. Placement founded is chosen where the oracle and the partitions
// share a log.
func newBank(t *testing.T, placement string) *bank {
	w := memory.New(3)
	deps := w.Dependencies()
	if placement == "founded" {
		deps.Founder, placement = w, "chosen"
	}
	x, err := execute.New(execute.Config{Patience: 300 * time.Millisecond, MaxRounds: 8}, deps)
	if err != nil {
		t.Fatal(err)
	}
	b := &bank{&fixture{t: t, w: w, x: x, s: execute.Settings{Session: &expr.Session{}}}}
	b.w.Choose = func(r execute.PlaceRequest) ([]object.PartitionID, error) {
		out := make([]object.PartitionID, len(r.Rows))
		for i, row := range r.Rows {
			out[i] = object.PartitionID(row[0].Int()%3 + 1)
		}
		return out, nil
	}
	b.run("CREATE TABLE a (id int PRIMARY KEY, n int) WITH (placement = '" + placement + "')")
	b.run(fmt.Sprintf("INSERT INTO a SELECT g, 100 FROM generate_series(1, %d) AS g", accounts))
	return b
}

// id is the id of an account.
func (b *bank) id(n int64) object.ID {
	t := b.w.Catalog().ByName["a"]
	key, err := datum.AppendKey(nil, datum.NewInt(n), t.Columns[0].Type)
	if err != nil {
		b.t.Fatal(err)
	}
	return object.NewID(t.ID, key)
}

// in runs a statement in a transaction, as a session does: anew where that is asked for.
func (f *fixture) in(tx *execute.Transaction, sql string) (out []string, tag string, err error) {
	f.t.Helper()
	for range 100 {
		e, err := f.startIn(context.Background(), sql, tx)
		if err == nil {
			out, tag, err = drain(e)
			e.Close()
		}
		switch {
		case errors.Is(err, execute.ErrReplan):
			if err := f.w.Refresh(context.Background()); err != nil {
				return nil, "", err
			}
		case errors.Is(err, execute.ErrRestart):
		default:
			return out, tag, err
		}
	}
	f.t.Fatalf("%s: started over again and again", sql)
	return nil, "", nil
}

func drain(e *execute.Execution) (out []string, tag string, err error) {
	for {
		row, ok, err := e.Next(context.Background())
		if err != nil {
			return nil, "", err
		}
		if !ok {
			return out, e.Tag(int64(len(out))), nil
		}
		cells := make([]string, len(row))
		for i, v := range row {
			if cells[i] = fmt.Sprint(v.Int()); v.IsNull() {
				cells[i] = "NULL"
			}
		}
		out = append(out, strings.Join(cells, ","))
	}
}

// must runs a statement and returns its rows.
func (f *fixture) must(tx *execute.Transaction, sql string) string {
	f.t.Helper()
	out, _, err := f.in(tx, sql)
	if err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(out, " ")
}

// fails runs a statement that fails with a code, and returns the error.
func (f *fixture) fails(tx *execute.Transaction, sql, want string) *pgerror.Error {
	f.t.Helper()
	_, _, err := f.in(tx, sql)
	if code(err) != want {
		f.t.Fatalf("%s: %v, want %s", sql, err, want)
	}
	return pgerror.As(err)
}

func (f *fixture) commit(tx *execute.Transaction) {
	f.t.Helper()
	if err := tx.Commit(context.Background()); err != nil {
		f.t.Fatalf("COMMIT: %v", err)
	}
}

func (f *fixture) commitFails(tx *execute.Transaction, want string) *pgerror.Error {
	f.t.Helper()
	err := tx.Commit(context.Background())
	if code(err) != want {
		f.t.Fatalf("COMMIT: %v, want %s", err, want)
	}
	return pgerror.As(err)
}

func (f *fixture) want(tx *execute.Transaction, sql, want string) {
	f.t.Helper()
	if got := f.must(tx, sql); got != want {
		f.t.Errorf("%s: %q, want %q", sql, got, want)
	}
}

// clean checks that nothing is left open.
func (f *fixture) clean() {
	f.t.Helper()
	if c, s, l := f.w.Cursors(), f.w.Snapshots(), f.w.Locks(); c+s+l != 0 {
		f.t.Errorf("%d cursors, %d snapshots and %d locks are left", c, s, l)
	}
}

var placements = []string{"hash", "chosen", "founded"}

// both runs a test with static placement and with a policy.
func both(t *testing.T, run func(t *testing.T, b *bank)) {
	for _, placement := range placements {
		t.Run(placement, func(t *testing.T) {
			b := newBank(t, placement)
			run(t, b)
			b.clean()
		})
	}
}

func TestOwnWrites(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		tx := b.x.Begin(execute.TransactionOptions{})
		if !tx.Empty() {
			t.Error("it is not empty")
		}
		b.must(tx, "UPDATE a SET n = n + 1 WHERE id = 1")
		b.must(tx, "UPDATE a SET n = n + 1 WHERE id = 1")
		b.must(tx, "DELETE FROM a WHERE id = 2")
		b.must(tx, "INSERT INTO a VALUES (7, 7), (8, 8)")
		b.must(tx, "DELETE FROM a WHERE id IN (3, 8)")
		b.must(tx, "INSERT INTO a VALUES (3, 33)")
		b.must(tx, "UPDATE a SET n = n * 2 WHERE n < 100")
		b.want(tx, "SELECT id, n FROM a ORDER BY id", "1,102 3,66 4,100 5,100 6,100 7,14")
		b.want(tx, "SELECT id, n FROM a ORDER BY id DESC LIMIT 2", "7,14 6,100")
		b.want(tx, "SELECT n FROM a WHERE id = 1", "102")
		b.want(tx, "SELECT n FROM a WHERE id = 2", "")
		b.want(tx, "SELECT n FROM a WHERE id IN (2, 3, 7, 8) ORDER BY id", "66 14")
		b.want(tx, "SELECT count(*), sum(n) FROM a", "6,482")
		b.want(tx, "INSERT INTO a VALUES (3, 1) ON CONFLICT (id) DO UPDATE SET n = a.n + 1 RETURNING n", "67")
		b.want(nil, "SELECT count(*), sum(n) FROM a", "6,600")
		b.commit(tx)
		b.want(nil, "SELECT id, n FROM a ORDER BY id", "1,102 3,67 4,100 5,100 6,100 7,14")
		b.want(nil, "SELECT n FROM a WHERE id = 3", "67")
	})
}

func TestRollback(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		transacts := b.count("transact", "write")
		tx := b.x.Begin(execute.TransactionOptions{})
		b.must(tx, "UPDATE a SET n = 0")
		b.must(tx, "INSERT INTO a VALUES (9, 9)")
		tx.Rollback()
		tx.Rollback()
		b.want(nil, "SELECT count(*), sum(n) FROM a", "6,600")
		tx = b.x.Begin(execute.TransactionOptions{})
		b.must(tx, "SELECT * FROM a")
		b.commit(tx)
		if transacts.Load() != 0 {
			t.Errorf("%d writes were sent", transacts.Load())
		}
	})
}

// TestConflicts has another session change what a transaction has read: a write is
// refused, and what is read later is not of another state (invariant 3).
func TestConflicts(t *testing.T) {
	for _, c := range []struct{ name, first, other, then, want string }{
		{"lost update", "SELECT n FROM a WHERE id = 1", "UPDATE a SET n = 5 WHERE id = 1", "UPDATE a SET n = 101 WHERE id = 1", "key (1) of table \"a\""},
		{"blind update", "UPDATE a SET n = n + 1 WHERE id = 1", "UPDATE a SET n = 5 WHERE id = 1", "COMMIT", "key (1)"},
		{"read skew", "SELECT n FROM a WHERE id = 1", "UPDATE a SET n = 5 WHERE id IN (1, 2)", "SELECT n FROM a WHERE id = 2", "key (1)"},
		{"read skew of a range", "SELECT n FROM a WHERE id < 3", "UPDATE a SET n = 5 WHERE id IN (1, 4)", "SELECT n FROM a WHERE id = 4", "rows of table \"a\""},
		{"read skew in a scan", "SELECT n FROM a WHERE id = 1", "UPDATE a SET n = 5 WHERE id IN (1, 4)", "SELECT sum(n) FROM a", "key (1)"},
		{"write skew", "SELECT n FROM a WHERE id = 1; UPDATE a SET n = 0 WHERE id = 2", "UPDATE a SET n = 0 WHERE id = 1", "COMMIT", "key (1)"},
		{"phantom", "SELECT count(*) FROM a WHERE n = 100; UPDATE a SET n = 7 WHERE id = 1", "INSERT INTO a VALUES (77, 100)", "COMMIT", "rows of table"},
		{"vanished", "SELECT n FROM a WHERE id = 1; UPDATE a SET n = 0 WHERE id = 2", "DELETE FROM a WHERE id = 1", "COMMIT", "key (1)"},
		{"appeared", "SELECT n FROM a WHERE id = 50; UPDATE a SET n = 0 WHERE id = 2", "INSERT INTO a VALUES (50, 1)", "COMMIT", "key (50)"},
		{"appeared, then read", "SELECT n FROM a WHERE id = 50", "INSERT INTO a VALUES (50, 1)", "SELECT n FROM a WHERE id = 1", "key (50)"},
		{"both created", "INSERT INTO a VALUES (50, 1)", "INSERT INTO a VALUES (50, 2)", "COMMIT", "key (50)"},
		{"update of a range", "UPDATE a SET n = 0 WHERE n > 50", "INSERT INTO a VALUES (50, 70)", "COMMIT", "rows of table"},
		{"changed and changed back", "SELECT n FROM a WHERE id = 1; UPDATE a SET n = 0 WHERE id = 2", "UPDATE a SET n = 5 WHERE id = 1; UPDATE a SET n = 100 WHERE id = 1", "COMMIT", "key (1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(t *testing.T, b *bank) {
				tx := b.x.Begin(execute.TransactionOptions{})
				for _, sql := range strings.Split(c.first, "; ") {
					b.must(tx, sql)
				}
				for _, sql := range strings.Split(c.other, "; ") {
					b.must(nil, sql)
				}
				before := b.must(nil, "SELECT id, n FROM a ORDER BY id")
				var e *pgerror.Error
				if c.then == "COMMIT" {
					e = b.commitFails(tx, pgerror.SerializationFailure)
				} else {
					e = b.fails(tx, c.then, pgerror.SerializationFailure)
					b.fails(tx, "SELECT 1", pgerror.SerializationFailure)
					if tx.Failed() == nil {
						t.Error("it goes on")
					}
					b.commitFails(tx, pgerror.SerializationFailure)
				}
				if !strings.Contains(e.Message, c.want) || !strings.Contains(e.Message, "could not serialize access") {
					t.Errorf("error is %q", e.Message)
				}
				if after := b.must(nil, "SELECT id, n FROM a ORDER BY id"); after != before {
					t.Errorf("was %q, is %q", before, after)
				}
			})
		})
	}
}

// TestNoConflict has another session change what a transaction has not read.
func TestNoConflict(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		tx := b.x.Begin(execute.TransactionOptions{})
		b.must(tx, "SELECT n FROM a WHERE id = 1")
		b.must(tx, "SELECT count(*) FROM a WHERE n > 1000")
		b.must(tx, "SELECT n FROM a WHERE id BETWEEN 2 AND 3")
		b.must(nil, "UPDATE a SET n = 5 WHERE id = 4")
		b.must(nil, "INSERT INTO a VALUES (9, 9)")
		b.must(tx, "UPDATE a SET n = n + 1 WHERE id = 1")
		b.want(tx, "SELECT n FROM a WHERE id = 4", "5")
		b.must(nil, "DELETE FROM a WHERE id = 9")
		b.commit(tx)
		b.want(nil, "SELECT n FROM a WHERE id = 1", "101")
	})
}

// TestOwnObjectLivesNowhere has the oracle drop the entry of an object that exists in
// the transaction only: the transaction sees it all the same. (Found by tests/fault.)
func TestOwnObjectLivesNowhere(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		tx := b.x.Begin(execute.TransactionOptions{})
		b.must(tx, "INSERT INTO a VALUES (20, 7)")
		b.w.Release([]object.ID{b.id(20)})
		b.w.Sweep()
		b.w.SetCached(b.id(20), object.Location{})
		b.want(tx, "SELECT id, n FROM a WHERE id IN (1, 4, 20) ORDER BY id", "1,100 4,100 20,7")
		b.want(tx, "SELECT n FROM a WHERE id = 20", "7")
		b.want(tx, "SELECT id, n FROM a WHERE n < 50", "20,7")
		b.must(tx, "UPDATE a SET n = n + 1 WHERE id IN (1, 20)")
		b.want(tx, "SELECT id, n FROM a WHERE id IN (1, 20) ORDER BY id", "1,101 20,8")
		b.commit(tx)
		b.want(nil, "SELECT id, n FROM a WHERE id IN (1, 20) ORDER BY id", "1,101 20,8")
	})
}

// TestCollapse guards that an object is written once, against what was there first.
func TestCollapse(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		tx := b.x.Begin(execute.TransactionOptions{})
		b.must(tx, "DELETE FROM a WHERE id = 1")
		b.must(tx, "INSERT INTO a VALUES (1, 11)")
		b.must(tx, "INSERT INTO a VALUES (20, 20)")
		b.must(tx, "DELETE FROM a WHERE id = 20")
		b.must(tx, "INSERT INTO a VALUES (21, 21)")
		b.must(tx, "DELETE FROM a WHERE id = 21")
		b.must(tx, "INSERT INTO a VALUES (21, 22)")
		b.commit(tx)
		b.want(nil, "SELECT id, n FROM a WHERE id IN (1, 20, 21) ORDER BY id", "1,11 21,22")
		tx = b.x.Begin(execute.TransactionOptions{})
		b.must(tx, "INSERT INTO a VALUES (30, 1)")
		b.must(tx, "DELETE FROM a WHERE id = 30")
		b.must(tx, "UPDATE a SET n = 1 WHERE id = 2")
		b.must(nil, "INSERT INTO a VALUES (30, 2)")
		b.commitFails(tx, pgerror.SerializationFailure)
	})
}

func TestSavepoints(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		tx := b.x.Begin(execute.TransactionOptions{})
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		b.must(tx, "UPDATE a SET n = 1 WHERE id = 1")
		check(tx.Savepoint("x"))
		b.must(tx, "UPDATE a SET n = 2 WHERE id = 1")
		b.must(tx, "DELETE FROM a WHERE id = 2")
		check(tx.Savepoint("x")) // hides the first
		b.must(tx, "INSERT INTO a VALUES (2, 22), (40, 40)")
		b.fails(tx, "INSERT INTO a VALUES (40, 41)", pgerror.UniqueViolation)
		check(tx.RollbackTo("x"))
		b.want(tx, "SELECT id, n FROM a WHERE id IN (1, 2, 40)", "1,2")
		check(tx.RollbackTo("x")) // it is still there
		check(tx.Savepoint("y"))
		b.must(tx, "UPDATE a SET n = 3 WHERE id = 1")
		check(tx.Release("y"))
		b.want(tx, "SELECT n FROM a WHERE id = 1", "3")
		check(tx.Release("x"))
		check(tx.RollbackTo("x")) // the first one
		b.want(tx, "SELECT id, n FROM a WHERE id IN (1, 2, 40) ORDER BY id", "1,1 2,100")
		for _, err := range []error{tx.RollbackTo("y"), tx.Release("z")} {
			if code(err) != "3B001" {
				t.Errorf("error is %v", err)
			}
		}
		check(tx.Release("x"))
		if code(tx.RollbackTo("x")) != "3B001" {
			t.Error("the savepoint is there after it was released")
		}
		b.commit(tx)
		b.want(nil, "SELECT id, n FROM a ORDER BY id", "1,1 2,100 3,100 4,100 5,100 6,100")

		// What was read stays read.
		tx = b.x.Begin(execute.TransactionOptions{})
		check(tx.Savepoint("x"))
		b.must(tx, "SELECT n FROM a WHERE id = 1")
		check(tx.RollbackTo("x"))
		b.must(tx, "UPDATE a SET n = 1 WHERE id = 2")
		b.must(nil, "UPDATE a SET n = 9 WHERE id = 1")
		b.commitFails(tx, pgerror.SerializationFailure)
	})
}

func TestNotInABlock(t *testing.T) {
	b := newBank(t, "hash")
	tx := b.x.Begin(execute.TransactionOptions{})
	for _, sql := range []string{"CREATE TABLE z (id int PRIMARY KEY)", "DROP TABLE a", "TRUNCATE a", "ALTER TABLE a ADD COLUMN z int",
		"MOVE a WHERE id = 1 TO PARTITION 1", "EXPLAIN ANALYZE MOVE a WHERE id = 1 TO PARTITION 1"} {
		if e := b.fails(tx, sql, pgerror.ActiveSQLTransaction); !strings.Contains(e.Message, "cannot run inside a transaction block") {
			t.Errorf("%s: %q", sql, e.Message)
		}
	}
	tx.Rollback()
	tx = b.x.Begin(execute.TransactionOptions{ReadOnly: true})
	b.fails(tx, "UPDATE a SET n = 1", pgerror.ReadOnlySQLTransaction)
	b.fails(tx, "INSERT INTO a VALUES (9, 9)", pgerror.ReadOnlySQLTransaction)
	b.want(tx, "SELECT sum(n) FROM a", "600")
	b.commit(tx)
}

// TestTooMuch bounds what a transaction keeps.
func TestTooMuch(t *testing.T) {
	b := newBank(t, "hash")
	tx := b.x.Begin(execute.TransactionOptions{MaxBytes: 20000})
	b.fails(tx, "INSERT INTO a SELECT g, g FROM generate_series(100, 1000) AS g", pgerror.ProgramLimitExceeded)
	tx.Rollback()
	tx = b.x.Begin(execute.TransactionOptions{MaxBytes: 20000})
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, _, err = b.in(tx, fmt.Sprintf("SELECT n FROM a WHERE id = %d", i))
	}
	if code(err) != pgerror.ProgramLimitExceeded {
		t.Errorf("error is %v", err)
	}
	tx.Rollback()
}

// TestOpenScan reads on from a query of a transaction after other statements: what it
// gives out later is of the state of the transaction, or it fails.
func TestOpenScan(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		for _, change := range []bool{false, true} {
			b.w.ChunkRows = 1
			tx := b.x.Begin(execute.TransactionOptions{})
			e, err := b.startIn(context.Background(), "SELECT id FROM a ORDER BY id", tx)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := e.Next(context.Background()); err != nil {
				t.Fatal(err)
			}
			if change {
				b.must(nil, "UPDATE a SET n = n + 1 WHERE id = 6")
			}
			// This one is of a state in which the last object is another one.
			b.must(tx, "SELECT n FROM a WHERE id = 1000")
			n := 0
			for err == nil {
				var ok bool
				if _, ok, err = e.Next(context.Background()); !ok {
					break
				}
				n++
			}
			e.Close()
			if change && code(err) != pgerror.SerializationFailure || !change && (err != nil || n != accounts-1) {
				t.Errorf("change %v: %d rows, error %v", change, n, err)
			}
			tx.Rollback()
		}
	})
}

// TestInsertSelectIsOneStep changes the source while an INSERT ... SELECT is carried out.
func TestInsertSelectIsOneStep(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		b.run("CREATE TABLE copy (id int PRIMARY KEY, n int)")
		changes := 0
		b.w.Hook = func(step string, _ object.PartitionID) error {
			if step == "transact" && changes < 2 {
				changes++
				b.w.Hook = nil
				b.must(nil, fmt.Sprintf("UPDATE a SET n = %d WHERE id = 1", changes))
			}
			return nil
		}
		b.must(nil, "INSERT INTO copy SELECT id, n FROM a")
		b.w.Hook = nil
		b.want(nil, "SELECT n FROM copy WHERE id = 1", "1")
		b.want(nil, "SELECT count(*), sum(n) FROM copy", "6,501")
	})
}

func TestExplainTellsPartitions(t *testing.T) {
	b := newBank(t, "hash")
	for sql, want := range map[string]string{
		"EXPLAIN SELECT n FROM a WHERE id = 1":                  "(one)",
		"EXPLAIN SELECT n FROM a":                               "(several: read at one instant)",
		"EXPLAIN UPDATE a SET n = 1":                            "(several: all or none)",
		"EXPLAIN UPDATE a SET n = 1 WHERE id IN (1, 2, 3, 4)":   "(several: all or none)",
		"EXPLAIN ANALYZE UPDATE a SET n = 1 WHERE id = 1":       "Objects looked at in the partitions: 1",
		"EXPLAIN ANALYZE DELETE FROM a WHERE id IN (5, 6, 777)": "Objects looked at in the partitions: 2",
	} {
		for _, tx := range []*execute.Transaction{nil, b.x.Begin(execute.TransactionOptions{})} {
			e, err := b.startIn(context.Background(), sql, tx)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for {
				row, ok, err := e.Next(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				lines = append(lines, row[0].Text())
			}
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) }) && (tx == nil || !strings.Contains(sql, "DELETE")) {
				t.Errorf("%s: %s", sql, strings.Join(lines, "\n"))
			}
		}
	}
}
