package server

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
)

// counters are what this node has counted, without its name.
func (n *Node) counters() []execute.CounterStatus {
	var out []execute.CounterStatus
	for _, c := range n.client.Counters() {
		out = append(out, execute.CounterStatus{Name: c.Name, Value: c.Value})
	}
	return slices.Concat(out, n.policies.Counters(), n.executor.Counters())
}

func (n *Node) handleCounters(context.Context, object.NodeID, []byte) ([]byte, error) {
	return json.Marshal(n.counters())
}

// Counters asks all nodes what they have counted.
func (m *monitor) Counters(ctx context.Context) ([]execute.CounterStatus, error) {
	return gather(ctx, m, methodCounters, m.node.counters, func(c *execute.CounterStatus, node object.NodeID) { c.Node = node })
}

// gather asks all nodes for rows of a table, node after node; those that do not answer
// in time are left out. own are this node's, and mark says whose a row is.
func gather[T any](ctx context.Context, m *monitor, method uint16, own func() []T, mark func(row *T, node object.NodeID)) ([]T, error) {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	nodes := m.node.nodes()
	lists := make([][]T, len(nodes))
	var all sync.WaitGroup
	for i, node := range nodes {
		all.Go(func() {
			if node == m.Self() {
				lists[i] = own()
			} else if answer, err := m.node.transport.Call(asking, node, method, nil); err != nil || json.Unmarshal(answer, &lists[i]) != nil {
				lists[i] = nil
			}
			for k := range lists[i] {
				mark(&lists[i][k], node)
			}
		})
	}
	all.Wait()
	return slices.Concat(lists...), ctx.Err()
}
