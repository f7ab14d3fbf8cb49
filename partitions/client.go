package partitions

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Client sends commands and reads to the leaders of partitions. Its methods may
// be called from many goroutines. A node has one.
type Client struct{}

// NewClient makes the node's client. service is the node's own, which is called
// directly where it leads; nil where the node holds no replicas.
func NewClient(cfg ClientConfig, network Network, service *Service) (*Client, error) {
	return nil, nil
}

// Write has a command executed, at most once, and if it is over Spans with all
// its parts. See the package comment for errors.
func (c *Client) Write(ctx context.Context, p object.PartitionID, w *command.Write) (*command.Result, error) {
	return nil, nil
}

// WriteEach is Write that hands over the results of the parts one by one, so that
// rows of RETURNING need not be held. An error of each ends the statement and is
// returned; what was executed stays.
func (c *Client) WriteEach(ctx context.Context, p object.PartitionID, w *command.Write, each func(*command.Result) error) error {
	return nil
}

// Execute has another command than a Write executed, at most once. The outcome is
// a *command.Departed for a Depart, a *command.Result for all others; Busy and
// Expired are tried again, because these commands are idempotent.
func (c *Client) Execute(ctx context.Context, p object.PartitionID, body command.Body) (any, error) {
	return nil, nil
}

// Read begins a read. The chunk's Cursor, if it is not zero, continues it; it must
// be read to its end or closed.
func (c *Client) Read(ctx context.Context, p object.PartitionID, r *command.Read) (*command.Chunk, error) {
	return nil, nil
}

// Next continues a read. Where the cursor is lost the error is 40001.
func (c *Client) Next(ctx context.Context, p object.PartitionID, cursor command.Cursor) (*command.Chunk, error) {
	return nil, nil
}

// CloseCursor ends a read early. It does not wait.
func (c *Client) CloseCursor(p object.PartitionID, cursor command.Cursor) {}

// Status asks the leader of a partition.
func (c *Client) Status(ctx context.Context, p object.PartitionID) (Status, error) {
	return Status{}, nil
}

// Leader returns the node that led the partition when this node last heard of it;
// empty where it does not know.
func (c *Client) Leader(p object.PartitionID) object.NodeID { return "" }

// Close ends what the client does in the background. Calling it again is harmless.
func (c *Client) Close() error { return nil }
