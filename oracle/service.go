package oracle

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// holdFor is how long an answer may wait for something to end; then it says that
// it has not, and the client asks again.
const holdFor = time.Second

// ServiceConfig configures the oracle's service on a node that holds a replica.
type ServiceConfig struct {
	Transport Transport
	Logger    *slog.Logger // nil: discarded
	// ParallelMoves bounds the batches of objects that move at once. Default: 8.
	ParallelMoves int
	// MoveBatch bounds the objects of one batch. Default: 512.
	MoveBatch int
	// MoveBytes is the size that a batch aims at. Default: 1 MiB.
	MoveBytes int
	// FloorAfter is the number of ids that have left partitions after which these
	// are told to forget. Default: 50000.
	FloorAfter uint64
	// Sweep is how often a part of the directory is looked through for entries
	// without objects; negative: never. Default: 1 minute.
	Sweep time.Duration
	// Heartbeat is how often a stream of updates says that it is alive. Default: 1 s.
	Heartbeat time.Duration
}

func (c ServiceConfig) withDefaults() (ServiceConfig, error) {
	if c.Transport == nil {
		return c, errors.New("oracle: a service needs a transport")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.ParallelMoves <= 0 {
		c.ParallelMoves = 8
	}
	if c.MoveBatch <= 0 || c.MoveBatch > maxBatchObjects {
		c.MoveBatch = 512
	}
	if c.MoveBytes <= 0 {
		c.MoveBytes = 1 << 20
	}
	if c.FloorAfter == 0 {
		c.FloorAfter = 50000
	}
	if c.Sweep == 0 {
		c.Sweep = time.Minute
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = time.Second
	}
	return c, nil
}

// Service answers for the oracle on a node that holds a replica of it, and, while
// this replica leads, drives what the log intends.
type Service struct {
	cfg        ServiceConfig
	logger     *slog.Logger
	machine    *Machine
	group      Group
	partitions Partitions
	sizes      rowSizes
	budgets    budgets

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	active map[object.LocationVersion]bool // guarded by mu: batches that a driver works on
	closed bool                            // guarded by mu
}

// NewService registers the oracle's methods and starts to watch for leadership.
func NewService(cfg ServiceConfig, machine *Machine, group Group, partitions Partitions) (*Service, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, logger: cfg.Logger, machine: machine, group: group, partitions: partitions,
		active: make(map[object.LocationVersion]bool),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	for method, h := range map[uint16]func(context.Context, []byte) ([]byte, error){
		methodLocate: s.handleLocate, methodAssign: s.handleAssign, methodRelease: s.handleRelease,
		methodMove: s.handleMove, methodSequence: s.handleSequence, methodSchema: s.handleSchema,
		methodCatalog: s.handleCatalog, methodInitialise: s.handleInitialise, methodMoves: s.handleMoves,
		methodHistory: s.handleHistory,
	} {
		cfg.Transport.Handle(method, func(ctx context.Context, _ object.NodeID, req []byte) ([]byte, error) {
			return h(ctx, req)
		})
	}
	cfg.Transport.HandleStream(streamUpdates, s.serveUpdates)
	s.running.Go(s.lead)
	return s, nil
}

// Close stops the drivers and streams and waits for them. Calling it again is
// harmless. The transport must not call the handlers any more.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.running.Wait()
}

// enter counts a stream that Close has to wait for; false after Close.
func (s *Service) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.running.Add(1)
	}
	return !s.closed
}

// propose has a command executed and returns its result.
func (s *Service) propose(ctx context.Context, c logCommand) (any, error) {
	return s.group.Propose(ctx, c.append(nil))
}

func (s *Service) handleLocate(ctx context.Context, req []byte) ([]byte, error) {
	m, err := decodeLocateRequest(req)
	if err != nil {
		return nil, err
	}
	var a locateAnswer
	err = s.group.Read(ctx, func() error {
		locations, clock, err := s.machine.locate(m.ids)
		a = locateAnswer{clock: clock, locations: locations}
		return err
	})
	if err != nil {
		return nil, err
	}
	if m.confirm {
		if err := s.restamp(ctx, m.ids, a.locations); err != nil {
			return nil, err
		}
	}
	return a.append(nil), nil
}

// restamp gives locations below the floor new versions: partitions refuse creates
// that come with the old ones.
func (s *Service) restamp(ctx context.Context, ids []object.ID, locations []object.Location) error {
	floor := s.machine.floor()
	var c assign
	var at []int
	for i, l := range locations {
		if l.Partition != 0 && l.Version < floor {
			c.items = append(c.items, catalog.Assignment{ID: ids[i]})
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	result, err := s.propose(ctx, &c)
	if err != nil {
		return err
	}
	for i, a := range result.([]assigned) {
		locations[at[i]] = a.location
	}
	return nil
}

// handleAssign waits, within bounds, for ids that are being moved or released, so
// that its answers are the locations that stand after that.
func (s *Service) handleAssign(ctx context.Context, req []byte) ([]byte, error) {
	items, err := decodeAssignRequest(req)
	if err != nil {
		return nil, err
	}
	answers := make([]assigned, len(items))
	left := make([]int, len(items))
	for i := range left {
		left[i] = i
	}
	deadline := time.NewTimer(holdFor)
	defer deadline.Stop()
	for {
		changed := s.machine.changed.wait()
		c := assign{at: time.Now().UnixMicro()}
		for _, i := range left {
			c.items = append(c.items, items[i])
		}
		result, err := s.propose(ctx, &c)
		if err != nil {
			return nil, err
		}
		busy := left[:0]
		for n, a := range result.([]assigned) {
			answers[left[n]] = a
			if a.busy {
				busy = append(busy, left[n])
			}
		}
		if left = busy; len(left) == 0 {
			return appendAssigned(nil, answers), nil
		}
		if done, err := s.await(ctx, changed, deadline.C); err != nil {
			return nil, err
		} else if done {
			return appendAssigned(nil, answers), nil
		}
	}
}

// await waits for a change; done says that the time is over. It does not wait on
// when the replica does not lead any more.
func (s *Service) await(ctx context.Context, changed <-chan struct{}, deadline <-chan time.Time) (done bool, err error) {
	select {
	case <-changed:
		if role := s.group.Role(); !role.Leading {
			return false, &cluster.NotLeader{Leader: role.Leader}
		}
		return false, nil
	case <-deadline:
		return true, nil
	case <-s.ctx.Done():
		return false, &cluster.NotLeader{}
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (s *Service) handleRelease(ctx context.Context, req []byte) ([]byte, error) {
	d := decoder{b: req}
	c := &beginReleases{ids: d.ids()}
	if err := d.end(); err != nil {
		return nil, err
	}
	_, err := s.propose(ctx, c)
	return nil, err
}

func (s *Service) handleSequence(ctx context.Context, req []byte) ([]byte, error) {
	d := decoder{b: req}
	c := &allocate{table: object.TableID(d.uint32()), column: int(d.uint32()), count: d.uvarint()}
	if err := d.end(); err != nil {
		return nil, err
	}
	result, err := s.propose(ctx, c)
	if err != nil {
		return nil, err
	}
	first := result.(int64)
	if first == 0 {
		return nil, pgerror.New(pgerror.ObjectNotInPrerequisiteState, "the sequence of column %d of table %d has no more values, or does not exist", c.column, c.table)
	}
	return binary.AppendUvarint(nil, uint64(first)), nil
}

// handleCatalog answers with the catalog if it is newer than what the caller has.
func (s *Service) handleCatalog(ctx context.Context, req []byte) ([]byte, error) {
	d := decoder{b: req}
	has := d.uvarint()
	if err := d.end(); err != nil {
		return nil, err
	}
	var snap *catalog.Snapshot
	err := s.group.Read(ctx, func() error {
		snap = s.machine.Snapshot()
		return nil
	})
	if err != nil || snap.Version == has {
		return nil, err
	}
	return json.Marshal(difference(nil, snap))
}

func (s *Service) handleInitialise(ctx context.Context, req []byte) ([]byte, error) {
	c := new(initialise)
	if err := json.Unmarshal(req, c); err != nil {
		return nil, errMalformed
	}
	result, err := s.propose(ctx, c)
	if err != nil {
		return nil, err
	}
	if refusal := result.(*pgerror.Error); refusal != nil {
		return nil, refusal
	}
	deadline := time.NewTimer(holdFor)
	defer deadline.Stop()
	for {
		changed := s.machine.changed.wait()
		if s.machine.slotsInstalled() {
			return []byte{1}, nil
		}
		if done, err := s.await(ctx, changed, deadline.C); err != nil {
			return nil, err
		} else if done {
			return []byte{0}, nil
		}
	}
}

// handleMoves lists the moves under way and the last that have ended.
func (s *Service) handleMoves(ctx context.Context, _ []byte) ([]byte, error) {
	var moves []catalog.Move
	err := s.group.Read(ctx, func() error {
		moves = s.machine.moves()
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	for i := range moves {
		if moves[i].State == catalog.MovePending && s.active[moves[i].Version] {
			moves[i].State = catalog.MoveRunning
		}
	}
	s.mu.Unlock()
	return json.Marshal(moves)
}

// handleHistory returns the places of an object.
func (s *Service) handleHistory(ctx context.Context, req []byte) ([]byte, error) {
	var places []catalog.Placed
	err := s.group.Read(ctx, func() (err error) {
		places, err = s.machine.history(object.ID(req))
		return err
	})
	if err != nil {
		return nil, err
	}
	return appendPast(nil, places), nil
}

// handleSchema proposes a schema change, and waits within bounds until it is done.
func (s *Service) handleSchema(ctx context.Context, req []byte) ([]byte, error) {
	m := new(schemaRequest)
	if err := json.Unmarshal(req, m); err != nil {
		return nil, errMalformed
	}
	c, err := m.command()
	if err != nil {
		return nil, err
	}
	deadline := time.NewTimer(holdFor)
	defer deadline.Stop()
	for {
		changed := s.machine.changed.wait()
		r, known := s.machine.requestOf(m.Request)
		if !known {
			result, err := s.propose(ctx, c)
			if err != nil {
				return nil, err
			}
			answer := result.(schemaAnswer)
			r, known = answer.request, !answer.busy
		}
		if known && r.Done {
			return json.Marshal(schemaReply{Created: r.Created, Table: r.Table, Err: r.Err})
		}
		if done, err := s.await(ctx, changed, deadline.C); err != nil {
			return nil, err
		} else if done {
			return json.Marshal(schemaReply{Pending: true})
		}
	}
}

func errNoPartition(p object.PartitionID) error {
	return pgerror.New(pgerror.InvalidParameterValue, "partition %d does not exist", p)
}
