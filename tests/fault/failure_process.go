package main

import "time"

// kill kills one or two nodes and starts them again.
func kill(s *strike) {
	nodes := s.some()
	s.announce("kill -9 %s", namesOf(nodes))
	for _, n := range nodes {
		n.kill()
	}
	s.wait(50*time.Millisecond, 3*time.Second)
	for _, n := range nodes {
		n.start()
	}
}

// restart kills all nodes at once.
func restart(s *strike) {
	s.announce("kill -9 all, and start them again")
	for _, n := range s.nodes {
		n.expect(true)
	}
	for _, n := range s.nodes {
		n.kill()
	}
	for _, n := range s.nodes {
		s.wait(0+1, 300*time.Millisecond)
		n.start()
	}
	for _, n := range s.nodes {
		n.recover()
	}
}

// terminate ends one node as an operator does.
func terminate(s *strike) {
	n := s.node()
	s.announce("SIGTERM %s", n.Name)
	n.terminate()
	s.wait(50*time.Millisecond, time.Second)
	n.start()
}

// pause stops one or two nodes for a while.
func pause(s *strike) {
	nodes := s.some()
	s.announce("SIGSTOP %s", namesOf(nodes))
	for _, n := range nodes {
		n.Stop()
	}
	s.wait(300*time.Millisecond, 6*time.Second)
	for _, n := range nodes {
		n.Continue()
	}
}
