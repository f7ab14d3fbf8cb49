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
	mu    sync.Mutex
	index map[object.ID]int32
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
	location object.Location
	arriving bool
	used     bool
}

func newLocations(bytes int64) *locations {
	l := &locations{seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].index = make(map[object.ID]int32)
		l.shards[i].most = max(bytes/cacheShards, 2*entryOverhead)
	}
	return l
}

func (l *locations) shard(id object.ID) *shard {
	return &l.shards[maphash.String(l.seed, string(id))%cacheShards]
}

func costOf(id object.ID) int64 { return int64(len(id)) + entryOverhead }

// lookup returns what is known of an id. It does not allocate.
func (l *locations) lookup(id object.ID) (catalog.Located, bool) {
	s := l.shard(id)
	s.mu.Lock()
	i, ok := s.index[id]
	if !ok {
		s.mu.Unlock()
		return catalog.Located{}, false
	}
	s.hits++
	e := &s.slots[i]
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
	s := l.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.index[id]; ok {
		switch e := &s.slots[i]; {
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
	s.insert(cached{id: id, location: location, arriving: arriving})
}

func (s *shard) insert(e cached) {
	for s.bytes+costOf(e.id) > s.most {
		s.evict()
	}
	s.bytes += costOf(e.id)
	if n := len(s.free); n > 0 {
		s.slots[s.free[n-1]] = e
		s.index[e.id] = s.free[n-1]
		s.free = s.free[:n-1]
		return
	}
	s.slots = append(s.slots, e)
	s.index[e.id] = int32(len(s.slots) - 1)
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
			s.remove(int32(s.hand))
			return
		}
	}
}

func (s *shard) remove(i int32) {
	e := &s.slots[i]
	s.bytes -= costOf(e.id)
	delete(s.index, e.id)
	*e = cached{}
	s.free = append(s.free, i)
}

// forget drops what is known of an id, if it is older than a state of the oracle
// in which the id had no entry.
func (l *locations) forget(id object.ID, clock object.LocationVersion) {
	s := l.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.index[id]; ok && s.slots[i].location.Version <= clock {
		s.remove(i)
	}
}

func (l *locations) stats(into *catalog.CacheStats) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		into.Entries += int64(len(s.index))
		into.Bytes += s.bytes
		into.Capacity += s.most
		into.Hits += s.hits
		into.Evictions += s.evictions
		s.mu.Unlock()
	}
}
