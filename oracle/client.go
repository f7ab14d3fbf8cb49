package oracle

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

const (
	// attemptFor bounds one attempt of a call: a node that does not answer for so
	// long is taken for dead, and another one is asked.
	attemptFor    = 1500 * time.Millisecond
	callRetry     = 5 * time.Millisecond
	callRetryMost = 200 * time.Millisecond
)

// ClientConfig configures a node's way to the oracle.
type ClientConfig struct {
	Transport Transport
	// Replicas are the nodes that hold a replica of the oracle.
	Replicas []object.NodeID
	// Local is this node's service; nil where it holds no replica.
	Local  *Service
	Logger *slog.Logger // nil: discarded
}

// Client calls the oracle's leader, wherever it is. Its calls are idempotent, so
// it tries again until their ctx ends.
type Client struct {
	cfg    ClientConfig
	logger *slog.Logger
	leader atomic.Pointer[object.NodeID] // as far as is known
	next   atomic.Uint32                 // whom to ask where no leader is known
}

// NewClient makes a client. It does nothing by itself.
func NewClient(cfg ClientConfig) (*Client, error) {
	if cfg.Transport == nil || len(cfg.Replicas) == 0 {
		return nil, errors.New("oracle: a client needs a transport and the names of the oracle's replicas")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{cfg: cfg, logger: cfg.Logger}
	if i := slices.Index(cfg.Replicas, cfg.Transport.Node()); i > 0 {
		c.next.Store(uint32(i))
	}
	return c, nil
}

// Leader returns the node that led the oracle when it last answered; empty where
// none is known.
func (c *Client) Leader() object.NodeID {
	if p := c.leader.Load(); p != nil {
		return *p
	}
	return ""
}

// follow notes who leads; empty: it is not known.
func (c *Client) follow(leader object.NodeID) {
	if leader == "" || !slices.Contains(c.cfg.Replicas, leader) {
		c.leader.Store(nil)
		return
	}
	c.leader.Store(&leader)
}

// target returns whom to ask.
func (c *Client) target() object.NodeID {
	if p := c.leader.Load(); p != nil {
		return *p
	}
	return c.cfg.Replicas[int(c.next.Add(1)-1)%len(c.cfg.Replicas)]
}

// call sends a request to the leader until it is answered. Errors are those of
// the handler, or of ctx.
func (c *Client) call(ctx context.Context, method uint16, req []byte) ([]byte, error) {
	delay := callRetry
	redirected := false
	for {
		node := c.target()
		attempt, cancel := context.WithTimeout(ctx, patience(method))
		answer, err := c.cfg.Transport.Call(attempt, node, method, req)
		cancel()
		if err == nil {
			if p := c.leader.Load(); p == nil || *p != node {
				c.follow(node)
			}
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("the oracle did not answer: %w", ctx.Err())
		}
		var notLeader *cluster.NotLeader
		switch {
		case errors.As(err, &notLeader):
			c.follow(notLeader.Leader)
			// A redirect is followed at once, but not in circles.
			if redirected = !redirected && notLeader.Leader != "" && notLeader.Leader != node; redirected {
				continue
			}
		case errors.Is(err, cluster.ErrUnreachable), errors.Is(err, cluster.ErrInterrupted), errors.Is(err, context.DeadlineExceeded):
			c.forget(node)
		case errors.Is(err, cluster.ErrOverloaded):
		default:
			return nil, err
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, fmt.Errorf("the oracle did not answer: %w (last: %w)", ctx.Err(), err)
		}
		delay = min(2*delay, callRetryMost)
	}
}

// patience is how long one attempt of a call may take: some answers are held back.
func patience(method uint16) time.Duration {
	switch method {
	case methodAssign, methodMove, methodSchema, methodInitialise:
		return holdFor + attemptFor
	}
	return attemptFor
}

// forget drops the belief that a node leads.
func (c *Client) forget(node object.NodeID) {
	if p := c.leader.Load(); p != nil && *p == node {
		c.leader.CompareAndSwap(p, nil)
	}
}

// subscribe opens a stream of updates to whoever is thought to lead.
func (c *Client) subscribe(ctx context.Context) (net.Conn, error) {
	node := c.target()
	if c.cfg.Local != nil && node == c.cfg.Transport.Node() {
		near, far := net.Pipe()
		go c.cfg.Local.serveUpdates(context.Background(), node, far) // until near is closed
		return near, nil
	}
	conn, err := c.cfg.Transport.DialStream(ctx, node, streamUpdates)
	if err != nil {
		c.forget(node)
	}
	return conn, err
}

// Initialise tells a new cluster which partitions it has, and returns when these
// know their slots. A cluster that has been told keeps what it was told first.
func (c *Client) Initialise(ctx context.Context, partitions []catalog.Partition) error {
	req, err := json.Marshal(initialise{Partitions: partitions})
	if err != nil {
		return err
	}
	for {
		answer, err := c.call(ctx, methodInitialise, req)
		if err != nil {
			return fmt.Errorf("initialise the cluster: %w", err)
		}
		if len(answer) == 1 && answer[0] == 1 {
			return nil
		}
	}
}

// Moves returns the moves that the oracle remembers, oldest first.
func (c *Client) Moves(ctx context.Context) ([]catalog.Move, error) {
	answer, err := c.call(ctx, methodMoves, nil)
	if err != nil {
		return nil, err
	}
	var moves []catalog.Move
	if err := json.Unmarshal(answer, &moves); err != nil {
		return nil, errMalformed
	}
	return moves, nil
}

// schema asks for a schema change until it is done.
func (c *Client) schema(ctx context.Context, m *schemaRequest) (*schemaReply, error) {
	_, _ = rand.Read(m.Request[:])
	req, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	for {
		answer, err := c.call(ctx, methodSchema, req)
		if err != nil {
			return nil, unknownOutcome(err, "schema change")
		}
		reply := new(schemaReply)
		if err := json.Unmarshal(answer, reply); err != nil {
			return nil, errMalformed
		}
		switch {
		case reply.Pending:
		case reply.Err != nil:
			return nil, reply.Err
		default:
			return reply, nil
		}
	}
}

// unknownOutcome makes 40003 of an error that says nothing about the outcome.
func unknownOutcome(err error, what string) error {
	if pgerror.As(err) != nil {
		return err
	}
	return fmt.Errorf("%w: %w", pgerror.New(pgerror.StatementCompletionUnknown, "whether the %s took effect is unknown", what).
		WithDetail("%v", err), err)
}

// move asks for moves until all are finished. What is not when ctx ends is
// MoveUnknown.
func (c *Client) move(ctx context.Context, request catalog.MoveRequest) ([]catalog.MoveResult, error) {
	results := make([]catalog.MoveResult, len(request.IDs))
	left := make([]int, len(request.IDs))
	for i := range left {
		left[i] = i
	}
	moved := make(map[int]bool) // seen under way, so that "already there" is by this request
	for len(left) > 0 {
		ask := part(&request, left)
		answer, err := c.call(ctx, methodMove, appendMoveRequest(nil, &ask))
		if err != nil {
			return results, unknownOutcome(err, "move")
		}
		answers := decodeMoveResults(answer)
		if len(answers) != len(left) {
			return results, errMalformed
		}
		pending := left[:0]
		for n, r := range answers {
			i := left[n]
			switch {
			case r == movePending:
				moved[i] = true
				pending = append(pending, i)
			case r == catalog.AlreadyThere && moved[i]:
				results[i] = catalog.Moved
			default:
				results[i] = r
			}
		}
		left = pending
	}
	return results, nil
}

// part is a request for some of the objects of another.
func part(m *catalog.MoveRequest, indexes []int) catalog.MoveRequest {
	some := catalog.MoveRequest{To: m.To, Pin: m.Pin, Origin: m.Origin}
	for _, i := range indexes {
		some.IDs = append(some.IDs, m.IDs[i])
		if m.Reasons != nil {
			some.Reasons = append(some.Reasons, m.Reasons[i])
		}
		if m.Bytes != nil {
			some.Bytes = append(some.Bytes, m.Bytes[i])
		}
	}
	return some
}
