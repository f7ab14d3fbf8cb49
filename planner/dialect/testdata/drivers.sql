-- Statements as drivers, tools and benchmarks send them, one behind each line of dashes.
----
select id,name from author where id=$1;
----
select 1; select 2;
----
select price,u,created,doc,m,arr,flag,blob from author where id = any($1) limit 1;
----
select $1::text::regtype::oid;
----
select typtype::text, typbasetype from pg_type where oid=$1;
----
select typrelid from pg_type where oid=$1;
----
select attname, atttypid
from pg_attribute
where attrelid=$1
	and not attisdropped
	and attnum > 0
order by attnum;
----
WITH RECURSIVE
-- find the OIDs in pg_class which match one of the provided type names
selected_classes(oid,reltype) AS (
    -- this query uses the namespace search path, so will match type names without a schema prefix
    SELECT pg_class.oid, pg_class.reltype
    FROM pg_catalog.pg_class
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = pg_class.relnamespace
    WHERE pg_catalog.pg_table_is_visible(pg_class.oid)
      AND relname = ANY($1::text[])
UNION ALL
    -- this query will only match type names which include the schema prefix
    SELECT pg_class.oid, pg_class.reltype
    FROM pg_class
    INNER JOIN pg_namespace ON (pg_class.relnamespace = pg_namespace.oid)
    WHERE nspname || '.' || relname = ANY($1::text[])
),
selected_types(oid) AS (
    -- collect the OIDs from pg_types which correspond to the selected classes
    SELECT reltype AS oid
    FROM selected_classes
UNION ALL
    -- as well as any other type names which match our criteria
    SELECT pg_type.oid
    FROM pg_type
    LEFT OUTER JOIN pg_namespace ON (pg_type.typnamespace = pg_namespace.oid)
    WHERE typname = ANY($1::text[])
        OR nspname || '.' || typname = ANY($1::text[])
),
-- this builds a author/book mapping of objects, allowing us to know
-- all the book (ie: dependent) types that a author (type) requires
-- As can be seen, there are 3 ways this can occur (the last of which
-- is due to being a composite class, where the composite fields are bookren)
pc(author, book) AS (
    -- typtype = 'b' AND typelem != 0 is not sufficient to identify an array type: some
    -- scalar types (box, point, line, lseg, name, ...) also set typelem to describe their
    -- internal C representation. typcategory = 'A' is the reliable "is an array" signal.
    SELECT author.oid, author.typelem
    FROM pg_type author
    WHERE author.typtype = 'b' AND author.typelem != 0 AND author.typcategory = 'A'
UNION ALL
    SELECT author.oid, author.typbasetype
    FROM pg_type author
    WHERE author.typtypmod = -1 AND author.typbasetype != 0
UNION ALL
    SELECT pg_type.oid, atttypid
    FROM pg_attribute
    INNER JOIN pg_class ON (pg_class.oid = pg_attribute.attrelid)
    INNER JOIN pg_type ON (pg_type.oid = pg_class.reltype)
    WHERE NOT attisdropped
      AND attnum > 0
),
-- Now construct a recursive query which includes a 'depth' element.
-- This is used to ensure that the "youngest" bookren are registered before
-- their authors.
-- Deduplicate relationships at each depth so shared dependencies do not
-- multiply the work at every level of a nested composite type.
relationships(author, book, depth) AS (
    SELECT DISTINCT 0::OID, selected_types.oid, 0
    FROM selected_types
UNION ALL
    SELECT pg_type.oid AS author, pg_attribute.atttypid AS book, 1
    FROM selected_classes c
    inner join pg_type ON (c.reltype = pg_type.oid)
    inner join pg_attribute on (c.oid = pg_attribute.attrelid)
UNION
    SELECT pc.author, pc.book, relationships.depth + 1
    FROM pc
    INNER JOIN relationships ON (pc.author = relationships.book)
),
-- composite fields need to be encapsulated as a couple of arrays to provide the required information for registration
composite AS (
    SELECT pg_type.oid, ARRAY_AGG(attname ORDER BY attnum) AS attnames, ARRAY_AGG(atttypid ORDER BY ATTNUM) AS atttypids
    FROM pg_attribute
    INNER JOIN pg_class ON (pg_class.oid = pg_attribute.attrelid)
    INNER JOIN pg_type ON (pg_type.oid = pg_class.reltype)
    WHERE NOT attisdropped
      AND attnum > 0
    GROUP BY pg_type.oid
)
-- Bring together this information, showing all the information which might possibly be required
-- to complete the registration, applying filters to only show the items which relate to the selected
-- types/classes.
SELECT typname,
       pg_namespace.nspname,
       typtype,
       typbasetype,
       typelem,
       typdelim,
       pg_type.oid,
       COALESCE(multirange.rngtypid, 0) AS rngtypid,
       COALESCE(pg_range.rngsubtype, 0) AS rngsubtype,
       attnames, atttypids
    FROM relationships
    INNER JOIN pg_type ON (pg_type.oid = relationships.book)
    LEFT OUTER JOIN pg_range ON (pg_type.oid = pg_range.rngtypid)
    LEFT OUTER JOIN pg_range multirange ON (pg_type.oid = multirange.rngmultitypid)
    LEFT OUTER JOIN composite USING (oid)
    LEFT OUTER JOIN pg_namespace ON (pg_type.typnamespace = pg_namespace.oid)
    -- Only emit typtype = 'b' rows that are true arrays (typcategory = 'A'). Other base
    -- types, including ones with a non-zero typelem for non-array reasons (box, point,
    -- line, lseg, name, ...), already have a codec registered and must not be re-emitted,
    -- or LoadTypes will overwrite their correct codec with a bogus ArrayCodec.
    WHERE NOT (typtype = 'b' AND NOT (typelem != 0 AND typcategory = 'A'))
    GROUP BY typname, pg_namespace.nspname, typtype, typbasetype, typelem, typdelim, pg_type.oid, pg_range.rngsubtype,
        multirange.rngtypid,
        attnames, atttypids
    ORDER BY MAX(depth) desc, typname;
----
select count(*) from book;
----
select "author_id", "v" from "book";
----
copy "book" ( "author_id", "v" ) from stdin binary;
----
begin isolation level serializable read only;
----
savepoint sp_1;
----
rollback to savepoint sp_1;
----
select id,name from author where id= '1';
----
select pg_sleep(2);
----
;
----
insert into book(author_id,v,f) values($1,$2,$3);
----
BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE;
----
update book set v='q' where id=$1;
----
select created,doc,price,blob,flag from author where id = any($1);
----
insert into author(name) values('n1');
----
BEGIN READ WRITE;
----
COPY "book" ("author_id", "v") FROM STDIN;
----
LISTEN "ch";
----
begin isolation level serializable;
----
CREATE TABLE IF NOT EXISTS warehouse (
	w_id INT NOT NULL,
	w_name VARCHAR(10),
	w_street_1 VARCHAR(20),
	w_street_2 VARCHAR(20),
	w_city VARCHAR(20),
	w_state CHAR(2),
	w_zip CHAR(9),
	w_tax DECIMAL(4, 4),
	w_ytd DECIMAL(12, 2),
	PRIMARY KEY (w_id)
);
----
CREATE TABLE IF NOT EXISTS district (
	d_id INT NOT NULL,
	d_w_id INT NOT NULL,
	d_name VARCHAR(10),
	d_street_1 VARCHAR(20),
	d_street_2 VARCHAR(20),
	d_city VARCHAR(20),
	d_state CHAR(2),
	d_zip CHAR(9),
	d_tax DECIMAL(4, 4),
	d_ytd DECIMAL(12, 2),
	d_next_o_id INT,
	PRIMARY KEY (d_w_id, d_id)
);
----
CREATE TABLE IF NOT EXISTS customer (
	c_id INT NOT NULL, 
	c_d_id INT NOT NULL,
	c_w_id INT NOT NULL, 
	c_first VARCHAR(16), 
	c_middle CHAR(2), 
	c_last VARCHAR(16), 
	c_street_1 VARCHAR(20), 
	c_street_2 VARCHAR(20), 
	c_city VARCHAR(20), 
	c_state CHAR(2), 
	c_zip CHAR(9), 
	c_phone CHAR(16), 
	c_since TIMESTAMP, 
	c_credit CHAR(2), 
	c_credit_lim DECIMAL(12, 2), 
	c_discount DECIMAL(4,4), 
	c_balance DECIMAL(12,2), 
	c_ytd_payment DECIMAL(12,2), 
	c_payment_cnt INT, 
	c_delivery_cnt INT, 
	c_data VARCHAR(500),
	PRIMARY KEY(c_w_id, c_d_id, c_id)
);
----
create index idx_customer on customer(c_w_id, c_d_id, c_last, c_first);
----
CREATE TABLE IF NOT EXISTS history (
	h_c_id INT NOT NULL,
	h_c_d_id INT NOT NULL,
	h_c_w_id INT NOT NULL,
	h_d_id INT NOT NULL,
	h_w_id INT NOT NULL,
	h_date TIMESTAMP,
	h_amount DECIMAL(6, 2),
	h_data VARCHAR(24)
);
----
create index idx_h_w_id on history(h_w_id);
----
create index idx_h_c_w_id on history(h_c_w_id);
----
CREATE TABLE IF NOT EXISTS new_order (
	no_o_id INT NOT NULL,
	no_d_id INT NOT NULL,
	no_w_id INT NOT NULL,
	PRIMARY KEY(no_w_id, no_d_id, no_o_id)
);
----
CREATE TABLE IF NOT EXISTS orders (
	o_id INT NOT NULL,
	o_d_id INT NOT NULL,
	o_w_id INT NOT NULL,
	o_c_id INT,
	o_entry_d TIMESTAMP,
	o_carrier_id INT,
	o_ol_cnt INT,
	o_all_local INT,
	PRIMARY KEY(o_w_id, o_d_id, o_id)
);
----
create index idx_order on orders(o_w_id, o_d_id, o_c_id, o_id);
----
CREATE TABLE IF NOT EXISTS order_line (
		ol_o_id INT NOT NULL,
		ol_d_id INT NOT NULL,
		ol_w_id INT NOT NULL,
		ol_number INT NOT NULL,
		ol_i_id INT NOT NULL,
		ol_supply_w_id INT,
		ol_delivery_d TIMESTAMP,
		ol_quantity INT,
		ol_amount DECIMAL(6, 2),
		ol_dist_info CHAR(24),
		PRIMARY KEY(ol_w_id, ol_d_id, ol_o_id, ol_number)
);
----
CREATE TABLE IF NOT EXISTS stock (
	s_i_id INT NOT NULL,
	s_w_id INT NOT NULL,
	s_quantity INT,
	s_dist_01 CHAR(24), 
	s_dist_02 CHAR(24),
	s_dist_03 CHAR(24),
	s_dist_04 CHAR(24), 
	s_dist_05 CHAR(24), 
	s_dist_06 CHAR(24), 
	s_dist_07 CHAR(24), 
	s_dist_08 CHAR(24), 
	s_dist_09 CHAR(24), 
	s_dist_10 CHAR(24), 
	s_ytd INT, 
	s_order_cnt INT, 
	s_remote_cnt INT,
	s_data VARCHAR(50),
	PRIMARY KEY(s_w_id, s_i_id)
);
----
CREATE TABLE IF NOT EXISTS item (
	i_id INT NOT NULL,
	i_im_id INT,
	i_name VARCHAR(24),
	i_price DECIMAL(5, 2),
	i_data VARCHAR(50),
	PRIMARY KEY(i_id)
);
----
INSERT INTO warehouse (w_id, w_name, w_street_1, w_street_2, w_city, w_state, w_zip, w_tax, w_ytd) VALUES  (1,'M0vONLosfh','Fu979XffEpxlZpaXyX','B3DZIGN2SHGbs3WBn0iW','lYgrMiO40wPGz','KJ','132311111',0.135200,300000.000000);
----
INSERT INTO district (d_id, d_w_id, d_name, d_street_1, d_street_2, 
d_city, d_state, d_zip, d_tax, d_ytd, d_next_o_id) VALUES  (1,1,'bImmuGev','T7hFu97RdLfHM','igVE0f5eb4bxH4f7f1','fQO0btLOVFNy3G94WNq','MB','637811111',0.162100,30000.000000,3001), (2,1,'5XJYK7pNoO','Cy7jTkOPTGvBbWCRU','YK8Hs6HwjPT','SkDgOrnj2Ryv','TS','064511111',0.151400,30000.000000,3001), (3,1,'Fz6iwMXf','HurmI1EzKXrS6MD0T2Ut','jNV6YWD1SyHl4sTUxvh0','pC1io99RojzpiJZqiC','IA','744311111',0.058700,30000.000000,3001), (4,1,'vC5BZr','pleckZTSAnLsw','n3imyE6xBQ7p','4WidhUCfCaqkigR','QD','290411111',0.114300,30000.000000,3001), (5,1,'li7xrX','yTl4uvgBpoa','hnkJRVqZAJigQBPVS','L07sws9AjiTm','QY','916311111',0.176300,30000.000000,3001), (6,1,'k5DX6crCtx','q8eMNWG1ea','SS49xyNhshda9RGYG','6qmQu6qaTuFjgThLL','BR','638411111',0.159800,30000.000000,3001), (7,1,'xPB2knfBKq','Z8uz3QpIf12v4mzP','7AHBtP3fnp21','oK5PAusCAZo','XI','410911111',0.141100,30000.000000,3001), (8,1,'H62YpJW','DtKKMaLze6ofs','Xej9l0av2Vr8l','ayZCZ853sIPYLK','GF','767211111',0.069000,30000.000000,3001), (9,1,'WH2acsjY','KSMK7XxCVTF','sVdUG35fpcv','eVI5X9GUwOAKnRIllCW','BJ','227111111',0.032500,30000.000000,3001), (10,1,'Uf326BMGwx','oBTNf2HYaZy','1gM3B6f32enWdt','ExwXQ8a0fApZHPdksY','BX','127911111',0.035700,30000.000000,3001);
----
SELECT c_discount, c_last, c_credit, w_tax FROM customer, warehouse WHERE w_id = $1 AND c_w_id = w_id AND c_d_id = $2 AND c_id = $3;
----
SELECT d_next_o_id, d_tax FROM district WHERE d_id = $1 AND d_w_id = $2 FOR UPDATE;
----
UPDATE district SET d_next_o_id = $1 + 1 WHERE d_id = $2 AND d_w_id = $3;
----
INSERT INTO orders (o_id, o_d_id, o_w_id, o_c_id, o_entry_d, o_ol_cnt, o_all_local) VALUES ($1, $2, $3, $4, $5, $6, $7);
----
INSERT INTO new_order (no_o_id, no_d_id, no_w_id) VALUES ($1, $2, $3);
----
UPDATE stock SET s_quantity = $1, s_ytd = s_ytd + $2, s_order_cnt = s_order_cnt + 1, s_remote_cnt = s_remote_cnt + $3 WHERE s_i_id = $4 AND s_w_id = $5;
----
SELECT i_price, i_name, i_data, i_id FROM item WHERE i_id IN ($1,$2,$3,$4,$5);
----
SELECT s_i_id, s_quantity, s_data, s_dist_01, s_dist_02, s_dist_03, s_dist_04, s_dist_05, s_dist_06, s_dist_07, s_dist_08, s_dist_09, s_dist_10 FROM stock WHERE (s_w_id, s_i_id) IN (($1,$2),($3,$4),($5,$6),($7,$8),($9,$10)) FOR UPDATE;
----
INSERT into order_line (ol_o_id, ol_d_id, ol_w_id, ol_number, ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_dist_info) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9),($10,$11,$12,$13,$14,$15,$16,$17,$18),($19,$20,$21,$22,$23,$24,$25,$26,$27),($28,$29,$30,$31,$32,$33,$34,$35,$36),($37,$38,$39,$40,$41,$42,$43,$44,$45);
----
UPDATE warehouse SET w_ytd = w_ytd + $1 WHERE w_id = $2;
----
SELECT w_street_1, w_street_2, w_city, w_state, w_zip, w_name FROM warehouse WHERE w_id = $1;
----
UPDATE district SET d_ytd = d_ytd + $1 WHERE d_w_id = $2 AND d_id = $3;
----
SELECT d_street_1, d_street_2, d_city, d_state, d_zip, d_name FROM district WHERE d_w_id = $1 AND d_id = $2;
----
SELECT c_id FROM customer WHERE c_w_id = $1 AND c_d_id = $2 AND c_last = $3 ORDER BY c_first;
----
SELECT c_first, c_middle, c_last, c_street_1, c_street_2, c_city, c_state, c_zip, c_phone,
c_credit, c_credit_lim, c_discount, c_balance, c_since FROM customer WHERE c_w_id = $1 AND c_d_id = $2 
AND c_id = $3 FOR UPDATE;
----
SELECT c_data FROM customer WHERE c_w_id = $1 AND c_d_id = $2 AND c_id = $3;
----
UPDATE customer SET c_balance = c_balance - $1, c_ytd_payment = c_ytd_payment + $2, 
c_payment_cnt = c_payment_cnt + 1, c_data = $3 WHERE c_w_id = $4 AND c_d_id = $5 AND c_id = $6;
----
UPDATE customer SET c_balance = c_balance - $1, c_ytd_payment = c_ytd_payment + $2, 
c_payment_cnt = c_payment_cnt + 1 WHERE c_w_id = $3 AND c_d_id = $4 AND c_id = $5;
----
INSERT INTO history (h_c_d_id, h_c_w_id, h_c_id, h_d_id, h_w_id, h_date, h_amount, h_data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);
----
SELECT count(c_id) namecnt FROM customer WHERE c_w_id = $1 AND c_d_id = $2 AND c_last = $3;
----
SELECT c_balance, c_first, c_middle, c_id FROM customer WHERE c_w_id = $1 AND c_d_id = $2 AND c_last = $3 ORDER BY c_first;
----
SELECT c_balance, c_first, c_middle, c_last FROM customer WHERE c_w_id = $1 AND c_d_id = $2 AND c_id = $3;
----
SELECT o_id, o_carrier_id, o_entry_d FROM orders WHERE o_w_id = $1 AND o_d_id = $2 AND o_c_id = $3 ORDER BY o_id DESC LIMIT 1;
----
SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM order_line WHERE ol_w_id = $1 AND ol_d_id = $2 AND ol_o_id = $3;
----
SELECT no_o_id FROM new_order WHERE no_w_id = $1 AND no_d_id = $2 ORDER BY no_o_id ASC LIMIT 1 FOR UPDATE;
----
DELETE FROM new_order WHERE (no_w_id, no_d_id, no_o_id) IN (
	($1,$2,$3),($4,$5,$6),($7,$8,$9),($10,$11,$12),($13,$14,$15),($16,$17,$18),($19,$20,$21),($22,$23,$24),($25,$26,$27),($28,$29,$30)
);
----
UPDATE orders SET o_carrier_id = $1 WHERE (o_w_id, o_d_id, o_id) IN (
	($2,$3,$4),($5,$6,$7),($8,$9,$10),($11,$12,$13),($14,$15,$16),($17,$18,$19),($20,$21,$22),($23,$24,$25),($26,$27,$28),($29,$30,$31)
);
----
SELECT o_d_id, o_c_id FROM orders WHERE (o_w_id, o_d_id, o_id) IN (
	($1,$2,$3),($4,$5,$6),($7,$8,$9),($10,$11,$12),($13,$14,$15),($16,$17,$18),($19,$20,$21),($22,$23,$24),($25,$26,$27),($28,$29,$30)
);
----
UPDATE order_line SET ol_delivery_d = $1 WHERE (ol_w_id, ol_d_id, ol_o_id) IN (
	($2,$3,$4),($5,$6,$7),($8,$9,$10),($11,$12,$13),($14,$15,$16),($17,$18,$19),($20,$21,$22),($23,$24,$25),($26,$27,$28),($29,$30,$31)
);
----
SELECT ol_d_id, SUM(ol_amount) FROM order_line WHERE (ol_w_id, ol_d_id, ol_o_id) IN (
	($1,$2,$3),($4,$5,$6),($7,$8,$9),($10,$11,$12),($13,$14,$15),($16,$17,$18),($19,$20,$21),($22,$23,$24),($25,$26,$27),($28,$29,$30)
) GROUP BY ol_d_id;
----
UPDATE customer SET c_balance = c_balance + $1, c_delivery_cnt = c_delivery_cnt + 1 WHERE c_w_id = $2 AND c_d_id = $3 AND c_id = $4;
----
SELECT d_next_o_id FROM district WHERE d_w_id = $1 AND d_id = $2;
----
SELECT /*+ HINT(order_line,stock) */ COUNT(DISTINCT (s_i_id)) stock_count FROM order_line, stock 
WHERE ol_w_id = $1 AND ol_d_id = $2 AND ol_o_id < $3 AND ol_o_id >= $4 - 20 AND s_w_id = $5 AND s_i_id = ol_i_id AND s_quantity < $6;
----
CREATE TABLE IF NOT EXISTS entries (entry_key VARCHAR(64) PRIMARY KEY, FIELD0 VARCHAR(100), FIELD1 VARCHAR(100), FIELD2 VARCHAR(100), FIELD3 VARCHAR(100), FIELD4 VARCHAR(100), FIELD5 VARCHAR(100), FIELD6 VARCHAR(100), FIELD7 VARCHAR(100), FIELD8 VARCHAR(100), FIELD9 VARCHAR(100));
----
INSERT INTO entries (entry_key ,field0 ,field1 ,field2 ,field3 ,field4 ,field5 ,field6 ,field7 ,field8 ,field9) VALUES ($1 ,$2 ,$3 ,$4 ,$5 ,$6 ,$7 ,$8 ,$9 ,$10 ,$11) ON CONFLICT DO NOTHING;
----
SELECT field0,field1,field2,field3,field4,field5,field6,field7,field8,field9 FROM entries WHERE entry_key = $1;
----
UPDATE entries SET field0 = $1 WHERE entry_key = $2;
----
SELECT field0,field1,field2,field3,field4,field5,field6,field7,field8,field9 FROM entries WHERE entry_key >= $1 LIMIT $2;
----
drop table if exists bank_accounts, bank_branches, bank_history, bank_tellers;
----
create table bank_history(tid int,bid int,aid    int,delta int,mtime timestamp,filler char(22));
----
create table bank_tellers(tid int not null,bid int,tbalance int,filler char(84)) with (fillfactor=100);
----
create table bank_accounts(aid    int not null,bid int,abalance int,filler char(84)) with (fillfactor=100);
----
create table bank_branches(bid int not null,bbalance int,filler char(88)) with (fillfactor=100);
----
truncate table bank_accounts, bank_branches, bank_history, bank_tellers;
----
insert into bank_branches(bid,bbalance) values(1,0);
----
insert into bank_tellers(tid,bid,tbalance) values (1,1,0);
----
copy bank_accounts from stdin with (freeze on);
----
vacuum analyze bank_branches;
----
vacuum analyze bank_tellers;
----
vacuum analyze bank_accounts;
----
vacuum analyze bank_history;
----
alter table bank_branches add primary key (bid);
----
alter table bank_tellers add primary key (tid);
----
alter table bank_accounts add primary key (aid);
----
select count(*) from bank_branches;
----
select o.n, p.partstrat, pg_catalog.count(i.inhauthor) from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on (n.oid = c.relnamespace) cross join lateral (select pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname)) as o(n) left join pg_catalog.pg_partitioned_table as p on (p.partrelid = c.oid) left join pg_catalog.pg_inherits as i on (c.oid = i.inhauthor) where c.relname = 'bank_accounts' and o.n is not null group by 1, 2 order by 1 asc limit 1;
----
vacuum bank_branches;
----
vacuum bank_tellers;
----
truncate bank_history;
----
UPDATE bank_accounts SET abalance = abalance + $1 WHERE aid = $2;
----
SELECT abalance FROM bank_accounts WHERE aid = $1;
----
UPDATE bank_tellers SET tbalance = tbalance + $1 WHERE tid = $2;
----
UPDATE bank_branches SET bbalance = bbalance + $1 WHERE bid = $2;
----
INSERT INTO bank_history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP);
----
END;
----
insert into bank_branches(bid,bbalance) select bid, 0 from generate_series(1, 1) as bid;
----
insert into bank_tellers(tid,bid,tbalance) select tid, (tid - 1) / 10 + 1, 0 from generate_series(1, 10) as tid;
----
insert into bank_accounts(aid,bid,abalance,filler) select aid, (aid - 1) / 100000 + 1, 0, '' from generate_series(1, 100000) as aid;
----
alter table bank_tellers add constraint bank_tellers_bid_fkey foreign key (bid) references bank_branches;
----
alter table bank_accounts add constraint bank_accounts_bid_fkey foreign key (bid) references bank_branches;
----
alter table bank_history add constraint bank_history_bid_fkey foreign key (bid) references bank_branches;
----
alter table bank_history add constraint bank_history_tid_fkey foreign key (tid) references bank_tellers;
----
alter table bank_history add constraint bank_history_aid_fkey foreign key (aid) references bank_accounts;
----
UPDATE bank_accounts SET abalance = abalance + -491 WHERE aid = 78985;
----
UPDATE bank_tellers SET tbalance = tbalance + -491 WHERE tid = 6;
----
UPDATE bank_branches SET bbalance = bbalance + -491 WHERE bid = 1;
----
INSERT INTO bank_history (tid, bid, aid, delta, mtime) VALUES (6, 1, 78985, -491, CURRENT_TIMESTAMP);
----
SET extra_float_digits = 3;
----
SET application_name = 'driver';
----
SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME,  CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema'  WHEN true THEN CASE  WHEN n.nspname = 'pg_catalog' OR n.nspname = 'information_schema' THEN CASE c.relkind   WHEN 'r' THEN 'SYSTEM TABLE'   WHEN 'v' THEN 'SYSTEM VIEW'   WHEN 'i' THEN 'SYSTEM INDEX'   ELSE NULL   END  WHEN n.nspname = 'pg_toast' THEN CASE c.relkind   WHEN 'r' THEN 'SYSTEM TOAST TABLE'   WHEN 'i' THEN 'SYSTEM TOAST INDEX'   ELSE NULL   END  ELSE CASE c.relkind   WHEN 'r' THEN 'TEMPORARY TABLE'   WHEN 'p' THEN 'TEMPORARY TABLE'   WHEN 'i' THEN 'TEMPORARY INDEX'   WHEN 'S' THEN 'TEMPORARY SEQUENCE'   WHEN 'v' THEN 'TEMPORARY VIEW'   ELSE NULL   END  END  WHEN false THEN CASE c.relkind  WHEN 'r' THEN 'TABLE'  WHEN 'p' THEN 'PARTITIONED TABLE'  WHEN 'i' THEN 'INDEX'  WHEN 'P' then 'PARTITIONED INDEX'  WHEN 'S' THEN 'SEQUENCE'  WHEN 'v' THEN 'VIEW'  WHEN 'c' THEN 'TYPE'  WHEN 'f' THEN 'FOREIGN TABLE'  WHEN 'm' THEN 'MATERIALIZED VIEW'  ELSE NULL  END  ELSE NULL  END  AS TABLE_TYPE, d.description AS REMARKS,  '' as TYPE_CAT, '' as TYPE_SCHEM, '' as TYPE_NAME, '' AS SELF_REFERENCING_COL_NAME, '' AS REF_GENERATION  FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c  LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0  and d.classoid = 'pg_class'::regclass)  WHERE c.relnamespace = n.oid  AND n.nspname LIKE 'public' AND c.relname LIKE '%' AND (false  OR ( c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' )  OR ( c.relkind = 'v' AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' ) )  ORDER BY TABLE_TYPE,TABLE_SCHEM,TABLE_NAME;
----
SELECT * FROM (SELECT n.nspname,c.relname,a.attname,a.atttypid,a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull,a.atttypmod,a.attlen,t.typtypmod,row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') as attidentity,nullif(a.attgenerated, '') as attgenerated,pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc,dsc.description,t.typbasetype,t.typtype  FROM pg_catalog.pg_namespace n  JOIN pg_catalog.pg_class c ON (c.relnamespace = n.oid)  JOIN pg_catalog.pg_attribute a ON (a.attrelid=c.oid)  JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid)  LEFT JOIN pg_catalog.pg_attrdef def ON (a.attrelid=def.adrelid AND a.attnum = def.adnum)  LEFT JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)  LEFT JOIN pg_catalog.pg_class dc ON (dc.oid=dsc.classoid AND dc.relname='pg_class')  LEFT JOIN pg_catalog.pg_namespace dn ON (dc.relnamespace=dn.oid AND dn.nspname='pg_catalog')  WHERE c.relkind in ('r','p','v','f','m') and a.attnum > 0 AND NOT a.attisdropped  AND n.nspname LIKE 'public' AND c.relname LIKE 'author') c WHERE true  AND attname LIKE '%' ORDER BY nspname,c.relname,attnum;
----
SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid   FROM pg_catalog.pg_type   LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r           from pg_namespace as ns           join ( select s.r, (current_schemas(false))[s.r] as nspname                    from generate_series(1, array_upper(current_schemas(false), 1)) as s(r) ) as r          using ( nspname )        ) as sp     ON sp.nspoid = typnamespace  WHERE pg_type.oid = $1  ORDER BY sp.r, pg_type.oid DESC;
----
SELECT n.nspname = ANY(current_schemas(true)), n.nspname, t.typname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid WHERE t.oid = $1;
----
SELECT        result.TABLE_CAT,        result.TABLE_SCHEM,        result.TABLE_NAME,        result.COLUMN_NAME,        result.KEY_SEQ,        result.PK_NAME FROM      (SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM,   ct.relname AS TABLE_NAME, a.attname AS COLUMN_NAME,   (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, ci.relname AS PK_NAME,   information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM FROM pg_catalog.pg_class ct   JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid)   JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid)   JOIN pg_catalog.pg_index i ON ( a.attrelid = i.indrelid)   JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid) WHERE true  AND n.nspname = 'public' AND ct.relname = 'author' AND i.indisprimary  ) result where  result.A_ATTNUM = (result.KEYS).x  ORDER BY result.table_name, result.pk_name, result.key_seq;
----
SELECT     tmp.TABLE_CAT,     tmp.TABLE_SCHEM,     tmp.TABLE_NAME,     tmp.NON_UNIQUE,     tmp.INDEX_QUALIFIER,     tmp.INDEX_NAME,     tmp.TYPE,     tmp.ORDINAL_POSITION,     trim(both '"' from pg_catalog.pg_get_indexdef(tmp.CI_OID, tmp.ORDINAL_POSITION, false)) AS COLUMN_NAME,   CASE tmp.AM_NAME     WHEN 'btree' THEN CASE tmp.I_INDOPTION[tmp.ORDINAL_POSITION - 1] & 1::smallint       WHEN 1 THEN 'D'       ELSE 'A'     END     ELSE NULL   END AS ASC_OR_DESC,     tmp.CARDINALITY,     tmp.PAGES,     tmp.FILTER_CONDITION FROM (SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM,   ct.relname AS TABLE_NAME, NOT i.indisunique AS NON_UNIQUE,   NULL AS INDEX_QUALIFIER, ci.relname AS INDEX_NAME,   CASE i.indisclustered     WHEN true THEN 1    ELSE CASE am.amname       WHEN 'hash' THEN 2      ELSE 3    END   END AS TYPE,   (information_schema._pg_expandarray(i.indkey)).n AS ORDINAL_POSITION,   ci.reltuples AS CARDINALITY,   ci.relpages AS PAGES,   pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS FILTER_CONDITION,   ci.oid AS CI_OID,   i.indoption AS I_INDOPTION,   am.amname AS AM_NAME FROM pg_catalog.pg_class ct   JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid)   JOIN pg_catalog.pg_index i ON (ct.oid = i.indrelid)   JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid)   JOIN pg_catalog.pg_am am ON (ci.relam = am.oid) WHERE true  AND n.nspname = 'public' AND ct.relname = 'author') AS tmp ORDER BY NON_UNIQUE, TYPE, INDEX_NAME, ORDINAL_POSITION;
----
SELECT setting FROM pg_catalog.pg_settings WHERE name='max_index_keys';
----
SELECT NULL::text AS PKTABLE_CAT, pkn.nspname AS PKTABLE_SCHEM, pkc.relname AS PKTABLE_NAME, pka.attname AS PKCOLUMN_NAME, NULL::text AS FKTABLE_CAT, fkn.nspname AS FKTABLE_SCHEM, fkc.relname AS FKTABLE_NAME, fka.attname AS FKCOLUMN_NAME, pos.n AS KEY_SEQ, CASE con.confupdtype  WHEN 'c' THEN 0 WHEN 'n' THEN 2 WHEN 'd' THEN 4 WHEN 'r' THEN 1 WHEN 'p' THEN 1 WHEN 'a' THEN 3 ELSE NULL END AS UPDATE_RULE, CASE con.confdeltype  WHEN 'c' THEN 0 WHEN 'n' THEN 2 WHEN 'd' THEN 4 WHEN 'r' THEN 1 WHEN 'p' THEN 1 WHEN 'a' THEN 3 ELSE NULL END AS DELETE_RULE, con.conname AS FK_NAME, pkic.relname AS PK_NAME, CASE  WHEN con.condeferrable AND con.condeferred THEN 5 WHEN con.condeferrable THEN 6 ELSE 7 END AS DEFERRABILITY  FROM  pg_catalog.pg_namespace pkn, pg_catalog.pg_class pkc, pg_catalog.pg_attribute pka,  pg_catalog.pg_namespace fkn, pg_catalog.pg_class fkc, pg_catalog.pg_attribute fka,  pg_catalog.pg_constraint con,  pg_catalog.generate_series(1, 32) pos(n),  pg_catalog.pg_class pkic WHERE pkn.oid = pkc.relnamespace AND pkc.oid = pka.attrelid AND pka.attnum = con.confkey[pos.n] AND con.confrelid = pkc.oid  AND fkn.oid = fkc.relnamespace AND fkc.oid = fka.attrelid AND fka.attnum = con.conkey[pos.n] AND con.conrelid = fkc.oid  AND con.contype = 'f' AND (pkic.relkind = 'i' OR pkic.relkind = 'I') AND pkic.oid = con.conindid  AND fkn.nspname = 'public' AND fkc.relname = 'book' ORDER BY pkn.nspname,pkc.relname, con.conname,pos.n;
----
SELECT nspname AS TABLE_SCHEM, NULL AS TABLE_CATALOG FROM pg_catalog.pg_namespace  WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_'  OR nspname = (pg_catalog.current_schemas(true))[1]) AND (nspname !~ '^pg_toast_temp_'  OR nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))  ORDER BY TABLE_SCHEM;
----
SELECT t.typname,t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON (t.typnamespace = n.oid)  WHERE n.nspname  != 'pg_toast' AND  (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid));
----
SELECT current_database() AS FUNCTION_CAT, n.nspname AS FUNCTION_SCHEM, p.proname AS FUNCTION_NAME,  d.description AS REMARKS,  CASE    WHEN (format_type(p.prorettype, null) = 'unknown') THEN 0   WHEN      (substring(pg_get_function_result(p.oid) from 0 for 6) = 'TABLE') OR      (substring(pg_get_function_result(p.oid) from 0 for 6) = 'SETOF') THEN 2   ELSE 1 END  AS FUNCTION_TYPE,  p.proname || '_' || p.oid AS SPECIFIC_NAME FROM pg_catalog.pg_proc p INNER JOIN pg_catalog.pg_namespace n ON p.pronamespace=n.oid LEFT JOIN pg_catalog.pg_description d ON p.oid=d.objoid WHERE true   AND p.prokind='f' AND n.nspname LIKE 'public' AND p.proname LIKE '%' ORDER BY FUNCTION_SCHEM, FUNCTION_NAME, p.oid::text;
----
SELECT NULL AS PROCEDURE_CAT, n.nspname AS PROCEDURE_SCHEM, p.proname AS PROCEDURE_NAME, NULL, NULL, NULL, d.description AS REMARKS, 2 AS PROCEDURE_TYPE,  p.proname || '_' || p.oid AS SPECIFIC_NAME  FROM pg_catalog.pg_namespace n, pg_catalog.pg_proc p  LEFT JOIN pg_catalog.pg_description d ON (p.oid=d.objoid)  LEFT JOIN pg_catalog.pg_class c ON (d.classoid=c.oid AND c.relname='pg_proc')  LEFT JOIN pg_catalog.pg_namespace pn ON (c.relnamespace=pn.oid AND pn.nspname='pg_catalog')  WHERE p.pronamespace=n.oid  AND p.prokind='p' AND n.nspname LIKE 'public' AND p.proname LIKE '%' ORDER BY PROCEDURE_SCHEM, PROCEDURE_NAME, p.oid::text;
----
select string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,absolute,action,ada,add,admin,after,all,allocate,alter,always,and,any,are,array,as,asc,asensitive,assertion,assignment,asymmetric,at,atomic,attribute,attributes,authorization,avg,before,begin,bernoulli,between,bigint,binary,blob,boolean,both,breadth,by,c,call,called,cardinality,cascade,cascaded,case,cast,catalog,catalog_name,ceil,ceiling,chain,char,char_length,character,character_length,character_set_catalog,character_set_name,character_set_schema,characteristics,characters,check,checked,class_origin,clob,close,coalesce,cobol,code_units,collate,collation,collation_catalog,collation_name,collation_schema,collect,column,column_name,command_function,command_function_code,commit,committed,condition,condition_number,connect,connection_name,constraint,constraint_catalog,constraint_name,constraint_schema,constraints,constructors,contains,continue,convert,corr,corresponding,count,covar_pop,covar_samp,create,cross,cube,cume_dist,current,current_collation,current_date,current_default_transform_group,current_path,current_role,current_time,current_timestamp,current_transform_group_for_type,current_user,cursor,cursor_name,cycle,data,date,datetime_interval_code,datetime_interval_precision,day,deallocate,dec,decimal,declare,default,defaults,deferrable,deferred,defined,definer,degree,delete,dense_rank,depth,deref,derived,desc,describe,descriptor,deterministic,diagnostics,disconnect,dispatch,distinct,domain,double,drop,dynamic,dynamic_function,dynamic_function_code,each,element,else,end,end-exec,equals,escape,every,except,exception,exclude,excluding,exec,execute,exists,exp,external,extract,false,fetch,filter,final,first,float,floor,following,for,foreign,fortran,found,free,from,full,function,fusion,g,general,get,global,go,goto,grant,granted,group,grouping,having,hierarchy,hold,hour,identity,immediate,implementation,in,including,increment,indicator,initially,inner,inout,input,insensitive,insert,instance,instantiable,int,integer,intersect,intersection,interval,into,invoker,is,isolation,join,k,key,key_member,key_type,language,large,last,lateral,leading,left,length,level,like,ln,local,localtime,localtimestamp,locator,lower,m,map,match,matched,max,maxvalue,member,merge,message_length,message_octet_length,message_text,method,min,minute,minvalue,mod,modifies,module,month,more,multiset,mumps,name,names,national,natural,nchar,nclob,nesting,new,next,no,none,normalize,normalized,not,"null",nullable,nullif,nulls,number,numeric,object,octet_length,octets,of,old,on,only,open,option,options,or,order,ordering,ordinality,others,out,outer,output,over,overlaps,overlay,overriding,pad,parameter,parameter_mode,parameter_name,parameter_ordinal_position,parameter_specific_catalog,parameter_specific_name,parameter_specific_schema,partial,partition,pascal,path,percent_rank,percentile_cont,percentile_disc,placing,pli,position,power,preceding,precision,prepare,preserve,primary,prior,privileges,procedure,public,range,rank,read,reads,real,recursive,ref,references,referencing,regr_avgx,regr_avgy,regr_count,regr_intercept,regr_r2,regr_slope,regr_sxx,regr_sxy,regr_syy,relative,release,repeatable,restart,result,return,returned_cardinality,returned_length,returned_octet_length,returned_sqlstate,returns,revoke,right,role,rollback,rollup,routine,routine_catalog,routine_name,routine_schema,row,row_count,row_number,rows,savepoint,scale,schema,schema_name,scope_catalog,scope_name,scope_schema,scroll,search,second,section,security,select,self,sensitive,sequence,serializable,server_name,session,session_user,set,sets,similar,simple,size,smallint,some,source,space,specific,specific_name,specifictype,sql,sqlexception,sqlstate,sqlwarning,sqrt,start,state,statement,static,stddev_pop,stddev_samp,structure,style,subclass_origin,submultiset,substring,sum,symmetric,system,system_user,table,table_name,tablesample,temporary,then,ties,time,timestamp,timezone_hour,timezone_minute,to,top_level_count,trailing,transaction,transaction_active,transactions_committed,transactions_rolled_back,transform,transforms,translate,translation,treat,trigger,trigger_catalog,trigger_name,trigger_schema,trim,true,type,uescape,unbounded,uncommitted,under,union,unique,unknown,unnamed,unnest,update,upper,usage,user,user_defined_type_catalog,user_defined_type_code,user_defined_type_name,user_defined_type_schema,using,value,values,var_pop,var_samp,varchar,varying,view,when,whenever,where,width_bucket,window,with,within,without,work,write,year,zone}'::text[]);
----
SELECT t.typlen FROM pg_catalog.pg_type t, pg_catalog.pg_namespace n WHERE t.typnamespace=n.oid AND t.typname='name' AND n.nspname='pg_catalog';
----
select current_schema();
----
SHOW TRANSACTION ISOLATION LEVEL;
----
select id,name,price,u,created,doc,m,arr,flag from author where id=$1 and name like $2;
----
SELECT c.oid, a.attnum, a.attname, c.relname, n.nspname, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), a.attidentity != '' OR pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%' FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON (c.relnamespace = n.oid) JOIN pg_catalog.pg_attribute a ON (c.oid = a.attrelid) JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid) LEFT JOIN pg_catalog.pg_attrdef d ON (d.adrelid = a.attrelid AND d.adnum = a.attnum) JOIN (SELECT 16392 AS oid , 1 AS attnum UNION ALL SELECT 16392, 2 UNION ALL SELECT 16392, 6 UNION ALL SELECT 16392, 5 UNION ALL SELECT 16392, 3 UNION ALL SELECT 16392, 4 UNION ALL SELECT 16392, 9 UNION ALL SELECT 16392, 10 UNION ALL SELECT 16392, 7) vals ON (c.oid = vals.oid AND a.attnum = vals.attnum);
----
insert into book(author_id,v,d) values($1,$2,$3)
RETURNING *;
----
SAVEPOINT "x";
----
ROLLBACK TO SAVEPOINT "x";
----
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;
----
select now(), DATE '2024-01-01';
----
select * from author where id=$1 and doc=$2;
----
select * from author where u=$1;
----
select id from author where id = any($1);
----
begin; select 2; commit;
----
SELECT n.nspname as "Schema",
  c.relname as "Name",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END as "Type",
  pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
WHERE c.relkind IN ('r','p','')
      AND n.nspname <> 'pg_catalog'
      AND n.nspname !~ '^pg_toast'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1,2;
----
CREATE TABLE bench(
  id SERIAL,
  k INTEGER DEFAULT '0' NOT NULL,
  c CHAR(120) DEFAULT '' NOT NULL,
  pad CHAR(60) DEFAULT '' NOT NULL,
  PRIMARY KEY (id)
);
----
INSERT INTO bench(k, c, pad) VALUES(125, '87373884869-33483505446-49964368351-70958137752-98553375726-98452243656-46606415660-92895291999-13903238332-20199543980', '31775511908-92481698167-49731548752-35039469345-93324385779'),(101, '83040620675-53348821629-95475863994-08913649586-39222224890-08076409892-64362481926-71726792798-34551098570-30915233754', '57674652115-49106362609-78032917057-55642213992-02061021682'),(102, '55806982756-43443862673-18084450583-44609028376-00519863879-07482580164-68344970198-95398280847-51115343624-38120009332', '25210530814-46400316443-71299164922-96075276849-45347812486'),(101, '78145693421-42333056730-08924040305-62056321980-56043143937-52548809566-66810710537-76025570385-63576100649-76471271993', '08293819101-49601877684-39216727644-18334849261-31838262368'),(102, '21865795492-83485944169-21225317193-46346037350-50099536620-35202986275-96317305176-21195756266-59487468653-21492074432', '73356010259-06530595883-38745145259-40721120241-09431720237'),(100, '87854985791-33907075419-40029835269-55751868019-97514163805-60178391840-89836952287-79095228946-89402043570-25975904442', '33225852141-67984341187-40962870268-40268814085-29687683849'),(105, '08689902467-51676127939-66575169584-61337350687-42399579676-20282869224-80840012279-31812848189-77750930773-72710453651', '17015875291-12842700133-12299886942-72005782006-16554070319'),(113, '51556859380-33808990933-45278722160-78072739168-81171966243-57999513984-96525838912-89134963769-82183546122-32794217484', '74609240618-53946648970-43912105608-08727625129-84935980666'),(102, '12939395710-33214429415-06066253611-78802250227-84227723167-99892605637-49368030983-93205641190-52897587385-31232332309', '76241398347-11914205192-11962474282-89311703765-24644676856'),(100, '31893573315-86555039233-73532483931-13280558740-53609361751-29861657305-51998178145-38553429697-82576287069-14568396781', '65671574220-90224817596-30815840659-69732457196-19452363761'),(99, '29591611233-49501538493-85562438687-03054950388-48732657820-70812899395-90886103249-85447568109-49448979142-36991487728', '03261163185-57752385269-62971851877-68633363113-22228950363'),(100, '35080534678-00879689329-05069017232-25918922659-06001622261-58842769409-22610220957-00744127459-99789027426-67798097476', '70893618276-23572783966-00115055876-11052890239-75349495179'),(100, '15842354672-91972739075-67210946433-10486594946-80931540098-34241845014-91767152149-18557507019-47866949493-48562901410', '85694139557-11026801548-62730619497-78639200372-08512904704'),(100, '81223566673-28023413420-58142717137-60008305708-71134323891-76163070781-18461626908-79015934378-24678591663-79225728076', '60822247407-23675245272-64673222604-21687190589-54440842506'),(100, '08262849875-33317448517-04269973271-85931503600-35885785314-67374972348-67940243506-92275375240-78331027449-41347062049', '53588892751-95196788005-58239086289-90851535704-00803334610'),(101, '26364463438-25939746079-69852407658-50022547824-12164566112-85437106861-38620478625-15538620123-26623554457-88105146567', '86859360755-08961117650-80672750560-75319240600-48738666953'),(101, '09828380963-15480984349-93489745505-58951869549-31961175583-03630296063-17797062369-27761859877-49236815688-10985376633', '44916354258-91653137303-05747571876-01039802949-72810494276'),(102, '09216315375-84569887156-07499627747-95970846367-08497721736-65468947368-82231827635-05274337979-54656566073-57149251239', '23102631260-06192665601-81918980862-68863248964-08402203576'),(102, '53300499765-14052180292-21618287858-19226370314-67531694765-37531700441-18902476050-73813175001-09646561464-87978144048', '82490788111-05852872801-40898703125-36910412874-44686010822'),(102, '23312784973-31531165389-86900673795-34148421621-24636686872-59335073715-69633904620-22416071729-29653100280-89504959004', '02140775583-54626054883-85616559697-19615131632-82375177075'),(101, '55948783917-56314261448-14144718680-28102235360-24532150209-02602449021-97957791499-62828064869-35267192248-48392305638', '53579903780-70074170655-56378057816-37688525531-66283670241'),(102, '47431498855-96382706773-70735925256-54639239803-43366376887-49865562451-70496689694-10367136060-43895178742-33494319948', '71280378354-95075188229-51441620879-29466769352-65950890615'),(100, '02602721950-31621961289-70107819221-71887044300-15424695729-89039199886-61513487437-77642146311-84286754677-33697037839', '12640614120-14857755275-55889642875-43017571290-55923901410'),(101, '60410885745-52089378423-78106756888-07282238802-13585850180-91811825634-71100718280-34390851175-55203950084-92234873424', '00739201651-94028481682-78825332431-29737286786-63865006222'),(92, '35607646859-37463911608-85635028437-86343124820-83063771498-07149389064-83356303386-32062261187-18399193323-71238548860', '91584186495-75725042306-42053571530-46493592055-24142896021'),(101, '71017477725-73040247299-91818657863-73325008590-00621970822-07577232762-84009449647-00185823819-16531139902-56400192583', '40517954526-70288940600-34673005561-34329041359-03657079619'),(101, '75023334320-57665204345-62040315114-53168176044-52113121298-02138626435-08698410945-25880670671-24469915866-12767589095', '49634625014-41431864692-01910834194-32940450178-01355658109'),(100, '17257298615-03645265771-05370977535-70617101838-86369823519-18987577829-72951443120-35661622829-59507296820-95826342762', '24059396245-53620637964-83187118811-29413710590-78864211292'),(100, '61639484275-03601961677-19800573931-55635098307-44721973253-42662782914-04784969898-08131592179-32805226949-46879486209', '70589282098-79110217457-36269434254-35215645251-09828615505'),(101, '24791807103-61903402807-15953850162-45271416825-13757255544-80967081402-75362952430-77014239556-92306824661-77956520812', '69793424069-77689068463-02404050470-22679651178-53065027874'),(100, '79532080399-39377549410-43610565885-50269464022-65255282270-47590543430-90733216390-64882891636-45852054242-24988438184', '03147951196-13672621965-19264246152-39060433374-52113196793'),(101, '92043462570-72088381721-63706839454-45220048432-68227448787-86563661307-77286979503-26388290204-77704920004-76061617733', '17551785162-65074145376-76030924327-22360610028-06396974038'),(103, '80470764046-78732446232-84059224383-22672972737-90207745006-36444133812-71197810529-05746569460-58236255888-73079018139', '00788437263-12794701681-61412501022-39566599834-94951104857'),(100, '13392831602-61870082140-56179399699-87507547610-77414447278-56034557289-35034261615-69707495342-27565225540-36008971275', '32574615789-84392578655-94736490932-77304606150-61527378030'),(92, '02122505455-41017522517-04694519888-13752053361-37289059810-95075109620-44703673869-54586969268-92352143949-48788920231', '48778828154-37455189892-31822547715-18857197605-52019325064'),(100, '88915181911-17701917150-48022531832-50446502369-14263910252-23054783583-78323445554-84990393669-27046870740-13916174325', '98727904388-95795761828-99574738997-76752313090-29842439229'),(92, '48582084138-78566800489-44236533876-09448921060-61502834237-93391863580-43909074836-52141698838-99639909429-31204844666', '80993658592-25443060148-45249205480-89890845669-48893341245'),(125, '93830853640-35158095766-15229062855-14762899399-12017030508-33795076407-23235453887-59435551054-54209370555-78921721847', '58557959287-22425148416-89559757913-79298604016-68793683357'),(101, '16567534388-40689650026-10583524142-65118324498-09175712090-60643676261-53017962478-77771522136-32626277157-89577056318', '57054129612-90987706989-60614922842-41283928579-28439802151'),(102, '11957841113-97335902245-19487898221-77050182475-27818500210-01376744728-87738963567-10840544266-21650044973-48809540772', '90920058113-85273098080-77415356751-17056437935-27180008244'),(100, '12329698321-46443076074-64911613974-84061050800-83916555929-09351760955-53589207790-97954506987-29879956021-37638484672', '91518816199-39539923233-51988408646-16239804591-37589791372'),(100, '06529358824-91712841916-26680739253-13435765672-60221844131-71227025750-33718111875-83678970058-52041902269-39007608220', '42097327750-43307409754-83871362697-53831361329-37717724885'),(101, '32161681178-54376804760-86629806944-46423046496-26375644630-78691576222-55023763466-42639130861-80007895936-73626008853', '27024017975-80094378413-84096720738-66701690575-77700177942'),(102, '99179373218-98741094812-35614388254-25467235328-03045150444-80524866013-67875711627-92652436186-05383822516-10616606209', '14857946716-78343658140-74953127327-85510348326-58046924073'),(100, '59875927528-29908728082-65493024748-73992228556-36410693696-61934094009-12889892219-39004624626-74277482785-68092277971', '93427502933-13038767072-87890645061-59616372058-45894360712'),(100, '44573109224-10755647362-21037105150-18085185148-51008190859-89834788363-37704379808-23452510744-35251070503-56980744978', '54249820228-75041233308-67769174457-48736879127-02918046392'),(101, '61491795515-57857497044-54194277638-99482425105-09602511472-71670850549-68599199983-08382364053-06517244742-95245850720', '35930792457-50479307994-00230064598-25440962212-25678655916'),(119, '28338691695-07704952409-23076675488-57546518091-73753428242-65187465698-08080883377-64296209718-60271869945-10070696878', '45086944199-14761002649-52119947098-63892093556-07664683707'),(100, '03500496695-58466070139-02748026827-84328402877-81351086907-12889576526-89141414709-09417677441-35223412279-92047232857', '11686769089-99804540683-33216763444-41851437734-91957164274'),(102, '72743610629-46775712258-31221430463-73169165798-79205034418-56590903123-83610355715-62767522649-05010380447-78194507448', '96913221435-32685010652-20451128141-53231110187-74257300248'),(114, '94971292656-51786029333-41125609399-27194126253-32829890699-50529465724-95752745825-70098623616-79339185925-80483481977', '25653409924-07827075214-68286301506-23821748187-04556226950'),(100, '25577833430-49125701392-91121658758-34834477331-25057148198-80725077651-09001250216-77085718049-19528239077-86279902436', '42713656965-78492452850-24046418781-55556397559-74855830037'),(88, '03166234130-35368604818-87699965131-58515424509-65371012882-87224519131-85220865013-10871150398-04554834865-12715880474', '44112560335-48081716401-22050476542-90910220383-82805909951'),(100, '14644836730-29736307352-87389324676-53090816431-19053343353-46562057070-73279511956-41158426842-98538479274-16689547648', '58247229189-79013728462-08463090923-01119101158-43098492656'),(88, '11382035469-60001318056-41923902535-43163447931-30265064889-77707182007-04249613075-97090158801-55644621225-56591385616', '76925619023-70614362876-28962928886-43518796930-88793982925'),(117, '04593602870-15937258976-24257358432-30255808744-19653046456-83001670345-35218496174-34480553586-50629829614-82095135464', '48749554634-22010995499-81775276492-22210549584-81316080419'),(101, '37033276444-79042502760-28231000242-96328128074-87678149344-27308303716-20386475029-45367357440-57646754547-74932990409', '86300089711-40230933344-93102798127-47251310489-29717705694'),(100, '82257503791-36402112689-38508883888-59742609362-54811415145-43867647194-04152463657-10446700793-33842202071-35331977328', '11451775422-18653524464-80812166195-61343889213-03489496303'),(136, '54008441114-89328888299-02004690944-43702889457-02295878358-40920098462-18754286417-23864997699-86269100859-10458993078', '54768509778-80280490783-64062929669-40975738390-52487765729'),(102, '22884872291-25876761563-11144546811-77947494159-83170073924-55014458392-67037723476-53702791898-13528075029-83418738309', '18020269407-55701226977-49364653431-44740273592-26479947148'),(101, '12784201479-74350975026-54621467974-48282968498-14899394342-53048410725-36646680684-79720341402-17217080689-71328943158', '35168004626-63005457225-84371721783-16207893938-38342833151'),(101, '65105076052-31840788025-80097862764-18021352751-14007291385-55913765726-36555106418-88308460796-80747200313-20311404120', '99187095362-26683599226-23220954665-95043134092-79722218143'),(101, '91250938664-87438220749-11519704319-17903137529-29540874748-73924756861-29907657073-25689181586-83166248638-79897832466', '83615010456-84479819196-43032642886-32888044006-92992146934'),(101, '47694831908-77762406873-19767159184-60733882670-64338867050-22606697483-66569764677-32986259891-87857396434-48118239120', '03723030937-30489958158-04252053211-77976999368-59951586025'),(101, '27740833832-60923034718-70442133187-20374435676-05049865436-45436372453-00158318117-82515885285-31718178690-41034771662', '31529686485-24829886920-69701355574-30092777924-45099275405'),(105, '86365380495-58189350634-49035673350-38093560074-89937638805-10286413677-66499959267-94368929234-90983582872-65972219914', '71224545934-89614538084-92789481417-37135154754-00670162381'),(102, '01603605217-24015518735-95518132900-11859241377-60295056543-59487698490-60227981766-29081264703-68649451505-65903872487', '58248600780-59792220785-90080485411-84990123959-96897674601'),(105, '90251117631-28575602780-61947576309-07683337556-85931975358-82032151002-63770168872-74609573461-94707490332-66118409512', '08034660018-54188974280-10090475582-61395852071-57854927453'),(102, '79213237489-16154185428-84393230805-27718107740-45238789712-55340673120-51397929575-11849648053-53851268612-50951937275', '46286395503-11048873405-42082460867-14326316612-18957783887'),(102, '71145716205-09350313412-11071103564-46705986335-72225764094-75200820246-11287052292-10412686291-06925036940-17647957021', '59122971285-91416932725-12899122875-48230040185-10295924323'),(100, '19068951081-20355693231-86302487190-60648139804-50908838311-48562265796-13088726564-25135376603-09842692397-10092802023', '40127971565-97127493683-73260670963-54133931542-73396337833'),(118, '78314347138-16929817291-65439760923-01553745421-51977533706-77355668343-02657121252-13818667811-35852961628-26141540552', '19155953467-45037098787-96365969976-19087700001-82782724208'),(101, '63205005290-43732279489-43214052780-96722688640-31299179356-75633215600-58156550863-15855430426-98726325226-27114527461', '73032308703-99243182046-06157715570-07705152615-51878896075'),(102, '22689316349-74018263291-38910170961-83448782163-60603185179-92072519718-65305045315-80909728122-78620276669-61616040343', '13287256792-52587938976-16520407328-25551375817-25557063615'),(102, '31590340972-20847192481-21975204157-36024846675-27566989084-09732311334-55092249910-33201790427-47534924267-62355854635', '64917836319-67476196382-04426023701-36632289427-42309620986'),(100, '52959721184-73711521037-47105686551-90437572842-12482506759-01185033663-10664266560-78701027069-79137353437-90519042310', '82158444647-34461031330-82447910442-75926332180-83687226131'),(140, '69074072676-46528930413-95783807307-73704909207-50977358721-28222841710-61766317671-94993589847-06566538247-25604520797', '95180293122-70099215846-71861433871-98459295319-49522780944'),(92, '29564916793-49934890286-20818452221-14913868683-72629208984-09910127505-83750714456-35592388151-38297402165-48098661555', '89673327978-59950470366-30120396272-14878475017-04619417880'),(101, '05862998047-80081582698-82331924859-79924146987-21094709958-15507656350-44465956095-22010864257-84401549564-00818706013', '78819963194-40460634690-31702072596-18869975797-00005641535'),(122, '54164733057-87930210860-94663005653-72319618652-79813573381-45538632724-66620716764-49564082213-76878944058-97529476187', '91076387026-93457606609-10946870712-06885151739-87279901202'),(101, '95035786051-54037311032-73295037399-64965957615-90865915213-54763330237-20475700801-51703223292-62826889489-71874378842', '15885987297-37109221015-21344698648-62396074952-69195859041'),(115, '99175686274-54207246499-08011780184-72947786544-72601177785-11011403032-99331612368-69929468376-06961524261-48150018249', '88128949995-70801996352-46860599068-47020288877-51873669285'),(98, '73549862019-38051225602-19407123552-62246837190-68287806657-66810185820-49272062770-70143353809-88219483354-80351643068', '14584738762-41911877902-51385656647-45534575056-82218223528'),(100, '40163643441-20578637739-87044301311-96728388097-67357760197-41292242143-74288305535-46475296997-87894207995-90174535785', '99683819097-59497394750-39816723341-98338911279-31269600118'),(101, '71518424607-76902127828-64090467565-65459544629-92696050411-07955254209-51560478890-68344166544-94614664859-01213874403', '66164533924-12287951158-61585181577-99729809348-56167234628'),(101, '55245011796-12251277404-92373629868-65314296712-42577430622-41993918172-60007817872-12172874798-47260871602-28256627253', '25595046975-32397443744-78146328458-97940626111-90056348515'),(100, '65641653613-28522576473-28931075229-94899302190-70676892009-33025020340-04318851463-78916612095-77173421533-07062178541', '30451555256-83077431777-14645263471-68729714240-98163327245'),(101, '40983055183-80373611244-55945543494-60925521322-40228913450-27370908168-36394965155-17999540232-59866551660-77841149574', '70231070049-43080889213-35697052721-69517574975-84069951087'),(100, '16636476862-91250403698-52333062449-07225083280-58968323038-48228719835-97539548433-95437702389-85567882591-20111227359', '36846641041-66340939926-05662673954-79724407568-43913746909'),(101, '32619060774-77132092131-14953727470-42964762813-08635341337-83576757435-99963141533-81502589238-36924841673-82455843145', '63888375630-26825272603-70956345992-62304705469-92080808569'),(100, '25562239027-26519848166-93502057926-54354400622-58549990463-46667484230-41318739729-68754230529-19851323781-09322052902', '08291891771-60553180296-17890218559-16912379324-01397982879'),(101, '37545792881-50437267612-25034285554-03474434181-64947887789-98474115978-14654263853-46212140456-87528605509-69772903444', '53800251694-29748851389-58662242495-68172061752-75812477850'),(101, '81373628963-03939979517-73736710734-29147363983-28104687866-17873512394-55186222228-36637803268-72333192228-09401826419', '78190257697-08794447751-19424625479-55740509251-56655143904'),(102, '49927873135-41357197435-47532777970-82030671071-21840494189-76837189781-53935262084-53531724431-16047438621-06460130656', '01190022262-24459160645-41142308041-12475912065-53455529253'),(104, '57704557385-55218393241-85014422446-80172674174-44477921909-45640527179-05256669481-27199058842-10655245246-01586513971', '80655505577-45928060061-38397108363-89753874039-81827835776'),(100, '26602265345-88915177068-39724193811-96135192736-81761868776-58752322122-13937557697-63411167844-53748179269-93390386682', '50228278590-53027764186-32743345581-73778810282-42639709737'),(104, '30619168332-71211095917-46294622018-83683871582-92313694241-48801037204-53419870989-16488626756-48141308509-92634980418', '09046596526-33283466814-04048304003-98029792111-10029760938'),(111, '04136709938-12109935362-04446070197-04876902122-79307822800-14738269193-40276823090-52449170992-41579230864-59251821437', '60260429877-71440095883-17898325331-00279512732-11582285273'),(89, '62857578475-23220491404-92075242587-43944667160-61596797095-89655139310-11503743509-81643025095-78830855072-67101969990', '68375609349-95040229160-12143685872-89379895448-03912614893'),(101, '15906838081-89370002746-98309873431-39635723193-44775124330-54825414629-16552310461-92401948160-25178124446-46605201001', '00851520168-53464471236-32811577294-59514362497-05408254425'),(107, '52398479923-15495337114-50793425615-22111690747-34613088708-60226273081-13414866327-45328188959-44296617839-37488737224', '61863637356-86556190594-04936238136-44864700060-18374452115'),(102, '03607014455-04187103404-15890790606-76334330125-76705626081-94337889115-98055939815-92585225712-67155614147-56431179945', '03575822688-98307473629-41395957296-92702794219-57648604920'),(101, '69555984790-10522400674-52700414035-03477336008-41408385734-54845800781-51229301569-87651833765-22471771131-29986274046', '87729372877-60232920283-74965318645-45182832760-56007377672'),(100, '63564254979-00714355873-63040544350-33570929875-59839475598-28165337791-48324727817-13125265197-86683475826-75183649948', '22179872637-97850216094-54912811417-81813977612-85064485049'),(100, '96130558507-45490229765-80889596407-58287277229-88629891985-76455653145-58495125629-68771959784-42484595165-88788556270', '38887731832-16370200037-98859266197-17927809058-66832045365'),(101, '79243159068-75249976110-31961160401-67611822466-94594953811-80216193128-13182086002-74695076746-73789586364-26064362309', '82792760055-64212220833-60613407223-92450266378-89421125893'),(102, '39827504896-28888305015-17985668092-54358443386-68230778486-35235673927-81005259985-45260543414-48104235955-38963984042', '09358065474-35895543829-68375421722-23526314579-36542885419'),(101, '90459543163-45224165309-15508212608-29610774880-55152577072-84905421736-33593428559-89422732093-47095557264-57731967353', '10616899754-60627558258-26956872053-80761277915-57157946304'),(101, '80068517677-45031592038-35246553754-53147501682-47723042332-66652365871-69387059458-98061524218-96969242279-44924485106', '07786086417-16638424933-36712348540-12027384078-00311259297'),(112, '40271268572-45369975557-83847655967-85225809115-36586616851-74172791989-42240034397-85287949607-92504403544-78642064805', '04069236672-93648612372-86842370497-82125259049-25198326848'),(100, '57895701909-79233048679-57454630288-91856084589-41959869613-24458832576-06810797681-13569480243-19368513882-55779596169', '40295287142-43796231303-07450745287-92944108591-28125163426'),(130, '15504935632-45458619576-32634150924-90626843069-17813192674-05642306282-24889112642-51120020037-80755591770-87096337908', '04712951299-87216558508-78222498538-42225736370-46718527297'),(100, '65214785018-73567725178-61652067610-56568196593-83119948166-40630316940-72512458641-81235296006-64011622669-16483237200', '05407754022-64645965560-05515243716-09865024885-83365685711'),(100, '96279355527-82422798299-88232880040-06687131741-96459133276-39724985906-67132938685-06764392000-27162857240-03101081928', '68650593592-04095499250-58698201484-06887013897-24005917309'),(101, '00763716944-18790580403-54343494345-99034793774-77229608029-55955342837-93694032251-11358805902-01283072120-80994373037', '95874327828-29083815050-67178227943-95500959784-79104012470'),(101, '78273991844-36047803212-82869847346-25805317040-27834800383-54151505666-71800878542-30387487687-80145183744-43530944571', '55486568142-59508224232-76496689253-89730986056-51651843601'),(102, '56032561761-34346239257-41358851974-45596818681-33679835595-29240692307-18952095848-17141304612-35508205744-41108707194', '27972565378-71945251671-41074279675-23223032911-73386951430'),(102, '68003730635-34724102359-93418701695-70729582379-02151229238-10484443913-96447134788-37233938842-85389723217-02043929028', '36848378671-57801679822-17183299205-36038179997-71091362466'),(95, '25883636155-80680365331-33116239825-94345520296-66032432293-73129102708-33738116903-29955925356-98289428681-68419433956', '06279712705-10130659087-89170460499-36122650158-96747229875'),(100, '24330656477-51173170460-09715096048-63607399460-67719558965-28559210595-04460979450-57549637290-08584199959-22823515746', '18375111939-44531184518-36765257266-69728356991-38454638038'),(101, '25503949685-00098955283-65853872500-43793510692-35353292220-60356544173-28949039790-32166229360-62440753263-49403821304', '77423029882-14656447193-28693207010-98279156079-55755324283'),(110, '01938881509-89692669897-43760309426-30360473155-38822313459-87869847055-96884802635-44285891644-84360670026-34052396662', '52286173594-60385816016-79281380791-33729046777-97103704447'),(101, '93976030466-67470208712-02936318531-79934608062-68018518765-42695398426-75344084214-13550111387-75599187161-94006108016', '24207440647-66861172490-89113590635-02556240561-77481356090'),(101, '61806096704-89290255629-15040758909-75971656328-80781527079-88692185656-77493300055-35308977368-61372067003-29592466328', '25452744032-30573075504-04450323904-54629260946-95787772924'),(101, '13292669033-03363160797-52272395569-62743907119-35060880713-81092137597-52428972521-35145028667-29800950591-69625157281', '16134964859-20972317427-72395632167-32478714556-27225411546'),(79, '20464057635-08715587343-94815855968-14958393655-65292540807-60026955459-96444252320-07900141757-68650665669-87611966284', '87941346205-59870953464-29683095763-79585779749-38627077392'),(101, '14558047653-12088614094-97304578363-62612617674-64695794163-02999698491-85872897955-62615483610-80881969284-77441089950', '80934052089-49377162559-47701415219-91413672278-78454397111'),(101, '07218105622-40073205680-32730714529-88459984582-63295216052-98241534327-48105776648-73883494193-14980592958-78702989184', '53549924463-75470455084-61084611897-12303128397-87927349193'),(103, '76161598088-94038695377-69265873611-79516160014-23213068007-37705775055-83087599698-54788380568-33423657625-64618346270', '48063596283-41626841939-94617198043-35347541448-00999234559'),(102, '53809139366-44539201507-87203443947-52137830697-08071571901-93981079013-43203649878-67729505491-16008202426-61243151444', '37487180346-77583882074-01875119766-75987285643-65305965789'),(89, '87514519355-95755159305-79080282125-30107454094-77350878781-98168930228-37970806652-11767218864-39634897080-47710075287', '49468122898-48456835600-04246892981-94178459933-54504786837'),(101, '89935151289-65624813116-64209337502-54728373974-66598331050-52566303577-04923612974-61911711798-78498946331-31039754273', '60593224414-97759251632-24474689508-43421859642-73624584678'),(65, '48810440443-27143087441-07183853972-32293168604-98812488193-62705979701-16932627592-91815366365-94436798282-33298048390', '24620031973-48383753910-13131827674-14004735856-32272655801'),(102, '31822989265-63741471094-01954473678-03132068969-07138929531-67226413377-26506935811-53461541110-93442387382-73662003200', '05998698356-64919992163-74042858056-87275999091-90815855371'),(102, '57208017794-50682035002-74070833957-45327632940-80107809725-02456853872-29730805670-57384540085-38401534886-50617155634', '29627367657-92328359224-33047495650-40333760571-14261305271'),(101, '58978339308-02615972495-43574012708-47015772599-54945372028-90685328475-19409820464-50039519457-76631971287-99428733859', '72315299473-03408887788-08403508174-79422582808-82196187867'),(102, '54211402368-34273066538-26794879925-97840734373-48250695035-42197954828-74332960297-64080660302-36119116884-05936427577', '59852738656-47235844861-03571052028-67594440540-74100549313'),(101, '79989238848-64973820667-37266625572-13364696372-44933361766-14889121694-55186346251-44115546514-06592299441-77797096710', '37458378431-27187897023-18507815412-04965915369-81172015318'),(124, '05508775977-94287887886-43087794330-94849570410-35809248045-50743472432-33455355686-54080059892-17015068659-73880782169', '73220942302-26304370833-50587940004-94760094687-12105922679'),(100, '54686370279-41197645239-84805827684-83257751282-66686738903-56696209125-13959015882-67910508617-13244340312-48615002084', '56203363906-40073131273-85709091178-69563837458-70794886225'),(101, '10092474245-10874849513-63066765131-40857050668-14905417801-03176799021-91322710797-10100277657-88413640500-90365627419', '85761908997-26585281033-19284912672-65338491255-59467124696'),(102, '48397858936-08195494164-11033144181-36968841042-66542346563-35923196764-07064288817-69732520785-49042544527-11391094788', '54663140636-40479147800-75290073284-04473994775-51090862889'),(100, '12359011479-98449195424-54728337044-18182631339-98640214889-89575403956-84311031449-85333789662-22701021434-06581999995', '85507518212-37811163142-24593311861-18431642899-88571604855'),(100, '59941608167-71282383832-64531812973-48739251882-16772168368-88956534155-22498539466-33777203456-99131846472-30605400021', '74579471330-30381935801-41257864911-04339412349-54819710377'),(100, '89160122780-95938188439-20444911567-22991538486-99332422775-87315412552-74384892465-18724319125-68750969215-72129467477', '43530499012-55571057950-44584234289-42403375209-05082521005'),(99, '51153411827-52304399132-64333708942-19667086545-09296064912-25315850902-67509638014-86761627660-92366272087-01875864147', '08792990096-55890143922-77740178930-53995711423-41941490842'),(101, '49016380320-82124723266-67103856423-60219692537-23712173378-98684917718-81117076134-60377848372-22939595641-71703323401', '40095812692-69467634374-08333434480-31357737193-96093638766'),(100, '98839865569-47834076588-97711012080-39959865518-18908834416-90391217659-49584938579-42932405196-64419726515-23149442338', '85220993279-33997501427-26935474576-83991924593-78150842980'),(100, '68953214536-61935528077-67998637252-13402906573-33964222336-33053130248-97495407820-15557662243-97423708727-71695585088', '93776844714-91701028087-61616903047-39961745382-89454691305'),(100, '50651561707-73116760531-47056289724-04856238139-18160829376-89433309024-63604190653-78582286988-85820024946-94558941517', '46831402013-54413197494-83776465826-71831816268-97986204337'),(102, '49258811429-11282680017-85354781404-18541976904-19927326967-49835776992-14885200543-92963762865-76732080481-61968157199', '38047277573-41222327908-92788784816-57418979061-45922971341'),(100, '70919908341-06259252227-28630504752-85449548675-14696389498-45445842459-77808085939-19459934940-25568860907-80852133845', '58011228572-25499869070-52213029340-65351878491-40166379804'),(102, '93845027161-14012943964-88274477265-32616611198-13257018480-81026994866-37121123409-43642565799-07682720349-58301818558', '99947394099-57414037824-71742695420-87851522950-00964546946'),(100, '26665811720-51684128497-50302969169-69210319321-67674285999-82398076632-57024714829-35320420689-32648468393-21817925495', '75360184637-64843834785-83146576939-83156227292-52245391322'),(100, '22912778254-31296276175-74964086891-03937932101-55476748739-47333316233-42535243741-26986297487-10337530675-78882974770', '31107085202-91016460921-24015221806-41224915891-46230910448'),(73, '32162496904-72722384726-02103030913-96181193099-31135299350-32634011036-37974181853-28622363629-58740307318-31500594796', '96934387233-18679352281-22522043835-98360760699-33713613267'),(100, '73263180655-81677978596-16130087349-97910410255-16863777767-98914279675-02410224094-51750342325-23005757329-29393025304', '35188728917-30308498727-27075488989-26637730851-64926586895'),(102, '04796631520-24263525301-91806380706-58747912152-40663588476-96113171464-07125872559-66780830034-61706079846-28642812819', '40410761019-04197461040-48001053220-68166430034-43310113553'),(101, '30767732151-42924122362-98558945706-11430907903-05297330846-07019971400-01818359622-43953907053-45242394592-68041364085', '50108054359-57033758684-02007383729-52167578031-45761285080'),(102, '90425894625-76465599502-34641257756-33396213759-19096233240-83803968890-79837125150-37200195295-90923513670-03261171774', '60903763108-19037290974-93773935289-81785207515-52275165055'),(92, '46456350946-53453834302-21912159137-77763960325-38946705448-68948683861-23579707982-20818746675-64355534271-91995018843', '45831733077-56692748595-91918461943-45702780916-52913938065'),(101, '77911970871-97861535778-92156806726-64558807444-53744879657-98980232923-06508206275-72416658293-15011506077-02432132958', '14412975258-01667579622-37343336127-11035467787-42447811619'),(81, '10343478200-56936556364-92701612984-49804821887-30420051230-11432293817-69533896266-09765148269-00482399099-15695441895', '81918814537-80792871955-29917058400-85643241832-58339985950'),(100, '02015126724-55172988322-79861018391-74698882525-83012358094-45772105723-60300426288-12489035272-47215005793-74989556583', '22689951782-32657124630-19110015567-31144181774-55698919148'),(102, '84258292934-07235210797-47922120874-76481129078-92432410334-80307898876-65437108543-31936894187-92142135592-64362086227', '67487661400-03260155193-61100423964-93701834510-77138281493'),(102, '35635772214-55480231678-23834252788-35400488411-03857667118-34288653491-92720862365-44082623153-20251015643-15432165570', '53442677698-84397969758-53907162437-78697448526-97153330029'),(101, '49036341230-04891705771-03856661485-29040100751-98364722583-01643885475-57906544833-81638914833-29665869332-00840084978', '86911519666-65347554349-18686158946-93723207588-56020050370'),(101, '41900467599-89803803333-95629792141-64590739053-53173790142-31017106125-45169879723-81058632480-83563783663-07603709437', '60797274733-42989294178-17859524365-94674315610-98996994838'),(101, '79513708811-53583502193-16336229393-95203841197-49956015685-91987788270-06023507644-23722919958-55960042092-65975343706', '99350863029-89035933481-65212161030-81784365596-48318134293'),(100, '38816850905-66356970376-25571884776-86161698651-54719088380-06930266299-83375497057-49312750358-14174512695-96108761291', '87839834277-35627599323-10241371255-29267278765-24722874864'),(73, '40454474104-44361601269-80443068078-38259878707-54377112114-55545110258-48720653546-25481001045-88219520720-54353627151', '73885516569-74765930427-38288148003-03331975567-26689914525'),(102, '46816548869-83265617423-54777536537-57030745525-58189048650-75294217035-49380839576-17697890914-98536455355-23080052312', '48020570043-25602240290-33118010789-81116419573-73169390804'),(101, '24062495241-84290347040-44061315977-90627798354-91534193483-62336801830-38047832076-30374285360-87271233283-40793910859', '72170656728-50754341512-39435420527-21508135326-91291111530'),(101, '52373527100-78490002123-48561764276-54510707441-08172835303-46686396918-82729968095-65923173948-76526490270-74787885180', '58962650888-31190952344-42225227339-00929164279-76248823185'),(101, '37465752958-50469162518-59696183105-24729098376-98217140457-21067584157-38198900995-28164919263-02040752217-38874327681', '24467475845-99677899250-51549433712-38047088686-40762291492'),(101, '03189165796-47760538611-06675202281-54121372715-77026646769-18658122117-12665741368-30708678781-36718649780-27777491118', '68948348585-89186386414-58979682655-63843586320-88034799262'),(100, '10018432212-03108733774-44419982675-78201227514-14164911584-09432314303-12948692903-20212547667-07753283772-78023347411', '87158814318-88047718895-35295993290-78893345533-19109088303'),(100, '49732136196-84154418458-06748061955-55605185619-11878839820-59484404378-12016185746-29790226086-79258785134-46913431256', '47635233736-50219444374-77520875941-06556060419-82914746741'),(96, '42322952321-68016000571-59797929815-97544510840-76197742144-62916199318-76400583930-48259489082-61073454853-21254479523', '99650546319-58179068587-93253939048-59185415057-30825187379'),(101, '76961290917-44844495792-78481322540-22347165125-09897648915-95528023908-45999234574-93963508390-53923474121-79067676407', '61051137877-81444295123-65290859253-10083334395-38301381136'),(105, '27545685493-82619937269-57874318837-76878092637-75654259115-91825697135-14707510381-62718526592-64192214307-92292596657', '52100165952-46211133104-20445304138-97353844403-64800312773'),(100, '31155352923-56794375031-81536520037-94202965016-49780266878-06647383519-71106174193-60584500111-79330480638-28544964815', '64188061400-46679273195-21910047244-98415862021-12376913148'),(104, '42634575213-26614594290-68961491003-90804326128-59481705480-38422375129-20753401641-87232011196-09989254129-76766247073', '66988672079-89614357085-26841840785-67874483389-34556257618'),(112, '61206433657-05496938763-60972938110-91127876712-87720775093-08861373517-03839744412-84744248472-86323879391-60422632766', '09838743827-43330076594-05175467383-27863112174-14915320047'),(102, '48394153928-49587299740-65380360418-14706630322-76038043221-95744229873-13086337504-76560197441-50815652304-98646976258', '75333827271-76561930851-41942041416-92791427553-36809104607'),(100, '81053782117-70042291323-95655099860-48282374088-11210714019-58094493276-18526065478-75479689292-89552843406-37245419511', '33875161305-45300492446-27782453134-50659411763-32790577655'),(100, '77703557748-06261710257-27970644343-80910067068-37749252410-20332458885-77206778017-77116553822-03768264537-51942991227', '15695780948-87088456903-39036455855-16587705318-50187489133'),(102, '82412978022-24086780444-06518293583-73517844454-08588306176-41164296805-17792364986-03999021392-24604223670-44080796344', '98241073269-89513858053-73444126549-10121237932-30891439781'),(101, '62652429344-53059507017-76045811507-76061040466-89555347116-59403251534-28952283492-09436609231-17609500534-90932730372', '68413926638-19948819482-39139696686-67574438225-36496526700'),(101, '58289382109-80860241961-01435579215-31853914405-72467072624-08938798780-15064829199-25874807219-90077708609-75216194051', '20653645001-90490610911-94698099621-88294658060-86528291292'),(101, '77229019805-59494029706-41117617518-73935248623-30808837906-78343391799-60609484269-95976838494-16777703577-65988619601', '54498177740-26061601059-64439448559-74016848851-44652761134'),(101, '27589107521-03214026450-55326037129-36378002925-91536844465-28568544710-93255280033-12093012473-36114794833-91050462887', '45292552940-22325771261-88858520189-21655878969-52536089612'),(100, '40630178731-70065479982-90520862859-36094626000-00472844344-26991190190-19541230841-22430602988-60674323012-74068471943', '32085121019-13454163861-51502289116-52515643281-00151995801'),(94, '72261927173-12767293213-63880842034-26218718840-66678703653-24949081284-37178946296-88562166530-19022162098-91312306761', '40941692541-02175386136-55739941275-14656451471-16640137387'),(100, '97957558694-85095514385-43882406926-43180018987-97362844481-97373779203-28636149083-82124658635-41023077310-25072665618', '52999857977-10970430198-08146845301-81227706543-20799008658'),(98, '28500345548-19942629353-68407629144-63227704315-89926551554-08876103222-85707940837-89354098548-75672917719-71168940711', '74616093595-27853598936-97228012260-14417749641-49917217844'),(100, '68434827352-93454653568-95316343977-09173689327-68112439426-17241026024-15466960864-59390206058-17271265122-85206047037', '17602352263-85660494676-22906659615-04761768908-57549134361'),(95, '07670371097-50338537409-97255600106-58424632102-12138567546-75684092989-18015963709-19523652175-32010750938-37274298844', '67898195565-83140502312-55857839665-03649892382-19300707819'),(101, '18503264268-87969898595-62180048776-73801941603-99379647961-09661994409-45103484221-58290353108-63212367972-06605047306', '64353788496-12767366643-38677571192-75411783943-09790176099'),(100, '36223176853-13474378353-34178006459-73321553160-76292872475-19511259047-49469637870-70090935342-27170213695-16466851967', '66156588377-40604756899-31686654087-96771819422-12077915859');
----
CREATE INDEX k_1 ON bench(k);
----
SELECT c FROM bench WHERE id=$1;
----
SELECT c FROM bench WHERE id BETWEEN $1 AND $2;
----
SELECT SUM(k) FROM bench WHERE id BETWEEN $1 AND $2;
----
SELECT c FROM bench WHERE id BETWEEN $1 AND $2 ORDER BY c;
----
SELECT DISTINCT c FROM bench WHERE id BETWEEN $1 AND $2 ORDER BY c;
----
UPDATE bench SET k=k+1 WHERE id=$1;
----
UPDATE bench SET c=$1 WHERE id=$2;
----
DELETE FROM bench WHERE id=$1;
----
INSERT INTO bench (id, k, c, pad) VALUES ($1, $2, $3, $4);
----
DROP TABLE IF EXISTS bench;
----
SELECT c.oid,
  n.nspname,
  c.relname
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^(author)$' COLLATE pg_catalog.default
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 2, 3;
----
SELECT c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, c.relrowsecurity, c.relforcerowsecurity, false AS relhasoids, c.relispartition, '', c.reltablespace, CASE WHEN c.reloftype = 0 THEN '' ELSE c.reloftype::pg_catalog.regtype::pg_catalog.text END, c.relpersistence, c.relreplident, am.amname
FROM pg_catalog.pg_class c
 LEFT JOIN pg_catalog.pg_class tc ON (c.reltoastrelid = tc.oid)
LEFT JOIN pg_catalog.pg_am am ON (c.relam = am.oid)
WHERE c.oid = '16392';
----
SELECT a.attname,
  pg_catalog.format_type(a.atttypid, a.atttypmod),
  (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true)
   FROM pg_catalog.pg_attrdef d
   WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef),
  a.attnotnull,
  (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t
   WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) AS attcollation,
  a.attidentity,
  a.attgenerated
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = '16392' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;
----
SELECT c2.relname, i.indisprimary, i.indisunique, i.indisclustered, i.indisvalid, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true),
  pg_catalog.pg_get_constraintdef(con.oid, true), contype, condeferrable, condeferred, i.indisreplident, c2.reltablespace
FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i
  LEFT JOIN pg_catalog.pg_constraint con ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p','u','x'))
WHERE c.oid = '16392' AND c.oid = i.indrelid AND i.indexrelid = c2.oid
ORDER BY i.indisprimary DESC, c2.relname;
----
SELECT r.conname, pg_catalog.pg_get_constraintdef(r.oid, true)
FROM pg_catalog.pg_constraint r
WHERE r.conrelid = '16392' AND r.contype = 'c'
ORDER BY 1;
----
SELECT true as sametable, conname,
  pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
  conrelid::pg_catalog.regclass AS ontable
FROM pg_catalog.pg_constraint r
WHERE r.conrelid = '16392' AND r.contype = 'f'
     AND conauthorid = 0
ORDER BY conname;
----
SELECT conname, conrelid::pg_catalog.regclass AS ontable,
       pg_catalog.pg_get_constraintdef(oid, true) AS condef
  FROM pg_catalog.pg_constraint c
 WHERE confrelid IN (SELECT pg_catalog.pg_partition_ancestors('16392')
                     UNION ALL VALUES ('16392'::pg_catalog.regclass))
       AND contype = 'f' AND conauthorid = 0
ORDER BY conname;
----
SELECT pol.polname, pol.polpermissive,
  CASE WHEN pol.polroles = '{0}' THEN NULL ELSE pg_catalog.array_to_string(array(select rolname from pg_catalog.pg_roles where oid = any (pol.polroles) order by 1),',') END,
  pg_catalog.pg_get_expr(pol.polqual, pol.polrelid),
  pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid),
  CASE pol.polcmd
    WHEN 'r' THEN 'SELECT'
    WHEN 'a' THEN 'INSERT'
    WHEN 'w' THEN 'UPDATE'
    WHEN 'd' THEN 'DELETE'
    END AS cmd
FROM pg_catalog.pg_policy pol
WHERE pol.polrelid = '16392' ORDER BY 1;
----
SELECT oid, stxrelid::pg_catalog.regclass, stxnamespace::pg_catalog.regnamespace::pg_catalog.text AS nsp, stxname,
pg_catalog.pg_get_statisticsobjdef_columns(oid) AS columns,
  'd' = any(stxkind) AS ndist_enabled,
  'f' = any(stxkind) AS deps_enabled,
  'm' = any(stxkind) AS mcv_enabled,
stxstattarget
FROM pg_catalog.pg_statistic_ext
WHERE stxrelid = '16392'
ORDER BY nsp, stxname;
----
SELECT pubname
     , NULL
     , NULL
FROM pg_catalog.pg_publication p
     JOIN pg_catalog.pg_publication_namespace pn ON p.oid = pn.pnpubid
     JOIN pg_catalog.pg_class pc ON pc.relnamespace = pn.pnnspid
WHERE pc.oid ='16392' and pg_catalog.pg_relation_is_publishable('16392')
UNION
SELECT pubname
     , pg_get_expr(pr.prqual, c.oid)
     , (CASE WHEN pr.prattrs IS NOT NULL THEN
         (SELECT string_agg(attname, ', ')
           FROM pg_catalog.generate_series(0, pg_catalog.array_upper(pr.prattrs::pg_catalog.int2[], 1)) s,
                pg_catalog.pg_attribute
          WHERE attrelid = pr.prrelid AND attnum = prattrs[s])
        ELSE NULL END) FROM pg_catalog.pg_publication p
     JOIN pg_catalog.pg_publication_rel pr ON p.oid = pr.prpubid
     JOIN pg_catalog.pg_class c ON c.oid = pr.prrelid
WHERE pr.prrelid = '16392'
UNION
SELECT pubname
     , NULL
     , NULL
FROM pg_catalog.pg_publication p
WHERE p.puballtables AND pg_catalog.pg_relation_is_publishable('16392')
ORDER BY 1;
----
SELECT t.tgname, pg_catalog.pg_get_triggerdef(t.oid, true), t.tgenabled, t.tgisinternal,
  CASE WHEN t.tgauthorid != 0 THEN
    (SELECT u.tgrelid::pg_catalog.regclass
     FROM pg_catalog.pg_trigger AS u,
          pg_catalog.pg_partition_ancestors(t.tgrelid) WITH ORDINALITY AS a(relid, depth)
     WHERE u.tgname = t.tgname AND u.tgrelid = a.relid
           AND u.tgauthorid = 0
     ORDER BY a.depth LIMIT 1)
  END AS author
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid = '16392' AND (NOT t.tgisinternal OR (t.tgisinternal AND t.tgenabled = 'D'))
ORDER BY 1;
----
SELECT c.oid::pg_catalog.regclass
FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i
WHERE c.oid = i.inhauthor AND i.inhrelid = '16392'
  AND c.relkind != 'p' AND c.relkind != 'I'
ORDER BY inhseqno;
----
SELECT c.oid::pg_catalog.regclass, c.relkind, inhdetachpending, pg_catalog.pg_get_expr(c.relpartbound, c.oid)
FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i
WHERE c.oid = i.inhrelid AND i.inhauthor = '16392'
ORDER BY pg_catalog.pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', c.oid::pg_catalog.regclass::pg_catalog.text;
----
SELECT d.datname as "Name",
       pg_catalog.pg_get_userbyid(d.datdba) as "Owner",
       pg_catalog.pg_encoding_to_char(d.encoding) as "Encoding",
       d.datcollate as "Collate",
       d.datctype as "Ctype",
       d.daticulocale as "ICU Locale",
       CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END AS "Locale Provider",
       pg_catalog.array_to_string(d.datacl, E'\n') AS "Access privileges"
FROM pg_catalog.pg_database d
ORDER BY 1;
----
SELECT r.rolname, r.rolsuper, r.rolinherit,
  r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
  r.rolconnlimit, r.rolvaliduntil,
  ARRAY(SELECT b.rolname
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid)
        WHERE m.member = r.oid) as memberof
, r.rolreplication
, r.rolbypassrls
FROM pg_catalog.pg_roles r
WHERE r.rolname !~ '^pg_'
ORDER BY 1;
----
SELECT n.nspname AS "Name",
  pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner"
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1;
----
SELECT n.nspname AS "Name",
  pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner",
  pg_catalog.array_to_string(n.nspacl, E'\n') AS "Access privileges",
  pg_catalog.obj_description(n.oid, 'pg_namespace') AS "Description"
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1;
----
SELECT n.nspname as "Schema",
  p.proname as "Name",
  pg_catalog.pg_get_function_result(p.oid) as "Result data type",
  pg_catalog.pg_get_function_arguments(p.oid) as "Argument data types",
 CASE p.prokind
  WHEN 'a' THEN 'agg'
  WHEN 'w' THEN 'window'
  WHEN 'p' THEN 'proc'
  ELSE 'func'
 END as "Type"
FROM pg_catalog.pg_proc p
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE pg_catalog.pg_function_is_visible(p.oid)
      AND n.nspname <> 'pg_catalog'
      AND n.nspname <> 'information_schema'
ORDER BY 1, 2, 4;
----
SELECT n.nspname as "Schema",
  pg_catalog.format_type(t.oid, NULL) AS "Name",
  pg_catalog.obj_description(t.oid, 'pg_type') as "Description"
FROM pg_catalog.pg_type t
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid))
  AND NOT EXISTS(SELECT 1 FROM pg_catalog.pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid)
      AND n.nspname <> 'pg_catalog'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_type_is_visible(t.oid)
ORDER BY 1, 2;
----
SELECT e.extname AS "Name", e.extversion AS "Version", n.nspname AS "Schema", c.description AS "Description"
FROM pg_catalog.pg_extension e LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace LEFT JOIN pg_catalog.pg_description c ON c.objoid = e.oid AND c.classoid = 'pg_catalog.pg_extension'::pg_catalog.regclass
ORDER BY 1;
----
SELECT spcname AS "Name",
  pg_catalog.pg_get_userbyid(spcowner) AS "Owner",
  pg_catalog.pg_tablespace_location(oid) AS "Location"
FROM pg_catalog.pg_tablespace
ORDER BY 1;
----
SELECT n.nspname as "Schema",
       t.typname as "Name",
       pg_catalog.format_type(t.typbasetype, t.typtypmod) as "Type",
       (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type bt
        WHERE c.oid = t.typcollation AND bt.oid = t.typbasetype AND t.typcollation <> bt.typcollation) as "Collation",
       CASE WHEN t.typnotnull THEN 'not null' END as "Nullable",
       t.typdefault as "Default",
       pg_catalog.array_to_string(ARRAY(
         SELECT pg_catalog.pg_get_constraintdef(r.oid, true) FROM pg_catalog.pg_constraint r WHERE t.oid = r.contypid
       ), ' ') as "Check"
FROM pg_catalog.pg_type t
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'd'
      AND n.nspname <> 'pg_catalog'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_type_is_visible(t.oid)
ORDER BY 1, 2;
----
SELECT n.nspname as "Schema",
  o.oprname AS "Name",
  CASE WHEN o.oprkind='l' THEN NULL ELSE pg_catalog.format_type(o.oprleft, NULL) END AS "Left arg type",
  CASE WHEN o.oprkind='r' THEN NULL ELSE pg_catalog.format_type(o.oprright, NULL) END AS "Right arg type",
  pg_catalog.format_type(o.oprresult, NULL) AS "Result type",
  coalesce(pg_catalog.obj_description(o.oid, 'pg_operator'),
           pg_catalog.obj_description(o.oprcode, 'pg_proc')) AS "Description"
FROM pg_catalog.pg_operator o
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
WHERE n.nspname <> 'pg_catalog'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_operator_is_visible(o.oid)
ORDER BY 1, 2, 3, 4;
----
SELECT pg_catalog.format_type(castsource, NULL) AS "Source type",
       pg_catalog.format_type(casttarget, NULL) AS "Target type",
       CASE WHEN c.castmethod = 'b' THEN '(binary coercible)'
            WHEN c.castmethod = 'i' THEN '(with inout)'
            ELSE p.proname
       END AS "Function",
       CASE WHEN c.castcontext = 'e' THEN 'no'
            WHEN c.castcontext = 'a' THEN 'in assignment'
            ELSE 'yes'
       END AS "Implicit?"
FROM pg_catalog.pg_cast c LEFT JOIN pg_catalog.pg_proc p
     ON c.castfunc = p.oid
     LEFT JOIN pg_catalog.pg_type ts
     ON c.castsource = ts.oid
     LEFT JOIN pg_catalog.pg_namespace ns
     ON ns.oid = ts.typnamespace
     LEFT JOIN pg_catalog.pg_type tt
     ON c.casttarget = tt.oid
     LEFT JOIN pg_catalog.pg_namespace nt
     ON nt.oid = tt.typnamespace
WHERE ( (true  AND pg_catalog.pg_type_is_visible(ts.oid)
) OR (true  AND pg_catalog.pg_type_is_visible(tt.oid)
) )
ORDER BY 1, 2;
----
SELECT s.name AS "Parameter", pg_catalog.current_setting(s.name) AS "Value"
FROM pg_catalog.pg_settings s
WHERE s.source <> 'default' AND
      s.setting IS DISTINCT FROM s.boot_val
ORDER BY 1;
----
SELECT 'addone'::pg_catalog.regproc::pg_catalog.oid;
----
SELECT pg_catalog.pg_get_functiondef(16424);
----
SELECT 'pv'::pg_catalog.regclass::pg_catalog.oid;
----
SELECT nspname, relname, relkind, pg_catalog.pg_get_viewdef(c.oid, true), pg_catalog.array_remove(pg_catalog.array_remove(c.reloptions,'check_option=local'),'check_option=cascaded') AS reloptions, CASE WHEN 'check_option=local' = ANY (c.reloptions) THEN 'LOCAL'::text WHEN 'check_option=cascaded' = ANY (c.reloptions) THEN 'CASCADED'::text ELSE NULL END AS checkoption FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid WHERE c.oid = 16419;
----
SELECT rolname AS "Role", datname AS "Database",
pg_catalog.array_to_string(setconfig, E'\n') AS "Settings"
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_database d ON d.oid = setdatabase
LEFT JOIN pg_catalog.pg_roles r ON r.oid = setrole
ORDER BY 1, 2;
----
SELECT pg_catalog.pg_get_userbyid(d.defaclrole) AS "Owner",
  n.nspname AS "Schema",
  CASE d.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function' WHEN 'T' THEN 'type' WHEN 'n' THEN 'schema' END AS "Type",
  pg_catalog.array_to_string(d.defaclacl, E'\n') AS "Access privileges"
FROM pg_catalog.pg_default_acl d
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
ORDER BY 1, 2, 3;
----
SELECT evtname as "Name", evtevent as "Event", pg_catalog.pg_get_userbyid(e.evtowner) as "Owner",
 case evtenabled when 'O' then 'enabled'  when 'R' then 'replica'  when 'A' then 'always'  when 'D' then 'disabled' end as "Enabled",
 e.evtfoid::pg_catalog.regproc as "Function", pg_catalog.array_to_string(array(select x from pg_catalog.unnest(evttags) as t(x)), ', ') as "Tags"
FROM pg_catalog.pg_event_trigger e ORDER BY 1;
----
SELECT pubname AS "Name",
  pg_catalog.pg_get_userbyid(pubowner) AS "Owner",
  puballtables AS "All tables",
  pubinsert AS "Inserts",
  pubupdate AS "Updates",
  pubdelete AS "Deletes",
  pubtruncate AS "Truncates",
  pubviaroot AS "Via root"
FROM pg_catalog.pg_publication
ORDER BY 1;
----
SELECT s.srvname AS "Name",
  pg_catalog.pg_get_userbyid(s.srvowner) AS "Owner",
  f.fdwname AS "Foreign-data wrapper"
FROM pg_catalog.pg_foreign_server s
     JOIN pg_catalog.pg_foreign_data_wrapper f ON f.oid=s.srvfdw
ORDER BY 1;
----
SELECT l.lanname AS "Name",
       pg_catalog.pg_get_userbyid(l.lanowner) as "Owner",
       l.lanpltrusted AS "Trusted",
       d.description AS "Description"
FROM pg_catalog.pg_language l
LEFT JOIN pg_catalog.pg_description d
  ON d.classoid = l.tableoid AND d.objoid = l.oid
  AND d.objsubid = 0
WHERE l.lanplcallfoid != 0
ORDER BY 1;
----
SELECT n.nspname AS "Schema",
  c.relname AS "Table",
  s.srvname AS "Server"
FROM pg_catalog.pg_foreign_table ft
  INNER JOIN pg_catalog.pg_class c ON c.oid = ft.ftrelid
  INNER JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  INNER JOIN pg_catalog.pg_foreign_server s ON s.oid = ft.ftserver
WHERE pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1, 2;
----
SELECT n.nspname as "Schema",
  p.proname AS "Name",
  pg_catalog.format_type(p.prorettype, NULL) AS "Result data type",
  CASE WHEN p.pronargs = 0
    THEN CAST('*' AS pg_catalog.text)
    ELSE pg_catalog.pg_get_function_arguments(p.oid)
  END AS "Argument data types",
  pg_catalog.obj_description(p.oid, 'pg_proc') as "Description"
FROM pg_catalog.pg_proc p
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind = 'a'
      AND n.nspname <> 'pg_catalog'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_function_is_visible(p.oid)
ORDER BY 1, 2, 4;
----
SELECT n.nspname AS "Schema",
       c.collname AS "Name",
       c.collcollate AS "Collate",
       c.collctype AS "Ctype",
       c.colliculocale AS "ICU Locale",
       CASE c.collprovider WHEN 'd' THEN 'default' WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END AS "Provider",
       CASE WHEN c.collisdeterministic THEN 'yes' ELSE 'no' END AS "Deterministic?"
FROM pg_catalog.pg_collation c, pg_catalog.pg_namespace n
WHERE n.oid = c.collnamespace
      AND n.nspname <> 'pg_catalog'
      AND n.nspname <> 'information_schema'
      AND c.collencoding IN (-1, pg_catalog.pg_char_to_encoding(pg_catalog.getdatabaseencoding()))
  AND pg_catalog.pg_collation_is_visible(c.oid)
ORDER BY 1, 2;
----
SELECT n.nspname AS "Schema",
       c.conname AS "Name",
       pg_catalog.pg_encoding_to_char(c.conforencoding) AS "Source",
       pg_catalog.pg_encoding_to_char(c.contoencoding) AS "Destination",
       CASE WHEN c.condefault THEN 'yes'
       ELSE 'no' END AS "Default?"
FROM pg_catalog.pg_conversion c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE true
  AND n.nspname <> 'pg_catalog'
  AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_conversion_is_visible(c.oid)
ORDER BY 1, 2;
----
SELECT
   n.nspname as "Schema",
   c.cfgname as "Name",
   pg_catalog.obj_description(c.oid, 'pg_ts_config') as "Description"
FROM pg_catalog.pg_ts_config c
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace
WHERE pg_catalog.pg_ts_config_is_visible(c.oid)
ORDER BY 1, 2;
----
SELECT fdw.fdwname AS "Name",
  pg_catalog.pg_get_userbyid(fdw.fdwowner) AS "Owner",
  fdw.fdwhandler::pg_catalog.regproc AS "Handler",
  fdw.fdwvalidator::pg_catalog.regproc AS "Validator"
FROM pg_catalog.pg_foreign_data_wrapper fdw
ORDER BY 1;
----
SELECT
  am.amname AS "AM",
  pg_catalog.format_type(c.opcintype, NULL) AS "Input type",
  CASE
    WHEN c.opckeytype <> 0 AND c.opckeytype <> c.opcintype
    THEN pg_catalog.format_type(c.opckeytype, NULL)
    ELSE NULL
  END AS "Storage type",
  CASE
    WHEN pg_catalog.pg_opclass_is_visible(c.oid)
    THEN pg_catalog.format('%I', c.opcname)
    ELSE pg_catalog.format('%I.%I', n.nspname, c.opcname)
  END AS "Operator class",
  (CASE WHEN c.opcdefault
    THEN 'yes'
    ELSE 'no'
  END) AS "Default?"
FROM pg_catalog.pg_opclass c
  LEFT JOIN pg_catalog.pg_am am on am.oid = c.opcmethod
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.opcnamespace
  LEFT JOIN pg_catalog.pg_type t ON t.oid = c.opcintype
  LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
ORDER BY 1, 2, 4;
----
SELECT n.nspname as "Schema",
  c.relname as "Name",
  pg_catalog.pg_get_userbyid(c.relowner) as "Owner",
  CASE c.relkind WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END as "Type",
 c2.oid::pg_catalog.regclass as "Table"
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     LEFT JOIN pg_catalog.pg_class c2 ON i.indrelid = c2.oid
WHERE c.relkind IN ('p','I','')
 AND NOT c.relispartition
      AND n.nspname <> 'pg_catalog'
      AND n.nspname !~ '^pg_toast'
      AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY "Schema", "Type" DESC, "Name";
