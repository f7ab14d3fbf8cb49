package state

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/storage"
)

// moment is the state that one call sees: the newest when it was pinned, or that of a
// Pinned.
type moment struct {
	m       *Machine
	view    *view
	refusal *command.Refusal
	snap    *storage.Snapshot
	newest  newest
	pinned  *Pinned // whose the snapshot is; nil where it is the call's own
}

// pin fixes the newest state, unless shielded says that the call has to wait.
func (c *moment) pin(shielded func(*newest) bool) error {
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
	var err error
	if c.snap, err = c.newest.snapshot(space); err != nil {
		return err
	}
	// What was published before the snapshot was taken is in it.
	c.view = c.m.published.Load()
	return nil
}

func (c *moment) unpin() {
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
