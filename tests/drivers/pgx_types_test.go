package drivers

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// modes are all the ways in which pgx carries out a query.
var modes = []pgx.QueryExecMode{
	pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
	pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
}

// connect opens a connection of pgx that executes in a mode.
func connect(t *testing.T, mode pgx.QueryExecMode) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = mode
	conn, err := pgx.ConnectConfig(limited(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// value is a value of a type, as Go has it and as PostgreSQL writes it.
type value struct {
	sql  string // the type
	goes any
	text string
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func scanned[T interface{ Scan(src any) error }](text string, v T) T {
	if err := v.Scan(text); err != nil {
		panic(err)
	}
	return v
}

func number(text string) pgtype.Numeric { return *scanned(text, &pgtype.Numeric{}) }

var uuid = [16]byte{0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8, 0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a, 0x11}

const uuidText = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

var instant = time.Date(2024, 2, 29, 23, 59, 59, 123456000, time.UTC)

var values = []value{
	{"boolean", true, "true"},
	{"boolean", false, "false"},
	{"smallint", int16(math.MinInt16), "-32768"},
	{"smallint", int16(math.MaxInt16), "32767"},
	{"integer", int32(math.MinInt32), "-2147483648"},
	{"integer", int32(math.MaxInt32), "2147483647"},
	{"bigint", int64(math.MinInt64), "-9223372036854775808"},
	{"bigint", int64(math.MaxInt64), "9223372036854775807"},
	{"real", float32(1.5), "1.5"},
	{"real", float32(math.MaxFloat32), "3.4028235e+38"},
	{"real", float32(math.Inf(-1)), "-Infinity"},
	{"double precision", 0.1, "0.1"},
	{"double precision", math.SmallestNonzeroFloat64, "5e-324"},
	{"double precision", math.Inf(1), "Infinity"},
	{"double precision", math.Copysign(0, -1), "-0"},
	{"numeric", number("0"), "0"},
	{"numeric", number("-12345.6789"), "-12345.6789"},
	{"numeric", number("10000"), "10000"},
	{"numeric", number("0.0001"), "0.0001"},
	{"numeric", number("0.00000000000000000000000000000000000001"), "0.00000000000000000000000000000000000001"},
	{"numeric", number("1" + strings.Repeat("0", 200)), "1" + strings.Repeat("0", 200)},
	{"numeric", number(strings.Repeat("9", 1000) + "." + strings.Repeat("1", 500)), strings.Repeat("9", 1000) + "." + strings.Repeat("1", 500)},
	{"numeric", pgtype.Numeric{NaN: true, Valid: true}, "NaN"},
	{"numeric", pgtype.Numeric{InfinityModifier: pgtype.Infinity, Valid: true}, "Infinity"},
	{"numeric", pgtype.Numeric{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, "-Infinity"},
	{"text", "", ""},
	{"text", "it's \"a\" \\ text\nof ünïcode 🐘", "it's \"a\" \\ text\nof ünïcode 🐘"},
	{"varchar(5)", "abcde", "abcde"},
	{"bytea", []byte{}, `\x`},
	{"bytea", []byte{0, 1, 0xff, '\\', '\''}, `\x0001ff5c27`},
	{"uuid", uuid, uuidText},
	{"date", date(2000, 1, 1), "2000-01-01"},
	{"date", date(1, 1, 1), "0001-01-01"},
	{"date", date(9999, 12, 31), "9999-12-31"},
	{"date", pgtype.Date{InfinityModifier: pgtype.Infinity, Valid: true}, "infinity"},
	{"date", pgtype.Date{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, "-infinity"},
	{"time", pgtype.Time{Microseconds: 0, Valid: true}, "00:00:00"},
	{"time", pgtype.Time{Microseconds: 86399999999, Valid: true}, "23:59:59.999999"},
	{"timestamp", instant, "2024-02-29 23:59:59.123456"},
	{"timestamp", pgtype.Timestamp{InfinityModifier: pgtype.Infinity, Valid: true}, "infinity"},
	{"timestamptz", instant, "2024-02-29 23:59:59.123456+00"},
	{"timestamptz", pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, "-infinity"},
	{"interval", pgtype.Interval{Months: 14, Days: -3, Microseconds: 3723000001, Valid: true}, "1 year 2 mons -3 days +01:02:03.000001"},
	{"interval", pgtype.Interval{Valid: true}, "00:00:00"},
	{"jsonb", map[string]any{"a": []any{1.0, nil, "x"}}, `{"a": [1, null, "x"]}`},
	{"json", map[string]any{"a": true}, `{"a":true}`},
	{"boolean[]", []bool{true, false}, "{t,f}"},
	{"smallint[]", []int16{1, -1}, "{1,-1}"},
	{"integer[]", []int32{1, 2, 3}, "{1,2,3}"},
	{"integer[]", []int32{}, "{}"},
	{"integer[]", [][]int32{{1, 2}, {3, 4}}, "{{1,2},{3,4}}"},
	{"bigint[]", []int64{math.MinInt64, 0}, "{-9223372036854775808,0}"},
	{"real[]", []float32{0.5}, "{0.5}"},
	{"double precision[]", []float64{0.25, -1e100}, "{0.25,-1e+100}"},
	{"numeric[]", []pgtype.Numeric{number("1.50"), {}}, "{1.50,NULL}"},
	{"text[]", []string{"a b", `c"d\`, "", "NULL", "{x}"}, `{"a b","c\"d\\","","NULL","{x}"}`},
	{"text[]", []*string{nil}, "{NULL}"},
	{"varchar[]", []string{"x"}, "{x}"},
	{"bytea[]", [][]byte{{1}, nil}, `{"\\x01",NULL}`},
	{"uuid[]", [][16]byte{uuid}, "{" + uuidText + "}"},
	{"date[]", []time.Time{date(2024, 2, 29)}, "{2024-02-29}"},
	{"timestamp[]", []time.Time{instant}, `{"2024-02-29 23:59:59.123456"}`},
	{"timestamptz[]", []time.Time{instant}, `{"2024-02-29 23:59:59.123456+00"}`},
	{"interval[]", []pgtype.Interval{{Days: 1, Valid: true}}, `{"1 day"}`},
	{"jsonb[]", []map[string]any{{"a": 1.0}}, `{"{\"a\": 1}"}`},
}

// column is the name of a column for a type.
func column(typ string) string {
	return "c_" + strings.NewReplacer(" ", "_", "[]", "_array", "(", "", ")", "").Replace(typ)
}

// inSQL reports whether the simple protocol has a spelling for the value: pgx
// writes a Go map or slice into the text only where its own type tells which
// PostgreSQL type it is.
func (v value) inSQL() bool {
	switch v.goes.(type) {
	case [][]int32, map[string]any, []map[string]any, [][16]byte, [16]byte:
		return false
	}
	return true
}

// equal compares what was read with what was written.
func equal(a, b any) bool {
	x, ok := a.(time.Time)
	y, ok2 := b.(time.Time)
	if ok && ok2 {
		return x.Equal(y)
	}
	if x, ok := a.([]time.Time); ok {
		y, ok := b.([]time.Time)
		return ok && len(x) == len(y) && len(x) == 1 && x[0].Equal(y[0])
	}
	return reflect.DeepEqual(a, b)
}

// TestPgxValues holds that every value of every type arrives as it was sent, as a
// parameter, through a column, and back, in all of pgx's modes, as text and in
// binary.
func TestPgxValues(t *testing.T) {
	setup := connect(t, pgx.QueryExecModeSimpleProtocol)
	var columns []string
	seen := map[string]bool{}
	for _, v := range values {
		if !seen[v.sql] {
			seen[v.sql] = true
			columns = append(columns, column(v.sql)+" "+v.sql)
		}
	}
	create := "CREATE TABLE pgx_values (id bigint PRIMARY KEY, " + strings.Join(columns, ", ") + ")"
	if _, err := setup.Exec(limited(t), create); err != nil {
		t.Fatal(err)
	}
	for m, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			conn := connect(t, mode)
			for i, v := range values {
				roundTrip(t, conn, mode, int64(m*1000+i), v)
				nullTrip(t, conn, int64(m*1000+i+500), v.sql)
			}
		})
	}
}

// described reports whether pgx knows the parameters' types in a mode.
func described(mode pgx.QueryExecMode) bool {
	return mode != pgx.QueryExecModeExec && mode != pgx.QueryExecModeSimpleProtocol
}

func roundTrip(t *testing.T, conn *pgx.Conn, mode pgx.QueryExecMode, id int64, v value) {
	t.Helper()
	if !described(mode) && !v.inSQL() {
		return
	}
	ctx := limited(t)
	about := fmt.Sprintf("%s %.60s", v.sql, v.text)
	if _, err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO pgx_values (id, %s) VALUES ($1, $2)", column(v.sql)), id, v.goes); err != nil {
		t.Errorf("%s: insert: %v", about, err)
		return
	}
	back := reflect.New(reflect.TypeOf(v.goes))
	var text string
	query := fmt.Sprintf("SELECT %[1]s, %[1]s::text FROM pgx_values WHERE id = $1", column(v.sql))
	if err := conn.QueryRow(ctx, query, id).Scan(back.Interface(), &text); err != nil {
		t.Errorf("%s: select: %v", about, err)
	} else if !equal(back.Elem().Interface(), v.goes) || text != v.text {
		t.Errorf("%s: got %v, %s", about, back.Elem().Interface(), text)
	}
	cast := fmt.Sprintf("SELECT $1::%[1]s, ($1::%[1]s)::text", v.sql)
	if err := conn.QueryRow(ctx, cast, v.goes).Scan(back.Interface(), &text); err != nil {
		t.Errorf("%s: as a parameter: %v", about, err)
	} else if !equal(back.Elem().Interface(), v.goes) || text != v.text {
		t.Errorf("%s: as a parameter: got %v, %s", about, back.Elem().Interface(), text)
	}
	for _, format := range []int16{pgx.TextFormatCode, pgx.BinaryFormatCode} {
		if !described(mode) {
			break
		}
		if err := conn.QueryRow(ctx, cast, pgx.QueryResultFormats{format}, v.goes).Scan(back.Interface(), &text); err != nil {
			t.Errorf("%s: in format %d: %v", about, format, err)
		} else if !equal(back.Elem().Interface(), v.goes) {
			t.Errorf("%s: in format %d: got %v", about, format, back.Elem().Interface())
		}
	}
}

func nullTrip(t *testing.T, conn *pgx.Conn, id int64, typ string) {
	t.Helper()
	ctx := limited(t)
	var null, arg *string
	c := column(typ)
	if _, err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO pgx_values (id, %s) VALUES ($1, $2)", c), id, nil); err != nil {
		t.Errorf("%s NULL: insert: %v", typ, err)
	}
	query := fmt.Sprintf("SELECT %s::text, $2::%s::text FROM pgx_values WHERE id = $1 AND %s IS NULL", c, typ, c)
	if err := conn.QueryRow(ctx, query, id, nil).Scan(&null, &arg); err != nil || null != nil || arg != nil {
		t.Errorf("%s NULL: %v %v %v", typ, null, arg, err)
	}
}

// TestPgxGenericScan holds that what pgx makes of a value without being told a Go
// type is the same as with PostgreSQL.
func TestPgxGenericScan(t *testing.T) {
	conn := connect(t, pgx.QueryExecModeCacheStatement)
	rows, err := conn.Query(limited(t), `SELECT true, 1::int2, 2, 3::int8, 1.5::float4, 2.5::float8, 'x', 'y'::varchar(3),
		'\x01'::bytea, '`+uuidText+`'::uuid, '2024-02-29'::date, '2024-02-29 23:59:59.123456'::timestamp,
		'{"a":1}'::jsonb, ARRAY[1,2], ARRAY['a',NULL], NULL::text`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectExactlyOneRow(rows, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
	if err != nil {
		t.Fatal(err)
	}
	want := []any{true, int16(1), int32(2), int64(3), float32(1.5), 2.5, "x", "y", []byte{1}, uuid, date(2024, 2, 29), instant,
		map[string]any{"a": 1.0}, []any{int32(1), int32(2)}, []any{"a", nil}, nil}
	for i := range want {
		if !equal(got[i], want[i]) {
			t.Errorf("column %d is %#v, not %#v", i+1, got[i], want[i])
		}
	}
}
