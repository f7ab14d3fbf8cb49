package state

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
)

// An object is found whether it was created behind the others or between them, and
// however long ago.
func TestTails(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	f := newFixture(t, 1).allSlots(5)
	f.keepLog = false
	truth := make(map[int]bool)
	known := 0
	for i := 0; i < 16*tailIDs; {
		var commands []*command.Command
		var expected []string
		for range rnd.IntN(20) {
			i++
			id := max(0, i+rnd.IntN(20)-15)
			if rnd.IntN(10) == 0 {
				id = rnd.IntN(i)
			}
			w, want := create(staticTable, id, 1, 0), "1"
			switch {
			case rnd.IntN(4) == 0:
				w = remove(staticTable, id, 0)
				if !truth[id] {
					want = "absent"
				}
				delete(truth, id)
			case truth[id]:
				want = "23505"
			default:
				truth[id] = true
			}
			w.Schema = schemaVersion
			commands, expected = append(commands, f.command(w)), append(expected, fmt.Sprint(id, " ", want))
		}
		for j, r := range f.entry(commands...) {
			id := keyOf(commands[j].Body.(*command.Write).Targets[0].ID)
			f.expect("outcome", fmt.Sprint(id, " ", outcome(r.(*command.Result))), expected[j])
		}
		if t := f.m.tails.of[staticTable]; t != nil && len(t.ids) > 0 {
			known++
		}
		if rnd.IntN(100) == 0 {
			f.reopen()
		}
	}
	if known < 10 {
		t.Errorf("%d entries have left something known", known)
	}
	f.do(&command.DropTable{Table: staticTable})
	if f.m.tails.of[staticTable] != nil {
		t.Error("the tail of a dropped table is kept")
	}
}
