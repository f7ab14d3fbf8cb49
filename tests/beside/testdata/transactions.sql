-- Transactions: the same to PostgreSQL and to ssmr.
DROP TABLE IF EXISTS account;
CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12,2) NOT NULL CHECK (balance >= 0));
INSERT INTO account SELECT g, 'owner ' || g, 100 FROM generate_series(1, 10) AS g;

-- A transfer.
BEGIN;
UPDATE account SET balance = balance - 30 WHERE id = 1;
UPDATE account SET balance = balance + 30 WHERE id = 2;
SELECT id, balance FROM account WHERE id IN (1, 2) ORDER BY id;
COMMIT;
SELECT id, balance FROM account WHERE id IN (1, 2) ORDER BY id;
SELECT sum(balance) FROM account;

-- One that is taken back, and one that fails.
BEGIN;
UPDATE account SET balance = balance * 2;
SELECT sum(balance), count(*) FROM account;
ROLLBACK;
SELECT sum(balance), count(*) FROM account;
BEGIN;
UPDATE account SET balance = balance + 500 WHERE id = 3;
UPDATE account SET balance = balance - 500 WHERE id = 4;
SELECT 1;
COMMIT;
SELECT id, balance FROM account WHERE id IN (3, 4) ORDER BY id;

-- A transaction sees what it has done: rows that are new, changed and gone, by key
-- and by scan, in order, in groups, in limits.
BEGIN;
INSERT INTO account VALUES (11, 'new', 5), (0, 'first', 7), (12, 'other', 6);
DELETE FROM account WHERE id = 5;
UPDATE account SET owner = 'changed' WHERE id = 6;
UPDATE account SET balance = 1 WHERE id = 11;
SELECT * FROM account ORDER BY id;
SELECT * FROM account ORDER BY id DESC LIMIT 3;
SELECT * FROM account ORDER BY id LIMIT 2 OFFSET 4;
SELECT owner FROM account WHERE id = 11;
SELECT owner FROM account WHERE id = 5;
SELECT id FROM account WHERE owner = 'changed';
SELECT id FROM account WHERE id BETWEEN 4 AND 7 ORDER BY id;
SELECT id FROM account WHERE id IN (4, 5, 6, 11, 99) ORDER BY id;
SELECT balance, count(*) FROM account GROUP BY balance ORDER BY balance;
SELECT count(*), min(id), max(id), sum(balance), avg(balance)::numeric(12,4) FROM account;
SELECT DISTINCT balance FROM account ORDER BY balance;
SELECT id FROM account ORDER BY balance, owner LIMIT 4;
UPDATE account SET balance = balance + 1 WHERE balance < 2 RETURNING id, balance;
DELETE FROM account WHERE balance < 10 AND id > 11 RETURNING id;
INSERT INTO account VALUES (5, 'again', 55) RETURNING *;
INSERT INTO account VALUES (5, 'twice', 1) ON CONFLICT (id) DO UPDATE SET balance = account.balance + excluded.balance RETURNING *;
INSERT INTO account VALUES (0, 'no', 1), (13, 'yes', 13) ON CONFLICT DO NOTHING RETURNING id;
SELECT * FROM account ORDER BY id;
ROLLBACK;
SELECT count(*), sum(balance) FROM account;
BEGIN;
INSERT INTO account VALUES (20, 'twenty', 20);
DELETE FROM account WHERE id = 20;
INSERT INTO account VALUES (20, 'again', 21);
DELETE FROM account WHERE id = 9;
INSERT INTO account VALUES (9, 'nine', 9);
UPDATE account SET owner = owner || '!' WHERE id IN (9, 20);
COMMIT;
SELECT * FROM account WHERE id IN (9, 20) ORDER BY id;
DELETE FROM account WHERE id = 20;

-- Errors within one.
BEGIN;
INSERT INTO account VALUES (21, 'x', 1);
INSERT INTO account VALUES (21, 'y', 2);
ROLLBACK;
BEGIN;
INSERT INTO account VALUES (1, 'y', 2);
INSERT INTO account VALUES (22, 'y', 2);
END;
BEGIN;
DELETE FROM account WHERE id = 1;
INSERT INTO account VALUES (1, NULL, 2);
COMMIT;
BEGIN;
SELECT * FROM nothing;
ROLLBACK;
BEGIN;
SELECT id / 0 FROM account;
COMMIT;
SELECT count(*) FROM account;

-- Savepoints.
BEGIN;
SAVEPOINT one;
UPDATE account SET balance = 0 WHERE id = 1;
SAVEPOINT two;
DELETE FROM account WHERE id <= 3;
SELECT count(*) FROM account;
ROLLBACK TO two;
SELECT id, balance FROM account WHERE id <= 3 ORDER BY id;
INSERT INTO account VALUES (1, 'again', 1);
SELECT 1;
ROLLBACK TO SAVEPOINT two;
INSERT INTO account VALUES (30, 'thirty', 30);
RELEASE two;
SELECT id, balance FROM account WHERE id IN (1, 30) ORDER BY id;
ROLLBACK TO one;
SELECT id, balance FROM account WHERE id IN (1, 30) ORDER BY id;
RELEASE one;
RELEASE one;
ROLLBACK;
BEGIN;
INSERT INTO account VALUES (31, 'a', 1);
SAVEPOINT s;
INSERT INTO account VALUES (32, 'b', 1);
SAVEPOINT s;
INSERT INTO account VALUES (33, 'c', 1);
ROLLBACK TO s;
RELEASE s;
ROLLBACK TO s;
INSERT INTO account VALUES (34, 'd', 1);
COMMIT;
SELECT id FROM account WHERE id > 30 ORDER BY id;
DELETE FROM account WHERE id > 30;
SAVEPOINT x;
ROLLBACK TO x;
RELEASE x;

-- Several statements in one.
INSERT INTO account VALUES (41, 'a', 1); INSERT INTO account VALUES (42, 'a', -1);
SELECT id FROM account WHERE id > 40;
INSERT INTO account VALUES (41, 'a', 1); UPDATE account SET balance = 2 WHERE id = 41; SELECT balance FROM account WHERE id = 41;
INSERT INTO account VALUES (43, 'a', 1); COMMIT; INSERT INTO account VALUES (41, 'a', 1);
SELECT id FROM account WHERE id > 40 ORDER BY id;
DELETE FROM account WHERE id > 40; ROLLBACK;
SELECT id FROM account WHERE id > 40 ORDER BY id;
BEGIN; DELETE FROM account WHERE id > 40; COMMIT;
SELECT id FROM account WHERE id > 40 ORDER BY id;
SELECT 1; BEGIN; SELECT 1 / 0;
SELECT 2;
ROLLBACK;

-- Modes.
BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SHOW transaction_isolation;
SHOW transaction_read_only;
SHOW transaction_deferrable;
SELECT count(*) FROM account;
COMMIT AND CHAIN;
SHOW transaction_read_only;
DELETE FROM account;
ROLLBACK AND CHAIN;
SELECT current_setting('transaction_read_only');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SHOW TRANSACTION ISOLATION LEVEL;
SET TRANSACTION READ ONLY;
INSERT INTO account VALUES (50, 'a', 1);
ABORT;
START TRANSACTION;
SELECT count(*) FROM account;
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
ROLLBACK;
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;
SHOW default_transaction_read_only;
INSERT INTO account VALUES (50, 'a', 1);
BEGIN READ WRITE;
INSERT INTO account VALUES (50, 'a', 1);
ROLLBACK;
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE;
SET default_transaction_isolation = 'repeatable read';
SHOW default_transaction_isolation;
SET default_transaction_isolation = 'chaos';
RESET default_transaction_isolation;
BEGIN;
COMMIT;
COMMIT;
ROLLBACK;
COMMIT AND CHAIN;

-- Parameters.
SET TimeZone = 'UTC';
BEGIN;
SET LOCAL TimeZone = 'Asia/Tokyo';
SELECT '2024-06-01 12:00+00'::timestamptz;
SET extra_float_digits = 0;
COMMIT;
SHOW TimeZone;
SHOW extra_float_digits;
BEGIN;
SET TimeZone = 'America/New_York';
SAVEPOINT a;
SET TimeZone = 'Asia/Tokyo';
ROLLBACK TO a;
SELECT '2024-06-01 12:00+00'::timestamptz;
ROLLBACK;
SELECT '2024-06-01 12:00+00'::timestamptz;
RESET extra_float_digits;
SELECT set_config('my.v', 'one', false), set_config('my.v', 'two', true);
SHOW my.v;
BEGIN;
SET LOCAL my.v = 'three';
SELECT current_setting('my.v');
ROLLBACK;
SHOW my.v;

-- Locks: what can be asked for, in one session.
BEGIN;
SELECT id FROM account WHERE id = 1 FOR UPDATE;
SELECT id FROM account WHERE id IN (2, 3) ORDER BY id FOR SHARE NOWAIT;
SELECT id FROM account WHERE id < 4 ORDER BY id FOR NO KEY UPDATE SKIP LOCKED;
SELECT id FROM account ORDER BY id LIMIT 2 FOR KEY SHARE OF account;
SELECT id FROM account WHERE id = 99 FOR UPDATE;
UPDATE account SET balance = balance + 1 WHERE id = 1;
SELECT balance FROM account WHERE id = 1 FOR UPDATE;
SAVEPOINT a;
SELECT count(*) FROM account FOR UPDATE;
ROLLBACK TO a;
SELECT DISTINCT owner FROM account FOR UPDATE;
ROLLBACK TO a;
SELECT id FROM account FOR UPDATE OF other;
ROLLBACK;
SELECT id FROM account WHERE id = 2 FOR UPDATE;

-- Cursors.
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT id, owner FROM account WHERE id <= 6 ORDER BY id;
FETCH 2 FROM c;
UPDATE account SET owner = 'seen' WHERE id <= 6;
FETCH c;
MOVE 1 FROM c;
FETCH ALL FROM c;
FETCH NEXT FROM c;
CLOSE c;
FETCH c;
ROLLBACK;
DECLARE c CURSOR FOR SELECT 1;
CLOSE c;

DROP TABLE account;
