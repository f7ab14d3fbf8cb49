package storage

import (
	"context"
	"sync"
)

// flushQueue lets callers who want everything flushed that was committed before
// their call share flushes: who comes while one runs gets the next.
type flushQueue struct {
	flush func() error

	mu      sync.Mutex // guards what follows
	running bool
	closed  bool
	next    *flushRound
	idle    sync.WaitGroup
}

type flushRound struct {
	done chan struct{}
	err  error // written before done is closed
}

func (q *flushQueue) wait(ctx context.Context) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	if q.next == nil {
		q.next = &flushRound{done: make(chan struct{})}
	}
	round := q.next
	if !q.running {
		q.running = true
		q.idle.Go(q.run)
	}
	q.mu.Unlock()
	select {
	case <-round.done:
		return round.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run flushes until nobody waits.
func (q *flushQueue) run() {
	for {
		q.mu.Lock()
		round := q.next
		q.next = nil
		if round == nil {
			q.running = false
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		round.err = q.flush()
		close(round.done)
	}
}

func (q *flushQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.idle.Wait()
}
