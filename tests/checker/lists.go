package checker

import (
	"fmt"
	"slices"
)

// accessList looks at what a transaction did to a list.
func (c *check) accessList(k int32, a *access, operations []Operation, order []int) {
	var base []int64
	for _, j := range order {
		o := &operations[j]
		if o.Kind == Append {
			a.writes = append(a.writes, o.Value)
			continue
		}
		n := len(o.Values) - len(a.writes)
		switch {
		case n < 0 || !slices.Equal(o.Values[n:], a.writes):
			c.found("internal", []int{int(a.transaction)},
				fmt.Sprintf("  T%d read %s without what it had appended\n", a.transaction, c.keys[k].name))
		case !a.external:
			a.external = true
			base = o.Values[:n]
		case !slices.Equal(base, o.Values[:n]):
			c.found("internal", []int{int(a.transaction)},
				fmt.Sprintf("  T%d read %s twice, and others changed it meanwhile\n", a.transaction, c.keys[k].name))
		}
	}
	if a.external {
		a.length = len(base)
		a.external = c.seeList(a.transaction, k, base)
	}
}

// seeList compares a list with what others have read. It reports whether one is the
// beginning of the other.
func (c *check) seeList(reader, k int32, list []int64) bool {
	key := &c.keys[k]
	n := min(len(list), len(key.longest))
	if !slices.Equal(list[:n], key.longest[:n]) {
		c.found("incompatible orders", []int{int(reader), int(key.longestBy)},
			fmt.Sprintf("  %s was %s for T%d and %s for T%d\n", key.name, listText(list), reader, listText(key.longest), key.longestBy))
		return false
	}
	if len(list) == n {
		return true
	}
	for i := n; i < len(list); i++ {
		if key.written[list[i]].seen && slices.Contains(list[:i], list[i]) {
			c.found("duplicate", []int{int(reader)}, fmt.Sprintf("  T%d read %d in %s twice\n", reader, list[i], key.name))
			return false
		}
		c.see(reader, k, list[i])
	}
	key.longest, key.longestBy = list, reader
	return true
}

// orderList makes the edges of a list.
func (c *check) orderList(k int32) {
	key := &c.keys[k]
	// next[i] is the first position from i on whose value has a transaction in the graph,
	// previous[i] the last one before i; -1 where there is none.
	n := len(key.longest)
	next, previous := make([]int, n+1), make([]int, n+1)
	next[n], previous[0] = -1, -1
	for i := n - 1; i >= 0; i-- {
		next[i] = next[i+1]
		if _, _, found := c.node(k, key.longest[i]); found {
			next[i] = i
		}
	}
	for i := range n {
		previous[i+1] = previous[i]
		if next[i] == i {
			previous[i+1] = i
		}
	}
	for i := next[0]; i >= 0; i = next[i+1] {
		if after := next[i+1]; after >= 0 {
			c.listEdge(k, ww, key.longest[i], key.longest[after])
		}
	}
	unseen := c.unseen(k)
	end := int32(-1) // stands for "after the longest list"
	if len(unseen) > 0 {
		end = c.graph.auxiliary()
		for _, v := range unseen {
			w, _, _ := c.node(k, v)
			c.graph.add(edge{from: end, to: w, kind: carry, key: k, b: v})
		}
		if last := previous[n]; last >= 0 {
			w, _, _ := c.node(k, key.longest[last])
			c.graph.add(edge{from: w, to: end, kind: ww, key: k, a: key.longest[last]})
		}
	}
	for i := range key.accesses {
		if a := &key.accesses[i]; a.external {
			c.listReader(k, a, next, previous, end)
		}
	}
}

// unseen returns the first values that visible transactions have appended to a list and
// nobody has read.
func (c *check) unseen(k int32) []int64 {
	var values []int64
	for i := range c.keys[k].accesses {
		for _, v := range c.keys[k].accesses[i].writes {
			if !c.keys[k].written[v].seen {
				values = append(values, v)
				break
			}
		}
	}
	return values
}

func (c *check) listEdge(k int32, kind kinds, a, b int64) {
	from, _, _ := c.node(k, a)
	to, _, _ := c.node(k, b)
	c.graph.add(edge{from: from, to: to, kind: kind, key: k, a: a, b: b})
}

// listReader makes the edges of one who read a list.
func (c *check) listReader(k int32, a *access, next, previous []int, end int32) {
	longest := c.keys[k].longest
	if p := previous[a.length]; p >= 0 {
		writer, last, _ := c.node(k, longest[p])
		if writer != a.transaction {
			c.graph.add(edge{from: writer, to: a.transaction, kind: wr, key: k, a: longest[p]})
			if !last {
				c.intermediate(a.transaction, writer, k, longest[p])
			}
		}
	}
	switch p := next[a.length]; {
	case p >= 0:
		writer, _, _ := c.node(k, longest[p])
		c.graph.add(edge{from: a.transaction, to: writer, kind: rw, key: k, b: longest[p]})
	case end >= 0:
		c.graph.add(edge{from: a.transaction, to: end, kind: rw, key: k})
	}
}
