package server

import (
	"context"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/partitions"
	"github.com/ssmr/ssmr/planner/execute"
)

// executorsPartitions is the partitions' client as the executor wants it.
type executorsPartitions struct{ *partitions.Client }

// Snapshot is Client.Snapshot.
func (c executorsPartitions) Snapshot(ctx context.Context, parts []object.PartitionID) (execute.Snapshot, error) {
	s, err := c.Client.Snapshot(ctx, parts)
	if err != nil {
		return nil, err
	}
	return s, nil
}
