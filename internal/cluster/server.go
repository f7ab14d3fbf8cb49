package cluster

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// maxCallsServed bounds the calls of one connection that are being handled. Its
// reader waits at the bound, so that a peer's flood stays with the peer.
const maxCallsServed = 1 << 14

// Handler answers a call. The request belongs to it. It runs on a goroutine of
// its own, unless it is quick, and returns when ctx ends.
type Handler func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error)

// method is what is registered for a method's number.
type method struct {
	handle Handler
	quick  bool // it runs on the goroutine that reads the connection
}

// serveCalls handles the calls of one connection until it is closed.
func (t *Transport) serveCalls(conn net.Conn, from object.NodeID) {
	ctx, stop := context.WithCancel(t.ctx)
	defer stop()
	out := newOutbox(conn)
	defer out.close()
	if !t.spawn(out.run) {
		return
	}

	var mu sync.Mutex
	cancels := make(map[uint64]context.CancelFunc)
	slots := make(chan struct{}, maxCallsServed)
	var handlers sync.WaitGroup
	defer handlers.Wait()
	defer stop()

	r := bufio.NewReaderSize(conn, 64<<10)
	for {
		kind, id, body, err := readFrame(r)
		if err != nil {
			return
		}
		switch kind {
		case frameCancel:
			mu.Lock()
			cancel := cancels[id]
			mu.Unlock()
			if cancel != nil {
				cancel()
			}
		case frameRequest:
			if len(body) < 10 {
				return
			}
			number := binary.BigEndian.Uint16(body)
			m := t.method(number)
			if m.quick {
				answer, err := t.dispatch(ctx, from, number, m.handle, body[10:])
				out.reply(ctx, id, answer, err)
				continue
			}
			timeout := time.Duration(binary.BigEndian.Uint64(body[2:10])) * time.Microsecond
			callCtx, cancel := withTimeout(ctx, timeout)
			mu.Lock()
			cancels[id] = cancel
			mu.Unlock()
			slots <- struct{}{}
			handlers.Go(func() {
				defer func() { // also where a handler ends its goroutine
					cancel()
					mu.Lock()
					delete(cancels, id)
					mu.Unlock()
					<-slots
				}()
				answer, err := t.dispatch(callCtx, from, number, m.handle, body[10:])
				out.reply(ctx, id, answer, err)
			})
		default:
			return
		}
	}
}

func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

func (t *Transport) method(number uint16) method {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.methods[number]
}

// reply sends the answer to a call.
func (o *outbox) reply(ctx context.Context, id uint64, answer []byte, err error) {
	if err != nil {
		o.send(ctx, frameError, id, appendError(nil, err))
		return
	}
	o.send(ctx, frameResponse, id, answer)
}

// dispatch runs the handler of a method. A handler that panics fails its call,
// not the node.
func (t *Transport) dispatch(ctx context.Context, from object.NodeID, method uint16, h Handler, req []byte) (answer []byte, err error) {
	if h == nil {
		return nil, &notServed{method}
	}
	defer func() {
		if p := recover(); p != nil {
			t.cfg.Logger.Error("call handler panicked", "method", fmt.Sprintf("0x%04x", method), "from", from, "panic", p)
			answer, err = nil, fmt.Errorf("internal error in method 0x%04x", method)
		}
	}()
	answer, err = h(ctx, from, req)
	if err == nil && len(answer) > maxFrameBytes-frameHeader {
		return nil, fmt.Errorf("answer of %d bytes is larger than a frame can be", len(answer))
	}
	return answer, err
}
