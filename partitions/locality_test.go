package partitions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
)

// even is a window of seconds in which all was alike: commands of a, b and c in each.
func even(seconds int, a, b, c uint64) window {
	var w window
	for range seconds {
		w = append(w, oneSecond(a, b, c))
	}
	return w
}

func oneSecond(a, b, c uint64) second {
	return second{took: time.Second, counts: []count{{"a", a}, {"b", b}, {"c", c}}}
}

// a leads, b and c follow; each case changes one thing about a group that should go to b.
func TestLocalityDecides(t *testing.T) {
	now := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		change func(o *outlook)
		goes   object.NodeID
	}{
		"most come from b":             {func(*outlook) {}, "b"},
		"all come from b":              {func(o *outlook) { o.window = even(3, 0, 300, 0) }, "b"},
		"exactly two thirds":           {func(o *outlook) { o.window = even(3, 100, 200, 0) }, "b"},
		"less than two thirds":         {func(o *outlook) { o.window = even(3, 101, 200, 0) }, ""},
		"from all alike":               {func(o *outlook) { o.window = even(3, 100, 100, 100) }, ""},
		"from here":                    {func(o *outlook) { o.window = even(3, 300, 0, 0) }, ""},
		"from nobody":                  {func(o *outlook) { o.window = even(3, 0, 0, 0) }, ""},
		"just often enough":            {func(o *outlook) { o.window = even(3, 0, localityRate, 0) }, "b"},
		"too seldom":                   {func(o *outlook) { o.window = even(3, 0, localityRate-1, 0) }, ""},
		"seen for too short":           {func(o *outlook) { o.window = even(2, 0, 300, 0) }, ""},
		"nothing seen":                 {func(o *outlook) { o.window = nil }, ""},
		"a burst":                      {func(o *outlook) { o.window[0], o.window[1] = oneSecond(9, 5, 0), oneSecond(0, 9999, 0) }, ""},
		"a second without any":         {func(o *outlook) { o.window[1] = oneSecond(0, 0, 0) }, "b"},
		"led long enough":              {func(o *outlook) { o.since = now.Add(-localityLed) }, "b"},
		"led for too short":            {func(o *outlook) { o.since = now.Add(1 - localityLed) }, ""},
		"handed over lately":           {func(o *outlook) { o.rest = cooldown{now.Add(-time.Minute), 2 * time.Minute} }, ""},
		"handed over long ago":         {func(o *outlook) { o.rest = cooldown{now.Add(-time.Minute), time.Minute} }, "b"},
		"b does not vote":              {func(o *outlook) { o.status.Replicas[1].Voter = false }, ""},
		"b has no replica":             {func(o *outlook) { o.status.Replicas[1].Node = "d" }, ""},
		"b is not known to live":       {func(o *outlook) { o.status.Replicas[1].Contact = time.Time{} }, ""},
		"b is silent":                  {func(o *outlook) { o.status.Replicas[1].Contact = now.Add(-localityContact - 1) }, ""},
		"b acknowledged after the now": {func(o *outlook) { o.status.Replicas[1].Contact = now.Add(1) }, "b"},
		"b is a little behind":         {func(o *outlook) { o.status.Replicas[1].Match -= localityFew }, "b"},
		"b is behind":                  {func(o *outlook) { o.status.Replicas[1].Match -= localityFew + 1 }, ""},
		"b is behind by a moment":      {func(o *outlook) { o.came, o.status.Replicas[1].Match = 4000, 600 }, "b"},
		"b is behind by more":          {func(o *outlook) { o.came, o.status.Replicas[1].Match = 4000, 599 }, ""},
		"too many nodes to tell apart": {func(o *outlook) { o.window = window{{3 * time.Second, []count{{"", 900}}}} }, ""},
	} {
		o := outlook{self: "a", now: now, since: now.Add(-time.Minute), window: even(3, 20, 200, 20),
			status: statusOf("a", 1, now, "b", "c")}
		test.change(&o)
		p, hands := decide(o)
		if hands != (test.goes != "") || hands && p.node != test.goes {
			t.Errorf("%s: it goes to %q (%v), want %q", name, p.node, hands, test.goes)
		}
	}
}

// statusOf is the status of a leader whose followers have everything.
func statusOf(self object.NodeID, term uint64, now time.Time, followers ...object.NodeID) replication.Status {
	s := replication.Status{Role: replication.Role{Leading: true, Leader: self, Term: term}, LastIndex: 1000}
	s.Replicas = []replication.Replica{{Node: self, Voter: true}}
	for _, f := range followers {
		s.Replicas = append(s.Replicas, replication.Replica{Node: f, Voter: true, Contact: now, Match: 1000})
	}
	return s
}

func TestLocalityWindowHoldsTheLastSeconds(t *testing.T) {
	var w window
	for i := range 10 {
		w = w.with(second{took: time.Second, counts: []count{{"a", uint64(i)}, {"b", 1}}})
	}
	if len(w) != 3 || w.took() != localityWindow {
		t.Fatalf("%d seconds, %s", len(w), w.took())
	}
	if p := w.strongest(); p.node != "a" || p.share != 24.0/27 || p.perSecond != 8 {
		t.Errorf("%+v", p)
	}
	w = w.with(second{took: 500 * time.Millisecond})
	if len(w) != 4 { // three of them are not enough
		t.Errorf("%d seconds", len(w))
	}
}

func TestLocalityCooldown(t *testing.T) {
	var c cooldown
	now := time.Unix(1000, 0)
	if !c.over(now) {
		t.Error("the first one has to wait")
	}
	for _, pause := range []time.Duration{30, 60, 120, 240, 300, 300} {
		c.begin(now)
		now = now.Add(pause*time.Second - 1)
		if c.over(now) {
			t.Fatalf("over before %d s", pause)
		}
		if now = now.Add(1); !c.over(now) {
			t.Fatalf("not over after %d s", pause)
		}
	}
	now = c.last.Add(cooldownMemory)
	if c.begin(now); c.pause != cooldownFirst {
		t.Errorf("%s after a long time", c.pause)
	}
}

func TestLocalityOrigins(t *testing.T) {
	var o origins
	var all sync.WaitGroup
	const each = 1000
	for g := range 4 {
		all.Go(func() {
			for i := range each * (originsMost + 2) {
				o.note(object.NodeID(fmt.Sprintf("n%d", (i+g)%(originsMost+2))))
			}
		})
	}
	all.Wait()
	counts := o.take()
	if len(counts) != originsMost+1 || counts[0] != (count{"", 2 * 4 * each}) {
		t.Fatalf("%d counts, %v", len(counts), counts[0])
	}
	for _, c := range counts[1:] {
		if c.n != 4*each {
			t.Errorf("%v", c)
		}
	}
	for _, c := range o.take() {
		if c.n != 0 {
			t.Errorf("counted twice: %v", c)
		}
	}
	o.note("n1")
	o.forget()
	if counts := o.take(); len(counts) != 1 || counts[0].n != 0 {
		t.Errorf("remembered: %v", counts)
	}
}

// What a command pays, beside what a plain counter costs.
func BenchmarkLocalityNote(b *testing.B) {
	b.Run("plain", func(b *testing.B) {
		var n atomic.Uint64
		for b.Loop() {
			n.Add(1)
		}
	})
	var o origins
	for _, n := range []object.NodeID{"node-1", "node-2", "node-3"} {
		o.note(n)
	}
	for _, n := range []object.NodeID{"node-1", "node-3"} {
		b.Run(string(n), func(b *testing.B) {
			for b.Loop() {
				o.note(n)
			}
		})
	}
}

// fakeGroup is one node's replica of a group.
type fakeGroup struct {
	self   object.NodeID
	now    func() time.Time
	others []object.NodeID
	term   atomic.Uint64 // that this node leads; 0 for none
	calls  atomic.Int32
	hand   func(ctx context.Context, to object.NodeID) error
}

func (g *fakeGroup) Role() replication.Role {
	term := g.term.Load()
	return replication.Role{Leading: term != 0, Term: term}
}

func (g *fakeGroup) Status() replication.Status {
	return statusOf(g.self, g.term.Load(), g.now(), g.others...)
}

func (g *fakeGroup) TransferLeadership(ctx context.Context, to object.NodeID) error {
	g.calls.Add(1)
	return g.hand(ctx, to)
}

// bench is a locality with one group that this node, a, leads.
type bench struct {
	*locality
	g    *fakeGroup
	o    *origins
	time time.Time
	out  bytes.Buffer
}

func newBench(hand func(context.Context, object.NodeID) error) *bench {
	b := &bench{time: time.Unix(1000, 0)}
	b.g = &fakeGroup{self: "a", others: []object.NodeID{"b", "c"}, now: func() time.Time { return b.time }, hand: hand}
	b.g.term.Store(1)
	b.locality = newLocality("a", slog.New(slog.NewTextHandler(&b.out, nil)))
	b.o = b.add(7, b.g)
	return b
}

// pass lets seconds go by, with so many commands of a and b in each.
func (b *bench) pass(seconds, fromA, fromB int) {
	for range seconds {
		for range fromA {
			b.o.note("a")
		}
		for range fromB {
			b.o.note("b")
		}
		b.time = b.time.Add(time.Second)
		b.tick(b.time)
		synctest.Wait()
	}
}

func (b *bench) calls(t *testing.T, want int32, when string) {
	t.Helper()
	if got := b.g.calls.Load(); got != want {
		t.Fatalf("%s: handed over %d times, want %d", when, got, want)
	}
}

func TestLocalityHandsOverOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *bench
		b = newBench(func(_ context.Context, to object.NodeID) error {
			if to != "b" {
				t.Errorf("to %s", to)
			}
			b.g.term.Store(0)
			return nil
		})
		defer b.close()
		if b.add(7, b.g) != b.o {
			t.Error("a group that is added again has other origins")
		}
		b.pass(20, 60, 40)
		b.calls(t, 0, "both send")
		b.pass(2, 10, 100)
		b.calls(t, 0, "too early")
		b.pass(2, 10, 100)
		b.calls(t, 1, "b sends")
		b.pass(20, 10, 100)
		b.calls(t, 1, "b leads")
		b.close()
		out := b.out.String()
		if strings.Count(out, "\n") != 1 || !strings.Contains(out, "level=INFO") || !strings.Contains(out, "group=7 to=b share=0.") {
			t.Errorf("logged: %s", out)
		}
	})
}

func TestLocalityStartsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(context.Context, object.NodeID) error { return nil })
		defer b.close()
		b.pass(5, 0, 100)
		b.calls(t, 0, "the node has just begun to lead")
		b.g.term.Store(5)
		b.pass(5, 0, 100)
		b.calls(t, 0, "it leads again")
		b.time = b.time.Add(10 * time.Second)
		b.pass(3, 0, 100) // the first one comes late
		b.calls(t, 0, "it stood still")
		b.pass(1, 0, 100)
		b.calls(t, 1, "it goes on")
	})
}

// One that fails is not tried again for a while, and for longer each time.
func TestLocalityFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(context.Context, object.NodeID) error { return errors.New("it does not want to") })
		b.pass(6, 0, 100)
		b.calls(t, 1, "first")
		for i, pause := range []int{30, 60, 120, 240, 300, 300} {
			b.pass(pause-1, 0, 100)
			b.calls(t, int32(i+1), "in the pause")
			b.pass(1, 0, 100)
			b.calls(t, int32(i+2), "after it")
		}
		b.close()
		if out := b.out.String(); strings.Count(out, "it does not want to") != 7 {
			t.Errorf("logged: %s", out)
		}
	})
}

// There is one hand-over of a group at a time; it has a limit, and ends with close,
// after which there is none.
func TestLocalityHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(ctx context.Context, _ object.NodeID) error {
			<-ctx.Done()
			return ctx.Err()
		})
		b.pass(100, 0, 100) // the clock of the limit stands still
		b.calls(t, 1, "one is under way")
		time.Sleep(handOverMost)
		synctest.Wait()
		b.pass(1, 0, 100)
		b.calls(t, 2, "the limit is over")
		began := time.Now()
		b.close()
		b.close()
		if time.Since(began) != 0 {
			t.Error("close waited for the limit")
		}
		b.pass(1000, 0, 100)
		b.calls(t, 2, "closed")
	})
}
