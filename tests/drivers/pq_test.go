package drivers

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/lib/pq"
)

// open opens a pool of lib/pq. parameters are added to how it connects.
func open(t *testing.T, parameters string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dsn(t)+parameters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// pqWays are the ways in which lib/pq sends parameters.
var pqWays = map[string]string{"text": "", "binary": "&binary_parameters=yes"}

func pqExec(t *testing.T, db *sql.DB, query string, args ...any) int64 {
	t.Helper()
	res, err := db.ExecContext(limited(t), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// TestPqValues sends values of Go's types and scans them back.
func TestPqValues(t *testing.T) {
	for way, parameters := range pqWays {
		t.Run(way, func(t *testing.T) {
			db := open(t, parameters)
			table := "pq_values_" + way
			pqExec(t, db, "CREATE TABLE "+table+` (id bigint PRIMARY KEY, b boolean, s smallint, i int, f float8, r real, n numeric, t text,
				y bytea, u uuid, d date, ts timestamp, tz timestamptz, j jsonb, ia bigint[], ta text[])`)
			args := []any{int64(math.MaxInt64), true, -3, 4, 0.1, 1.5, "12345678901234567890.5", "té'\\", []byte{0, 0xff}, uuidText,
				date(2024, 2, 29), instant, instant, `{"a": 1}`, pq.Array([]int64{1, 2}), pq.Array([]string{"a,b", `"`, ""})}
			insert := "INSERT INTO " + table + " VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)"
			if n := pqExec(t, db, insert, args...); n != 1 {
				t.Errorf("%d rows", n)
			}
			var (
				id         int64
				b          bool
				s          int16
				i          int
				f, r       float64
				n, text, u string
				y          []byte
				d, ts, tz  time.Time
				j          string
				ia         []int64
				ta         []string
			)
			row := db.QueryRowContext(limited(t), "SELECT * FROM "+table+" WHERE id = $1", int64(math.MaxInt64))
			if err := row.Scan(&id, &b, &s, &i, &f, &r, &n, &text, &y, &u, &d, &ts, &tz, &j, pq.Array(&ia), pq.Array(&ta)); err != nil {
				t.Fatal(err)
			}
			if id != math.MaxInt64 || !b || s != -3 || i != 4 || f != 0.1 || r != 1.5 || n != "12345678901234567890.5" || text != "té'\\" ||
				!bytes.Equal(y, []byte{0, 0xff}) || u != uuidText || !d.Equal(date(2024, 2, 29)) || !ts.Equal(instant) || !tz.Equal(instant) ||
				j != `{"a": 1}` || fmt.Sprint(ia) != "[1 2]" || fmt.Sprintf("%q", ta) != `["a,b" "\"" ""]` {
				t.Error(id, b, s, i, f, r, n, text, y, u, d, ts, tz, j, ia, ta)
			}
			nulls(t, db, table, insert)
		})
	}
}

func nulls(t *testing.T, db *sql.DB, table, insert string) {
	t.Helper()
	args := make([]any, 16)
	args[0] = 1
	args[2] = sql.NullInt64{}
	args[7] = sql.NullString{}
	pqExec(t, db, insert, args...)
	var (
		b  sql.NullBool
		s  sql.NullInt16
		f  sql.NullFloat64
		x  sql.NullString
		tz sql.NullTime
		ia pq.Int64Array
	)
	if err := db.QueryRowContext(limited(t), "SELECT b, s, f, t, tz, ia FROM "+table+" WHERE id = 1").Scan(&b, &s, &f, &x, &tz, &ia); err != nil {
		t.Fatal(err)
	}
	if b.Valid || s.Valid || f.Valid || x.Valid || tz.Valid || ia != nil {
		t.Error(b, s, f, x, tz, ia)
	}
}

// TestPqStatements runs prepared statements and queries with and without parameters.
func TestPqStatements(t *testing.T) {
	for way, parameters := range pqWays {
		t.Run(way, func(t *testing.T) {
			db, table := open(t, parameters), "pq_statements_"+way
			pqExec(t, db, "CREATE TABLE "+table+" (id bigint PRIMARY KEY, v text)")
			insert, err := db.PrepareContext(limited(t), "INSERT INTO "+table+" VALUES ($1, $2) RETURNING id")
			if err != nil {
				t.Fatal(err)
			}
			defer insert.Close()
			for i := range 20 {
				var id int
				if err := insert.QueryRowContext(limited(t), i, fmt.Sprint("v", i%3)).Scan(&id); err != nil || id != i {
					t.Fatal(id, err)
				}
			}
			if n := pqExec(t, db, "UPDATE "+table+" SET v = $1 WHERE id = ANY($2)", "x", pq.Array([]int64{1, 2, 3, 99})); n != 3 {
				t.Errorf("%d rows were updated", n)
			}
			if n := pqExec(t, db, "DELETE FROM "+table+" WHERE v = 'x'"); n != 3 {
				t.Errorf("%d rows were deleted", n)
			}
			rows, err := db.QueryContext(limited(t), "SELECT id, v FROM "+table+" WHERE v = ANY($1) ORDER BY id", pq.Array([]string{"v0"}))
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			types, err := rows.ColumnTypes()
			if err != nil || types[0].DatabaseTypeName() != "INT8" || types[1].DatabaseTypeName() != "TEXT" {
				t.Error(types, err)
			}
			count := 0
			for rows.Next() {
				count++
			}
			if rows.Err() != nil || count != 6 {
				t.Error(count, rows.Err())
			}
			if _, err := db.ExecContext(limited(t), "SELECT 1; SELECT 2"); err != nil {
				t.Errorf("two statements: %v", err)
			}
			if err := db.PingContext(limited(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPqErrors holds the fields of lib/pq's errors.
func TestPqErrors(t *testing.T) {
	db := open(t, "")
	pqExec(t, db, "CREATE TABLE pq_errors (id bigint PRIMARY KEY, n int NOT NULL)")
	pqExec(t, db, "INSERT INTO pq_errors VALUES (1, 1)")
	_, err := db.ExecContext(limited(t), "INSERT INTO pq_errors VALUES ($1, 1)", 1)
	var e *pq.Error
	if !errors.As(err, &e) || e.Code.Name() != "unique_violation" || e.Severity != "ERROR" || e.Table != "pq_errors" ||
		e.Constraint != "pq_errors_pkey" || e.Detail != "Key (id)=(1) already exists." {
		t.Errorf("%+v", e)
	}
	_, err = db.ExecContext(limited(t), "SELECT nothing FROM pq_errors")
	if !errors.As(err, &e) || e.Code != "42703" || e.Position != "8" {
		t.Errorf("%+v", e)
	}
	_, err = db.ExecContext(limited(t), "INSERT INTO pq_errors VALUES ($1, $2)", 2, "x")
	if !errors.As(err, &e) || e.Code != "22P02" {
		t.Errorf("%+v", e)
	}
	if n := pqExec(t, db, "UPDATE pq_errors SET n = 2"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// TestPqTimeout holds that lib/pq's cancel requests end a statement.
func TestPqTimeout(t *testing.T) {
	db := open(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := db.ExecContext(ctx, "SELECT pg_sleep(50)")
	var e *pq.Error
	if !errors.Is(err, context.DeadlineExceeded) && (!errors.As(err, &e) || e.Code != "57014") {
		t.Errorf("%v", err)
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("it took %s", d)
	}
	pqExec(t, db, "SELECT 1")
}

// TestPqSettings holds that settings of the connection string are the session's.
func TestPqSettings(t *testing.T) {
	db := open(t, "&application_name=pq-test&search_path=public&statement_timeout=12345")
	var name, timeout string
	if err := db.QueryRowContext(limited(t), "SELECT current_setting('application_name'), current_setting('statement_timeout')").Scan(&name, &timeout); err != nil {
		t.Fatal(err)
	}
	if name != "pq-test" || timeout != "12345ms" {
		t.Error(name, timeout)
	}
}
