package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/oracle"
	"github.com/ssmr/ssmr/partitions"
	"github.com/ssmr/ssmr/partitions/state"
)

// startReplicas forms the cluster and starts this node's replicas of the oracle
// and of the partitions.
func (n *Node) startReplicas(ctx context.Context) error {
	var err error
	n.host, err = replication.NewHost(replication.Config{
		Network: n.transport, State: n.state, Log: n.logs,
		Timing: replication.Timing{Heartbeat: n.cfg.Timing.Heartbeat}, Logger: n.log.With("part", "replication"),
	})
	if err != nil {
		return err
	}
	n.onClose("replicas", n.host.Close)
	n.service, err = partitions.NewService(partitions.Config{
		State: state.Limits{RecentBytes: n.recentBytes()}, StayLeader: n.cfg.Cluster.Leadership == "stay", CheckAssign: oracle.CheckJoint,
		Logger: n.log.With("part", "partitions"),
	}, n.transport)
	if err != nil {
		return err
	}
	n.onClose("partitions", n.service.Close)
	n.client, err = partitions.NewClient(partitions.ClientConfig{
		Incarnation: n.dir.identity.Incarnation, Replicas: n.replicas, Group: n.group, Partitions: n.partitionIDs, Logger: n.log.With("part", "partitions"),
	}, n.transport, n.service)
	if err != nil {
		return err
	}
	n.onClose("partitions' client", n.client.Close)

	formation := newFormation(&n.cfg.Config, n.dir, n.transport, n.log, n.started)
	if err := formation.form(ctx); err != nil {
		return fmt.Errorf("forming the cluster: %w", err)
	}
	nodes := n.nodes()
	if err := n.startOracle(nodes); err != nil {
		return err
	}
	if err := n.openPartitions(ctx, nodes); err != nil {
		return err
	}
	n.monitor = newMonitor(n, formation)
	n.transport.Handle(methodChecksums, n.handleChecksums)
	n.onClose("monitor", n.monitor.close)
	return nil
}

// nodes returns all nodes of the cluster.
func (n *Node) nodes() []object.NodeID {
	if len(n.cfg.Cluster.Nodes) == 0 {
		return []object.NodeID{n.cfg.Node}
	}
	var out []object.NodeID
	for _, node := range n.cfg.Cluster.Nodes {
		out = append(out, node.Name)
	}
	return out
}

// partition returns what this node knows of a partition; nil for nothing.
func (n *Node) partition(p object.PartitionID) *catalog.Partition {
	cache := n.known.Load()
	if cache == nil {
		return nil
	}
	return cache.Catalog().Partition(p)
}

// replicas tells which nodes hold a partition.
func (n *Node) replicas(p object.PartitionID) []object.NodeID {
	if d := n.partition(p); d != nil {
		return d.Replicas
	}
	return nil
}

// group tells which Raft group a partition is in.
func (n *Node) group(p object.PartitionID) (object.GroupID, bool) {
	if d := n.partition(p); d != nil {
		return d.Group, true
	}
	return 0, false
}

func (n *Node) startOracle(nodes []object.NodeID) error {
	log := n.log.With("part", "oracle")
	machine := oracle.NewMachine(log)
	group, err := n.host.Start(replication.GroupConfig{
		ID: object.OracleGroup, Peers: nodes, Machine: func(id object.MachineID) (replication.StateMachine, error) {
			if id == object.OracleMachine {
				return machine, nil
			}
			return n.service.StateMachine(id)
		},
	})
	if err != nil {
		return err
	}
	replica, err := group.Machine(object.OracleMachine)
	if err != nil {
		return err
	}
	n.oracle, err = oracle.NewService(oracle.ServiceConfig{Transport: n.transport, Logger: log}, machine, replica, n.client)
	if err != nil {
		return err
	}
	n.onClose("oracle", func() error { n.oracle.Close(); return nil })
	n.locator, err = oracle.NewClient(oracle.ClientConfig{Transport: n.transport, Replicas: nodes, Local: n.oracle, Logger: log})
	if err != nil {
		return err
	}
	n.cache, err = oracle.NewCache(oracle.CacheConfig{Bytes: n.cfg.Limits.LocationCacheBytes, Logger: log}, n.locator)
	if err != nil {
		return err
	}
	n.known.Store(n.cache)
	n.onClose("oracle's cache", func() error { n.cache.Close(); return nil })
	return nil
}

// openPartitions starts this node's replicas of the partitions that the oracle
// knows, and returns when all partitions know what they own. A new oracle is told
// what the cluster consists of by whoever comes first.
func (n *Node) openPartitions(ctx context.Context, nodes []object.NodeID) error {
	described := layOut(nodes, n.cfg.Partitions, n.cfg.Groups)
	ctx, cancel := context.WithCancel(ctx)
	initialised := make(chan error, 1)
	go func() {
		initialised <- n.patiently(ctx, "waiting for the oracle and the partitions", func(ctx context.Context) error {
			return n.locator.Initialise(ctx, described)
		})
	}()
	err := n.patiently(ctx, "waiting for the oracle's leader", func(ctx context.Context) error {
		if err := n.cache.Refresh(ctx); err != nil {
			return err
		}
		if len(n.cache.Catalog().Partitions) == 0 {
			return errNotInitialised
		}
		return nil
	})
	for _, p := range n.cache.Catalog().Partitions {
		if err == nil && slices.Contains(p.Replicas, n.cfg.Node) {
			err = n.openPartition(&p)
		}
	}
	if err != nil {
		cancel()
	}
	defer cancel()
	return errors.Join(err, <-initialised)
}

func (n *Node) openPartition(p *catalog.Partition) error {
	g := n.host.Group(p.Group)
	if g == nil {
		var err error
		if g, err = n.host.Start(replication.GroupConfig{ID: p.Group, Peers: p.Replicas, Machine: n.service.StateMachine}); err != nil {
			return err
		}
	}
	return n.service.Open(p.ID, g)
}

// errNotInitialised says that the oracle does not know its cluster yet.
var errNotInitialised = errors.New("the oracle has not been told of its cluster yet")

// patiently tries until f succeeds or ctx ends, and logs now and then why it has to.
func (n *Node) patiently(ctx context.Context, what string, f func(context.Context) error) error {
	const attempt, pause, logs = 5 * time.Second, 20 * time.Millisecond, 5 * time.Second
	logged := time.Now()
	for {
		trying, cancel := context.WithTimeout(ctx, attempt)
		err := f(trying)
		cancel()
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if time.Since(logged) > logs {
			n.log.Info(what, "reason", err)
			logged = time.Now()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// replicas is how many nodes hold a partition, where there are as many.
const replicas = 3

// layOut describes the partitions of a new cluster, and which of them share a Raft
// group. A group costs messages and disk syncs whatever the number of commands in it, so
// there are as few as can be where groups is 0: one where every node holds everything,
// which is the oracle's too, else one that begins with each node.
func layOut(nodes []object.NodeID, partitions, groups int) []catalog.Partition {
	first := object.OracleGroup
	if len(nodes) > replicas {
		first++ // the oracle is on all nodes
	}
	if groups == 0 && len(nodes) <= replicas {
		groups = 1
	} else if groups == 0 {
		groups = len(nodes)
	}
	out := make([]catalog.Partition, partitions)
	for i := range out {
		g := i % groups
		out[i] = catalog.Partition{ID: object.PartitionID(i + 1), Replicas: replicasOf(nodes, g), Group: first + object.GroupID(g)}
	}
	return out
}

// replicasOf chooses the nodes of the i-th group: three, or all where there are fewer,
// beginning with another one for each group.
func replicasOf(nodes []object.NodeID, i int) []object.NodeID {
	out := make([]object.NodeID, 0, replicas)
	for j := range min(replicas, len(nodes)) {
		out = append(out, nodes[(i+j)%len(nodes)])
	}
	return out
}

// recentBytes is what each partition may keep in memory of objects: half as much as the
// cache of blocks, for all of them.
func (n *Node) recentBytes() int {
	return int(n.cfg.Storage.CacheBytes) / 2 / max(n.cfg.Partitions, 1)
}
