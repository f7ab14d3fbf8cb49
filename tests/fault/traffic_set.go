package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"

	"github.com/jackc/pgx/v5"
)

// setRows is how many rows are inserted before clients go to the next range of keys,
// so that scans stay short.
const setRows = 400

// setRange is the width of a range of keys.
const setRange = 1 << 20

// set is traffic that inserts and scans: a scan finds everything that was acknowledged
// before it began, nothing that was refused, of each statement all rows or none, and
// everything that an earlier scan has found.
type set struct {
	mu      sync.Mutex // guards what follows
	next    int64
	inserts []setInsert
	scans   []setScan
}

type setInsert struct {
	result
	ids []int64
}

type setScan struct {
	result
	from, to int64 // the keys
	ids      []int64
}

func newSet() *set { return &set{} }

func (s *set) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	return w.create(ctx, conn, "item", "id bigint PRIMARY KEY, note text")
}

func (s *set) tables() []table {
	return []table{{name: "item", key: func(rnd *rand.Rand) int64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.key(max(0, s.next-1-rnd.Int64N(50)))
	}}}
}

// key is the n-th id.
func (s *set) key(n int64) int64 { return n/setRows*setRange + n%setRows*37%setRange }

func (s *set) step(c *client) {
	if c.rnd.IntN(3) == 0 {
		s.mu.Lock()
		part := s.next / setRows
		s.mu.Unlock()
		_ = s.scan(c, part*setRange, (part+1)*setRange)
		return
	}
	s.mu.Lock()
	in := setInsert{}
	for range 1 + c.rnd.IntN(4) {
		in.ids = append(in.ids, s.key(s.next))
		s.next++
	}
	s.mu.Unlock()
	in.result = c.run(fmt.Sprintf("insert %v", in.ids), func(ctx context.Context, o *operation) error {
		tag, err := o.conn.Exec(ctx, insertValues("item", in.ids))
		if err == nil && tag.RowsAffected() != int64(len(in.ids)) {
			return wrongAnswer(fmt.Sprintf("%d rows were inserted, of %d", tag.RowsAffected(), len(in.ids)))
		}
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inserts = append(s.inserts, in)
}

// scan reads the ids of a range of keys.
func (s *set) scan(c *client, from, to int64) error {
	scan := setScan{from: from, to: to}
	scan.result = c.run(fmt.Sprintf("scan %d to %d", from, to), func(ctx context.Context, o *operation) error {
		rows, err := o.conn.Query(ctx, "SELECT id FROM item WHERE id >= $1 AND id < $2", from, to)
		if err != nil {
			return err
		}
		scan.ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		o.note("%d rows", len(scan.ids))
		return err
	})
	if scan.outcome != done {
		return scan.err
	}
	slices.Sort(scan.ids)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scans = append(s.scans, scan)
	return nil
}

func (s *set) finish(c *client) error { return s.scan(c, 0, math.MaxInt64) }

func (s *set) check(v *verdict) { v.add(checkSet(s.inserts, s.scans)...) }

// checkSet compares scans with inserts, and with each other.
func checkSet(inserts []setInsert, scans []setScan) []violation {
	var out []violation
	bad := func(what string, lines ...string) {
		out = append(out, violation{where: "set", what: what, text: explain(lines...)})
	}
	sort.Slice(inserts, func(i, j int) bool { return inserts[i].ids[0] < inserts[j].ids[0] })
	sort.Slice(scans, func(i, j int) bool { return scans[i].call < scans[j].call })
	by := make(map[int64]*setInsert)
	for i := range inserts {
		for _, id := range inserts[i].ids {
			by[id] = &inserts[i]
		}
	}
	// seen is, for each row, the scan that found it and returned first.
	seen := make(map[int64]*setScan)
	for i := range scans {
		for _, id := range scans[i].ids {
			if first := seen[id]; first == nil || scans[i].returned < first.returned {
				seen[id] = &scans[i]
			}
		}
	}
	for i := range scans {
		scan := &scans[i]
		for j, id := range scan.ids {
			in := by[id]
			switch {
			case j > 0 && scan.ids[j-1] == id:
				bad(fmt.Sprintf("row %d is in a scan twice", id), scan.describe())
			case in == nil:
				bad(fmt.Sprintf("row %d was never inserted", id), scan.describe())
			case in.outcome == refused:
				bad(fmt.Sprintf("row %d is there, and its insert was refused", id), in.describe()+": "+describeError(in.err), scan.describe())
			case in.call > scan.returned:
				bad(fmt.Sprintf("row %d was seen before it was inserted", id), scan.describe(), in.describe())
			}
		}
		first := sort.Search(len(inserts), func(k int) bool { return inserts[k].ids[0] >= scan.from })
		for k := max(0, first-1); k < len(inserts) && inserts[k].ids[0] < scan.to; k++ {
			out = append(out, scan.compare(&inserts[k], seen)...)
		}
		if len(out) > maxViolations {
			break
		}
	}
	return out
}

// compare holds a scan against one insert.
func (s *setScan) compare(in *setInsert, seen map[int64]*setScan) []violation {
	var missing, there []int64
	for _, id := range in.ids {
		if id < s.from || id >= s.to {
			continue
		}
		if _, found := slices.BinarySearch(s.ids, id); found {
			there = append(there, id)
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	bad := func(what string, lines ...string) []violation {
		return []violation{{where: "set", what: what, text: explain(lines...)}}
	}
	if in.before(&s.result) {
		return bad(fmt.Sprintf("rows %v were acknowledged and are missing", missing), in.describe(), s.describe())
	}
	if len(there) > 0 {
		return bad(fmt.Sprintf("a scan finds %v and not %v of one statement", there, missing), in.describe(), s.describe())
	}
	if earlier := seen[missing[0]]; earlier != nil && earlier.before(&s.result) {
		return bad(fmt.Sprintf("row %d was seen by an earlier scan and is missing", missing[0]), in.describe(), earlier.describe(), s.describe())
	}
	return nil
}

func (s *setScan) describe() string {
	return fmt.Sprintf("%s: a scan of %d to %d found %d rows", s.span(), s.from, s.to, len(s.ids))
}

func (in *setInsert) describe() string { return fmt.Sprintf("%s: insert %v", in.span(), in.ids) }

// insertValues is a statement that inserts rows of an id.
func insertValues(table string, ids []int64) string {
	text := "INSERT INTO " + table + " (id) VALUES "
	for i, id := range ids {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("(%d)", id)
	}
	return text
}
