package server

import (
	"cmp"
	"context"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
)

// partitionIDs lists the partitions.
func (n *Node) partitionIDs() []object.PartitionID {
	cache := n.known.Load()
	if cache == nil {
		return nil
	}
	all := cache.Catalog().Partitions
	list := make([]object.PartitionID, len(all))
	for i, p := range all {
		list[i] = p.ID
	}
	return list
}

// Transactions asks the leaders of all partitions for transactions.
func (m *monitor) Transactions(ctx context.Context) ([]execute.TransactionStatus, error) {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	list := m.node.client.Transactions(asking, m.node.partitionIDs())
	out := make([]execute.TransactionStatus, len(list))
	for i, t := range list {
		out[i] = execute.TransactionStatus{
			Transaction: t.ID, Partition: t.Partition, State: t.State, Waiting: t.Waiting, Participants: t.Participants,
			Age: t.Age, WaitsFor: t.WaitsFor,
		}
	}
	slices.SortFunc(out, func(a, b execute.TransactionStatus) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), compareTransactions(a.Transaction, b.Transaction))
	})
	return out, ctx.Err()
}

// Locks asks the leaders of all partitions for locks.
func (m *monitor) Locks(ctx context.Context) ([]execute.LockStatus, error) {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	list := m.node.client.Locks(asking, m.node.partitionIDs())
	out := make([]execute.LockStatus, len(list))
	for i, l := range list {
		s := execute.LockStatus{Partition: l.Partition, Span: l.Span, Mode: l.Mode, Transaction: l.Transaction, Granted: !l.Waiting}
		if l.Object != "" {
			s.Span = command.Span{Start: l.Object}
		}
		s.Table = s.Span.Start.Table()
		out[i] = s
	}
	slices.SortStableFunc(out, func(a, b execute.LockStatus) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Span.End, b.Span.End))
	})
	return out, ctx.Err()
}

func compareTransactions(a, b object.TransactionID) int {
	return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Incarnation, b.Incarnation), cmp.Compare(a.Sequence, b.Sequence))
}
