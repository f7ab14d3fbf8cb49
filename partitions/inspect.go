package partitions

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// inspectedLocks bounds the locks that a partition lists.
const inspectedLocks = 4096

// Transaction is what one partition knows of one transaction.
type Transaction struct {
	ID        object.TransactionID     `json:"id"`
	Partition object.PartitionID       `json:"partition"`
	State     command.TransactionState `json:"state"`
	// Owner is the session's transaction whose locks it may pass; zero: none.
	Owner        object.TransactionID   `json:"owner"`
	Participants []object.PartitionID   `json:"participants,omitempty"`
	Waiting      bool                   `json:"waiting,omitempty"`
	WaitsFor     []object.TransactionID `json:"waitsFor,omitempty"`
	// Age is how long the partition's leader has known it in this state; negative where
	// it has not noticed it yet.
	Age time.Duration `json:"age"`
}

// Lock is a lock that is held or waited for in a partition.
type Lock struct {
	Partition object.PartitionID `json:"partition"`
	// Span is what is locked: everything where it is empty. Object is set where it is a
	// single one.
	Span        command.Span         `json:"span"`
	Object      object.ID            `json:"object,omitempty"`
	Mode        command.LockMode     `json:"mode"`
	Transaction object.TransactionID `json:"transaction"` // zero: a single command
	Waiting     bool                 `json:"waiting,omitempty"`
}

// inspection is what a leader tells of transactions. Ids of objects are bytes, which
// JSON would not keep.
type inspection struct {
	Transactions []Transaction `json:"transactions"`
	Locks        []wireLock    `json:"locks"`
}

type wireLock struct {
	Lock
	Start  []byte `json:"start,omitempty"`
	End    []byte `json:"end,omitempty"`
	Object []byte `json:"id,omitempty"`
}

func (r *replica) inspect(now time.Time, locks bool) inspection {
	var out inspection
	for _, t := range r.machine.Transactions() {
		out.Transactions = append(out.Transactions, Transaction{
			ID: t.ID, Partition: r.id, State: t.State, Owner: t.Owner, Participants: t.Participants,
			Waiting: t.Waiting, WaitsFor: t.WaitsFor, Age: r.age(t.ID, now),
		})
	}
	if !locks {
		return out
	}
	for _, l := range r.machine.Locks(inspectedLocks) {
		out.Locks = append(out.Locks, wireLock{
			Lock:  Lock{Partition: r.id, Mode: l.Mode, Transaction: l.Transaction, Waiting: l.Waiting},
			Start: []byte(l.Span.Start), End: []byte(l.Span.End), Object: []byte(l.Object),
		})
	}
	return out
}

func (s *Service) inspect(p object.PartitionID, locks bool) (inspection, error) {
	r, err := s.replica(p)
	if err != nil {
		return inspection{}, err
	}
	if !r.group.IsLeader() {
		return inspection{}, r.notLeader()
	}
	return r.inspect(s.cfg.Clock.Now(), locks), nil
}

func (s *Service) handleTransactions(_ context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	in := parser{b: req}
	p, locks := in.partition(), in.flag()
	if err := in.err(); err != nil {
		return nil, err
	}
	out, err := s.inspect(p, locks)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// Transactions asks the leaders of partitions what they know of transactions.
// Partitions whose leader does not answer until ctx ends are left out.
func (c *Client) Transactions(ctx context.Context, parts []object.PartitionID) []Transaction {
	var out []Transaction
	for _, one := range c.inspect(ctx, parts, false) {
		out = append(out, one.Transactions...)
	}
	return out
}

// Locks asks the leaders of partitions for locks that are held or waited for, some
// thousands of each. Partitions whose leader does not answer until ctx ends are left out.
func (c *Client) Locks(ctx context.Context, parts []object.PartitionID) []Lock {
	var out []Lock
	for _, one := range c.inspect(ctx, parts, true) {
		for _, l := range one.Locks {
			l.Span = command.Span{Start: object.ID(l.Start), End: object.ID(l.End)}
			l.Lock.Object = object.ID(l.Object)
			out = append(out, l.Lock)
		}
	}
	return out
}

// inspect asks the leaders side by side.
func (c *Client) inspect(ctx context.Context, parts []object.PartitionID, locks bool) []inspection {
	out := make([]inspection, len(parts))
	var asking sync.WaitGroup
	for i, p := range parts {
		asking.Go(func() {
			r := route{c: c, p: p, l: c.lane(p), harmless: true}
			request := appendFlag(partitionRequest(p), locks)
			out[i], _ = reach(ctx, &r, func(node object.NodeID) (found inspection, err error) {
				if r.here(node) {
					return c.service.inspect(p, locks)
				}
				b, err := c.call(ctx, node, methodTransactions, request)
				if err == nil {
					err = json.Unmarshal(b, &found)
				}
				return found, err
			})
		})
	}
	asking.Wait()
	return out
}
