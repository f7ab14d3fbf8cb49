package partitions

import (
	"hash/maphash"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/command"
)

// Objects at which locks were met are remembered for a while, and others are not.
func TestCrowds(t *testing.T) {
	c := &crowds{seed: maphash.MakeSeed()}
	now := time.Unix(1000, 0)
	x := transactionOf(addTo(1, 1), addTo(2, 1))
	x.Parts[1].Part.Effects = []command.Effect{{Target: command.Target{ID: idOf(3)}}}
	if c.expects(x, now) {
		t.Fatal("nothing was met yet")
	}
	for _, id := range []int{1, 2, 3} {
		c.note(idOf(id), now)
		if !c.expects(x, now.Add(crowdTime)) {
			t.Errorf("object %d is forgotten at once", id)
		}
		now = now.Add(crowdTime + 1)
		if c.expects(x, now) {
			t.Errorf("object %d is remembered for ever", id)
		}
	}
	c.note("", now)
	if c.expects(x, now) {
		t.Error("a range is taken for an object")
	}
}
