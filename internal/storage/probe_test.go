package storage

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// Probe says what Get says, whatever was written to the batch, or deleted, meanwhile.
func TestProbe(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	s, whole := openSpace(t, "dir", Options{FS: NewMemFS(), MemTableBytes: 1 << 20})
	spaces := []*Space{whole.Part(1), whole.Part(2)}
	key := func() []byte { return fmt.Appendf(nil, "%03d", rnd.IntN(300)) }
	found := 0
	for round := range 60 {
		b := whole.NewBatch()
		parts := []*Batch{b.Part(spaces[0]), b.Part(spaces[1])}
		for range 200 {
			part := parts[rnd.IntN(2)]
			switch k := key(); rnd.IntN(12) {
			case 0, 1:
				part.Set(k, fmt.Appendf(nil, "%d %*d", round, 1+rnd.IntN(3000), 0))
			case 2:
				part.Delete(k)
			case 3:
				if to := key(); rnd.IntN(10) == 0 && string(k) < string(to) {
					part.DeleteRange(k, to)
				}
			default:
				want, wanted, err := part.Get(nil, k)
				if err != nil {
					t.Fatal(err)
				}
				got, ok, err := part.Probe([]byte("x"), k)
				if err != nil || ok != wanted || string(got) != "x"+string(want) {
					t.Fatalf("round %d: key %s is %q (%v, %v), should be %q (%v)", round, k, got, ok, err, want, wanted)
				}
				if ok {
					found++
				}
			}
		}
		if round%7 != 0 {
			if err := b.Commit(NoSync); err != nil {
				t.Fatal(err)
			}
		}
		b.Close()
		if _, _, err := b.Probe(nil, key()); err == nil {
			t.Fatal("a closed batch was probed")
		}
		if round%9 == 0 {
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found < 500 {
		t.Errorf("%d keys were found", found)
	}
}

// BenchmarkLook looks for keys that are there, or are not, among 400,000; as many in one batch
// as an entry with so many objects does.
func BenchmarkLook(b *testing.B) {
	s, whole := openSpace(b, b.TempDir(), Options{CacheBytes: 128 << 20, MemTableBytes: 4 << 20})
	sp := whole.Part(1)
	rnd := rand.New(rand.NewPCG(1, 2))
	key := func() []byte { return binary.BigEndian.AppendUint64([]byte("otabl"), rnd.Uint64()) }
	var present [][]byte
	for range 400 {
		batch := sp.NewBatch()
		for range 1000 {
			k := key()
			present = append(present, k)
			batch.Set(k, make([]byte, 150))
		}
		if err := batch.Commit(NoSync); err != nil {
			b.Fatal(err)
		}
		batch.Close()
	}
	if err := s.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, way := range []string{"get", "probe"} {
		for _, size := range []int{-100, -10, -1, 1, 10, 100} {
			b.Run(fmt.Sprintf("%s/%d", way, size), func(b *testing.B) {
				there := size > 0
				size := max(size, -size)
				for n := 0; n < b.N; n += size {
					batch := sp.NewBatch()
					look := batch.Get
					if way == "probe" {
						look = batch.Probe
					}
					for range size {
						k := key()
						if there {
							k = present[rnd.IntN(len(present))]
						}
						if _, found, err := look(nil, k); err != nil || found != there {
							b.Fatal(found, err)
						}
					}
					batch.Close()
				}
			})
		}
	}
}
