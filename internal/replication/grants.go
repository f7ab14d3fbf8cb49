package replication

import "time"

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

// Grants are what a leader owes to followers that it has told the index of its state:
// that it shows nothing newer for a moment. The followers need not ask again meanwhile.

// grant makes one, from now on. It reports false if it cannot be made.
func (g *gate) grant() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if g.showing || now.Sub(g.shown) < grantQuiet {
		return false
	}
	g.until = now.Add(grantHold)
	return true
}

// respect has what is newer wait as if a grant had been made now: others may have made
// one.
func (g *gate) respect() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until = g.clock.Now().Add(grantHold)
}

// outlast waits until no grant stands.
func (g *gate) outlast() {
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
