package oracle

import (
	"context"
	"sync"

	"github.com/ssmr/ssmr/internal/cluster"
)

// gather puts the items of many callers into few calls: while as many calls as
// allowed are under way, what comes waits, and goes out together in the next one.
// A caller's items go out after it came, so that an answer is never older than the
// question.
type gather[Q, A any] struct {
	ctx      context.Context // of the calls
	call     func(ctx context.Context, items []Q) ([]A, error)
	most     int // items of one call
	parallel int // calls at once
	limit    int // items that may wait

	mu      sync.Mutex // guards what follows
	waiting []*ticket[Q, A]
	items   int // of waiting
	calls   int // under way
	running sync.WaitGroup
}

// ticket is what one caller waits for. done is closed when answers and err are set.
type ticket[Q, A any] struct {
	items   []Q
	answers []A
	err     error
	done    chan struct{}
}

// do returns an answer for each item. The items must not be changed any more.
func (g *gather[Q, A]) do(ctx context.Context, items []Q) ([]A, error) {
	if len(items) == 0 {
		return nil, nil
	}
	if len(items) > g.most {
		return g.doParts(ctx, items)
	}
	t := &ticket[Q, A]{items: items, done: make(chan struct{})}
	g.mu.Lock()
	switch {
	case g.ctx.Err() != nil:
		g.mu.Unlock()
		return nil, g.ctx.Err()
	case g.items+len(items) > g.limit:
		g.mu.Unlock()
		return nil, cluster.ErrOverloaded
	}
	g.waiting = append(g.waiting, t)
	g.items += len(items)
	if g.calls < g.parallel {
		g.calls++
		g.running.Go(g.work)
	}
	g.mu.Unlock()
	select {
	case <-t.done:
		return t.answers, t.err
	case <-ctx.Done():
		g.withdraw(t)
		return nil, ctx.Err()
	}
}

// doParts answers more items than one call takes.
func (g *gather[Q, A]) doParts(ctx context.Context, items []Q) ([]A, error) {
	answers := make([]A, 0, len(items))
	for len(items) > 0 {
		n := min(len(items), g.most)
		part, err := g.do(ctx, items[:n])
		if err != nil {
			return nil, err
		}
		answers = append(answers, part...)
		items = items[n:]
	}
	return answers, nil
}

// withdraw takes back a ticket that has not gone out yet.
func (g *gather[Q, A]) withdraw(t *ticket[Q, A]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == t {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			g.items -= len(t.items)
			return
		}
	}
}

// take removes what goes out in the next call; none ends the worker.
func (g *gather[Q, A]) take() []*ticket[Q, A] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, count := 0, 0
	for n < len(g.waiting) && count+len(g.waiting[n].items) <= g.most {
		count += len(g.waiting[n].items)
		n++
	}
	if n == 0 {
		g.calls--
		return nil
	}
	tickets := append([]*ticket[Q, A](nil), g.waiting[:n]...)
	g.waiting = append(g.waiting[:0], g.waiting[n:]...)
	g.items -= count
	return tickets
}

func (g *gather[Q, A]) work() {
	for {
		tickets := g.take()
		if tickets == nil {
			return
		}
		items := tickets[0].items
		if len(tickets) > 1 {
			items = nil
			for _, t := range tickets {
				items = append(items, t.items...)
			}
		}
		answers, err := g.call(g.ctx, items)
		if err == nil && len(answers) != len(items) {
			err = errMalformed
		}
		for _, t := range tickets {
			if err == nil {
				t.answers, answers = answers[:len(t.items):len(t.items)], answers[len(t.items):]
			}
			t.err = err
			close(t.done)
		}
	}
}
