package partitions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// play is three nodes with one group, and who sends how much to its leader.
type play struct {
	nodes  []*bench
	leader int
	term   uint64
	fails  bool
	moves  [3][]time.Time // attempts of each node
}

func newPlay() *play {
	p := &play{}
	ids := []object.NodeID{"a", "b", "c"}
	for i, id := range ids {
		b := newBench(nil)
		b.self, b.g.self = id, id
		b.g.others = append(append(b.g.others[:0:0], ids[:i]...), ids[i+1:]...)
		b.g.hand = func(_ context.Context, to object.NodeID) error {
			p.moves[i] = append(p.moves[i], b.time)
			if p.fails {
				return errors.New("failed")
			}
			p.elect(int(to[0] - 'a'))
			return nil
		}
		p.nodes = append(p.nodes, b)
	}
	p.elect(0)
	return p
}

func (p *play) elect(leader int) {
	p.term++
	p.nodes[p.leader].g.term.Store(0)
	p.leader = leader
	p.nodes[leader].g.term.Store(p.term)
}

// pass lets a second go by in which the nodes send so much.
func (p *play) pass(loads [3]int) {
	for from, n := range loads {
		for range n {
			p.nodes[p.leader].o.note(object.NodeID(rune('a' + from)))
		}
	}
	for _, b := range p.nodes {
		b.time = b.time.Add(time.Second)
		b.tick(b.time)
		synctest.Wait()
	}
}

func (p *play) close() {
	for _, b := range p.nodes {
		b.close()
	}
}

// Whatever clients do, and whoever is elected: a node's hand-overs are so far apart as
// the cool-down says, and when the load stays, leadership goes there and stays too.
func TestLocalityDoesNotFlap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, round))
			p := newPlay()
			defer p.close()
			longest := 1 + rng.IntN(300)
			for range 60 {
				p.fails = rng.IntN(8) == 0
				if rng.IntN(8) == 0 {
					p.elect(rng.IntN(3))
				}
				loads := [3]int{rng.IntN(30), rng.IntN(30), rng.IntN(30)}
				loads[rng.IntN(3)] += rng.IntN(200)
				for range 1 + rng.IntN(longest) {
					p.pass(loads)
				}
			}
			for i, moves := range p.moves {
				checkSpaced(t, fmt.Sprintf("round %d, node %c", round, 'a'+i), moves)
			}
			p.fails = false
			steady := [3]int{10, 10, 10}
			busy := rng.IntN(3)
			steady[busy] = 100
			for range int(cooldownMost/time.Second) + 10 {
				p.pass(steady)
			}
			if p.leader != busy {
				t.Errorf("round %d: %c leads, %c sends", round, 'a'+p.leader, 'a'+busy)
			}
			term := p.term
			for range 1000 {
				p.pass(steady)
			}
			if p.term != term {
				t.Errorf("round %d: it moved under a steady load", round)
			}
		})
	}
}

// checkSpaced checks that the k-th gap in a row has the length of the k-th pause.
func checkSpaced(t *testing.T, who string, moves []time.Time) {
	t.Helper()
	pause := cooldownFirst
	for i := 1; i < len(moves); i++ {
		gap := moves[i].Sub(moves[i-1])
		if gap < pause {
			t.Errorf("%s: attempt %d is %s after the one before it, want %s", who, i, gap, pause)
		}
		if pause = min(2*pause, cooldownMost); gap >= cooldownMemory {
			pause = cooldownFirst
		}
	}
}

// Two nodes with alternating loads hand it back and forth a few times, then hardly ever.
func TestLocalityAlternatingLoads(t *testing.T) {
	for _, period := range []int{5, 10, 30, 60, 200} {
		synctest.Test(t, func(t *testing.T) {
			p := newPlay()
			defer p.close()
			for second := range 3600 {
				loads := [3]int{5, 5, 5}
				loads[second/period%2] = 100
				p.pass(loads)
			}
			if n := len(p.moves[0]) + len(p.moves[1]); n > 2*(4+3600/300) || len(p.moves[2]) > 0 {
				t.Errorf("every %d s: handed over %d times in an hour", period, n)
			} else {
				t.Logf("every %d s: handed over %d times in an hour", period, n)
			}
		})
	}
}

// Clients that move to another node take the leadership with them, once, soon.
func TestLocalityFollowsClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay()
		defer p.close()
		for range 100 {
			p.pass([3]int{100, 0, 0})
		}
		for _, to := range []int{2, 1, 0} {
			var loads [3]int
			loads[to] = 100
			for range 7 {
				p.pass(loads)
			}
			if p.leader != to {
				t.Fatalf("%c leads, %c sends", 'a'+p.leader, 'a'+to)
			}
			for range 1000 {
				p.pass(loads)
			}
		}
		if p.term != 4 {
			t.Errorf("%d terms", p.term)
		}
	})
}
