package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

const (
	forkKeys = 6  // of a group
	forkOps  = 40 // operations on a group before the next one is taken
)

// longFork is traffic in which each row is inserted once, and reads look at a group of
// rows: of any two reads one must have found all that the other has. (Parallel snapshot
// isolation lets two readers see two writes in different orders.)
type longFork struct {
	mu       sync.Mutex // guards what follows
	ops      int64
	inserted map[int64]int // keys of a group that were given out
	inserts  map[int64]result
	reads    map[int64][]forkRead // by group
}

type forkRead struct {
	result
	found []int64
}

func newLongFork() *longFork {
	return &longFork{inserted: make(map[int64]int), inserts: make(map[int64]result), reads: make(map[int64][]forkRead)}
}

func (f *longFork) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	return w.create(ctx, conn, "fork", "id bigint PRIMARY KEY, note text")
}

func (f *longFork) tables() []table {
	return []table{{name: "fork", key: func(rnd *rand.Rand) int64 {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.ops/forkOps*forkKeys + rnd.Int64N(forkKeys)
	}}}
}

func (f *longFork) step(c *client) {
	f.mu.Lock()
	group := f.ops / forkOps
	f.ops++
	key := group*forkKeys + int64(f.inserted[group])
	insert := f.inserted[group] < forkKeys && c.rnd.IntN(4) == 0
	if insert {
		f.inserted[group]++
	}
	f.mu.Unlock()
	if !insert {
		_ = f.read(c, group)
		return
	}
	res := c.run(fmt.Sprintf("insert %d", key), func(ctx context.Context, o *operation) error {
		_, err := o.conn.Exec(ctx, "INSERT INTO fork (id) VALUES ($1)", key)
		return err
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inserts[key] = res
}

// read reads a group: by a range of keys, by the keys, or one by one in a transaction.
func (f *longFork) read(c *client, group int64) error {
	var keys []int64
	for i := range int64(forkKeys) {
		keys = append(keys, group*forkKeys+i)
	}
	var r forkRead
	way := c.rnd.IntN(3)
	if way == 2 && !c.transactions {
		way = 0
	}
	r.result = c.run(fmt.Sprintf("read group %d", group), func(ctx context.Context, o *operation) (err error) {
		switch way {
		case 0:
			r.found, err = ids(ctx, o.conn, "SELECT id FROM fork WHERE id >= $1 AND id <= $2", keys[0], keys[forkKeys-1])
		case 1:
			r.found, err = ids(ctx, o.conn, "SELECT id FROM fork WHERE id = ANY ($1)", keys)
		default:
			err = o.transaction(ctx, "BEGIN READ ONLY", func() error {
				for _, i := range c.rnd.Perm(forkKeys) {
					found, err := ids(ctx, o.conn, "SELECT id FROM fork WHERE id = $1", keys[i])
					if err != nil {
						return err
					}
					r.found = append(r.found, found...)
				}
				return nil
			})
		}
		o.note("found %v", r.found)
		return err
	})
	if r.outcome != done {
		return r.err
	}
	slices.Sort(r.found)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads[group] = append(f.reads[group], r)
	return nil
}

// ids reads a column of integers.
func ids(ctx context.Context, conn *pgx.Conn, sql string, args ...any) ([]int64, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

func (f *longFork) finish(c *client) error {
	last := f.ops / forkOps
	for group := max(0, last-5); group <= last; group++ {
		if err := f.read(c, group); err != nil {
			return err
		}
	}
	return nil
}

func (f *longFork) check(v *verdict) {
	for group, reads := range f.reads {
		v.add(checkForks(group, reads, f.inserts)...)
	}
}

// checkForks finds two reads of a group that do not contain one another, and reads that
// miss what was acknowledged before, or what an earlier read found.
func checkForks(group int64, reads []forkRead, inserts map[int64]result) []violation {
	bad := func(what string, lines ...string) []violation {
		return []violation{{where: "longfork", what: what, text: explain(lines...)}}
	}
	describe := func(key int64) string {
		r := inserts[key]
		return fmt.Sprintf("%s: insert %d", r.span(), key)
	}
	for i := range reads {
		a := &reads[i]
		for key := group * forkKeys; key < (group+1)*forkKeys; key++ {
			if in, tried := inserts[key]; tried && !slices.Contains(a.found, key) && in.before(&a.result) {
				return bad(fmt.Sprintf("row %d was acknowledged and is missing", key), describe(key), a.describe())
			}
		}
		for j := range i {
			b := &reads[j]
			onlyA, onlyB := missingFrom(b.found, a.found), missingFrom(a.found, b.found)
			switch {
			case len(onlyA) > 0 && len(onlyB) > 0:
				return bad("two reads see two inserts in different orders", describe(onlyA[0]), describe(onlyB[0]), a.describe(), b.describe())
			case len(onlyA) > 0 && a.before(&b.result):
				return bad("a read misses what an earlier one has found", describe(onlyA[0]), a.describe(), b.describe())
			case len(onlyB) > 0 && b.before(&a.result):
				return bad("a read misses what an earlier one has found", describe(onlyB[0]), b.describe(), a.describe())
			}
		}
	}
	return nil
}

// missingFrom returns those of some numbers that others do not contain.
func missingFrom(others, some []int64) []int64 {
	var out []int64
	for _, n := range some {
		if !slices.Contains(others, n) {
			out = append(out, n)
		}
	}
	return out
}

func (r *forkRead) describe() string { return fmt.Sprintf("%s: found %v", r.span(), r.found) }
