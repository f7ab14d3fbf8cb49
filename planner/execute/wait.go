package execute

import (
	"context"
	"time"
)

// waiter spaces attempts out: each pause is about twice as long as the one
// before, with jitter, up to 100 ms each (or most) and its patience in all.
type waiter struct {
	patience time.Duration
	rand     func() uint64
	waited   time.Duration
	last     time.Duration
	most     time.Duration // of one pause; 0: longestPause
	// wanted says that there is a reason to wait before the next attempt.
	wanted bool
}

const (
	firstPause   = 500 * time.Microsecond
	longestPause = 100 * time.Millisecond
	// transitPause is the longest one of a statement over key ranges that waits for moves
	// to be over: it has to come upon a moment between two of them.
	transitPause = 5 * time.Millisecond
)

// pause waits if that is wanted. It fails when ctx ends, and when patience is at
// its end; why says what was waited for.
func (w *waiter) pause(ctx context.Context, why string) error {
	if !w.wanted {
		return nil
	}
	w.wanted = false
	most := w.most
	setDefault(&most, longestPause)
	w.last = min(max(w.last*2, firstPause), most)
	d := w.last/2 + time.Duration(w.rand()%uint64(w.last))
	if w.waited += d; w.waited > w.patience {
		return errImpatient(why)
	}
	return sleep(ctx, d)
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
