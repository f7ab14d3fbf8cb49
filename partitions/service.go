package partitions

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/partitions/state"
)

// Service is a node's part of all partitions that it holds replicas of. Its
// methods may be called from many goroutines.
type Service struct {
	cfg      Config
	node     object.NodeID
	cursors  cursors
	pins     pins
	locality *locality
	queued   atomic.Int64 // commands that had to wait for locks

	mu       sync.RWMutex                    // guards what follows
	made     map[object.PartitionID]*replica // state machines
	replicas map[object.PartitionID]*replica // that are served
	closed   bool

	stop    chan struct{}
	running sync.WaitGroup
}

// NewService registers the package's cluster methods. Partitions are opened with
// Open; the groups that they are in are stopped by their owner, after the service.
func NewService(cfg Config, network Network) (*Service, error) {
	if network == nil {
		return nil, errors.New("partitions: no network")
	}
	cfg = cfg.withDefaults()
	s := &Service{
		cfg: cfg, node: network.Node(),
		cursors: cursors{node: network.Node(), limit: cfg.Cursors, open: make(map[uint64]*cursor)},
		pins:    pins{node: network.Node(), limit: cfg.Pins, open: make(map[uint64]*pin)},
		made:    make(map[object.PartitionID]*replica), replicas: make(map[object.PartitionID]*replica),
		stop: make(chan struct{}),
	}
	s.locality = newLocality(s.node, cfg.Logger)
	network.Handle(methodExecute, s.handleExecute)
	network.Handle(methodJoint, s.handleJoint)
	network.Handle(methodRead, s.handleRead)
	network.Handle(methodNext, s.handleNext)
	network.Handle(methodClose, s.handleClose)
	network.Handle(methodStatus, s.handleStatus)
	network.Handle(methodEvaluate, s.handleEvaluate)
	network.Handle(methodValidate, s.handleValidate)
	network.Handle(methodPin, s.handlePin)
	network.Handle(methodRelease, s.handleRelease)
	network.Handle(methodUnpin, s.handleUnpin)
	network.Handle(methodArrived, s.handleArrived)
	network.Handle(methodTransactions, s.handleTransactions)
	network.Handle(methodPing, func(context.Context, object.NodeID, []byte) ([]byte, error) { return nil, nil })
	s.running.Go(s.tend)
	return s, nil
}

// StateMachine makes the state machine of a partition, for the group that orders its
// commands; see replication.GroupConfig.
func (s *Service) StateMachine(id object.MachineID) (replication.StateMachine, error) {
	if id == object.OracleMachine {
		return nil, errors.New("partitions: partition 0 does not exist")
	}
	r := s.newReplica(object.PartitionID(id))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, cluster.ErrClosed
	}
	s.made[r.id] = r
	return r.machine, nil
}

func (s *Service) newReplica(p object.PartitionID) *replica {
	r := &replica{id: p, cfg: &s.cfg, waited: &s.queued, sightings: make(map[object.TransactionID]*sighting)}
	r.machine = state.New(p, s.cfg.State, state.Events{Arrived: r.arrived.fire})
	return r
}

// Open has this node serve its replica of a partition, from the group that orders the
// partition's commands. StateMachine made the group's machines, or was asked to.
func (s *Service) Open(p object.PartitionID, g *replication.Group) error {
	m, err := g.Machine(p.Machine())
	if err != nil {
		return fmt.Errorf("partition %d: %w", p, err)
	}
	s.mu.RLock()
	r := s.made[p]
	s.mu.RUnlock()
	if r == nil {
		return fmt.Errorf("partition %d: its group has a state machine from elsewhere", p)
	}
	r.group, r.origins = m, s.locality.add(g.ID(), g)
	g.HearQuestions(r.origins.note)
	if err := s.serve(r); err != nil {
		return err
	}
	s.cfg.Logger.Debug("partition is open", "partition", p, "group", g.ID())
	return nil
}

// serve lets calls reach a replica.
func (s *Service) serve(r *replica) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return cluster.ErrClosed
	}
	if s.replicas[r.id] != nil {
		return fmt.Errorf("partition %d is open already", r.id)
	}
	s.replicas[r.id] = r
	return nil
}

// replica returns the replica of a partition; an error says that another node
// must be asked.
func (s *Service) replica(p object.PartitionID) (*replica, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.replicas[p]; r != nil && !s.closed {
		return r, nil
	}
	return nil, &cluster.NotLeader{}
}

// Leader returns the node that leads a partition, as far as this node's replica
// knows; empty where it has none or does not know.
func (s *Service) Leader(p object.PartitionID) object.NodeID {
	r, err := s.replica(p)
	if err != nil {
		return ""
	}
	return r.group.Leader()
}

// Status returns what this node's replicas know, ascending by partition.
func (s *Service) Status() []Status {
	s.mu.RLock()
	list := make([]*replica, 0, len(s.replicas))
	for _, r := range s.replicas {
		list = append(list, r)
	}
	s.mu.RUnlock()
	sort.Slice(list, func(i, j int) bool { return list[i].id < list[j].id })
	all := make([]Status, len(list))
	for i, r := range list {
		all[i] = s.statusOf(r)
	}
	return all
}

func (s *Service) statusOf(r *replica) Status {
	status := r.status(s.node)
	status.Cursors, status.Pins = s.cursors.count(), s.pins.count()
	return status
}

// Close closes cursors and pinned states, and refuses what comes later. It does not stop the
// replicas, which are the host's. Calling it again is harmless.
func (s *Service) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
	}
	s.mu.Unlock()
	s.StayLeader()
	s.running.Wait()
	s.cursors.endAll()
	s.pins.endAll()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.replicas {
		r.machine.Close() // ends what waits for locks
	}
	return nil
}

// StayLeader has the service hand over no leadership from now on. It waits for a
// hand-over that is under way. Calling it again is harmless.
func (s *Service) StayLeader() { s.locality.close() }

// tend closes idle cursors, samples rates, and looks where commands come from, once a
// second.
func (s *Service) tend() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		now := s.cfg.Clock.Now()
		for _, p := range s.cursors.endIdle(now.Add(-s.cfg.CursorIdle)) {
			if s.cfg.Events.CursorExpired != nil {
				s.cfg.Events.CursorExpired(p)
			}
		}
		s.pins.endIdle(now.Add(-s.cfg.PinIdle))
		if !s.cfg.StayLeader {
			s.locality.tick(now)
		}
		s.mu.RLock()
		for _, r := range s.replicas {
			r.rate.sample(now, r.answered.Load())
		}
		s.mu.RUnlock()
	}
}

// execute has a command executed by this node's replica.
func (s *Service) execute(ctx context.Context, from object.NodeID, p object.PartitionID, encoded []byte, body command.Body, conclusive bool) (any, error) {
	r, err := s.replica(p)
	if err != nil {
		return nil, err
	}
	return r.execute(ctx, from, encoded, body, conclusive)
}

// read begins a read of this node's replica; for following see replica.read.
func (s *Service) read(ctx context.Context, from object.NodeID, p object.PartitionID, q *command.Read, following bool) (*command.Chunk, error) {
	r, err := s.replica(p)
	if err != nil {
		return nil, err
	}
	if !following && q.MaxStaleness == 0 {
		r.origins.note(from)
	}
	chunk, query, err := r.read(ctx, q, following)
	if err != nil || query == nil {
		return chunk, err
	}
	return s.keep(p, chunk, query)
}

// keep gives a chunk that is not the last one the cursor of the next.
func (s *Service) keep(p object.PartitionID, chunk *command.Chunk, query *state.Query) (_ *command.Chunk, err error) {
	if chunk.Cursor, err = s.cursors.add(p, query, s.cfg.Clock.Now()); err != nil {
		query.Close()
		return nil, err
	}
	return chunk, nil
}

// next continues a read that this node holds.
func (s *Service) next(ctx context.Context, p object.PartitionID, c command.Cursor) (*command.Chunk, error) {
	chunk, err := s.cursors.next(ctx, p, c, s.cfg.Clock)
	return chunk, s.broken(ctx, p, err, errCursorLost())
}

// errMalformed is the answer to a call that cannot be understood. It had no
// effect.
var errMalformed = errors.New("malformed call to a partition")

// conclusiveFlag is the bit of the first byte of a call of methodExecute that
// stands for conclusive. On the wire: append only.
const conclusiveFlag byte = 1

// decodePartition reads the partition that a call is for.
func decodePartition(b []byte) (object.PartitionID, []byte, error) {
	p, n := binary.Uvarint(b)
	if n <= 0 || p == 0 || p > 1<<32-1 {
		return 0, nil, errMalformed
	}
	return object.PartitionID(p), b[n:], nil
}

func (s *Service) handleExecute(ctx context.Context, from object.NodeID, req []byte) ([]byte, error) {
	if len(req) == 0 || req[0] > conclusiveFlag {
		return nil, errMalformed
	}
	p, encoded, err := decodePartition(req[1:])
	if err != nil {
		return nil, err
	}
	// What replicas cannot decode must not get into the log.
	c, err := command.DecodeCommand(encoded)
	if err != nil {
		return nil, err
	}
	outcome, err := s.execute(ctx, from, p, encoded, c.Body, req[0]&conclusiveFlag != 0)
	if err != nil {
		return nil, err
	}
	return command.AppendOutcome(nil, outcome), nil
}

func (s *Service) handleRead(ctx context.Context, from object.NodeID, req []byte) ([]byte, error) {
	p, encoded, err := decodePartition(req)
	if err != nil {
		return nil, err
	}
	q, err := command.DecodeRead(encoded)
	if err != nil {
		return nil, err
	}
	var chunk *command.Chunk
	if q.View.Pin != (command.Pin{}) {
		chunk, err = s.readPinned(ctx, p, q)
	} else {
		chunk, err = s.read(ctx, from, p, q, false)
	}
	if errors.Is(err, replication.ErrStale) {
		return nil, &cluster.NotLeader{Leader: s.Leader(p)}
	}
	if err != nil {
		return nil, err
	}
	return command.AppendChunk(nil, chunk), nil
}

func (s *Service) handleNext(ctx context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	p, c, err := decodeCursor(req)
	if err != nil {
		return nil, err
	}
	chunk, err := s.next(ctx, p, c)
	if err != nil {
		return nil, err
	}
	return command.AppendChunk(nil, chunk), nil
}

func (s *Service) handleClose(_ context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	_, c, err := decodeCursor(req)
	if err != nil {
		return nil, err
	}
	s.cursors.end(c)
	return nil, nil
}

func decodeCursor(req []byte) (object.PartitionID, command.Cursor, error) {
	p, encoded, err := decodePartition(req)
	if err != nil {
		return 0, command.Cursor{}, err
	}
	c, err := command.DecodeCursor(encoded)
	return p, c, err
}

func (s *Service) handleStatus(_ context.Context, _ object.NodeID, req []byte) ([]byte, error) {
	p, _, err := decodePartition(req)
	if err != nil {
		return nil, err
	}
	r, err := s.replica(p)
	if err != nil {
		return nil, err
	}
	if !r.group.IsLeader() {
		return nil, r.notLeader()
	}
	return json.Marshal(s.statusOf(r))
}
