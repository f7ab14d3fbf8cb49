package cluster

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

const (
	connectionsPerPeer = 2
	maxCallsWaiting    = 1 << 16
	dialTimeout        = 2 * time.Second
	redialAfterFailure = 100 * time.Millisecond
)

// peer is this node's side of the calls to one other node.
type peer struct {
	t    *Transport
	node object.NodeID
	next atomic.Uint32
	conn [connectionsPerPeer]peerConn
}

// peerConn is one place for a connection; it is dialed when first used and
// again after it was lost.
type peerConn struct {
	mu       sync.Mutex // guards what follows
	current  *callConn
	dialing  chan struct{} // closed when the attempt is over; nil for none
	failedAt time.Time
	failure  error
}

// callConn is one connection with the calls that wait on it.
type callConn struct {
	out  *outbox
	node object.NodeID

	mu      sync.Mutex
	waiting map[uint64]chan answer
	lastID  uint64
	dead    bool
}

type answer struct {
	body []byte
	err  error
}

var answerChannels = sync.Pool{New: func() any { return make(chan answer, 1) }}

func (p *peer) call(ctx context.Context, method uint16, req []byte) ([]byte, error) {
	if len(req) > maxFrameBytes/2 {
		return nil, fmt.Errorf("request of %d bytes is larger than a frame can be", len(req))
	}
	c, err := p.connection(ctx)
	if err != nil {
		return nil, err
	}
	ch := answerChannels.Get().(chan answer)
	id, err := c.register(ch)
	if err != nil {
		answerChannels.Put(ch)
		return nil, err
	}
	var head [10]byte
	binary.BigEndian.PutUint16(head[:2], method)
	if deadline, ok := ctx.Deadline(); ok {
		binary.BigEndian.PutUint64(head[2:], uint64(max(time.Until(deadline).Microseconds(), 1)))
	}
	if !c.out.send(ctx, frameRequest, id, head[:], req) {
		if c.forget(id) {
			answerChannels.Put(ch)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w", p.node, ErrUnreachable)
	}
	select {
	case a := <-ch:
		answerChannels.Put(ch)
		return a.body, a.err
	case <-ctx.Done():
		if c.forget(id) {
			answerChannels.Put(ch)
			c.out.sendSmall(frameCancel, id)
			return nil, fmt.Errorf("%w: %w", ErrInterrupted, ctx.Err())
		}
		a := <-ch
		answerChannels.Put(ch)
		return a.body, a.err
	}
}

// connection returns a live connection, dialing if need be. Who comes while it is
// being dialed waits with the others.
func (p *peer) connection(ctx context.Context) (*callConn, error) {
	slot := &p.conn[p.next.Add(1)%connectionsPerPeer]
	for {
		slot.mu.Lock()
		if c := slot.current; c != nil && !c.isDead() {
			slot.mu.Unlock()
			return c, nil
		}
		if slot.dialing == nil {
			if time.Since(slot.failedAt) < redialAfterFailure {
				err := slot.failure
				slot.mu.Unlock()
				return nil, fmt.Errorf("%s: %w: %v", p.node, ErrUnreachable, err)
			}
			done := make(chan struct{})
			if !p.t.spawn(func() { p.dialSlot(slot, done) }) {
				slot.mu.Unlock()
				return nil, ErrClosed
			}
			slot.dialing = done
		}
		done := slot.dialing
		slot.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w: %w", p.node, ErrUnreachable, ctx.Err())
		}
	}
}

// dialSlot makes the connection of a slot.
func (p *peer) dialSlot(slot *peerConn, done chan struct{}) {
	ctx, cancel := context.WithTimeout(p.t.ctx, dialTimeout)
	defer cancel()
	conn, err := p.t.dial(ctx, p.node, purposeCalls)
	var c *callConn
	if err == nil {
		c = &callConn{out: newOutbox(conn), node: p.node, waiting: make(map[uint64]chan answer)}
		p.t.track(conn, p.node)
		if !p.t.spawn(c.out.run) || !p.t.spawn(func() {
			defer p.t.untrack(conn)
			c.receive(conn)
		}) {
			c.out.close()
			c, err = nil, ErrClosed
		}
	}
	slot.mu.Lock()
	defer slot.mu.Unlock()
	slot.dialing = nil
	if err != nil {
		slot.failedAt, slot.failure = time.Now(), err
	} else {
		slot.current, slot.failedAt = c, time.Time{}
	}
	close(done)
}

func (c *callConn) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *callConn) register(ch chan answer) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return 0, fmt.Errorf("%s: %w", c.node, ErrUnreachable)
	}
	if len(c.waiting) >= maxCallsWaiting {
		return 0, fmt.Errorf("%s: %w", c.node, ErrOverloaded)
	}
	c.lastID++
	c.waiting[c.lastID] = ch
	return c.lastID, nil
}

// forget takes a call back. It reports false if an answer is in the channel or
// about to be.
func (c *callConn) forget(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.waiting[id]
	delete(c.waiting, id)
	return ok
}

func (c *callConn) receive(conn net.Conn) {
	r := bufio.NewReaderSize(conn, 64<<10)
	for {
		kind, id, body, err := readFrame(r)
		if err != nil {
			c.fail(err)
			return
		}
		a := answer{body: body}
		if kind == frameError {
			a = answer{err: decodeError(c.node, body)}
		}
		c.mu.Lock()
		ch, ok := c.waiting[id]
		delete(c.waiting, id)
		c.mu.Unlock()
		if ok {
			ch <- a
		}
	}
}

// fail ends the connection and every call that waits on it.
func (c *callConn) fail(cause error) {
	c.out.close()
	c.mu.Lock()
	waiting := c.waiting
	c.waiting = nil
	c.dead = true
	c.mu.Unlock()
	if errors.Is(cause, net.ErrClosed) {
		cause = errors.New("connection closed")
	}
	for _, ch := range waiting {
		ch <- answer{err: fmt.Errorf("%s: %w: %v", c.node, ErrInterrupted, cause)}
	}
}
