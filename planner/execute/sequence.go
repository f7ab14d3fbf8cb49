package execute

import (
	"context"
	"slices"

	"github.com/ssmr/ssmr/internal/object"
)

// drawn are values of a sequence that a statement has taken, and not used yet.
type drawn struct {
	column    int
	next, end int64
}

// maxDrawn bounds the values that a statement takes at once.
const maxDrawn = 1 << 14

// draw returns the next value of a column's sequence for a statement that needs so many, with
// this one. So the values of its rows are neighbours, whatever others insert meanwhile.
func (x *Executor) draw(ctx context.Context, all *[]drawn, table object.TableID, column, needed int) (int64, error) {
	at := slices.IndexFunc(*all, func(d drawn) bool { return d.column == column })
	if at < 0 {
		at = len(*all)
		*all = append(*all, drawn{column: column})
	}
	d := &(*all)[at]
	if d.next == d.end {
		n := min(max(needed, 1), maxDrawn)
		first, err := x.deps.Sequences.AllocateSequence(ctx, table, column, n)
		if err != nil {
			return 0, x.unasked(ctx, err)
		}
		d.next, d.end = first, first+int64(n)
	}
	d.next++
	return d.next - 1, nil
}
