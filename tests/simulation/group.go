package main

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// stateMachine is what both the oracle's and the partitions' machines are.
type stateMachine interface {
	replication.StateMachine
	replication.Committer
}

// pending is an outcome to come: a command waits in the state machine's queue.
type pending interface {
	Done() <-chan struct{}
	Outcome() any
}

// group stands for a Raft group: one log that all its replicas apply. What replication
// promises is taken for granted here (it has tests of its own); what it does not
// promise is done: proposals are gathered into entries, answers are lost
// with the leader though the command is or will be applied, replicas lag.
type group struct {
	w        *world
	id       object.GroupID
	rng      *rand.Rand
	replicas []*replica
	log      []logEntry // index i is at i-1
	term     uint64
	leader   *replica // nil during an election
	// gathering holds proposals that are in no entry yet, flight those of an entry that
	// is being replicated; waiting those in the log, or in the queue of the state machine.
	gathering, flight []*proposal
	waiting           []*proposal
	machine           func(r *replica) stateMachine
}

type logEntry struct {
	term     uint64
	commands [][]byte
}

// proposal is a command on its way through the log.
type proposal struct {
	command []byte
	index   uint64 // of its entry, once it has one
	n       int    // of the command in the entry
	queued  pending
	reply   func(outcome any, err error)
}

var (
	// errInterrupted: it may have been, or may be, applied.
	errInterrupted = errors.New("the leader was lost")
)

// notLeader says that the replica does not lead. The call had no effect.
type notLeader struct{ leader *node }

func (*notLeader) Error() string { return "not the leader" }

// replica is a node's copy of a group.
type replica struct {
	g       *group
	node    *node
	space   *storage.Space
	machine stateMachine
	applied uint64
	down    bool
	busy    bool // a step is to come
	ready   bool // it leads, and has applied what the leaders before it committed
	holds   []*hold
	kept    *checkpoint
	arrived []waiter
}

// checkpoint is the content of a replica at an index, as a crash leaves it.
type checkpoint struct {
	index   uint64
	content map[string]string
}

func (g *group) String() string {
	if g.id == object.OracleGroup {
		return "oracle"
	}
	return fmt.Sprintf("partition %d", g.id)
}

func (r *replica) String() string { return fmt.Sprintf("%s on %s", r.g, r.node) }

// open starts the state machine on what is stored.
func (r *replica) open() {
	r.machine = r.g.machine(r)
	if err := r.machine.Open(r.space); err != nil {
		r.g.w.fail("%s: open: %v", r, err)
	}
}

// propose puts a command into the log. reply is called once: with its outcome, or
// with a *notLeader error, or errInterrupted.
func (r *replica) propose(command []byte, reply func(any, error)) {
	g := r.g
	if g.leader != r {
		reply(nil, r.hint())
		return
	}
	g.gathering = append(g.gathering, &proposal{command: command, reply: reply})
	g.replicate()
}

func (r *replica) hint() error {
	if r.g.leader != nil && r.g.rng.IntN(4) > 0 {
		return &notLeader{leader: r.g.leader.node}
	}
	return &notLeader{}
}

// replicate makes an entry of what has gathered, one at a time.
func (g *group) replicate() {
	if len(g.flight) > 0 || len(g.gathering) == 0 || g.leader == nil {
		return
	}
	term := g.term
	g.flight, g.gathering = g.gathering, nil
	g.w.after(g.w.plan.delay(g.rng, 100, 800), func() {
		if g.term != term {
			return
		}
		g.commit()
		g.replicate()
	})
}

// commit puts what is in flight into the log.
func (g *group) commit() {
	e := logEntry{term: g.term}
	for n, p := range g.flight {
		p.index, p.n = uint64(len(g.log)+1), n
		e.commands = append(e.commands, p.command)
	}
	g.waiting = append(g.waiting, g.flight...)
	g.flight = nil
	g.log = append(g.log, e)
	for _, r := range g.replicas {
		r.schedule()
	}
}

// schedule has the replica apply what it lacks.
func (r *replica) schedule() {
	if r.busy || r.down || r.applied == uint64(len(r.g.log)) {
		return
	}
	r.busy = true
	most := micros(300)
	if r != r.g.leader {
		most = 3000
	}
	r.g.w.after(r.g.w.plan.delay(r.g.rng, 20, most), func() {
		r.busy = false
		if r.down || r.held() {
			return
		}
		if left := r.node.stopped(); left > 0 {
			r.g.w.after(left, r.schedule)
			return
		}
		r.step()
		r.schedule()
	})
}

// step applies one or a few entries in one batch.
func (r *replica) step() {
	g := r.g
	if r.applied == uint64(len(g.log)) {
		return
	}
	if r.g.w.plan.Checkpoints && g.rng.IntN(8) == 0 {
		r.kept = &checkpoint{index: r.applied, content: r.content()}
	}
	batch := r.space.NewBatch()
	defer batch.Close()
	results := make(map[uint64][]any)
	for n := 1 + g.rng.IntN(3); n > 0 && r.applied < uint64(len(g.log)); n-- {
		e := &g.log[r.applied]
		r.applied++
		out, err := r.machine.Apply(replication.Entry{Index: r.applied, Term: e.term, Commands: e.commands}, batch)
		if err == nil && len(out) != len(e.commands) {
			err = fmt.Errorf("%d results for %d commands", len(out), len(e.commands))
		}
		if err != nil {
			g.w.fail("%s: entry %d: %v", r, r.applied, err)
			return
		}
		results[r.applied] = out
	}
	if err := batch.Commit(storage.NoSync); err != nil {
		g.w.fail("%s: commit: %v", r, err)
		return
	}
	r.machine.Committed(r.applied)
	if r == g.leader {
		g.answer(results)
		if !r.ready && r.applied == uint64(len(g.log)) {
			r.ready = true
			g.w.say("%s leads, term %d", r, g.term)
			g.w.lead(r)
		}
	}
}

// answer hands out outcomes of the leader.
func (g *group) answer(results map[uint64][]any) {
	var rest, done []*proposal
	var outcomes []any
	for _, p := range g.waiting {
		out, applied := results[p.index]
		switch {
		case p.queued == nil && !applied:
			rest = append(rest, p)
			continue
		case p.queued == nil:
			q, waits := out[p.n].(pending)
			if !waits {
				done, outcomes = append(done, p), append(outcomes, out[p.n])
				continue
			}
			p.queued = q
		}
		select {
		case <-p.queued.Done():
			done, outcomes = append(done, p), append(outcomes, p.queued.Outcome())
		default:
			rest = append(rest, p)
		}
	}
	g.waiting = rest
	for i, p := range done {
		p.reply(outcomes[i], nil)
	}
}

// elect makes another replica, or the same in another term, the leader.
func (g *group) elect(r *replica) {
	lost := append(append(g.waiting, g.flight...), g.gathering...)
	flight := g.flight
	g.waiting, g.flight, g.gathering = nil, nil, nil
	if g.leader != nil {
		g.leader.ready = false
		g.leader.breakHolds()
	}
	g.term++
	g.leader = r
	if r != nil {
		g.w.say("%s is elected, term %d", r, g.term)
	}
	if len(flight) > 0 && g.rng.IntN(2) == 0 {
		// The entry had reached the next leader.
		g.flight = flight
		for _, p := range flight {
			p.reply(nil, errInterrupted)
			p.reply = func(any, error) {}
		}
		g.commit()
	}
	for _, p := range lost {
		p.reply(nil, errInterrupted)
	}
	if r == nil {
		return
	}
	// Its first entry is empty: what was committed before is applied when that is.
	g.log = append(g.log, logEntry{term: g.term})
	for _, r := range g.replicas {
		r.schedule()
	}
	g.replicate()
}

// read runs fn on the leader's state, at one instant of its lease.
func (r *replica) read(fn func() error) error {
	if r.g.leader != r || !r.ready || r.down {
		return r.hint()
	}
	return fn()
}

// crash ends the replica's process.
func (r *replica) crash() {
	r.down = true
	r.ready = false
	r.breakHolds()
	if r.g.leader == r {
		r.g.elect(nil)
		r.g.campaign()
	}
}

// campaign has a replica elected, after a while, if there is no leader then.
func (g *group) campaign() {
	g.w.after(between(g.rng, 2*millisecond, 10*millisecond), func() {
		if g.leader != nil {
			return
		}
		for _, i := range g.rng.Perm(len(g.replicas)) {
			if r := g.replicas[i]; !r.down && r.node.stopped() == 0 {
				g.elect(r)
				return
			}
		}
		for _, r := range g.replicas {
			if !r.down { // all that run are stopped
				g.campaign()
				return
			}
		}
	})
}

// restart opens what a crash has left: everything that was applied, or what an older
// state of the store was.
func (r *replica) restart() {
	if k := r.kept; k != nil && r.g.rng.IntN(2) == 0 && k.index <= r.applied {
		r.replace(k)
	}
	r.down = false
	r.open()
	r.schedule()
	if r.g.leader == nil {
		r.g.campaign()
	}
}

// replace changes the content of the store.
func (r *replica) replace(k *checkpoint) {
	batch := r.space.NewBatch()
	defer batch.Close()
	batch.DeleteRange(nil, nil)
	for key, v := range k.content {
		batch.Set([]byte(key), []byte(v))
	}
	if err := batch.Commit(storage.NoSync); err != nil {
		r.g.w.fail("%s: %v", r, err)
	}
	r.applied = k.index
}

// install gives a follower the state of another replica, as replication does with
// one that is too far behind.
func (r *replica) install(from *replica) {
	if r == r.g.leader || r.down || from.down || from.applied <= r.applied {
		return
	}
	r.g.w.say("%s is given the state of %s", r, from.node)
	r.replace(&checkpoint{index: from.applied, content: from.content()})
	r.kept = nil
	if err := r.machine.Open(r.space); err != nil {
		r.g.w.fail("%s: open: %v", r, err)
	}
	r.schedule()
}

// content returns all that a replica stores.
func (r *replica) content() map[string]string {
	it, err := r.space.NewIterator(nil, nil)
	if err != nil {
		r.g.w.fail("%s: %v", r, err)
		return nil
	}
	defer it.Close()
	all := make(map[string]string)
	for ok := it.First(); ok; ok = it.Next() {
		all[string(it.Key())] = string(it.Value())
	}
	return all
}

// wakeArrived is the state machine's Events.Arrived.
func (r *replica) wakeArrived() {
	for _, x := range r.arrived {
		r.g.w.after(0, func() { x.t.wake(x.turn) })
	}
	r.arrived = nil
}

// awaitArrival waits for Events.Arrived, or that long.
func (r *replica) awaitArrival(t *task, limit micros) {
	r.arrived = append(r.arrived, waiter{t, t.turn})
	t.sleep(limit)
}

// hold is a time during which the leader shows nothing newer.
type hold struct{ broken, released bool }

func (r *replica) held() bool {
	for _, h := range r.holds {
		if !h.released && !h.broken {
			return true
		}
	}
	r.holds = nil
	return false
}

// hold runs fn, which pins the state, and shows nothing newer from then on until it is
// released, or the limit has passed.
func (r *replica) hold(limit micros, fn func() error) (*hold, error) {
	h := &hold{}
	if err := r.read(fn); err != nil {
		return nil, err
	}
	r.holds = append(r.holds, h)
	r.g.w.after(limit, func() {
		if !h.released {
			h.broken = true
			r.schedule()
		}
	})
	return h, nil
}

// release ends a hold; it reports whether nothing newer was shown until then.
func (r *replica) release(h *hold) bool {
	h.released = true
	r.schedule()
	return !h.broken
}

func (r *replica) breakHolds() {
	for _, h := range r.holds {
		h.broken = true
	}
	r.holds = nil
}
