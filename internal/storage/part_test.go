package storage

import (
	"fmt"
	"slices"
	"testing"
)

func contentOf(t *testing.T, r Reader) []string {
	t.Helper()
	it, err := r.NewIterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	var all []string
	for ok := it.First(); ok; ok = it.Next() {
		all = append(all, fmt.Sprintf("%s=%s", it.Key(), it.Value()))
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// openSpace opens a store with the space of a group in it; both are there as long as the test.
func openSpace(t testing.TB, dir string, options Options) (*Store, *Space) {
	t.Helper()
	s, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	sp, err := s.Space(7)
	if err != nil {
		t.Fatal(err)
	}
	return s, sp
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// Parts of a space are apart, whatever their numbers and keys, and take effect together.
func TestParts(t *testing.T) {
	s, whole := openSpace(t, "dir", Options{FS: NewMemFS()})
	numbers := []uint32{0, 1, 2, 127, 128, 129, 255, 256, 1<<14 - 1, 1 << 14, 1<<32 - 1}
	parts := make([]*Space, len(numbers))
	b := whole.NewBatch()
	defer b.Close()
	for i, n := range numbers {
		parts[i] = whole.Part(n)
		part := b.Part(parts[i])
		part.Set([]byte("a"), fmt.Appendf(nil, "%d", n))
		part.Set([]byte{}, []byte("empty"))
		part.Set([]byte("\xff\xff"), []byte("last"))
		part.Set([]byte("gone"), []byte("x"))
		part.Delete([]byte("gone"))
		expect(t, "batch", contentOf(t, part), "=empty", fmt.Sprintf("a=%d", n), "\xff\xff=last")
	}
	if got := contentOf(t, parts[0]); got != nil {
		t.Errorf("before the commit a part holds %q", got)
	}
	if err := b.Commit(NoSync); err != nil {
		t.Fatal(err)
	}
	snap, err := parts[3].Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for i, n := range numbers {
		expect(t, "part", contentOf(t, parts[i]), "=empty", fmt.Sprintf("a=%d", n), "\xff\xff=last")
		value, found, err := parts[i].Get(nil, []byte("a"))
		if err != nil || !found || string(value) != fmt.Sprint(n) {
			t.Errorf("part %d: Get gives %q, %v, %v", n, value, found, err)
		}
	}

	clear := whole.NewWriteBatch()
	defer clear.Close()
	clear.Part(parts[3]).DeleteRange(nil, nil)
	if err := clear.Commit(NoSync); err != nil {
		t.Fatal(err)
	}
	for i, n := range numbers {
		if i == 3 {
			expect(t, "cleared part", contentOf(t, parts[i]))
			continue
		}
		expect(t, "part beside the cleared one", contentOf(t, parts[i]), "=empty", fmt.Sprintf("a=%d", n), "\xff\xff=last")
	}
	expect(t, "snapshot of a part", contentOf(t, snap), "=empty", "a=127", "\xff\xff=last")

	// The content of the whole, as another replica gets it.
	other, err := s.Space(8)
	if err != nil {
		t.Fatal(err)
	}
	old := other.Part(5)
	r, err := other.Replace()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Abort()
	it, err := whole.NewIterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := r.Add(it.Key(), it.Value()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	expect(t, "a part that the other did not have", contentOf(t, old))
	for i, n := range numbers {
		expect(t, fmt.Sprint("part ", n, " of the other replica"), contentOf(t, other.Part(n)), contentOf(t, parts[i])...)
	}
}

// Who is late with the changes of a content that was replaced leaves nothing of it behind.
func TestReplacedContentIsDropped(t *testing.T) {
	s, sp := openSpace(t, "dir", Options{FS: NewMemFS()})
	old := sp.current.Load()
	b := sp.NewBatch()
	b.Set([]byte("a"), []byte("old"))
	if err := b.Commit(NoSync); err != nil {
		t.Fatal(err)
	}
	b.Close()
	r, err := sp.Replace()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := old.settle(s); err != nil {
		t.Fatal(err)
	}
	if empty, err := s.spanIsEmpty(old.key(nil, kindUser, nil, nil), old.end(kindUser, nil)); err != nil || !empty {
		t.Errorf("nothing is left of the old content: %v, %v", empty, err)
	}
}
