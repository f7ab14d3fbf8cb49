package state

import (
	"hash/maphash"
	"sync"

	"github.com/ssmr/ssmr/internal/object"
)

const (
	cacheShards = 32
	// noTicket is the ticket of a miss that must not be filled.
	noTicket = ^uint64(0)
)

// cache keeps objects that reads or commands have found in the store, one by one, so that
// the next who wants one need not look there. Readers use it beside the goroutine that
// applies. What it says of an object is at every moment what the store says (get), and to
// that goroutine what store and batch say together (newest):
//
//   - An object that an entry writes is taken out before the entry's batch can be
//     committed; what is written is put in when it was (committed), if the command had read
//     the object or there is room. Meanwhile readers ask the store.
//   - What a reader has read is put in only if nothing of the shard was written since
//     before it was read (the ticket).
type cache struct {
	seed    maphash.Seed
	shards  [cacheShards]cacheShard
	written []object.ID // since the last commit; of the goroutine that applies
	paused  bool        // all shards are; of the goroutine that applies
}

type cacheShard struct {
	mu      sync.Mutex // guards what follows
	writes  uint64
	paused  bool // nothing is told, or taken in
	writing map[object.ID]written
	objects recent
}

// written is what becomes of an object with the next commit.
type written struct {
	record  record
	present bool
	known   bool // the record is
}

// reset empties the cache, and bounds the bytes that it keeps.
func (c *cache) reset(limit int) {
	if c.seed == (maphash.Seed{}) {
		c.seed = maphash.MakeSeed()
	}
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.objects, s.paused = newRecent(limit/cacheShards), false
		s.writes++
		s.writing = make(map[object.ID]written)
		s.mu.Unlock()
	}
	c.written, c.paused = c.written[:0], false
}

func (c *cache) shard(id object.ID) *cacheShard {
	return &c.shards[maphash.String(c.seed, string(id))%cacheShards]
}

// get returns an object; its row must not be changed. The ticket is for put, where it
// is not found.
func (c *cache) get(id object.ID) (r record, found bool, ticket uint64) {
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
func (c *cache) put(id object.ID, r record, ticket uint64) {
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

// newest returns an object with what was written since the last commit; its row must not
// be changed. It belongs to the goroutine that applies, as does all that follows.
func (c *cache) newest(id object.ID) (r record, found bool) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.writing) > 0 {
		if w, writes := s.writing[id]; writes {
			return w.record, w.known && w.present
		}
	}
	if s.paused {
		return record{}, false
	}
	return s.objects.get(id)
}

// keep takes in what the batch said of an object after newest has not found it. The row
// becomes the cache's.
func (c *cache) keep(id object.ID, r record) {
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, writes := s.writing[id]; writes {
		s.writing[id] = written{r, true, true}
	} else if !s.paused {
		s.objects.put(id, r)
	}
}

// write says that an entry writes an object. What becomes of it is kept if it is to be
// kept, or nothing is thrown out for it; the row is copied.
func (c *cache) write(o *objectCell) {
	id, r := o.id, o.record
	s := c.shard(id)
	s.mu.Lock()
	s.writes++
	if !o.absent {
		s.objects.remove(id)
	}
	_, again := s.writing[id]
	w := written{present: o.present}
	if w.known = !o.present || o.kept || s.objects.room(id, r); o.present && w.known {
		r.row = append(make([]byte, 0, len(r.row)), r.row...)
		w.record = r
	}
	s.writing[id] = w
	s.mu.Unlock()
	if !again {
		c.written = append(c.written, id)
	}
}

// pause empties the cache, and keeps it empty for readers until the entry is committed: it
// writes objects unseen.
func (c *cache) pause() {
	c.paused = true
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.paused = true
		s.writes++
		s.objects.clear()
		for id := range s.writing {
			s.writing[id] = written{}
		}
		s.mu.Unlock()
	}
}

// committed says that the store has what was written.
func (c *cache) committed() {
	for i, id := range c.written {
		s := c.shard(id)
		s.mu.Lock()
		if w := s.writing[id]; w.known && w.present {
			s.objects.put(id, w.record)
		}
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
