package main

import (
	"fmt"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/oracle"
)

// drive does what the oracle's log intends while the replica leads: moves, releases, what
// is to be settled, and the floor. Whatever it does may be done again by the next one.
func drive(t *task, r *replica) {
	active := make(map[string]bool)
	term := r.g.term
	leads := func() bool { return r.g.leader == r && r.g.term == term && !r.down }
	told := object.LocationVersion(0)
	start := func(name string, body func(s *task) error) {
		if active[name] {
			return
		}
		active[name] = true
		r.node.spawn(fmt.Sprintf("drives %s, term %d, %d", name, term, t.calls), func(s *task) {
			defer delete(active, name)
			s.sleep(between(s.rng, 0, 1000))
			for leads() {
				err := body(s)
				if err == nil {
					return
				}
				s.w.say("%s: %s: %v", r, name, err)
				s.sleep(between(s.rng, 500, 4000))
			}
		})
	}
	for leads() {
		t.calls++
		work := r.machine.(*oracle.Machine).Work()
		for _, b := range work.Batches {
			start(fmt.Sprintf("move %d", b.Move), func(s *task) error { return driveMove(s, r, b) })
		}
		for _, e := range work.Settling {
			start(fmt.Sprintf("settle %d", e.From), func(s *task) error { return driveSettle(s, r, e) })
		}
		switch {
		case work.Floor > told:
			floor := work.Floor
			start("floor", func(s *task) error {
				for _, g := range s.w.groups[1:] {
					if _, err := driveExecute(s, r, object.PartitionID(g.id), &command.RaiseFloor{Floor: floor}); err != nil {
						return err
					}
				}
				told = floor
				return nil
			})
		case !t.w.quiet && t.rng.IntN(12) == 0:
			start("floor", func(s *task) error { return drivePropose(s, r, oracle.RaiseFloorEntry()) })
		}
		t.sleep(between(t.rng, 500, 3000))
	}
}

// driveExecute has a partition execute a command; a refusal is an error.
func driveExecute(t *task, r *replica, p object.PartitionID, body command.Body) (any, error) {
	outcome, err := r.node.send(t, p, body)
	if err != nil {
		return nil, err
	}
	switch o := outcome.(type) {
	case *command.Departed:
		if o.Refusal != nil {
			return nil, fmt.Errorf("refused: %s", o.Refusal.Reason)
		}
	case *command.Result:
		if o.Refusal != nil {
			return nil, fmt.Errorf("refused: %s", o.Refusal.Reason)
		}
	}
	return outcome, nil
}

func drivePropose(t *task, r *replica, entry []byte) error {
	answer := newFuture[any](t.w)
	r.propose(entry, answer.resolve)
	_, err := answer.wait(t, 1000*millisecond)
	return err
}

// driveMove takes a batch from its source to its destination.
func driveMove(t *task, r *replica, b oracle.Batch) error {
	live := func() bool {
		for _, x := range r.machine.(*oracle.Machine).Work().Batches {
			if x.Move == b.Move {
				return true
			}
		}
		return false
	}
	if !live() {
		return nil
	}
	outcome, err := driveExecute(t, r, b.From, &command.Depart{Move: b.Move, To: b.To, Objects: b.IDs})
	if err != nil {
		return overIfNot(live, err)
	}
	departed := outcome.(*command.Departed)
	for i := range departed.Objects {
		if departed.Objects[i].Row != nil {
			t.w.tally["moves"]++
		}
	}
	arrivals := make(map[object.PartitionID]*command.Arrive)
	for i, d := range departed.Objects {
		to := b.To
		if to == 0 { // a release: the home hears of it
			to = r.machine.(*oracle.Machine).Home(b.IDs[i])
		}
		if !d.Gone || to == 0 || b.To == 0 && to == b.From {
			continue
		}
		if arrivals[to] == nil {
			arrivals[to] = &command.Arrive{Move: b.Move}
		}
		arrivals[to].Objects = append(arrivals[to].Objects, command.Arrival{ID: b.IDs[i], Row: d.Row, Revision: d.Revision})
	}
	for _, g := range t.w.groups[1:] {
		p := object.PartitionID(g.id)
		if a := arrivals[p]; a != nil {
			if _, err := driveExecute(t, r, p, a); err != nil {
				return overIfNot(live, err)
			}
		}
	}
	if b.To != 0 && t.rng.IntN(3) > 0 { // the source hears of it, or does not
		_, _ = driveExecute(t, r, b.From, &command.Settle{Moves: []object.LocationVersion{b.Move}, Arrived: true})
	}
	return overIfNot(live, drivePropose(t, r, oracle.FinishEntry(b.Move, departed)))
}

func overIfNot(live func() bool, err error) error {
	if err != nil && !live() {
		return nil
	}
	return err
}

// driveSettle tells a source which of its moves are finished.
func driveSettle(t *task, r *replica, e oracle.Settling) error {
	if _, err := driveExecute(t, r, e.From, &command.Settle{Moves: e.Moves}); err != nil {
		return err
	}
	return drivePropose(t, r, oracle.SettledEntry(e.Moves))
}

// move is MOVE: it intends to move objects and waits, within bounds, until they are.
func (c *client) move(t *task, plan *transactionPlan) {
	to := plan.Ops[0].To
	var ids []object.ID
	for _, o := range plan.Ops {
		ids = append(ids, t.w.id(o.Key))
	}
	pin := catalog.PinMode(t.rng.IntN(int(catalog.Unpin) + 1))
	if _, err := c.node.askOracle(t, fmt.Sprintf("move %s to p%d (pins %d)", names(t.w, ids), to, pin), oracle.MovesEntry(object.PartitionID(to), ids, pin)); err != nil {
		t.w.say("client %d: move: %v", c.n, err)
	}
}

// release tells the oracle of objects that were deleted, some time later.
func (n *node) release(t *task, k int) {
	if t.rng.IntN(3) == 0 {
		return
	}
	n.spawn(fmt.Sprintf("releases x%d for %s, %d", k, t.name, t.calls), func(s *task) {
		s.sleep(between(s.rng, 0, 5000))
		_, _ = n.askOracle(s, fmt.Sprintf("release x%d", k), oracle.ReleasesEntry([]object.ID{s.w.id(k)}))
	})
}
