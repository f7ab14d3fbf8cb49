package partitions

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

// A node that is stopped, or whose network swallows what is sent, leaves calls
// hanging although another leader has been elected long ago. While calls to a node
// are under way it is pinged; where it does not answer, they are given up, and new
// ones fail at once until it does.
const (
	pingEvery   = 500 * time.Millisecond
	pingTimeout = 2 * time.Second
	// watchIdle is for how long a node is watched after the last call.
	watchIdle = 10 * time.Second
)

// watch looks after the calls to one node.
type watch struct {
	c    *Client
	node object.NodeID

	mu      sync.Mutex // guards what follows
	calls   int        // under way
	last    time.Time  // when the last call began or ended
	running bool       // a goroutine pings
	suspect bool       // the node did not answer the last ping
	alive   context.Context
	abandon context.CancelFunc // ends alive, and with it the calls under way
}

func (c *Client) watch(node object.NodeID) *watch {
	c.mu.RLock()
	w := c.watches[node]
	c.mu.RUnlock()
	if w != nil {
		return w
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w = c.watches[node]; w == nil {
		w = &watch{c: c, node: node}
		w.alive, w.abandon = context.WithCancel(context.Background())
		c.watches[node] = w
	}
	return w
}

// call is Network.Call that does not outlast the node's life. An error is
// cluster.ErrInterrupted where the node may have acted on the call.
func (c *Client) call(ctx context.Context, node object.NodeID, method uint16, request []byte) ([]byte, error) {
	if node == "" {
		return nil, &cluster.NotLeader{}
	}
	if node == c.node || c.closingContext.Err() != nil && ctx.Value(farewellKey{}) != nil {
		return c.network.Call(ctx, node, method, request)
	}
	w := c.watch(node)
	alive, err := w.enter()
	if err != nil {
		return nil, err
	}
	defer w.leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(alive, cancel)
	defer stop()
	answer, err := c.network.Call(ctx, node, method, request)
	if err != nil && alive.Err() != nil {
		return nil, fmt.Errorf("node %s does not answer: %w", node, cluster.ErrInterrupted)
	}
	return answer, err
}

func (w *watch) enter() (context.Context, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	if !w.running && w.c.startBackground(w.run) {
		w.running = true
	}
	if w.suspect {
		return nil, fmt.Errorf("node %s does not answer: %w", w.node, cluster.ErrUnreachable)
	}
	w.calls++
	return w.alive, nil
}

func (w *watch) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls--
	w.last = time.Now()
}

// run pings the node as long as it is called.
func (w *watch) run() {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-w.c.closing:
			w.mu.Lock()
			w.running = false
			w.abandon()
			w.mu.Unlock()
			return
		case <-ticker.C:
		}
		w.mu.Lock()
		if w.calls == 0 && time.Since(w.last) > watchIdle {
			w.running, w.suspect = false, false
			w.mu.Unlock()
			return
		}
		needed := w.calls > 0 || w.suspect
		w.mu.Unlock()
		if needed {
			w.note(w.ping())
		}
	}
}

// ping reports whether the node answers, or its network says that it is down: then
// calls fail by themselves.
func (w *watch) ping() bool {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	stop := context.AfterFunc(w.c.closingContext, cancel)
	defer stop()
	_, err := w.c.network.Call(ctx, w.node, methodPing, nil)
	return err == nil || ctx.Err() == nil
}

func (w *watch) note(answers bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.suspect == answers {
		if answers {
			w.c.cfg.Logger.Info("node answers again", "peer", w.node)
		} else {
			w.c.cfg.Logger.Warn("node does not answer: calls to it are given up", "peer", w.node, "calls", w.calls)
		}
	}
	if w.suspect = !answers; w.suspect {
		w.abandon()
		w.alive, w.abandon = context.WithCancel(context.Background())
	}
}
