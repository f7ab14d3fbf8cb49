package cluster

import (
	"bufio"
	"context"
	"net"
	"sync"
	"testing"
)

// A peer that does not read holds up nobody before the bound, and gets whole frames,
// each sender's in order, when it reads.
func TestOutboxOfASlowPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	o := newOutbox(conn)
	if o.raw == nil {
		t.Fatal("a TCP connection cannot be written to without waiting")
	}
	var running sync.WaitGroup
	running.Go(o.run)
	defer running.Wait()
	defer o.close()

	const senders, each = 4, 50
	body := make([]byte, 50_000) // all together: more than sockets take, less than the bound
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for i := range each {
				if !o.send(t.Context(), frameRequest, uint64(s)<<32|uint64(i), body) {
					t.Error("not sent")
				}
			}
		})
	}
	sending.Wait() // nobody has read yet

	// Beyond the bound a sender waits, as long as it likes.
	ctx, cancel := context.WithCancel(t.Context())
	var extra int
	for ; ; extra++ {
		o.mu.Lock()
		full := len(o.pending) >= outboxBytes
		o.mu.Unlock()
		if full {
			break
		}
		o.send(ctx, frameResponse, 0, make([]byte, 1<<20))
	}
	cancel()
	if o.send(ctx, frameResponse, 0, body) {
		t.Error("sent beyond the bound")
	}

	r := bufio.NewReader(peer)
	var next [senders]uint64
	for range senders*each + extra {
		kind, id, b, err := readFrame(r)
		if err != nil {
			t.Fatal(err)
		}
		if kind == frameResponse {
			continue
		}
		s := id >> 32
		if id&0xffffffff != next[s] || len(b) != len(body) {
			t.Fatalf("sender %d: frame %d with %d bytes, want frame %d", s, id&0xffffffff, len(b), next[s])
		}
		next[s]++
	}
}

func TestOutboxOfALostPeer(t *testing.T) {
	here, there := net.Pipe()
	o := newOutbox(here)
	var running sync.WaitGroup
	running.Go(o.run)
	_ = there.Close()
	for o.send(t.Context(), frameRequest, 1, make([]byte, 1000)) {
		// until the loss is noticed
	}
	running.Wait()
	o.close()
}
