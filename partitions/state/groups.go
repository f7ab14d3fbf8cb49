package state

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
)

// groups are the groups of an aggregated read, by the encoded values of GROUP BY,
// in the order in which they were met.
type groups struct {
	prog    *program
	byKey   map[string]*group
	inOrder []*group
	bytes   int // about
	rows    int // since bytes was last computed
	key     []byte
	args    []datum.Datum
}

type group struct {
	key    []datum.Datum
	states []expr.Accumulator
}

const groupOverhead = 256

func newGroups(p *program) *groups {
	g := &groups{prog: p}
	g.clear()
	return g
}

func (g *groups) clear() {
	g.byKey = make(map[string]*group)
	g.inOrder, g.bytes, g.rows = nil, 0, 0
	if len(g.prog.GroupBy) == 0 {
		g.add(nil, "") // there is one group, also of no rows
	}
}

func (g *groups) add(key []datum.Datum, encoded string) *group {
	n := &group{key: key, states: make([]expr.Accumulator, len(g.prog.Aggregates))}
	for i, a := range g.prog.Aggregates {
		n.states[i] = a.New()
	}
	g.byKey[encoded] = n
	g.inOrder = append(g.inOrder, n)
	g.bytes += groupOverhead + 2*len(encoded) + 64*len(key)
	return n
}

// find returns the group of env.Row.
func (g *groups) find(w *worker) (*group, error) {
	if len(g.prog.GroupBy) == 0 {
		return g.inOrder[0], nil
	}
	w.values = w.values[:0]
	for _, e := range g.prog.GroupBy {
		v, err := e.Eval(&w.env)
		if err != nil {
			return nil, err
		}
		w.values = append(w.values, v)
	}
	g.key = datum.AppendTuple(g.key[:0], w.values)
	if n := g.byKey[string(g.key)]; n != nil {
		return n, nil
	}
	return g.add(append([]datum.Datum(nil), w.values...), string(g.key)), nil
}

// held is about the number of bytes that the groups hold.
func (g *groups) held() int {
	if g.rows++; g.rows%4096 == 0 {
		g.bytes = 0
		for _, n := range g.inOrder {
			g.bytes += groupOverhead + 128*len(n.key)
			for _, s := range n.states {
				g.bytes += s.Size()
			}
		}
	}
	return g.bytes
}

// addToGroup takes the object in env.Row.
func (g *gatherer) addToGroup(q *Query) error {
	n, err := g.groups.find(q.worker)
	if err != nil {
		return err
	}
	for i, a := range q.prog.Aggregates {
		if g.groups.args, err = a.Step(n.states[i], &q.worker.env, g.groups.args); err != nil {
			return err
		}
	}
	if g.groups.held() <= g.bound {
		return nil
	}
	if err := g.sendGroups(q, false); err != nil {
		return err
	}
	return g.full(q)
}

// sendGroups sends the groups as they are and forgets them.
func (g *gatherer) sendGroups(q *Query, last bool) error {
	w := q.worker
	for _, n := range g.groups.inOrder {
		w.values = append(w.values[:0], n.key...)
		for _, s := range n.states {
			w.values = s.AppendPartial(w.values)
		}
		w.out = datum.AppendTuple(w.out[:0], w.values)
		g.send(q, append(make([]byte, 0, len(w.out)), w.out...))
	}
	if last {
		g.groups = nil
		return nil
	}
	g.groups.clear()
	return nil
}
