package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/internal/storage/storagetest"
)

func open(t testing.TB, disk *storagetest.Disk) *storage.Store {
	t.Helper()
	s, err := storage.Open("dir", storage.Options{FS: disk.FS(), MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func space(t testing.TB, s *storage.Store, group object.GroupID) *storage.Space {
	t.Helper()
	sp, err := s.Space(group)
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

func put(t testing.TB, sp *storage.Space, d storage.Durability, pairs ...string) {
	t.Helper()
	b := sp.NewBatch()
	defer b.Close()
	for i := 0; i < len(pairs); i += 2 {
		b.Set([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	if err := b.Commit(d); err != nil {
		t.Fatal(err)
	}
}

// content lists a reader's keys and values in order.
func content(t testing.TB, r storage.Reader) string {
	t.Helper()
	it, err := r.NewIterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	var out []string
	for ok := it.First(); ok; ok = it.Next() {
		out = append(out, fmt.Sprintf("%s=%s", it.Key(), it.Value()))
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func want(t testing.TB, r storage.Reader, expected string) {
	t.Helper()
	if got := content(t, r); got != expected {
		t.Errorf("content is %q, want %q", got, expected)
	}
}

func TestSpacesAreApart(t *testing.T) {
	s := open(t, storagetest.NewDisk())
	defer s.Close()
	a, b, c := space(t, s, 1), space(t, s, 2), space(t, s, 3)
	put(t, a, storage.NoSync, "x", "1", "\xff\xff\xff\xff", "2")
	put(t, b, storage.NoSync, "x", "3", "", "4")
	put(t, c, storage.NoSync, "x", "5")
	want(t, a, "x=1 \xff\xff\xff\xff=2")
	want(t, b, "=4 x=3")
	batch := b.NewBatch()
	batch.DeleteRange(nil, nil)
	if err := batch.Commit(storage.Sync); err != nil {
		t.Fatal(err)
	}
	batch.Close()
	want(t, a, "x=1 \xff\xff\xff\xff=2")
	want(t, b, "")
	want(t, c, "x=5")
	if again := space(t, s, 1); again != a {
		t.Error("the same group has another space")
	}
	if _, err := s.Space(0xffffffff); err == nil {
		t.Error("a reserved group has a space")
	}
}

func TestMetaIsApart(t *testing.T) {
	s := open(t, storagetest.NewDisk())
	defer s.Close()
	sp := space(t, s, 1)
	b := sp.NewBatch()
	b.SetMeta([]byte("k"), []byte("meta"))
	b.Set([]byte("k"), []byte("content"))
	b.DeleteRange(nil, []byte("a"))
	if err := b.Commit(storage.NoSync); err != nil {
		t.Fatal(err)
	}
	b.Close()
	want(t, sp, "k=content")
	if v, found, err := sp.Meta([]byte("k")); string(v) != "meta" || !found || err != nil {
		t.Errorf("meta is %q, %v, %v", v, found, err)
	}
	b = sp.NewBatch()
	b.DeleteMeta([]byte("k"))
	b.DeleteRange(nil, nil)
	if err := b.Commit(storage.NoSync); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if _, found, _ := sp.Meta([]byte("k")); found {
		t.Error("meta was not deleted")
	}
}

// A batch reads as the space will after the commit: compared with a model.
func TestBatchReadsThrough(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := open(t, storagetest.NewDisk())
	defer s.Close()
	sp := space(t, s, 1)
	model := make(map[string]string)
	key := func() string { return fmt.Sprintf("%02d", rng.IntN(40)) }
	for round := range 30 {
		b := sp.NewBatch()
		for step := range 40 {
			switch rng.IntN(10) {
			case 0, 1, 2, 3, 4:
				k, v := key(), fmt.Sprint(round, ".", step)
				b.Set([]byte(k), []byte(v))
				model[k] = v
			case 5, 6:
				k := key()
				b.Delete([]byte(k))
				delete(model, k)
			case 7:
				from, to := key(), key()
				if from > to {
					from, to = to, from
				}
				b.DeleteRange([]byte(from), []byte(to))
				for k := range model {
					if k >= from && k < to {
						delete(model, k)
					}
				}
			default:
				k := key()
				v, found, err := b.Get(nil, []byte(k))
				if w, ok := model[k]; err != nil || found != ok || string(v) != w {
					t.Fatalf("get %s gave %q, %v, %v; want %q, %v", k, v, found, err, w, ok)
				}
			}
		}
		var pairs []string
		for k, v := range model {
			pairs = append(pairs, k+"="+v)
		}
		slices.Sort(pairs)
		want(t, b, strings.Join(pairs, " "))
		if err := b.Commit(storage.NoSync); err != nil {
			t.Fatal(err)
		}
		b.Close()
		want(t, sp, strings.Join(pairs, " "))
	}
}

func TestIteratorBoundsAndDirections(t *testing.T) {
	s := open(t, storagetest.NewDisk())
	defer s.Close()
	sp := space(t, s, 1)
	put(t, sp, storage.NoSync, "a", "1", "b", "2", "c", "3", "d", "4")
	it, err := sp.NewIterator([]byte("b"), []byte("d"))
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	at := func(ok bool) string {
		if ok != it.Valid() {
			t.Error("the answer of a move and Valid differ")
		}
		if !ok {
			return "-"
		}
		return string(it.Key()) + string(it.Value())
	}
	got := []string{
		at(it.First()), at(it.Next()), at(it.Next()), at(it.Last()), at(it.Prev()), at(it.Prev()),
		at(it.SeekGE([]byte("a"))), at(it.SeekGE([]byte("bb"))), at(it.SeekGE([]byte("d"))),
		at(it.SeekLT([]byte("z"))), at(it.SeekLT([]byte("c"))), at(it.SeekLT([]byte("b"))),
	}
	if g := strings.Join(got, " "); g != "b2 c3 - c3 b2 - b2 c3 - c3 b2 -" {
		t.Errorf("moves gave %s", g)
	}
	if it.Err() != nil {
		t.Error(it.Err())
	}
}

func TestSnapshotStays(t *testing.T) {
	s := open(t, storagetest.NewDisk())
	defer s.Close()
	sp := space(t, s, 1)
	put(t, sp, storage.NoSync, "a", "1")
	snap, err := sp.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	put(t, sp, storage.NoSync, "a", "2", "b", "3")
	want(t, snap, "a=1")
	if v, found, err := snap.Get([]byte("<"), []byte("a")); string(v) != "<1" || !found || err != nil {
		t.Errorf("get gave %q, %v, %v", v, found, err)
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
}

func TestDurability(t *testing.T) {
	disk := storagetest.NewDisk()
	s := open(t, disk)
	sp := space(t, s, 1)
	put(t, sp, storage.Sync, "synced", "1")
	put(t, sp, storage.NoSync, "lost", "1")
	crashed := disk.Crash()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	flushed := disk.Crash()
	killed := disk.Copy()
	put(t, sp, storage.NoSync, "late", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		disk *storagetest.Disk
		want string
	}{
		"power loss":             {crashed, "synced=1"},
		"power loss after flush": {flushed, "lost=1 synced=1"},
		"closed":                 {disk, "late=1 lost=1 synced=1"},
		"killed":                 {killed, "lost=1 synced=1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, c.disk)
			defer s.Close()
			want(t, space(t, s, 1), c.want)
		})
	}
}

// What a power loss leaves is a prefix of what was committed, torn or not.
func TestCrashLeavesAPrefix(t *testing.T) {
	for seed := range uint64(20) {
		disk := storagetest.NewDisk()
		s := open(t, disk)
		sp := space(t, s, 1)
		for i := range 200 {
			put(t, sp, i == 100, fmt.Sprintf("%04d", i), strings.Repeat("v", 100))
		}
		after := disk.CrashSome(seed)
		s.Close()
		s = open(t, after)
		it, err := space(t, s, 1).NewIterator(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ok := it.First(); ok; ok = it.Next() {
			if string(it.Key()) != fmt.Sprintf("%04d", n) {
				t.Fatalf("seed %d: key %s follows %d others", seed, it.Key(), n)
			}
			n++
		}
		it.Close()
		if n < 101 {
			t.Errorf("seed %d: %d batches are left, 101 were synced", seed, n)
		}
		s.Close()
	}
}

func replacement(t *testing.T, sp *storage.Space, pairs ...string) *storage.Replacement {
	t.Helper()
	r, err := sp.Replace()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if err := r.Add([]byte(pairs[i]), []byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestReplace(t *testing.T) {
	disk := storagetest.NewDisk()
	s := open(t, disk)
	sp, other := space(t, s, 1), space(t, s, 2)
	put(t, other, storage.Sync, "x", "other")
	for round := range 5 {
		put(t, sp, storage.NoSync, "a", fmt.Sprint("old", round), "b", "2")
		snap, err := sp.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		open := sp.NewBatch()
		open.Set([]byte("z"), nil)
		r := replacement(t, sp, "b", "new", "c", fmt.Sprint(round))
		r.SetMeta([]byte("m"), []byte(fmt.Sprint(round)))
		if content(t, sp) == "" || strings.Contains(content(t, sp), "new") && round == 0 {
			t.Error("the new content shows before it is finished")
		}
		if err := r.Finish(); err != nil {
			t.Fatal(err)
		}
		want(t, sp, fmt.Sprint("b=new c=", round))
		if !strings.HasPrefix(content(t, snap), fmt.Sprint("a=old", round)) {
			t.Errorf("the snapshot has %q", content(t, snap))
		}
		snap.Close()
		if err := open.Commit(storage.NoSync); err == nil {
			t.Error("a batch for the old content was committed")
		}
		open.Close()
		if v, _, _ := sp.Meta([]byte("m")); string(v) != fmt.Sprint(round) {
			t.Errorf("meta is %q", v)
		}
		r.Abort() // does nothing
		want(t, sp, fmt.Sprint("b=new c=", round))
	}
	want(t, other, "x=other")
	after := disk.Crash()
	s.Close()
	s = open(t, after)
	defer s.Close()
	want(t, space(t, s, 1), "b=new c=4")
	want(t, space(t, s, 2), "x=other")
}

func TestReplaceAborted(t *testing.T) {
	disk := storagetest.NewDisk()
	s := open(t, disk)
	sp := space(t, s, 1)
	put(t, sp, storage.Sync, "a", "1")
	big := strings.Repeat("v", 1<<20)
	r := replacement(t, sp)
	for i := range 40 { // more than one table
		if err := r.Add(fmt.Appendf(nil, "k%03d", i), []byte(big)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Add([]byte("k001"), nil); err == nil {
		t.Error("a key out of order was taken")
	}
	crashed := disk.Copy()
	r.Abort()
	want(t, sp, "a=1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*storagetest.Disk{disk, crashed} {
		s := open(t, d)
		sp := space(t, s, 1)
		want(t, sp, "a=1")
		r := replacement(t, sp, "n", "2")
		if err := r.Finish(); err != nil {
			t.Fatal(err)
		}
		want(t, sp, "n=2")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		files, err := d.Files("dir")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, ".tmp") {
				t.Errorf("%s is left", f)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	disk := storagetest.NewDisk()
	s := open(t, disk)
	if _, err := storage.Open("dir", storage.Options{FS: disk.FS()}); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("a second opening gave %v, want ErrLocked", err)
	}
	put(t, space(t, s, 1), storage.Sync, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := disk.Files("dir")
	if err != nil {
		t.Fatal(err)
	}
	damaged := disk.Copy()
	for _, f := range files {
		if strings.HasPrefix(f, "MANIFEST-") {
			if err := damaged.Damage("dir/" + f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := storage.Open("dir", storage.Options{FS: damaged.FS()}); err == nil {
		t.Error("a damaged manifest was taken")
	}
	for name, o := range map[string]storage.Options{
		"CacheBytes": {CacheBytes: 1}, "MemTableBytes": {MemTableBytes: 1}, "MemTables": {MemTables: 1},
		"MaxOpenFiles": {MaxOpenFiles: 1}, "Compactions": {Compactions: -1},
	} {
		o.FS = disk.FS()
		if _, err := storage.Open("dir", o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("an impossible %s gave %v", name, err)
		}
	}
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	s, err := storage.Open(dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Open(dir, storage.Options{}); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = storage.Open(dir, storage.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Close does not wait for what hangs in a store that fails while it is closed: a flush
// whose manifest cannot be synced never ends.
func TestFailsWhileClosed(t *testing.T) {
	disk := storagetest.NewDisk()
	s, err := storage.Open("store", storage.Options{FS: disk.FS(), MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	sp := space(t, s, 1)
	resume := disk.StallIn("MANIFEST", storagetest.Sync)
	defer resume()
	for i := range 30 { // more than a memtable: it is flushed
		put(t, sp, storage.NoSync, fmt.Sprint(i), strings.Repeat("x", 100<<10))
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	time.Sleep(20 * time.Millisecond) // it waits for the flush, as a rule
	disk.FailIn("MANIFEST", storagetest.Sync, errors.New("disk is broken"))
	resume()
	select {
	case err := <-closed:
		if err == nil {
			t.Error("Close says nothing of the failure")
		}
	case <-time.After(time.Minute):
		t.Fatal("Close hangs")
	}
}

// An fsync that fails is never taken for a success, and nothing works after it.
func TestSyncFails(t *testing.T) {
	disk := storagetest.NewDisk()
	s := open(t, disk)
	sp := space(t, s, 1)
	put(t, sp, storage.Sync, "a", "1")
	disk.Fail(storagetest.Sync, errors.New("disk is broken"))
	commit := func() error {
		result := make(chan error, 1)
		go func() {
			err := errors.New("the goroutine was ended")
			defer func() { result <- err }()
			b := sp.NewBatch()
			defer b.Close()
			b.Set([]byte("b"), []byte("2"))
			err = b.Commit(storage.Sync)
		}()
		return <-result
	}
	if err := commit(); err == nil {
		t.Error("a commit succeeded whose sync failed")
	}
	<-s.Failed()
	disk.Fail(storagetest.Sync, nil)
	if err := commit(); err == nil || s.Err() == nil {
		t.Error("a store that has failed takes commits")
	}
	if _, _, err := sp.Get(nil, []byte("a")); err == nil {
		t.Error("a store that has failed takes reads")
	}
	if err := s.Close(); err == nil {
		t.Error("Close says nothing of the failure")
	}
	s = open(t, disk.Crash())
	defer s.Close()
	want(t, space(t, s, 1), "a=1")
}

func TestClosed(t *testing.T) {
	s := open(t, storagetest.NewDisk())
	sp := space(t, s, 1)
	put(t, sp, storage.NoSync, "a", "1")
	it, err := sp.NewIterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for { // Close waits for the iterator, but nothing new begins
		if _, _, err := sp.Get(nil, []byte("a")); errors.Is(err, storage.ErrClosed) {
			break
		}
	}
	if !it.First() || !bytes.Equal(it.Key(), []byte("a")) {
		t.Error("an open iterator does not work while Close waits")
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	b := sp.NewBatch()
	defer b.Close()
	b.Set([]byte("a"), nil)
	b.Delete([]byte("a"))
	b.DeleteRange(nil, nil)
	_, err1 := sp.Snapshot()
	_, err2 := sp.NewIterator(nil, nil)
	_, _, err3 := b.Get(nil, []byte("a"))
	for _, err := range []error{err1, err2, err3, b.Commit(storage.Sync), s.Flush(context.Background())} {
		if !errors.Is(err, storage.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if s.Stats() != (storage.Stats{}) {
		t.Error("a closed store has stats")
	}
}

func BenchmarkBatch(b *testing.B) {
	s, err := storage.Open(b.TempDir(), storage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	sp := space(b, s, 1)
	value := make([]byte, 100)
	key := func(i int) []byte { return fmt.Appendf(nil, "%016d", (i*7919)%100000) }
	for i := 0; i < 100000; i += 1000 {
		batch := sp.NewBatch()
		for j := range 1000 {
			batch.Set(key(i+j), value)
		}
		if err := batch.Commit(storage.NoSync); err != nil {
			b.Fatal(err)
		}
		batch.Close()
	}
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("get+put/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for i := 0; i < b.N; i += size {
				batch := sp.NewBatch()
				for j := range size {
					k := key(i + j)
					buf, _, _ = batch.Get(buf[:0], k)
					batch.Set(k, value)
				}
				if err := batch.Commit(storage.NoSync); err != nil {
					b.Fatal(err)
				}
				batch.Close()
			}
		})
	}
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for i := range b.N {
			buf, _, _ = sp.Get(buf[:0], key(i))
		}
	})
}

// A disk that breaks while many commit, and while the log goes from file to file, brings
// no panic with it: commits fail, or are ended.
func TestDiskBreaksUnderLoad(t *testing.T) {
	failed := 0
	const rounds = 20
	for round := range rounds {
		disk := storagetest.NewDisk()
		s, err := storage.Open("store", storage.Options{FS: disk.FS(), MemTableBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		sp := space(t, s, 1)
		var committed atomic.Int64
		for w := range 8 {
			go func() {
				value := make([]byte, 4<<10<<(w%4))
				for i := 0; s.Err() == nil; i++ {
					b := sp.NewBatch()
					b.Set(fmt.Appendf(nil, "%d-%d", w, i), value)
					if err := b.Commit([]storage.Durability{storage.NoSync, storage.Sync}[i%2]); err != nil {
						return
					}
					b.Close()
					committed.Add(1)
				}
			}()
		}
		for committed.Load() < int64(100+100*(round%8)) {
			time.Sleep(100 * time.Microsecond)
		}
		op := []storagetest.Op{storagetest.Sync, storagetest.Write}[round%2]
		disk.Fail(op, errors.New("disk is broken"))
		select {
		case <-s.Failed():
			failed++
			time.Sleep(5 * time.Millisecond) // for what was under way
		case <-time.After(100 * time.Millisecond): // it waits for room in memory, and could go on
		}
		disk.Fail(op, nil) // what is left of a store that has failed tries for ever
		if err := s.Close(); (err == nil) != (s.Err() == nil) {
			t.Errorf("Close says %v of %v", err, s.Err())
		}
	}
	if failed < rounds/4 {
		t.Errorf("the store has failed %d times of %d", failed, rounds)
	}
}
