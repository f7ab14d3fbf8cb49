package state

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/object"
)

// An ordered map is a map, and its walk is in order.
func TestOrdered(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var o ordered[int]
	want := make(map[object.ID]int)
	for step := range 20000 {
		id := object.ID(fmt.Sprintf("%04d", rnd.IntN(3000)))
		if growing := step/5000%2 == 0; growing == (rnd.IntN(4) > 0) {
			o.set(id, step)
			want[id] = step
		} else {
			o.remove(id)
			delete(want, id)
		}
		v, found := o.get(id)
		if w, is := want[id]; found != is || v != w {
			t.Fatalf("%s: got %d %v, want %d %v", id, v, found, w, is)
		}
		if step%500 != 0 {
			continue
		}
		from := object.ID(fmt.Sprintf("%04d", rnd.IntN(3000)))
		var got []object.ID
		o.ascend(from, func(id object.ID, v int) bool {
			if want[id] != v {
				t.Fatalf("%s is %d", id, v)
			}
			got = append(got, id)
			return len(got) < 1000
		})
		all := slices.DeleteFunc(slices.Sorted(maps.Keys(want)), func(id object.ID) bool { return id < from })
		if !slices.Equal(got, all[:min(len(all), 1000)]) || o.len() != len(want) {
			t.Fatalf("step %d: %d ids from %s, want %d", step, len(got), from, len(all))
		}
	}
}
