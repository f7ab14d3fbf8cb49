package state

import (
	"container/heap"
	"sort"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
)

// firstRows keeps the first rows of an order: a heap with the last of them on top.
type firstRows struct {
	order    []command.Order
	distinct map[string]bool // of the rows in the heap; nil unless DISTINCT
	limit    int64
	rows     []sortedRow
	bytes    int
}

type sortedRow struct {
	keys []datum.Datum
	row  []byte
}

func newFirstRows(p *program, limit int64) *firstRows {
	f := &firstRows{order: p.OrderBy, limit: limit}
	if p.Distinct {
		f.distinct = make(map[string]bool)
	}
	return f
}

// Len is of heap.Interface.
func (f *firstRows) Len() int { return len(f.rows) }

// Less is of heap.Interface: the row that sorts last is on top.
func (f *firstRows) Less(i, j int) bool { return f.compare(f.rows[i].keys, f.rows[j].keys) > 0 }

// Swap is of heap.Interface.
func (f *firstRows) Swap(i, j int) { f.rows[i], f.rows[j] = f.rows[j], f.rows[i] }

// Push is of heap.Interface.
func (f *firstRows) Push(x any) { f.rows = append(f.rows, x.(sortedRow)) }

// Pop is of heap.Interface.
func (f *firstRows) Pop() any {
	last := f.rows[len(f.rows)-1]
	f.rows[len(f.rows)-1] = sortedRow{}
	f.rows = f.rows[:len(f.rows)-1]
	return last
}

func (f *firstRows) compare(a, b []datum.Datum) int {
	for i, o := range f.order {
		if c := compareOrder(a[i], b[i], o); c != 0 {
			return c
		}
	}
	return 0
}

// compareOrder compares two values of one key of a sort.
func compareOrder(a, b datum.Datum, o command.Order) int {
	switch {
	case a.IsNull() && b.IsNull():
		return 0
	case a.IsNull() || b.IsNull():
		if a.IsNull() == o.NullsFirst {
			return -1
		}
		return 1
	}
	c := datum.Compare(a, b)
	if o.Descending {
		return -c
	}
	return c
}

// wants reports whether a row with these keys would be among the first.
func (f *firstRows) wants(values []datum.Datum) bool {
	if int64(len(f.rows)) < f.limit {
		return true
	}
	last := f.rows[0].keys
	for i, o := range f.order {
		if c := compareOrder(values[o.Column], last[i], o); c != 0 {
			return c < 0
		}
	}
	return false
}

func (r sortedRow) size() int { return len(r.row) + 64*len(r.keys) + 48 }

// insert takes a row that is wanted.
func (f *firstRows) insert(values []datum.Datum, row []byte) {
	if f.distinct != nil {
		if f.distinct[string(row)] {
			return
		}
		f.distinct[string(row)] = true
	}
	r := sortedRow{keys: make([]datum.Datum, len(f.order)), row: row}
	for i, o := range f.order {
		r.keys[i] = values[o.Column]
	}
	f.bytes += r.size()
	heap.Push(f, r)
	if int64(len(f.rows)) > f.limit {
		out := heap.Pop(f).(sortedRow)
		f.bytes -= out.size()
		if f.distinct != nil {
			delete(f.distinct, string(out.row))
		}
	}
}

// sorted returns the rows in order.
func (f *firstRows) sorted() [][]byte {
	sort.SliceStable(f.rows, func(i, j int) bool { return f.compare(f.rows[i].keys, f.rows[j].keys) < 0 })
	rows := make([][]byte, len(f.rows))
	for i := range f.rows {
		rows[i] = f.rows[i].row
	}
	return rows
}

// addToFirst takes the object in env.Row. Where the first rows need more memory
// than there is, or cannot be told apart, all rows are sent instead: the reader
// sorts and cuts.
func (g *gatherer) addToFirst(q *Query) error {
	f := g.first
	row, err := q.worker.project(q.prog.Project)
	if err != nil {
		return err
	}
	values := q.worker.values
	if f.distinct == nil || exact(values) {
		if f.wants(values) {
			f.insert(values, row)
		}
		if f.bytes <= g.bound {
			return nil
		}
		row = nil
	}
	for i := range f.rows {
		g.send(q, f.rows[i].row)
	}
	g.first = nil
	if row != nil {
		g.send(q, row)
	}
	return g.full(q)
}
