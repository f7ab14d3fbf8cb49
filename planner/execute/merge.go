package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
)

// compareRows orders two rows by columns.
func compareRows(a, b []datum.Datum, order []command.Order) int {
	for _, o := range order {
		x, y := a[o.Column], b[o.Column]
		if x.IsNull() || y.IsNull() {
			if x.IsNull() == y.IsNull() {
				continue
			}
			if x.IsNull() == o.NullsFirst {
				return -1
			}
			return 1
		}
		if c := datum.Compare(x, y); c != 0 {
			if o.Descending {
				return -c
			}
			return c
		}
	}
	return 0
}

// merge is a heap of the heads of sorted streams.
type merge struct {
	order []command.Order
	heads []head
}

type head struct {
	s   *stream
	row []datum.Datum
}

// less orders heads; equal ones by partition, so that the result is the same
// each time.
func (m *merge) less(i, j int) bool {
	c := compareRows(m.heads[i].row, m.heads[j].row, m.order)
	return c < 0 || c == 0 && m.heads[i].s.part < m.heads[j].s.part
}

func (m *merge) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(m.heads); c++ {
			if m.less(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		m.heads[i], m.heads[least] = m.heads[least], m.heads[i]
		i = least
	}
}

// merged returns the least of the streams' next rows.
func (r *scanRows) merged(ctx context.Context) ([]datum.Datum, bool, error) {
	if r.merge == nil {
		m := &merge{order: r.order}
		for _, s := range r.streams {
			h := head{s: s}
			if ok, err := r.head(ctx, &h); err != nil {
				return nil, false, err
			} else if ok {
				m.heads = append(m.heads, h)
			}
		}
		for i := len(m.heads)/2 - 1; i >= 0; i-- {
			m.down(i)
		}
		r.merge = m
	} else if m := r.merge; len(m.heads) > 0 {
		// The first head was given out by the last call; its room is used again.
		ok, err := r.head(ctx, &m.heads[0])
		if err != nil {
			return nil, false, err
		}
		if !ok {
			last := len(m.heads) - 1
			m.heads[0] = m.heads[last]
			m.heads = m.heads[:last]
		}
		m.down(0)
	}
	if len(r.merge.heads) == 0 {
		return nil, false, nil
	}
	return r.merge.heads[0].row, true, nil
}

// head reads the next row of a head's stream.
func (r *scanRows) head(ctx context.Context, h *head) (bool, error) {
	ok, err := r.advance(ctx, h.s)
	if !ok {
		return false, err
	}
	h.row, err = decodeRow(h.s.chunk.Rows[h.s.at], h.row, r.width)
	h.s.at++
	return err == nil, err
}
