package partitions

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

const (
	// concludedMost bounds the transactions of one Conclude.
	concludedMost = 2048
	// concludesAtOnce bounds the Concludes under way: one is in the entry of the log that is
	// being replicated, one goes with the next. (With one, a lock that others wait for would
	// be held for the rest of an entry longer.)
	concludesAtOnce = 2
	// concluderMost bounds those that wait for theirs. What is beyond is left to the
	// recovery of the partition's leader.
	concluderMost = 1 << 16
	// forgetPause is how long a transaction that may be forgotten waits for a Conclude
	// that takes it along, forgetFull the number that does not wait.
	forgetPause = 100 * time.Millisecond
	forgetFull  = 512
	// concludePause is between two tries where a partition cannot be told.
	concludePause = 100 * time.Millisecond
	// farewell bounds what is sent when the node is closed.
	farewell = time.Second
)

// concluding is a transaction that is to be concluded in a partition.
type concluding struct {
	id     object.TransactionID
	commit bool
	of     *transaction // is told when it is; may be nil
}

// concluder tells one partition, in the background, which transactions are committed,
// aborted, and to be forgotten. A few Concludes are under way; what comes meanwhile
// gathers for the next one.
type concluder struct {
	c *Client
	p object.PartitionID

	mu        sync.Mutex // guards what follows
	list      []concluding
	forgets   []object.TransactionID
	workers   int           // goroutines
	lingering bool          // one of them waits for wake, as long as there is only something to be forgotten
	wake      chan struct{} // of one place
}

func (c *Client) concluder(p object.PartitionID) *concluder {
	c.mu.RLock()
	d := c.concluders[p]
	c.mu.RUnlock()
	if d != nil {
		return d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if d = c.concluders[p]; d == nil {
		d = &concluder{c: c, p: p, wake: make(chan struct{}, 1)}
		c.concluders[p] = d
	}
	return d
}

// add has a transaction concluded.
func (d *concluder) add(t concluding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) >= concluderMost {
		d.c.counters.leftBehind.Add(1)
		return
	}
	d.list = append(d.list, t)
	d.start()
}

// forget has a transaction forgotten, some time.
func (d *concluder) forget(id object.TransactionID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.forgets) >= concluderMost {
		return
	}
	d.forgets = append(d.forgets, id)
	if d.workers == 0 || len(d.forgets) == forgetFull {
		d.start()
	}
}

// start has one more goroutine look whether there is something to be told. mu is held.
func (d *concluder) start() {
	switch {
	case d.lingering:
		select {
		case d.wake <- struct{}{}:
		default:
		}
	case d.workers < concludesAtOnce && d.c.startBackground(d.run):
		d.workers++
	}
}

// run sends Concludes until there is nothing to be told, or the node is closed.
func (d *concluder) run() {
	for {
		body, list := d.take(false)
		if body != nil {
			if !d.send(d.c.closingContext, body, list) && !d.pause(concludePause, nil) {
				return
			}
			continue
		}
		d.mu.Lock()
		switch {
		case len(d.list) > 0:
			d.mu.Unlock()
			continue
		case d.lingering || len(d.forgets) == 0:
			d.workers--
			d.mu.Unlock()
			return
		}
		d.lingering = true
		d.mu.Unlock()
		again := d.pause(forgetPause, d.wake)
		d.mu.Lock()
		d.lingering = false
		d.mu.Unlock()
		if !again {
			return
		}
		d.ripen()
	}
}

// pause waits; false when the node is being closed.
func (d *concluder) pause(most time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-d.c.closing:
		return false
	}
	return true
}

// farewell tells partitions what is left, when nothing else runs any more.
func (c *Client) farewell() {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), farewellKey{}, true), farewell)
	defer cancel()
	c.mu.RLock()
	list := slices.Collect(maps.Values(c.concluders))
	c.mu.RUnlock()
	for again := true; again && ctx.Err() == nil; {
		var told atomic.Bool // which may have others be told to forget
		var all sync.WaitGroup
		for _, d := range list {
			if body, transactions := d.take(true); body != nil {
				all.Go(func() {
					if d.send(ctx, body, transactions) {
						told.Store(true)
					}
				})
			}
		}
		all.Wait()
		again = told.Load()
	}
}

// farewellKey marks calls that are made although the client is closed.
type farewellKey struct{}

// ripen has what may be forgotten sent by itself.
func (d *concluder) ripen() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) == 0 && len(d.forgets) > 0 {
		// An entry without an id is one that says nothing, and takes the others along.
		d.list = append(d.list, concluding{})
	}
}

// take makes the next Conclude; nil where there is nothing to be told, or only something
// to be forgotten that can wait.
func (d *concluder) take(closing bool) (body *command.Conclude, list []concluding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) == 0 && (len(d.forgets) == 0 || len(d.forgets) < forgetFull && !closing) {
		return nil, nil
	}
	body = new(command.Conclude)
	n := min(len(d.list), concludedMost)
	list = d.list[:n:n]
	if d.list = d.list[n:]; len(d.list) == 0 {
		d.list = nil
	}
	for i := range list {
		switch t := &list[i]; {
		case t.id.IsZero():
		case t.commit:
			body.Commit = append(body.Commit, t.id)
		default:
			body.Abort = append(body.Abort, t.id)
		}
	}
	n = min(len(d.forgets), concludedMost)
	body.Forget = d.forgets[:n:n]
	if d.forgets = d.forgets[n:]; len(d.forgets) == 0 {
		d.forgets = nil
	}
	return body, list
}

// send tells the partition. Where it has no answer, what was not told is taken up
// again.
func (d *concluder) send(ctx context.Context, body *command.Conclude, list []concluding) (told bool) {
	outcome, err := d.c.send(ctx, d.p, body)
	concluded, ok := outcome.(*command.Concluded)
	if err != nil || !ok {
		d.mu.Lock()
		d.list = append(list, d.list...)
		d.forgets = append(body.Forget, d.forgets...)
		d.mu.Unlock()
		return false
	}
	rest := make(map[object.TransactionID]bool, len(concluded.Rest))
	for _, id := range concluded.Rest {
		rest[id] = true
	}
	for i := range list {
		t := &list[i]
		switch {
		case rest[t.id]:
			d.mu.Lock()
			d.list = append([]concluding{*t}, d.list...)
			d.mu.Unlock()
		case t.of != nil:
			t.of.concluded(d.p)
		}
	}
	return true
}
