# What psycopg2 does with a server, in autocommit mode. Prints "ok" at the end.
import datetime
import decimal
import uuid

import psycopg2
import psycopg2.errors
import psycopg2.extras
from psycopg2.extras import Json, execute_batch, execute_values

psycopg2.extras.register_uuid()
conn = psycopg2.connect("")
conn.autocommit = True
cur = conn.cursor()


def check(got, want):
    assert got == want, f"got {got!r}, not {want!r}"


def one(sql, args=None):
    cur.execute(sql, args)
    return cur.fetchone()


check(conn.server_version // 10000, 15)
check(conn.encoding, "UTF8")
check(conn.get_parameter_status("standard_conforming_strings"), "on")

cur.execute("""CREATE TABLE py (id bigint PRIMARY KEY, b boolean, f double precision, n numeric(20,5), t text, y bytea, u uuid,
    d date, tm time, ts timestamp, tz timestamptz, iv interval, j jsonb, a int[], ta text[])""")
check(cur.statusmessage, "CREATE TABLE")
utc = datetime.timezone.utc
row = (1, True, 0.1, decimal.Decimal("123456789012345.67891"), "it's \\ ü 100%", b"\x00\xff'\\",
       uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), datetime.date(2024, 2, 29), datetime.time(23, 59, 59, 123456),
       datetime.datetime(2024, 2, 29, 1, 2, 3, 4), datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=utc),
       datetime.timedelta(days=3, seconds=5, microseconds=7), {"a": [1, None, "x"]}, [1, None, 3], ["a b", None, '"', "\\"])
insert = "INSERT INTO py VALUES (" + ",".join(["%s"] * 15) + ")"
cur.execute(insert, tuple(Json(v) if isinstance(v, dict) else v for v in row))
check(cur.rowcount, 1)
got = list(one("SELECT * FROM py WHERE id = %s", (1,)))
got[5] = bytes(got[5])
check(tuple(got), row)

cur.execute(insert, (2,) + (None,) * 14)
check(one("SELECT * FROM py WHERE id = 2"), (2,) + (None,) * 14)
check(one("SELECT count(*), max(id) FROM py WHERE id = ANY(%s)", ([1, 2, 9],)), (2, 2))
check(one("SELECT count(*) FROM py WHERE id IN %s", ((1, 9),)), (1,))
check(one("SELECT t FROM py WHERE t LIKE '%%100%%' AND id = %(id)s", {"id": 1}), (row[4],))
check(one("SELECT 'NaN'::float8 > 1, 'infinity'::float8, ARRAY[]::int[], ARRAY[[1,2],[3,4]]"),
      (True, float("inf"), [], [[1, 2], [3, 4]]))

cur.executemany("INSERT INTO py (id, t) VALUES (%s, %s)", [(i, f"t{i}") for i in range(10, 20)])
execute_batch(cur, "UPDATE py SET f = %s WHERE id = %s", [(i / 2, i) for i in range(10, 20)])
execute_values(cur, "INSERT INTO py (id, t) VALUES %s ON CONFLICT (id) DO UPDATE SET t = excluded.t", [(19, "x"), (20, "y")])
check(cur.rowcount, 2)
check(one("SELECT count(*), sum(f) FROM py WHERE id >= 10"), (11, 72.5))
cur.execute("UPDATE py SET t = %s WHERE id >= 10 RETURNING id", ("z",))
check(sorted(r[0] for r in cur.fetchall()), list(range(10, 21)))
cur.execute("DELETE FROM py WHERE id >= 10")
check(cur.rowcount, 11)
check(cur.statusmessage, "DELETE 11")

named = conn.cursor(cursor_factory=psycopg2.extras.RealDictCursor)
named.execute("SELECT id, t FROM py ORDER BY id LIMIT 1")
check(named.fetchall(), [{"id": 1, "t": row[4]}])
cur.execute("SELECT id, n, t, tz FROM py LIMIT 0")
check([(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cur.description],
      [("id", 20, 8, None, None), ("n", 1700, 20, 20, 5), ("t", 25, -1, None, None), ("tz", 1184, 8, None, None)])

try:
    cur.execute("INSERT INTO py (id) VALUES (1)")
    raise AssertionError("no error")
except psycopg2.errors.UniqueViolation as e:
    check((e.pgcode, e.diag.constraint_name, e.diag.table_name, e.diag.message_detail),
          ("23505", "py_pkey", "py", "Key (id)=(1) already exists."))
try:
    cur.execute("SELECT nothing FROM py")
    raise AssertionError("no error")
except psycopg2.errors.UndefinedColumn as e:
    check(e.diag.statement_position, "8")
check(one("SELECT 1"), (1,))

cur.execute("PREPARE pyq (int) AS SELECT $1 + 1")
check(one("EXECUTE pyq (%s)", (41,)), (42,))
conn.set_client_encoding("UTF8")
cur.execute("SET application_name = 'py'")
check(one("SHOW application_name"), ("py",))

if conn.info.user != "postgres":
    conn.autocommit = False
    try:
        cur.execute("SELECT 1")
        raise AssertionError("no error")
    except psycopg2.errors.FeatureNotSupported as e:
        assert "transactions of several statements" in str(e), e
    conn.rollback()
    conn.autocommit = True
    check(one("SELECT 1"), (1,))

cur.execute("DROP TABLE py")
conn.close()
print("ok")
