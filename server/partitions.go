package server

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/oracle"
	"github.com/ssmr/ssmr/partitions"
	"github.com/ssmr/ssmr/planner/execute"
)

// executorsPartitions is the partitions' client as the executor wants it.
type executorsPartitions struct{ *partitions.Client }

// founder creates objects where a policy wants them, in one entry of the log that the
// oracle and the partitions share.
type founder struct {
	cache  *oracle.Cache
	client *partitions.Client
}

// Found is execute.Founder.
func (f founder) Found(ctx context.Context, assignments []catalog.Assignment, t *command.Transaction) (object.LocationVersion, []*command.Vote, error) {
	version, votes, err := f.client.Found(ctx, t, oracle.JointAssignment(assignments, time.Now()))
	if err == partitions.ErrApart {
		return 0, nil, execute.ErrApart
	}
	if err == nil && version != 0 {
		f.cache.Assigned(assignments, version)
	}
	return version, votes, err
}

// Snapshot is Client.Snapshot.
func (c executorsPartitions) Snapshot(ctx context.Context, parts []object.PartitionID) (execute.Snapshot, error) {
	s, err := c.Client.Snapshot(ctx, parts)
	if err != nil {
		return nil, err
	}
	return s, nil
}
