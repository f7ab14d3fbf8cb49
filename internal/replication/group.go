package replication

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

const (
	// entriesPerMessage bounds what a leader reads from its log and sends to a follower
	// that is behind at once, and what is applied at once.
	entriesPerMessage = 16
	// stopWait bounds the wait for a replica to stop. Only a disk that hangs, or that
	// has failed, can take so long.
	stopWait   = 10 * time.Second
	failedWait = time.Second
	// backlogBytes bounds the log that is committed but not applied yet, which raft
	// keeps in memory: a follower at the bound lets its leader wait.
	backlogBytes = 8 << 20
	// compactPause is the least time between two compactions.
	compactPause = time.Second
)

// Group is one replica. Its methods may be called from many goroutines.
type Group struct {
	host   *Host
	id     object.GroupID
	limits Limits
	log    *slog.Logger
	ctx    context.Context // ends when the replica begins to stop
	cancel context.CancelFunc

	space     *storage.Space
	logs      *logStore
	snapshots *snapshotStore
	applier   *applier
	lease     *lease
	transport *transport
	raft      *raft.Raft
	queue     *queue
	prod      prod
	checksums checksums

	role    atomic.Pointer[Role]
	roles   roleWatch
	applied appliedWatch
	// shown is never less than the index of what can be read, and AppliedIndex is
	// never more: where they are equal, that is the index.
	shown     atomic.Uint64
	gate      gate
	following following
	granted   atomic.Pointer[granted] // to this replica; nil for none
	asked     atomic.Pointer[func(object.NodeID)]
	full      chan struct{} // signals that the log wants to be compacted
	notify    chan bool     // raft: leadership won or lost
	events    chan raft.Observation

	// changeover is held for writing while the content is replaced.
	changeover sync.RWMutex

	commandsProposed atomic.Uint64
	commandsApplied  atomic.Uint64
	entriesApplied   atomic.Uint64
	flight           atomic.Pointer[flight] // that was proposed last

	mu       sync.Mutex // guards stopping and err
	stopping bool
	err      error
	running  sync.WaitGroup // what stop waits for; added to under mu, while not stopping
	dead     chan struct{}  // closed when nobody will answer any more
	deadOnce sync.Once
	stopOnce sync.Once
	stopErr  error
}

// newGroup opens what the replica has on disk.
func (h *Host) newGroup(cfg GroupConfig) (*Group, error) {
	g := &Group{
		host: h, id: cfg.ID, limits: h.cfg.Limits,
		log:    h.log.With("group", uint32(cfg.ID)),
		full:   make(chan struct{}, 1),
		notify: make(chan bool, 16),
		events: make(chan raft.Observation, 16),
		dead:   make(chan struct{}),
	}
	g.ctx, g.cancel = context.WithCancel(h.ctx)
	g.prod.g, g.checksums.g, g.roles.g = g, g, g
	g.gate.clock, g.following.epoch = h.cfg.Clock, h.cfg.Clock.Now()
	g.gate.respect() // what it granted before a restart is forgotten
	g.role.Store(new(Role))
	g.queue = newQueue(g.limits)
	logSpace, err := h.cfg.Log.Space(cfg.ID)
	if err != nil {
		return nil, err
	}
	if g.space, err = h.cfg.State.Space(cfg.ID); err != nil {
		return nil, err
	}
	if g.logs, err = openLog(logSpace, g.limits, g.fail, g.logFull); err != nil {
		return nil, err
	}
	if g.snapshots, err = openSnapshots(cfg.ID, h.self, g.logs); err != nil {
		return nil, err
	}
	g.applier = &applier{g: g, space: g.space, make: cfg.Machine, machines: make(map[object.MachineID]*Machine)}
	if err := g.applier.open(); err != nil {
		return nil, err
	}
	if err := g.checkContinuity(); err != nil {
		return nil, err
	}
	return g, nil
}

// checkContinuity refuses a state that the log does not continue, as after one of
// the two folders was lost or put back from a copy.
func (g *Group) checkContinuity() error {
	first, last, _ := g.logs.extent()
	snapshot, needed := g.snapshots.indexes()
	state := g.applier.index
	switch {
	case state < needed:
		return fmt.Errorf("%w: state is of index %d, but its log begins behind %d", storage.ErrCorrupt, state, snapshot)
	case first > max(state, snapshot)+1 && first > 1:
		return fmt.Errorf("%w: state is of index %d, but its log begins at %d", storage.ErrCorrupt, state, first)
	case last == 0 && snapshot == 0 && state > 0:
		return fmt.Errorf("%w: state is of index %d, but its log is missing", storage.ErrCorrupt, state)
	}
	return nil
}

// start founds the group if it is new, and starts raft.
func (g *Group) start(cfg GroupConfig) (err error) {
	defer func() {
		if p := recover(); p != nil { // raft's way to say that a store has failed
			err = fmt.Errorf("%v\n%s", p, debug.Stack())
		}
	}()
	h := g.host
	exists, err := raft.HasExistingState(g.logs, g.logs, g.snapshots)
	if err != nil {
		return err
	}
	voters := len(cfg.Peers)
	g.lease = newLease(h.cfg.Clock, h.self, h.cfg.Timing.NoLease)
	g.transport = &transport{
		group: g.id, self: h.self, network: h.cfg.Network, clock: h.cfg.Clock, timing: h.cfg.Timing,
		lease: g.lease, gate: &g.gate, log: g.logs, fresh: new(freshness), room: g.awaitRoom,
		promises: newPromises(h.cfg.Clock, h.cfg.Timing.Heartbeat, !exists, g.lease),
		pace:     newPace(h.cfg.Clock, g.id),
		notices:  newNotices(h.cfg.Clock, h.cfg.Timing.Heartbeat/4),
		incoming: make(chan raft.RPC), ctx: g.ctx,
	}
	config := g.raftConfig()
	switch {
	case exists:
		if voters, err = g.storedVoters(); err != nil {
			return err
		}
	case !cfg.Join:
		configuration, err := foundation(cfg.Peers, h.self)
		if err != nil {
			return err
		}
		if err := raft.BootstrapCluster(config, g.logs, g.logs, g.snapshots, g.transport, configuration); err != nil {
			return err
		}
	}
	if voters == 1 {
		// Nobody to wait for.
		config.HeartbeatTimeout, config.ElectionTimeout = 20*time.Millisecond, 20*time.Millisecond
		config.LeaderLeaseTimeout = 20 * time.Millisecond
	}
	if g.raft, err = raft.NewRaft(config, g.applier, g.logs, g.logs, g.snapshots, g.transport); err != nil {
		return err
	}
	g.logs.overlap = func() bool { return g.raft.State() == raft.Leader && len(g.lease.electorate()) > 1 }
	g.transport.raft.Store(g.raft)
	g.logs.ready.Store(true)
	g.raft.RegisterObserver(raft.NewObserver(g.events, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	}))
	g.running.Go(g.work)
	g.running.Go(g.watch)
	g.running.Go(g.compactLoop)
	return nil
}

func (g *Group) raftConfig() *raft.Config {
	t := g.host.cfg.Timing
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(g.host.self)
	config.HeartbeatTimeout, config.ElectionTimeout = t.Heartbeat, t.Election
	config.LeaderLeaseTimeout = t.Heartbeat
	config.CommitTimeout = t.Commit
	config.MaxAppendEntries = entriesPerMessage
	config.TrailingLogs = 1 // what trails is the log store's business
	config.SnapshotInterval = 24 * time.Hour
	config.SnapshotThreshold = math.MaxUint64 // compactLoop decides
	config.NoSnapshotRestoreOnStart = true    // the state is where it was
	config.ShutdownOnRemove = false
	config.NoLegacyTelemetry = true
	config.NotifyCh = g.notify
	config.Logger = newRaftLogger(g.log)
	return config
}

// foundation is the configuration of a new group.
func foundation(peers []object.NodeID, self object.NodeID) (raft.Configuration, error) {
	var c raft.Configuration
	member := false
	for _, p := range peers {
		member = member || p == self
		c.Servers = append(c.Servers, raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(p), Address: raft.ServerAddress(p)})
	}
	if !member {
		return c, fmt.Errorf("node %s is not among the peers of the new group", self)
	}
	return c, nil
}

// storedVoters returns the number of voters that the newest configuration on disk
// has.
func (g *Group) storedVoters() (int, error) {
	var c raft.Configuration
	if list, _ := g.snapshots.List(); len(list) > 0 {
		c = list[0].Configuration
	}
	if g.logs.configuration != 0 {
		var l raft.Log
		if err := g.logs.GetLog(g.logs.configuration, &l); err != nil {
			return 0, err
		}
		c = raft.DecodeConfiguration(l.Data)
	}
	voters := 0
	for _, s := range c.Servers {
		if s.Suffrage == raft.Voter {
			voters++
		}
	}
	return voters, nil
}

// enter counts one more thing that stop waits for; the caller calls running.Done.
func (g *Group) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return false
	}
	g.running.Add(1)
	return true
}

// fail stops the replica because of an error. It may be called on any goroutine.
func (g *Group) fail(err error) {
	g.mu.Lock()
	if g.stopping {
		g.mu.Unlock()
		return
	}
	g.stopping, g.err = true, err
	g.mu.Unlock()
	g.log.Error("replica stops", "error", err)
	g.cancel()
	g.die()
	go func() { _ = g.stop() }()
}

func (g *Group) die() { g.deadOnce.Do(func() { close(g.dead) }) }

// stop ends everything that belongs to the replica, and waits for it.
func (g *Group) stop() error {
	g.stopOnce.Do(func() {
		g.mu.Lock()
		g.stopping = true
		g.mu.Unlock()
		g.cancel()
		g.queue.close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			if g.raft != nil {
				_ = g.raft.Shutdown().Error()
			}
		}()
		wait := stopWait
		if g.Err() != nil { // storage may have kept goroutines that were in it
			wait = failedWait
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			if g.Err() == nil {
				g.stopErr = fmt.Errorf("group %d: replica does not stop", g.id)
			}
		}
		g.die()
		g.logs.close()
		if g.lease != nil {
			g.lease.end(g.lease.state.Load().term)
		}
		if !waitFor(&g.running, wait) && g.stopErr == nil && g.Err() == nil {
			g.stopErr = fmt.Errorf("group %d: something of the replica does not stop", g.id)
		}
	})
	return g.stopErr
}

// waitFor waits for a group of goroutines; it reports false after a time.
func waitFor(wg *sync.WaitGroup, limit time.Duration) bool {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// await waits for something of raft. Raft forgets some futures when it stops: then
// a goroutine stays behind, and await returns ErrStopped.
func (g *Group) await(ctx context.Context, f raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-g.dead:
		return g.stoppedError()
	}
}

// logFull is told by the log store that much was appended.
func (g *Group) logFull() {
	select {
	case g.full <- struct{}{}:
	default:
	}
}

func (g *Group) compactLoop() {
	for {
		select {
		case <-g.full:
		case <-g.ctx.Done():
			return
		}
		if err := g.Compact(g.ctx); err != nil && g.ctx.Err() == nil {
			g.log.Warn("log could not be compacted; it is tried again", "error", err)
			g.logFull()
		}
		timer := time.NewTimer(compactPause)
		select {
		case <-timer.C:
		case <-g.ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Compact flushes the state and truncates the log now.
func (g *Group) Compact(ctx context.Context) error {
	err := g.await(ctx, g.raft.Snapshot())
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	return err
}

// awaitRoom waits while too much is committed but not applied yet.
func (g *Group) awaitRoom(ctx context.Context) error {
	commit := g.raft.CommitIndex()
	if g.logs.bytesBetween(g.AppliedIndex(), commit) <= backlogBytes {
		return nil
	}
	return g.WaitApplied(ctx, commit)
}

// ID returns the group's number.
func (g *Group) ID() object.GroupID { return g.id }

// Done is closed when the replica has stopped; Err says why.
func (g *Group) Done() <-chan struct{} { return g.dead }

// Err returns why the replica has stopped; nil while it runs and after Close.
func (g *Group) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}
