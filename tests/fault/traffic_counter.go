package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

const counterKeys = 24

// counter is traffic that counts: every update that was acknowledged has taken effect
// once, every other at most once, and each row's values come in the order of time.
type counter struct {
	mu     sync.Mutex // guards what follows
	counts []counted
	finals []counted
}

// counted is an update of some rows, or a read of all.
type counted struct {
	result
	keys   []int64
	values map[int64]int64 // what was returned
}

func newCounter() *counter { return &counter{} }

func (k *counter) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	if err := w.create(ctx, conn, "counter", "id bigint PRIMARY KEY, n bigint NOT NULL"); err != nil {
		return err
	}
	for id := range counterKeys {
		if _, err := conn.Exec(ctx, "INSERT INTO counter (id, n) VALUES ($1, 0)", id); err != nil {
			return err
		}
	}
	return nil
}

func (k *counter) tables() []table {
	return []table{{name: "counter", key: func(rnd *rand.Rand) int64 { return rnd.Int64N(counterKeys) }}}
}

func (k *counter) step(c *client) {
	at := counted{keys: draw(c.rnd, 1+c.rnd.IntN(4), counterKeys), values: make(map[int64]int64)}
	at.result = c.run(fmt.Sprintf("count %v", at.keys), func(ctx context.Context, o *operation) error {
		err := collect(ctx, o.conn, at.values, "UPDATE counter SET n = n + 1 WHERE id = ANY ($1) RETURNING id, n", at.keys)
		if err == nil {
			o.note("%v", at.values)
		}
		return err
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.counts = append(k.counts, at)
}

func (k *counter) finish(c *client) error {
	at := counted{values: make(map[int64]int64)}
	at.result = c.run("read all", func(ctx context.Context, o *operation) error {
		return collect(ctx, o.conn, at.values, "SELECT id, n FROM counter")
	})
	if at.outcome != done {
		return at.err
	}
	k.finals = append(k.finals, at)
	return nil
}

func (k *counter) check(v *verdict) { v.add(checkCounts(k.counts, k.finals)...) }

// checkCounts finds updates that are lost, or were executed more than once, or in
// another order than that of time.
func checkCounts(counts, finals []counted) []violation {
	var out []violation
	bad := func(what, text string) { out = append(out, violation{where: "counter", what: what, text: text}) }
	acknowledged, possible := make(map[int64]int64), make(map[int64]int64)
	byValue := make(map[int64]map[int64]*counted)
	for i := range counts {
		c := &counts[i]
		for _, key := range c.keys {
			switch c.outcome {
			case unknown:
				possible[key]++
				continue
			case refused:
				continue
			}
			acknowledged[key]++
			value, found := c.values[key]
			if !found {
				bad(fmt.Sprintf("an update of row %d did not find it", key), c.describe())
				continue
			}
			if byValue[key] == nil {
				byValue[key] = make(map[int64]*counted)
			}
			if other := byValue[key][value]; other != nil {
				bad(fmt.Sprintf("two updates have brought row %d to %d", key, value), explain(other.describe(), c.describe()))
			}
			byValue[key][value] = c
		}
	}
	for key, values := range byValue {
		out = append(out, countsInOrder(key, values)...)
	}
	for i := range finals {
		for key, n := range finals[i].values {
			if least, most := acknowledged[key], acknowledged[key]+possible[key]; n < least || n > most {
				bad(fmt.Sprintf("row %d is %d in the end; %d updates of it were acknowledged, %d more are unknown", key, n, least, possible[key]),
					finals[i].describe())
			}
		}
		if len(finals[i].values) != counterKeys {
			bad(fmt.Sprintf("%d rows are there in the end, want %d", len(finals[i].values), counterKeys), finals[i].describe())
		}
	}
	return out
}

// countsInOrder finds a greater value that was acknowledged before the update that made a
// lesser one began.
func countsInOrder(key int64, values map[int64]*counted) []violation {
	type made struct {
		value int64
		by    *counted
	}
	var all []made
	for value, by := range values {
		all = append(all, made{value, by})
	}
	slices.SortFunc(all, func(a, b made) int { return cmp.Compare(b.value, a.value) })
	var earliest *made // the first of greater values to return
	for i := range all {
		m := &all[i]
		if earliest != nil && earliest.by.before(&m.by.result) {
			return []violation{{where: "counter", what: fmt.Sprintf("row %d was %d before it was %d", key, earliest.value, m.value),
				text: explain(earliest.by.describe(), m.by.describe())}}
		}
		if earliest == nil || m.by.returned < earliest.by.returned {
			earliest = m
		}
	}
	return nil
}

func (c *counted) describe() string {
	return fmt.Sprintf("%s: rows %v, values %v", c.span(), c.keys, c.values)
}
