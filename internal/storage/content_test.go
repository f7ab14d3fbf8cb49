package storage_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/internal/storage/storagetest"
)

// history is what a space holds after each commit. The key "n" has the commit's number.
type history struct {
	t  *testing.T
	sp *storage.Space

	mu     sync.Mutex
	states []map[string]string // guarded by mu
	done   atomic.Int64        // commits that have returned
}

func (h *history) state(n int) map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.states[n]
}

// whole reads everything and checks that it is what one commit has left, and no commit
// before the given one.
func (h *history) whole(r storage.Reader, least int64) bool {
	it, err := r.NewIterator(nil, nil)
	if err != nil {
		h.t.Error(err)
		return false
	}
	defer it.Close()
	got := make(map[string]string)
	for ok := it.First(); ok; ok = it.Next() {
		got[string(it.Key())] = string(it.Value())
	}
	n, err := strconv.Atoi(got["n"])
	if err != nil || int64(n) < least {
		h.t.Errorf("what commit %q has left is read after commit %d (%v)", got["n"], least, err)
		return false
	}
	if want := h.state(n); !maps.Equal(got, want) {
		h.t.Errorf("commit %d has left %d keys, should be %d", n, len(got), len(want))
		return false
	}
	return true
}

// one reads a key and checks that it is what a commit has left that was the last one
// meanwhile.
func (h *history) one(r storage.Reader, key string, least int64) bool {
	value, found, err := r.Get([]byte("x"), []byte(key))
	if err != nil {
		h.t.Error(err)
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, state := range h.states[least:] {
		if want, wanted := state[key]; wanted == found && "x"+want == string(value) {
			return true
		}
	}
	h.t.Errorf("after commit %d key %s is %q (%v)", least, key, value, found)
	return false
}

// commit writes a batch in the way of random, and checks what it reads meanwhile.
func (h *history) commit(random *rand.Rand, key func() string) {
	n := len(h.states)
	next := maps.Clone(h.states[n-1])
	b := h.sp.NewBatch()
	defer b.Close()
	set := func(k, v string) {
		b.Set([]byte(k), []byte(v))
		next[k] = v
	}
	set("n", fmt.Sprint(n))
	for range 1 + random.IntN(20) {
		switch k := key(); random.IntN(12) {
		case 0, 1, 2, 3:
			set(k, fmt.Sprint(n, strings.Repeat(".", random.IntN(900))))
		case 4, 5:
			b.Delete([]byte(k))
			delete(next, k)
		case 6:
			if to := key(); k < to && random.IntN(8) == 0 {
				b.DeleteRange([]byte(k), []byte(to))
				maps.DeleteFunc(next, func(of, _ string) bool { return k <= of && of < to })
			}
		default:
			look := b.Get
			if random.IntN(2) == 0 {
				look = b.Probe
			}
			got, found, err := look(nil, []byte(k))
			if want, wanted := next[k]; err != nil || found != wanted || string(got) != want {
				h.t.Errorf("in batch %d key %s is %q (%v, %v), should be %q", n, k, got, found, err, want)
			}
		}
	}
	h.mu.Lock()
	h.states = append(h.states, next)
	h.mu.Unlock()
	if err := b.Commit(storage.Durability(random.IntN(50) == 0)); err != nil {
		h.t.Fatal(err)
	}
	h.done.Store(int64(n))
}

// Whoever reads sees what one commit has left, and none before the last one that had
// returned, wherever the changes are meanwhile. What a crash leaves is the same.
func TestContentIsOfOneCommit(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	disk := storagetest.NewDisk()
	s := open(t, disk)
	h := &history{t: t, sp: space(t, s, 1), states: []map[string]string{{"n": "0"}}}
	put(t, h.sp, storage.Sync, "n", "0")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	reader := func(number uint64, read func(random *rand.Rand, key func() string) bool) {
		random := rand.New(rand.NewPCG(seed, number))
		key := func() string { return fmt.Sprintf("k%02d", random.IntN(100)) }
		readers.Go(func() {
			for read(random, key) {
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	reader(1, func(_ *rand.Rand, key func() string) bool { return h.one(h.sp, key(), h.done.Load()) })
	reader(2, func(*rand.Rand, func() string) bool { return h.whole(h.sp, h.done.Load()) })
	reader(3, func(_ *rand.Rand, key func() string) bool {
		least := h.done.Load()
		snap, err := h.sp.Snapshot()
		if err != nil {
			t.Error(err)
			return false
		}
		defer snap.Close()
		return h.whole(snap, least) && h.one(snap, key(), least)
	})
	reader(4, func(random *rand.Rand, _ func() string) bool {
		if random.IntN(100) == 0 {
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
				return false
			}
		}
		return true
	})
	random := rand.New(rand.NewPCG(seed, 0))
	key := func() string { return fmt.Sprintf("k%02d", random.IntN(100)) }
	for range 1500 {
		h.commit(random, key)
	}
	close(stop)
	readers.Wait()
	flushed := h.done.Load()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		h.commit(random, key)
	}
	left := []*storagetest.Disk{disk.Copy(), disk.Crash(), disk.CrashSome(seed)}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, d := range append(left, disk) {
		s := open(t, d)
		least := flushed
		if d == disk {
			least = h.done.Load()
		}
		h.whole(space(t, s, 1), least)
		s.Close()
	}
}

// Values that grow and shrink, and keys that come again, are found among many.
func TestManyKeysInOneBatch(t *testing.T) {
	s := open(t, storagetest.NewDisk())
	defer s.Close()
	sp := space(t, s, 1)
	model := make(map[string]string)
	b := sp.NewBatch()
	defer b.Close()
	for i := range 30_000 {
		k, v := fmt.Sprint(i*7919%10_000), strings.Repeat("v", i%61)
		b.Set([]byte(k), []byte(v))
		model[k] = v
	}
	check := func(what string, r interface {
		Get(dst, key []byte) ([]byte, bool, error)
	}) {
		t.Helper()
		for _, k := range slices.Sorted(maps.Keys(model)) {
			if v, found, err := r.Get(nil, []byte(k)); err != nil || !found || string(v) != model[k] {
				t.Fatalf("%s: key %s has %q (%v, %v), should be %q", what, k, v, found, err, model[k])
			}
		}
		if _, found, err := r.Get(nil, []byte("10000")); found || err != nil {
			t.Errorf("%s: a key that was not written: %v, %v", what, found, err)
		}
	}
	check("batch", b)
	if err := b.Commit(storage.NoSync); err != nil {
		t.Fatal(err)
	}
	check("committed", sp)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("flushed", sp)
}
