package planner

import (
	"context"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// fuzzTexts are what the fuzzed client prepares and queries.
var fuzzTexts = []string{
	"SELECT id, n FROM t WHERE id = $1", "SELECT id, n FROM t ORDER BY id", "INSERT INTO t VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = t.n + 1 RETURNING n",
	"UPDATE t SET n = n / $1", "DELETE FROM t WHERE id = $1", "", "SELECT", "SELECT 1; SELECT 2", "SHOW timezone", "SET timezone = 'Asia/Tokyo'",
	"ALTER TABLE t ADD COLUMN c int", "ALTER TABLE t DROP COLUMN c", "TRUNCATE t", "BEGIN", "COMMIT", "DISCARD ALL", "DEALLOCATE ALL",
	"PREPARE a AS SELECT n FROM t WHERE id = $1", "EXECUTE a(1)", "EXECUTE b", "MOVE t WHERE id < 3 TO PARTITION 2", "MOVE t TO POLICY",
	"EXPLAIN ANALYZE SELECT * FROM t", "SELECT * FROM ssmr.tables", "SELECT generate_series(1, 3)", "SELECT 1/0", "SELECT $1::int + $2::int",
	"DROP TABLE IF EXISTS t", "CREATE TABLE IF NOT EXISTS t (id int PRIMARY KEY, n int)", "COPY t FROM STDIN", "CLOSE x", "VACUUM",
	"ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "BEGIN READ ONLY", "COMMIT AND CHAIN", "BEGIN; SELECT 1; UPDATE t SET n = 2",
	"DECLARE x CURSOR FOR SELECT id, n FROM t ORDER BY id", "FETCH 2 x", "FETCH ALL FROM a", "MOVE 1 IN x", "CLOSE ALL",
	"SET LOCAL timezone = 'Europe/Berlin'", "SELECT 1; BEGIN; SELECT 2", "UPDATE t SET n = 1; COMMIT; SELECT 1/0", "SET application_name = 'x'; SELECT 1/0",
	"SELECT id FROM t WHERE id < 4 FOR UPDATE", "SELECT id FROM t FOR SHARE SKIP LOCKED", "UPDATE t SET n = n + 1 WHERE id = 1; TRUNCATE t; SELECT nothing",
	"SELECT count(*), sum(n) FROM t", "SAVEPOINT b", "ROLLBACK TO b", "SHOW transaction_read_only",
	"SHOW PLACEMENT HISTORY FOR t WHERE id = $1", "CREATE POLICY p FROM 'p'", "ALTER POLICY p SET (a = 1)", "DROP POLICY p",
	"ALTER PARTITION 1 SET (accepting = off, labels = 'a=b')", "ALTER TABLE t SET (move_limit = 5)", "MOVE t WHERE id = 1 TO PARTITION 2 NO PIN",
}

// FuzzSession calls a session in any order, legal and not: errors have SQLSTATEs,
// nothing panics, and nothing stays open.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 3, 0, 0, 6, 0, 0})
	f.Add([]byte{0, 1, 1, 1, 1, 1, 3, 1, 1, 3, 1, 1, 6, 0, 0, 7, 1, 0, 7, 12, 0, 7, 27, 0, 7, 28, 0})
	f.Add([]byte{7, 17, 0, 7, 18, 0, 7, 15, 0, 7, 18, 0, 0, 2, 0, 1, 0, 0, 3, 0, 1, 3, 0, 0, 7, 10, 0, 3, 0, 0})
	f.Add([]byte{7, 13, 0, 7, 33, 0, 0, 0, 0, 1, 0, 0, 3, 0, 2, 6, 0, 1, 7, 25, 0, 7, 34, 0, 3, 0, 2, 7, 14, 0})
	f.Add([]byte{7, 13, 0, 7, 39, 0, 7, 40, 0, 7, 3, 0, 7, 40, 0, 7, 42, 0, 7, 51, 0, 7, 32, 0})
	f.Add([]byte{7, 56, 0, 7, 57, 0, 7, 59, 0, 7, 61, 0, 0, 55, 0, 1, 0, 0, 3, 0, 1, 3, 0, 1, 7, 13, 0, 7, 58, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		w := memory.New(2)
		w.ChunkRows = 2
		b := newBackend(t, w, Config{Statements: 4, Portals: 3})
		c := connect(t, b, nil)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := c.query(ctx, "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT g, g FROM generate_series(1, 9) AS g"); err != nil {
			t.Fatal(err)
		}
		names := []string{"", "a", "b"}
		for n := 0; n+2 < len(ops) && n < 3*64; n += 3 {
			x, y := int(ops[n+1]), int(ops[n+2])
			fuzzStep(ctx, t, c, ops[n]%8, x, y, names[x%3], names[y%3])
		}
		c.s.Close()
		if n := w.Cursors(); n != 0 {
			t.Errorf("%d cursors are open", n)
		}
		if w.Locks() != 0 || w.Snapshots() != 0 {
			t.Errorf("%d locks and %d snapshots are left", w.Locks(), w.Snapshots())
		}
	})
}

func fuzzStep(ctx context.Context, t *testing.T, c *client, op byte, x, y int, first, second string) {
	var err error
	switch op {
	case 0:
		err = c.s.Parse(ctx, second, fuzzTexts[x%len(fuzzTexts)], nil)
	case 1:
		params := []datum.Datum{datum.NewInt(int64(y)), datum.NewInt(2)}
		if st, stErr := c.s.Statement(second); stErr == nil {
			params = params[:min(len(st.Params), 2)]
		}
		err = c.s.Bind(ctx, first, second, params, nil)
	case 2:
		_, err = c.s.Portal(first)
	case 3:
		_, err = c.s.Execute(ctx, first, int64(y%4), y%2 == 0, quiet{})
	case 4:
		c.s.ClosePortal(first)
	case 5:
		c.s.CloseStatement(second)
	case 6:
		err = c.s.Sync(ctx, y%2 == 0)
	case 7:
		err = c.query(ctx, fuzzTexts[x%len(fuzzTexts)])
		c.take()
	}
	if err != nil && pgerror.As(err) == nil {
		t.Fatalf("operation %d (%d, %d): %v", op, x, y, err)
	}
}

// quiet drops rows.
type quiet struct{}

func (quiet) Columns([]session.Column) error { return nil }
func (quiet) Row([]datum.Datum) error        { return nil }
