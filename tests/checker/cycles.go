package checker

// Bounds of the search for a short cycle in one knot: where a knot is larger, the cycle
// that is reported may not be the shortest.
const (
	maxOrigins = 512
	maxVisits  = 4_000_000
)

// cycles reports one cycle of each knot, of the strongest kind that it has.
func (c *check) cycles() {
	c.graph.index()
	const all = ww | wr | rw | byTime | wwTime | rwTime | carry
	if knots, _ := c.graph.knots(all); len(knots) == 0 {
		return
	}
	reported := make([]bool, len(c.history.Transactions))
	for _, mask := range []kinds{
		ww | carry, ww | wr | carry, ww | wr | rw | carry,
		ww | wwTime | byTime | carry, ww | wr | wwTime | byTime | carry, all,
	} {
		knots, of := c.graph.knots(mask)
		for _, knot := range knots {
			c.knot(knot, of, mask, reported)
		}
	}
}

func (c *check) knot(knot []int32, of []int32, mask kinds, reported []bool) {
	for _, t := range knot {
		if reported[t] {
			return
		}
	}
	s := &search{graph: &c.graph, of: of, component: of[knot[0]], budget: maxVisits}
	var cycle []step
	if mask&rw != 0 {
		cycle = s.single(knot, mask)
	}
	if cycle == nil {
		cycle = s.shortest(knot, mask)
	}
	if cycle == nil { // the budget was used up
		c.found("G2", []int{int(knot[0]), int(knot[1])}, "  these are in a cycle that is too long to tell\n")
		return
	}
	transactions := make([]int, len(cycle))
	for i, st := range cycle {
		reported[st.from] = true
		transactions[i] = int(st.from)
	}
	name, byTime := classify(cycle)
	text := ""
	for _, st := range cycle {
		text += c.explain(st)
	}
	c.anomaly(Anomaly{Name: name, ByTime: byTime, Transactions: transactions, Text: text})
}

// step is an edge between two transactions, without the auxiliary nodes.
type step struct{ edge }

// classify names a cycle.
func classify(cycle []step) (name string, timed bool) {
	reads, anti := 0, 0
	for _, s := range cycle {
		switch s.kind {
		case wr:
			reads++
		case rw, rwTime:
			anti++
		}
		timed = timed || s.kind&(byTime|wwTime|rwTime) != 0
	}
	switch {
	case anti > 1:
		name = "G2"
	case anti == 1:
		name = "G-single"
	case reads > 0:
		name = "G1c"
	default:
		name = "G0"
	}
	return name, timed
}

// search looks for cycles within one component. A state is a node and whether another
// transaction than the origin lies on the way to it: a way from a transaction over
// auxiliary nodes back to itself means nothing.
type search struct {
	graph     *graph
	of        []int32
	component int32
	budget    int
	came      map[state]arrival
}

type state struct {
	node int32
	left bool
}

type arrival struct {
	edge int32
	from state
}

// shortest returns the shortest cycle.
func (s *search) shortest(knot []int32, mask kinds) []step {
	var best []step
	for _, origin := range knot[:min(len(knot), maxOrigins)] {
		if s.budget <= 0 {
			break
		}
		start := state{node: origin}
		if cycle := s.back(start, origin, mask, nil, len(best)); cycle != nil {
			best = cycle
		}
	}
	return best
}

// single returns the shortest cycle that has one rw edge only.
func (s *search) single(knot []int32, mask kinds) []step {
	const anti = rw | rwTime
	var best []step
	tried := 0
	for _, origin := range knot {
		for i := s.graph.first[origin]; i < s.graph.first[origin+1]; i++ {
			e := &s.graph.edges[i]
			if e.kind&mask&anti == 0 || s.of[e.to] != s.component {
				continue
			}
			if tried++; tried > maxOrigins || s.budget <= 0 {
				return best
			}
			start := state{node: e.to, left: e.to < s.graph.transactions}
			if cycle := s.back(start, origin, mask&^anti, e, len(best)); cycle != nil {
				best = cycle
			}
		}
	}
	return best
}

// back looks for the shortest way to a transaction, level by level: steps to auxiliary
// nodes cost nothing. It is to be shorter than bound, unless that is 0.
func (s *search) back(start state, target int32, mask kinds, first *edge, bound int) []step {
	s.came = map[state]arrival{start: {edge: -1}}
	level := []state{start}
	length := 1
	if first != nil && start.left {
		length = 2
	}
	for ; len(level) > 0 && (bound == 0 || length < bound); length++ {
		var next []state
		for n := 0; n < len(level); n++ {
			at := level[n]
			for i := s.graph.first[at.node]; i < s.graph.first[at.node+1]; i++ {
				e := &s.graph.edges[i]
				if s.budget--; s.budget <= 0 {
					return nil
				}
				if e.kind&mask == 0 || s.of[e.to] != s.component {
					continue
				}
				if e.to == target {
					if at.left {
						return s.path(at, i, first)
					}
					continue
				}
				to := state{node: e.to, left: at.left || e.to < s.graph.transactions}
				if _, seen := s.came[to]; seen {
					continue
				}
				s.came[to] = arrival{edge: i, from: at}
				if e.to < s.graph.transactions {
					next = append(next, to)
				} else {
					level = append(level, to)
				}
			}
		}
		level = next
	}
	return nil
}

// path returns the steps of the way that was found.
func (s *search) path(at state, last int32, first *edge) []step {
	reversed := []*edge{&s.graph.edges[last]}
	for a := s.came[at]; a.edge >= 0; a = s.came[a.from] {
		reversed = append(reversed, &s.graph.edges[a.edge])
	}
	if first != nil {
		reversed = append(reversed, first)
	}
	var steps []step
	for i := len(reversed) - 1; i >= 0; i-- {
		st := step{*reversed[i]}
		for st.to >= s.graph.transactions {
			i--
			st.to, st.b = reversed[i].to, reversed[i].b
		}
		steps = append(steps, st)
	}
	return steps
}
