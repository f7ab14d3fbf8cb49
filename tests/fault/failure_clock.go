package main

import "time"

// jumps are how far clocks jump, forward or backward.
var jumps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 30 * time.Second, 10 * time.Minute, time.Hour, 24 * time.Hour,
}

// jumpClocks has the wall clocks of some nodes jump, once or to and fro.
func jumpClocks(s *strike) {
	strobe := 1
	if s.rnd.IntN(3) == 0 {
		strobe = 30
	}
	for range strobe {
		for _, n := range s.nodes {
			if s.rnd.IntN(2) == 0 {
				continue
			}
			offset := jumps[s.rnd.IntN(len(jumps))]
			if s.rnd.IntN(2) == 0 {
				offset = -offset
			}
			if strobe == 1 {
				s.announce("clock of %s jumps by %s", n.Name, offset)
			}
			n.jump(offset)
		}
		if strobe > 1 {
			s.wait(10*time.Millisecond, 100*time.Millisecond)
		}
	}
	if strobe > 1 {
		s.announce("clocks went to and fro")
	}
	s.wait(500*time.Millisecond, 5*time.Second)
	for _, n := range s.nodes {
		n.jump(0)
	}
}
