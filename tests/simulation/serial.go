package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/tests/checker"
)

// maxTried bounds the search for a serial order.
const maxTried = 200_000

// serial looks for an order of all transactions, one that real time allows, in which
// each saw what it saw (the algorithm of J. Wing and C. Gong, with G. Lowe's memory of
// what was tried). decided is false where the search took too long.
//
// A transaction whose outcome is unknown may have taken effect at any time since it was
// invoked, or not at all, which is the same as after everything else.
func serial(records []*record, start database) (found, decided bool, longest []*record) {
	var list []*record
	for _, r := range records {
		if r.outcome != checker.Failed {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b *record) int { return cmp.Compare(a.invoke, b.invoke) })
	s := &serialSearch{records: list, used: make([]bool, len(list)), tried: make(map[string]bool)}
	found = s.search(start, 0)
	return found, found || s.budget < maxTried, s.longest
}

type serialSearch struct {
	records []*record
	used    []bool
	tried   map[string]bool
	order   []*record
	longest []*record
	budget  int
}

func (s *serialSearch) search(d database, known int) bool {
	if s.budget++; s.budget >= maxTried {
		return false
	}
	// What completes first of those that are left bounds what may come next.
	bound, left := micros(math.MaxInt64), false
	for i, r := range s.records {
		if !s.used[i] && r.outcome == checker.Committed {
			bound, left = min(bound, r.complete), true
		}
	}
	if !left {
		return true
	}
	key := s.key(d)
	if s.tried[key] {
		return false
	}
	s.tried[key] = true
	for i, r := range s.records {
		if s.used[i] {
			continue
		}
		if r.invoke > bound {
			break
		}
		next, fits := d.apply(r)
		if !fits {
			continue
		}
		s.used[i] = true
		s.order = append(s.order, r)
		if len(s.order) > len(s.longest) {
			s.longest = slices.Clone(s.order)
		}
		if s.search(next, known+1) {
			return true
		}
		s.used[i] = false
		s.order = s.order[:len(s.order)-1]
	}
	return false
}

func (s *serialSearch) key(d database) string {
	var b strings.Builder
	for i := 0; i < len(s.used); i += 8 {
		bits := byte(0)
		for j := i; j < min(i+8, len(s.used)); j++ {
			if s.used[j] {
				bits |= 1 << (j - i)
			}
		}
		b.WriteByte(bits)
	}
	b.WriteString(d.String())
	return b.String()
}

// explainSerial says how far the search has come.
func explainSerial(records, longest []*record) string {
	var b strings.Builder
	b.WriteString("no serial order explains what the clients saw. The longest that was found:\n")
	in := make(map[*record]bool)
	for _, r := range longest {
		in[r] = true
		fmt.Fprintf(&b, "  %s\n", r)
	}
	b.WriteString("then none of these fits:\n")
	for _, r := range records {
		if !in[r] && r.outcome != checker.Failed {
			fmt.Fprintf(&b, "  %s\n", r)
		}
	}
	return b.String()
}
