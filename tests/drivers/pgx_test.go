package drivers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

func must(t *testing.T, conn *pgx.Conn, sql string, args ...any) pgconn.CommandTag {
	t.Helper()
	tag, err := conn.Exec(limited(t), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return tag
}

// failure is the error of PostgreSQL in an error.
func failure(t *testing.T, err error) *pgconn.PgError {
	t.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		t.Fatalf("not an error of the server: %v", err)
	}
	return pg
}

// TestPgxModes runs the life of a table in every mode.
func TestPgxModes(t *testing.T) {
	for i, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			conn := connect(t, mode)
			table := fmt.Sprintf("pgx_mode_%d", i)
			if got := must(t, conn, "-- ping").String(); got != "" {
				t.Errorf("a ping has the tag %q", got)
			}
			steps := []struct {
				sql  string
				args []any
				tag  string
			}{
				{"CREATE TABLE %s (id bigint PRIMARY KEY, n int, name text)", nil, "CREATE TABLE"},
				{"INSERT INTO %s VALUES ($1, $2, $3)", []any{1, 10, "a"}, "INSERT 0 1"},
				{"INSERT INTO %s VALUES ($1, 20, $2), ($3, 30, $4)", []any{2, "b", 3, nil}, "INSERT 0 2"},
				{"INSERT INTO %s VALUES ($1, 0) ON CONFLICT DO NOTHING", []any{1}, "INSERT 0 0"},
				{"INSERT INTO %s AS t VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n", []any{1, 5}, "INSERT 0 1"},
				{"UPDATE %s SET n = n + $1 WHERE id = $2", []any{1, 1}, "UPDATE 1"},
				{"UPDATE %s SET n = n + $1 WHERE id = $2", []any{1, 99}, "UPDATE 0"},
				{"SELECT * FROM %s WHERE id = ANY($1)", []any{[]int64{1, 2, 7}}, "SELECT 2"},
				{"SELECT * FROM %s WHERE name = $1", []any{"b"}, "SELECT 1"},
				{"SELECT * FROM %s WHERE n BETWEEN $1 AND $2", []any{16, 30}, "SELECT 3"},
				{"SELECT * FROM %s WHERE ($1::text IS NULL OR name = $1)", []any{nil}, "SELECT 3"},
				{"SELECT * FROM %s ORDER BY id LIMIT $1 OFFSET $2", []any{1, 2}, "SELECT 1"},
				{"DELETE FROM %s WHERE id IN ($1, $2)", []any{2, 99}, "DELETE 1"},
				{"DROP TABLE %s", nil, "DROP TABLE"},
			}
			for _, s := range steps {
				if got := must(t, conn, fmt.Sprintf(s.sql, table), s.args...).String(); got != s.tag {
					t.Errorf("%s: tag %q, not %q", s.sql, got, s.tag)
				}
			}
		})
	}
}

// TestPgxInference holds the types that parameters are inferred to have.
func TestPgxInference(t *testing.T) {
	conn := connect(t, pgx.QueryExecModeCacheStatement)
	must(t, conn, `CREATE TABLE pgx_infer (id bigint PRIMARY KEY, s smallint, i int, f float8, n numeric(10,2), b boolean, t text,
		v varchar(9), y bytea, u uuid, d date, ts timestamp, tz timestamptz, iv interval, j jsonb, a int[], ta text[])`)
	for _, c := range []struct {
		sql  string
		oids []uint32
	}{
		{"INSERT INTO pgx_infer VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)",
			[]uint32{20, 21, 23, 701, 1700, 16, 25, 1043, 17, 2950, 1082, 1114, 1184, 1186, 3802, 1007, 1009}},
		{"UPDATE pgx_infer SET i = $1, n = n * $2, t = t || $3, tz = $4 WHERE id = $5", []uint32{23, 1700, 25, 1184, 20}},
		{"SELECT $1", []uint32{25}},
		{"SELECT $1 + 1, $2 || 'x', $3::date", []uint32{23, 25, 1082}},
		{"SELECT 1 FROM pgx_infer WHERE id = $1 AND s > $2 AND u = ANY($3) AND t LIKE $4 AND i IN ($5, $6)",
			[]uint32{20, 21, 2951, 25, 23, 23}},
		{"SELECT 1 FROM pgx_infer WHERE tz > now() - $1::interval AND d BETWEEN $2 AND $3", []uint32{1186, 1082, 1082}},
		{"SELECT 1 FROM pgx_infer WHERE b = $1 AND a @> $2 AND j @> $3 AND j ->> $4 = $5 LIMIT $6 OFFSET $7",
			[]uint32{16, 1007, 3802, 25, 25, 20, 20}},
		{"SELECT CASE WHEN $1 THEN $2 ELSE 1.5 END, coalesce($3, i), nullif($4, t) FROM pgx_infer", []uint32{16, 1700, 23, 25}},
		{"SELECT count(*) FILTER (WHERE id > $1), sum(n + $2) FROM pgx_infer GROUP BY t HAVING count(*) > $3", []uint32{20, 1700, 20}},
		{"SELECT t FROM pgx_infer WHERE $1 IS NOT DISTINCT FROM t AND NOT $2 AND id <> ALL ($3)", []uint32{25, 16, 1016}},
		{"SELECT id FROM pgx_infer WHERE (id, t) = ($1, $2)", []uint32{20, 25}},
		{"SELECT extract(epoch FROM $1::timestamptz), date_trunc($2, tz), left(t, $3) FROM pgx_infer", []uint32{1184, 25, 23}},
		{"SELECT length($1), upper($2), abs($3::int), round($4::numeric, $5)", []uint32{25, 25, 23, 1700, 23}},
		{"INSERT INTO pgx_infer (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n + $3 RETURNING n > $4", []uint32{20, 1700, 1700, 1700}},
	} {
		about, err := conn.Prepare(limited(t), "", c.sql)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
		} else if fmt.Sprint(about.ParamOIDs) != fmt.Sprint(c.oids) {
			t.Errorf("%s: %v, not %v", c.sql, about.ParamOIDs, c.oids)
		}
	}
}

// TestPgxBatch holds that a pipeline is answered statement by statement, that an
// error in its middle skips the rest up to the Sync, and that the connection goes on.
func TestPgxBatch(t *testing.T) {
	for i, mode := range modes[:4] {
		t.Run(mode.String(), func(t *testing.T) {
			conn := connect(t, mode)
			table := fmt.Sprintf("pgx_batch_%d", i)
			must(t, conn, "CREATE TABLE "+table+" (id bigint PRIMARY KEY, v text)")
			b := &pgx.Batch{}
			for n := range 50 {
				b.Queue("INSERT INTO "+table+" VALUES ($1, $2)", n, fmt.Sprint("v", n))
			}
			var count int
			b.Queue("SELECT count(*) FROM " + table).QueryRow(func(r pgx.Row) error { return r.Scan(&count) })
			if err := conn.SendBatch(limited(t), b).Close(); err != nil || count != 50 {
				t.Fatalf("%d rows, %v", count, err)
			}
			b = &pgx.Batch{}
			b.Queue("UPDATE "+table+" SET v = 'x' WHERE id = $1", 1)
			b.Queue("INSERT INTO "+table+" VALUES ($1, $2)", 1, "again")
			b.Queue("SELECT 1")
			r := conn.SendBatch(limited(t), b)
			if _, err := r.Exec(); err != nil {
				t.Error(err)
			}
			_, err := r.Exec()
			if code := failure(t, err).Code; code != "23505" {
				t.Errorf("code %s", code)
			}
			if _, err := r.Exec(); err == nil {
				t.Error("the statement after the error was executed")
			}
			if err := r.Close(); err == nil {
				t.Error("Close has no error")
			}
			if err := conn.QueryRow(limited(t), "SELECT count(*) FROM "+table).Scan(&count); err != nil || count != 50 {
				t.Errorf("afterwards: %d rows, %v", count, err)
			}
		})
	}
}

// TestPgxPipeline drives several statements and Syncs of a pipeline by hand.
func TestPgxPipeline(t *testing.T) {
	conn := connect(t, pgx.QueryExecModeCacheStatement).PgConn()
	p := conn.StartPipeline(limited(t))
	p.SendPrepare("one", "SELECT $1::int + 1", nil)
	p.SendQueryPrepared("one", [][]byte{[]byte("41")}, nil, nil)
	p.SendQueryParams("SELECT 1/0", nil, nil, nil, nil)
	p.SendQueryPrepared("one", [][]byte{[]byte("1")}, nil, nil)
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	p.SendQueryPrepared("one", [][]byte{[]byte("2")}, nil, nil)
	p.SendDeallocate("one")
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 20 {
		r, err := p.GetResults()
		switch r := r.(type) {
		case nil:
			if err == nil {
				got = append(got, "end")
			} else {
				got = append(got, failure(t, err).Code)
			}
		case *pgconn.ResultReader:
			res := r.Read()
			if res.Err != nil {
				got = append(got, failure(t, res.Err).Code)
			} else {
				got = append(got, string(res.Rows[0][0]))
			}
		default:
			got = append(got, strings.TrimPrefix(fmt.Sprintf("%T", r), "*pgconn."))
		}
		if got[len(got)-1] == "end" {
			break
		}
	}
	if err := p.Close(); err != nil {
		t.Log(err)
	}
	want := "StatementDescription 42 22012 PipelineSync 3 CloseComplete PipelineSync end"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

// TestPgxStructs reads rows into structs.
func TestPgxStructs(t *testing.T) {
	type item struct {
		ID   int64
		Name *string
		Tags []string
		Made time.Time
	}
	conn := connect(t, pgx.QueryExecModeCacheStatement)
	must(t, conn, "CREATE TABLE pgx_item (id bigint PRIMARY KEY, name text, tags text[], made timestamptz)")
	must(t, conn, "INSERT INTO pgx_item VALUES (1, 'a', '{x,y}', $1), (2, NULL, '{}', $1)", instant)
	rows, err := conn.Query(limited(t), "SELECT * FROM pgx_item ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByName[item])
	if err != nil || len(items) != 2 || *items[0].Name != "a" || items[1].Name != nil || len(items[0].Tags) != 2 || !items[0].Made.Equal(instant) {
		t.Errorf("%+v %v", items, err)
	}
	named, err := conn.Query(limited(t), "SELECT id FROM pgx_item WHERE name = @name", pgx.NamedArgs{"name": "a"})
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := pgx.CollectRows(named, pgx.RowTo[int64]); err != nil || len(ids) != 1 {
		t.Errorf("%v %v", ids, err)
	}
}

// TestPgxErrors holds the fields of errors that programs look at.
func TestPgxErrors(t *testing.T) {
	conn := connect(t, pgx.QueryExecModeCacheStatement)
	must(t, conn, "CREATE TABLE pgx_error (id bigint PRIMARY KEY, n int NOT NULL, p int CONSTRAINT positive CHECK (p > 0))")
	must(t, conn, "INSERT INTO pgx_error VALUES (1, 1)")
	for sql, want := range map[string]pgconn.PgError{
		"INSERT INTO pgx_error VALUES (1, 1)":     {Code: "23505", SchemaName: "public", TableName: "pgx_error", ConstraintName: "pgx_error_pkey", Detail: "Key (id)=(1) already exists."},
		"INSERT INTO pgx_error VALUES (2, NULL)":  {Code: "23502", SchemaName: "public", TableName: "pgx_error", ColumnName: "n", Detail: "Failing row contains (2, null, null)."},
		"INSERT INTO pgx_error VALUES (2, 1, -1)": {Code: "23514", SchemaName: "public", TableName: "pgx_error", ConstraintName: "positive", Detail: "Failing row contains (2, 1, -1)."},
		"SELECT nothing FROM pgx_error":           {Code: "42703", Position: 8},
		"SELECT 1 FROM nowhere":                   {Code: "42P01", Position: 15},
		"SELECT 1/0":                              {Code: "22012"},
		"SELEKT 1":                                {Code: "42601", Position: 1},
		"SELECT 'x'::int":                         {Code: "22P02", Position: 8},
	} {
		_, err := conn.Exec(limited(t), sql)
		got := failure(t, err)
		if got.Severity != "ERROR" || got.SeverityUnlocalized != "ERROR" || got.Message == "" {
			t.Errorf("%s: %+v", sql, got)
		}
		if got.Code != want.Code || got.Position != want.Position || got.Detail != want.Detail || got.SchemaName != want.SchemaName ||
			got.TableName != want.TableName || got.ColumnName != want.ColumnName || got.ConstraintName != want.ConstraintName {
			t.Errorf("%s:\n got %+v\nwant %+v", sql, *got, want)
		}
	}
}

// TestPgxCachedPlan holds what a prepared statement does whose table is changed:
// where its result stays as it was it goes on, otherwise pgx is told in the words
// that it knows, and prepares anew.
func TestPgxCachedPlan(t *testing.T) {
	conn, other := connect(t, pgx.QueryExecModeCacheStatement), connect(t, pgx.QueryExecModeExec)
	must(t, conn, "CREATE TABLE pgx_plan (id bigint PRIMARY KEY, v text)")
	must(t, conn, "INSERT INTO pgx_plan VALUES (1, 'a')")
	read := func(sql string) (columns int, err error) {
		rows, err := conn.Query(limited(t), sql, 1)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for rows.Next() {
			columns = len(rows.FieldDescriptions())
		}
		return columns, rows.Err()
	}
	for _, sql := range []string{"SELECT * FROM pgx_plan WHERE id = $1", "SELECT v FROM pgx_plan WHERE id = $1"} {
		if _, err := read(sql); err != nil {
			t.Fatal(err)
		}
	}
	must(t, other, "ALTER TABLE pgx_plan ADD COLUMN w int DEFAULT 7")
	if n, err := read("SELECT v FROM pgx_plan WHERE id = $1"); err != nil || n != 1 {
		t.Errorf("unchanged result: %d columns, %v", n, err)
	}
	_, err := read("SELECT * FROM pgx_plan WHERE id = $1")
	if e := failure(t, err); e.Code != "0A000" || e.Message != "cached plan must not change result type" || e.Routine != "RevalidateCachedQuery" {
		t.Errorf("changed result: %+v", e)
	}
	if n, err := read("SELECT * FROM pgx_plan WHERE id = $1"); err != nil || n != 3 {
		t.Errorf("prepared anew: %d columns, %v", n, err)
	}
	must(t, other, "ALTER TABLE pgx_plan DROP COLUMN v")
	_, err = read("SELECT v FROM pgx_plan WHERE id = $1")
	if e := failure(t, err); e.Code != "42703" {
		t.Errorf("dropped column: %+v", e)
	}
	must(t, other, "DROP TABLE pgx_plan")
	_, err = read("SELECT * FROM pgx_plan WHERE id = $1")
	if e := failure(t, err); e.Code != "42P01" {
		t.Errorf("dropped table: %+v", e)
	}
}

// TestPgxCancel holds that the end of a context ends the statement in the server,
// by a request to cancel, and that the connection lives on.
func TestPgxCancel(t *testing.T) {
	cfg, err := pgx.ParseConfig(dsn(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.BuildContextWatcherHandler = cancels
	conn, err := pgx.ConnectConfig(limited(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = conn.Exec(ctx, "SELECT pg_sleep(50)")
	if e := failure(t, err); e.Code != "57014" || e.Message != "canceling statement due to user request" {
		t.Errorf("%+v", e)
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("it took %s", d)
	}
	must(t, conn, "SELECT 1")
	must(t, conn, "SET statement_timeout = 50")
	_, err = conn.Exec(limited(t), "SELECT pg_sleep(50)")
	if e := failure(t, err); e.Code != "57014" || e.Message != "canceling statement due to statement timeout" {
		t.Errorf("%+v", e)
	}
	must(t, conn, "RESET statement_timeout")
	must(t, conn, "SELECT pg_sleep(0.1)")
}

func cancels(c *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 30 * time.Second}
}

// TestPgxPool runs statements over a pool from several goroutines.
func TestPgxPool(t *testing.T) {
	cfg, err := pgxpool.ParseConfig(dsn(t) + "&pool_max_conns=4")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(limited(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx := limited(t)
	if _, err := pool.Exec(ctx, "CREATE TABLE pgx_pool (id bigint PRIMARY KEY, n bigint)"); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, "INSERT INTO pgx_pool VALUES (1, 0)"); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	for range 8 {
		go func() {
			for range 25 {
				if _, err := pool.Exec(ctx, "UPDATE pgx_pool SET n = n + 1 WHERE id = $1", 1); err != nil {
					errs <- err
					return
				}
			}
			errs <- pool.Ping(ctx)
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	var n int
	if err := pool.QueryRow(ctx, "SELECT n FROM pgx_pool WHERE id = 1").Scan(&n); err != nil || n != 200 {
		t.Errorf("n = %d, %v", n, err)
	}
}

// TestPgxLarge reads many rows and large values, and leaves a result unread.
func TestPgxLarge(t *testing.T) {
	conn := connect(t, pgx.QueryExecModeCacheStatement)
	rows, err := conn.Query(limited(t), "SELECT i, repeat('x', 100) FROM generate_series(1, $1) i", 50000)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if rows.Err() != nil || n != 50000 {
		t.Errorf("%d rows, %v", n, rows.Err())
	}
	big := strings.Repeat("é", 1<<20)
	var back string
	if err := conn.QueryRow(limited(t), "SELECT $1::text", big).Scan(&back); err != nil || back != big {
		t.Errorf("%d bytes came back, %v", len(back), err)
	}
	must(t, conn, "CREATE TABLE pgx_large (id bigint PRIMARY KEY, b bytea)")
	blob := make([]byte, 1<<20)
	for i := range blob {
		blob[i] = byte(i * 7)
	}
	must(t, conn, "INSERT INTO pgx_large VALUES (1, $1)", blob)
	var stored []byte
	if err := conn.QueryRow(limited(t), "SELECT b FROM pgx_large").Scan(&stored); err != nil || string(stored) != string(blob) {
		t.Errorf("%d bytes came back, %v", len(stored), err)
	}
	half, err := conn.Query(limited(t), "SELECT repeat('x', 1000) FROM generate_series(1, 1000)")
	if err != nil {
		t.Fatal(err)
	}
	half.Next()
	half.Close()
	must(t, conn, "SELECT 1")
}
