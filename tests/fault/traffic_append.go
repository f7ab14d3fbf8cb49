package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/tests/checker"
)

const (
	listKeys = 10
	// listOps is how many transactions are begun before new keys are taken, so that lists
	// stay short.
	listOps = 300
)

// lists is traffic of transactions that append to lists and read them. The cycle checker
// decides whether they are strictly serializable.
type lists struct {
	rec   *checker.Recorder
	begun atomic.Int64
	value atomic.Int64
}

func newLists() *lists { return &lists{} }

func (l *lists) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	l.rec = checker.NewRecorder(w.history.now)
	return w.create(ctx, conn, "list", "id bigint PRIMARY KEY, v text NOT NULL")
}

func (l *lists) tables() []table {
	return []table{{name: "list", key: func(rnd *rand.Rand) int64 {
		return l.begun.Load()/listOps*listKeys + rnd.Int64N(listKeys)
	}}}
}

func (l *lists) step(c *client) {
	first := l.begun.Add(1) / listOps * listKeys
	rec := l.rec.Begin(c.id)
	size := 1 + c.rnd.IntN(4)
	if !c.transactions {
		size = 1
	}
	body := func(ctx context.Context, o *operation) error {
		for range size {
			key := first + c.rnd.Int64N(listKeys)
			var err error
			switch n := c.rnd.IntN(10); {
			case n < 4:
				err = l.append(ctx, o, rec, key)
			case n < 8:
				err = l.read(ctx, o, rec, []int64{key})
			default:
				err = l.read(ctx, o, rec, []int64{first + c.rnd.Int64N(3), first + 3 + c.rnd.Int64N(3), first + 6 + c.rnd.Int64N(3)})
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

// end notes what became of a transaction.
func end(rec *checker.Recording, res result) {
	switch res.outcome {
	case done:
		rec.Committed()
	case refused:
		rec.Failed()
	case unknown:
		rec.Unknown()
	}
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
func (l *lists) read(ctx context.Context, o *operation, rec *checker.Recording, keys []int64) error {
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

// finish reads all lists that were in use last.
func (l *lists) finish(c *client) error {
	first := int64(0)
	last := l.begun.Load() / listOps * listKeys
	for ; first <= last; first += listKeys {
		var keys []int64
		for i := range int64(listKeys) {
			keys = append(keys, first+i)
		}
		rec := l.rec.Begin(c.id)
		res := c.run("read all", func(ctx context.Context, o *operation) error { return l.read(ctx, o, rec, keys) })
		end(rec, res)
		if res.err != nil {
			return res.err
		}
	}
	return nil
}

func (l *lists) check(v *verdict) { checkCycles("append", l.rec.History(), v) }

// checkCycles has the cycle checker look at a history.
func checkCycles(where string, h *checker.History, v *verdict) {
	report := checker.Check(h, checker.Options{})
	for i := range report.Anomalies {
		v.add(violation{where: where, what: report.Anomalies[i].Title(), text: report.Anomalies[i].Text})
	}
	if n := report.Total - len(report.Anomalies); n > 0 {
		v.addf(where, "%d more anomalies", n)
	}
}
