package oracle

import (
	"sync"

	"github.com/ssmr/ssmr/internal/object"
)

// feedLength is the number of updates that a replica keeps for subscribers. One
// that falls further behind misses some, which costs it redirects and nothing
// else.
const feedLength = 1 << 14

// Update says that an object has a new location, or none any more.
type Update struct {
	ID object.ID
	// Location is where the object arrived; with Gone its Version says when the
	// entry was dropped.
	Location object.Location
	Gone     bool
	// Kept says that an object of a static table has an entry although it is at its home:
	// it is pinned there.
	Kept bool
}

// feed keeps the last updates for those who subscribe.
type feed struct {
	mu   sync.Mutex
	ring []Update // guarded by mu; update n is at n % feedLength
	end  uint64   // guarded by mu; the number of the next update
	news broadcast
}

func newFeed() *feed { return &feed{} }

func (f *feed) publish(updates []Update) {
	f.mu.Lock()
	for _, u := range updates {
		if len(f.ring) < feedLength {
			f.ring = append(f.ring, u)
		} else {
			f.ring[f.end%feedLength] = u
		}
		f.end++
	}
	f.mu.Unlock()
	f.news.wake()
}

// wake tells subscribers to look at the catalog.
func (f *feed) wake() { f.news.wake() }

// position returns the number of the next update.
func (f *feed) position() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end
}

// since appends the updates from a position on, at most limit, and returns the
// position behind them. missed says that some are not kept any more.
func (f *feed) since(position uint64, limit int, into []Update) (updates []Update, next uint64, missed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.end - uint64(len(f.ring))
	if position < first || position > f.end {
		position, missed = first, true
	}
	for ; position < f.end && len(into) < limit; position++ {
		into = append(into, f.ring[position%feedLength])
	}
	return into, position, missed
}
