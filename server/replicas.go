package server

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/planner/execute"
)

// methodChecksums has the leader of a state machine compare its replicas. On the wire:
// append only.
const methodChecksums uint16 = 0x0302

const (
	// leaderChecksum bounds how long a leader hashes its own content.
	leaderChecksum = 15 * time.Second
	// followerChecksum bounds how much longer a follower may take.
	followerChecksum = 2 * time.Second
	// electionPatience bounds how long nodes that do not lead are asked again.
	electionPatience = 3 * time.Second
	electionPause    = 100 * time.Millisecond
)

// replicaChecksum is what methodChecksums answers of one replica.
type replicaChecksum struct {
	Node    object.NodeID `json:"node"`
	Leads   bool          `json:"leads"`
	Known   bool          `json:"known"` // that it answered in time
	Applied uint64        `json:"applied"`
	Hash    uint64        `json:"hash"`
}

// handleChecksums hashes a state machine that this node leads, at every replica.
func (n *Node) handleChecksums(ctx context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	if len(req) != 4 {
		return nil, fmt.Errorf("request for checksums of %d bytes", len(req))
	}
	machine := n.host.Machine(object.MachineID(binary.BigEndian.Uint32(req)))
	if machine == nil {
		return nil, &cluster.NotLeader{}
	}
	if !machine.IsLeader() {
		return nil, &cluster.NotLeader{Leader: machine.Leader()}
	}
	ctx, cancel := context.WithTimeout(ctx, leaderChecksum)
	defer cancel()
	own, err := machine.TakeChecksum(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(n.followers(ctx, machine, own))
}

// followers gathers what all replicas have computed at the index of own.
func (n *Node) followers(ctx context.Context, machine *replication.Machine, own replication.Checksum) []replicaChecksum {
	ctx, cancel := context.WithTimeout(ctx, followerChecksum)
	defer cancel()
	replicas := machine.Status().Replicas
	out := make([]replicaChecksum, len(replicas))
	var asking sync.WaitGroup
	for i, r := range replicas {
		out[i] = replicaChecksum{Node: r.Node}
		if r.Node == n.cfg.Node {
			out[i] = replicaChecksum{Node: r.Node, Leads: true, Known: true, Applied: own.Index, Hash: own.Hash}
			continue
		}
		asking.Go(func() {
			if sum, err := machine.Checksum(ctx, r.Node, own.Index); err == nil {
				out[i].Known, out[i].Applied, out[i].Hash = true, sum.Index, sum.Hash
			}
		})
	}
	asking.Wait()
	return out
}

// Replicas hashes every replica of the oracle and of every partition, all of one at one
// index of its log.
func (m *monitor) Replicas(ctx context.Context) ([]execute.ReplicaStatus, error) {
	all := m.node.cache.Catalog().Partitions
	machines := make([][]execute.ReplicaStatus, len(all)+1)
	var asking sync.WaitGroup
	asking.Go(func() { machines[0] = m.replicasOf(ctx, 0, m.node.nodes()) })
	for i, p := range all {
		asking.Go(func() { machines[i+1] = m.replicasOf(ctx, p.ID, p.Replicas) })
	}
	asking.Wait()
	return slices.Concat(machines...), ctx.Err()
}

// replicasOf compares the replicas of one partition, or of the oracle (0). nodes are those that the catalog
// knows: they are named also where no leader answers.
func (m *monitor) replicasOf(ctx context.Context, p object.PartitionID, nodes []object.NodeID) []execute.ReplicaStatus {
	known := make(map[object.NodeID]replicaChecksum)
	for _, r := range m.askChecksums(ctx, p.Machine(), nodes) {
		known[r.Node] = r
	}
	out := make([]execute.ReplicaStatus, len(nodes))
	for i, node := range nodes {
		r := known[node]
		out[i] = execute.ReplicaStatus{
			Partition: p, Node: node, Leads: r.Leads, Known: r.Known, Applied: r.Applied, Checksum: r.Hash,
		}
	}
	slices.SortFunc(out, func(a, b execute.ReplicaStatus) int { return cmp.Compare(a.Node, b.Node) })
	return out
}

// askChecksums asks all nodes at once, of which the leader alone does anything;
// nil where none leads.
func (m *monitor) askChecksums(ctx context.Context, id object.MachineID, nodes []object.NodeID) []replicaChecksum {
	ctx, cancel := context.WithTimeout(ctx, leaderChecksum+followerChecksum)
	defer cancel()
	answers := make(chan []replicaChecksum, len(nodes))
	for _, node := range nodes {
		m.running.Go(func() { answers <- m.askChecksumsOf(ctx, id, node) })
	}
	for range nodes {
		if list := <-answers; list != nil {
			return list
		}
	}
	return nil
}

// askChecksumsOf asks one node, for a while again and again: it may be elected.
func (m *monitor) askChecksumsOf(ctx context.Context, id object.MachineID, node object.NodeID) []replicaChecksum {
	req := binary.BigEndian.AppendUint32(nil, uint32(id))
	for started := time.Now(); time.Since(started) < electionPatience; {
		answer, err := m.node.transport.Call(ctx, node, methodChecksums, req)
		var list []replicaChecksum
		if err == nil && json.Unmarshal(answer, &list) == nil {
			return list
		}
		select {
		case <-time.After(electionPause):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
