package cluster

import (
	"context"
	"net"
	"sync"
	"syscall"
)

const (
	// outboxBytes bounds what may wait to be written to one connection. A sender
	// that finds it full waits.
	outboxBytes = 16 << 20
	// triesPerSend bounds the writes that a sender does for others, too, before it
	// leaves them to the outbox's own goroutine.
	triesPerSend = 2
)

// outbox writes frames to a connection. Who sends while nobody writes does it
// himself, as far as the socket takes it without waiting; frames of others that
// gather meanwhile go out together. What would wait is left to run.
type outbox struct {
	conn net.Conn
	raw  syscall.RawConn // nil: all is left to run

	mu      sync.Mutex // guards what follows
	pending []byte
	spare   []byte
	space   chan struct{} // closed when pending was taken; nil while nobody waits
	writing bool          // somebody writes, and will write what is pending
	closed  bool

	// Of who has set writing, which it hands to run with a token in wake:
	rest  []byte // to be written before what is pending
	tried []byte // argument of try
	n     int    // result of try
	err   error  // result of try
	try   func(fd uintptr) bool

	wake chan struct{}
}

// newOutbox returns an outbox. Its owner runs run.
func newOutbox(conn net.Conn) *outbox {
	o := &outbox{conn: conn, wake: make(chan struct{}, 1)}
	if c, ok := conn.(syscall.Conn); ok {
		o.raw, _ = c.SyscallConn()
	}
	o.try = func(fd uintptr) bool {
		for o.n < len(o.tried) {
			n, err := syscall.Write(int(fd), o.tried[o.n:])
			switch {
			case err == syscall.EINTR:
			case err != nil:
				if err != syscall.EAGAIN {
					o.err = err
				}
				return true
			default:
				o.n += n
			}
		}
		return true
	}
	return o
}

// send queues one frame, or writes it. It reports false if the connection is closed
// or ctx ended while the outbox was full: nothing was queued then.
func (o *outbox) send(ctx context.Context, kind byte, id uint64, parts ...[]byte) bool {
	for {
		o.mu.Lock()
		if o.closed {
			o.mu.Unlock()
			return false
		}
		if len(o.pending) < outboxBytes {
			o.pending = appendFrame(o.pending, kind, id, parts...)
			o.push()
			return true
		}
		if o.space == nil {
			o.space = make(chan struct{})
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

// sendSmall sends one frame without a body. It does not wait: there are no more of
// these than there are calls.
func (o *outbox) sendSmall(kind byte, id uint64) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	o.pending = appendFrame(o.pending, kind, id)
	o.push()
}

// push sees to it that what is pending is written. mu is held, and released.
func (o *outbox) push() {
	if o.writing {
		o.mu.Unlock()
		return
	}
	o.writing = true
	for range triesPerSend {
		if o.raw == nil {
			break
		}
		o.tried, o.n, o.err = o.take(), 0, nil
		o.mu.Unlock()
		err := o.raw.Write(o.try)
		if err == nil {
			err = o.err
		}
		if err != nil {
			o.close()
			return
		}
		o.mu.Lock()
		if o.n < len(o.tried) {
			o.rest = o.tried[o.n:]
			break
		}
		o.recycle(o.tried)
		if len(o.pending) == 0 {
			o.writing = false
			o.mu.Unlock()
			return
		}
	}
	o.mu.Unlock()
	o.signal()
}

// take takes what is pending. mu is held.
func (o *outbox) take() []byte {
	b := o.pending
	o.pending, o.spare = o.spare[:0], nil
	if o.space != nil {
		close(o.space)
		o.space = nil
	}
	return b
}

// recycle keeps a buffer that was written. mu is held.
func (o *outbox) recycle(b []byte) {
	if cap(b) <= 1<<20 {
		o.spare = b[:0]
	}
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run writes what senders have left, until the outbox is closed.
func (o *outbox) run() {
	for range o.wake {
		for {
			o.mu.Lock()
			if o.closed {
				o.mu.Unlock()
				return
			}
			b := o.rest
			if o.rest = nil; b == nil {
				b = o.take()
			}
			if len(b) == 0 {
				o.recycle(b)
				o.writing = false
				o.mu.Unlock()
				break
			}
			o.mu.Unlock()
			if _, err := o.conn.Write(b); err != nil {
				o.close()
				return
			}
			o.mu.Lock()
			o.recycle(b)
			o.mu.Unlock()
		}
	}
}

// close closes the connection; what was not written is dropped.
func (o *outbox) close() {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		if o.space != nil {
			close(o.space)
			o.space = nil
		}
	}
	o.mu.Unlock()
	_ = o.conn.Close()
	o.signal()
}
