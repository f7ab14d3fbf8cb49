package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// network carries what nodes say to each other through proxies, one in front of each
// node's cluster port. A proxy reads from the greeting of a connection who has opened
// it, so that it can hold up what one node says to one other.
type network struct {
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	links   map[string]map[string]*link // by who sends, and to whom
}

// link is one direction between two nodes.
type link struct {
	delay atomic.Int64 // nanoseconds

	mu    sync.Mutex // guards what follows
	open  chan struct{}
	isCut bool
	conns map[net.Conn]bool
}

func newNetwork(names []string) *network {
	n := &network{links: make(map[string]map[string]*link)}
	n.ctx, n.stop = context.WithCancel(context.Background())
	for _, from := range names {
		n.links[from] = make(map[string]*link)
		for _, to := range names {
			l := &link{open: make(chan struct{}), conns: make(map[net.Conn]bool)}
			close(l.open)
			n.links[from][to] = l
		}
	}
	return n
}

// serve proxies connections that come to an address on to a node.
func (n *network) serve(l net.Listener, to, address string) {
	n.running.Go(func() {
		defer context.AfterFunc(n.ctx, func() { _ = l.Close() })()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n.running.Go(func() { n.forward(conn, to, address) })
		}
	})
}

// forward carries one connection.
func (n *network) forward(conn net.Conn, to, address string) {
	defer conn.Close()
	greeting, from, err := readGreeting(conn)
	if err != nil || n.links[from] == nil {
		return
	}
	out, back := n.links[from][to], n.links[to][from]
	if !out.wait(n.ctx) {
		return
	}
	peer, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(n.ctx, "tcp", address)
	if err != nil {
		return
	}
	defer peer.Close()
	for _, c := range []net.Conn{conn, peer} {
		for _, l := range []*link{out, back} {
			l.track(c, true)
			defer l.track(c, false)
		}
		defer context.AfterFunc(n.ctx, func() { _ = c.Close() })()
	}
	if _, err := peer.Write(greeting); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { n.carry(peer, conn, out) })
	both.Go(func() { n.carry(conn, peer, back) })
	both.Wait()
}

// readGreeting reads the greeting of the dialing side (internal/cluster: magic, version,
// four short strings) and tells who it is.
func readGreeting(r io.Reader) (greeting []byte, from string, err error) {
	read := func(n int) ([]byte, error) {
		at := len(greeting)
		greeting = append(greeting, make([]byte, n)...)
		_, err := io.ReadFull(r, greeting[at:])
		return greeting[at:], err
	}
	if _, err := read(len("SSMR") + 1); err != nil {
		return nil, "", err
	}
	for i := range 4 {
		length, err := read(1)
		if err != nil {
			return nil, "", err
		}
		text, err := read(int(length[0]))
		if err != nil {
			return nil, "", err
		}
		if i == 1 {
			from = string(text)
		}
	}
	return greeting, from, nil
}

// chunk is what was read at once.
type chunk struct {
	due  time.Time
	data []byte
}

const (
	chunkBytes  = 64 << 10
	chunksAhead = 64
)

// carry copies one direction of a connection, as late as its link says, until one of
// the sides ends.
func (n *network) carry(to, from net.Conn, l *link) {
	chunks := make(chan chunk, chunksAhead)
	n.running.Go(func() {
		defer close(chunks)
		for {
			buf := make([]byte, chunkBytes)
			k, err := from.Read(buf)
			if k > 0 {
				select {
				case chunks <- chunk{time.Now().Add(time.Duration(l.delay.Load())), buf[:k]}:
				case <-n.ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	for c := range chunks {
		if wait := time.Until(c.due); wait > 0 {
			select {
			case <-time.After(wait):
			case <-n.ctx.Done():
			}
		}
		if !l.wait(n.ctx) {
			break
		}
		if _, err := to.Write(c.data); err != nil {
			break
		}
	}
	l.wait(n.ctx) // the end of a connection does not get through either
	_, _ = to.Close(), from.Close()
	for range chunks {
	}
}

// wait returns when something can get through, false at the end of the run.
func (l *link) wait(ctx context.Context) bool {
	for {
		l.mu.Lock()
		open, isCut := l.open, l.isCut
		l.mu.Unlock()
		if !isCut {
			return ctx.Err() == nil
		}
		select {
		case <-open:
		case <-ctx.Done():
			return false
		}
	}
}

func (l *link) track(c net.Conn, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if open {
		l.conns[c] = true
	} else {
		delete(l.conns, c)
	}
}

// cut holds up what one node says to another. What was sent gets through, late, when
// the link is mended, as TCP sends it again.
func (n *network) cut(from, to string) {
	l := n.links[from][to]
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isCut {
		l.isCut, l.open = true, make(chan struct{})
	}
}

// mend lets everything through again, without delay. With reset, connections that
// were held up break.
func (n *network) mend(reset bool) {
	for _, to := range n.links {
		for _, l := range to {
			l.delay.Store(0)
			l.mu.Lock()
			if l.isCut {
				if reset {
					for c := range l.conns {
						_ = c.Close()
					}
				}
				l.isCut = false
				close(l.open)
			}
			l.mu.Unlock()
		}
	}
}

// slow delays what one node says to another.
func (n *network) slow(from, to string, delay time.Duration) {
	n.links[from][to].delay.Store(int64(delay))
}

func (n *network) close() {
	n.stop()
	n.mend(true)
	n.running.Wait()
}

// through opens proxies for nodes, and returns their addresses as the nodes'
// configuration has them.
func (n *network) through(names, addresses []string) ([]string, error) {
	var out []string
	for i, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		n.serve(l, name, addresses[i])
		out = append(out, fmt.Sprintf("%s=%s", name, l.Addr()))
	}
	return out, nil
}
