package oracle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// DESIGN.md: caches are monotone by version.
func TestCacheIsMonotone(t *testing.T) {
	l := newLocations(1 << 20)
	rng := rand.New(rand.NewPCG(7, 7))
	newest := make(map[object.ID]object.LocationVersion)
	for range 20000 {
		id := object.ID(fmt.Sprintf("key %d", rng.IntN(50)))
		v := object.LocationVersion(1 + rng.IntN(1000))
		switch rng.IntN(10) {
		case 0:
			l.forget(id, v)
			if newest[id] <= v {
				delete(newest, id)
			}
		default:
			l.learn(id, object.Location{Partition: 1, Version: v}, rng.IntN(2) == 0, anybody)
			newest[id] = max(newest[id], v)
		}
		got, ok := l.lookup(id)
		if want := newest[id]; ok != (want != 0) || got.Version != want {
			t.Fatalf("%s: version %d, want %d", id, got.Version, want)
		}
	}
}

func TestCacheKnowsWhatHasArrived(t *testing.T) {
	l := newLocations(1 << 20)
	at := object.Location{Partition: 2, Version: 9}
	steps := []struct {
		version  object.LocationVersion
		arriving bool
		want     bool
	}{
		{9, true, true}, {9, true, true}, {9, false, false}, {9, true, false}, {8, true, false}, {10, true, true},
	}
	for i, s := range steps {
		at.Version = s.version
		l.learn("x", at, s.arriving, anybody)
		if got, _ := l.lookup("x"); got.Arriving != s.want {
			t.Errorf("step %d: arriving %v, want %v", i, got.Arriving, s.want)
		}
	}
}

// STYLE: everything has a bound. What is used stays.
func TestCacheIsBounded(t *testing.T) {
	const bytes = cacheShards * 10 * (entryOverhead + 8)
	l := newLocations(bytes)
	hot := object.ID("hot id 1")
	for i := range 5000 {
		l.learn(hot, object.Location{Partition: 1, Version: 1}, false, anybody)
		if _, ok := l.lookup(hot); !ok {
			t.Fatal("an entry that is used all the time is gone")
		}
		l.learn(object.ID(fmt.Sprintf("%08d", i)), object.Location{Partition: 1, Version: 1}, false, anybody)
	}
	var s catalog.CacheStats
	l.stats(&s)
	if s.Bytes > bytes || s.Entries > bytes/entryOverhead || s.Entries < 300 || s.Evictions == 0 {
		t.Errorf("stats %+v, bound %d", s, bytes)
	}
	l.learn(object.ID(make([]byte, 1<<20)), object.Location{Partition: 1, Version: 1}, false, anybody)

	// Ids of a load take what room there is, and drive nothing out.
	for i := range 5000 {
		l.learn(object.ID(fmt.Sprintf("load%04d", i)), object.Location{Partition: 1, Version: 1}, false, withRoom)
	}
	evicted := s.Evictions
	s = catalog.CacheStats{}
	if l.stats(&s); s.Evictions != evicted {
		t.Errorf("%d entries had to go for a load", s.Evictions-evicted)
	}
	empty := newLocations(bytes)
	empty.learn("load", object.Location{Partition: 1, Version: 1}, false, withRoom)
	empty.learn("load", object.Location{Partition: 2, Version: 2}, false, withRoom)
	if got, _ := empty.lookup("load"); got.Partition != 2 {
		t.Errorf("with room for it an id is at %+v", got)
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	l := newLocations(1 << 20)
	l.learn("x", object.Location{Partition: 1, Version: 1}, false, anybody)
	if n := testing.AllocsPerRun(100, func() { l.lookup("x"); l.lookup("y") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// An answer is never older than the question: who asks while a call is under way
// waits for the next one.
func TestGatherAsksAgainForWhoCameLater(t *testing.T) {
	ctx := t.Context()
	var calls [][]int
	entered, release := make(chan struct{}), make(chan struct{})
	g := gather[int, int]{ctx: ctx, most: 100, parallel: 1, limit: 100}
	g.call = func(_ context.Context, items []int) ([]int, error) {
		calls = append(calls, items)
		entered <- struct{}{}
		<-release
		return items, nil
	}
	var wg sync.WaitGroup
	ask := func(items ...int) {
		wg.Go(func() {
			if got, err := g.do(ctx, items); err != nil || !slices.Equal(got, items) {
				t.Errorf("%v: %v, %v", items, got, err)
			}
		})
	}
	ask(1)
	<-entered
	ask(1, 2)
	ask(1)
	eventually(t, "two wait", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.waiting) == 2 })
	release <- struct{}{}
	<-entered
	release <- struct{}{}
	wg.Wait()
	if len(calls) != 2 || len(calls[1]) != 3 {
		t.Errorf("calls %v: what came during the first goes out together in the second", calls)
	}
	g.running.Wait()
}

func TestGatherIsBoundedAndLetsGo(t *testing.T) {
	hold := make(chan struct{})
	g := gather[int, int]{ctx: t.Context(), most: 2, parallel: 1, limit: 3}
	called := make(chan struct{}, 3)
	g.call = func(_ context.Context, items []int) ([]int, error) { called <- struct{}{}; <-hold; return items, nil }
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 3)
	ask := func() { _, err := g.do(ctx, []int{1}); errs <- err }
	go ask()
	<-called // the first is under way alone; what comes now waits
	go ask()
	go ask()
	eventually(t, "two wait", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.items == 2 })
	if _, err := g.do(ctx, []int{1, 2}); !errors.Is(err, cluster.ErrOverloaded) {
		t.Errorf("above the bound: %v", err)
	}
	cancel()
	for range 3 {
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	if g.mu.Lock(); g.items != 0 {
		t.Errorf("%d items wait for nobody", g.items)
	}
	g.mu.Unlock()
	close(hold)
	g.running.Wait()
}

// A location of "none" is never cached: the id may be assigned at any moment.
func TestNoneIsNotCached(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", false)
	ids := []object.ID{idOf(t, d.ID, 1)}
	for range 2 {
		before := o.transport.count(methodLocate)
		got, err := o.cache.Locate(o.ctx(), ids)
		if err != nil || !got[0].IsZero() || got[0].Cached {
			t.Fatalf("%+v, %v", got, err)
		}
		if o.transport.count(methodLocate) == before {
			t.Error("the answer came from the cache")
		}
	}
	assigned, err := o.cache.Assign(o.ctx(), []catalog.Assignment{{ID: ids[0], Partition: 2}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := o.cache.Locate(o.ctx(), ids)
	if err != nil || got[0].Location != assigned[0] || !got[0].Cached {
		t.Errorf("after the assignment: %+v, %v", got, err)
	}
	if _, err := o.cache.Assign(o.ctx(), []catalog.Assignment{{ID: ids[0], Partition: 9}}); sqlState(err) != pgerror.InvalidParameterValue {
		t.Errorf("a partition that does not exist: %v", err)
	}
}

func sqlState(err error) string {
	if e := pgerror.As(err); e != nil {
		return e.Code
	}
	return ""
}

// What a node knows of an object that moves or goes is pushed to it.
func TestUpdatesReachTheCache(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", false)
	ids := o.fill(d)
	static := o.createTable("s", true)
	staticIDs := o.fill(static)
	if _, err := o.cache.Locate(o.ctx(), ids); err != nil {
		t.Fatal(err)
	}
	other, err := NewCache(CacheConfig{}, o.client)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Refresh(o.ctx()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Locate(o.ctx(), ids); err != nil {
		t.Fatal(err)
	}
	before := other.heard.Load()
	eventually(t, "the other node hears of the leader", func() bool { return other.heard.Load() != before })
	for _, list := range [][]object.ID{ids, staticIDs} {
		if _, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 4, IDs: list}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		eventually(t, "the other node hears of the move", func() bool {
			got, ok := other.Lookup(id)
			return ok && got.Partition == 4 && !got.Arriving
		})
	}
	for _, id := range staticIDs {
		if other.Catalog().Home(static, id).Partition != 4 {
			eventually(t, "the other node hears of the exception", func() bool {
				got, ok := other.Lookup(id)
				return ok && got.Partition == 4
			})
		}
	}
	o.partitions.mu.Lock()
	delete(o.partitions.all[4].objects, ids[0])
	o.partitions.mu.Unlock()
	o.cache.Release(ids[:1])
	eventually(t, "the entry is gone everywhere", func() bool {
		_, ok := other.Lookup(ids[0])
		return !ok
	})
}

// The stream goes on with the next leader; nothing is wiped.
func TestCacheFollowsTheNextLeader(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", false)
	ids := o.fill(d)
	o.changeLeader()
	changed := time.Now().UnixNano()
	if got, ok := o.cache.Lookup(ids[0]); !ok || got.IsZero() {
		t.Error("the cache has forgotten what it knew")
	}
	spec := tableSpec("later", true)
	if _, created, err := o.cache.CreateTable(o.ctx(), spec); err != nil || !created {
		t.Fatal(err)
	}
	for range 2 { // the first may be the last word of the old leader
		eventually(t, "the stream comes from the next leader", func() bool { return o.cache.heard.Load() > changed })
		changed = o.cache.heard.Load()
	}
	if _, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: 4, IDs: ids}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "updates come from the next leader", func() bool {
		got, _ := o.cache.Lookup(ids[0])
		return got.Partition == 4 && !got.Arriving
	})
}

// A node that does not ask hears of tables all the same, and descriptors that did
// not change stay the same in memory.
func TestCatalogIsPushed(t *testing.T) {
	o := startOracle(t)
	first := o.createTable("t", true)
	o.createTable("u", true)
	eventually(t, "both tables", func() bool { return len(o.cache.Catalog().ByName) == 2 })
	if o.cache.Catalog().ByName["t"] != first {
		t.Error("a descriptor that did not change is another one in memory")
	}
	if err := o.cache.DropTables(o.ctx(), catalog.Drop{Tables: []catalog.TableRef{refOf(first)}}); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(o.cache.Catalog().ByName)); !slices.Equal(got, []string{"u"}) {
		t.Errorf("tables %v", got)
	}
}

func TestSequencesGiveEachValueOnce(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", true)
	other, err := NewCache(CacheConfig{}, o.client)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var mu sync.Mutex
	seen := make(map[int64]bool)
	var wg sync.WaitGroup
	for _, c := range []*Cache{o.cache, other} {
		for worker := range 4 {
			wg.Go(func() {
				for i := range 100 {
					n := 1 + (i*worker)%7
					first, err := c.AllocateSequence(o.ctx(), d.ID, 0, n)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for v := first; v < first+int64(n); v++ {
						if v < 1 || seen[v] {
							t.Errorf("value %d was given twice", v)
						}
						seen[v] = true
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	if calls := o.transport.count(methodSequence); calls > 60 {
		t.Errorf("%d calls for 800 allocations", calls)
	}
	if _, err := o.cache.AllocateSequence(o.ctx(), 1, 0, 1); err == nil {
		t.Error("a table that does not exist has a sequence")
	}
}

// Many statements at once: assignments of one id agree.
func TestAssignmentsAgree(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", false)
	const workers, keys = 8, 50
	answers := make([][]object.Location, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			var items []catalog.Assignment
			for key := range int64(keys) {
				items = append(items, catalog.Assignment{ID: idOf(t, d.ID, key), Partition: object.PartitionID(1 + i%4)})
			}
			var err error
			if answers[i], err = o.cache.Assign(o.ctx(), items); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range answers {
		if !slices.Equal(answers[i], answers[0]) {
			t.Errorf("worker %d was told other locations", i)
		}
	}
}

func TestLearnIgnoresWhatIsOld(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", false)
	id := idOf(t, d.ID, 1)
	o.cache.Learn([]command.Redirect{{ID: id}, {ID: id, Location: object.Location{Partition: 2, Version: 50}}})
	o.cache.Learn([]command.Redirect{{ID: id, Location: object.Location{Partition: 1, Version: 40}}})
	if got, _ := o.cache.Lookup(id); got.Partition != 2 || !got.Arriving {
		t.Errorf("%+v", got)
	}
	// The oracle knows of no such location: what it says now is newer only if its
	// clock is.
	if _, err := o.cache.Confirm(o.ctx(), []object.ID{id}); err != nil {
		t.Fatal(err)
	}
	if _, ok := o.cache.Lookup(id); !ok {
		t.Error("a location from the future of the oracle's clock was forgotten")
	}
	if s := o.cache.CacheStats(); s.Redirects != 3 {
		t.Errorf("stats %+v", s)
	}
}

// What the cache finds is what it was told last, whatever comes and goes.
func TestCacheFindsWhatItKnows(t *testing.T) {
	for seed := range uint64(20) {
		random := newRand(seed)
		bytes := int64(cacheShards * (entryOverhead + 8) * (1 + random.IntN(40)))
		l := newLocations(bytes)
		told := make(map[object.ID]object.Location)
		found := 0
		for n := range 20_000 {
			id := object.ID(fmt.Sprintf("%08d", random.IntN(3000)))
			switch random.IntN(4) {
			case 0:
				at := object.Location{Partition: 1, Version: object.LocationVersion(n + 1)}
				l.learn(id, at, false, anybody)
				told[id] = at
			case 1:
				l.forget(id, object.LocationVersion(n+1))
				if _, ok := l.lookup(id); ok {
					t.Fatalf("seed %d: %s was to be forgotten", seed, id)
				}
				delete(told, id)
			default:
				if got, ok := l.lookup(id); ok {
					if found++; got.Location != told[id] {
						t.Fatalf("seed %d: %s is at %v, should be at %v", seed, id, got.Location, told[id])
					}
				}
			}
		}
		var s catalog.CacheStats
		l.stats(&s)
		for i := range l.shards {
			shard := &l.shards[i]
			used := 0
			for at, n := range shard.index {
				if n == 0 {
					continue
				}
				used++
				e := &shard.slots[n-1]
				if where, ok := shard.find(e.id, e.hash); !ok || where != uint32(at) {
					t.Fatalf("seed %d: %q is in the index and is not found", seed, e.id)
				}
			}
			if used != shard.entries() {
				t.Fatalf("seed %d: the index has %d entries, the shard %d", seed, used, shard.entries())
			}
		}
		if found == 0 || s.Bytes > bytes {
			t.Errorf("seed %d: %d found, %+v", seed, found, s)
		}
	}
}
