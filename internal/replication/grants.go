package replication

import (
	"sync"
	"time"
)

const (
	// grantTime is for how long a leader grants a follower that its state stays as it
	// is, counted from when the follower asked.
	grantTime = 2 * time.Millisecond
	// grantQuiet is for how long nothing may have been written before a grant: where
	// there are writes, grants would hold them up.
	grantQuiet = 20 * time.Millisecond
	// grantHold is grantTime as the leader counts it; clocks may run at different speeds.
	grantHold = grantTime * 5 / 4
)

// grants is what a leader owes to followers that it has told the index of its state:
// that it shows nothing newer, to readers or to whoever waits for a write, for a
// moment. The followers need not ask again meanwhile.
type grants struct {
	clock Clock

	mu      sync.Mutex // guards what follows
	until   time.Time  // nothing newer is shown before
	showing bool       // something newer is shown now, or waits for that
	shown   time.Time  // when something newer was shown last
}

// give makes a grant, from now on. It reports false if it cannot be made.
func (g *grants) give() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if g.showing || now.Sub(g.shown) < grantQuiet {
		return false
	}
	g.until = now.Add(grantHold)
	return true
}

// hold has what is newer wait as if a grant had been made now: others may have made
// one.
func (g *grants) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until = g.clock.Now().Add(grantHold)
}

// begin waits until something newer may be shown. No grant is made before end.
func (g *grants) begin() {
	g.mu.Lock()
	g.showing = true
	g.mu.Unlock()
	g.wait()
}

func (g *grants) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.showing, g.shown = false, g.clock.Now()
}

// wait waits until no grant stands.
func (g *grants) wait() {
	for {
		g.mu.Lock()
		left := g.until.Sub(g.clock.Now())
		g.mu.Unlock()
		if left <= 0 {
			return
		}
		time.Sleep(left)
	}
}

// granted is a grant as the follower knows it.
type granted struct {
	index uint64
	until time.Time
}
