package oracle

import (
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// What is said to be vacant has no entry, however ids come and go.
func TestVacancies(t *testing.T) {
	for seed := range uint64(30) {
		random := newRand(seed)
		v := &vacancies{gaps: []gap{{lo: idOf(t, 5, 0)}}}
		written := make(map[int64]bool)
		next, vacant := int64(1), 0
		for range 3000 {
			first := next + int64(random.IntN(300)) - 200 // nearly in order
			if random.IntN(20) == 0 {
				first = int64(random.IntN(int(next) + 100))
			}
			first = max(first, 1)
			last := first + int64(random.IntN(4))
			next = max(next, last+1)
			from, to := idOf(t, 5, first), idOf(t, 5, last)
			ids := []int64{}
			for n := first; n <= last; n++ {
				ids = append(ids, n)
			}
			if v.find(from, to) >= 0 {
				vacant++
				if slices.ContainsFunc(ids, func(n int64) bool { return written[n] }) {
					t.Fatalf("seed %d: %d to %d are said to be vacant; gaps %v", seed, first, last, v.gaps)
				}
				v.occupy(from, to)
			} else {
				for _, n := range ids {
					v.occupy(idOf(t, 5, n), idOf(t, 5, n))
				}
			}
			for _, n := range ids {
				written[n] = true
			}
			for i, g := range v.gaps {
				if g.hi != "" && g.lo >= g.hi || i > 0 && (v.gaps[i-1].hi == "" || v.gaps[i-1].hi > g.lo) {
					t.Fatalf("seed %d: gaps %v", seed, v.gaps)
				}
			}
			if len(v.gaps) > maxGaps {
				t.Fatalf("%d gaps", len(v.gaps))
			}
		}
		if vacant < 300 {
			t.Errorf("seed %d: %d times ids were known to be new", seed, vacant)
		}
	}
}

// Blocks of ids that come in nearly the order of their keys are not looked for, also after a
// restart.
func TestNewBlocksAreVacant(t *testing.T) {
	w := newWorld(t)
	table := w.numbered(0).Table()
	block := func(n uint64) (first, last object.ID) { return w.numbered(100 * n), w.numbered(100*n + 99) }
	assign := func(n uint64) {
		var numbers []uint64
		for i := range uint64(100) {
			numbers = append(numbers, 100*n+i)
		}
		w.assignAll(1, numbers...)
	}
	vacant := func(n uint64) bool {
		v := w.group.machine.st.vacant[table]
		first, last := block(n)
		return v != nil && v.find(first, last) >= 0
	}
	assign(3)
	for n, want := range map[uint64]bool{1: true, 2: true, 3: false, 4: true, 50: true} {
		if got := vacant(n); got != want {
			t.Errorf("block %d is vacant: %v", n, got)
		}
	}
	assign(50)
	assign(10)
	w.group.restart()
	assign(60)
	for n, want := range map[uint64]bool{10: false, 40: false, 50: false, 55: true, 60: false, 61: true} {
		if got := vacant(n); got != want {
			t.Errorf("after the restart block %d is vacant: %v", n, got)
		}
	}
}

// Runs are of neighbours in one table, and together they are all items, in order.
func TestRuns(t *testing.T) {
	id := func(table object.TableID, n int64) catalog.Assignment {
		return catalog.Assignment{ID: idOf(t, table, n)}
	}
	for _, c := range []struct {
		items []catalog.Assignment
		want  [][2]int
	}{
		{nil, nil},
		{[]catalog.Assignment{id(5, 1)}, [][2]int{{0, 1}}},
		{[]catalog.Assignment{id(5, 1), id(5, 2), id(5, 3), id(5, 5), id(5, 4), id(5, 5), id(6, 6), id(6, 7)}, [][2]int{{0, 3}, {3, 4}, {4, 6}, {6, 8}}},
		{[]catalog.Assignment{id(5, 511), id(5, 512), id(5, 512)}, [][2]int{{0, 2}, {2, 3}}},
		{[]catalog.Assignment{{ID: object.NewID(5, []byte("a"))}, {ID: object.NewID(5, []byte("b"))}, {ID: object.NewID(5, nil)}, {}}, [][2]int{{0, 2}, {2, 3}, {3, 4}}},
	} {
		var got [][2]int
		for from, to := range runs(c.items) {
			got = append(got, [2]int{from, to})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v has the runs %v, want %v", c.items, got, c.want)
		}
	}
}
