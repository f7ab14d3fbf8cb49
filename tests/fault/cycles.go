package main

import (
	"context"
	"math/rand/v2"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/tests/checker"
)

// cycles is traffic of transactions of which the cycle checker decides whether they are
// strictly serializable.
type cycles struct {
	name           string // of the traffic
	table, columns string
	keys           int64 // that are in use at once
	ops            int64 // transactions that are begun before new keys are taken
	access         accesses

	rec   *checker.Recorder
	begun atomic.Int64
}

// accesses are what transactions do, and record. The keys in use are those from first on.
type accesses interface {
	// some does something random.
	some(ctx context.Context, c *client, o *operation, rec *checker.Recording, first int64) error
	// all reads all keys.
	all(ctx context.Context, o *operation, rec *checker.Recording, first int64) error
}

// first is the least of the keys in use, by how many transactions were begun.
func (t *cycles) first(begun int64) int64 { return begun / t.ops * t.keys }

func (t *cycles) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	t.rec = checker.NewRecorder(w.history.now)
	return w.create(ctx, conn, t.table, t.columns)
}

func (t *cycles) tables() []table {
	return []table{{name: t.table, key: func(rnd *rand.Rand) int64 { return t.first(t.begun.Load()) + rnd.Int64N(t.keys) }}}
}

func (t *cycles) step(c *client) {
	first := t.first(t.begun.Add(1))
	rec := t.rec.Begin(c.id)
	size := 1 + c.rnd.IntN(4)
	if !c.transactions {
		size = 1
	}
	body := func(ctx context.Context, o *operation) error {
		for range size {
			if err := t.access.some(ctx, c, o, rec, first); err != nil {
				return err
			}
		}
		return nil
	}
	end(rec, c.run("transaction", func(ctx context.Context, o *operation) error {
		if size == 1 {
			return body(ctx, o)
		}
		return o.transaction(ctx, "BEGIN", func() error { return body(ctx, o) })
	}))
}

// end records what became of a transaction.
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

// finish reads all keys that were ever in use.
func (t *cycles) finish(c *client) error {
	last := t.first(t.begun.Load())
	for first := int64(0); first <= last; first += t.keys {
		rec := t.rec.Begin(c.id)
		res := c.run("read all", func(ctx context.Context, o *operation) error { return t.access.all(ctx, o, rec, first) })
		end(rec, res)
		if res.err != nil {
			return res.err
		}
	}
	return nil
}

func (t *cycles) check(v *verdict) {
	report := checker.Check(t.rec.History(), checker.Options{})
	for i := range report.Anomalies {
		v.add(violation{where: t.name, what: report.Anomalies[i].Title(), text: report.Anomalies[i].Text})
	}
	if n := report.Total - len(report.Anomalies); n > 0 {
		v.addf(t.name, "%d more anomalies", n)
	}
}
