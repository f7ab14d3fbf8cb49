// What node-postgres does with a server. Prints "ok" at the end.
'use strict';
const assert = require('node:assert');
const { Client, Pool } = require('pg');

async function fails(promise, code) {
  try {
    await promise;
  } catch (e) {
    assert.strictEqual(e.code, code, e.message);
    return e;
  }
  throw new Error('no error ' + code);
}

async function values(client) {
  await client.query(`CREATE TABLE node_t (id bigint PRIMARY KEY, b boolean, i int, f float8, n numeric, t text, y bytea, u uuid,
    d date, tz timestamptz, iv interval, j jsonb, a int[], ta text[])`);
  const at = new Date(Date.UTC(2024, 1, 29, 23, 59, 59, 123));
  const row = ['9223372036854775807', true, -5, 0.1, '12345678901234567890.5', "it's \\ ü", Buffer.from([0, 255, 92]),
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2024-02-29', at, '1 day 02:00:00', { a: [1, null, 'x'] }, [1, null, 3], ['a b', '"', null]];
  const places = row.map((_, i) => '$' + (i + 1)).join(', ');
  const insert = await client.query(`INSERT INTO node_t VALUES (${places})`, row);
  assert.deepStrictEqual([insert.command, insert.rowCount], ['INSERT', 1]);
  await client.query(`INSERT INTO node_t VALUES (${places})`, [1].concat(Array(13).fill(null)));
  const res = await client.query({ text: 'SELECT * FROM node_t WHERE id = $1', values: [row[0]], rowMode: 'array' });
  const got = res.rows[0];
  assert.deepStrictEqual(got.slice(0, 8), row.slice(0, 8));
  assert.strictEqual(got[8].getDate(), 29);
  assert.strictEqual(got[9].getTime(), at.getTime());
  assert.deepStrictEqual([got[10].days, got[10].hours], [1, 2]);
  assert.deepStrictEqual(got.slice(11), row.slice(11));
  assert.deepStrictEqual(res.fields.map((f) => f.dataTypeID), [20, 16, 23, 701, 1700, 25, 17, 2950, 1082, 1184, 1186, 3802, 1007, 1009]);
  const nulls = await client.query('SELECT * FROM node_t WHERE id = $1', [1]);
  assert.deepStrictEqual(Object.values(nulls.rows[0]), ['1'].concat(Array(13).fill(null)));
}

async function binary(client) { // node-postgres reads neither floats nor negative numbers rightly so
  const res = await client.query({
    text: 'SELECT id, b, abs(i) AS i, t, $2::int AS p FROM node_t WHERE id > $1 ORDER BY id', values: [1, 7], binary: true });
  const row = res.rows[0];
  assert.deepStrictEqual([row.b, row.i, row.t, row.p], [true, 5, "it's \\ ü", 7]);
}

async function statements(client) {
  const several = await client.query('SELECT 1 AS a; SELECT 2 AS b');
  assert.deepStrictEqual(several.map((r) => r.rows[0]), [{ a: 1 }, { b: 2 }]);
  assert.strictEqual((await client.query('')).rows.length, 0);
  for (const id of [10, 11, 12]) {
    const r = await client.query({ name: 'ins', text: 'INSERT INTO node_t (id, t) VALUES ($1, $2) RETURNING id, t', values: [id, 't' + id] });
    assert.deepStrictEqual(r.rows, [{ id: String(id), t: 't' + id }]);
  }
  assert.strictEqual((await client.query('UPDATE node_t SET i = $1 WHERE id = ANY($2)', [3, [10, 11, 99]])).rowCount, 2);
  assert.strictEqual((await client.query('SELECT count(*)::int AS n FROM node_t WHERE i = $1', [3])).rows[0].n, 2);
  assert.strictEqual((await client.query('DELETE FROM node_t WHERE id >= 10 AND id < 99')).rowCount, 3);
  assert.strictEqual((await client.query('SELECT g FROM generate_series(1, 10000) g')).rows.length, 10000);
}

async function errors(client) {
  const unique = await fails(client.query('INSERT INTO node_t (id) VALUES ($1)', [1]), '23505');
  assert.deepStrictEqual([unique.severity, unique.table, unique.constraint, unique.detail],
    ['ERROR', 'node_t', 'node_t_pkey', 'Key (id)=(1) already exists.']);
  assert.strictEqual((await fails(client.query('SELECT nothing FROM node_t'), '42703')).position, '8');
  await fails(client.query('SELECT $1::int', ['x']), '22P02');
  await fails(client.query('SELECT 1; SELECT 1/0; SELECT 2'), '22012');
  await fails(client.query({ name: 'bad', text: 'SELEKT' }), '42601');
  assert.strictEqual((await client.query('SELECT $1::text AS t', ['goes on'])).rows[0].t, 'goes on');
}

async function transactions(client, pool) {
  const n = async (c) => (await c.query('SELECT count(*)::int AS n FROM node_t WHERE id BETWEEN 100 AND 999')).rows[0].n;
  await client.query('BEGIN');
  await client.query('INSERT INTO node_t (id, t) VALUES ($1, $2)', [100, 'a']);
  assert.deepStrictEqual([await n(client), await n(pool)], [1, 0]);
  await client.query('ROLLBACK');
  assert.strictEqual(await n(client), 0);
  await client.query('START TRANSACTION ISOLATION LEVEL SERIALIZABLE');
  await client.query('INSERT INTO node_t (id) VALUES ($1), ($2)', [100, 101]);
  await client.query('SAVEPOINT s');
  await fails(client.query('INSERT INTO node_t (id) VALUES ($1)', [100]), '23505');
  await fails(client.query('SELECT $1::int', [1]), '25P02');
  await client.query('ROLLBACK TO SAVEPOINT s');
  assert.strictEqual((await client.query('COMMIT')).command, 'COMMIT');
  assert.strictEqual(await n(pool), 2);
  await client.query('BEGIN');
  await fails(client.query('SELECT 1/0'), '22012');
  assert.strictEqual((await client.query('COMMIT')).command, 'ROLLBACK');
  const results = await client.query("BEGIN; INSERT INTO node_t (id) VALUES (102); COMMIT; SELECT 1 AS one");
  assert.deepStrictEqual(results.map((r) => r.command), ['BEGIN', 'INSERT', 'COMMIT', 'SELECT']);
  await fails(client.query("INSERT INTO node_t (id) VALUES (103); INSERT INTO node_t (id) VALUES (103)"), '23505');
  assert.strictEqual(await n(client), 3);
  const own = await pool.connect(); // a pool's client, as applications do it
  try {
    await own.query('BEGIN');
    await own.query('DELETE FROM node_t WHERE id BETWEEN 100 AND 999');
    await own.query('COMMIT');
  } finally {
    own.release();
  }
  assert.strictEqual(await n(client), 0);
}

async function refused(client) {
  await fails(client.query('LISTEN channel'), '0A000');
  await fails(client.query('COPY node_t FROM STDIN'), '0A000');
}

async function main() {
  const client = new Client();
  await client.connect();
  await values(client);
  await binary(client);
  await statements(client);
  await errors(client);
  const others = new Pool({ max: 2 });
  await transactions(client, others);
  await others.end();
  if (process.env.PGUSER !== 'postgres') await refused(client);
  await client.query('DROP TABLE node_t');
  await client.end();

  const pool = new Pool({ max: 3, statement_timeout: 200, application_name: 'node-test' });
  const all = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => pool.query('SELECT $1::int * 2 AS n', [n])));
  assert.deepStrictEqual(all.map((r) => r.rows[0].n), [2, 4, 6, 8, 10, 12]);
  assert.strictEqual((await pool.query('SHOW application_name')).rows[0].application_name, 'node-test');
  await fails(pool.query('SELECT pg_sleep(50)'), '57014');
  await pool.end();
  console.log('ok');
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
