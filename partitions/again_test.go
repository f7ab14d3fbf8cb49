package partitions

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/storage"
)

// breaking is a network that loses the first calls that execute something in a partition.
type breaking struct {
	Network
	partition object.PartitionID
	left      atomic.Int64
}

func (*breaking) Handle(uint16, func(context.Context, object.NodeID, []byte) ([]byte, error)) {}

func (b *breaking) Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error) {
	if method == methodExecute && len(req) > 1 && req[1] == byte(b.partition) && b.left.Add(-1) >= 0 {
		return nil, errors.New("the disk is full")
	}
	return b.Network.Call(ctx, to, method, req)
}

// A transaction that has lost a participant, and is known to have had no effect, is
// attempted again: its caller does not hear of it.
func TestTransactAgainAfterALoss(t *testing.T) {
	nodes := newClusterOf(t, 3, 2, nil)
	fill(t, nodes[0].client, 2, 1)
	net := &breaking{Network: nodes[1].transport, partition: 2}
	c, err := NewClient(ClientConfig{Incarnation: 9, Replicas: func(object.PartitionID) []object.NodeID {
		return []object.NodeID{"a", "b", "c"}
	}}, net, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	net.left.Store(brokenCalls)
	mustTransact(t, c, transactionOf(addTo(1000, 1), addTo(2000, 1)))
	if left := net.left.Load(); left >= 0 {
		t.Fatalf("%d calls were to be lost still", left)
	}
	if a, b := valueOf(t, c, 1, 1000), valueOf(t, c, 2, 2000); a != 1 || b != 1 {
		t.Errorf("%d and %d", a, b)
	}
	// Whose context has ended is told.
	net.left.Store(brokenCalls)
	cause := pgerror.New(pgerror.LockNotAvailable, "canceling statement due to lock timeout")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if _, err := c.Transact(ctx, transactionOf(addTo(1000, 1), addTo(2000, 1))); !errors.Is(err, cause) {
		t.Errorf("error is %v", err)
	}
	net.left.Store(0)
	if a, b := valueOf(t, c, 1, 1000), valueOf(t, c, 2, 2000); a != 1 || b != 1 {
		t.Errorf("%d and %d", a, b)
	}
	nothingLeft(t, nodes, 2)
}

// A failure of storage under a read is the loss of what was read, which a new start of the
// statement solves: not an internal error, and nothing else is taken for one.
func TestBrokenStorageIsALoss(t *testing.T) {
	s := &Service{cfg: Config{}.withDefaults()}
	ctx, cancel := context.WithCancel(context.Background())
	code := func(err error) string {
		if e := pgerror.As(err); e != nil {
			return e.Code
		}
		return ""
	}
	err := s.broken(ctx, 1, storage.ErrCorrupt, errPinLost())
	if code(err) != pgerror.SerializationFailure || !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("error is %v", err)
	}
	own := pgerror.New(pgerror.DivisionByZero, "division by zero")
	if err := s.broken(ctx, 1, own, errPinLost()); err != own {
		t.Errorf("error is %v", err)
	}
	if err := s.broken(ctx, 1, nil, errPinLost()); err != nil {
		t.Errorf("error is %v", err)
	}
	cancel()
	if err := s.broken(ctx, 1, context.Canceled, errPinLost()); err != context.Canceled {
		t.Errorf("error is %v", err)
	}
}
