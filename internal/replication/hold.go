package replication

import (
	"context"
	"sync"
	"time"
)

const (
	// HoldMost is the longest time for which Group.Hold may hold writes back.
	HoldMost = 100 * time.Millisecond
	// holdRow is how long a batch waits for one hold after the other: then new holds
	// wait until it was shown.
	holdRow = 25 * time.Millisecond
)

// Hold is a time during which a leader shows nothing newer; see Group.Hold.
type Hold struct {
	group *Group
	term  uint64
	epoch uint64

	once  sync.Once
	valid bool
}

// Hold runs fn, which pins what can be read of this replica, and from before that
// shows nothing newer: no reader, of this replica or through a follower, sees a write
// that fn does not, and none is acknowledged. That ends with Release, or when the
// limit has passed since before fn (at most HoldMost) and there is something to show.
//
// What fn has read is what Read would have read, at every moment from before fn
// until Release, if and only if Release says so. So states that were pinned on several
// leaders are of one moment if all of them were held until the last was pinned.
//
// Holds may overlap: what is newer waits for the last of them. But a batch that has
// waited for 25 ms goes before holds that come then, so Hold may wait, also for others
// to be released: who has some and waits for more should not wait for long, but
// release all and start over.
//
// Errors: *cluster.NotLeader, the context's, or fn's; there is no hold then.
func (g *Group) Hold(ctx context.Context, limit time.Duration, fn func() error) (*Hold, error) {
	for {
		role := g.role.Load()
		if !role.Leading {
			var err error
			if role, err = g.awaitRole(ctx); err != nil {
				return nil, err
			}
		}
		epoch, wait := g.gate.hold(min(limit, HoldMost))
		if wait == nil {
			h := &Hold{group: g, term: role.Term, epoch: epoch}
			if err := fn(); err != nil {
				h.once.Do(h.end)
				return nil, err
			}
			return h, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-g.ctx.Done():
			return nil, g.stoppedError()
		}
	}
}

// Release ends the hold. It reports whether it was in force, without a gap, from
// before fn until Release was called, and this replica was the only one that could
// show or acknowledge anything until then. Where the lease does not hold (as with
// Timing.NoLease), that takes a round of messages, which nothing is held back for; if
// ctx ends before they are answered, Release reports false. Further calls do nothing
// but say the same.
func (h *Hold) Release(ctx context.Context) bool {
	h.once.Do(func() {
		g := h.group
		called := g.host.cfg.Clock.Now()
		h.end()
		if !h.valid || g.lease.holds(h.term) {
			return
		}
		led, err := g.lease.confirmed(ctx, h.term, called, g.prod.trigger)
		h.valid = led && err == nil
	})
	return h.valid
}

// end notes whether the hold was in force, and ends it.
func (h *Hold) end() { h.valid = h.group.gate.release(h.epoch) }

// hold begins a hold. Where it cannot begin, it returns what to wait for.
func (g *gate) hold(limit time.Duration) (epoch uint64, wait <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if g.passing || g.showing && now.Sub(g.arrived) >= holdRow {
		return 0, g.change()
	}
	if expires := now.Add(limit); g.holds == 0 || expires.After(g.expires) {
		g.expires = expires
	}
	g.holds++
	return g.epoch, nil
}

// release ends a hold that began in an epoch, and reports whether nothing was shown
// since.
func (g *gate) release(epoch uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.epoch != epoch {
		return false
	}
	if g.holds--; g.holds == 0 {
		g.wake()
	}
	return true
}

// breakHolds ends all holds; their Release reports false.
func (g *gate) breakHolds() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds = 0
	g.epoch++
	g.wake()
}
