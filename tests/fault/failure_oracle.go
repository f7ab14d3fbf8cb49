package main

import (
	"context"
	"fmt"
	"time"
)

// oracleLost kills or pauses the oracle's leader while it moves objects: after a random
// time, so that every step of a move is met.
func oracleLost(s *strike) {
	leader := s.oracleLeader(s.node())
	other := s.node()
	for len(s.nodes) > 1 && other == leader {
		other = s.node()
	}
	t := s.tables[s.rnd.IntN(len(s.tables))]
	move := fmt.Sprintf("MOVE %s WHERE %s TO PARTITION %d", t.name, t.some(s.rnd), 1+s.rnd.IntN(partitions))
	moved := other.try(move)
	s.wait(1, 60*time.Millisecond)
	if s.rnd.IntN(2) == 0 {
		s.announce("kill -9 %s, which leads the oracle, during %s", leader.Name, move)
		leader.kill()
		s.wait(50*time.Millisecond, 2*time.Second)
		leader.start()
	} else {
		s.announce("SIGSTOP %s, which leads the oracle, during %s", leader.Name, move)
		leader.Stop()
		s.wait(time.Second, 5*time.Second)
		leader.Continue()
	}
	<-moved
}

// try has a statement executed, whatever comes of it; what it returns is closed at its end.
func (n *node) try(sql string) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		conn, err := n.Connect(ctx)
		if err != nil {
			return
		}
		defer conn.Close(context.Background())
		_, _ = conn.Exec(ctx, sql)
	}()
	return ended
}
