package memory

import (
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// read answers a read whole, and cuts the answer into chunks.
func (w *World) read(p *partition, r *command.Read) *command.Chunk {
	t, refusal := p.schema(r.Table, r.Schema)
	if refusal == nil {
		refusal = w.refuse(p, t, r.Targets)
	}
	if refusal != nil {
		return &command.Chunk{Refusal: refusal}
	}
	m, err := w.machine(p, t, r.Program, &r.Context)
	if err != nil {
		return failedRead(err)
	}
	first := &command.Chunk{}
	var ids []object.ID
	if r.Spans != nil {
		ids = p.within(r.Spans, r.Reverse)
	}
	for i := range r.Targets {
		if _, ok := p.objects[r.Targets[i].ID]; ok {
			ids = append(ids, r.Targets[i].ID)
		} else {
			first.Absent = append(first.Absent, i)
		}
	}
	rows, err := m.answer(ids, r.Limit)
	if err != nil {
		return failedRead(err)
	}
	first.Scanned = int64(len(ids))
	return p.cut(first, rows, w.ChunkRows)
}

func failedRead(err error) *command.Chunk { return &command.Chunk{Err: failed(err).Err} }

// cut keeps what does not fit in the first chunk for a cursor.
func (p *partition) cut(first *command.Chunk, rows [][]byte, size int) *command.Chunk {
	if size <= 0 {
		size = 64
	}
	first.Rows = rows[:min(size, len(rows))]
	rows = rows[len(first.Rows):]
	if len(rows) == 0 {
		return first
	}
	p.last++
	first.Cursor = command.Cursor{Node: "one", ID: p.last}
	for len(rows) > 0 {
		n := min(size, len(rows))
		p.cursors[p.last] = append(p.cursors[p.last], &command.Chunk{Rows: rows[:n]})
		rows = rows[n:]
	}
	return first
}

// answer computes the rows of a read.
func (m *machine) answer(ids []object.ID, limit int64) ([][]byte, error) {
	aggregated := len(m.prog.GroupBy) > 0 || len(m.prog.Aggregates) > 0
	groups := &grouping{m: m, byKey: make(map[string]int)}
	var out [][]byte
	for _, id := range ids {
		row, err := m.row(m.p.objects[id])
		if err != nil {
			return nil, err
		}
		if ok, err := m.passes(m.prog.Filter, row); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		if aggregated {
			if err := groups.add(row); err != nil {
				return nil, err
			}
			continue
		}
		b, err := m.project(row)
		if err != nil {
			return nil, err
		}
		if m.prog.Distinct && slices.ContainsFunc(out, func(o []byte) bool { return string(o) == string(b) }) {
			continue
		}
		out = append(out, b)
	}
	if aggregated {
		return groups.rows(), nil
	}
	if len(m.prog.OrderBy) > 0 && !m.prog.KeyOrder {
		return m.first(out, limit)
	}
	if limit >= 0 && int64(len(out)) > limit {
		out = out[:limit]
	}
	return out, nil
}

// first returns the first rows in an order, and gives them out in another one:
// only KeyOrder promises an order.
func (m *machine) first(rows [][]byte, limit int64) ([][]byte, error) {
	decoded := make([][]datum.Datum, len(rows))
	for i, b := range rows {
		var err error
		if decoded[i], err = datum.DecodeTuple(b, nil); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(decoded, func(a, b []datum.Datum) int { return compare(a, b, m.prog.OrderBy) })
	if limit >= 0 && int64(len(decoded)) > limit {
		decoded = decoded[:limit]
	}
	slices.Reverse(decoded)
	out := make([][]byte, len(decoded))
	for i, row := range decoded {
		out[i] = datum.AppendTuple(nil, row)
	}
	return out, nil
}

func compare(a, b []datum.Datum, order []command.Order) int {
	for _, o := range order {
		x, y := a[o.Column], b[o.Column]
		c := datum.Compare(x, y)
		switch {
		case c == 0:
			continue
		case x.IsNull() || y.IsNull():
			if x.IsNull() == o.NullsFirst {
				return -1
			}
			return 1
		case o.Descending:
			return -c
		}
		return c
	}
	return 0
}

// grouping gathers the groups of an aggregated read.
type grouping struct {
	m      *machine
	byKey  map[string]int
	keys   [][]datum.Datum
	states [][]expr.Accumulator
	buf    []datum.Datum
}

func (g *grouping) add(row []datum.Datum) error {
	g.m.env.Row = row
	key := make([]datum.Datum, len(g.m.prog.GroupBy))
	for i, e := range g.m.prog.GroupBy {
		v, err := e.Eval(&g.m.env)
		if err != nil {
			return err
		}
		key[i] = v
	}
	name := string(datum.AppendTuple(nil, key))
	at, ok := g.byKey[name]
	if !ok {
		at = len(g.keys)
		g.byKey[name] = at
		g.keys = append(g.keys, key)
		accs := make([]expr.Accumulator, len(g.m.prog.Aggregates))
		for i, a := range g.m.prog.Aggregates {
			accs[i] = a.New()
		}
		g.states = append(g.states, accs)
	}
	for i, a := range g.m.prog.Aggregates {
		if a.PartialWidth() == 0 {
			return pgerror.New(pgerror.InternalError, "an aggregate without partial states was sent to a partition")
		}
		var err error
		if g.buf, err = a.Step(g.states[at][i], &g.m.env, g.buf); err != nil {
			return err
		}
	}
	return nil
}

func (g *grouping) rows() [][]byte {
	var out [][]byte
	for i, key := range g.keys {
		row := slices.Clone(key)
		for _, acc := range g.states[i] {
			row = acc.AppendPartial(row)
		}
		out = append(out, datum.AppendTuple(nil, row))
	}
	return out
}
