package execute

import (
	"context"
	"slices"

	"github.com/ssmr/ssmr/internal/object"
)

// NextValue returns the next value of a sequence of a column of a table.
func (x *Executor) NextValue(ctx context.Context, table object.TableID, column int) (int64, error) {
	return x.values(ctx, table, column, 1)
}

// values takes n values of a sequence that follow each other, and returns the first.
func (x *Executor) values(ctx context.Context, table object.TableID, column, n int) (int64, error) {
	first, err := x.deps.Sequences.AllocateSequence(ctx, table, column, n)
	if err != nil {
		return 0, x.unasked(ctx, err)
	}
	return first, nil
}

// drawn are values of a sequence that a statement has taken, and not used yet.
type drawn struct {
	column    int
	next, end int64
}

// maxDrawn bounds the values that a statement takes at once.
const maxDrawn = 1 << 14

// draw returns the next value of a column's sequence. It takes as many at once as the
// statement needs, so that the values of its rows are neighbours, whatever others insert
// meanwhile.
func (in *insertion) draw(ctx context.Context, column int) (int64, error) {
	at := slices.IndexFunc(in.drawn, func(d drawn) bool { return d.column == column })
	if at < 0 {
		at = len(in.drawn)
		in.drawn = append(in.drawn, drawn{column: column})
	}
	d := &in.drawn[at]
	if d.next == d.end {
		n := min(in.serials(column), maxDrawn)
		first, err := in.e.x.values(ctx, in.n.Table.ID, column, n)
		if err != nil {
			return 0, err
		}
		d.next, d.end = first, first+int64(n)
	}
	d.next++
	return d.next - 1, nil
}

// serials counts the rows from the one that is computed on that take a value of a column's
// sequence.
func (in *insertion) serials(column int) (n int) {
	for _, row := range in.n.Rows[in.row:] {
		if row[column] == nil {
			n++
		}
	}
	return n
}
