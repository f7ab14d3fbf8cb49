package oracle

import (
	"context"
	"net"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
)

// Partitions is what the oracle needs of the partitions. Its methods find the
// leader and retry until ctx ends; a command is executed at most once for each
// call.
type Partitions interface {
	// Execute sends a command to a partition. The answer to a *command.Depart is a
	// *command.Departed, to all others a *command.Result or nil.
	Execute(ctx context.Context, p object.PartitionID, body command.Body) (any, error)
	// Read begins a read, Next continues it.
	Read(ctx context.Context, p object.PartitionID, read *command.Read) (*command.Chunk, error)
	Next(ctx context.Context, p object.PartitionID, cursor command.Cursor) (*command.Chunk, error)
	// CloseCursor ends a read early. It does not wait.
	CloseCursor(p object.PartitionID, cursor command.Cursor)
}

// Group is what the oracle needs of its replication group.
type Group interface {
	// Propose replicates a command and returns what Machine.Apply returned for it.
	// *cluster.NotLeader: it had no effect; cluster.ErrInterrupted: unknown.
	Propose(ctx context.Context, cmd []byte) (any, error)
	// Read runs fn on the leader's applied state. What fn saw is linearizable if
	// Read returns nil.
	Read(ctx context.Context, fn func() error) error
	// Roles gives the present role and then every change; a slow receiver misses
	// what was overtaken, never the last.
	Roles() (roles <-chan replication.Role, stop func())
	Role() replication.Role
}

// Transport is what the oracle needs of the cluster transport.
type Transport interface {
	Node() object.NodeID
	Handle(method uint16, h func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error))
	HandleStream(name string, h func(ctx context.Context, from object.NodeID, conn net.Conn))
	Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error)
	DialStream(ctx context.Context, to object.NodeID, name string) (net.Conn, error)
}
