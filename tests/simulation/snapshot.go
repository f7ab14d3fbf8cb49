package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/partitions/state"
)

// holdFor bounds how long a leader shows nothing newer for a snapshot.
const holdFor = 8 * millisecond

// snapshot is the state of several partitions at one moment.
type snapshot struct {
	n     *node
	parts map[object.PartitionID]*pinnedPart
}

type pinnedPart struct {
	node     *node
	run      uint64 // the incarnation of the node that holds it
	r        *replica
	term     uint64
	hold     *hold
	pinned   *state.Pinned
	all      []command.PinnedTransaction
	moves    []command.PinnedMove
	include  []object.TransactionID
	outgoing []object.LocationVersion
}

// snapshot pins partitions, and those that these need, at one moment.
func (n *node) snapshot(t *task, parts []object.PartitionID) (*snapshot, error) {
	wanted := slices.Compact(slices.Sorted(slices.Values(parts)))
	for range 40 {
		s := n.pinAll(t, wanted)
		if s == nil {
			t.sleep(between(t.rng, 500, 4000))
			continue
		}
		more, err := s.complete()
		if err == nil && len(more) == 0 {
			t.w.tally["snapshots"]++
			return s, nil
		}
		s.close()
		wanted = slices.Compact(slices.Sorted(slices.Values(append(wanted, more...))))
	}
	return nil, errGivenUp
}

// pinAll holds and pins all, and then releases them; nil where there was no moment at
// which all were what was pinned.
func (n *node) pinAll(t *task, wanted []object.PartitionID) *snapshot {
	t.w.say("%s: pins %v", n, wanted)
	s := &snapshot{n: n, parts: make(map[object.PartitionID]*pinnedPart)}
	answers := make([]*future[*pinnedPart], len(wanted))
	for i, p := range wanted {
		answers[i] = newFuture[*pinnedPart](t.w)
		t.calls++
		n.spawn(fmt.Sprintf("pins p%d, %d for %s", p, t.calls, t.name), func(c *task) {
			part, _, err := ask(c, n, t.w.partition(p), "pin", 10*millisecond, func(l *task, r *replica, _ bool) (*pinnedPart, error) {
				return r.pin(len(wanted) > 1)
			})
			answers[i].resolve(part, err)
		})
	}
	valid := true
	for i, p := range wanted {
		part, err := answers[i].wait(t, 60*millisecond)
		valid = valid && err == nil
		if err == nil {
			s.parts[p] = part
		}
	}
	if !valid {
		s.close()
		return nil
	}
	for _, p := range wanted {
		part := s.parts[p]
		ok, err := call(t, n, part.node, "release", attemptFor, func(*task) (bool, error) { return part.release(), nil })
		valid = valid && ok && err == nil
	}
	if !valid {
		s.close()
		return nil
	}
	return s
}

// pin pins the state of a leader.
func (r *replica) pin(held bool) (*pinnedPart, error) {
	part := &pinnedPart{node: r.node, run: r.node.incarnation, r: r, term: r.g.term}
	take := func() (err error) {
		part.pinned, err = r.machine.(*state.Machine).Pin()
		return err
	}
	var err error
	if held {
		part.hold, err = r.hold(holdFor, take)
	} else {
		err = r.read(take)
	}
	if err != nil {
		return nil, err
	}
	r.g.w.pins = append(r.g.w.pins, part.pinned)
	r.g.w.say("%s: pinned at %d", r, part.pinned.Index())
	return part, nil
}

// release ends the hold. It reports whether what was pinned is what could be read until
// now.
func (p *pinnedPart) release() bool {
	ok := p.lives() && p.r.g.leader == p.r && p.r.g.term == p.term
	if p.hold != nil {
		ok = p.r.release(p.hold) && ok
	}
	if ok {
		var err error
		if p.all, err = p.pinned.Transactions(); err == nil {
			p.moves, err = p.pinned.Outgoing()
		}
		ok = err == nil
	}
	return ok
}

// lives reports whether the node still has the pinned state.
func (p *pinnedPart) lives() bool { return !p.node.down && p.node.incarnation == p.run }

func (p *pinnedPart) stateOf(id object.TransactionID) command.TransactionState {
	for i := range p.all {
		if p.all[i].ID == id {
			return p.all[i].State
		}
	}
	return command.TransactionUnknown
}

// complete decides which prepared transactions count, and where objects in transit
// are. more are partitions that have to be pinned too.
func (s *snapshot) complete() (more []object.PartitionID, err error) {
	for _, p := range s.ids() {
		part := s.parts[p]
		for i := range part.all {
			x := &part.all[i]
			if x.State != command.TransactionPrepared {
				continue
			}
			committed := true
			for _, q := range x.Participants {
				other := s.parts[q]
				if other == nil {
					more = append(more, q)
					continue
				}
				is := other.stateOf(x.ID)
				committed = committed && (is == command.TransactionPrepared || is == command.TransactionCommitted)
			}
			if committed {
				part.include = append(part.include, x.ID)
			}
		}
		for _, m := range part.moves {
			to := s.parts[m.To]
			if to == nil {
				more = append(more, m.To)
				continue
			}
			arrived, err := to.pinned.Arrived([]object.LocationVersion{m.Move})
			if err != nil {
				return nil, err
			}
			if !arrived[0] {
				part.outgoing = append(part.outgoing, m.Move)
			}
		}
	}
	return more, nil
}

func (s *snapshot) ids() []object.PartitionID {
	var ids []object.PartitionID
	for p := range s.parts {
		ids = append(ids, p)
	}
	slices.Sort(ids)
	return ids
}

// read reads a pinned state; an error says that it is gone.
func (s *snapshot) read(t *task, p object.PartitionID, q *command.Read) (*command.Chunk, error) {
	part := s.parts[p]
	q.View.Include, q.View.Outgoing = part.include, part.outgoing
	t.w.say("%s reads its snapshot of p%d: %s", s.n, p, describeRead(t.w, q))
	return call(t, s.n, part.node, "read of a snapshot", attemptFor, func(*task) (*command.Chunk, error) {
		if !part.lives() {
			return nil, state.ErrUnpinned
		}
		query, err := part.pinned.Begin(q)
		if err != nil {
			return nil, err
		}
		chunk, err := whole(query)
		if err == nil {
			t.w.say("%s <- p%d: %s", s.n, p, describeChunk(t.w, chunk))
		}
		return chunk, err
	})
}

func (s *snapshot) close() {
	for _, part := range s.parts {
		if part.hold != nil && part.lives() {
			part.r.release(part.hold)
		}
		part.pinned.Close()
	}
}

// evaluate has a partition compute what a Write would do.
func (n *node) evaluate(t *task, p object.PartitionID, e *command.Evaluate) (*command.Evaluation, error) {
	t.w.say("%s evaluates at p%d: %s%s", n, p, describeWrite(t.w, e.Write), describeView(t.w, &e.View))
	out, _, err := ask(t, n, t.w.partition(p), "evaluate", patience, func(s *task, r *replica, _ bool) (out *command.Evaluation, err error) {
		err = outside(s, r, func(m *state.Machine) (bool, error) {
			q := m.Evaluate(e)
			defer q.Close()
			if err := r.read(q.Pin); err != nil {
				return false, err
			}
			out, err = q.Run(context.Background())
			return err == nil && awaited(out.Refusal), err
		})
		return out, err
	})
	if err == nil {
		t.w.say("%s <- p%d: %s", n, p, describeEvaluation(t.w, out))
	}
	return out, err
}

// validate has a partition compare what was read.
func (n *node) validate(t *task, p object.PartitionID, part *command.Part) (*command.Vote, error) {
	out, _, err := ask(t, n, t.w.partition(p), "validate", patience, func(s *task, r *replica, _ bool) (out *command.Vote, err error) {
		err = outside(s, r, func(m *state.Machine) (bool, error) {
			q := m.Validate(part)
			defer q.Close()
			if err := r.read(q.Pin); err != nil {
				return false, err
			}
			out, err = q.Run(context.Background())
			return err == nil && awaited(out.Refusal), err
		})
		return out, err
	})
	if err == nil {
		t.w.say("%s validates at p%d %s: %s", n, p, describePart(t.w, part), describeVote(t.w, out))
	}
	return out, err
}

// outside computes something of the newest state, again while it is refused as Awaited.
func outside(t *task, r *replica, compute func(m *state.Machine) (awaited bool, err error)) error {
	deadline := t.w.now + parkedFor
	for {
		waits, err := compute(r.machine.(*state.Machine))
		if err != nil || !waits || t.w.now >= deadline {
			return err
		}
		r.awaitArrival(t, min(deadline-t.w.now, 2*millisecond))
	}
}
