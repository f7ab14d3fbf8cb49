package main

import (
	"fmt"
	"time"
)

// netsplit cuts nodes off from each other for a while.
func netsplit(s *strike) {
	lonely := s.node()
	cut := func(from, to *node) { s.network.cut(from.Name, to.Name) }
	what := ""
	switch kind := s.rnd.IntN(5); kind {
	case 0, 1: // one node alone, in both directions
		what = fmt.Sprintf("%s is cut off", lonely.Name)
		for _, n := range s.nodes {
			if n != lonely {
				cut(lonely, n)
				cut(n, lonely)
			}
		}
	case 2:
		what = fmt.Sprintf("%s hears nobody", lonely.Name)
		for _, n := range s.nodes {
			if n != lonely {
				cut(n, lonely)
			}
		}
	case 3:
		what = fmt.Sprintf("nobody hears %s", lonely.Name)
		for _, n := range s.nodes {
			if n != lonely {
				cut(lonely, n)
			}
		}
	case 4: // two nodes do not hear each other, everybody else does
		other := s.node()
		for other == lonely {
			other = s.node()
		}
		what = fmt.Sprintf("%s and %s do not hear each other", lonely.Name, other.Name)
		cut(lonely, other)
		cut(other, lonely)
	}
	s.announce("netsplit: %s", what)
	s.wait(300*time.Millisecond, 8*time.Second)
	s.network.mend(s.rnd.IntN(2) == 0)
}

// slowNet delays what some nodes say to others.
func slowNet(s *strike) {
	most := s.between(2*time.Millisecond, 300*time.Millisecond)
	s.announce("slow network, up to %s", most.Round(time.Millisecond))
	for _, from := range s.nodes {
		for _, to := range s.nodes {
			if from != to && s.rnd.IntN(2) == 0 {
				s.network.slow(from.Name, to.Name, s.between(time.Millisecond, most))
			}
		}
	}
	s.wait(time.Second, 6*time.Second)
	s.network.mend(false)
}
