package drivers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

func count(t *testing.T, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, table string) int {
	t.Helper()
	var n int
	if err := q.QueryRow(limited(t), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPgxTransactions begins, commits, rolls back and nests transactions in every
// mode. What pgx calls nested are savepoints.
func TestPgxTransactions(t *testing.T) {
	for i, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			conn, ctx := connect(t, mode), limited(t)
			table := fmt.Sprintf("pgx_tx_%d", i)
			must(t, conn, "CREATE TABLE "+table+" (id bigint PRIMARY KEY, n int)")
			insert := func(tx pgx.Tx, id int) error {
				_, err := tx.Exec(ctx, "INSERT INTO "+table+" VALUES ($1, $2)", id, id*10)
				return err
			}
			for _, opts := range []pgx.TxOptions{{}, {IsoLevel: pgx.Serializable}, {IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}} {
				tx, err := conn.BeginTx(ctx, opts)
				if err != nil {
					t.Fatal(err)
				}
				if err := insert(tx, 1); err != nil {
					t.Fatal(err)
				}
				if n := count(t, tx, table); n != 1 {
					t.Errorf("the transaction sees %d rows", n)
				}
				if err := tx.Rollback(ctx); err != nil {
					t.Error(err)
				}
			}
			if n := count(t, conn, table); n != 0 {
				t.Errorf("%d rows after ROLLBACK", n)
			}
			err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
				if err := insert(tx, 1); err != nil {
					return err
				}
				inner := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
					if err := insert(tx, 2); err != nil {
						return err
					}
					return insert(tx, 1)
				})
				if e := failure(t, inner); e.Code != "23505" {
					t.Errorf("%+v", e)
				}
				return pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return insert(tx, 3) })
			})
			if err != nil {
				t.Fatal(err)
			}
			var ids []int64
			if err := conn.QueryRow(ctx, "SELECT array_agg(id ORDER BY id) FROM "+table).Scan(&ids); err != nil || fmt.Sprint(ids) != "[1 3]" {
				t.Error(ids, err)
			}
			_, err = conn.Exec(ctx, "INSERT INTO "+table+" VALUES ($1, $2)", 1, 1)
			if e := failure(t, err); e.Code != "23505" || conn.PgConn().TxStatus() != 'I' {
				t.Errorf("%+v", e)
			}
			readOnly(t, conn, table)
			failed(t, conn, table)
		})
	}
}

func readOnly(t *testing.T, conn *pgx.Conn, table string) {
	t.Helper()
	ctx := limited(t)
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly, DeferrableMode: pgx.Deferrable})
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, tx, table); n != 2 {
		t.Errorf("%d rows", n)
	}
	_, err = tx.Exec(ctx, "DELETE FROM "+table)
	if e := failure(t, err); e.Code != "25006" {
		t.Errorf("%+v", e)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Error(err)
	}
}

func failed(t *testing.T, conn *pgx.Conn, table string) {
	t.Helper()
	ctx := limited(t)
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "UPDATE "+table+" SET n = n / $1", 0); err == nil {
		t.Error("no error")
	}
	_, err = tx.Exec(ctx, "SELECT 1")
	if e := failure(t, err); e.Code != "25P02" || conn.PgConn().TxStatus() != 'E' {
		t.Errorf("%+v", e)
	}
	if err := tx.Commit(ctx); !errors.Is(err, pgx.ErrTxCommitRollback) {
		t.Errorf("COMMIT of a failed transaction: %v", err)
	}
	if n := count(t, conn, table); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// TestPgxBatchIsOneTransaction holds that a batch takes effect as a whole, or not at
// all, and that one within a transaction is a part of it.
func TestPgxBatchIsOneTransaction(t *testing.T) {
	for i, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			conn, ctx := connect(t, mode), limited(t)
			table := fmt.Sprintf("pgx_batch_tx_%d", i)
			must(t, conn, "CREATE TABLE "+table+" (id bigint PRIMARY KEY, n int)")
			send := func(s interface {
				SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
			}, ids ...int) error {
				b := &pgx.Batch{}
				for _, id := range ids {
					b.Queue("INSERT INTO "+table+" VALUES ($1, $2)", id, id)
				}
				b.Queue("SELECT count(*) FROM " + table)
				return s.SendBatch(ctx, b).Close()
			}
			if err := send(conn, 1, 2, 3); err != nil {
				t.Fatal(err)
			}
			if e := failure(t, send(conn, 4, 5, 2, 6)); e.Code != "23505" {
				t.Errorf("%+v", e)
			}
			if n := count(t, conn, table); n != 3 {
				t.Errorf("%d rows after a batch that failed", n)
			}
			tx, err := conn.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := send(tx, 7, 8); err != nil {
				t.Error(err)
			}
			if n := count(t, tx, table); n != 5 {
				t.Errorf("%d rows within the transaction", n)
			}
			if err := tx.Rollback(ctx); err != nil {
				t.Error(err)
			}
			if n := count(t, conn, table); n != 3 {
				t.Errorf("%d rows after ROLLBACK", n)
			}
		})
	}
}

// TestPgxConflict holds what two transactions get that read what the other writes:
// one of them 40001, and trying again helps.
func TestPgxConflict(t *testing.T) {
	one, two, ctx := connect(t, pgx.QueryExecModeCacheStatement), connect(t, pgx.QueryExecModeCacheStatement), limited(t)
	must(t, one, "CREATE TABLE pgx_conflict (id bigint PRIMARY KEY, n int)")
	must(t, one, "INSERT INTO pgx_conflict VALUES (1, 1), (2, 1)")
	serializable := pgx.TxOptions{IsoLevel: pgx.Serializable}
	swap := func(tx pgx.Tx, from, to int) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT n FROM pgx_conflict WHERE id = $1", from).Scan(&n); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE pgx_conflict SET n = $1 WHERE id = $2", n+1, to)
		return err
	}
	a, err := one.BeginTx(ctx, serializable)
	if err != nil {
		t.Fatal(err)
	}
	b, err := two.BeginTx(ctx, serializable)
	if err != nil {
		t.Fatal(err)
	}
	var errs []error
	errs = append(errs, swap(a, 1, 2), swap(b, 2, 1))
	errs = append(errs, a.Commit(ctx), b.Commit(ctx))
	bad := 0
	for _, err := range errs {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "40001" {
			bad++
		} else if err != nil && !errors.Is(err, pgx.ErrTxCommitRollback) {
			t.Error(err)
		}
	}
	if bad != 1 {
		t.Errorf("%d of the two have met a conflict: %v", bad, errs)
	}
	_ = a.Rollback(ctx)
	_ = b.Rollback(ctx)
	if err := pgx.BeginTxFunc(ctx, two, serializable, func(tx pgx.Tx) error { return swap(tx, 2, 1) }); err != nil {
		t.Error(err)
	}
}

// TestPgxCounter has connections increment one number, each increment a
// transaction that reads and writes: none is lost.
func TestPgxCounter(t *testing.T) {
	const clients, rounds = 4, 10
	conn := connect(t, pgx.QueryExecModeCacheStatement)
	must(t, conn, "CREATE TABLE pgx_counter (id bigint PRIMARY KEY, n int)")
	must(t, conn, "INSERT INTO pgx_counter VALUES (1, 0)")
	var wg sync.WaitGroup
	for range clients {
		c := connect(t, pgx.QueryExecModeCacheStatement)
		wg.Go(func() {
			for range rounds {
				for {
					err := increment(limited(t), c)
					var pg *pgconn.PgError
					if err == nil {
						break
					}
					if !errors.As(err, &pg) || pg.Code != "40001" {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	var n int
	if err := conn.QueryRow(limited(t), "SELECT n FROM pgx_counter").Scan(&n); err != nil || n != clients*rounds {
		t.Errorf("the counter is %d, %v", n, err)
	}
}

func increment(ctx context.Context, c *pgx.Conn) error {
	return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{IsoLevel: pgx.Serializable}, func(tx pgx.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, "SELECT n FROM pgx_counter WHERE id = 1").Scan(&n); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE pgx_counter SET n = $1 WHERE id = 1", n+1)
		return err
	})
}

// TestPgxLocks holds that FOR UPDATE keeps others out: they wait, or are told, or
// pass by.
func TestPgxLocks(t *testing.T) {
	one, two, ctx := connect(t, pgx.QueryExecModeCacheStatement), connect(t, pgx.QueryExecModeCacheStatement), limited(t)
	must(t, one, "CREATE TABLE pgx_locks (id bigint PRIMARY KEY, n int)")
	must(t, one, "INSERT INTO pgx_locks VALUES (1, 1), (2, 2), (3, 3)")
	a, err := one.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Exec(ctx, "SELECT n FROM pgx_locks WHERE id = 1 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	_, err = two.Exec(ctx, "SELECT n FROM pgx_locks WHERE id = 1 FOR UPDATE NOWAIT")
	if e := failure(t, err); e.Code != "55P03" {
		t.Errorf("%+v", e)
	}
	var ids []int64
	rows, err := two.Query(ctx, "SELECT id FROM pgx_locks ORDER BY id FOR UPDATE SKIP LOCKED")
	if err != nil {
		t.Fatal(err)
	}
	if ids, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil || fmt.Sprint(ids) != "[2 3]" {
		t.Error(ids, err)
	}
	must(t, two, "SET lock_timeout = '50ms'")
	_, err = two.Exec(ctx, "SELECT n FROM pgx_locks WHERE id = 1 FOR SHARE")
	if e := failure(t, err); e.Code != "55P03" || e.Message != "canceling statement due to lock timeout" {
		t.Errorf("%+v", e)
	}
	_, err = two.Exec(ctx, "UPDATE pgx_locks SET n = 0 WHERE id = 1")
	if e := failure(t, err); e.Code != "55P03" {
		t.Errorf("%+v", e)
	}
	must(t, two, "SET lock_timeout = 0")
	done := make(chan error, 1)
	go func() {
		_, err := two.Exec(ctx, "UPDATE pgx_locks SET n = n + 10 WHERE id = 1")
		done <- err
	}()
	if _, err := a.Exec(ctx, "UPDATE pgx_locks SET n = 100 WHERE id = 1"); err != nil {
		t.Error(err)
	}
	if err := a.Commit(ctx); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	var n int
	if err := one.QueryRow(ctx, "SELECT n FROM pgx_locks WHERE id = 1").Scan(&n); err != nil || n != 110 {
		t.Error(n, err)
	}
	leaves(t, two)
}

// leaves holds that a client that goes away in the middle of a transaction leaves
// no locks.
func leaves(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	gone := connect(t, pgx.QueryExecModeCacheStatement)
	must(t, gone, "BEGIN")
	must(t, gone, "SELECT n FROM pgx_locks FOR UPDATE")
	if err := gone.PgConn().Conn().Close(); err != nil {
		t.Fatal(err)
	}
	must(t, conn, "UPDATE pgx_locks SET n = 0")
}

// TestPqTransactions is database/sql's life with transactions.
func TestPqTransactions(t *testing.T) {
	for way, parameters := range pqWays {
		t.Run(way, func(t *testing.T) {
			db, ctx, table := open(t, parameters), limited(t), "pq_tx_"+way
			pqExec(t, db, "CREATE TABLE "+table+" (id bigint PRIMARY KEY, n int)")
			for i, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable} {
				tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
				if err != nil {
					t.Fatal(level, err)
				}
				insert, err := tx.PrepareContext(ctx, "INSERT INTO "+table+" VALUES ($1, $2)")
				if err != nil {
					t.Fatal(err)
				}
				for j := range 3 {
					if _, err := insert.ExecContext(ctx, i*10+j, j); err != nil {
						t.Error(err)
					}
				}
				if err := insert.Close(); err != nil {
					t.Error(err)
				}
				end := tx.Commit
				if i%2 == 1 {
					end = tx.Rollback
				}
				if err := end(); err != nil {
					t.Error(err)
				}
			}
			var n int
			if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != 6 {
				t.Error(n, err)
			}
			tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			_, err = tx.ExecContext(ctx, "DELETE FROM "+table)
			var e *pq.Error
			if !errors.As(err, &e) || e.Code != "25006" {
				t.Errorf("%v", err)
			}
			_, err = tx.ExecContext(ctx, "SELECT 1")
			if !errors.As(err, &e) || e.Code != "25P02" {
				t.Errorf("%v", err)
			}
			if err := tx.Commit(); err == nil {
				t.Error("a failed transaction was committed")
			}
		})
	}
}

// TestPsqlTransactions holds what psql makes of transactions: ON_ERROR_ROLLBACK,
// --single-transaction, cursors behind FETCH_COUNT, AUTOCOMMIT off.
func TestPsqlTransactions(t *testing.T) {
	for _, c := range []struct {
		name, input, want string
		args              []string
		fails             bool
	}{
		{"table", "CREATE TABLE psql_tx (id int PRIMARY KEY)", "CREATE TABLE\n", nil, false},
		{"single transaction", "INSERT INTO psql_tx VALUES (1);\nINSERT INTO psql_tx VALUES (2);", "INSERT 0 1\nINSERT 0 1\n",
			[]string{"--single-transaction"}, false},
		{"single transaction that fails", "INSERT INTO psql_tx VALUES (3);\nINSERT INTO psql_tx VALUES (1);",
			"INSERT 0 1\nERROR:  duplicate key value violates unique constraint \"psql_tx_pkey\"\nDETAIL:  Key (id)=(1) already exists.\n",
			[]string{"--single-transaction", "-v", "ON_ERROR_STOP=1"}, true},
		{"on error rollback", "\\set ON_ERROR_ROLLBACK on\nBEGIN;\nINSERT INTO psql_tx VALUES (4);\nINSERT INTO psql_tx VALUES (1);\nINSERT INTO psql_tx VALUES (5);\nCOMMIT;",
			"BEGIN\nINSERT 0 1\nERROR:  duplicate key value violates unique constraint \"psql_tx_pkey\"\nDETAIL:  Key (id)=(1) already exists.\nINSERT 0 1\nCOMMIT\n", nil, false},
		{"autocommit off", "\\set AUTOCOMMIT off\nINSERT INTO psql_tx VALUES (6);\nROLLBACK;\nINSERT INTO psql_tx VALUES (7);\nCOMMIT;",
			"INSERT 0 1\nROLLBACK\nINSERT 0 1\nCOMMIT\n", nil, false},
		{"cursors", "\\set FETCH_COUNT 2\nSELECT id FROM psql_tx ORDER BY id;", "1\n2\n4\n5\n7\n", nil, false},
		{"a cursor that fails", "\\set FETCH_COUNT 2\nSELECT 1 / 0;\nSELECT 'goes on';",
			"ERROR:  division by zero\ngoes on\n", nil, false},
		{"status", "\\set PROMPT1 '%x'\nBEGIN;\n\\echo :SERVER_VERSION_NAME\nROLLBACK;", "BEGIN\n", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := program(t, c.input, "psql", append([]string{"-XqAt", "--set=QUIET=off", "-f", "-"}, c.args...)...)
			got = place.ReplaceAllString(got, "")
			if c.name == "status" {
				got, _, _ = strings.Cut(got, "15.")
			}
			if (err != nil) != c.fails || got != c.want {
				t.Errorf("%v\ngot:\n%s\nwant:\n%s", err, got, c.want)
			}
		})
	}
}

// TestPgbenchTransactions runs pgbench's own scripts: TPC-B, whose clients all
// update one row and try again where they conflict, and the simple update.
func TestPgbenchTransactions(t *testing.T) {
	out, err := program(t, `DROP TABLE IF EXISTS pgbench_accounts, pgbench_branches, pgbench_tellers, pgbench_history;
		CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
		CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
		CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
		CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
		INSERT INTO pgbench_branches VALUES (1, 0);
		INSERT INTO pgbench_tellers SELECT i, 1, 0 FROM generate_series(1, 10) i;
		INSERT INTO pgbench_accounts SELECT i, 1, 0, '' FROM generate_series(1, 100000) i;`, "psql", "-Xq", "-v", "ON_ERROR_STOP=1")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, mode := range []string{"simple", "extended", "prepared"} {
		for _, script := range []string{"tpcb-like", "simple-update"} {
			out, err := program(t, "", "pgbench", "-b", script, "-s", "1", "-n", "-M", mode, "-c", "4", "-t", "10", "--max-tries=1000")
			if err != nil || !strings.Contains(out, "processed: 40/40") {
				t.Errorf("%s %s: %v\n%s", mode, script, err, out)
			}
		}
	}
	sums, err := program(t, `SELECT count(*) FROM pgbench_history;
		SELECT sum(delta) FROM pgbench_history \gset h_
		SELECT sum(abalance) = :h_sum FROM pgbench_accounts;`, "psql", "-XqAt")
	if err != nil || sums != "240\nt\n" {
		t.Errorf("%v\n%s", err, sums)
	}
}
