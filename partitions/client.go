package partitions

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Client sends commands and reads to the leaders of partitions. Its methods may
// be called from many goroutines. A node has one.
type Client struct {
	cfg     ClientConfig
	network Network
	service *Service // nil where the node holds no replicas
	node    object.NodeID

	counters  counters
	sequence  atomic.Uint64 // of the last transaction
	undecided sync.Map      // sequences of transactions whose outcome this node is about to decide
	sessions  sessions
	crowds    crowds
	rounds    rounds

	mu         sync.RWMutex // guards what follows
	lanes      map[object.PartitionID]*lane
	watches    map[object.NodeID]*watch
	concluders map[object.PartitionID]*concluder
	closed     bool

	closing        <-chan struct{} // of closingContext
	closingContext context.Context
	stop           context.CancelFunc
	background     sync.WaitGroup
	closers        chan struct{} // a token for each CloseCursor under way

	randMu sync.Mutex // guards cfg.Rand
}

// closesAtOnce bounds the CloseCursor calls to other nodes that are under way;
// what is beyond is left to the cursors' idle time.
const (
	closesAtOnce = 64
	closeTimeout = 2 * time.Second
)

func (c ClientConfig) withDefaults() ClientConfig {
	if c.Patience == 0 {
		c.Patience = time.Minute
	}
	if c.Grace == 0 {
		c.Grace = 2 * time.Second
	}
	if c.Outstanding == 0 {
		c.Outstanding = 1 << 16
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return c
}

// NewClient makes the node's client. service is the node's own, which is called
// directly where it leads; nil where the node holds no replicas.
func NewClient(cfg ClientConfig, network Network, service *Service) (*Client, error) {
	switch {
	case cfg.Incarnation == 0:
		return nil, errors.New("partitions: the client's incarnation is missing")
	case cfg.Replicas == nil:
		return nil, errors.New("partitions: the client does not know where replicas are")
	case cfg.Outstanding < 0 || cfg.Outstanding > 1<<16:
		return nil, errors.New("partitions: Outstanding must be from 1 to 65536")
	case network == nil:
		return nil, errors.New("partitions: no network")
	}
	c := &Client{
		cfg: cfg.withDefaults(), network: network, service: service, node: network.Node(),
		lanes: make(map[object.PartitionID]*lane), watches: make(map[object.NodeID]*watch),
		concluders: make(map[object.PartitionID]*concluder), closers: make(chan struct{}, closesAtOnce), crowds: crowds{seed: maphash.MakeSeed()},
		sessions: sessions{locked: make(map[uint64]map[object.PartitionID]struct{})},
	}
	c.closingContext, c.stop = context.WithCancel(context.Background())
	c.closing = c.closingContext.Done()
	network.Handle(methodKnows, c.handleKnows)
	if service != nil {
		c.startBackground(c.recoverLoop)
	}
	return c, nil
}

// startBackground runs f on a goroutine that Close waits for; false after Close.
func (c *Client) startBackground(f func()) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return false
	}
	c.background.Go(f)
	return true
}

func (c *Client) lane(p object.PartitionID) *lane {
	c.mu.RLock()
	l := c.lanes[p]
	c.mu.RUnlock()
	if l != nil {
		return l
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if l = c.lanes[p]; l == nil {
		l = newLane(c.cfg.Outstanding)
		c.lanes[p] = l
	}
	return l
}

func (c *Client) jitter(most time.Duration) time.Duration {
	c.randMu.Lock()
	defer c.randMu.Unlock()
	return time.Duration(c.cfg.Rand.Int64N(int64(most) + 1))
}

// call is one command on its way.
type call struct {
	p       object.PartitionID
	id      object.CommandID
	body    command.Body
	request []byte // of methodExecute
	head    int    // where the command begins in it
}

// send has one command executed, at most once.
func (c *Client) send(ctx context.Context, p object.PartitionID, body command.Body) (any, error) {
	return c.sendWaiting(ctx, ctx, p, body)
}

// sendWaiting is send of a command that may wait for locks until the end of ctx, but for
// its answer until that of outer: only what waits for locks is taken back before.
func (c *Client) sendWaiting(ctx, outer context.Context, p object.PartitionID, body command.Body) (any, error) {
	l := c.lane(p)
	sequence, settled, err := l.begin(ctx)
	if err != nil {
		return nil, &Unanswered{Partition: p, Cause: err}
	}
	defer l.end(sequence)

	k := call{p: p, body: body, id: object.CommandID{Node: c.node, Incarnation: c.cfg.Incarnation, Sequence: sequence}}
	k.request = binary.AppendUvarint(append(make([]byte, 0, 256), 0), uint64(p))
	k.head = len(k.request)
	k.request = command.AppendBody(command.AppendHeader(k.request, k.id, settled), body)
	if err := checkBody(body, k.request[k.head:]); err != nil {
		return nil, err
	}
	r := route{c: c, p: p, l: l}
	outcome, err := c.try(ctx, &r, &k)
	if err != nil && r.unknown && ctx.Err() != nil {
		return c.insist(ctx, outer, &r, &k, err)
	}
	return outcome, err
}

func (c *Client) try(ctx context.Context, r *route, k *call) (any, error) {
	return reach(ctx, r, func(node object.NodeID) (any, error) { return c.ask(ctx, node, k, r.unknown) })
}

// checkBody refuses what the replicas could not decode: it must not get into a log.
func checkBody(body command.Body, encoded []byte) error {
	switch b := body.(type) {
	case *command.Write:
		if validWrite(b) {
			return nil
		}
	case *command.Prepare:
		if validPart(&b.Part) {
			return nil
		}
	case *command.Conclude, *command.Resolve, *command.Withdraw:
		return nil
	}
	_, err := command.DecodeCommand(encoded)
	return err
}

func validWrite(w *command.Write) bool {
	return w.Kind >= command.Create && w.Kind <= command.Delete && w.Conflict <= command.ConflictUpdates
}

func validPart(part *command.Part) bool {
	for i := range part.Effects {
		if part.Effects[i].Kind > command.EffectDelete {
			return false
		}
	}
	for _, w := range part.Writes {
		if !validWrite(w) {
			return false
		}
	}
	return true
}

// ask asks one node. conclusive says that an earlier attempt may be in the log.
func (c *Client) ask(ctx context.Context, node object.NodeID, k *call, conclusive bool) (any, error) {
	if node == c.node && c.service != nil {
		return c.service.execute(ctx, node, k.p, k.request[k.head:], k.body, conclusive)
	}
	request := k.request
	if conclusive {
		request = append([]byte{conclusiveFlag}, request[1:]...)
	}
	answer, err := c.call(ctx, node, methodExecute, request)
	if err != nil {
		return nil, err
	}
	return command.DecodeOutcome(answer)
}

// Execute has another command than a Write executed, at most once. The outcome is
// a *command.Departed for a Depart, a *command.Result for all others; Busy and
// Expired are tried again, because these commands are idempotent. A descriptor
// that could not be installed is an error.
func (c *Client) Execute(ctx context.Context, p object.PartitionID, body command.Body) (any, error) {
	r := route{c: c, p: p, l: c.lane(p)}
	for {
		outcome, err := c.send(ctx, p, body)
		if err != nil {
			return nil, err
		}
		switch refusal := refusalOf(outcome); {
		case refusal == nil:
		case refusal.Reason == command.Busy || refusal.Reason == command.Expired:
			r.tried++
			if err := r.wait(ctx); err != nil {
				return nil, r.over(ctx, err)
			}
			continue
		}
		if result, ok := outcome.(*command.Result); ok && result.Err != nil {
			return nil, result.Err
		}
		return outcome, nil
	}
}

func refusalOf(outcome any) *command.Refusal {
	switch o := outcome.(type) {
	case *command.Result:
		return o.Refusal
	case *command.Departed:
		return o.Refusal
	case *command.Vote:
		return o.Refusal
	case *command.Granted:
		return o.Refusal
	}
	return nil
}

// Status asks the leader of a partition.
func (c *Client) Status(ctx context.Context, p object.PartitionID) (Status, error) {
	request := binary.AppendUvarint(nil, uint64(p))
	r := route{c: c, p: p, l: c.lane(p), harmless: true}
	return reach(ctx, &r, func(node object.NodeID) (status Status, err error) {
		answer, err := c.call(ctx, node, methodStatus, request)
		if err == nil {
			err = json.Unmarshal(answer, &status)
		}
		return status, err
	})
}

// Leader returns the node that led the partition when this node last heard of it;
// empty where it does not know.
func (c *Client) Leader(p object.PartitionID) object.NodeID {
	if c.service != nil {
		if leader := c.service.Leader(p); leader != "" {
			return leader
		}
	}
	return c.lane(p).hint()
}

// Close ends what the client does in the background, after a last word to the partitions
// about transactions that it has decided. Calls under way end as if no node could be
// reached. Calling it again is harmless.
func (c *Client) Close() error {
	c.mu.Lock()
	first := !c.closed
	if first {
		c.closed = true
		c.stop()
	}
	c.mu.Unlock()
	c.background.Wait()
	if first {
		c.farewell()
	}
	return nil
}

// errPartly is the error of a Write over spans that was executed in part.
func errPartly(cause *pgerror.Error, changed int64) *pgerror.Error {
	if changed == 0 {
		return cause
	}
	e := *cause
	if e.Detail != "" {
		e.Detail += " "
	}
	return e.WithDetail("%s%d objects of the partition were changed before the error; they stay changed.", e.Detail, changed)
}
