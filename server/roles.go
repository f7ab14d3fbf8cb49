package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
)

// leaderless is how long a group may be without a leader before that is worth a
// line: elections take less.
const leaderless = 5 * time.Second

// roles logs who leads the groups that this node has replicas of, once for each
// change. What a group goes through during an election is not logged.
type roles struct {
	log     *slog.Logger
	self    object.NodeID
	stop    context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup
}

func newRoles(log *slog.Logger, self object.NodeID) *roles {
	r := &roles{log: log, self: self}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

func (r *roles) close() error {
	r.stop()
	r.running.Wait()
	return nil
}

// watch logs the changes of a group from now on; members are the partitions that are in
// it.
func (r *roles) watch(g *replication.Group, members []object.PartitionID) {
	log, what := r.log, "the oracle"
	switch {
	case g.ID() != object.OracleGroup && len(members) == 1:
		log, what = log.With("partition", members[0]), "the partition"
	case g.ID() != object.OracleGroup:
		log, what = log.With("partitions", members), "the group of the partitions"
	case len(members) > 0:
		log, what = log.With("partitions", members), "the group of the oracle and the partitions"
	}
	changes, stop := g.Roles()
	r.running.Go(func() {
		defer stop()
		(&roleLog{log: log, what: what, self: r.self, logged: g.Leader()}).follow(r.ctx, changes)
	})
}

// roleLog logs the changes of one group.
type roleLog struct {
	log    *slog.Logger
	what   string
	self   object.NodeID
	logged object.NodeID // the leader that was last logged, "" for none
}

func (l *roleLog) follow(ctx context.Context, changes <-chan replication.Role) {
	var patience <-chan time.Time // runs while there is no leader
	for {
		select {
		case role := <-changes:
			if role.Leader != "" {
				patience = nil
				l.leader(role)
			} else if patience == nil {
				patience = time.After(leaderless)
			}
		case <-patience:
			if l.logged != "" {
				l.log.Warn(l.what + " has no leader")
				l.logged = ""
			}
		case <-ctx.Done():
			return
		}
	}
}

func (l *roleLog) leader(role replication.Role) {
	switch {
	case role.Leader == l.logged:
		return
	case role.Leading:
		l.log.Info("this node leads "+l.what, "term", role.Term)
	case role.Leader == l.self:
		return // it has not caught up yet
	default:
		l.log.Info(l.what+" has a new leader", "leader", role.Leader, "term", role.Term)
	}
	l.logged = role.Leader
}
