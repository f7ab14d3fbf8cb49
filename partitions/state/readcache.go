package state

import (
	"hash/maphash"
	"sync"

	"github.com/ssmr/ssmr/internal/object"
)

const (
	readShards = 64
	// noTicket is the ticket of a miss that must not be filled.
	noTicket = ^uint64(0)
)

// readCache keeps objects that reads of the newest state have found in the store, one by
// one, so that the next need not look there. Readers use it beside the goroutine that
// applies. What it says of an object is at every moment what the store says:
//
//   - An object that an entry writes is taken out before the entry's batch can be
//     committed, and is not put in again before Committed: meanwhile readers ask the store.
//   - What a reader has read is put in only if nothing of the shard was written since
//     before it was read (the ticket).
type readCache struct {
	seed    maphash.Seed
	shards  [readShards]readShard
	written []object.ID // since the last commit; of the goroutine that applies
	paused  bool        // all shards are; of the goroutine that applies
}

type readShard struct {
	mu      sync.Mutex // guards what follows
	writes  uint64
	paused  bool // nothing is told, or taken in
	writing map[object.ID]struct{}
	objects recent
}

// reset empties the cache, and bounds what it keeps.
func (c *readCache) reset(limit int) {
	if c.seed == (maphash.Seed{}) {
		c.seed = maphash.MakeSeed()
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.objects, s.paused = newRecent(limit/readShards), false
		s.writes++
		s.writing = make(map[object.ID]struct{})
		s.mu.Unlock()
	}
	c.written, c.paused = c.written[:0], false
}

func (c *readCache) shard(id object.ID) *readShard {
	return &c.shards[maphash.String(c.seed, string(id))%readShards]
}

// get returns an object; its row must not be changed. The ticket is for put, where it
// is not found.
func (c *readCache) get(id object.ID) (r record, found bool, ticket uint64) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return record{}, false, noTicket
	}
	if r, found = s.objects.get(id); found {
		return r, true, noTicket
	}
	if len(s.writing) > 0 {
		if _, writes := s.writing[id]; writes {
			return record{}, false, noTicket
		}
	}
	return record{}, false, s.writes
}

// put takes in what the store said after the get that gave the ticket. The row becomes
// the cache's.
func (c *readCache) put(id object.ID, r record, ticket uint64) {
	if ticket == noTicket {
		return
	}
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writes == ticket && !s.paused {
		s.objects.put(id, r)
	}
}

// write says that an entry writes an object. It belongs to the goroutine that applies, as
// do pause and committed.
func (c *readCache) write(id object.ID) {
	s := c.shard(id)
	s.mu.Lock()
	s.writes++
	s.objects.remove(id)
	s.writing[id] = struct{}{}
	s.mu.Unlock()
	c.written = append(c.written, id)
}

// pause empties the cache until the entry is committed: it writes objects unseen.
func (c *readCache) pause() {
	c.paused = true
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.paused = true
		s.writes++
		s.objects.clear()
		s.mu.Unlock()
	}
}

// committed says that the store has what was written.
func (c *readCache) committed() {
	for i, id := range c.written {
		s := c.shard(id)
		s.mu.Lock()
		delete(s.writing, id)
		s.mu.Unlock()
		c.written[i] = ""
	}
	c.written = c.written[:0]
	if !c.paused {
		return
	}
	c.paused = false
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.paused = false
		s.writes++
		s.mu.Unlock()
	}
}
