package oracle

import (
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// releaseAfter is how long released ids gather before they are sent.
const releaseAfter = 5 * time.Millisecond

// releaseQueue sends released ids to the oracle. What does not fit, and what
// cannot be sent, is dropped: the oracle sweeps it some day.
type releaseQueue struct {
	cache *Cache
	wake  chan struct{}

	mu  sync.Mutex
	ids []object.ID // guarded by mu
}

func (q *releaseQueue) init(c *Cache) {
	q.cache = c
	q.wake = make(chan struct{}, 1)
}

// Release says that objects were deleted, so that the directory may give up their
// entries. It does not block; what does not fit in the queue is dropped.
func (c *Cache) Release(ids []object.ID) {
	q := &c.releases
	q.mu.Lock()
	n := min(len(ids), c.cfg.ReleaseQueue-len(q.ids))
	if n > 0 {
		q.ids = append(q.ids, ids[:n]...)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *releaseQueue) run() {
	done := q.cache.ctx.Done()
	for {
		select {
		case <-q.wake:
		case <-done:
			return
		}
		select {
		case <-time.After(releaseAfter):
		case <-done:
			return
		}
		for q.send() {
		}
	}
}

// send sends a part of the queue; it reports whether there may be more.
func (q *releaseQueue) send() bool {
	q.mu.Lock()
	n := min(len(q.ids), gatherItems)
	part := append([]object.ID(nil), q.ids[:n]...)
	q.ids = append(q.ids[:0], q.ids[n:]...)
	q.mu.Unlock()
	if n == 0 {
		return false
	}
	if _, err := q.cache.client.call(q.cache.ctx, methodRelease, appendIDs(nil, part)); err != nil {
		q.cache.cfg.Logger.Debug("released ids were dropped", "count", n, "error", err)
		return q.cache.ctx.Err() == nil
	}
	return true
}
