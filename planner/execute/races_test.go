package execute_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
)

// stepped has an event happen before step k of what follows, and later before step
// k+6. reached tells whether there is a step k.
type stepped struct {
	b       *bank
	mu      sync.Mutex // guards what follows: hooks are called from several goroutines
	k, n    int
	acting  bool
	act     func()
	later   func()
	reached bool
}

func (s *stepped) start() {
	s.b.w.Hook = func(string, object.PartitionID) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.acting {
			return nil
		}
		n := s.n
		s.n++
		if n != s.k && n != s.k+6 {
			return nil
		}
		s.acting = true
		s.mu.Unlock()
		switch {
		case n == s.k && s.b.w.Locks() > 0: // the event would wait for a lock for ever
			s.reached, s.later = true, nil
		case n == s.k:
			s.reached = true
			s.act()
		default:
			s.finish()
		}
		s.mu.Lock()
		s.acting = false
		return nil
	}
}

func (s *stepped) finish() {
	if s.later != nil && s.reached {
		s.later()
		s.later = nil
	}
}

func (s *stepped) stop() {
	s.finish()
	s.b.w.Hook = nil
}

func (b *bank) away(n int64) object.PartitionID {
	if at := b.w.Where(b.id(n)); len(at) > 0 {
		return at[0]%3 + 1
	}
	return 1
}

func (b *bank) move(n int64) {
	b.w.Depart(b.id(n), b.away(n))
	b.w.Arrive(b.id(n))
}

// event is what happens between two steps.
type event struct {
	name  string
	act   func(b *bank)
	later func(b *bank)
	// fails says that a transaction may fail for it, with 40001; moves, that one may that
	// has read ranges.
	fails, moves bool
}

var events = []event{
	{name: "nothing", act: func(*bank) {}},
	{name: "move", moves: true, act: func(b *bank) { b.move(1) }},
	{name: "slow move", moves: true, act: func(b *bank) { b.w.Depart(b.id(1), b.away(1)) }, later: func(b *bank) { b.w.Arrive(b.id(1)) }},
	{name: "two moves", moves: true, act: func(b *bank) { b.move(1); b.move(2); b.move(1) }, later: func(b *bank) { b.move(2) }},
	{name: "cache forgets", act: func(b *bank) { b.w.SetCached(b.id(1), object.Location{}) }},
	{name: "cache is old", moves: true, act: func(b *bank) {
		b.move(1)
		old := b.w.Directory(b.id(1))
		b.move(1)
		b.w.SetCached(b.id(1), old)
	}},
	{name: "transfer", act: func(b *bank) { b.transfer(2, 3) }, fails: true},
	{name: "transfer and move", act: func(b *bank) { b.transfer(2, 3); b.move(2) }, fails: true},
	{name: "schema change", act: func(b *bank) { b.do("ALTER TABLE a ADD COLUMN x int") }, fails: true},
	{name: "descriptor missing", act: func(b *bank) {
		for p := range 3 {
			b.w.Forget(object.PartitionID(p+1), b.id(1).Table())
		}
	}},
	{name: "given up", act: func(b *bank) { b.giveUp(70, 80, 81, 82, 83) }},
	{name: "given up twice", act: func(b *bank) { b.giveUp(80, 81) }, later: func(b *bank) { b.giveUp(80, 81) }},
	{name: "another object", act: func(b *bank) { b.do("INSERT INTO a VALUES (60, 0)"); b.do("DELETE FROM a WHERE id = 60") }},
}

// giveUp has the oracle drop what it knows of ids that nobody has created.
func (b *bank) giveUp(ids ...int64) {
	for _, n := range ids {
		b.w.Release([]object.ID{b.id(n)})
		b.w.SetCached(b.id(n), object.Location{})
	}
	b.w.Sweep()
}

// do runs a statement from whatever goroutine.
func (b *bank) do(sql string) {
	if _, _, err := b.in(nil, sql); err != nil {
		b.t.Errorf("%s: %v", sql, err)
	}
}

func (b *bank) transfer(from, to int) {
	b.do(fmt.Sprintf("UPDATE a SET n = n + CASE WHEN id = %d THEN -10 ELSE 10 END WHERE id IN (%d, %d)", from, from, to))
}

// sweep runs something with each event before each of its steps.
func sweep(t *testing.T, run func(b *bank) error, check func(t *testing.T, b *bank, e event, k int, err error)) {
	for _, placement := range placements {
		for _, e := range events {
			t.Run(placement+"/"+e.name, func(t *testing.T) {
				for k := 0; ; k++ {
					b := newBank(t, placement)
					s := &stepped{b: b, k: k, act: func() { e.act(b) }}
					if e.later != nil {
						s.later = func() { e.later(b) }
					}
					s.start()
					err := run(b)
					s.stop()
					if !s.reached {
						return
					}
					check(t, b, e, k, err)
					for n := range int64(accounts) {
						if at := b.w.Where(b.id(n + 1)); len(at) > 1 {
							t.Errorf("account %d is in %v", n+1, at)
						}
					}
					b.clean()
					if t.Failed() {
						t.Fatalf("at step %d", k)
					}
				}
			})
		}
	}
}

func sum(t *testing.T, b *bank) {
	t.Helper()
	if got := b.must(nil, "SELECT sum(n) FROM a"); got != "600" {
		t.Errorf("the sum is %s", got)
	}
}

// TestRacesOfReads steps events through reads of several partitions: each sees one
// instant (invariant 3).
func TestRacesOfReads(t *testing.T) {
	for _, sql := range []string{
		"SELECT sum(n) FROM a",
		"SELECT sum(n) FROM a WHERE id IN (1, 2, 3, 4, 5, 6)",
		"SELECT sum(n) FROM a WHERE id IN (1, 2, 3, 4, 5, 6, 60)",
	} {
		var got string
		sweep(t, func(b *bank) error { got = b.must(nil, sql); return nil }, func(t *testing.T, b *bank, e event, k int, _ error) {
			if got != "600" {
				t.Errorf("%s: %s", sql, got)
			}
		})
	}
}

// TestRacesOfWrites steps events through writes of several partitions: all or nothing,
// and never an error that a retry inside could have solved.
func TestRacesOfWrites(t *testing.T) {
	for _, sql := range []string{
		"UPDATE a SET n = n + CASE WHEN id < 3 THEN 5 ELSE -5 END WHERE id IN (1, 2, 3, 4)",
		"UPDATE a SET n = n + CASE WHEN id < 3 THEN 5 ELSE -5 END WHERE id < 5",
		"INSERT INTO a VALUES (1, 1), (2, 1), (3, 1), (4, 1) ON CONFLICT (id) DO UPDATE SET n = a.n + CASE WHEN a.id < 3 THEN 5 ELSE -5 END",
		"INSERT INTO a VALUES (70, 5), (71, -5), (72, 5), (73, -5)",
		"UPDATE a SET n = n + CASE WHEN id < 3 THEN 5 ELSE -5 END WHERE id IN (1, 2, 3, 4, 90)",
	} {
		sweep(t, func(b *bank) error {
			_, tag, err := b.in(nil, sql)
			if err == nil && !strings.HasSuffix(tag, " 4") {
				err = errors.New(tag)
			}
			return err
		}, func(t *testing.T, b *bank, e event, k int, err error) {
			if err != nil {
				t.Errorf("%s: %v", sql, err)
			}
			sum(t, b)
		})
	}
}

// TestRacesOfDeletes steps events through a delete: nothing of it is left.
func TestRacesOfDeletes(t *testing.T) {
	for _, sql := range []string{"DELETE FROM a WHERE id IN (1, 4, 5, 6)", "DELETE FROM a WHERE id = 1 OR id > 3"} {
		sweep(t, func(b *bank) error { _, _, err := b.in(nil, sql); return err }, func(t *testing.T, b *bank, e event, k int, err error) {
			if got := b.must(nil, "SELECT count(*), sum(n) FROM a"); err != nil || got != "2,200" {
				t.Errorf("%s: %s, %v", sql, got, err)
			}
		})
	}
}

// TestRacesOfTransactions steps events through transactions: they commit, or fail with
// 40001 for something that has really changed, and then nothing of them is there. What
// follows an arrow is what a statement has to give: a transaction sees its own writes.
func TestRacesOfTransactions(t *testing.T) {
	for _, script := range []string{
		"SELECT n FROM a WHERE id = 1; SELECT n FROM a WHERE id = 2; UPDATE a SET n = n - 7 WHERE id = 1; UPDATE a SET n = n + 7 WHERE id = 2",
		"SELECT sum(n) FROM a -> 600; UPDATE a SET n = n + CASE WHEN id < 3 THEN 7 ELSE -7 END WHERE id IN (1, 2, 3, 4); SELECT sum(n) FROM a -> 600",
		"UPDATE a SET n = n + CASE WHEN id < 3 THEN 7 ELSE -7 END WHERE id < 5; SELECT sum(n) FROM a WHERE id IN (1, 2, 3, 4, 5, 6) -> 600",
		"SELECT n FROM a WHERE id IN (1, 2); DELETE FROM a WHERE id = 1; INSERT INTO a VALUES (1, 93), (80, 7); SELECT n FROM a WHERE id = 80 -> 7",
		"SELECT n FROM a WHERE id = 81 -> ; INSERT INTO a VALUES (80, 7) ON CONFLICT (id) DO UPDATE SET n = a.n + 1; SELECT n FROM a WHERE id = 80 -> 7; UPDATE a SET n = 93 WHERE id = 1",
		"SELECT n FROM a WHERE id = 81 -> ; INSERT INTO a VALUES (80, 7), (82, -7); SELECT sum(n) FROM a WHERE id IN (80, 81, 82) -> 0; SELECT count(*) FROM a WHERE id > 79 -> 2; SELECT n FROM a WHERE id = 81 -> ",
		"SELECT n FROM a WHERE id = 81; INSERT INTO a SELECT id + 80, n - 100 FROM a WHERE id < 4; SELECT sum(n) FROM a -> 600",
		"SELECT n FROM a WHERE id = 1 FOR UPDATE; UPDATE a SET n = n - 7 WHERE id = 1; UPDATE a SET n = n + 7 WHERE id = 2",
		"SELECT n FROM a WHERE id < 3 FOR UPDATE; UPDATE a SET n = n + CASE WHEN id = 1 THEN 7 ELSE -7 END WHERE id < 3",
	} {
		sweep(t, func(b *bank) error {
			tx := b.x.Begin(execute.TransactionOptions{})
			defer tx.Rollback()
			for _, step := range strings.Split(script, "; ") {
				sql, want, told := strings.Cut(step, " -> ")
				if got, _, err := b.in(tx, sql); err != nil {
					return err
				} else if told && strings.Join(got, " ") != want {
					return fmt.Errorf("%s: %v", sql, got)
				}
			}
			return tx.Commit(context.Background())
		}, func(t *testing.T, b *bank, e event, k int, err error) {
			sum(t, b)
			changed := strings.Contains(b.must(nil, "SELECT id, n FROM a WHERE id > 79 OR n % 10 <> 0"), ",")
			ranges := strings.Contains(script, "FROM a ->") || strings.Contains(script, "<") || strings.Contains(script, "id > ")
			inserts := strings.Contains(script, "id + 80")
			switch {
			case err == nil:
				if !changed && !inserts {
					t.Errorf("%s: it has committed, and there is nothing", script)
				}
			case code(err) != pgerror.SerializationFailure || !e.fails && !(e.moves && ranges):
				t.Errorf("%s: %v", script, err)
			case changed:
				t.Errorf("%s: it has failed with %v, and something is there", script, err)
			}
		})
	}
}

// TestUnknownOutcome loses the answer to a commit, and one to a statement of its own.
func TestUnknownOutcome(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		lost := errors.New("the connection broke")
		for _, c := range []struct {
			step string
			err  error
			want string
		}{
			{"transacted", lost, pgerror.StatementCompletionUnknown},
			{"transact", pgerror.New(pgerror.SerializationFailure, "no leader"), pgerror.SerializationFailure},
		} {
			hook := func(step string, _ object.PartitionID) error {
				if step == c.step {
					return c.err
				}
				return nil
			}
			tx := b.x.Begin(execute.TransactionOptions{})
			b.must(tx, "UPDATE a SET n = n + 1 WHERE id = 1")
			b.must(tx, "UPDATE a SET n = n + 1 WHERE id = 2")
			b.w.Hook = hook
			b.commitFails(tx, c.want)
			b.fails(nil, "UPDATE a SET n = n + 1 WHERE id IN (3, 4, 5)", c.want)
			b.w.Hook = nil
		}
		b.want(nil, "SELECT sum(n) FROM a", "605") // each at most once
	})
}

// TestNothingInPart fails a statement in one partition: nothing is done in the others.
func TestNothingInPart(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		for sql, want := range map[string]string{
			"UPDATE a SET n = 1 / (id - 4)":                             pgerror.DivisionByZero,
			"UPDATE a SET n = 1 / (id - 4) WHERE id IN (1, 2, 3, 4, 5)": pgerror.DivisionByZero,
			"INSERT INTO a VALUES (90, 1), (91, 1), (92, 1), (4, 1)":    pgerror.UniqueViolation,
		} {
			for _, own := range []bool{true, false} {
				var tx *execute.Transaction
				if !own {
					tx = b.x.Begin(execute.TransactionOptions{})
				}
				b.fails(tx, sql, want)
				if tx != nil {
					b.want(tx, "SELECT count(*), sum(n) FROM a", "6,600")
					tx.Rollback()
				}
				b.want(nil, "SELECT count(*), sum(n) FROM a", "6,600")
			}
		}
	})
}

// TestReleases guards that ids are given up when a delete has been committed, and not
// before.
func TestReleases(t *testing.T) {
	b := newBank(t, "chosen")
	tx := b.x.Begin(execute.TransactionOptions{})
	b.must(tx, "DELETE FROM a WHERE id IN (1, 2)")
	b.must(tx, "INSERT INTO a VALUES (2, 2)")
	b.must(tx, "SELECT n FROM a WHERE id = 70") // its absence is checked where it is given a place
	if n := b.w.Sweep(); n != 0 {
		t.Errorf("%d ids were given up before the commit", n)
	}
	b.commit(tx)
	if n := b.w.Sweep(); n != 2 {
		t.Errorf("%d ids were given up, not those of 1 and 70", n)
	}
	b.want(nil, "SELECT id, n FROM a WHERE id IN (1, 2, 70)", "2,2")
}

// TestSchemaChange changes a table under a transaction.
func TestSchemaChange(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		for _, change := range []string{"ALTER TABLE a ADD COLUMN x int", "TRUNCATE a"} {
			for _, then := range []string{"SELECT n FROM a WHERE id = 2", "COMMIT"} {
				tx := b.x.Begin(execute.TransactionOptions{})
				b.must(tx, "UPDATE a SET n = n + 1 WHERE id IN (1, 2)")
				b.must(nil, change)
				if then == "COMMIT" {
					b.commitFails(tx, pgerror.SerializationFailure)
				} else {
					b.fails(tx, then, pgerror.SerializationFailure)
					tx.Rollback()
				}
				b.must(nil, "INSERT INTO a VALUES (1, 1), (2, 1) ON CONFLICT DO NOTHING")
				b.run("ALTER TABLE a DROP COLUMN IF EXISTS x")
			}
		}
		// One that has not used the table yet goes on.
		tx := b.x.Begin(execute.TransactionOptions{})
		b.must(tx, "SELECT 1")
		b.must(nil, "ALTER TABLE a ADD COLUMN x int")
		b.must(tx, "UPDATE a SET x = 5 WHERE id = 1")
		b.commit(tx)
		b.want(nil, "SELECT x FROM a WHERE id = 1", "5")
	})
}
