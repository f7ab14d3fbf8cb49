package replication

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

// testNetwork carries calls in memory, and can be cut and frozen.
type testNetwork struct {
	mu     sync.Mutex // guards what follows
	nodes  map[object.NodeID]*testNode
	cut    map[[2]object.NodeID]bool
	frozen map[object.NodeID]chan struct{} // closed when answers to the node go on
	blocks func(from, to object.NodeID, method uint16) bool
	breaks []int // the next streams break after so many bytes
}

type testNode struct {
	net      *testNetwork
	id       object.NodeID
	mu       sync.Mutex // guards what follows
	up       bool
	handlers map[uint16]func(context.Context, object.NodeID, []byte) ([]byte, error)
	streams  map[string]func(context.Context, object.NodeID, net.Conn)
}

func newTestNetwork() *testNetwork {
	return &testNetwork{
		nodes: make(map[object.NodeID]*testNode), cut: make(map[[2]object.NodeID]bool),
		frozen: make(map[object.NodeID]chan struct{}),
	}
}

// node returns a node's end of the network, empty and up.
func (n *testNetwork) node(id object.NodeID) *testNode {
	n.mu.Lock()
	defer n.mu.Unlock()
	node := &testNode{net: n, id: id, up: true,
		handlers: make(map[uint16]func(context.Context, object.NodeID, []byte) ([]byte, error)),
		streams:  make(map[string]func(context.Context, object.NodeID, net.Conn)),
	}
	n.nodes[id] = node
	return node
}

// split cuts a node off from all others, or joins it to them again.
func (n *testNetwork) split(id object.NodeID, off bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for other := range n.nodes {
		n.cut[[2]object.NodeID{id, other}] = off && other != id
		n.cut[[2]object.NodeID{other, id}] = off && other != id
	}
}

// freeze holds back calls to a node, and the answers to its own, as sockets do while
// a process is stopped; thaw delivers them.
func (n *testNetwork) freeze(id object.NodeID) (thaw func()) {
	c := make(chan struct{})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.frozen[id] = c
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.frozen[id] == c {
			delete(n.frozen, id)
			close(c)
		}
	}
}

// block refuses the calls that f names.
func (n *testNetwork) block(f func(from, to object.NodeID, method uint16) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks = f
}

func (n *testNetwork) reach(from, to object.NodeID, method uint16) (*testNode, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	node := n.nodes[to]
	if node == nil || n.cut[[2]object.NodeID{from, to}] || (n.blocks != nil && n.blocks(from, to, method)) {
		return nil, fmt.Errorf("%s: %w", to, cluster.ErrUnreachable)
	}
	return node, nil
}

// thawed waits while a node is frozen.
func (n *testNetwork) thawed(id object.NodeID) {
	n.mu.Lock()
	frozen := n.frozen[id]
	n.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
}

func (n *testNode) Node() object.NodeID { return n.id }

func (n *testNode) Handle(method uint16, h func(context.Context, object.NodeID, []byte) ([]byte, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handlers[method] = h
}

func (n *testNode) HandleQuick(method uint16, h func(context.Context, object.NodeID, []byte) ([]byte, error)) {
	n.Handle(method, h)
}

func (n *testNode) HandleStream(name string, h func(context.Context, object.NodeID, net.Conn)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.streams[name] = h
}

// down makes the node unreachable for good.
func (n *testNode) down() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.up = false
}

func (n *testNode) Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error) {
	node, err := n.net.reach(n.id, to, method)
	if err != nil {
		return nil, err
	}
	node.mu.Lock()
	h, up := node.handlers[method], node.up
	node.mu.Unlock()
	if !up || h == nil {
		return nil, fmt.Errorf("%s: %w", to, cluster.ErrUnreachable)
	}
	type answer struct {
		b   []byte
		err error
	}
	done := make(chan answer, 1)
	req = append([]byte(nil), req...)
	go func() {
		n.net.thawed(to)
		b, err := h(ctx, n.id, req)
		n.net.thawed(n.id)
		if _, cut := n.net.reach(n.id, to, method); cut != nil {
			return // the answer is lost
		}
		done <- answer{b, err}
	}()
	select {
	case a := <-done:
		return a.b, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", cluster.ErrInterrupted, ctx.Err())
	}
}

func (n *testNode) DialStream(ctx context.Context, to object.NodeID, name string) (net.Conn, error) {
	node, err := n.net.reach(n.id, to, 0)
	if err != nil {
		return nil, err
	}
	node.mu.Lock()
	h, up := node.streams[name], node.up
	node.mu.Unlock()
	if !up || h == nil {
		return nil, errors.New("no such stream")
	}
	here, there := net.Pipe()
	go h(context.Background(), n.id, there)
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	if len(n.net.breaks) > 0 {
		here = &brokenConn{Conn: here, left: n.net.breaks[0]}
		n.net.breaks = n.net.breaks[1:]
	}
	return here, nil
}

// brokenConn breaks after some bytes were read.
type brokenConn struct {
	net.Conn
	left int
}

func (c *brokenConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("connection reset")
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// breakStreams makes the next streams break after so many bytes.
func (n *testNetwork) breakStreams(after ...int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.breaks = after
}

func (n *testNetwork) breaksLeft() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.breaks)
}
