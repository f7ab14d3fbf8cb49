package checker

import (
	"cmp"
	"math"
	"slices"
)

// kinds is a set of kinds of edges.
type kinds uint8

// The kinds of edges. An edge to an auxiliary node says what the one who it comes from
// has to do with all those that can be reached from there by carry.
const (
	ww kinds = 1 << iota
	wr
	rw
	byTime // one completed before the other was invoked
	wwTime // ww and rw between values whose order follows from time
	rwTime
	carry
)

// edge says that one transaction comes before another, because of a key: a is what the
// first has written or read, b what the second wrote.
type edge struct {
	from, to int32
	kind     kinds
	absent   bool // the first has read that there was no value
	key      int32
	a, b     int64
}

// graph is the dependency graph. Nodes up to transactions are these, the others are
// auxiliary: they keep the number of edges linear.
type graph struct {
	transactions, nodes int32
	edges               []edge
	first               []int32 // of each node's edges, once they are sorted
}

func (g *graph) auxiliary() int32 {
	g.nodes++
	return g.nodes - 1
}

func (g *graph) add(e edge) {
	if e.from != e.to {
		g.edges = append(g.edges, e)
	}
}

// index sorts the edges by their origin.
func (g *graph) index() {
	g.first = make([]int32, g.nodes+1)
	for i := range g.edges {
		g.first[g.edges[i].from+1]++
	}
	for i := range g.nodes {
		g.first[i+1] += g.first[i]
	}
	sorted, at := make([]edge, len(g.edges)), slices.Clone(g.first)
	for _, e := range g.edges {
		sorted[at[e.from]] = e
		at[e.from]++
	}
	g.edges = sorted
}

// realTime makes the edges between transactions that did not overlap. A chain of nodes
// stands for "all that had completed by then".
func (c *check) realTime() {
	var done []int32
	for i := range c.history.Transactions {
		if c.visible[i] && c.history.Transactions[i].Outcome == Committed {
			done = append(done, int32(i))
		}
	}
	slices.SortFunc(done, func(a, b int32) int {
		return cmp.Compare(c.history.Transactions[a].Complete, c.history.Transactions[b].Complete)
	})
	first := c.graph.nodes
	c.graph.nodes += int32(len(done))
	for n, i := range done {
		c.graph.add(edge{from: i, to: first + int32(n), kind: byTime})
		if n > 0 {
			c.graph.add(edge{from: first + int32(n) - 1, to: first + int32(n), kind: carry})
		}
	}
	for i := range c.history.Transactions {
		if !c.visible[i] {
			continue
		}
		n, _ := slices.BinarySearchFunc(done, c.history.Transactions[i].Invoke, func(d int32, at int64) int {
			return cmp.Compare(c.history.Transactions[d].Complete, at)
		})
		if n > 0 {
			c.graph.add(edge{from: first + int32(n) - 1, to: int32(i), kind: carry})
		}
	}
}

// knots returns the strongly connected components that hold several transactions, by
// edges of some kinds only (R. Tarjan, 1972, without recursion). of tells for each node
// which component it is in.
func (g *graph) knots(mask kinds) (knots [][]int32, of []int32) {
	const unseen = math.MaxInt32
	low, of := make([]int32, g.nodes), make([]int32, g.nodes)
	for i := range low {
		low[i], of[i] = unseen, -1
	}
	type frame struct{ node, edge, index int32 }
	var frames []frame
	var stack []int32
	var index, component int32
	for root := range g.nodes {
		if low[root] != unseen {
			continue
		}
		frames = append(frames[:0], frame{root, g.first[root], index})
		low[root] = index
		index++
		stack = append(stack, root)
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			if f.edge < g.first[f.node+1] {
				e := &g.edges[f.edge]
				f.edge++
				switch {
				case e.kind&mask == 0 || of[e.to] >= 0:
				case low[e.to] == unseen:
					low[e.to] = index
					stack = append(stack, e.to)
					frames = append(frames, frame{e.to, g.first[e.to], index})
					index++
				default:
					low[f.node] = min(low[f.node], low[e.to])
				}
				continue
			}
			done := *f
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				up := &frames[len(frames)-1]
				low[up.node] = min(low[up.node], low[done.node])
			}
			if low[done.node] != done.index {
				continue
			}
			var members []int32
			for {
				n := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				of[n] = component
				if n < g.transactions {
					members = append(members, n)
				}
				if n == done.node {
					break
				}
			}
			component++
			if len(members) > 1 {
				slices.Sort(members)
				knots = append(knots, members)
			}
		}
	}
	return knots, of
}
