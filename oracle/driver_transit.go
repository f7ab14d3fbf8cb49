package oracle

import (
	"context"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Statements over key ranges need a moment when no object of theirs is on its way.
// Batches that overlap for longer than transitMost are therefore let end, and for
// transitRest nothing departs. Where they do not end for drainMost (one may wait for a
// transaction), the others go on, and for drainAgain this is not tried again.
const (
	transitMost = 200 * time.Millisecond
	transitRest = 20 * time.Millisecond
	drainMost   = 250 * time.Millisecond
	drainAgain  = 2 * time.Second
)

// gate counts the batches on their way and holds departures back so that there are
// moments without any.
type gate struct {
	now   func() time.Time
	after func(d time.Duration, f func())

	mu    sync.Mutex
	under int           // guarded by mu: batches that may be on their way
	since time.Time     // guarded by mu: from when on there was no rest
	idle  time.Time     // guarded by mu: when under has become zero
	pause chan struct{} // guarded by mu: closed when departures may go on; nil: they may
	rests bool          // guarded by mu: in the pause all have arrived
}

func newGate() *gate {
	return &gate{now: time.Now, after: func(d time.Duration, f func()) { time.AfterFunc(d, f) }}
}

// enter waits until a batch may depart; false if ctx has ended before.
func (g *gate) enter(ctx context.Context) bool {
	for {
		pause := g.tryEnter()
		if pause == nil {
			return true
		}
		select {
		case <-pause:
		case <-ctx.Done():
			return false
		}
	}
}

// tryEnter counts a batch, or returns what has to be waited for.
func (g *gate) tryEnter() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pause != nil {
		return g.pause
	}
	now := g.now()
	if g.under == 0 && now.Sub(g.idle) >= transitRest {
		g.since = now
	}
	if now.Sub(g.since) < transitMost {
		g.under++
		return nil
	}
	pause := make(chan struct{})
	g.pause, g.rests = pause, g.under == 0
	if g.rests {
		g.after(transitRest, func() { g.end(pause) })
	} else {
		g.after(drainMost, func() { g.end(pause) })
	}
	return pause
}

// leave says that a batch has arrived, as its source knows.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.under--; g.under > 0 {
		return
	}
	g.idle = g.now()
	if pause := g.pause; pause != nil && !g.rests {
		g.rests = true
		g.after(transitRest, func() { g.end(pause) })
	}
}

// end lets departures go on, if that pause lasts still.
func (g *gate) end(pause chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pause == pause {
		close(pause)
		g.pause, g.since = nil, g.now()
		if !g.rests {
			g.since = g.since.Add(drainAgain)
		}
	}
}

// arrived tells a source at once that a batch has arrived, beside the entry that
// finishes it: statements over the ranges that the objects have left wait for
// nothing else. Where it fails, they wait for Settle.
func (d *driver) arrived(from object.PartitionID, move object.LocationVersion) {
	settle := &command.Settle{Moves: []object.LocationVersion{move}, Arrived: true}
	if _, err := d.execute(from, 0, settle); err != nil {
		d.logger.Debug("a source was not told of an arrival", "partition", from, "move", uint64(move), "error", err)
	}
}
