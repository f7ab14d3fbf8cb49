package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/partitions"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/placement"
)

const (
	// askTimeout bounds how long a table of schema ssmr waits for a node or leader.
	askTimeout = time.Second
	// loadAge is how old the load may be that policies are told.
	loadAge = 2 * time.Second
	// loadPatience bounds how long a statement waits for newer load.
	loadPatience = 100 * time.Millisecond
)

// monitor looks at the whole cluster from one node: for the tables of schema ssmr,
// and for policies that place by load.
type monitor struct {
	node      *Node
	formation *formation

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex // guards what follows
	load       []placement.Partition
	loadTaken  time.Time
	refreshing chan struct{} // closed when load is new; nil where nobody asks
}

func newMonitor(n *Node, f *formation) *monitor {
	m := &monitor{node: n, formation: f}
	m.ctx, m.stop = context.WithCancel(context.Background())
	return m
}

func (m *monitor) close() error {
	m.stop()
	m.running.Wait()
	return nil
}

// Self is the name of this node.
func (m *monitor) Self() object.NodeID { return m.node.cfg.Node }

// CacheStats counts what the node's cache of locations did.
func (m *monitor) CacheStats() catalog.CacheStats { return m.node.cache.CacheStats() }

// Moves returns the moves that the oracle remembers.
func (m *monitor) Moves(ctx context.Context) ([]catalog.Move, error) { return m.node.cache.Moves(ctx) }

// Nodes asks every node how it is.
func (m *monitor) Nodes(ctx context.Context) ([]execute.NodeStatus, error) {
	nodes := m.node.nodes()
	addresses := nodeAddresses(&m.node.cfg.Config)
	snapshot := m.node.cache.Catalog()
	out := make([]execute.NodeStatus, len(nodes))
	var asking sync.WaitGroup
	for i, node := range nodes {
		out[i] = execute.NodeStatus{Node: node, Address: addresses[node]}
		for _, p := range snapshot.Partitions {
			if slices.Contains(p.Replicas, node) {
				out[i].Replicas++
			}
			if m.node.client.Leader(p.ID) == node {
				out[i].Leads++
			}
		}
		if g := m.node.host.Group(object.OracleGroup); g != nil {
			out[i].LeadsOracle = g.Leader() == node
		}
		if node == m.Self() {
			out[i].Alive, out[i].Version, out[i].Started = true, Version(), m.node.started
			continue
		}
		asking.Go(func() { m.ask(ctx, node, &out[i]) })
	}
	asking.Wait()
	return out, nil
}

// ask fills in what only the node itself knows.
func (m *monitor) ask(ctx context.Context, node object.NodeID, status *execute.NodeStatus) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if m.formation.visit(ctx, node) != nil {
		return
	}
	m.formation.mu.Lock()
	other := m.formation.met[node]
	m.formation.mu.Unlock()
	status.Alive, status.Version, status.Started = true, other.Release, other.Started
}

// statuses asks the leaders of all partitions. One that does not answer is nil.
func (m *monitor) statuses(ctx context.Context) []*partitions.Status {
	all := m.node.cache.Catalog().Partitions
	out := make([]*partitions.Status, len(all))
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var asking sync.WaitGroup
	for i, p := range all {
		asking.Go(func() {
			if s, err := m.node.client.Status(ctx, p.ID); err == nil {
				out[i] = &s
			}
		})
	}
	asking.Wait()
	return out
}

// Partitions tells how all partitions are.
func (m *monitor) Partitions(ctx context.Context) ([]execute.PartitionStatus, error) {
	all := m.node.cache.Catalog().Partitions
	statuses := m.statuses(ctx)
	out := make([]execute.PartitionStatus, len(all))
	for i, p := range all {
		out[i] = execute.PartitionStatus{Partition: p.ID}
		if s := statuses[i]; s != nil {
			out[i].Known, out[i].Leader, out[i].Applied = true, s.Leader, s.Applied
			out[i].Size, out[i].CommandsPerSecond = execute.Size(s.Size), s.CommandsPerSecond
		}
	}
	return out, nil
}

// TableSizes counts what the partitions hold of each table.
func (m *monitor) TableSizes(ctx context.Context) (map[object.TableID]execute.Size, error) {
	out := make(map[object.TableID]execute.Size)
	for id := range m.node.cache.Catalog().Tables {
		out[id] = execute.Size{}
	}
	for _, s := range m.statuses(ctx) {
		if s == nil {
			return nil, nil // a sum of parts would mislead
		}
		for id, size := range s.Tables {
			if sum, ok := out[id]; ok {
				out[id] = execute.Size{Objects: sum.Objects + size.Objects, Bytes: sum.Bytes + size.Bytes}
			}
		}
	}
	return out, nil
}

// partitionLoad tells policies what each partition holds, ascending by id. What is old is
// asked for anew in the background; who meets what is very old, after a pause, waits a
// moment for it.
func (m *monitor) partitionLoad() []placement.Partition {
	m.mu.Lock()
	age := time.Since(m.loadTaken)
	if m.refreshing == nil && age > loadAge && m.ctx.Err() == nil {
		m.refreshing = make(chan struct{})
		m.running.Go(m.refreshLoad)
	}
	refreshing := m.refreshing
	m.mu.Unlock()
	if refreshing != nil && age > 2*loadAge {
		select {
		case <-refreshing:
		case <-time.After(loadPatience):
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load
}

func (m *monitor) refreshLoad() {
	all := m.node.cache.Catalog().Partitions
	statuses := m.statuses(m.ctx)
	load := make([]placement.Partition, len(all))
	for i, p := range all {
		load[i] = placement.Partition{ID: uint32(p.ID)}
		if s := statuses[i]; s != nil {
			load[i].Objects, load[i].Bytes, load[i].CommandsPerSecond = s.Size.Objects, s.Size.Bytes, s.CommandsPerSecond
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.load, m.loadTaken = load, time.Now()
	close(m.refreshing)
	m.refreshing = nil
}
