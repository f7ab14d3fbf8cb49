package partitions

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// pinMost bounds how long the pins of a round are waited for: those that are there
// hold others up.
const pinMost = 500 * time.Millisecond

// pinning is one round of a snapshot: all partitions are held and pinned, then all are
// released. At the moment between, all are what was pinned.
type pinning struct {
	c      *Client
	wanted []object.PartitionID
	held   bool
	node   map[object.PartitionID]object.NodeID // whom is asked
	groups map[object.NodeID][]object.PartitionID

	mu     sync.Mutex // guards what follows
	pins   map[object.PartitionID]command.Pin
	failed map[object.PartitionID]error
}

// released is a pinned state after its hold.
type released struct {
	partition object.PartitionID
	*command.Pinned
}

func (c *Client) newPinning(wanted []object.PartitionID, routes map[object.PartitionID]*route) *pinning {
	g := &pinning{
		c: c, wanted: wanted, held: len(wanted) > 1,
		node: make(map[object.PartitionID]object.NodeID), groups: make(map[object.NodeID][]object.PartitionID),
		pins: make(map[object.PartitionID]command.Pin), failed: make(map[object.PartitionID]error),
	}
	for _, p := range wanted {
		if routes[p] == nil {
			routes[p] = &route{c: c, p: p, l: c.lane(p)}
		}
		node := routes[p].node()
		g.node[p] = node
		g.groups[node] = append(g.groups[node], p)
	}
	return g
}

// pin pins all partitions, and returns why some could not be.
func (g *pinning) pin(ctx context.Context) map[object.PartitionID]error {
	ctx, cancel := context.WithTimeout(ctx, pinMost)
	defer cancel()
	g.everywhere(func(node object.NodeID, list []object.PartitionID) {
		answers, err := g.c.pinAt(ctx, node, list, g.held)
		g.mu.Lock()
		defer g.mu.Unlock()
		for i, p := range list {
			switch {
			case err != nil && ctx.Err() != nil:
				g.failed[p] = cluster.ErrUnreachable // slow: another round is worth it
			case err != nil:
				g.failed[p] = err
			case answers[i].leads:
				g.pins[p] = answers[i].pin
				g.c.lane(p).learn(node)
			default:
				g.failed[p] = &cluster.NotLeader{Leader: answers[i].leader}
			}
		}
	})
	return g.failed
}

// release releases all that were pinned. Where the round has failed they are let go;
// else it reports whether all were held throughout.
func (g *pinning) release(ctx context.Context, whole bool) (list []*released, valid bool) {
	if !whole {
		for node, parts := range g.groups {
			var pins []command.Pin
			for _, p := range parts {
				if pin, ok := g.pins[p]; ok {
					pins = append(pins, pin)
				}
			}
			if len(pins) > 0 {
				g.c.unpin(node, pins)
			}
		}
		return nil, false
	}
	valid = true
	g.everywhere(func(node object.NodeID, parts []object.PartitionID) {
		pins := make([]command.Pin, len(parts))
		for i, p := range parts {
			pins[i] = g.pins[p]
		}
		answers, err := g.c.releaseAt(ctx, node, parts, pins)
		g.mu.Lock()
		defer g.mu.Unlock()
		for i, p := range parts {
			if err != nil || answers[i] == nil {
				valid = false
				continue
			}
			list = append(list, &released{p, answers[i]})
		}
	})
	return list, valid
}

// everywhere calls f for each node side by side, and waits.
func (g *pinning) everywhere(f func(object.NodeID, []object.PartitionID)) {
	var all sync.WaitGroup
	for node, list := range g.groups {
		if len(g.groups) == 1 {
			f(node, list)
			continue
		}
		all.Go(func() { f(node, list) })
	}
	all.Wait()
}

// pinAnswer is what a node says of one partition.
type pinAnswer struct {
	leads  bool
	pin    command.Pin
	leader object.NodeID // where it does not lead
}

// pinLocally pins partitions of this node side by side.
func (s *Service) pinLocally(ctx context.Context, list []object.PartitionID, held bool) ([]pinAnswer, error) {
	answers := make([]pinAnswer, len(list))
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, p := range list {
		one := func() {
			answers[i].pin, errs[i] = s.pin(ctx, p, held)
			answers[i].leads = errs[i] == nil
		}
		if i == len(list)-1 {
			one()
		} else {
			all.Go(one)
		}
	}
	all.Wait()
	var failure error
	for i, err := range errs {
		if err == nil {
			continue
		}
		if leader, not := notLeader(err); not {
			answers[i].leader = leader
		} else if failure == nil {
			failure = err
		}
	}
	if failure != nil {
		for i := range answers {
			if answers[i].leads {
				s.pins.end(answers[i].pin)
			}
		}
	}
	return answers, failure
}

// releaseLocally releases pinned states, and then describes them; nil where one was
// not held throughout.
func (s *Service) releaseLocally(ctx context.Context, parts []object.PartitionID, pins []command.Pin) []*command.Pinned {
	out := make([]*command.Pinned, len(pins))
	valid := make([]bool, len(pins))
	for i := range pins {
		valid[i] = s.release(ctx, parts[i], pins[i])
	}
	for i := range pins {
		if valid[i] {
			out[i], _ = s.describe(parts[i], pins[i])
		}
	}
	return out
}

func partitionRequest(p object.PartitionID) []byte {
	return binary.AppendUvarint(make([]byte, 0, 256), uint64(p))
}

// notLeader reports whether an error says that another node leads, and which.
func notLeader(err error) (leader object.NodeID, not bool) {
	var n *cluster.NotLeader
	if errors.As(err, &n) {
		return n.Leader, true
	}
	return "", false
}
