package partitions

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/partitions/state"
)

// group is what a replica needs of replication.Machine.
type group interface {
	ID() object.GroupID
	Propose(ctx context.Context, command []byte) (any, error)
	ProposeJointly(ctx context.Context, commands []replication.Addressed) ([]any, error)
	Read(ctx context.Context, fn func() error) error
	ReadFollowing(ctx context.Context, fn func() error) error
	ReadStale(maxStaleness time.Duration, fn func() error) error
	Hold(ctx context.Context, limit time.Duration, fn func() error) (*replication.Hold, error)
	Roles() (roles <-chan replication.Role, stop func())
	IsLeader() bool
	Leader() object.NodeID
	Status() replication.Status
}

// replica is this node's copy of one partition.
type replica struct {
	id      object.PartitionID
	cfg     *Config
	machine *state.Machine
	arrived signal
	group   group    // set once, before the replica is served
	origins *origins // of the group's commands; as group

	waited *atomic.Int64 // counts what has waited in the queue, of the whole node

	sightingsMu sync.Mutex
	sightings   map[object.TransactionID]*sighting // guarded by sightingsMu; see recover.go

	parked   atomic.Int64
	answered atomic.Uint64
	refused  atomic.Uint64
	rate     rate
}

// signal wakes all who wait for it. The zero value is ready.
type signal struct {
	mu sync.Mutex
	ch chan struct{} // guarded by mu; closed by fire
}

// wait returns a channel that the next fire closes.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// execute has a command executed. encoded is the whole command, body what it
// does. conclusive says that an earlier attempt may be in the log, so that only an
// answer that comes from the log can be believed.
func (r *replica) execute(ctx context.Context, from object.NodeID, encoded []byte, body command.Body, conclusive bool) (any, error) {
	if !r.group.IsLeader() {
		return nil, r.notLeader()
	}
	r.origins.note(from)
	started := r.cfg.Clock.Now()
	if ready, err := r.ready(ctx, body); err != nil {
		return nil, err
	} else if !ready && !conclusive {
		r.note(command.Awaited)
		return refused(body, &command.Refusal{Reason: command.Awaited}), nil
	}
	outcome, err := r.group.Propose(ctx, encoded)
	if errors.Is(err, replication.ErrTooLarge) {
		return failed(body, pgerror.New(pgerror.ProgramLimitExceeded,
			"a command of the statement has %d bytes, more than a log entry can have", len(encoded))), nil
	}
	if pending, ok := outcome.(*state.Pending); ok && err == nil {
		outcome, err = r.queued(ctx, pending)
	}
	if err != nil {
		return nil, err
	}
	r.executed(outcome, started)
	return outcome, nil
}

// ready waits, within bounds, for the objects that a command may mean, and reports
// whether none of them is on its way any more.
func (r *replica) ready(ctx context.Context, body command.Body) (bool, error) {
	if !mayAwait(body) {
		return true, nil
	}
	return r.park(ctx, func() (bool, error) { return r.awaiting(body) })
}

// executed counts a command that was answered.
func (r *replica) executed(outcome any, started time.Time) {
	r.answered.Add(1)
	if refusal := refusalOf(outcome); refusal != nil {
		r.note(refusal.Reason)
	}
	if r.cfg.Events.Executed != nil {
		r.cfg.Events.Executed(r.id, r.cfg.Clock.Now().Sub(started))
	}
}

// queued waits for the answer to a command that waits for locks. An error says that
// it waits still, or that another replica knows.
func (r *replica) queued(ctx context.Context, pending *state.Pending) (any, error) {
	r.waited.Add(1)
	if r.cfg.Events.Queued != nil {
		r.cfg.Events.Queued(r.id)
	}
	roles, stop := r.group.Roles()
	defer stop()
	for {
		select {
		case <-pending.Done():
			if outcome := pending.Outcome(); outcome != nil {
				return outcome, nil
			}
			return nil, fmt.Errorf("the replica was replaced while a command waited: %w", cluster.ErrInterrupted)
		case <-ctx.Done():
			return nil, fmt.Errorf("the command waits for a lock: %w: %w", cluster.ErrInterrupted, ctx.Err())
		case role := <-roles:
			if !role.Leading {
				return nil, fmt.Errorf("leadership was lost while a command waited: %w", cluster.ErrInterrupted)
			}
		}
	}
}

// refused and failed are answers to a command that is not executed.
func refused(body command.Body, refusal *command.Refusal) any {
	switch body.(type) {
	case *command.Depart:
		return &command.Departed{Refusal: refusal}
	case *command.Prepare:
		return &command.Vote{Refusal: refusal}
	case *command.Lock:
		return &command.Granted{Refusal: refusal}
	}
	return &command.Result{Refusal: refusal}
}

func failed(body command.Body, failure *pgerror.Error) any {
	switch body.(type) {
	case *command.Prepare:
		return &command.Vote{Err: failure}
	case *command.Lock:
		return &command.Granted{Err: failure}
	}
	return &command.Result{Err: failure}
}

func (r *replica) notLeader() error { return &cluster.NotLeader{Leader: r.group.Leader()} }

func (r *replica) note(reason command.Reason) {
	r.refused.Add(1)
	if r.cfg.Events.Refused != nil {
		r.cfg.Events.Refused(r.id, reason.String())
	}
}

// mayAwait reports whether a command may mean objects that are on their way.
func mayAwait(body command.Body) bool {
	switch b := body.(type) {
	case *command.Write:
		return anyVersion(b.Targets)
	case *command.Lock:
		return anyVersion(b.Targets)
	case *command.Prepare:
		for i := range b.Part.Effects {
			if b.Part.Effects[i].Version > 0 {
				return true
			}
		}
		for _, w := range b.Part.Writes {
			if anyVersion(w.Targets) {
				return true
			}
		}
	}
	return false
}

func anyVersion(targets []command.Target) bool {
	for i := range targets {
		if targets[i].Version > 0 {
			return true
		}
	}
	return false
}

// awaiting reports whether a command would be refused as Awaited.
func (r *replica) awaiting(body command.Body) (bool, error) {
	switch b := body.(type) {
	case *command.Write:
		return r.machine.Awaiting(b)
	case *command.Lock:
		return r.machine.Awaiting(&command.Write{Kind: command.Update, Table: b.Table, Targets: b.Targets})
	case *command.Prepare:
		for _, w := range b.Part.Writes {
			if waits, err := r.machine.Awaiting(w); waits || err != nil {
				return waits, err
			}
		}
		return r.awaitingEffects(b.Part.Effects)
	}
	return false, nil
}

func (r *replica) awaitingEffects(effects []command.Effect) (bool, error) {
	w := command.Write{Kind: command.Update}
	for i := range effects {
		e := &effects[i]
		if e.Version == 0 {
			continue
		}
		w.Table, w.Targets = e.ID.Table(), append(w.Targets[:0], e.Target)
		if waits, err := r.machine.Awaiting(&w); waits || err != nil {
			return waits, err
		}
	}
	return false, nil
}

// park waits, within bounds, until awaiting is false. It reports whether it is.
func (r *replica) park(ctx context.Context, awaiting func() (bool, error)) (ready bool, err error) {
	var timeout <-chan time.Time
	for {
		arrived := r.arrived.wait()
		waits, err := awaiting()
		if err != nil || !waits {
			return !waits, err
		}
		if timeout == nil {
			if r.parked.Add(1) > int64(r.cfg.ParkedCommands) {
				r.parked.Add(-1)
				return false, nil
			}
			defer r.parked.Add(-1)
			if r.cfg.Events.Parked != nil {
				r.cfg.Events.Parked(r.id)
			}
			timer := time.NewTimer(r.cfg.ParkedTime)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-arrived:
		case <-timeout:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// read begins a read. following says that it is one of a replica that need not
// lead; it is replication.ErrBehind then where the leader has to be asked. Where
// more chunks follow, query is not nil: it is the caller's to keep or close.
func (r *replica) read(ctx context.Context, q *command.Read, following bool) (*command.Chunk, *state.Query, error) {
	var started time.Time
	if r.cfg.Events.Read != nil {
		started = r.cfg.Clock.Now()
	}
	chunk, query, err := r.begin(ctx, q, following)
	if err == nil && chunk.Refusal != nil && chunk.Refusal.Reason == command.Awaited {
		_, err = r.park(ctx, func() (bool, error) {
			if query != nil {
				query.Close()
			}
			var err error
			chunk, query, err = r.begin(ctx, q, following)
			return err == nil && chunk.Refusal != nil && chunk.Refusal.Reason == command.Awaited, err
		})
	}
	if err != nil {
		if query != nil {
			query.Close()
		}
		return nil, nil, err
	}
	r.answered.Add(1)
	if chunk.Refusal != nil {
		r.note(chunk.Refusal.Reason)
	}
	if r.cfg.Events.Read != nil {
		r.cfg.Events.Read(r.id, r.cfg.Clock.Now().Sub(started))
	}
	return chunk, query, nil
}

// begin pins the state under the lease, or a stale one, and computes the first
// chunk.
func (r *replica) begin(ctx context.Context, q *command.Read, following bool) (*command.Chunk, *state.Query, error) {
	query := r.machine.Begin(q)
	var err error
	switch {
	case q.MaxStaleness > 0:
		err = r.group.ReadStale(time.Duration(q.MaxStaleness)*time.Millisecond, query.Pin)
	case following:
		err = r.group.ReadFollowing(ctx, query.Pin)
	default:
		err = r.group.Read(ctx, query.Pin)
	}
	if err != nil {
		query.Close()
		return nil, nil, err
	}
	chunk, err := query.Next(ctx)
	if err != nil || query.Done() {
		query.Close()
		return chunk, nil, err
	}
	return chunk, query, nil
}

func (r *replica) status(node object.NodeID) Status {
	gs := r.group.Status()
	s := Status{
		Partition: r.id, Node: node, Leader: gs.Role.Leader, Leading: gs.Role.Leading,
		Applied: gs.AppliedIndex, CommandsPerSecond: r.rate.perSecond(),
		Outgoing: r.machine.Outgoing(), Parked: int(r.parked.Load()), Refused: r.refused.Load(),
		Tables: make(map[object.TableID]Size),
	}
	for _, peer := range gs.Replicas {
		s.Replicas = append(s.Replicas, peer.Node)
	}
	for table, size := range r.machine.Sizes() {
		s.Markers += size.Markers
		if size.Objects > 0 {
			s.Tables[table] = Size{Objects: size.Objects, Bytes: size.Bytes}
			s.Size.Objects += size.Objects
			s.Size.Bytes += size.Bytes
		}
	}
	if gs.Err != nil {
		s.Failed = gs.Err.Error()
	}
	return s
}

// rate tells how fast a counter has grown over the last samples.
type rate struct {
	mu      sync.Mutex
	samples [6]uint64 // a ring of one for each second; guarded by mu
	times   [6]time.Time
	next    int
}

func (r *rate) sample(now time.Time, count uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples[r.next%len(r.samples)], r.times[r.next%len(r.samples)] = count, now
	r.next++
}

func (r *rate) perSecond() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next < 2 {
		return 0
	}
	last := (r.next - 1) % len(r.samples)
	first := 0
	if r.next > len(r.samples) {
		first = r.next % len(r.samples)
	}
	seconds := r.times[last].Sub(r.times[first]).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(r.samples[last]-r.samples[first]) / seconds
}
