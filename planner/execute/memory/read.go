package memory

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// read answers a read of a partition's state, which may be a pinned one, whole, and cuts
// the answer into chunks. live is the partition that keeps the cursor.
func (w *World) read(live, base *partition, r *command.Read) *command.Chunk {
	t, refusal := base.schema(r.Table, r.Schema)
	conflict := (*command.Conflict)(nil)
	if refusal == nil && r.View.Checks != nil {
		refusal, conflict = w.check(base, r.View.Checks)
	}
	p := base.overlaid(r.View.Overlay)
	if refusal == nil {
		refusal = w.refuse(p, t, r.Targets)
	}
	if refusal == nil && r.Home {
		refusal = w.refuseHome(p, t, r.Spans)
	}
	if refusal != nil || conflict != nil {
		return &command.Chunk{Refusal: refusal, Conflict: conflict}
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
		id := r.Targets[i].ID
		if _, ok := p.objects[id]; ok {
			ids = append(ids, id)
		} else {
			first.Absent = append(first.Absent, i)
		}
		if r.View.Track {
			first.Revisions = append(first.Revisions, base.objects[id].revision)
		}
	}
	rows, of, err := m.answer(ids, r.Limit)
	if err != nil {
		return failedRead(err)
	}
	first.Scanned = int64(len(ids))
	chunks := cut(first, rows, w.ChunkRows)
	if r.View.Track && r.Spans != nil {
		if err := w.track(base, t, r, chunks, of); err != nil {
			return failedRead(err)
		}
	}
	return live.keep(chunks)
}

// track tells how far each chunk of a read of key ranges has come, and the
// fingerprint until there. of[i] is the object of row i, nil where rows are not
// objects.
func (w *World) track(base *partition, t *catalog.Table, r *command.Read, chunks []*command.Chunk, of []object.ID) error {
	m, err := w.machine(base, t, r.Program, &r.Context)
	if err != nil {
		return err
	}
	given := 0
	for _, c := range chunks {
		given += len(c.Rows)
		if given < len(of) {
			c.Upto = of[given]
		}
		if c.Print, err = m.fingerprint(r.Spans, r.Reverse, c.Upto); err != nil {
			return err
		}
	}
	return nil
}

// fingerprint is that of the objects in spans which the filter accepts, up to an id.
func (m *machine) fingerprint(spans []command.Span, reverse bool, upto object.ID) (command.Fingerprint, error) {
	print := command.Fingerprint{Index: m.p.applied}
	for _, id := range m.p.within(spans, reverse) {
		if upto != "" && (!reverse && id >= upto || reverse && id <= upto) {
			break
		}
		row, err := m.row(m.p.objects[id])
		if err != nil {
			return print, err
		}
		ok, err := m.passes(m.prog.Filter, row)
		if err != nil {
			return print, err
		}
		if ok {
			h := fnv.New64a()
			fmt.Fprintf(h, "%s %d", id, m.p.objects[id].revision)
			print.Count++
			print.Sum += h.Sum64()
		}
	}
	return print, nil
}

func failedRead(err error) *command.Chunk { return &command.Chunk{Err: failed(err).Err} }

// cut makes chunks of an answer.
func cut(first *command.Chunk, rows [][]byte, size int) []*command.Chunk {
	if size <= 0 {
		size = 64
	}
	first.Rows = rows[:min(size, len(rows))]
	chunks := []*command.Chunk{first}
	for rows = rows[len(first.Rows):]; len(rows) > 0; {
		n := min(size, len(rows))
		chunks = append(chunks, &command.Chunk{Rows: rows[:n]})
		rows = rows[n:]
	}
	return chunks
}

// keep returns the first chunk and keeps the others for a cursor.
func (p *partition) keep(chunks []*command.Chunk) *command.Chunk {
	if len(chunks) > 1 {
		p.last++
		chunks[0].Cursor = command.Cursor{Node: "one", ID: p.last}
		p.cursors[p.last] = chunks[1:]
	}
	return chunks[0]
}

// answer computes the rows of a read, and which object each is of, where rows are
// objects in the order of ids.
func (m *machine) answer(ids []object.ID, limit int64) (out [][]byte, of []object.ID, err error) {
	aggregated := len(m.prog.GroupBy) > 0 || len(m.prog.Aggregates) > 0
	groups := &grouping{m: m, byKey: make(map[string]int)}
	for _, id := range ids {
		row, err := m.row(m.p.objects[id])
		if err != nil {
			return nil, nil, err
		}
		if ok, err := m.passes(m.prog.Filter, row); err != nil {
			return nil, nil, err
		} else if !ok {
			continue
		}
		if aggregated {
			if err := groups.add(row); err != nil {
				return nil, nil, err
			}
			continue
		}
		b, err := m.project(row)
		if err != nil {
			return nil, nil, err
		}
		if m.prog.Distinct && slices.ContainsFunc(out, func(o []byte) bool { return string(o) == string(b) }) {
			continue
		}
		out, of = append(out, b), append(of, id)
	}
	if aggregated {
		return groups.rows(), nil, nil
	}
	if len(m.prog.OrderBy) > 0 && !m.prog.KeyOrder {
		out, err = m.first(out, limit)
		return out, nil, err
	}
	if limit >= 0 && int64(len(out)) > limit {
		out = out[:limit]
	}
	if m.prog.Distinct {
		of = nil
	}
	return out, of, nil
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
