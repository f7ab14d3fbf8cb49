package oracle

import (
	"hash/maphash"
	"sync"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

const (
	cacheShards = 64
	// entryOverhead is what an entry costs beside its id, in bytes.
	entryOverhead = 112
)

// locations is a bounded map of object id to location, monotone by version. What
// was not used for longest goes first, about (the clock algorithm).
type locations struct {
	seed   maphash.Seed
	shards [cacheShards]shard
}

// shard is a part of the map. Its fields are guarded by mu.
type shard struct {
	mu sync.Mutex
	// index finds slots by hash, with open addressing: the slot's number plus 1, 0 where there
	// is none. Of the pointers that a map would have the garbage collector would follow all.
	index []uint32
	slots []cached
	free  []int32
	hand  int
	bytes int64
	most  int64

	hits, evictions int64
	_               [48]byte // keeps two shards out of one cache line
}

type cached struct {
	id       object.ID // empty: the slot is free
	hash     uint32    // of id
	location object.Location
	arriving bool
	used     bool
}

func newLocations(bytes int64) *locations {
	l := &locations{seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].index = make([]uint32, leastIndex)
		l.shards[i].most = max(bytes/cacheShards, 2*entryOverhead)
	}
	return l
}

// leastIndex is the least size of an index, a power of two as all are.
const leastIndex = 8

// shard returns the shard that an id belongs to, and its hash there.
func (l *locations) shard(id object.ID) (*shard, uint32) {
	h := maphash.String(l.seed, string(id))
	return &l.shards[h%cacheShards], uint32(h >> 32)
}

// find returns the place in the index of an id's slot, or that where it belongs.
func (s *shard) find(id object.ID, hash uint32) (at uint32, found bool) {
	mask := uint32(len(s.index) - 1)
	for at = hash & mask; ; at = (at + 1) & mask {
		n := s.index[at]
		if n == 0 {
			return at, false
		}
		if e := &s.slots[n-1]; e.hash == hash && e.id == id {
			return at, true
		}
	}
}

// entries counts what the shard holds.
func (s *shard) entries() int { return len(s.slots) - len(s.free) }

func costOf(id object.ID) int64 { return int64(len(id)) + entryOverhead }

// lookup returns what is known of an id. It does not allocate.
func (l *locations) lookup(id object.ID) (catalog.Located, bool) {
	s, hash := l.shard(id)
	s.mu.Lock()
	at, ok := s.find(id, hash)
	if !ok {
		s.mu.Unlock()
		return catalog.Located{}, false
	}
	s.hits++
	e := &s.slots[s.index[at]-1]
	e.used = true
	found := catalog.Located{Location: e.location, Cached: true, Arriving: e.arriving}
	s.mu.Unlock()
	return found, true
}

// welcome says which ids that are not in the cache come in.
type welcome uint8

const (
	anybody  welcome = iota
	withRoom         // those for which nothing has to go
	nobody
)

// learn notes a location. An older version than is known changes nothing; of the
// same version it is believed that the object has arrived.
func (l *locations) learn(id object.ID, location object.Location, arriving bool, who welcome) {
	s, hash := l.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.find(id, hash); ok {
		switch e := &s.slots[s.index[at]-1]; {
		case location.Version > e.location.Version:
			e.location, e.arriving = location, arriving
		case location == e.location && !arriving:
			e.arriving = false
		}
		return
	}
	if cost := costOf(id); who == nobody || cost > s.most || who == withRoom && s.bytes+cost > s.most {
		return
	}
	s.insert(cached{id: id, hash: hash, location: location, arriving: arriving})
}

// insert adds an entry that is not there.
func (s *shard) insert(e cached) {
	for s.bytes+costOf(e.id) > s.most {
		s.evict()
	}
	s.bytes += costOf(e.id)
	if 3*(s.entries()+1) > 2*len(s.index) {
		s.grow()
	}
	at, _ := s.find(e.id, e.hash)
	if n := len(s.free); n > 0 {
		s.slots[s.free[n-1]] = e
		s.index[at] = uint32(s.free[n-1]) + 1
		s.free = s.free[:n-1]
		return
	}
	s.slots = append(s.slots, e)
	s.index[at] = uint32(len(s.slots))
}

func (s *shard) grow() {
	s.index = make([]uint32, 2*len(s.index))
	for i := range s.slots {
		if e := &s.slots[i]; e.id != "" {
			at, _ := s.find(e.id, e.hash)
			s.index[at] = uint32(i) + 1
		}
	}
}

// evict drops an entry that was not used since the hand came by last. There is one
// entry at least.
func (s *shard) evict() {
	for {
		s.hand = (s.hand + 1) % len(s.slots)
		switch e := &s.slots[s.hand]; {
		case e.id == "":
		case e.used:
			e.used = false
		default:
			s.evictions++
			at, _ := s.find(e.id, e.hash)
			s.remove(at)
			return
		}
	}
}

// remove drops the entry at a place of the index. What follows there moves up, so that no
// search ends too early.
func (s *shard) remove(at uint32) {
	slot := s.index[at] - 1
	e := &s.slots[slot]
	s.bytes -= costOf(e.id)
	*e = cached{}
	s.free = append(s.free, int32(slot))
	mask := uint32(len(s.index) - 1)
	for next := (at + 1) & mask; s.index[next] != 0; next = (next + 1) & mask {
		// An entry may move to the gap if that is not before where its search begins.
		begins := s.slots[s.index[next]-1].hash & mask
		if (next-begins)&mask >= (next-at)&mask {
			s.index[at] = s.index[next]
			at = next
		}
	}
	s.index[at] = 0
}

// forget drops what is known of an id, if it is older than a state of the oracle
// in which the id had no entry.
func (l *locations) forget(id object.ID, clock object.LocationVersion) {
	s, hash := l.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.find(id, hash); ok && s.slots[s.index[at]-1].location.Version <= clock {
		s.remove(at)
	}
}

func (l *locations) stats(into *catalog.CacheStats) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		into.Entries += int64(s.entries())
		into.Bytes += s.bytes
		into.Capacity += s.most
		into.Hits += s.hits
		into.Evictions += s.evictions
		s.mu.Unlock()
	}
}
