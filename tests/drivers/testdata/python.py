# What psycopg2 does with a server, in autocommit mode and in its own. Prints "ok" at the end.
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

# Its own mode: the first statement begins a transaction.
ext = psycopg2.extensions
conn.autocommit = False
other = psycopg2.connect("")
other.autocommit = True
others = other.cursor()


def seen():
    others.execute("SELECT count(*) FROM py WHERE id >= 100")
    return others.fetchone()[0]


check(conn.status, ext.STATUS_READY)
cur.execute("INSERT INTO py (id, t) VALUES (100, 'a')")
check(conn.info.transaction_status, ext.TRANSACTION_STATUS_INTRANS)
check(one("SELECT t FROM py WHERE id = 100"), ("a",))
check(seen(), 0)
conn.commit()
check(conn.info.transaction_status, ext.TRANSACTION_STATUS_IDLE)
check(seen(), 1)
cur.execute("DELETE FROM py WHERE id = 100")
conn.rollback()
check(seen(), 1)
try:
    with conn:
        cur.execute("INSERT INTO py (id) VALUES (101)")
        cur.execute("INSERT INTO py (id) VALUES (100)")
    raise AssertionError("no error")
except psycopg2.errors.UniqueViolation:
    pass
check(conn.info.transaction_status, ext.TRANSACTION_STATUS_IDLE)
check(seen(), 1)
with conn:
    with conn.cursor() as c:
        c.executemany("INSERT INTO py (id, t) VALUES (%s, %s)", [(i, "m") for i in range(101, 110)])
check(seen(), 10)
try:
    cur.execute("SELECT 1/0")
    raise AssertionError("no error")
except psycopg2.errors.DivisionByZero:
    pass
check(conn.info.transaction_status, ext.TRANSACTION_STATUS_INERROR)
try:
    cur.execute("SELECT 1")
    raise AssertionError("no error")
except psycopg2.errors.InFailedSqlTransaction:
    pass
conn.rollback()

cur.execute("SAVEPOINT s")
cur.execute("DELETE FROM py WHERE id >= 100")
check(one("SELECT count(*) FROM py WHERE id >= 100"), (0,))
cur.execute("ROLLBACK TO SAVEPOINT s")
check(one("SELECT count(*) FROM py WHERE id >= 100"), (10,))
conn.commit()

server_side = conn.cursor("server_side")
server_side.itersize = 4
server_side.execute("SELECT id FROM py WHERE id >= 100 ORDER BY id")
check([r[0] for r in server_side], list(range(100, 110)))
server_side.close()
server_side = conn.cursor("again")
server_side.execute("SELECT id FROM py WHERE id >= 100 ORDER BY id")
check(server_side.fetchmany(2), [(100,), (101,)])
server_side.scroll(3)
check(server_side.fetchone(), (105,))
check(len(server_side.fetchall()), 4)
server_side.close()
conn.rollback()

conn.set_session(isolation_level="SERIALIZABLE", readonly=True)
check(one("SHOW transaction_read_only"), ("on",))
check(one("SHOW transaction_isolation"), ("serializable",))
try:
    cur.execute("DELETE FROM py")
    raise AssertionError("no error")
except psycopg2.errors.ReadOnlySqlTransaction:
    pass
conn.rollback()
conn.set_session(isolation_level="READ COMMITTED", readonly=False, autocommit=False)
cur.execute("DELETE FROM py WHERE id >= 100")
check(cur.rowcount, 10)
conn.commit()
check(seen(), 0)
other.close()
conn.autocommit = True

cur.execute("DROP TABLE py")
conn.close()
print("ok")
