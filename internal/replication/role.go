package replication

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/object"
)

// roleWatch holds who wants to hear of changes of role.
type roleWatch struct {
	g *Group

	mu       sync.Mutex // guards what follows, and changes of g.role
	watchers map[chan Role]struct{}
	leading  uint64 // the term that raft leads; 0 for none
}

// set changes the role and tells the watchers. mu is held.
func (w *roleWatch) set(role Role) {
	old := w.g.role.Load()
	if *old == role {
		return
	}
	w.g.role.Store(&role)
	if old.Leading != role.Leading || old.Leader != role.Leader {
		w.g.log.Debug("role has changed", "leading", role.Leading, "leader", role.Leader, "term", role.Term)
	}
	for c := range w.watchers {
		replace(c, role)
	}
}

// replace puts a role into a channel of one place, instead of what is in it.
func replace(c chan Role, role Role) {
	for {
		select {
		case c <- role:
			return
		default:
		}
		select {
		case <-c:
		default:
		}
	}
}

// Role returns what the replica is now.
func (g *Group) Role() Role { return *g.role.Load() }

// Roles returns a channel that gives the present role and then every change; a
// receiver that is slow misses what was overtaken, never the last. stop ends it.
func (g *Group) Roles() (roles <-chan Role, stop func()) {
	c := make(chan Role, 1)
	w := &g.roles
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watchers == nil {
		w.watchers = make(map[chan Role]struct{})
	}
	w.watchers[c] = struct{}{}
	c <- g.Role()
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.watchers, c)
	}
}

// watch follows raft's changes of role.
func (g *Group) watch() {
	refresh := time.NewTicker(g.host.cfg.Timing.Heartbeat) // raft drops events at a bound
	defer refresh.Stop()
	for {
		select {
		case <-refresh.C:
			g.heardOfLeader()
		case leads := <-g.notify:
			if leads {
				g.lead()
			} else {
				g.follow()
			}
		case <-g.events:
			g.heardOfLeader()
		case <-g.ctx.Done():
			g.follow()
			return
		}
	}
}

// lead begins a term as leader. Reads are served when all that earlier leaders
// have acknowledged is applied.
func (g *Group) lead() {
	term := g.raft.CurrentTerm()
	g.lease.begin(term, g.voters())
	w := &g.roles
	w.mu.Lock()
	w.leading = term
	w.set(Role{Leader: g.host.self, Term: term})
	w.mu.Unlock()
	if g.enter() {
		go func() {
			defer g.running.Done()
			g.catchUp(term)
		}()
	}
}

// catchUp waits until what was committed before the term is applied here, and then
// opens the replica for reads.
func (g *Group) catchUp(term uint64) {
	for {
		err := g.await(g.ctx, g.raft.Barrier(0))
		current := g.raft.CurrentTerm() == term && g.raft.State() == raft.Leader
		if err == nil && current {
			break
		}
		if !current || g.ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-g.ctx.Done():
			return
		}
	}
	g.gate.outlast() // those of earlier leaders
	w := &g.roles
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leading == term {
		w.set(Role{Leading: true, Leader: g.host.self, Term: term})
	}
}

// follow ends the present term as leader.
func (g *Group) follow() {
	w := &g.roles
	w.mu.Lock()
	defer w.mu.Unlock()
	g.lease.end(w.leading)
	g.gate.breakHolds()
	w.leading = 0
	w.set(Role{Leader: g.raftLeader(), Term: g.raft.CurrentTerm()})
}

// heardOfLeader notes who leads, while that is another.
func (g *Group) heardOfLeader() {
	w := &g.roles
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leading == 0 {
		w.set(Role{Leader: g.raftLeader(), Term: g.raft.CurrentTerm()})
	}
}

func (g *Group) raftLeader() object.NodeID {
	_, id := g.raft.LeaderWithID()
	return object.NodeID(id)
}

func (g *Group) voters() []object.NodeID {
	var voters []object.NodeID
	for _, s := range g.raft.GetConfiguration().Configuration().Servers {
		if s.Suffrage == raft.Voter {
			voters = append(voters, object.NodeID(s.ID))
		}
	}
	return voters
}

// Leader returns the node that leads, as far as this replica knows; may be empty.
func (g *Group) Leader() object.NodeID { return g.raftLeader() }

// IsLeader reports whether this replica leads and can serve reads. It is a hint:
// only Propose and Read know.
func (g *Group) IsLeader() bool { return g.role.Load().Leading && g.raft.State() == raft.Leader }

// TransferLeadership hands the leadership to another node, or to the one that is
// furthest where to is empty. It does nothing if this replica does not lead.
func (g *Group) TransferLeadership(ctx context.Context, to object.NodeID) error {
	if g.raft.State() != raft.Leader {
		return nil
	}
	g.lease.yield(g.raft.CurrentTerm())
	if to == "" {
		return g.await(ctx, g.raft.LeadershipTransfer())
	}
	for _, s := range g.raft.GetConfiguration().Configuration().Servers {
		if object.NodeID(s.ID) == to {
			return g.await(ctx, g.raft.LeadershipTransferToServer(s.ID, s.Address))
		}
	}
	return fmt.Errorf("node %s has no replica of group %d", to, g.id)
}

// drain hands the leadership over, trying until ctx ends.
func (g *Group) drain(ctx context.Context) error {
	for g.raft.State() == raft.Leader && len(g.voters()) > 1 {
		err := g.TransferLeadership(ctx, "")
		if err == nil {
			continue
		}
		if ctx.Err() != nil || errors.Is(err, ErrStopped) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// appliedWatch is the applied index, and who waits for it to grow.
type appliedWatch struct {
	index   atomic.Uint64
	waiters atomic.Int32
	mu      sync.Mutex // guards changed
	changed chan struct{}
}

func (g *Group) setApplied(index uint64) {
	w := &g.applied
	w.index.Store(index)
	if w.waiters.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// AppliedIndex returns the index of the last entry whose effects can be read.
func (g *Group) AppliedIndex() uint64 { return g.applied.index.Load() }

// WaitApplied waits until the replica has applied the index.
func (g *Group) WaitApplied(ctx context.Context, index uint64) error {
	w := &g.applied
	if w.index.Load() >= index {
		return nil
	}
	w.waiters.Add(1)
	defer w.waiters.Add(-1)
	for {
		w.mu.Lock()
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed := w.changed
		w.mu.Unlock()
		if w.index.Load() >= index {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-g.dead:
			return g.stoppedError()
		}
	}
}

// Status returns figures about the replica.
func (g *Group) Status() Status {
	first, last, bytes := g.logs.extent()
	s := Status{
		ID: g.id, Role: g.Role(), AppliedIndex: g.AppliedIndex(), CommitIndex: g.raft.CommitIndex(),
		FirstIndex: first, LastIndex: last, SnapshotIndex: g.snapshots.index(), LogBytes: bytes,
		Contact: g.raft.LastContact(), Lease: g.lease.remaining(), Queued: g.queue.length(),
		Proposed: g.commandsProposed.Load(), Applied: g.commandsApplied.Load(),
		Entries: g.entriesApplied.Load(), Err: g.Err(),
	}
	for _, server := range g.raft.GetConfiguration().Configuration().Servers {
		node := object.NodeID(server.ID)
		contact := g.lease.contactOf(node)
		s.Replicas = append(s.Replicas, Replica{
			Node: node, Voter: server.Suffrage == raft.Voter, Contact: contact.sent, Match: contact.match,
		})
	}
	return s
}
