package replication

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// Read runs fn, which reads the state machine, and returns nil if what fn read
// includes every write that was acknowledged before the call. fn may be run while
// that is not known yet; its own error is returned as it is, unless the read is
// refused. Errors: *cluster.NotLeader, or the context's.
func (g *Group) Read(ctx context.Context, fn func() error) error {
	role := g.role.Load()
	if !role.Leading {
		var err error
		if role, err = g.awaitRole(ctx); err != nil {
			return err
		}
	}
	arrived := g.host.cfg.Clock.Now()
	fnErr := fn()
	if g.lease.holds(role.Term) {
		return fnErr
	}
	ok, err := g.lease.confirmed(ctx, role.Term, arrived, g.prod.trigger)
	if err != nil {
		return err
	}
	if !ok {
		return g.notLeader()
	}
	return fnErr
}

// awaitRole waits while this replica is the leader but has not applied yet what
// earlier leaders have acknowledged.
func (g *Group) awaitRole(ctx context.Context) (*Role, error) {
	if g.raft.State() != raft.Leader {
		return nil, g.notLeader()
	}
	roles, stop := g.Roles()
	defer stop()
	for {
		if role := g.role.Load(); role.Leading {
			return role, nil
		}
		if g.raft.State() != raft.Leader {
			return nil, g.notLeader()
		}
		select {
		case <-roles:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-g.ctx.Done():
			return nil, g.stoppedError()
		}
	}
}

// ReadStale runs fn on whatever this replica has applied, if that was current at
// most so long ago; ErrStale otherwise. Age is counted on this node's clock from
// when the leader's word arrived here.
func (g *Group) ReadStale(maxStaleness time.Duration, fn func() error) error {
	g.changeover.RLock()
	defer g.changeover.RUnlock()
	if g.ctx.Err() != nil {
		return g.stoppedError()
	}
	current := g.currentAt()
	if current.IsZero() {
		return fmt.Errorf("%w: it has not heard of a leader", ErrStale)
	}
	if age := g.host.cfg.Clock.Now().Sub(current); age > maxStaleness {
		return fmt.Errorf("%w: %s, allowed are %s", ErrStale, age, maxStaleness)
	}
	return fn()
}

// currentAt returns a time at which what is applied here was current.
func (g *Group) currentAt() time.Time {
	current := g.transport.fresh.at(g.AppliedIndex())
	if role := g.role.Load(); role.Leading {
		s := g.lease.state.Load()
		switch {
		case s.term != role.Term:
		case g.lease.holds(role.Term):
			return g.host.cfg.Clock.Now()
		case s.sent.After(current):
			return s.sent
		}
	}
	return current
}

// prod makes the leader send heartbeats now. Calls that come together share them.
type prod struct {
	g *Group

	mu      sync.Mutex // guards what follows
	running bool
	again   bool
}

func (p *prod) trigger() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running {
		p.again = true
		return
	}
	if !p.g.enter() {
		return
	}
	p.running = true
	go p.run()
}

func (p *prod) run() {
	defer p.g.running.Done()
	for {
		p.g.lease.mu.Lock()
		changed := p.g.lease.changed
		p.g.lease.mu.Unlock()
		// This makes raft send heartbeats. Its verdict is not waited for, and worth
		// nothing (it may rest on answers to older messages); the lease knows what was
		// sent when.
		p.g.raft.VerifyLeader()
		select {
		case <-changed:
		case <-p.g.ctx.Done():
		}
		p.mu.Lock()
		if !p.again || p.g.ctx.Err() != nil {
			p.running = false
			p.mu.Unlock()
			return
		}
		p.again = false
		p.mu.Unlock()
	}
}
