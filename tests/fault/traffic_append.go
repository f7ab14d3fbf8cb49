package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/tests/checker"
)

const listKeys = 10

// lists are accesses that append to lists and read them.
type lists struct{ value atomic.Int64 }

func newLists() *cycles {
	return &cycles{
		name: "append", table: "list", columns: "id bigint PRIMARY KEY, v text NOT NULL",
		keys: listKeys, ops: 300, access: &lists{}, // lists stay short
	}
}

func (l *lists) some(ctx context.Context, c *client, o *operation, rec *checker.Recording, first int64) error {
	key := first + c.rnd.Int64N(listKeys)
	switch n := c.rnd.IntN(10); {
	case n < 4:
		return l.append(ctx, o, rec, key)
	case n < 8:
		return l.read(ctx, o, rec, key)
	}
	return l.read(ctx, o, rec, first+c.rnd.Int64N(3), first+3+c.rnd.Int64N(3), first+6+c.rnd.Int64N(3))
}

func (l *lists) all(ctx context.Context, o *operation, rec *checker.Recording, first int64) error {
	var keys []int64
	for i := range int64(listKeys) {
		keys = append(keys, first+i)
	}
	return l.read(ctx, o, rec, keys...)
}

// append adds a value to a list.
func (l *lists) append(ctx context.Context, o *operation, rec *checker.Recording, key int64) error {
	value := l.value.Add(1)
	rec.Append(strconv.FormatInt(key, 10), value)
	o.note("append %d to %d", value, key)
	_, err := o.conn.Exec(ctx, "INSERT INTO list (id, v) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = list.v || ',' || EXCLUDED.v",
		key, strconv.FormatInt(value, 10))
	return err
}

// read reads lists in one statement.
func (l *lists) read(ctx context.Context, o *operation, rec *checker.Recording, keys ...int64) error {
	var rows pgx.Rows
	var err error
	if len(keys) == 1 {
		rows, err = o.conn.Query(ctx, "SELECT id, v FROM list WHERE id = $1", keys[0])
	} else {
		rows, err = o.conn.Query(ctx, "SELECT id, v FROM list WHERE id = ANY ($1)", keys)
	}
	if err != nil {
		return err
	}
	found := make(map[int64][]int64)
	var id int64
	var text string
	if _, err := pgx.ForEachRow(rows, []any{&id, &text}, func() error {
		found[id], err = parseList(text)
		return err
	}); err != nil {
		return err
	}
	for _, key := range keys {
		rec.List(strconv.FormatInt(key, 10), found[key])
		o.note("list %d is %v", key, found[key])
	}
	return nil
}

func parseList(text string) ([]int64, error) {
	var out []int64
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return nil, wrongAnswer(fmt.Sprintf("%q is no list of numbers", text))
		}
		out = append(out, n)
	}
	return out, nil
}
