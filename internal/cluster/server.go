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
// its own and returns when ctx ends.
type Handler func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error)

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
			method := binary.BigEndian.Uint16(body)
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
				answer, err := t.dispatch(callCtx, from, method, body[10:])
				if err != nil {
					out.send(ctx, frameError, id, appendError(nil, err))
					return
				}
				out.send(ctx, frameResponse, id, answer)
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

// dispatch runs the handler of a method. A handler that panics fails its call,
// not the node.
func (t *Transport) dispatch(ctx context.Context, from object.NodeID, method uint16, req []byte) (answer []byte, err error) {
	t.mu.RLock()
	h := t.handlers[method]
	t.mu.RUnlock()
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
