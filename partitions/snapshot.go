package partitions

import (
	"context"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Snapshot is the state of several partitions at one instant. Its methods may be
// called from several goroutines.
type Snapshot struct{ c *Client }

// Snapshot pins the state of partitions at one instant, between the call and its
// return: everything that was acknowledged before the call is in it.
func (c *Client) Snapshot(ctx context.Context, parts []object.PartitionID) (*Snapshot, error) {
	return nil, errNotYet
}

// Read is Client.Read of the snapshot.
func (s *Snapshot) Read(ctx context.Context, p object.PartitionID, r *command.Read) (*command.Chunk, error) {
	return nil, errNotYet
}

// Evaluate is Client.Evaluate of the snapshot.
func (s *Snapshot) Evaluate(ctx context.Context, p object.PartitionID, e *command.Evaluate) (*command.Evaluation, error) {
	return nil, errNotYet
}

// Close lets the state go. It does not wait. Open cursors stay.
func (s *Snapshot) Close() {}

// Evaluate computes what a Write would do in the newest state, or that of the
// View.
func (c *Client) Evaluate(ctx context.Context, p object.PartitionID, e *command.Evaluate) (*command.Evaluation, error) {
	return nil, errNotYet
}

// Validate compares what a transaction has read with the newest state.
func (c *Client) Validate(ctx context.Context, p object.PartitionID, part *command.Part) (*command.Vote, error) {
	return nil, errNotYet
}
