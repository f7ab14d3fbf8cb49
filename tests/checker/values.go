package checker

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// accessValue looks at what a transaction did to a single value.
func (c *check) accessValue(k int32, a *access, operations []Operation, order []int) {
	known := false
	var value int64
	var absent bool
	for _, j := range order {
		o := &operations[j]
		if o.Kind == Write {
			a.writes = append(a.writes, o.Value)
			known, value, absent = true, o.Value, false
			continue
		}
		if !known {
			known, value, absent = true, o.Value, o.Absent
			a.external, a.value, a.absent = true, o.Value, o.Absent
			if absent {
				a.value, value = 0, 0
			}
			continue
		}
		if absent != o.Absent || !absent && value != o.Value {
			c.found("internal", []int{int(a.transaction)},
				fmt.Sprintf("  T%d has: %s, which is not what it read or wrote before\n", a.transaction, o))
		}
	}
	if a.external && !a.absent {
		c.see(a.transaction, k, a.value)
	}
}

// version is one value of a key, with all who wrote or read it.
type version struct {
	value   int64
	writer  int32 // -1: there was no value at first
	readers []int32
	next    []int32 // transactions that read it and wrote the next one
	// done is when the first of them had completed, begun when the last was invoked.
	done, begun int64
}

// orderValue makes the edges of a single value.
func (c *check) orderValue(k int32) {
	versions := c.versions(k)
	for i := range versions {
		v := &versions[i]
		if v.writer >= 0 {
			for _, r := range v.readers {
				c.graph.add(edge{from: v.writer, to: r, kind: wr, key: k, a: v.value})
			}
		} else {
			for j := range versions[1:] {
				v.next = append(v.next, versions[1+j].writer)
			}
		}
		if len(v.next) == 0 || v.writer < 0 && len(v.readers) == 0 {
			continue
		}
		over := c.graph.auxiliary()
		c.before(k, v, over, ww, rw)
		for _, t := range v.next {
			c.graph.add(edge{from: over, to: t, kind: carry, key: k, b: c.lastWrite(k, t)})
		}
	}
	if c.options.Level == StrictSerializable {
		c.orderByTime(k, versions)
	}
}

// before makes edges from all who wrote or read a version.
func (c *check) before(k int32, v *version, to int32, writer, reader kinds) {
	if v.writer >= 0 {
		c.graph.add(edge{from: v.writer, to: to, kind: writer, key: k, a: v.value})
	}
	for _, r := range v.readers {
		c.graph.add(edge{from: r, to: to, kind: reader, key: k, a: v.value, absent: v.writer < 0})
	}
}

// versions gathers the values of a key; the first one is that there was none.
func (c *check) versions(k int32) []version {
	accesses := c.keys[k].accesses
	versions := []version{{writer: -1, done: math.MaxInt64, begun: math.MinInt64}}
	of := make(map[int64]int)
	touch := func(v *version, i int32) {
		t := &c.history.Transactions[i]
		v.begun = max(v.begun, t.Invoke)
		if t.Outcome == Committed {
			v.done = min(v.done, t.Complete)
		}
	}
	for i := range accesses {
		a := &accesses[i]
		if n := len(a.writes); n > 0 {
			v := version{value: a.writes[n-1], writer: a.transaction, done: math.MaxInt64, begun: math.MinInt64}
			touch(&v, a.transaction)
			of[v.value] = len(versions)
			versions = append(versions, v)
		}
	}
	for i := range accesses {
		a := &accesses[i]
		if !a.external {
			continue
		}
		n, found := 0, a.absent
		if !a.absent {
			n, found = of[a.value]
		}
		if !found { // nobody wrote it, or its writer failed, or wrote another one after it
			if w, last, visible := c.node(k, a.value); visible && !last && w != a.transaction {
				c.intermediate(a.transaction, w, k, a.value)
				c.graph.add(edge{from: w, to: a.transaction, kind: wr, key: k, a: a.value})
			}
			continue
		}
		v := &versions[n]
		v.readers = append(v.readers, a.transaction)
		touch(v, a.transaction)
		if len(a.writes) > 0 && v.writer >= 0 {
			v.next = append(v.next, a.transaction)
		}
	}
	return versions
}

// lastWrite returns the last value that a transaction wrote to a key.
func (c *check) lastWrite(k, transaction int32) int64 {
	for _, o := range slices.Backward(c.history.Transactions[transaction].Operations) {
		if o.Kind == Write && c.index[o.Key] == k {
			return o.Value
		}
	}
	return 0
}

// maxOverlaps bounds the versions that are compared one by one with another. More of
// them overlap in time only where the history is wrong, and some of those compared
// show it.
const maxOverlaps = 256

// orderByTime makes the edges between versions that follow from time: one comes before
// another if anybody who wrote or read it was done before somebody who wrote or read
// the other had begun.
//
// Versions are sorted by that moment, and a chain of nodes stands for "all up to here".
func (c *check) orderByTime(k int32, versions []version) {
	order := make([]*version, 0, len(versions))
	for i := range versions {
		if versions[i].done < math.MaxInt64 {
			order = append(order, &versions[i])
		}
	}
	slices.SortStableFunc(order, func(a, b *version) int { return cmp.Compare(a.done, b.done) })
	position := make(map[*version]int, len(order))
	own, chain := make([]int32, len(order)), make([]int32, len(order))
	for i, v := range order {
		position[v] = i
		own[i], chain[i] = c.graph.auxiliary(), c.graph.auxiliary()
		c.before(k, v, own[i], wwTime, rwTime)
		c.graph.add(edge{from: own[i], to: chain[i], kind: carry, key: k})
		if i > 0 {
			c.graph.add(edge{from: chain[i-1], to: chain[i], kind: carry, key: k})
		}
	}
	for i := range versions {
		v := &versions[i]
		if v.writer < 0 {
			continue
		}
		upto, _ := slices.BinarySearchFunc(order, v.begun, func(a *version, at int64) int { return cmp.Compare(a.done, at) })
		link := func(from int32) {
			c.graph.add(edge{from: from, to: v.writer, kind: carry, key: k, b: v.value})
		}
		at, timed := position[v]
		if !timed || at >= upto {
			if upto > 0 {
				link(chain[upto-1])
			}
			continue
		}
		if at > 0 {
			link(chain[at-1])
		}
		for j := at + 1; j < min(upto, at+1+maxOverlaps); j++ {
			link(own[j])
		}
	}
}
