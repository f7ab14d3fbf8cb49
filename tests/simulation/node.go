package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// node is a process: it runs clients' statements, replicas, and a cache of locations.
type node struct {
	w           *world
	n           int
	name        object.NodeID
	rng         *rand.Rand
	down        bool
	paused      micros // its process is stopped until then
	incarnation uint64
	lanes       map[object.PartitionID]*lane
	cache       map[object.ID]cached
	tasks       []*task // that end with the process
	next        uint64  // sequence of the next transaction
	// undecided are transactions that the node is about to decide, sessions those that
	// hold locks for its clients.
	undecided, sessions map[object.TransactionID]bool
}

func (n *node) String() string { return string(n.name) }

// cached is what a node knows of an object's location.
type cached struct {
	object.Location
	arriving bool
}

// learn takes a location, unless something newer is known.
func (n *node) learn(id object.ID, l object.Location, arriving bool) {
	have, known := n.cache[id]
	switch {
	case l.IsZero() || known && l.Version < have.Version:
	case !known || l.Version > have.Version:
		n.cache[id] = cached{l, arriving}
	case !arriving:
		have.arriving = false
		n.cache[id] = have
	}
}

// lane numbers the node's commands to one partition.
type lane struct {
	base     uint64
	answered []bool
	leader   *node
}

func (n *node) lane(p object.PartitionID) *lane {
	l := n.lanes[p]
	if l == nil {
		l = &lane{base: 1}
		n.lanes[p] = l
	}
	return l
}

func (l *lane) begin() (sequence, settled uint64) {
	sequence, settled = l.base+uint64(len(l.answered)), l.base
	l.answered = append(l.answered, false)
	return sequence, settled
}

func (l *lane) end(sequence uint64) {
	l.answered[sequence-l.base] = true
	for len(l.answered) > 0 && l.answered[0] {
		l.answered = l.answered[1:]
		l.base++
	}
}

// spawn starts a task that ends with the process.
func (n *node) spawn(name string, body func(t *task)) *task {
	t := n.w.spawn(fmt.Sprintf("%s.%d %s", n.name, n.incarnation, name), body)
	t.home = n
	n.tasks = append(n.tasks, t)
	return t
}

// stopped returns for how long the process is stopped still.
func (n *node) stopped() micros {
	if n == nil || n.down || n.w.quiet {
		return 0
	}
	return max(n.paused-n.w.now, 0)
}

// pause stops the process for a while: others take it for dead, and it goes on as if
// nothing had been.
func (n *node) pause(d micros) {
	if n.down {
		return
	}
	n.w.say("%s is stopped for %.3f ms", n, float64(d)/1000)
	n.w.tally["pauses"]++
	n.paused = n.w.now + d
	for _, g := range n.w.groups {
		if g.leader != nil && g.leader.node == n {
			g.elect(nil)
			g.campaign()
		}
	}
}

// start is what happens when the process starts.
func (n *node) start() {
	n.down = false
	n.incarnation++
	n.lanes = make(map[object.PartitionID]*lane)
	n.cache = make(map[object.ID]cached)
	n.undecided, n.sessions = make(map[object.TransactionID]bool), make(map[object.TransactionID]bool)
	n.next = uint64(n.rng.IntN(64)) // so that short runs see all of its bits
}

// transaction names a new transaction.
func (n *node) transaction() object.TransactionID {
	n.next++
	return object.TransactionID{Node: n.name, Incarnation: n.incarnation, Sequence: n.next}
}

// crash ends the process with all that it holds in memory.
func (n *node) crash() {
	if n.down {
		return
	}
	n.w.say("%s crashes", n)
	n.w.tally["crashes"]++
	n.down = true
	for _, t := range n.tasks {
		t.kill()
	}
	n.tasks = nil
	for _, g := range n.w.groups {
		for _, r := range g.replicas {
			if r.node == n {
				r.crash()
			}
		}
	}
}

// restart starts the process again.
func (n *node) restart() {
	if !n.down {
		return
	}
	n.start()
	n.w.say("%s starts again, incarnation %d", n, n.incarnation)
	for _, g := range n.w.groups {
		for _, r := range g.replicas {
			if r.node == n {
				r.restart()
			}
		}
	}
	for _, c := range n.w.clientList {
		if c.node == n && !c.ended {
			n.spawn(fmt.Sprintf("client %d", c.n), c.run)
		}
	}
}

// command numbers a command to a partition.
func (n *node) command(p object.PartitionID, body command.Body) (encoded []byte, sequence uint64) {
	sequence, settled := n.lane(p).begin()
	return command.AppendCommand(nil, &command.Command{
		ID:      object.CommandID{Node: n.name, Incarnation: n.incarnation, Sequence: sequence},
		Settled: settled, Body: body,
	}), sequence
}
