package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/planted"
	"github.com/ssmr/ssmr/partitions/attempt"
)

// hastyAttempts is how often all participants are asked at once before they are asked
// one after another.
const hastyAttempts = 2

// transact has parts executed in all partitions or in none, as Client.Transact of
// package partitions does. An error is an *unanswered one, or errGivenUp.
func (n *node) transact(t *task, parts []command.Share, owner object.TransactionID, patient bool) ([]*command.Vote, error) {
	slices.SortFunc(parts, func(a, b command.Share) int { return cmp.Compare(a.Partition, b.Partition) })
	for attempts := 0; ; attempts++ {
		wait := patient && (len(parts) == 1 || attempts >= hastyAttempts)
		votes, err := n.attempt(t, parts, owner, wait)
		if err != nil {
			return nil, err
		}
		if !again(votes) {
			return votes, nil
		}
		if attempts > 40 || !patient && attempts > 6 {
			return nil, errGivenUp
		}
		t.sleep(between(t.rng, 200, 1000+micros(attempts)*500))
	}
}

// again reports whether another attempt is worth it.
func again(votes []*command.Vote) bool {
	again := false
	for _, v := range votes {
		switch {
		case v.Yes():
		case v.Refusal == nil:
			return false
		case v.Refusal.Reason == command.Locked, v.Refusal.Reason == command.Busy, v.Refusal.Reason == command.Awaited:
			again = true
		case v.Refusal.Reason == command.Aborted, v.Refusal.Reason == command.Withdrawn:
		default:
			return false
		}
	}
	return again || slices.ContainsFunc(votes, func(v *command.Vote) bool { return !v.Yes() })
}

// running is one attempt under way: it does the steps of an attempt.Attempt.
type running struct {
	n        *node
	id       object.TransactionID
	owner    object.TransactionID
	name     string
	parts    []command.Share // nil: it is recovered
	a        *attempt.Attempt
	votes    []*command.Vote
	decided  *future[attempt.Decision]
	released *future[bool]
	// forget is asked before a participant is told to forget; nil: it may.
	forget func(t *task) bool
	// split has parts sent in two commands; stumble is the chance at each step that the
	// node crashes.
	split   bool
	stumble float64
}

func (n *node) attempt(t *task, parts []command.Share, owner object.TransactionID, wait bool) ([]*command.Vote, error) {
	x := &running{
		n: n, id: n.transaction(), owner: owner, parts: parts, votes: make([]*command.Vote, len(parts)),
		split: t.rng.IntN(6) == 0, stumble: t.w.plan.Stumble,
	}
	if len(parts) == 1 && (!x.split || len(parts[0].Part.Effects) < 2) { // one entry commits it
		outcome, err := n.send(t, parts[0].Partition, x.prepare(0, wait))
		if err != nil {
			return nil, err
		}
		vote := outcome.(*command.Vote)
		if vote.Refusal != nil && vote.Refusal.Reason == command.Expired {
			return nil, &unanswered{unknown: true}
		}
		return []*command.Vote{vote}, nil
	}
	var ids []object.PartitionID
	for i := range parts {
		ids = append(ids, parts[i].Partition)
	}
	n.undecided[x.id] = true
	x.begin(t, attempt.New(ids, wait))
	if t.rng.IntN(6) == 0 { // statement_timeout
		give := between(t.rng, 0, []micros{4 * millisecond, 80 * millisecond}[t.rng.IntN(2)])
		n.spawn(fmt.Sprintf("gives up %s", x.id), func(s *task) {
			s.sleep(give)
			x.report(s, func(a *attempt.Attempt) { a.GiveUp() })
		})
	}
	decision, err := x.decided.wait(t, 2*patience)
	if err != nil {
		return nil, &unanswered{unknown: true}
	}
	if decision == attempt.NotCommitted {
		if _, err := x.released.wait(t, 2*patience); err != nil {
			return nil, errGivenUp
		}
	}
	for i, v := range x.votes {
		switch {
		case v != nil:
		case decision == attempt.Committed:
			return nil, errResultLost
		default:
			x.votes[i] = &command.Vote{Refusal: &command.Refusal{Reason: command.Aborted}}
		}
	}
	return x.votes, nil
}

// prepare makes the command for a participant.
func (x *running) prepare(i int, wait bool) *command.Prepare {
	b := &command.Prepare{Transaction: x.id, Wait: wait, Owner: x.owner, Part: x.parts[i].Part}
	for j := range x.parts {
		b.Participants = append(b.Participants, x.parts[j].Partition)
	}
	return b
}

func (x *running) begin(t *task, a *attempt.Attempt) {
	x.a, x.name = a, fmt.Sprintf("%s of %s", x.id, t.name)
	x.decided, x.released = newFuture[attempt.Decision](t.w), newFuture[bool](t.w)
	x.report(t, func(*attempt.Attempt) {})
}

// report tells the attempt what has happened, and does what follows.
func (x *running) report(t *task, f func(*attempt.Attempt)) {
	before := x.a.Decision()
	f(x.a)
	steps := x.a.Steps()
	if d := x.a.Decision(); d != attempt.Undecided {
		if before == attempt.Undecided {
			t.w.say("%s: transaction %s is %s", x.n, x.id, d)
			t.w.tally["transactions over several partitions "+d.String()]++
		}
		delete(x.n.undecided, x.id)
		x.decided.resolve(d, nil)
		if x.a.Released() {
			x.released.resolve(true, nil)
		}
	}
	for _, s := range steps {
		if x.stumble > 0 && t.rng.Float64() < x.stumble {
			t.w.stumble(x.n)
		}
		x.n.spawn(fmt.Sprintf("%s p%d, %s", s.Kind, s.Partition, x.name), func(c *task) { x.perform(c, s) })
	}
}

// stumble has a node crash at once, and start again some time later.
func (w *world) stumble(n *node) {
	rng, incarnation := n.rng, n.incarnation
	w.after(0, func() {
		if w.quiet || n.incarnation != incarnation || n.down {
			return
		}
		n.crash()
		w.after(between(rng, millisecond, 30*millisecond), n.restart)
	})
}

func (x *running) perform(t *task, s attempt.Step) {
	p := s.Partition
	switch s.Kind {
	case attempt.Prepare:
		x.sendPrepare(t, p, s.Wait)
	case attempt.Resolve:
		for {
			if outcome, err := x.n.send(t, p, &command.Resolve{Transaction: x.id}); err == nil {
				if r, ok := outcome.(*command.Resolution); ok {
					x.report(t, func(a *attempt.Attempt) { a.Resolved(p, r.State) })
					return
				}
			}
			t.sleep(between(t.rng, 500, 5000))
		}
	case attempt.Commit, attempt.Abort:
		t.sleep(t.w.plan.delay(t.rng, 0, 1500)) // it gathers with others
		x.n.conclude(t, p, x.id, s.Kind == attempt.Commit)
		x.report(t, func(a *attempt.Attempt) { a.Concluded(p) })
	case attempt.Forget:
		if x.forget == nil || x.forget(t) {
			t.sleep(between(t.rng, 0, 3000))
			_, _ = x.n.send(t, p, &command.Conclude{Forget: []object.TransactionID{x.id}})
		}
		x.report(t, func(a *attempt.Attempt) { a.Forgotten(p) })
	}
}

// conclude tells a partition what became of a transaction, until it has heard.
func (n *node) conclude(t *task, p object.PartitionID, id object.TransactionID, commit bool) {
	for {
		b := &command.Conclude{Abort: []object.TransactionID{id}}
		if commit {
			b = &command.Conclude{Commit: []object.TransactionID{id}}
		}
		outcome, err := n.send(t, p, b)
		if c, ok := outcome.(*command.Concluded); ok && err == nil && len(c.Rest) == 0 {
			return
		}
		t.sleep(between(t.rng, 200, 3000))
	}
}

// sendPrepare sends a participant its part, in one or two commands.
func (x *running) sendPrepare(t *task, p object.PartitionID, wait bool) {
	i := slices.IndexFunc(x.parts, func(s command.Share) bool { return s.Partition == p })
	whole := x.prepare(i, wait)
	list := []*command.Prepare{whole}
	no := attempt.No
	if n := len(whole.Part.Effects); x.split && n > 1 {
		first, second := *whole, *whole
		first.More, second.Continues = true, true
		first.Part.Effects, second.Part.Effects = whole.Part.Effects[:n/2], whole.Part.Effects[n/2:]
		first.Part.Writes, second.Part.Ranges = nil, nil
		list = []*command.Prepare{&first, &second}
	}
	for n, b := range list {
		outcome, err := x.n.send(t, p, b)
		if u, is := err.(*unanswered); is && u.unknown {
			x.report(t, func(a *attempt.Attempt) { a.Lost(p) })
			return
		}
		vote, is := outcome.(*command.Vote)
		switch {
		case err != nil || !is:
			x.report(t, func(a *attempt.Attempt) { a.Voted(p, no) })
			return
		case vote.Refusal != nil && vote.Refusal.Reason == command.Expired:
			x.report(t, func(a *attempt.Attempt) { a.Lost(p) })
			return
		case !vote.Yes() && planted.Is(planted.MissingPrepare) && i > 0:
			x.votes[i] = &command.Vote{Results: make([]*command.Result, len(b.Part.Writes))}
			for j := range x.votes[i].Results {
				x.votes[i].Results[j] = &command.Result{Affected: 1}
			}
			x.report(t, func(a *attempt.Attempt) { a.Voted(p, attempt.Yes) })
			return
		case !vote.Yes():
			x.votes[i] = vote
			x.report(t, func(a *attempt.Attempt) { a.Voted(p, no) })
			return
		case n == len(list)-1:
			x.votes[i] = vote
			x.report(t, func(a *attempt.Attempt) { a.Voted(p, attempt.Yes) })
		}
		no = attempt.NoHolding
	}
}
