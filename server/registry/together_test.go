package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

// gate is a program whose calls wait until they are let through. It places an object in
// the partition that the object's value says, and refuses what is no number.
type gate struct {
	mu    sync.Mutex
	sizes []int // objects of each call
	came  chan struct{}
	pass  chan struct{}
}

func newGate() *gate { return &gate{came: make(chan struct{}, 100), pass: make(chan struct{}, 100)} }

func (g *gate) ask(ctx context.Context, q host.Question) (host.Answer, error) {
	g.mu.Lock()
	g.sizes = append(g.sizes, len(q.Batch.Objects))
	g.mu.Unlock()
	g.came <- struct{}{}
	select {
	case <-g.pass:
	case <-ctx.Done():
		return host.Answer{}, ctx.Err()
	}
	answer := host.Answer{Version: "1"}
	for _, o := range q.Batch.Objects {
		n, err := strconv.Atoi(o.Values[0].Text)
		if err != nil {
			return host.Answer{}, errors.New("refused")
		}
		answer.Placements = append(answer.Placements, placement.Placement{Partition: uint32(n)})
	}
	return answer, nil
}

func (g *gate) letThrough(n int) {
	for range n {
		g.pass <- struct{}{}
	}
}

// questionOf asks about objects with these values.
func (g *gate) questionOf(of *described, hint string, values ...string) *question {
	b := &placement.Batch{Hint: hint}
	for _, v := range values {
		b.Objects = append(b.Objects, placement.Object{Values: []placement.Value{{Text: v}}})
	}
	return &question{Question: host.Question{Batch: b}, ask: g.ask, of: of}
}

// occupy begins as many calls as go at once.
func occupy(ctx context.Context, t *together, g *gate, of *described, done *sync.WaitGroup) {
	for range togetherCalls {
		done.Go(func() { _, _ = t.do(ctx, g.questionOf(of, "", "1")) })
		<-g.came
	}
}

// waitFor waits until so many questions wait.
func waitFor(t *testing.T, g *together, n int) {
	t.Helper()
	until(t, fmt.Sprintf("%d questions wait", n), func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.waiting) == n
	})
}

// TestTogether: what waits goes out in one call, each gets its own answer, and what is not
// alike goes out apart.
func TestTogether(t *testing.T) {
	var tg together
	var done sync.WaitGroup
	g, of, other := newGate(), &described{}, &described{}
	occupy(t.Context(), &tg, g, of, &done)
	const n = 10
	ask := func(q *question, want ...uint32) {
		done.Go(func() {
			answer, err := tg.do(t.Context(), q)
			if err != nil || len(answer.Placements) != len(want) || answer.Version != "1" {
				t.Errorf("answer %v, %v, want %v", answer, err, want)
				return
			}
			for i, w := range want {
				if answer.Placements[i].Partition != w {
					t.Errorf("answer %v, want %v", answer, want)
				}
			}
		})
	}
	for i := range n {
		ask(g.questionOf(of, "", fmt.Sprint(i), fmt.Sprint(100+i)), uint32(i), uint32(100+i))
		waitFor(t, &tg, i+1)
	}
	ask(g.questionOf(other, "", "7"), 7)
	ask(g.questionOf(of, "elsewhere", "8"), 8)
	waitFor(t, &tg, n+2)
	g.letThrough(togetherCalls + 3)
	done.Wait()
	sizes := g.sizes[togetherCalls:]
	if slices.Sort(sizes); !slices.Equal(sizes, []int{1, 1, 20}) {
		t.Errorf("calls of %v objects", sizes)
	}
	until(t, "no call is under way", func() bool {
		tg.mu.Lock()
		defer tg.mu.Unlock()
		return tg.calls == 0 && len(tg.waiting) == 0
	})
}

// TestOneIsRefused: a question that a policy refuses spoils no other's answer.
func TestOneIsRefused(t *testing.T) {
	var tg together
	var done sync.WaitGroup
	g, of := newGate(), &described{}
	occupy(t.Context(), &tg, g, of, &done)
	for i, value := range []string{"1", "nonsense", "3"} {
		done.Go(func() {
			answer, err := tg.do(t.Context(), g.questionOf(of, "", value))
			if refused := value == "nonsense"; (err != nil) != refused || !refused && answer.Placements[0].Partition != uint32(i+1) {
				t.Errorf("%s: answer %v, %v", value, answer, err)
			}
		})
		waitFor(t, &tg, i+1)
	}
	g.letThrough(togetherCalls + 1 + 3)
	done.Wait()
}

// TestTogetherHasDeadlines: a question that waits keeps its own deadline, and what is large
// does not wait for others.
func TestTogetherHasDeadlines(t *testing.T) {
	var tg together
	var done sync.WaitGroup
	g, of := newGate(), &described{}
	occupy(t.Context(), &tg, g, of, &done)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := tg.do(ctx, g.questionOf(of, "", "1")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	waitFor(t, &tg, 0)
	large := g.questionOf(of, "")
	large.Batch.Objects = make([]placement.Object, togetherObjects)
	for i := range large.Batch.Objects {
		large.Batch.Objects[i].Values = []placement.Value{{Text: "1"}}
	}
	done.Go(func() { _, _ = tg.do(t.Context(), large) })
	<-g.came // at once, though others are under way
	g.letThrough(togetherCalls + 1)
	done.Wait()
}
