package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/partitions/attempt"
	"github.com/ssmr/ssmr/partitions/state"
)

// watch recovers transactions that are prepared for too long, finishes those that nobody
// has forget, and gives up locks of sessions that are gone, while the replica leads.
func watch(t *task, r *replica) {
	term := r.g.term
	type sight struct {
		since micros
		state command.TransactionState
	}
	seen := make(map[object.TransactionID]sight)
	busy := make(map[object.TransactionID]bool)
	for r.g.leader == r && r.g.term == term {
		now := make(map[object.TransactionID]sight)
		for _, info := range transactionsOf(r) {
			s, known := seen[info.ID]
			if !known || s.state != info.State {
				s = sight{t.w.now, info.State}
			}
			now[info.ID] = s
			age := t.w.now - s.since
			if busy[info.ID] || age < recoverAfter || info.State == command.TransactionCommitted && age < 2*recoverAfter {
				continue
			}
			busy[info.ID] = true
			t.calls++
			r.node.spawn(fmt.Sprintf("recovers %s in %s, term %d, %d", info.ID, r.g, term, t.calls), func(s *task) {
				defer delete(busy, info.ID)
				recoverOne(s, r, &info)
			})
		}
		seen = now
		t.sleep(between(t.rng, 3*millisecond, 8*millisecond))
	}
}

func transactionsOf(r *replica) []state.TransactionInfo {
	list := r.machine.(*state.Machine).Transactions(
		command.TransactionPreparing, command.TransactionPrepared, command.TransactionCommitted, command.TransactionLocking)
	slices.SortFunc(list, func(a, b state.TransactionInfo) int {
		return cmp.Or(strings.Compare(string(a.ID.Node), string(b.ID.Node)),
			cmp.Compare(a.ID.Incarnation, b.ID.Incarnation), cmp.Compare(a.ID.Sequence, b.ID.Sequence))
	})
	return list
}

// recoverOne ends one transaction.
func recoverOne(t *task, r *replica, info *state.TransactionInfo) {
	n := r.node
	if info.State == command.TransactionLocking {
		if alive, known := n.lives(t, info.ID, func(owner *node) bool { return owner.sessions[info.ID] }); known && !alive {
			t.w.say("%s: the session of %s is gone", r, info.ID)
			n.conclude(t, object.PartitionID(r.g.id), info.ID, false)
		}
		return
	}
	t.w.tally["recoveries"]++
	t.w.say("%s: recovers %s, which is %s", r, info.ID, info.State)
	// Leaders ask the coordinator before they have others forget; the state machine has a
	// rule of its own for those who do not.
	careless := t.rng.IntN(2) == 0
	x := &running{n: n, id: info.ID, forget: func(s *task) bool {
		if careless {
			return true
		}
		undecided, known := n.lives(s, info.ID, func(owner *node) bool { return owner.undecided[info.ID] })
		return known && !undecided
	}}
	a := attempt.Recover(info.Participants)
	if info.State == command.TransactionCommitted {
		a = attempt.Finish(info.Participants)
	}
	x.begin(t, a)
	for !x.a.Finished() {
		t.sleep(millisecond)
	}
}

// lives asks a transaction's node. known is false where it does not answer: it may live.
func (n *node) lives(t *task, id object.TransactionID, ask func(owner *node) bool) (alive, known bool) {
	for _, owner := range t.w.nodes {
		if owner.name != id.Node {
			continue
		}
		alive, err := call(t, n, owner, "lives "+id.String(), attemptFor, func(*task) (bool, error) {
			return owner.incarnation == id.Incarnation && ask(owner), nil
		})
		return alive, err == nil
	}
	return false, true
}
