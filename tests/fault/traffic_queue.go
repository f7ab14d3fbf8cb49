package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

// queue is traffic of producers that insert items and consumers that take one with
// SELECT ... FOR UPDATE SKIP LOCKED and delete it: each item is taken once, and none is
// lost.
type queue struct {
	mu       sync.Mutex // guards what follows
	next     int64
	put      map[int64]result
	taken    []queueTake
	leftover []queueLeft
}

type queueTake struct {
	result
	id int64
}

// queueLeft is what a read has found in the end.
type queueLeft struct {
	result
	ids []int64
}

func newQueue() *queue { return &queue{put: make(map[int64]result)} }

func (q *queue) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	return w.create(ctx, conn, "queue", "id bigint PRIMARY KEY, note text")
}

func (q *queue) tables() []table {
	return []table{{name: "queue", key: func(rnd *rand.Rand) int64 {
		q.mu.Lock()
		defer q.mu.Unlock()
		return max(0, q.next-1-rnd.Int64N(40))
	}}}
}

func (q *queue) step(c *client) {
	if c.rnd.IntN(20) < 7 {
		q.produce(c)
		return
	}
	take := queueTake{id: -1}
	take.result = c.run("take an item", func(ctx context.Context, o *operation) error {
		return o.transaction(ctx, "BEGIN", func() error {
			err := o.conn.QueryRow(ctx, "SELECT id FROM queue ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED").Scan(&take.id)
			if errors.Is(err, pgx.ErrNoRows) {
				return gaveUp("empty")
			} else if err != nil {
				return err
			}
			o.note("item %d", take.id)
			tag, err := o.conn.Exec(ctx, "DELETE FROM queue WHERE id = $1", take.id)
			if err == nil && tag.RowsAffected() != 1 {
				return wrongAnswer(fmt.Sprintf("item %d was locked and is not there", take.id))
			}
			return err
		})
	})
	if take.outcome == refused {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken = append(q.taken, take)
}

// produce inserts one to three items.
func (q *queue) produce(c *client) {
	q.mu.Lock()
	var items []int64
	for range 1 + c.rnd.IntN(3) {
		items = append(items, q.next)
		q.next++
	}
	q.mu.Unlock()
	res := c.run(fmt.Sprintf("put %v", items), func(ctx context.Context, o *operation) error {
		_, err := o.conn.Exec(ctx, insertValues("queue", items))
		return err
	})
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, id := range items {
		q.put[id] = res
	}
}

func (q *queue) finish(c *client) error {
	var left queueLeft
	left.result = c.run("read all", func(ctx context.Context, o *operation) (err error) {
		left.ids, err = ids(ctx, o.conn, "SELECT id FROM queue")
		return err
	})
	if left.outcome != done {
		return left.err
	}
	q.leftover = append(q.leftover, left)
	return nil
}

func (q *queue) check(v *verdict) { v.add(checkQueue(q.put, q.taken, q.leftover)...) }

// checkQueue finds items that were taken twice, or are lost, or were taken and are there
// still.
func checkQueue(put map[int64]result, taken []queueTake, leftover []queueLeft) []violation {
	var out []violation
	bad := func(what string, lines ...string) {
		out = append(out, violation{where: "queue", what: what, text: explain(lines...)})
	}
	by := make(map[int64]*queueTake)
	perhaps := make(map[int64]bool)
	for i := range taken {
		t := &taken[i]
		if t.outcome == unknown {
			perhaps[t.id] = true
			continue
		}
		in, known := put[t.id]
		switch other := by[t.id]; {
		case other != nil:
			bad(fmt.Sprintf("item %d was taken twice", t.id), other.describe(), t.describe())
		case !known || in.outcome == refused:
			bad(fmt.Sprintf("item %d was taken and never put", t.id), t.describe())
		case in.call > t.returned:
			bad(fmt.Sprintf("item %d was taken before it was put", t.id), t.describe())
		}
		by[t.id] = t
	}
	for i := range leftover {
		left := &leftover[i]
		slices.Sort(left.ids)
		for id, in := range put {
			_, there := slices.BinarySearch(left.ids, id)
			switch {
			case there && by[id] != nil:
				bad(fmt.Sprintf("item %d was taken and is there still", id), by[id].describe(), left.span())
			case there && in.outcome == refused:
				bad(fmt.Sprintf("item %d is there, and its insert was refused", id), in.span()+": put", left.span())
			case !there && in.outcome == done && by[id] == nil && !perhaps[id]:
				bad(fmt.Sprintf("item %d is lost", id), in.span()+": put", left.span())
			}
		}
	}
	return out
}

func (t *queueTake) describe() string { return fmt.Sprintf("%s: took item %d", t.span(), t.id) }
