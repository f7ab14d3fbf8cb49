package replication

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

func TestPaceSparesThoseBeyondTheQuorum(t *testing.T) {
	three := []object.NodeID{"a", "b", "c"}
	five := []object.NodeID{"a", "b", "c", "d", "e"}
	ms := time.Millisecond
	for _, test := range []struct {
		name   string
		voters []object.NodeID
		took   map[object.NodeID]time.Duration
		failed []object.NodeID
		stuck  []object.NodeID
		spared string
	}{
		{name: "three", voters: three, spared: "c"},
		{name: "two", voters: three[:2], spared: ""},
		{name: "five", voters: five, spared: "de"},
		{name: "the faster are needed", voters: three, took: map[object.NodeID]time.Duration{"b": 100 * ms, "c": 10 * ms}, spared: "b"},
		{name: "about the same speed", voters: three, took: map[object.NodeID]time.Duration{"b": 3 * ms, "c": 1 * ms}, spared: "c"},
		{name: "one does not answer", voters: three, failed: []object.NodeID{"b"}, spared: ""},
		{name: "one hangs", voters: three, stuck: []object.NodeID{"b"}, spared: ""},
		{name: "one of five hangs", voters: five, stuck: []object.NodeID{"b"}, spared: "e"},
		{name: "the spared one hangs", voters: three, stuck: []object.NodeID{"c"}, spared: "c"},
	} {
		clock := newManualClock()
		p := newPace(clock, 0)
		for node, took := range test.took {
			p.peer(node).took = took
		}
		for _, node := range test.stuck {
			p.begin(node, clock.Now())
		}
		for _, node := range test.failed {
			p.begin(node, clock.Now())
			p.end(node, clock.Now(), errors.New("unreachable"))
		}
		clock.advance(paceStuck + ms)
		spared := ""
		for _, to := range test.voters[1:] {
			if p.spare(to, "a", test.voters) > 0 {
				spared += string(to)
			}
		}
		if spared != test.spared {
			t.Errorf("%s: spared are %q, should be %q", test.name, spared, test.spared)
		}
	}
}

// Each follower has its turn: the groups of a leader spare different ones.
func TestPaceTurns(t *testing.T) {
	voters := []object.NodeID{"a", "b", "c"}
	spared := make(map[object.NodeID]int)
	for group := range object.GroupID(6) {
		p := newPace(newManualClock(), group)
		for _, to := range voters[1:] {
			if p.spare(to, "a", voters) > 0 {
				spared[to]++
			}
		}
	}
	if spared["b"]+spared["c"] != 6 || spared["b"] == 0 || spared["c"] == 0 {
		t.Errorf("spared: %v", spared)
	}
}

func TestPaceHold(t *testing.T) {
	voters := []object.NodeID{"a", "b", "c"}
	p := newPace(systemClock{}, 0)
	asked := 0
	if p.hold(t.Context(), "b", "a", voters, func() bool { asked++; return true }) || asked > 0 {
		t.Error("a needed follower was let wait")
	}
	if !p.hold(t.Context(), "c", "a", voters, func() bool { asked++; return true }) || asked != 2 {
		t.Errorf("asked %d times whether others have made up the quorum, should be 2", asked)
	}
	asked = 0
	if !p.hold(t.Context(), "c", "a", voters, func() bool { asked++; return false }) || asked != 1 {
		t.Errorf("asked %d times whether others have made up the quorum, should be 1", asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if !p.hold(ctx, "c", "a", voters, func() bool { t.Error("goes on after the end"); return true }) {
		t.Error("did not begin to wait")
	}
}
