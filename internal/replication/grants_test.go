package replication

import (
	"testing"
	"time"
)

func TestGrants(t *testing.T) {
	clock := newManualClock()
	g := &gate{clock: clock}
	if !g.grant() {
		t.Error("no grant where nothing was written")
	}
	clock.advance(grantTime)
	shown := make(chan struct{})
	go func() {
		g.begin()
		close(shown)
	}()
	for begun := false; !begun; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		begun = g.showing
		g.mu.Unlock()
	}
	if g.grant() {
		t.Error("a grant is made while something waits to be shown")
	}
	select {
	case <-shown:
		t.Error("something is shown while a grant stands, as clocks of different speed see it")
	default:
	}
	clock.advance(grantHold - grantTime)
	<-shown
	if g.grant() {
		t.Error("a grant is made while something is shown")
	}
	g.end()
	clock.advance(grantQuiet - 1)
	if g.grant() {
		t.Error("a grant is made right after something was written")
	}
	clock.advance(1)
	if !g.grant() {
		t.Error("no grant after a quiet time")
	}
}

// Whoever may lead waits for the grants of the leader before.
func TestGrantsOfTheLeaderBefore(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	before := c.leader()
	f := c.follower()
	started := time.Now()
	c.wait("another leader", func() bool {
		_ = before.group.TransferLeadership(t.Context(), f.id)
		return f.group.IsLeader()
	})
	f.group.gate.mu.Lock()
	defer f.group.gate.mu.Unlock()
	if f.group.gate.until.Before(started.Add(grantHold)) {
		t.Error("the new leader has not waited")
	}
}

// Reads under a grant need no question, and the write that comes then waits for it.
func TestReadFollowingUnderAGrant(t *testing.T) {
	c := newTrio(t, 3, nil)
	c.add("x 1")
	f := c.follower()
	c.follows(f, 1)
	c.wait("a grant", func() bool {
		if _, err := f.follow(t, "x"); err != nil {
			return false
		}
		g := f.group.granted.Load()
		return g != nil && time.Now().Before(g.until)
	})
	// Each write is seen by the reads after it.
	for i := range int64(20) {
		c.wait("a grant", func() bool {
			v, err := f.follow(t, "x")
			if err == nil && v != i+1 {
				t.Errorf("reads %d, want %d", v, i+1)
			}
			g := f.group.granted.Load()
			return err == nil && g != nil && time.Now().Before(g.until)
		})
		c.add("x 1")
		if v, err := f.follow(t, "x"); err == nil && v != i+2 {
			t.Errorf("after a write reads %d, want %d", v, i+2)
		}
	}
}
