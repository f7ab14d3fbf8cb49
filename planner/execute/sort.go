package execute

import (
	"container/heap"
	"context"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
)

// sortRows sorts its input, or finds the first rows of it. What it holds is
// bounded by work_mem; there is no sorting on disk.
type sortRows struct {
	input  rows
	order  []command.Order
	first  int64 // how many rows are needed; negative: all
	memory memory

	sorted bool
	kept   []sortRow
	at     int
}

// sortRow is a row with its place in the input, which makes the sort stable.
type sortRow struct {
	row   []datum.Datum
	place int64
}

func (r *sortRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if !r.sorted {
		if err := r.sort(ctx); err != nil {
			return nil, false, err
		}
	}
	if r.at >= len(r.kept) {
		return nil, false, nil
	}
	row := r.kept[r.at].row
	r.kept[r.at].row = nil
	r.at++
	return row, true, nil
}

func (r *sortRows) compare(a, b sortRow) int {
	if c := compareRows(a.row, b.row, r.order); c != 0 {
		return c
	}
	if a.place < b.place {
		return -1
	}
	return 1
}

func (r *sortRows) sort(ctx context.Context) error {
	r.sorted = true
	if r.first == 0 {
		r.input.close()
		return nil
	}
	for place := int64(0); ; place++ {
		row, ok, err := r.input.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if place%1024 == 0 {
			if err := alive(ctx); err != nil {
				return err
			}
		}
		if err := r.keep(sortRow{row, place}); err != nil {
			return err
		}
	}
	r.input.close()
	slices.SortFunc(r.kept, r.compare)
	return nil
}

// keep takes a row, which is copied if it is kept. Where only the first rows are
// needed, kept is a heap with the last of them on top.
func (r *sortRows) keep(row sortRow) error {
	full := r.first > 0 && int64(len(r.kept)) >= r.first
	if full && r.compare(row, r.kept[0]) > 0 {
		return nil
	}
	row.row = cloneRow(row.row)
	size := rowBytes(row.row) + 16
	if full {
		size -= rowBytes(r.kept[0].row) + 16
		r.kept[0] = row
		heap.Fix((*sortHeap)(r), 0)
		return r.memory.take(size)
	}
	if r.first > 0 {
		heap.Push((*sortHeap)(r), row)
	} else {
		r.kept = append(r.kept, row)
	}
	return r.memory.take(size)
}

func (r *sortRows) close() {
	r.input.close()
	r.kept = nil
	r.sorted, r.at = true, 0
}

// sortHeap is the kept rows as a heap, the last one on top.
type sortHeap sortRows

func (h *sortHeap) Len() int           { return len(h.kept) }
func (h *sortHeap) Less(i, j int) bool { return (*sortRows)(h).compare(h.kept[i], h.kept[j]) > 0 }
func (h *sortHeap) Swap(i, j int)      { h.kept[i], h.kept[j] = h.kept[j], h.kept[i] }

// Push and Pop implement heap.Interface.
func (h *sortHeap) Push(x any) { h.kept = append(h.kept, x.(sortRow)) }

// Pop is part of heap.Interface.
func (h *sortHeap) Pop() any {
	last := h.kept[len(h.kept)-1]
	h.kept = h.kept[:len(h.kept)-1]
	return last
}
