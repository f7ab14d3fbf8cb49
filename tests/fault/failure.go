package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// failure is one kind of thing that goes wrong. Adding one means adding a file, and a
// line here.
type failure struct {
	name string
	help string
	// strike has it go wrong once, and puts it right again before it returns.
	strike func(*strike)
	// hooks and several say that it needs a binary with hooks for failures, and several
	// nodes.
	hooks, several bool
}

// failures is every kind of failure.
var failures = []failure{
	{name: "kill", help: "kill -9 one node, sometimes two, and start them again", strike: kill},
	{name: "restart", help: "kill -9 all nodes at once and start them again", strike: restart},
	{name: "terminate", help: "SIGTERM one node, which has to end well, and start it again", strike: terminate},
	{name: "pause", help: "SIGSTOP one node, sometimes two, for up to six seconds", strike: pause},
	{name: "netsplit", help: "cut nodes off from each other, in both directions or in one", strike: netsplit, several: true},
	{name: "slow-net", help: "delay what nodes say to each other", strike: slowNet, several: true},
	{name: "clock", help: "wall clocks jump, up to a day", strike: jumpClocks},
	{name: "oracle", help: "kill or pause the leader of the oracle while objects move", strike: oracleLost},
	{name: "step", help: "kill or stop the leader of the oracle at a step of a move or of a schema change", strike: stepLost, hooks: true},
	{name: "disk-full", help: "no space left on a node's disk", strike: diskFull, hooks: true},
	{name: "fsync", help: "fsync fails and drops what it was to make safe", strike: fsyncFails, hooks: true},
	{name: "slow-disk", help: "fsync takes up to 200 ms", strike: slowDisk, hooks: true},
	{name: "power", help: "the power of one node, or of all, fails: what is not synced is lost", strike: powerLost, hooks: true},
	{name: "torn", help: "a stopped node's newest log file ends in rubbish, or early", strike: tornLog, several: true},
}

// failureNamed finds a failure.
func failureNamed(name string) (failure, bool) {
	for _, f := range failures {
		if f.name == name {
			return f, true
		}
	}
	return failure{}, false
}

// strike is what a failure works with.
type strike struct {
	*site
	rnd    *rand.Rand
	stop   context.Context // ends with the run; what was begun is put right all the same
	tables []table         // of the traffic
	breath time.Duration   // the longest time between two failures
}

// mostBreath is the longest time between two failures in a long run.
const mostBreath = 4 * time.Second

// node returns a random node.
func (s *strike) node() *node { return s.nodes[s.rnd.IntN(len(s.nodes))] }

// some returns one random node, sometimes two.
func (s *strike) some() []*node {
	n := 1
	if s.rnd.IntN(4) == 0 {
		n = 2
	}
	var out []*node
	for _, i := range s.rnd.Perm(len(s.nodes))[:min(n, len(s.nodes))] {
		out = append(out, s.nodes[i])
	}
	return out
}

// between returns a random duration.
func (s *strike) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.rnd.Int64N(int64(most-least)))
}

// wait waits for a random time, or for the end of the run.
func (s *strike) wait(least, most time.Duration) {
	select {
	case <-time.After(s.between(least, most)):
	case <-s.stop.Done():
	}
}

// namesOf joins the names of nodes.
func namesOf(nodes []*node) string {
	text := ""
	for i, n := range nodes {
		if i > 0 {
			text += " and "
		}
		text += n.Name
	}
	return text
}

// strikeAll has one failure after another happen until the run ends.
func strikeAll(s *strike, chosen []failure) map[string]int {
	counts := make(map[string]int)
	for s.wait(s.breath/8, s.breath/2); s.stop.Err() == nil; s.wait(s.breath/4, s.breath) {
		f := chosen[s.rnd.IntN(len(chosen))]
		counts[f.name]++
		f.strike(s)
	}
	return counts
}
