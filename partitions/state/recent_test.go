package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ssmr/ssmr/internal/object"
)

// What is kept is what was written last, and no more than allowed.
func TestRecent(t *testing.T) {
	const limit = 64 << 10
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	c := newRecent(limit)
	truth := make(map[object.ID][]byte)
	hits := 0
	for i := range 100_000 {
		id := object.ID(fmt.Sprint(min(rnd.IntN(1000), rnd.IntN(1000), rnd.IntN(1000))))
		switch r, found := c.get(id); {
		case found && !bytes.Equal(r.row, truth[id]):
			t.Fatalf("%s is %q, should be %q", id, r.row, truth[id])
		case found:
			hits++
		case truth[id] != nil:
			c.put(id, record{row: truth[id]})
		}
		switch rnd.IntN(20) {
		case 0:
			delete(truth, id)
			c.remove(id)
		case 1:
			if rnd.IntN(1000) == 0 {
				clear(truth)
				c.clear()
			}
		default:
			row := fmt.Appendf(nil, "%d %*s", i, rnd.IntN(100), "")
			if rnd.IntN(100) == 0 {
				row = make([]byte, limit/2)
			}
			truth[id] = bytes.Clone(row)
			if _, found := c.get(id); found {
				c.put(id, record{row: bytes.Clone(row)})
			}
			clear(row) // it was borrowed
		}
		size := 0
		for _, generation := range []map[object.ID]record{c.young, c.old} {
			for id, r := range generation {
				size += len(id) + len(r.row) + recentOverhead
			}
		}
		if i%100 == 0 && size > limit {
			t.Fatalf("%d bytes are kept, allowed are %d", size, limit)
		}
	}
	if hits < 30_000 {
		t.Errorf("%d hits", hits)
	}
}
