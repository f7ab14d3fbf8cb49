package main

import (
	"context"
	"strconv"
	"sync/atomic"

	"github.com/ssmr/ssmr/tests/checker"
)

const valueKeys = 8

// values are accesses that read and write single values.
type values struct{ value atomic.Int64 }

func newValues() *cycles {
	return &cycles{
		name: "rwregister", table: "rw", columns: "id bigint PRIMARY KEY, v bigint NOT NULL",
		keys: valueKeys, ops: 600, access: &values{},
	}
}

func (l *values) some(ctx context.Context, c *client, o *operation, rec *checker.Recording, first int64) error {
	key := first + c.rnd.Int64N(valueKeys)
	switch n := c.rnd.IntN(10); {
	case n < 4:
		return l.write(ctx, o, rec, key)
	case n < 8:
		return l.read(ctx, o, rec, key, key+1)
	}
	return l.all(ctx, o, rec, first)
}

func (l *values) all(ctx context.Context, o *operation, rec *checker.Recording, first int64) error {
	return l.read(ctx, o, rec, first, first+valueKeys)
}

// write writes a value that is written once only.
func (l *values) write(ctx context.Context, o *operation, rec *checker.Recording, key int64) error {
	value := l.value.Add(1)
	rec.Write(strconv.FormatInt(key, 10), value)
	o.note("write %d to %d", value, key)
	_, err := o.conn.Exec(ctx, "INSERT INTO rw (id, v) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v", key, value)
	return err
}

// read reads the keys from one to below another.
func (l *values) read(ctx context.Context, o *operation, rec *checker.Recording, from, to int64) error {
	found := make(map[int64]int64)
	var err error
	if to == from+1 {
		err = collect(ctx, o.conn, found, "SELECT id, v FROM rw WHERE id = $1", from)
	} else {
		err = collect(ctx, o.conn, found, "SELECT id, v FROM rw WHERE id >= $1 AND id < $2", from, to)
	}
	if err != nil {
		return err
	}
	o.note("%d to %d are %v", from, to, found)
	for key := from; key < to; key++ {
		name := strconv.FormatInt(key, 10)
		if v, exists := found[key]; exists {
			rec.Read(name, v)
		} else {
			rec.ReadAbsent(name)
		}
	}
	return nil
}
