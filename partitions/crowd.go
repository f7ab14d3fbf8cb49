package partitions

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

const (
	// crowdTime is for how long an object at which a hasty attempt met a lock is taken to
	// be crowded. Then one more finds out.
	crowdTime = 100 * time.Millisecond
	crowdSize = 1 << 12
	// crowdTargets bounds the objects of a transaction that are looked at.
	crowdTargets = 64
)

// crowds remembers, by hash, at which objects attempts have met locks lately: there, a
// hasty attempt does nothing but hold up others with the locks that it gets. Objects with
// the same hash share what is remembered, which is harmless.
type crowds struct {
	seed maphash.Seed
	met  [crowdSize]atomic.Int64 // when, in nanoseconds since 1970
	any  atomic.Int64            // the last time of all
}

func (c *crowds) slot(id object.ID) *atomic.Int64 {
	return &c.met[maphash.String(c.seed, string(id))%crowdSize]
}

// note remembers that an attempt met a lock.
func (c *crowds) note(id object.ID, now time.Time) {
	if id == "" {
		return
	}
	c.slot(id).Store(now.UnixNano())
	c.any.Store(now.UnixNano())
}

// expects reports whether an attempt would probably meet a lock.
func (c *crowds) expects(t *command.Transaction, now time.Time) bool {
	since := now.Add(-crowdTime).UnixNano()
	if c.any.Load() < since {
		return false
	}
	room := crowdTargets
	met := func(id object.ID) bool {
		room--
		return room >= 0 && c.slot(id).Load() >= since
	}
	for i := range t.Parts {
		part := &t.Parts[i].Part
		for j := 0; j < len(part.Effects) && room > 0; j++ {
			if met(part.Effects[j].ID) {
				return true
			}
		}
		for _, w := range part.Writes {
			for j := 0; j < len(w.Targets) && room > 0; j++ {
				if met(w.Targets[j].ID) {
					return true
				}
			}
		}
	}
	return false
}
