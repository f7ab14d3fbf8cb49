package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/partitions/state"
)

// Times of the simulated nodes.
const (
	attemptFor   = 12 * millisecond  // a call that takes longer is made again
	parkedFor    = 6 * millisecond   // what waits at a leader for an arrival
	patience     = 300 * millisecond // of a client for one command
	recoverAfter = 25 * millisecond  // of a transaction that is prepared
)

// replicaOf returns the node's replica of a group; nil where it has none.
func (n *node) replicaOf(g *group) *replica {
	for _, r := range g.replicas {
		if r.node == n {
			return r
		}
	}
	return nil
}

// refusedCall reports whether an error says that the call had no effect.
func refusedCall(err error) bool {
	var n *notLeader
	return errors.As(err, &n) || errors.Is(err, errUnreachable)
}

// ask calls the leader of a group, wherever it is, until there is an answer. unknown
// says that an attempt may have had an effect.
func ask[T any](t *task, n *node, g *group, what string, limit micros, serve func(s *task, r *replica, unknown bool) (T, error)) (answer T, unknown bool, err error) {
	l := n.lane(object.PartitionID(g.id))
	deadline := t.w.now + limit
	tried := t.rng.IntN(len(g.replicas))
	for {
		to := l.leader
		if to == nil {
			to = g.replicas[tried%len(g.replicas)].node
			tried++
		}
		before := unknown
		answer, err = call(t, n, to, what, attemptFor, func(s *task) (T, error) {
			r := to.replicaOf(g)
			if r == nil || r.down {
				var zero T
				return zero, &notLeader{}
			}
			return serve(s, r, before)
		})
		if err == nil {
			l.leader = to
			return answer, unknown, nil
		}
		var other *notLeader
		l.leader = nil
		if errors.As(err, &other) {
			l.leader = other.leader
		}
		unknown = unknown || !refusedCall(err)
		if t.w.now >= deadline {
			return answer, unknown, err
		}
		t.sleep(between(t.rng, 200, 2000))
	}
}

// unanswered is the error of a command that got no answer.
type unanswered struct{ unknown bool }

func (e *unanswered) Error() string {
	return "no answer" + map[bool]string{true: ", and it may have taken effect", false: ""}[e.unknown]
}

// send has a partition execute a command, at most once, however often it is sent.
func (n *node) send(t *task, p object.PartitionID, body command.Body) (any, error) {
	return n.sendWithin(t, p, body, 0)
}

// sendWithin is send that takes the command out of the queue after some time, unless
// that is 0.
func (n *node) sendWithin(t *task, p object.PartitionID, body command.Body, limit micros) (any, error) {
	encoded, sequence := n.command(p, body)
	lane := n.lane(p)
	defer lane.end(sequence)
	what := fmt.Sprintf("%s/%d/%d %T", n.name, n.incarnation, sequence, body)
	if limit > 0 {
		id := object.CommandID{Node: n.name, Incarnation: n.incarnation, Sequence: sequence}
		done := false
		defer func() { done = true }()
		n.spawn(fmt.Sprintf("withdraws %s for %s", id, t.name), func(s *task) {
			if s.sleep(limit); !done {
				_, _ = n.send(s, p, &command.Withdraw{Command: id})
			}
		})
	}
	t.w.say("%s -> p%d: %s", what, p, describe(t.w, body))
	outcome, unknown, err := ask(t, n, t.w.partition(p), what, patience, func(s *task, r *replica, unknown bool) (any, error) {
		return execute(s, r, encoded, body, unknown)
	})
	if err != nil {
		t.w.say("%s <- p%d: no answer (unknown %v)", what, p, unknown)
		return nil, &unanswered{unknown}
	}
	t.w.say("%s <- p%d: %s", what, p, describeOutcome(t.w, outcome))
	return outcome, nil
}

// execute is what a leader does with a command.
func execute(t *task, r *replica, encoded []byte, body command.Body, conclusive bool) (any, error) {
	if r.g.leader != r {
		return nil, r.hint()
	}
	if w, ok := body.(*command.Write); ok && !conclusive {
		if waits, err := park(t, r, w); err != nil {
			return nil, err
		} else if waits {
			return &command.Result{Refusal: &command.Refusal{Reason: command.Awaited}}, nil
		}
	}
	answer := newFuture[any](t.w)
	r.propose(encoded, func(outcome any, err error) {
		if err == nil && outcome == nil {
			err = errInterrupted
		}
		answer.resolve(outcome, err)
	})
	return answer.wait(t, 1000*millisecond)
}

// park waits while objects of a write are on their way. It reports whether they still
// are.
func park(t *task, r *replica, w *command.Write) (bool, error) {
	m := r.machine.(*state.Machine)
	deadline := t.w.now + parkedFor
	for {
		waits, err := m.Awaiting(w)
		if err != nil || !waits || t.w.now >= deadline {
			return waits, err
		}
		r.awaitArrival(t, deadline-t.w.now)
		if r.down {
			return false, errInterrupted
		}
		m = r.machine.(*state.Machine)
	}
}

// read has a partition's leader answer a read.
func (n *node) read(t *task, p object.PartitionID, q *command.Read) (*command.Chunk, error) {
	t.w.number++
	what := fmt.Sprintf("read %d", t.w.number)
	t.w.say("%s %s -> p%d: %s", n, what, p, describeRead(t.w, q))
	if chunk := n.follow(t, p, q); chunk != nil {
		t.w.say("%s %s <- own replica of p%d: %s", n, what, p, describeChunk(t.w, chunk))
		return chunk, nil
	}
	chunk, _, err := ask(t, n, t.w.partition(p), what, patience, func(s *task, r *replica, _ bool) (*command.Chunk, error) {
		return readAt(s, r, q)
	})
	if err == nil {
		t.w.say("%s %s <- p%d: %s", n, what, p, describeChunk(t.w, chunk))
	}
	return chunk, err
}

// follow reads the node's own replica, now and then, if it follows and has applied exactly
// what the leader says that it has; nil where it does not, or has to wait.
func (n *node) follow(t *task, p object.PartitionID, q *command.Read) *command.Chunk {
	own := n.replicaOf(t.w.partition(p))
	if own == nil || own.g.leader == own || t.rng.IntN(2) == 0 {
		return nil
	}
	index, _, err := ask(t, n, own.g, "index", attemptFor, func(_ *task, r *replica, _ bool) (index uint64, err error) {
		err = r.read(func() error { index = r.applied; return nil })
		return index, err
	})
	if err != nil || own.down || own.applied != index {
		return nil
	}
	query := own.machine.(*state.Machine).Begin(q)
	if query.Pin() != nil {
		query.Close()
		return nil
	}
	chunk, err := whole(query)
	if err != nil || awaited(chunk.Refusal) {
		return nil
	}
	t.w.tally["reads of followers"]++
	return chunk
}

// readAt answers a read, when nothing of it is on its way any more.
func readAt(t *task, r *replica, q *command.Read) (*command.Chunk, error) {
	deadline := t.w.now + parkedFor
	for {
		m := r.machine.(*state.Machine)
		query := m.Begin(q)
		if err := r.read(query.Pin); err != nil {
			query.Close()
			return nil, err
		}
		if t.rng.IntN(4) == 0 {
			t.sleep(between(t.rng, 10, 500)) // what is applied now is not seen
		}
		chunk, err := whole(query)
		if err != nil || !awaited(chunk.Refusal) || t.w.now >= deadline {
			return chunk, err
		}
		r.awaitArrival(t, min(deadline-t.w.now, 2*millisecond))
	}
}

func awaited(r *command.Refusal) bool { return r != nil && r.Reason == command.Awaited }

// whole reads all chunks of a query.
func whole(query *state.Query) (*command.Chunk, error) {
	defer query.Close()
	all := &command.Chunk{}
	for {
		chunk, err := query.Next(context.Background())
		if err != nil {
			return nil, err
		}
		all.Rows = append(all.Rows, chunk.Rows...)
		all.Absent = append(all.Absent, chunk.Absent...)
		if chunk.Revisions != nil {
			all.Revisions = chunk.Revisions
		}
		all.Print, all.Upto = chunk.Print, chunk.Upto
		if chunk.Refusal != nil || chunk.Err != nil || chunk.Conflict != nil || query.Done() {
			all.Refusal, all.Err, all.Conflict = chunk.Refusal, chunk.Err, chunk.Conflict
			return all, nil
		}
	}
}
