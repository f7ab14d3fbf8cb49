package partitions

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

// hanging is a network in which calls to one node get no answer, as if it were
// stopped.
type hanging struct {
	*cluster.Transport
	to atomic.Pointer[object.NodeID]
}

func (h *hanging) Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error) {
	if node := h.to.Load(); node != nil && *node == to {
		<-ctx.Done()
		return nil, fmt.Errorf("%w: %w", cluster.ErrInterrupted, ctx.Err())
	}
	return h.Transport.Call(ctx, to, method, req)
}

// A statement that hangs at a stopped leader goes on at the next one.
func TestStoppedLeader(t *testing.T) {
	nodes := newCluster(t, 3, nil)
	leader := leaderOf(t, nodes)
	var other *node
	for _, n := range nodes {
		if n != leader {
			other = n
		}
	}
	network := &hanging{Transport: other.transport}
	ids := []object.NodeID{nodes[0].id, nodes[1].id, nodes[2].id}
	c, err := NewClient(ClientConfig{Incarnation: 2, Replicas: func(object.PartitionID) []object.NodeID { return ids }}, network, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	mustWrite(t, c, createOf(10, 1))
	mustWrite(t, c, incrementOf(1))
	network.to.Store(&leader.id)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if got := number(t, mustWrite(t, c, incrementOf(1)).Rows); got != 2 {
			t.Errorf("n is %d", got)
		}
	}()
	r, err := leader.service.replica(testPartition)
	if err != nil {
		t.Fatal(err)
	}
	transfer := r.group.(interface {
		TransferLeadership(context.Context, object.NodeID) error
	})
	eventually(t, "another leader", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = transfer.TransferLeadership(ctx, other.id)
		return !r.group.IsLeader() && leaderOf(t, nodes) != leader
	})
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the statement hangs")
	}
	// Now that the node is known not to answer, calls to it fail at once.
	if _, err := c.call(testContext(t), leader.id, methodPing, nil); err == nil {
		t.Error("a stopped node answered")
	}
	network.to.Store(nil)
	eventually(t, "the node to be trusted again", func() bool {
		_, err := c.call(testContext(t), leader.id, methodPing, nil)
		return err == nil
	})
}
