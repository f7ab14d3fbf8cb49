package state

import (
	"runtime"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/storage"
)

// moment is the state that one call sees: the newest when it was pinned, or that of a
// Pinned.
//
// A snapshot costs more than a look at an object. A call that looks at few sees the newest
// state without one: torn tells at its end whether anything has changed meanwhile, and
// then it looks again, in the end at a snapshot. What it sees so may be newer than what was
// there when it was pinned, as if it had come a little later.
type moment struct {
	m       *Machine
	view    *view
	refusal *command.Refusal
	snap    *storage.Snapshot
	newest  newest
	pinned  *Pinned // whose the snapshot is; nil where it is the call's own

	space  *storage.Space // without a snapshot; nil otherwise
	turn   uint64         // of the machine, when the call began to look at space
	points int            // that it may look at there
	looks  int            // at space
}

// maxPoints bounds the objects that a call looks at without a snapshot.
const maxPoints = 16

// points counts the objects that a call looks at; 0 where it needs a snapshot.
func points(targets []command.Target, spans []command.Span, checks *command.Part) int {
	n := len(targets)
	if checks != nil {
		n += len(checks.Effects)
	}
	if len(spans) > 0 || n > maxPoints || checks != nil && len(checks.Ranges) > 0 {
		return 0
	}
	return n
}

// pin fixes the newest state for a call that looks at so many points, unless shielded says
// that it has to wait.
func (c *moment) pin(points int, shielded func(*newest) bool) error {
	c.unpin()
	c.refusal = nil
	space := c.m.reading.Load()
	if space == nil {
		return storage.ErrClosed
	}
	c.newest.begin(c.m)
	if shielded(&c.newest) {
		c.refusal = &command.Refusal{Reason: command.Awaited}
		return nil
	}
	return c.fix(space, points)
}

// fix is pin where nothing is shielded.
func (c *moment) fix(space *storage.Space, points int) (err error) {
	turn := c.m.turn.Load()
	if points > 1 && turn%2 != 0 { // an entry is about to be shown
		runtime.Gosched()
		turn = c.m.turn.Load()
	}
	if points == 1 || points > 1 && turn%2 == 0 {
		c.space, c.turn, c.points, c.looks, c.newest.index = space, turn, points, 0, c.m.shown.Load()
	} else if c.snap, err = c.newest.snapshot(space); err != nil {
		return err
	}
	// What was published before the snapshot was taken is in it.
	c.view = c.m.published.Load()
	return nil
}

// torn reports whether what was seen may not be of one moment: it does not count then. One
// look sees one moment.
func (c *moment) torn() bool {
	switch {
	case c.space == nil:
		return false
	case c.m.published.Load() != c.view:
		return true
	}
	return c.looks > 1 && (c.turn%2 != 0 || c.m.turn.Load() != c.turn || c.newest.partial())
}

// steady computes something of the pinned state, and once more where what was seen was torn;
// where it is again, at a snapshot.
func steady[T any](c *moment, shielded func(*newest) bool, look func() (*T, error)) (*T, error) {
	out, err := look()
	for points := c.points; c.torn(); points = 0 {
		if err := c.pin(points, shielded); err != nil {
			return nil, err
		}
		out, err = look()
	}
	return out, err
}

func (c *moment) unpin() {
	c.space = nil
	switch {
	case c.pinned != nil:
		c.pinned.release()
		c.pinned = nil
	case c.snap != nil:
		_ = c.snap.Close()
	}
	c.snap = nil
}

// sightOf is what a View means in the state.
func (c *moment) sightOf(v *command.View) (sight, error) {
	switch {
	case c.pinned != nil:
		return c.pinned.sight(v)
	case c.space != nil:
		return sight{stored: stored{r: c.space, cache: &c.m.cache, looks: &c.looks}}, nil
	case c.snap != nil:
		return c.newest.sight(c.snap)
	}
	return sight{}, storage.ErrClosed
}

// index is that of an entry that the state contains.
func (c *moment) index() uint64 {
	if c.pinned != nil {
		return c.pinned.index
	}
	return c.newest.index
}
