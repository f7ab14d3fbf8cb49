package execute_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
)

// TestForUpdate has locks keep others away until the transaction ends.
func TestForUpdate(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		for _, where := range []string{"id = 1", "id IN (1, 2)", "id < 3", "n = 100 AND id < 3"} {
			tx, other := b.x.Begin(execute.TransactionOptions{}), b.x.Begin(execute.TransactionOptions{})
			b.must(tx, "SELECT id, n FROM a WHERE "+where+" ORDER BY id FOR UPDATE")
			b.fails(other, "SELECT n FROM a WHERE id = 1 FOR UPDATE NOWAIT", pgerror.LockNotAvailable)
			b.fails(other, "SELECT n FROM a WHERE id <= 1 FOR SHARE NOWAIT", pgerror.LockNotAvailable)
			b.want(other, "SELECT n FROM a WHERE id = 1", "100") // reads pass
			b.s.LockTimeout = 5 * time.Millisecond
			b.fails(nil, "UPDATE a SET n = 5 WHERE id = 1", pgerror.LockNotAvailable)
			b.fails(nil, "UPDATE a SET n = 5", pgerror.LockNotAvailable)
			b.fails(nil, "SELECT n FROM a WHERE id = 1 FOR UPDATE", pgerror.LockNotAvailable)
			b.s.LockTimeout = 0
			other.Rollback()
			b.must(tx, "UPDATE a SET n = n + 1 WHERE id = 1")
			b.want(tx, "SELECT n FROM a WHERE id = 1 FOR UPDATE", "101")
			b.commit(tx)
			b.must(nil, "UPDATE a SET n = 100 WHERE id = 1")
		}
	})
}

// TestForUpdateWaits waits for a lock, and sees what its holder has written.
func TestForUpdateWaits(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		for _, sql := range []string{
			"SELECT n FROM a WHERE id = 1 FOR UPDATE", "SELECT n FROM a WHERE n > 0 AND id < 2 FOR UPDATE",
			"SELECT n FROM a WHERE id < 2 ORDER BY n DESC LIMIT 1 FOR UPDATE",
		} {
			for _, inside := range []bool{true, false} {
				b.must(nil, "UPDATE a SET n = 100 WHERE id = 1")
				tx := b.x.Begin(execute.TransactionOptions{})
				b.must(tx, "SELECT n FROM a WHERE id = 1 FOR UPDATE")
				b.must(tx, "UPDATE a SET n = 7 WHERE id = 1")
				asked := make(chan struct{})
				b.w.Hook = func(step string, _ object.PartitionID) error {
					if step == "lock" {
						b.w.Hook = nil
						close(asked)
					}
					return nil
				}
				done := make(chan string)
				go func() {
					var other *execute.Transaction
					if inside {
						other = b.x.Begin(execute.TransactionOptions{})
						defer other.Rollback()
					}
					out, _, err := b.in(other, sql)
					if err == nil && other != nil {
						_, _, err = b.in(other, "UPDATE a SET n = n + 1 WHERE id = 1")
					}
					if err == nil && other != nil {
						err = other.Commit(context.Background())
					}
					done <- fmt.Sprint(out, err)
				}()
				<-asked
				if err := tx.Commit(context.Background()); err != nil {
					t.Fatal(err)
				}
				if got := <-done; got != "[7]<nil>" && got != "[7] <nil>" {
					t.Errorf("%s, inside %v: %s", sql, inside, got)
				}
			}
		}
	})
}

// TestSkipLocked takes jobs from a queue: each is taken by one, in order, and nobody
// fails for what others do.
func TestSkipLocked(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		for _, order := range []string{"id", "n DESC, id"} {
			const take = "SELECT id FROM a WHERE n >= 100 ORDER BY %s LIMIT %d FOR UPDATE SKIP LOCKED"
			x, y, z := b.x.Begin(execute.TransactionOptions{}), b.x.Begin(execute.TransactionOptions{}), b.x.Begin(execute.TransactionOptions{})
			b.want(x, fmt.Sprintf(take, order, 1), "1")
			b.want(y, fmt.Sprintf(take, order, 2), "2 3")
			b.want(z, fmt.Sprintf(take, order, 10), "4 5 6")
			b.want(nil, fmt.Sprintf(take, order, 10), "")
			b.want(nil, "SELECT id FROM a WHERE id IN (1, 2) FOR UPDATE SKIP LOCKED", "")
			b.want(x, "SELECT id FROM a WHERE id IN (1, 2) FOR UPDATE SKIP LOCKED", "1")
			b.must(y, "UPDATE a SET n = 0 WHERE id IN (2, 3)")
			b.must(x, "UPDATE a SET n = 0 WHERE id = 1")
			b.commit(y)
			b.commit(x)
			b.want(nil, fmt.Sprintf(take, order, 10), "")
			z.Rollback()
			b.want(nil, fmt.Sprintf(take, order, 10), "4 5 6")
			b.must(nil, "UPDATE a SET n = 100")
		}
	})
}

// TestNoDeadlock locks two objects in opposite orders: one fails, after a while, with
// 40001.
func TestNoDeadlock(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		x, y := b.x.Begin(execute.TransactionOptions{}), b.x.Begin(execute.TransactionOptions{})
		first, second := int64(1), int64(2)
		for n := int64(2); b.w.Where(b.id(n))[0] == b.w.Where(b.id(first))[0]; n++ {
			second = n + 1
		}
		if b.w.Where(b.id(first))[0] > b.w.Where(b.id(second))[0] {
			first, second = second, first
		}
		b.must(x, fmt.Sprintf("SELECT n FROM a WHERE id = %d FOR UPDATE", first))
		b.must(y, fmt.Sprintf("SELECT n FROM a WHERE id = %d FOR UPDATE", second))
		// The one that goes on to a greater partition may wait; the other must not.
		waits := make(chan error)
		go func() {
			_, _, err := b.in(x, fmt.Sprintf("SELECT n FROM a WHERE id = %d FOR UPDATE", second))
			waits <- err
		}()
		e := b.fails(y, fmt.Sprintf("SELECT n FROM a WHERE id = %d FOR UPDATE", first), pgerror.SerializationFailure)
		if !strings.Contains(e.Message, fmt.Sprintf("key (%d)", first)) {
			t.Errorf("error is %q", e.Message)
		}
		y.Rollback()
		if err := <-waits; err != nil {
			t.Error(err)
		}
		b.commit(x)
	})
}

// TestCommitWhileLocked commits over another one's lock: who holds locks does not wait.
func TestCommitWhileLocked(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		x, y := b.x.Begin(execute.TransactionOptions{}), b.x.Begin(execute.TransactionOptions{})
		b.must(y, "SELECT n FROM a WHERE id = 2 FOR UPDATE")
		b.must(x, "SELECT n FROM a WHERE id = 1 FOR SHARE")
		b.must(x, "UPDATE a SET n = 1 WHERE id = 2")
		b.commitFails(x, pgerror.SerializationFailure)
		y.Rollback()
	})
}

// TestOwnRowsForUpdate locks what the transaction has written.
func TestOwnRowsForUpdate(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		for _, access := range []string{"id IN (1, 2, 3, 9)", "id < 4 OR id = 9"} {
			for _, skip := range []string{"", " SKIP LOCKED"} {
				tx := b.x.Begin(execute.TransactionOptions{})
				b.must(tx, "UPDATE a SET n = 11 WHERE id = 1")
				b.must(tx, "DELETE FROM a WHERE id = 2")
				b.must(tx, "INSERT INTO a VALUES (9, 9)")
				b.want(tx, "SELECT id, n FROM a WHERE ("+access+") AND n > 5 ORDER BY id FOR UPDATE"+skip, "1,11 3,100 9,9")
				tx.Rollback()
			}
		}
	})
}

// TestReadOnlyForUpdate refuses locks in a read-only transaction.
func TestReadOnlyForUpdate(t *testing.T) {
	b := newBank(t, "hash")
	tx := b.x.Begin(execute.TransactionOptions{ReadOnly: true})
	b.fails(tx, "SELECT n FROM a WHERE id = 1 FOR UPDATE", pgerror.ReadOnlySQLTransaction)
}

// TestLostLock has the answer to a lock lost: the locks go when the transaction ends.
func TestLostLock(t *testing.T) {
	b := newBank(t, "hash")
	lost := errors.New("the connection broke")
	b.w.Hook = func(step string, _ object.PartitionID) error {
		if step == "locked" {
			return lost
		}
		return nil
	}
	tx := b.x.Begin(execute.TransactionOptions{})
	if _, _, err := b.in(tx, "SELECT n FROM a WHERE id = 1 FOR UPDATE"); !errors.Is(err, lost) {
		t.Errorf("error is %v", err)
	}
	b.w.Hook = nil
	if b.w.Locks() != 1 {
		t.Errorf("%d locks", b.w.Locks())
	}
	tx.Rollback()
	b.clean()
}
