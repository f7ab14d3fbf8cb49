package replication

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// Host is a node's part of all groups. Its methods may be called from many
// goroutines.
type Host struct {
	cfg     Config
	self    object.NodeID
	log     *slog.Logger
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	streams chan struct{} // states that are being sent
	askers  sync.Map      // object.NodeID -> *asker

	mu       sync.RWMutex // guards what follows
	groups   map[object.GroupID]*Group
	machines map[object.MachineID]*Machine // that are in use, of all groups
	starting map[object.GroupID]bool
	closed   bool
	err      error

	running sync.WaitGroup // what Close waits for; added to under mu, while not closed
	failed  chan struct{}
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// NewHost prepares the node's part; groups are started with Start.
func NewHost(cfg Config) (*Host, error) {
	switch {
	case cfg.Network == nil:
		return nil, errors.New("replication: Network is missing")
	case cfg.State == nil || cfg.Log == nil || cfg.State == cfg.Log:
		return nil, errors.New("replication: two stores are needed, State and Log")
	case len(cfg.Network.Node()) == 0 || len(cfg.Network.Node()) > 255:
		return nil, fmt.Errorf("replication: name of the node has %d bytes, allowed are 1 to 255", len(cfg.Network.Node()))
	}
	if cfg.Clock == nil {
		cfg.Clock = systemClock{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Timing = cfg.Timing.withDefaults()
	cfg.Limits = cfg.Limits.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &Host{
		cfg: cfg, self: cfg.Network.Node(), log: cfg.Logger, ctx: ctx, stop: stop,
		streams: make(chan struct{}, maxStreams),
		groups:  make(map[object.GroupID]*Group), starting: make(map[object.GroupID]bool),
		machines: make(map[object.MachineID]*Machine),
		failed:   make(chan struct{}),
	}
	h.register()
	h.running.Go(h.watchStores)
	return h, nil
}

func orDefault[T cmp.Ordered](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

func (t Timing) withDefaults() Timing {
	orDefault(&t.Heartbeat, 700*time.Millisecond)
	orDefault(&t.Election, t.Heartbeat)
	orDefault(&t.Commit, 50*time.Millisecond)
	return t
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.CommandBytes, 16<<20)
	orDefault(&l.BatchBytes, 512<<10)
	orDefault(&l.BatchCommands, 8192)
	orDefault(&l.QueueBytes, 16<<20)
	orDefault(&l.QueueCommands, 65536)
	orDefault(&l.SnapshotBytes, 32<<20)
	orDefault(&l.SnapshotEntries, 20_000)
	orDefault(&l.TrailingBytes, 16<<20)
	orDefault(&l.TrailingEntries, 10_000)
	return l
}

func (c Config) validate() error {
	t, l := c.Timing, c.Limits
	switch {
	case t.Heartbeat < 20*time.Millisecond:
		return fmt.Errorf("replication: Heartbeat is %s, at least 20ms are needed", t.Heartbeat)
	case t.Election < t.Heartbeat:
		return fmt.Errorf("replication: Election is %s, shorter than Heartbeat, %s", t.Election, t.Heartbeat)
	case t.Commit < time.Millisecond:
		return fmt.Errorf("replication: Commit is %s, at least 1ms is needed", t.Commit)
	case l.CommandBytes < 1 || l.CommandBytes > 24<<20:
		return fmt.Errorf("replication: CommandBytes is %d, allowed is up to 24 MiB", l.CommandBytes)
	case l.BatchBytes < 1 || l.BatchBytes > 24<<20:
		return fmt.Errorf("replication: BatchBytes is %d, allowed is up to 24 MiB", l.BatchBytes)
	case l.BatchCommands < 1 || l.BatchCommands > maxEntryCommands:
		return fmt.Errorf("replication: BatchCommands is %d, allowed is 1 to %d", l.BatchCommands, maxEntryCommands)
	case l.QueueBytes < 1 || l.QueueCommands < 1 || l.SnapshotBytes < 1 || l.TrailingBytes < 1:
		return errors.New("replication: a limit is negative")
	}
	return nil
}

// register takes the messages between replicas from the network.
func (h *Host) register() {
	handle := func(method uint16, f func(g *Group, ctx context.Context, from object.NodeID, b []byte) ([]byte, error)) {
		h.cfg.Network.Handle(method, func(ctx context.Context, from object.NodeID, req []byte) ([]byte, error) {
			id, b, err := groupOf(req)
			if err != nil {
				return nil, err
			}
			g := h.Group(id)
			if g == nil {
				return nil, fmt.Errorf("group %d is not on node %s", id, h.self)
			}
			if !g.enter() {
				return nil, ErrStopped
			}
			defer g.running.Done()
			return f(g, ctx, from, b)
		})
	}
	handle(methodAppend, func(g *Group, ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
		return g.transport.handleAppend(ctx, from, b)
	})
	handle(methodVote, func(g *Group, ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
		return g.transport.handleVote(ctx, from, b)
	})
	handle(methodPreVote, func(g *Group, ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
		return g.transport.handlePreVote(ctx, from, b)
	})
	handle(methodInstall, func(g *Group, ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
		return g.transport.handleInstall(ctx, from, b)
	})
	handle(methodTimeoutNow, func(g *Group, ctx context.Context, from object.NodeID, b []byte) ([]byte, error) {
		return g.transport.handleTimeoutNow(ctx, from, b)
	})
	handle(methodChecksum, func(g *Group, ctx context.Context, _ object.NodeID, b []byte) ([]byte, error) {
		return g.handleChecksum(ctx, b)
	})
	h.cfg.Network.HandleQuick(methodIndexes, h.handleIndexes)
	h.cfg.Network.HandleStream(streamState, h.serveState)
}

// enter counts one more thing that Close waits for; the caller calls running.Done.
func (h *Host) enter() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closed {
		return false
	}
	h.running.Add(1)
	return true
}

// watchStores stops all groups when a store has failed.
func (h *Host) watchStores() {
	var err error
	select {
	case <-h.cfg.State.Failed():
		err = h.cfg.State.Err()
	case <-h.cfg.Log.Failed():
		err = h.cfg.Log.Err()
	case <-h.ctx.Done():
		return
	}
	h.mu.Lock()
	h.err = err
	h.mu.Unlock()
	close(h.failed)
	for _, g := range h.Groups() {
		g.fail(err)
	}
}

// Start starts a replica of a group. Its state machines are opened with Group.Machine.
func (h *Host) Start(cfg GroupConfig) (*Group, error) {
	if !h.enter() {
		return nil, ErrStopped
	}
	defer h.running.Done()
	if cfg.Machine == nil {
		return nil, fmt.Errorf("replication: group %d has no state machines", cfg.ID)
	}
	if err := h.reserve(cfg.ID); err != nil {
		return nil, fmt.Errorf("start group %d: %w", cfg.ID, err)
	}
	g, err := h.newGroup(cfg)
	if err == nil {
		err = g.start(cfg)
	}
	h.mu.Lock()
	delete(h.starting, cfg.ID)
	if err == nil && h.closed {
		err = ErrStopped
	}
	if err == nil {
		h.groups[cfg.ID] = g
	}
	h.mu.Unlock()
	if err != nil {
		if g != nil {
			_ = g.stop()
		}
		return nil, fmt.Errorf("start group %d: %w", cfg.ID, err)
	}
	return g, nil
}

// reserve sees to it that a group is started once.
func (h *Host) reserve(id object.GroupID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return ErrStopped
	case h.err != nil:
		return h.err
	case h.groups[id] != nil || h.starting[id]:
		return errors.New("it runs already")
	}
	h.starting[id] = true
	return nil
}

// Group returns a group that was started; nil if there is none.
func (h *Host) Group(id object.GroupID) *Group {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.groups[id]
}

// Machine returns a state machine that Group.Machine has opened; nil if there is none.
func (h *Host) Machine(id object.MachineID) *Machine {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.machines[id]
}

// Groups returns the groups that were started, by id.
func (h *Host) Groups() []*Group {
	h.mu.RLock()
	defer h.mu.RUnlock()
	groups := make([]*Group, 0, len(h.groups))
	for _, g := range h.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *Group) int { return cmp.Compare(a.id, b.id) })
	return groups
}

// Failed is closed when storage has failed and the process should be restarted;
// Err says why.
func (h *Host) Failed() <-chan struct{} { return h.failed }

// Err returns why the host has failed; nil if it has not.
func (h *Host) Err() error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.err
}

// Drain hands the leadership of all groups that this node leads to others, where
// there are any. It returns when that is done, or ctx ends.
func (h *Host) Drain(ctx context.Context) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []error
	for _, g := range h.Groups() {
		wg.Go(func() {
			if err := g.drain(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, fmt.Errorf("group %d: %w", g.id, err))
			}
		})
	}
	wg.Wait()
	return errors.Join(all...)
}

// Close stops all groups and waits for them. Calling it again is harmless.
func (h *Host) Close() error {
	h.mu.Lock()
	again := h.closed
	h.closed = true
	h.mu.Unlock()
	h.stop()
	var err error
	if !again {
		var wg sync.WaitGroup
		errs := make([]error, len(h.Groups()))
		for i, g := range h.Groups() {
			wg.Go(func() { errs[i] = g.stop() })
		}
		wg.Wait()
		err = errors.Join(errs...)
	}
	h.running.Wait()
	return err
}
