package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// maxConnections bounds the connections that peers have open to this node.
const maxConnections = 1024

// Config says who this node is and whom it talks to.
type Config struct {
	Node    object.NodeID
	Cluster string // nodes of other clusters are turned away
	// Peers gives the address of each node, this one included.
	Peers  map[object.NodeID]string
	Logger *slog.Logger // nil: discarded
}

// StreamHandler serves a stream that a peer opened. It owns the connection.
type StreamHandler func(ctx context.Context, from object.NodeID, conn net.Conn)

// Transport is a node's end of all connections to its peers.
type Transport struct {
	cfg      Config
	listener net.Listener
	ctx      context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu      sync.RWMutex // guards what follows
	methods map[uint16]method
	streams map[string]StreamHandler
	peers   map[object.NodeID]*peer
	open    map[net.Conn]object.NodeID
	allow   func(object.NodeID) bool
	closed  bool
}

// Listen starts to serve peers on the listener, which the transport owns from
// then on.
func Listen(listener net.Listener, cfg Config) (*Transport, error) {
	if cfg.Node == "" {
		return nil, errors.New("cluster: node id is missing")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	t := &Transport{
		cfg: cfg, listener: listener, ctx: ctx, stop: stop,
		methods: make(map[uint16]method),
		streams: make(map[string]StreamHandler),
		peers:   make(map[object.NodeID]*peer),
		open:    make(map[net.Conn]object.NodeID),
	}
	for node := range cfg.Peers {
		if node != cfg.Node {
			t.peers[node] = &peer{t: t, node: node}
		}
	}
	t.running.Go(t.accept)
	return t, nil
}

// spawn runs f on a goroutine that Close waits for. It reports false after Close.
func (t *Transport) spawn(f func()) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return false
	}
	t.running.Go(f)
	return true
}

// Node returns the name of this node.
func (t *Transport) Node() object.NodeID { return t.cfg.Node }

// Addr returns the address that the transport listens on.
func (t *Transport) Addr() net.Addr { return t.listener.Addr() }

// Handle registers the handler of a method. Methods are numbered by the packages
// that own them: 0x01.. partitions, 0x02.. oracle, 0x03.. server, 0x04..
// replication.
func (t *Transport) Handle(number uint16, h func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.methods[number] = method{handle: h}
}

// HandleQuick is Handle for a handler that neither waits nor takes long: it runs on
// the goroutine that reads the caller's connection.
func (t *Transport) HandleQuick(number uint16, h func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.methods[number] = method{handle: h, quick: true}
}

// HandleStream registers the handler of streams with a name.
func (t *Transport) HandleStream(name string, h func(ctx context.Context, from object.NodeID, conn net.Conn)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams[name] = h
}

// Call sends a request to a node and waits for the answer. Errors are those of
// the handler (*pgerror.Error, *NotLeader, *RemoteError), or ErrUnreachable,
// ErrOverloaded, ErrClosed (not sent), or ErrInterrupted (may have been handled).
// The deadline of ctx, and its end, reach the handler.
func (t *Transport) Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error) {
	if to == t.cfg.Node {
		return t.dispatch(ctx, to, method, t.method(method).handle, req)
	}
	t.mu.RLock()
	p, closed := t.peers[to], t.closed
	t.mu.RUnlock()
	if closed {
		return nil, ErrClosed
	}
	if p == nil {
		return nil, fmt.Errorf("node %q is not in the configuration: %w", to, ErrUnreachable)
	}
	return p.call(ctx, method, req)
}

// DialStream opens a stream to a node. The handler that is registered there
// under the name serves it.
func (t *Transport) DialStream(ctx context.Context, to object.NodeID, name string) (net.Conn, error) {
	conn, err := t.dial(ctx, to, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %v", to, ErrUnreachable, err)
	}
	t.track(conn, to)
	return &trackedConn{Conn: conn, t: t}, nil
}

// trackedConn leaves the transport's books when it is closed.
type trackedConn struct {
	net.Conn
	t *Transport
}

// Close closes the connection.
func (c *trackedConn) Close() error {
	c.t.untrack(c.Conn)
	return c.Conn.Close()
}

func (t *Transport) dial(ctx context.Context, to object.NodeID, purpose string) (net.Conn, error) {
	t.mu.RLock()
	addr, known := t.cfg.Peers[to]
	allowed := t.allow == nil || t.allow(to)
	closed := t.closed
	t.mu.RUnlock()
	switch {
	case closed:
		return nil, ErrClosed
	case !known:
		return nil, fmt.Errorf("node %q is not in the configuration", to)
	case !allowed:
		return nil, errors.New("cut off by a netsplit")
	}
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := greet(conn, hello{cluster: t.cfg.Cluster, from: t.cfg.Node, to: to, purpose: purpose}); err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return conn, nil
}

func (t *Transport) accept() {
	slots := make(chan struct{}, maxConnections)
	for {
		conn, err := t.listener.Accept()
		if err != nil {
			if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			t.cfg.Logger.Warn("cluster port: accept failed", "error", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if len(slots) == cap(slots) {
			t.cfg.Logger.Warn("cluster port: too many connections", "address", conn.RemoteAddr().String())
			_ = conn.Close()
			continue
		}
		slots <- struct{}{}
		if !t.spawn(func() {
			defer func() { <-slots }()
			t.serve(conn)
		}) {
			_ = conn.Close()
			return
		}
	}
}

// serve greets an accepted connection and hands it to whom it is for.
func (t *Transport) serve(conn net.Conn) {
	defer conn.Close()
	t.track(conn, "") // so that Close ends the handshake
	defer t.untrack(conn)
	_ = conn.SetDeadline(time.Now().Add(handshakeTimeout))
	h, err := readHello(conn)
	if err != nil {
		_ = writeShort(conn, err.Error())
		return
	}
	t.mu.RLock()
	stream := t.streams[h.purpose]
	allowed := t.allow == nil || t.allow(h.from)
	_, known := t.cfg.Peers[h.from]
	t.mu.RUnlock()

	var refusal string
	level := slog.LevelWarn
	switch {
	case h.cluster != t.cfg.Cluster:
		refusal = fmt.Sprintf("this node belongs to cluster %q, the caller to %q", t.cfg.Cluster, h.cluster)
	case h.to != t.cfg.Node:
		refusal = fmt.Sprintf("this is node %q, not %q", t.cfg.Node, h.to)
	case !known:
		refusal = fmt.Sprintf("node %q is not in this node's configuration", h.from)
	case !allowed:
		return
	case h.purpose != purposeCalls && stream == nil:
		refusal = fmt.Sprintf("this node serves no stream %q", h.purpose)
		level = slog.LevelDebug // it is about to start, and the caller comes again
	}
	if refusal != "" {
		t.cfg.Logger.Log(t.ctx, level, "refused a connection on the cluster port", "from", h.from, "address", conn.RemoteAddr().String(), "reason", refusal)
	}
	if err := writeShort(conn, refusal); err != nil || refusal != "" {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	t.track(conn, h.from)
	if h.purpose == purposeCalls {
		t.serveCalls(conn, h.from)
		return
	}
	defer func() {
		if p := recover(); p != nil {
			t.cfg.Logger.Error("stream handler panicked", "stream", h.purpose, "from", h.from, "panic", p)
		}
	}()
	stream(t.ctx, h.from, conn)
}

// track notes an open connection, so that Close and SetFilter can end it.
func (t *Transport) track(conn net.Conn, node object.NodeID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[conn] = node
	if t.closed || (node != "" && t.allow != nil && !t.allow(node)) {
		_ = conn.Close()
	}
}

func (t *Transport) untrack(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, conn)
}

// SetFilter cuts this node off from the peers that allow refuses, as a netsplit
// would: open connections break, new ones are not made. nil ends the netsplit.
// It is for tests.
func (t *Transport) SetFilter(allow func(object.NodeID) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.allow = allow
	if allow == nil {
		return
	}
	for conn, node := range t.open {
		if node != "" && !allow(node) {
			_ = conn.Close()
		}
	}
}

// Close ends all connections and waits for the handlers. Calling it again is
// harmless.
func (t *Transport) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		t.running.Wait()
		return nil
	}
	t.closed = true
	for conn := range t.open {
		_ = conn.Close()
	}
	t.mu.Unlock()
	t.stop()
	err := t.listener.Close()
	t.running.Wait()
	return err
}
