package replication

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/cluster"
)

// proposal is a command on its way into the log, or several that are executed jointly.
type proposal struct {
	commands []Addressed
	single   [1]Addressed // room for one
	bytes    int
	checksum bool // no command: an entry of its own, entryChecksum
	done     chan outcome

	// Guarded by the queue's mutex. Once taken, the command may be executed.
	taken     bool
	abandoned bool
}

type outcome struct {
	result any
	err    error
}

var proposals = sync.Pool{New: func() any { return &proposal{done: make(chan outcome, 1)} }}

// free gives a proposal back that nobody else has.
func (p *proposal) free() {
	*p = proposal{done: p.done}
	proposals.Put(p)
}

// queue is where commands gather while an entry is on its way.
type queue struct {
	limits Limits

	mu     sync.Mutex // guards what follows
	list   []*proposal
	bytes  int
	closed bool
	wake   sync.Cond
}

func newQueue(limits Limits) *queue {
	q := &queue{limits: limits}
	q.wake.L = &q.mu
	return q
}

// add queues a command. Errors mean that it was not queued.
func (q *queue) add(p *proposal) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrStopped
	case len(q.list) >= q.limits.QueueCommands,
		len(q.list) > 0 && q.bytes+p.bytes > q.limits.QueueBytes:
		return cluster.ErrOverloaded
	}
	q.list = append(q.list, p)
	q.bytes += p.bytes
	q.wake.Signal()
	return nil
}

// abandon takes a command back; it reports false if it was taken already.
func (q *queue) abandon(p *proposal) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.abandoned = !p.taken
	return p.abandoned
}

// take waits for commands and takes those of one entry. It returns none when the queue is
// closed.
func (q *queue) take() []*proposal {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for len(q.list) == 0 && !q.closed {
			q.wake.Wait()
		}
		if q.closed {
			return nil
		}
		if batch := q.takeSome(); len(batch) > 0 {
			return batch
		}
	}
}

func (q *queue) takeSome() []*proposal {
	batch := make([]*proposal, 0, min(len(q.list), q.limits.BatchCommands))
	size, n := 0, 0
	for _, p := range q.list {
		if !p.abandoned {
			if len(batch) > 0 && (p.checksum || batch[0].checksum || len(batch) >= q.limits.BatchCommands ||
				size+p.bytes > q.limits.BatchBytes) {
				break
			}
			p.taken = true
			batch = append(batch, p)
			size += p.bytes
		}
		q.bytes -= p.bytes
		n++
	}
	rest := copy(q.list, q.list[n:])
	clear(q.list[rest:])
	q.list = q.list[:rest]
	if cap(q.list) > 4096 && rest < 64 {
		q.list = append(make([]*proposal, 0, 128), q.list...)
	}
	return batch
}

// close fails what is queued, and everything after.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, p := range q.list {
		if !p.abandoned {
			p.taken = true
			p.done <- outcome{err: ErrStopped}
		}
	}
	q.list, q.bytes = nil, 0
	q.wake.Broadcast()
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list)
}

// ProposeJointly has commands for several state machines of the group executed, at one
// place in the log: all of them if all agree, else none (see Joint). The results are in
// the order of the commands, of which each is for another machine. Errors are those of
// Machine.Propose.
func (g *Group) ProposeJointly(ctx context.Context, commands []Addressed) ([]any, error) {
	for i := range commands {
		for _, other := range commands[:i] {
			if other.To == commands[i].To {
				return nil, fmt.Errorf("two commands that are proposed jointly are for state machine %d", other.To)
			}
		}
	}
	switch len(commands) {
	case 0:
		return nil, nil
	case 1:
		result, err := g.propose(ctx, commands[0], false)
		return []any{result}, err
	}
	p := proposals.Get().(*proposal)
	p.commands = commands
	result, err := g.submit(ctx, p)
	if err != nil {
		return nil, err
	}
	return result.([]any), nil
}

// propose has a command executed, or a checksum computed, and returns the result.
func (g *Group) propose(ctx context.Context, c Addressed, checksum bool) (any, error) {
	p := proposals.Get().(*proposal)
	p.single[0], p.checksum = c, checksum
	p.commands = p.single[:]
	return g.submit(ctx, p)
}

// submit sees a new proposal through.
func (g *Group) submit(ctx context.Context, p *proposal) (any, error) {
	for _, c := range p.commands {
		p.bytes += len(c.Command)
	}
	if p.bytes > g.limits.CommandBytes {
		err := fmt.Errorf("%w: %d bytes, allowed are %d", ErrTooLarge, p.bytes, g.limits.CommandBytes)
		p.free()
		return nil, err
	}
	if g.raft.State() != raft.Leader {
		p.free()
		return nil, g.notLeader()
	}
	if err := g.queue.add(p); err != nil {
		p.free()
		if errors.Is(err, ErrStopped) {
			return nil, g.stoppedError()
		}
		return nil, err
	}
	g.commandsProposed.Add(1)
	select {
	case o := <-p.done:
		p.free()
		if errors.Is(o.err, ErrStopped) {
			return nil, g.stoppedError()
		}
		return o.result, o.err
	case <-ctx.Done():
		if g.queue.abandon(p) {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", cluster.ErrInterrupted, ctx.Err())
	case <-g.dead:
		if g.queue.abandon(p) {
			return nil, g.stoppedError()
		}
		return nil, fmt.Errorf("%w: %w", cluster.ErrInterrupted, ErrStopped)
	}
}

// flight is an entry on its way to a majority.
type flight struct {
	data   []byte
	ended  sync.Once
	landed chan struct{}
}

// land says that the entry's fate is known.
func (f *flight) land() { f.ended.Do(func() { close(f.landed) }) }

// work proposes entries, one at a time: the next one when the one before is committed.
// While that is applied, and its answers are sent, the next is on its way.
func (g *Group) work() {
	for {
		batch := g.queue.take()
		if len(batch) == 0 {
			return
		}
		f := &flight{data: encodeEntry(batch), landed: make(chan struct{})}
		g.flight.Store(f)
		future := g.raft.ApplyLog(raft.Log{Data: f.data}, 0)
		g.running.Go(func() {
			deliver(batch, future, g)
			f.land()
		})
		<-f.landed
	}
}

// landing is told of entries that are committed. On the leader that has proposed an entry
// its data are where they were then.
func (g *Group) landing(logs []*raft.Log) {
	f := g.flight.Load()
	if f == nil {
		return
	}
	for _, l := range logs {
		if len(l.Data) > 0 && &l.Data[0] == &f.data[0] {
			f.land()
		}
	}
}

func encodeEntry(batch []*proposal) []byte {
	if batch[0].checksum {
		return appendChecksumEntry(nil, batch[0].commands[0].To)
	}
	size := 1 + commandOverhead
	for _, p := range batch {
		size += p.bytes + len(p.commands)*commandOverhead
	}
	data := appendCommandsHeader(make([]byte, 0, size), len(batch))
	for _, p := range batch {
		data = appendProposal(data, p.commands)
	}
	return data
}

// deliver waits for an entry's fate and tells those who wait for its commands.
func deliver(batch []*proposal, future raft.ApplyFuture, g *Group) {
	if err := future.Error(); err != nil {
		err = g.proposalError(err)
		for _, p := range batch {
			p.done <- outcome{err: err}
		}
		return
	}
	done, ok := future.Response().(*applied)
	if !ok {
		done = &applied{err: fmt.Errorf("entry gave a %T", future.Response())}
	}
	if done.err == nil && len(done.results) != len(batch) {
		done.err = fmt.Errorf("entry of %d proposals gave %d results", len(batch), len(done.results))
	}
	for i, p := range batch {
		if done.err != nil {
			p.done <- outcome{err: fmt.Errorf("%w: %w", cluster.ErrInterrupted, done.err)}
			continue
		}
		p.done <- outcome{result: done.results[i]}
	}
}

// proposalError says what an error of raft means for the commands of an entry.
func (g *Group) proposalError(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress),
		errors.Is(err, raft.ErrEnqueueTimeout):
		return g.notLeader() // raft has not touched it
	}
	return fmt.Errorf("%w: %w", cluster.ErrInterrupted, err)
}

// notLeader names the leader, unless that is this replica itself, which is about
// to become it or has just ceased to be.
func (g *Group) notLeader() error {
	if g.ctx.Err() != nil {
		return g.stoppedError()
	}
	leader := g.Leader()
	if leader == g.host.self {
		leader = ""
	}
	return &cluster.NotLeader{Leader: leader}
}

func (g *Group) stoppedError() error {
	if err := g.Err(); err != nil {
		return fmt.Errorf("%w: %w: %w", ErrStopped, err, &cluster.NotLeader{})
	}
	return fmt.Errorf("%w: %w", ErrStopped, &cluster.NotLeader{})
}
