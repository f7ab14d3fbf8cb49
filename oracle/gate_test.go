package oracle

import (
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// timers is a clock that the test owns.
type timers struct {
	now time.Time
	due []timer
}

type timer struct {
	at time.Time
	f  func()
}

func (c *timers) advance(d time.Duration) {
	c.now = c.now.Add(d)
	left := c.due
	c.due = nil
	for _, t := range left {
		if t.at.After(c.now) {
			c.due = append(c.due, t)
		} else {
			t.f()
		}
	}
}

func newTestGate() (*gate, *timers) {
	c := &timers{now: time.Unix(1000, 0)}
	return &gate{
		now:   func() time.Time { return c.now },
		after: func(d time.Duration, f func()) { c.due = append(c.due, timer{c.now.Add(d), f}) },
	}, c
}

// Batches that overlap without end are let end, and then nothing departs for a moment.
func TestGateRests(t *testing.T) {
	g, c := newTestGate()
	enters := func(want bool) {
		t.Helper()
		if got := g.tryEnter() == nil; got != want {
			t.Fatalf("may depart: %v, want %v", got, want)
		}
	}
	enters(true)
	for range transitMost/(10*time.Millisecond) - 1 {
		c.advance(10 * time.Millisecond)
		enters(true)
		g.leave()
	}
	c.advance(10 * time.Millisecond)
	enters(false)
	c.advance(transitRest)
	enters(false) // one is on its way still
	g.leave()
	c.advance(transitRest - 1)
	enters(false)
	c.advance(1)
	enters(true)
	g.leave()
	// Gaps that are too short for a statement do not count.
	for range transitMost / transitRest * 2 {
		c.advance(transitRest / 2)
		if g.tryEnter() != nil {
			break
		}
		g.leave()
	}
	enters(false)
	c.advance(transitRest)
	enters(true)
	// Long ones do.
	g.leave()
	for range 100 {
		c.advance(transitRest)
		enters(true)
		g.leave()
	}
	// One that does not end stops the others for a while only.
	c.advance(transitRest)
	enters(true)
	c.advance(transitMost)
	enters(false)
	c.advance(drainMost)
	enters(true)
	c.advance(drainAgain)
	enters(true)
	g.leave()
	g.leave()
	g.leave()
	c.advance(time.Hour)
	enters(true)
}

// The source hears of the arrival although the move cannot be finished.
func TestSourceHearsOfArrival(t *testing.T) {
	o := startOracle(t)
	ids := o.fill(o.createTable("t", false))
	heard, tried := make(chan object.LocationVersion, 8), make(chan struct{}, 1000)
	o.partitions.mu.Lock()
	o.partitions.after = func(_ object.PartitionID, body command.Body) error {
		if s, ok := body.(*command.Settle); ok && s.Arrived {
			heard <- s.Moves[0]
		}
		return nil
	}
	o.partitions.mu.Unlock()
	o.group.mu.Lock()
	o.group.before = func(c logCommand) error {
		if _, ok := c.(*finish); ok {
			tried <- struct{}{}
			return errInjected
		}
		return nil
	}
	o.group.mu.Unlock()
	at, err := o.cache.Confirm(o.ctx(), ids[:1])
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := o.cache.Move(o.ctx(), catalog.MoveRequest{To: at[0].Partition%4 + 1, IDs: ids[:1]})
		ended <- err
	}()
	if move, b := <-heard, o.group.machine.work().batches; len(b) != 1 || b[0].move != move {
		t.Errorf("the source has heard of %d, under way are %+v", move, b)
	}
	<-tried
	o.calm()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
