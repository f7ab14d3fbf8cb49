package cluster

import (
	"context"
	"net"
	"sync"
)

// outboxBytes bounds what may wait to be written to one connection. A sender
// that finds it full waits.
const outboxBytes = 16 << 20

// outbox writes frames to a connection. Frames that gather while a write is
// under way go out together. One goroutine writes; any may send.
type outbox struct {
	conn net.Conn

	mu      sync.Mutex
	pending []byte
	spare   []byte
	space   chan struct{} // closed and replaced when pending was taken
	closed  bool

	wake chan struct{}
}

// newOutbox returns an outbox. Its owner runs run.
func newOutbox(conn net.Conn) *outbox {
	return &outbox{conn: conn, space: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// send queues one frame. It reports false if the connection is closed or ctx
// ended while the outbox was full: nothing was queued then.
func (o *outbox) send(ctx context.Context, kind byte, id uint64, parts ...[]byte) bool {
	for {
		o.mu.Lock()
		if o.closed {
			o.mu.Unlock()
			return false
		}
		if len(o.pending) < outboxBytes {
			o.queue(kind, id, parts...)
			o.mu.Unlock()
			return true
		}
		space := o.space
		o.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return false
		}
	}
}

// sendSmall queues one frame without a body. It does not wait: there are no more of
// these than there are calls.
func (o *outbox) sendSmall(kind byte, id uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.queue(kind, id)
	}
}

// queue appends a frame. mu is held.
func (o *outbox) queue(kind byte, id uint64, parts ...[]byte) {
	first := len(o.pending) == 0
	o.pending = appendFrame(o.pending, kind, id, parts...)
	if first {
		o.signal()
	}
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes what is queued, until the outbox is closed.
func (o *outbox) run() {
	for range o.wake {
		for {
			o.mu.Lock()
			b := o.pending
			if len(b) == 0 || o.closed {
				closed := o.closed
				o.mu.Unlock()
				if closed {
					return
				}
				break
			}
			o.pending = o.spare[:0]
			o.spare = nil
			close(o.space)
			o.space = make(chan struct{})
			o.mu.Unlock()

			if _, err := o.conn.Write(b); err != nil {
				o.close()
				return
			}
			if cap(b) <= 1<<20 {
				o.mu.Lock()
				o.spare = b[:0]
				o.mu.Unlock()
			}
		}
	}
}

// close closes the connection; what was not written is dropped.
func (o *outbox) close() {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.space)
		o.space = make(chan struct{})
	}
	o.mu.Unlock()
	_ = o.conn.Close()
	o.signal()
}
