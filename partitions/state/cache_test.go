package state

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/object"
)

// Readers beside the goroutine that applies never see an object as it was before what was
// acknowledged, or what any of them has seen before (invariant 3).
func TestCacheIsTheStore(t *testing.T) {
	const objects, writes, readers = 8, 2400, 4
	f := loaded(t, objects)
	f.m.cache.reset(cacheShards * 2 * 8 * 200) // some of them fit
	var acknowledged, seen [objects]atomic.Uint64
	var hits atomic.Int64
	raise := func(v *atomic.Uint64, to uint64) {
		for {
			if now := v.Load(); now >= to || v.CompareAndSwap(now, to) {
				return
			}
		}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range readers {
		random := rand.New(rand.NewPCG(3, uint64(i)))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := random.IntN(objects)
				id := idOf(staticTable, n)
				least := max(acknowledged[n].Load(), seen[n].Load())
				if _, cached, _ := f.m.cache.get(id); cached {
					hits.Add(1)
				}
				r, found, err := (stored{r: f.space, cache: &f.m.cache}).object(id)
				if err != nil || !found || uint64(r.revision) < least {
					t.Errorf("object %d is of revision %d (%v, %v), after %d was seen", n, r.revision, found, err, least)
					return
				}
				raise(&seen[n], uint64(r.revision))
			}
		})
	}
	random := rand.New(rand.NewPCG(3, 99))
	for range writes {
		n := random.IntN(objects)
		f.write(increment(staticTable, n, 0))
		acknowledged[n].Store(uint64(object.NewRevision(1, f.index, false)))
		if random.IntN(3) == 0 {
			runtime.Gosched()
		}
	}
	close(stop)
	wg.Wait()
	if hits.Load() == 0 {
		t.Error("nothing was ever cached; the test tests nothing")
	}
}

// What was read before a write is not put in after it, at whatever step the write is.
func TestCacheTickets(t *testing.T) {
	var c cache
	c.reset(1 << 20)
	id, old := object.ID("x"), record{row: []byte("old")}
	expect := func(when string, want bool) {
		t.Helper()
		if r, found, _ := c.get(id); found != want {
			t.Errorf("%s: found %v %q, want %v", when, found, r.row, want)
		}
	}
	_, _, before := c.get(id)
	c.write(&objectCell{id: id})
	c.put(id, old, before)
	expect("read before the write, put in during it", false)
	_, _, during := c.get(id)
	c.put(id, old, during)
	expect("read during the write", false)
	c.committed()
	c.put(id, old, before)
	c.put(id, old, during)
	expect("read before the commit, put in after it", false)
	_, _, after := c.get(id)
	c.put(id, record{row: []byte("new")}, after)
	expect("read after the commit", true)
	c.write(&objectCell{id: id})
	expect("while it is written again", false)
	c.committed()

	_, _, ticket := c.get(id)
	c.put(id, old, ticket)
	expect("before a pause", true)
	c.pause()
	expect("during a pause", false)
	_, _, during = c.get(id)
	c.put(id, old, during)
	c.committed()
	c.put(id, old, ticket)
	expect("after a pause", false)
	_, _, ticket = c.get(id)
	c.reset(1 << 20)
	c.put(id, old, ticket)
	expect("after a reset", false)
}

// The cache keeps no more than it may.
func TestCacheIsBounded(t *testing.T) {
	var c cache
	const limit = cacheShards * 4096
	c.reset(limit)
	for i := range 20_000 {
		id := object.ID(fmt.Sprint("object ", i))
		_, _, ticket := c.get(id)
		c.put(id, record{row: make([]byte, 50)}, ticket)
	}
	c.put("large", record{row: make([]byte, 4096)}, 0)
	kept, bytes := 0, 0
	for i := range c.shards {
		for _, m := range []map[object.ID]record{c.shards[i].objects.young, c.shards[i].objects.old} {
			for id, r := range m {
				kept++
				bytes += len(id) + len(r.row) + recentOverhead
			}
		}
	}
	if bytes > limit || kept < 100 {
		t.Errorf("%d objects of %d bytes are kept, allowed are %d", kept, bytes, limit)
	}
}

// What the cache says is at every step what the store says to readers, and what the batch
// says to the goroutine that applies.
func TestCacheAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var c cache
	c.reset(cacheShards * 2 * 8 * 200)
	store, batch := make(map[object.ID]string), make(map[object.ID]string) // "": none
	type fill struct {
		id     object.ID
		said   string
		ticket uint64
	}
	var fills []fill // of readers that are slow
	known, told := 0, 0
	for step := range 200_000 {
		id := object.ID(fmt.Sprint(rnd.IntN(40)))
		switch n := rnd.IntN(20); {
		case n < 6: // a read
			r, found, ticket := c.get(id)
			if found && (string(r.row) != store[id] || store[id] == "") {
				t.Fatalf("step %d: %s is %q to readers, and %q in the store", step, id, r.row, store[id])
			}
			if found {
				told++
			} else if store[id] != "" {
				fills = append(fills, fill{id, store[id], ticket})
			}
		case n < 9 && len(fills) > 0: // one that had looked at the store
			i := rnd.IntN(len(fills))
			c.put(fills[i].id, record{row: []byte(fills[i].said)}, fills[i].ticket)
			fills[i] = fills[len(fills)-1]
			fills = fills[:len(fills)-1]
		case n < 16: // a command of an entry
			r, kept := c.newest(id)
			absent := batch[id] == "" && rnd.IntN(2) == 0 // as who has looked knows
			if kept && (string(r.row) != batch[id] || batch[id] == "") {
				t.Fatalf("step %d: %s is %q to commands, and %q in the batch", step, id, r.row, batch[id])
			}
			if kept {
				known++
			} else if batch[id] != "" && rnd.IntN(3) > 0 {
				c.keep(id, record{row: []byte(batch[id])})
				kept = true
			}
			if rnd.IntN(2) == 0 {
				row := fmt.Append(nil, step)
				if batch[id] = string(row); rnd.IntN(5) == 0 {
					batch[id] = ""
				}
				c.write(&objectCell{id: id, record: record{row: row}, present: batch[id] != "", kept: kept, absent: absent})
				clear(row) // it was borrowed
			}
		case n < 19:
			maps.Copy(store, batch)
			c.committed()
		case rnd.IntN(50) == 0: // a table is dropped
			c.pause()
			for id := range batch {
				batch[id] = ""
			}
		}
	}
	if known < 10_000 || told < 5_000 {
		t.Errorf("%d hits of commands, %d of readers", known, told)
	}
}
