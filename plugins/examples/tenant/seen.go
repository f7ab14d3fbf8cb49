package main

import (
	"fmt"
	"sync"

	"github.com/ssmr/ssmr/plugins/placement"
)

// maxSeen bounds the tenants that are remembered. What comes later goes by hash alone.
const maxSeen = 100_000

// A tenant's first candidate loses it to the second one where it holds more than twice
// as much and this much more.
const (
	loadFactor = 2
	loadBytes  = 1 << 20
)

// seen remembers where the load has put tenants, for as long as the program runs: once
// it has chosen, it stays with that.
type seen struct {
	limit int

	mu     sync.Mutex // guards places
	places map[string]uint32
}

func newSeen(limit int) *seen { return &seen{limit: limit, places: make(map[string]uint32)} }

// choose returns the partition of a tenant, and why. One that an object of it lives in
// counts before load.
func (s *seen) choose(tenant string, first, second placement.Partition, current uint32, dry bool) (uint32, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	chosen, known := s.places[tenant]
	switch {
	case known && (chosen == first.ID || chosen == second.ID):
		return chosen, "where it was put before"
	case known, len(s.places) >= s.limit:
		return first.ID, "by its name"
	}
	chosen, why := first.ID, "by its name"
	switch {
	case current == first.ID, current == second.ID:
		chosen, why = current, "where it lives"
	case second.Bytes > 0 && first.Bytes > loadFactor*second.Bytes+loadBytes:
		chosen, why = second.ID, fmt.Sprintf("partition %d holds much more (%d bytes) than %d (%d)", first.ID, first.Bytes, second.ID, second.Bytes)
	}
	if !dry {
		s.places[tenant] = chosen
	}
	return chosen, why
}
