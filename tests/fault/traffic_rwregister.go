package main

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/tests/checker"
)

const (
	valueKeys = 8
	valueOps  = 600
)

// values is traffic of transactions that read and write single values. The cycle checker
// decides whether they are strictly serializable.
type values struct {
	rec   *checker.Recorder
	begun atomic.Int64
	value atomic.Int64
}

func newValues() *values { return &values{} }

func (l *values) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	l.rec = checker.NewRecorder(w.history.now)
	return w.create(ctx, conn, "rw", "id bigint PRIMARY KEY, v bigint NOT NULL")
}

func (l *values) tables() []table {
	return []table{{name: "rw", key: func(rnd *rand.Rand) int64 {
		return l.begun.Load()/valueOps*valueKeys + rnd.Int64N(valueKeys)
	}}}
}

func (l *values) step(c *client) {
	first := l.begun.Add(1) / valueOps * valueKeys
	rec := l.rec.Begin(c.id)
	size := 1 + c.rnd.IntN(4)
	if !c.transactions {
		size = 1
	}
	body := func(ctx context.Context, o *operation) error {
		for range size {
			key := first + c.rnd.Int64N(valueKeys)
			var err error
			switch n := c.rnd.IntN(10); {
			case n < 4:
				err = l.write(ctx, o, rec, key)
			case n < 8:
				err = l.read(ctx, o, rec, key, key+1)
			default:
				err = l.read(ctx, o, rec, first, first+valueKeys)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	res := c.run("transaction", func(ctx context.Context, o *operation) error {
		if size == 1 {
			return body(ctx, o)
		}
		return o.transaction(ctx, "BEGIN", func() error { return body(ctx, o) })
	})
	end(rec, res)
}

// write writes a value that is written once only.
func (l *values) write(ctx context.Context, o *operation, rec *checker.Recording, key int64) error {
	value := l.value.Add(1)
	rec.Write(strconv.FormatInt(key, 10), value)
	o.note("write %d to %d", value, key)
	_, err := o.conn.Exec(ctx, "INSERT INTO rw (id, v) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v", key, value)
	return err
}

// read reads the keys of a range.
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

func (l *values) finish(c *client) error {
	last := l.begun.Load() / valueOps * valueKeys
	for first := int64(0); first <= last; first += valueKeys {
		rec := l.rec.Begin(c.id)
		res := c.run("read all", func(ctx context.Context, o *operation) error { return l.read(ctx, o, rec, first, first+valueKeys) })
		end(rec, res)
		if res.err != nil {
			return res.err
		}
	}
	return nil
}

func (l *values) check(v *verdict) { checkCycles("rwregister", l.rec.History(), v) }
