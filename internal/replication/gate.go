package replication

import (
	"sync"
	"time"
)

// gate is where a batch waits before it is shown, to readers or to whoever waits for
// a write: a leader has told others that it shows nothing newer for a while. Two
// kinds of others: followers (grants.go) and whoever pins states of several groups
// (hold.go).
type gate struct {
	clock Clock

	mu    sync.Mutex // guards what follows
	until time.Time  // of grants: nothing newer is shown before

	showing bool      // something newer waits, or is being shown
	passing bool      // it is being shown
	arrived time.Time // when what is showing came to the gate
	shown   time.Time // when something newer was shown last

	holds   int       // in force
	expires time.Time // the last of them has no force after
	epoch   uint64    // grows when something is shown, and when holds are broken
	changed chan struct{}
}

// begin waits until something newer may be shown. No grant is made and no hold
// begins before end.
func (g *gate) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.showing, g.arrived = true, g.clock.Now()
	for left := g.left(); left > 0; left = g.left() {
		g.await(left)
	}
	g.passing = true
	g.holds = 0
	g.epoch++
}

// left returns for how long nothing newer may be shown. mu is held.
func (g *gate) left() time.Duration {
	now := g.clock.Now()
	left := g.until.Sub(now)
	if g.holds > 0 {
		left = max(left, g.expires.Sub(now))
	}
	return left
}

// await waits for a change, or a time. mu is held, but not meanwhile.
func (g *gate) await(left time.Duration) {
	changed := g.change()
	g.mu.Unlock()
	timer := time.NewTimer(left)
	select {
	case <-timer.C:
	case <-changed:
		timer.Stop()
	}
	g.mu.Lock()
}

// change returns what is closed at the next change. mu is held.
func (g *gate) change() <-chan struct{} {
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.changed
}

// wake wakes who waits for a change. mu is held.
func (g *gate) wake() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// end ends what begin has begun.
func (g *gate) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.showing, g.passing, g.shown = false, false, g.clock.Now()
	g.wake()
}
