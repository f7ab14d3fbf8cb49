package state

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// TestTransactModel runs coordinators, sessions, movers and clients with single writes
// against three partitions. Their commands are delivered in any order, several to an
// entry, some twice, some never; partitions are restarted; coordinators vanish, and
// others recover their transactions. Some transactions are attempted in one entry that
// their partitions share, sometimes with the oracle. It holds that
//
//   - what a transaction or a write does to an object starts from what was there
//     (no lost update), and happens in all of its partitions or in none (atomicity),
//   - there is one copy of each object,
//   - nobody who waits is overtaken, and the queue drains,
//   - a command that is repeated gets the same answer, and has no second effect,
//   - what is attempted in one entry holds no lock, is listed nowhere, and never waits,
//   - replicas that apply the same log, batched and restarted in other ways, and with
//     nothing that is staged in memory, hold the same bytes.
func TestTransactModel(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4, 5, 6, 7, 8}
	if *modelSeed != 0 {
		seeds = []uint64{*modelSeed}
	}
	counts := make(map[string]int)
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runTransactModel(t, seed, *modelSteps, counts) })
	}
	for _, what := range []string{
		"committed", "aborted", "conflict", "locked", "waited", "moved", "recovered", "lock", "direct",
		"joint", "joint of 3", "joint, locked", "joint, in conflict", "joint, then not", "joint with an owner's locks", "joint, let waiters go",
		"joint, placed", "joint again", "joint again, restarted", "joints in one entry",
	} {
		if counts[what] == 0 {
			t.Errorf("nothing was %s", what)
		}
	}
	t.Logf("%v", counts)
}

// bank is what the test knows.
type bank struct {
	t       *testing.T
	rnd     *rand.Rand
	parts   map[object.PartitionID]*fixture
	outbox  map[object.PartitionID][]*sent
	history map[object.PartitionID][]*sent
	waiting map[object.PartitionID][]*sent
	next    uint64 // of transactions and locations
	at      map[int]object.Location
	moving  map[int]bool
	values  map[int]int // as carried out
	want    map[int]int // as decided
	open    []*attempted
	// committed are those that were decided so; what they did may be told later.
	committed []*attempted
	owners    []*owner
	changes   []change // of the entry under delivery
	// joints are attempts in one entry that are on their way, pastJoints those that were
	// delivered, jointly the transactions that were not attempted in any other way.
	joint              int // of a hundred transactions
	joints, pastJoints []*together
	jointly            map[object.TransactionID]bool
	counts             map[string]int
	trace              []string
}

// sent is a command on its way, or delivered.
type sent struct {
	c       *command.Command
	to      object.PartitionID
	holds   bool // its transaction may hold locks there already
	answer  func(any)
	first   []byte // the answer, encoded
	pending *Pending
	joint   *together // that it is a part of
}

// together is an attempt of a transaction in one entry.
type together struct {
	a      *attempted
	bodies map[object.PartitionID]*command.Prepare
	sent   []*sent
	oracle *command.Assigned // what it says, where it takes part
	// restarts says how often partitions were restarted when it was delivered first.
	restarts int
}

// change is what happened to an object in an entry.
type change struct{ id, before, after int }

// attempted is a transaction under way.
type attempted struct {
	id      object.TransactionID
	parts   map[object.PartitionID]*share
	votes   int
	no      bool
	decided bool
	commit  bool
	owner   *owner
}

type share struct {
	voted, yes, concluded bool
	changes               []change
}

// owner is a session that locks ahead.
type owner struct {
	id   object.TransactionID
	busy bool
}

const bankObjects = 9

func runTransactModel(t *testing.T, seed uint64, steps int, counts map[string]int) {
	b := &bank{
		t: t, rnd: rand.New(rand.NewPCG(seed, 1)), next: 100,
		parts: make(map[object.PartitionID]*fixture), outbox: make(map[object.PartitionID][]*sent),
		history: make(map[object.PartitionID][]*sent), waiting: make(map[object.PartitionID][]*sent),
		at: make(map[int]object.Location), moving: make(map[int]bool), values: make(map[int]int), want: make(map[int]int),
		joint: 40 + 25*int(seed%3), counts: make(map[string]int), jointly: make(map[object.TransactionID]bool),
	}
	defer func() {
		if t.Failed() {
			for _, line := range b.trace[max(0, len(b.trace)-80):] {
				t.Log(line)
			}
			t.Logf("again: go test -run TestTransactModel ./partitions/state -model.seed=%d -model.steps=%d", seed, steps)
		}
	}()
	for p := object.PartitionID(1); p <= modelPartitions; p++ {
		b.parts[p] = newFixture(t, p)
		b.parts[p].unsettled = true
	}
	for p := 1; p <= modelPartitions; p++ {
		b.values[comer+p], b.want[comer+p] = absent, absent
	}
	for id := range bankObjects {
		p := object.PartitionID(id%modelPartitions) + 1
		b.at[id] = object.Location{Partition: p, Version: 10}
		b.values[id], b.want[id] = 100, 100
		b.parts[p].says("create", create(directoryTable, id, 100, 10), "1")
	}
	for range steps {
		b.step()
	}
	b.drain()
	b.finish()
	for what, n := range b.counts {
		counts[what] += n
	}
}

func (b *bank) note(format string, args ...any) {
	b.trace = append(b.trace, fmt.Sprintf(format, args...))
}

func (b *bank) step() {
	switch n := b.rnd.IntN(100); {
	case n < 8:
		b.write()
	case n < 22:
		b.transact()
	case n < 26:
		b.lock()
	case n < 29:
		b.unlock()
	case n < 32:
		b.move()
	case n < 36:
		b.recover()
	case n < 39:
		p := b.anyPartition()
		b.note("restart p%d", p)
		b.counts["restarted"]++
		b.restart(p)
	case n < 50:
		b.deliverJointly()
	default:
		b.deliver(b.anyPartition())
	}
}

func (b *bank) anyPartition() object.PartitionID {
	return object.PartitionID(b.rnd.IntN(modelPartitions)) + 1
}

func (b *bank) transactionID() object.TransactionID {
	b.next++
	return object.TransactionID{Node: "c", Incarnation: 1, Sequence: b.next}
}

// send puts a command on its way.
func (b *bank) send(to object.PartitionID, body command.Body, holds bool, answer func(any)) *sent {
	s := &sent{c: b.parts[to].command(body), to: to, holds: holds, answer: answer}
	b.outbox[to] = append(b.outbox[to], s)
	return s
}

func (b *bank) target(id int) command.Target {
	l := b.at[id]
	return command.Target{ID: idOf(directoryTable, id), Version: l.Version, Arriving: true}
}

// add is UPDATE SET n = n + d RETURNING n.
func (b *bank) add(id, d int) *command.Write {
	return &command.Write{Kind: command.Update, Table: directoryTable, Schema: schemaVersion, Targets: []command.Target{b.target(id)},
		Program: command.EncodeProgram(&command.Program{
			Set:     []command.Assignment{{Column: 1, Value: must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(int64(d)), datum.Int4)))}},
			Project: []expr.Expr{columnN, expr.NewColumn(0, datum.Int4, "id")},
		})}
}

// added is what an update of add did to each object.
func (b *bank) added(w *command.Write, r *command.Result) (list []change) {
	d := b.delta(w)
	for _, row := range r.Rows {
		v, err := datum.DecodeTuple(row, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		n := int(v[0].Int())
		list = append(list, change{int(v[1].Int()), n - d, n})
	}
	return list
}

// Besides the accounts there is an object in each partition that comes and goes.
const (
	comer   = 100 // and the number of its partition
	present = 5
	absent  = -1
)

// come is a create or a delete of the partition's comer.
func (b *bank) come(p object.PartitionID) *command.Write {
	id := comer + int(p)
	w := create(directoryTable, id, present, 10)
	if _, found, err := (stored{r: b.parts[p].space}).object(idOf(directoryTable, id)); err != nil {
		b.t.Fatal(err)
	} else if found {
		w = remove(directoryTable, id, 10)
	}
	w.Schema = schemaVersion
	return w
}

// did is what a Write of a transaction did.
func (b *bank) did(w *command.Write, r *command.Result) []change {
	switch {
	case w.Kind == command.Update:
		return b.added(w, r)
	case r.Affected == 0:
		return nil
	case w.Kind == command.Create:
		return []change{{keyOf(w.Targets[0].ID), absent, present}}
	}
	return []change{{keyOf(w.Targets[0].ID), present, absent}}
}

// write is a client's single update.
func (b *bank) write() {
	id, d := b.rnd.IntN(bankObjects), 1+b.rnd.IntN(3)
	w := b.add(id, d)
	b.send(b.at[id].Partition, w, false, func(o any) {
		for _, c := range b.added(w, o.(*command.Result)) {
			b.want[c.id] += d
			b.changes = append(b.changes, c)
		}
	})
}

// transact begins a transfer between some objects: computed by their partitions, or by
// the coordinator of what it has read, perhaps with a range.
func (b *bank) transact() {
	if len(b.open) > 12 {
		return
	}
	a := &attempted{id: b.transactionID(), parts: make(map[object.PartitionID]*share)}
	bodies := make(map[object.PartitionID]*command.Prepare)
	part := func(p object.PartitionID) (*command.Prepare, *share) {
		if bodies[p] == nil {
			bodies[p] = &command.Prepare{Transaction: a.id, Part: command.Part{Tables: bothTables[:1]}, Wait: b.rnd.IntN(3) == 0}
			a.parts[p] = &share{}
		}
		return bodies[p], a.parts[p]
	}
	if len(b.owners) > 0 && b.rnd.IntN(4) == 0 {
		if o := b.owners[b.rnd.IntN(len(b.owners))]; !o.busy {
			a.owner, o.busy = o, true
		}
	}
	ids := b.rnd.Perm(bankObjects)[:1+b.rnd.IntN(3)]
	computed := b.rnd.IntN(2) == 0
	left := 0
	for i, id := range ids {
		d := b.rnd.IntN(7) - 3
		if left -= d; i == len(ids)-1 {
			d += left
		}
		body, s := part(b.at[id].Partition)
		if computed || d == 0 {
			r, found := b.read(id)
			if !found {
				continue
			}
			e := command.Effect{Target: b.target(id), Kind: command.EffectNone, Revision: r.revision}
			if n := numberOf(b.t, r.row); d != 0 && n+d < 1000 {
				e.Kind, e.Row = command.EffectPut, rowOf(id, n+d, "s")
				s.changes = append(s.changes, change{id, n, n + d})
			}
			body.Part.Effects = append(body.Part.Effects, e)
			continue
		}
		body.Part.Writes = append(body.Part.Writes, b.add(id, d))
	}
	if len(bodies) == 0 {
		return
	}
	if b.rnd.IntN(5) == 0 {
		p := b.anyPartition()
		body, _ := part(p)
		body.Part.Ranges = append(body.Part.Ranges, b.readRange(p))
	}
	if b.rnd.IntN(5) == 0 {
		p := b.anyPartition()
		body, _ := part(p)
		body.Part.Writes = append(body.Part.Writes, b.come(p))
	}
	if b.rnd.IntN(8) == 0 {
		p := b.anyPartition()
		body, _ := part(p)
		w := b.add(0, 1+b.rnd.IntN(2))
		w.Targets, w.Spans = nil, []command.Span{spanOf(directoryTable, b.rnd.IntN(4), 4+b.rnd.IntN(8))}
		body.Part.Writes = append(body.Part.Writes, w)
	}
	participants := slices.Sorted(maps.Keys(bodies))
	for _, body := range bodies {
		body.Participants = participants
		if a.owner != nil {
			body.Owner = a.owner.id
		}
	}
	b.note("%v at %v wants %v", a.id, participants, ids)
	if len(participants) > 1 && b.rnd.IntN(100) < b.joint {
		b.attemptJointly(a, bodies)
		return
	}
	b.attempt(a, bodies)
}

// attempt sends the parts of a transaction one by one.
func (b *bank) attempt(a *attempted, bodies map[object.PartitionID]*command.Prepare) {
	b.open = append(b.open, a)
	holds := a.owner != nil
	for _, p := range slices.Sorted(maps.Keys(bodies)) {
		body := bodies[p]
		if n := len(body.Part.Writes); n > 1 && b.rnd.IntN(3) == 0 { // in two commands
			first := *body
			first.Part.Writes, first.More = body.Part.Writes[:1], true
			body.Part = command.Part{Writes: body.Part.Writes[1:]}
			body.Continues = true
			b.send(p, &first, holds, func(o any) {
				v := o.(*command.Vote)
				b.vote(a, p, &first, v)
				if v.Yes() {
					b.send(p, body, true, func(o any) { b.vote(a, p, body, o.(*command.Vote)) })
				}
			})
			continue
		}
		b.send(p, body, holds, func(o any) { b.vote(a, p, body, o.(*command.Vote)) })
	}
}

// attemptJointly has a transaction attempted in one entry.
func (b *bank) attemptJointly(a *attempted, bodies map[object.PartitionID]*command.Prepare) {
	j := &together{a: a, bodies: bodies}
	if b.rnd.IntN(2) == 0 && slices.ContainsFunc(slices.Collect(maps.Values(bodies)), hasCreate) {
		j.oracle = new(command.Assigned)
		if b.rnd.IntN(3) > 0 {
			b.next++
			j.oracle.Version = object.LocationVersion(b.next)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(bodies)) {
		body := *bodies[p]
		body.Wait = false
		if j.oracle != nil {
			body.Placed, body.Part.Writes = true, unplaced(body.Part.Writes)
		}
		j.sent = append(j.sent, &sent{c: b.parts[p].command(&body), to: p, holds: a.owner != nil, answer: func(any) {}, joint: j})
	}
	b.jointly[a.id] = true
	b.joints = append(b.joints, j)
}

func hasCreate(b *command.Prepare) bool {
	return slices.ContainsFunc(b.Part.Writes, func(w *command.Write) bool { return w.Kind == command.Create })
}

// unplaced makes Writes that create what has no location.
func unplaced(writes []*command.Write) []*command.Write {
	writes = slices.Clone(writes)
	for i, w := range writes {
		if w.Kind == command.Create {
			one := *w
			one.Targets = slices.Clone(w.Targets)
			one.Targets[0].Version = 0
			writes[i] = &one
		}
	}
	return writes
}

// votes takes the answers to an attempt in one entry, and reports whether it was carried
// out.
func (b *bank) votes(j *together, votes []any) (carriedOut bool) {
	a, locked := j.a, false
	carriedOut = true
	for i, o := range votes {
		v := o.(*command.Vote)
		b.note("%v at p%d, jointly: %s", a.id, j.sent[i].to, voteText(v))
		carriedOut = carriedOut && v.Yes()
		switch {
		case v.Refusal != nil && v.Refusal.Reason == command.Locked:
			locked = true
		case v.Conflict != nil:
			b.counts["joint, in conflict"]++
		}
	}
	switch {
	case carriedOut:
		b.counts["joint"]++
		b.counts[fmt.Sprintf("joint of %d", len(votes))]++
		if j.oracle != nil {
			b.counts["joint, placed"]++
		}
	case locked && b.rnd.IntN(4) == 0:
		b.counts["joint, then not"]++
		delete(b.jointly, a.id)
		b.attempt(a, j.bodies)
		return false
	case locked:
		b.counts["joint, locked"]++
	}
	for i, s := range j.sent {
		if share := a.parts[s.to]; carriedOut {
			for n, r := range votes[i].(*command.Vote).Results {
				share.changes = append(share.changes, b.did(j.bodies[s.to].Part.Writes[n], r)...)
			}
			b.carriedOut(share)
		}
	}
	b.done(a, carriedOut)
	b.ownerDone(a)
	return carriedOut
}

// read looks an object up where it is, without waiting for anybody.
func (b *bank) read(id int) (record, bool) {
	r, found, err := stored{r: b.parts[b.at[id].Partition].space}.object(idOf(directoryTable, id))
	if err != nil {
		b.t.Fatal(err)
	}
	return r, found
}

func (b *bank) readRange(p object.PartitionID) command.Range {
	f := b.parts[p]
	span := spanOf(directoryTable, b.rnd.IntN(4), 4+b.rnd.IntN(8))
	var print fingerprint
	w, err := (&sight{stored: stored{r: f.space}}).walk(span, false)
	for err == nil {
		var ok bool
		if ok, err = w.next(); !ok {
			break
		}
		print.add(w.id, w.record.revision)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if err := w.close(); err != nil {
		b.t.Fatal(err)
	}
	return command.Range{Table: directoryTable, Spans: []command.Span{span}, Print: print.print(f.index)}
}

// vote takes the answer of a participant.
func (b *bank) vote(a *attempted, p object.PartitionID, body *command.Prepare, v *command.Vote) {
	s := a.parts[p]
	b.note("%v at p%d: %s", a.id, p, voteText(v))
	switch {
	case v.Refusal != nil && v.Refusal.Reason == command.Locked:
		b.counts["locked"]++
	case v.Conflict != nil:
		b.counts["conflict"]++
	}
	if !v.Yes() {
		s.voted = true
		a.no = true
		b.decide(a)
		return
	}
	for i, r := range v.Results {
		s.changes = append(s.changes, b.did(body.Part.Writes[i], r)...)
	}
	if body.More {
		return
	}
	s.voted, s.yes = true, true
	a.votes++
	if len(a.parts) == 1 && !body.Continues {
		b.counts["direct"]++
		b.done(a, true)
		b.carriedOut(s)
		b.ownerDone(a)
		return
	}
	b.decide(a)
}

// delta is by how much a write of add changes its object.
func (b *bank) delta(w *command.Write) int {
	p := must(command.DecodeProgram(w.Program))
	env := expr.Env{Row: []datum.Datum{datum.NewInt(0), datum.NewInt(0), datum.NewText("")}}
	return int(must(p.Set[0].Value.Eval(&env)).Int())
}

// decide is the coordinator's: once all have said yes, or one has not. It may vanish.
func (b *bank) decide(a *attempted) {
	if a.decided || a.votes < len(a.parts) && !a.no {
		return
	}
	if b.rnd.IntN(6) == 0 {
		b.note("the coordinator of %v vanishes", a.id)
		return // recover finds it
	}
	if a.no {
		for _, s := range a.parts {
			if !s.voted { // it may be prepared yet: only asking ends it
				return
			}
		}
	}
	b.conclude(a, !a.no)
}

func (b *bank) done(a *attempted, commit bool) {
	a.decided, a.commit = true, commit
	b.open = slices.DeleteFunc(b.open, func(o *attempted) bool { return o == a })
	if !commit {
		b.counts["aborted"]++
		return
	}
	b.counts["committed"]++
	b.committed = append(b.committed, a)
}

func (b *bank) ownerDone(a *attempted) {
	if a.owner != nil {
		a.owner.busy = false
		b.owners = slices.DeleteFunc(b.owners, func(o *owner) bool { return o == a.owner && a.commit })
		if a.commit {
			b.release(a.owner)
		}
	}
}

// conclude tells all participants.
func (b *bank) conclude(a *attempted, commit bool) {
	if a.decided {
		return
	}
	b.done(a, commit)
	b.note("%v: commit %v", a.id, commit)
	left := len(a.parts)
	for _, p := range slices.Sorted(maps.Keys(a.parts)) {
		s := a.parts[p]
		body := &command.Conclude{Abort: []object.TransactionID{a.id}}
		if commit {
			body = &command.Conclude{Commit: []object.TransactionID{a.id}}
		}
		b.send(p, body, false, func(any) {
			if commit {
				b.carriedOut(s)
			}
			if left--; left > 0 {
				return
			}
			b.ownerDone(a)
			for p := range modelPartitions {
				b.send(object.PartitionID(p)+1, &command.Conclude{Forget: []object.TransactionID{a.id}}, false, func(any) {})
			}
		})
	}
}

// carriedOut notes that a part has become the partition's state.
func (b *bank) carriedOut(s *share) {
	if !s.concluded {
		s.concluded = true
		b.changes = append(b.changes, s.changes...)
	}
}

// recover asks all participants of a transaction what became of it.
func (b *bank) recover() {
	b.watch()
	if len(b.open) == 0 {
		return
	}
	a := b.open[b.rnd.IntN(len(b.open))]
	b.note("recovery of %v", a.id)
	left, commit := len(a.parts), true
	for _, p := range slices.Sorted(maps.Keys(a.parts)) {
		b.send(p, &command.Resolve{Transaction: a.id}, false, func(o any) {
			state := o.(*command.Resolution).State
			b.note("%v at p%d is %v", a.id, p, state)
			commit = commit && (state == command.TransactionPrepared || state == command.TransactionCommitted)
			if left--; left == 0 && !a.decided {
				b.counts["recovered"]++
				if commit && len(a.parts) == 1 {
					for _, s := range a.parts {
						commit = s.yes
					}
				}
				b.conclude(a, commit)
			}
		})
	}
}

// watch ends the locks of sessions that are gone: what a leader does.
func (b *bank) watch() (found bool) {
	for p := object.PartitionID(1); p <= modelPartitions; p++ {
		for _, t := range b.parts[p].m.Transactions(command.TransactionLocking) {
			if !slices.ContainsFunc(b.owners, func(o *owner) bool { return o.id == t.ID }) {
				b.send(p, &command.Conclude{Abort: []object.TransactionID{t.ID}}, false, func(any) {})
				found = true
			}
		}
	}
	return found
}

// lock is a session that locks some objects.
func (b *bank) lock() {
	if len(b.owners) > 3 {
		return
	}
	o := &owner{id: b.transactionID()}
	b.owners = append(b.owners, o)
	for _, id := range b.rnd.Perm(bankObjects)[:2] {
		p := b.at[id].Partition
		body := &command.Lock{Owner: o.id, Table: directoryTable, Schema: schemaVersion, Mode: command.LockMode(1 + b.rnd.IntN(2)),
			Wait: command.LockWait(1 + b.rnd.IntN(2)), Targets: []command.Target{b.target(id)}}
		b.send(p, body, true, func(answer any) {
			if g := answer.(*command.Granted); g.Refusal == nil && len(g.At) > 0 {
				b.counts["lock"]++
			}
		})
	}
}

func (b *bank) unlock() {
	if len(b.owners) == 0 {
		return
	}
	if i := b.rnd.IntN(len(b.owners)); !b.owners[i].busy {
		b.release(b.owners[i])
		b.owners = slices.Delete(b.owners, i, i+1)
	}
}

func (b *bank) release(o *owner) {
	for p := range modelPartitions {
		b.send(object.PartitionID(p)+1, &command.Conclude{Abort: []object.TransactionID{o.id}}, false, func(any) {})
	}
}

// move brings an object to another partition.
func (b *bank) move() {
	id, to := b.rnd.IntN(bankObjects), b.anyPartition()
	from := b.at[id].Partition
	if b.moving[id] || from == to {
		return
	}
	b.moving[id] = true
	b.next++
	move := object.LocationVersion(b.next)
	b.send(from, departs(move, to, idOf(directoryTable, id)), false, func(o any) {
		d := o.(*command.Departed)
		if d.Refusal != nil || !d.Objects[0].Gone {
			b.t.Fatalf("object %d does not depart: %+v", id, d)
		}
		b.at[id] = object.Location{Partition: to, Version: move}
		b.send(to, arrives(move, d, idOf(directoryTable, id)), false, func(any) {
			b.moving[id] = false
			b.counts["moved"]++
			b.send(from, &command.Settle{Moves: []object.LocationVersion{move}}, false, func(any) {})
		})
	})
}

func (b *bank) restart(p object.PartitionID) {
	b.parts[p].reopen()
	if len(b.waiting[p]) == 0 {
		return
	}
	// Senders send again what waits, and wait for it again.
	var again []*command.Command
	for _, s := range b.waiting[p] {
		b.parts[p].ended("waits at a restart", s.pending, "nothing")
		again = append(again, s.c)
	}
	for i, o := range b.parts[p].entry(again...) {
		b.waiting[p][i].pending = o.(*Pending)
	}
}

// take takes some of the commands on their way to a partition, and perhaps one that it
// has had before.
func (b *bank) take(p object.PartitionID, most int) (batch []*sent) {
	for range most {
		box := b.outbox[p]
		if len(box) == 0 {
			break
		}
		i := b.rnd.IntN(len(box))
		batch = append(batch, box[i])
		b.outbox[p] = slices.Delete(box, i, i+1)
	}
	if h := b.history[p]; len(h) > 0 && b.rnd.IntN(3) == 0 {
		batch = append(batch, h[max(0, len(h)-1-b.rnd.IntN(40))])
		if b.rnd.IntN(4) == 0 {
			batch = append(batch, batch[0])
		}
	}
	return batch
}

// deliver makes an entry of some of the commands for a partition, and of some that it
// has had before.
func (b *bank) deliver(p object.PartitionID) {
	batch := b.take(p, 1+b.rnd.IntN(4))
	if len(batch) == 0 {
		return
	}
	commands := make([]*command.Command, len(batch))
	for i, s := range batch {
		commands[i] = s.c
	}
	before := slices.Clone(b.waiting[p])
	var ran []*sent
	for i, o := range b.parts[p].entry(commands...) {
		if b.arrives(batch[i], o) {
			ran = append(ran, batch[i])
		}
	}
	b.afterEntry(p, append(ran, b.wake(p)...), before)
	b.chain(p)
}

// deliverJointly makes an entry of attempts that are made in one, new ones and some that
// were delivered before, and of other commands of their participants.
func (b *bank) deliverJointly() {
	var attempts []*together
	for n := b.rnd.IntN(3); n > 0 && len(b.joints) > 0; n-- {
		i := b.rnd.IntN(len(b.joints))
		attempts = append(attempts, b.joints[i])
		b.joints = slices.Delete(b.joints, i, i+1)
	}
	if n := len(b.pastJoints); n > 0 && b.rnd.IntN(3) == 0 {
		attempts = append(attempts, b.pastJoints[max(0, n-1-b.rnd.IntN(10))])
	}
	if len(attempts) == 0 {
		return
	}
	if b.rnd.IntN(6) == 0 {
		attempts = append(attempts, attempts[0])
	}
	if len(attempts) > 1 {
		b.counts["joints in one entry"]++
	}
	var pieces [][]*sent
	participants := make(map[object.PartitionID]bool)
	for _, j := range attempts {
		pieces = append(pieces, j.sent)
		for _, s := range j.sent {
			participants[s.to] = true
		}
	}
	order := slices.Sorted(maps.Keys(participants))
	before := make(map[object.PartitionID][]*sent)
	for _, p := range order {
		before[p] = slices.Clone(b.waiting[p])
		for _, s := range b.take(p, b.rnd.IntN(3)) {
			pieces = slices.Insert(pieces, b.rnd.IntN(len(pieces)+1), []*sent{s})
		}
	}
	proposals := make([]proposal, len(pieces))
	for i, piece := range pieces {
		if j := piece[0].joint; j != nil {
			proposals[i].oracle = j.oracle
		}
		for _, s := range piece {
			proposals[i].to = append(proposals[i].to, b.parts[s.to])
			proposals[i].commands = append(proposals[i].commands, s.c)
		}
	}
	ran := make(map[object.PartitionID][]*sent)
	gaveUp := 0
	for i, outcome := range applyShared(b.t, proposals) {
		if s := pieces[i][0]; s.joint == nil {
			if b.arrives(s, outcome.results[0]) {
				ran[s.to] = append(ran[s.to], s)
			}
			continue
		}
		if b.arriveTogether(pieces[i][0].joint, outcome) {
			gaveUp += outcome.gaveUp
			for _, s := range pieces[i] {
				ran[s.to] = append(ran[s.to], s)
			}
		}
	}
	for _, p := range order {
		woken := b.wake(p)
		if gaveUp > 0 && len(woken) > 0 {
			b.counts["joint, let waiters go"]++
		}
		b.afterEntry(p, append(ran[p], woken...), before[p])
	}
	b.chain(order...)
}

// arrives takes what an entry has given for a command, and reports whether it was
// executed in it.
func (b *bank) arrives(s *sent, o any) bool {
	pending, ok := o.(*Pending)
	if !ok {
		return b.answered(s, o)
	}
	if s.pending != nil && s.pending != pending {
		b.t.Fatalf("another Pending for %v", s.c.ID)
	}
	if s.pending == nil {
		s.pending = pending
		b.waiting[s.to] = append(b.waiting[s.to], s)
		b.counts["waited"]++
	}
	return false
}

// arriveTogether takes what an entry has given for an attempt that is made in one, and
// reports whether it was carried out in it.
func (b *bank) arriveTogether(j *together, o jointOutcome) bool {
	again := j.sent[0].first != nil
	for i, s := range j.sent {
		vote, ok := o.results[i].(*command.Vote)
		considered := o.considered[len(o.considered)-len(j.sent)+i].(*command.Vote)
		if !ok || o.agreed[i] != (!again && considered.Yes()) {
			b.t.Fatalf("%v at p%d, jointly: %s, then %s, and agreed %v", j.a.id, s.to, voteText(considered), answer(o.results[i]), o.agreed[i])
		}
		if want := voteText(considered); !o.agreed[i] && voteText(vote) != want || o.agreed[i] && vote.Yes() != o.carriedOut {
			b.t.Fatalf("%v at p%d, jointly: %s, then %s, carried out %v", j.a.id, s.to, want, voteText(vote), o.carriedOut)
		}
		b.answered(s, vote)
	}
	if again {
		b.counts["joint again"]++
		if b.counts["restarted"] > j.restarts {
			b.counts["joint again, restarted"]++
		}
		return false
	}
	b.pastJoints, j.restarts = append(b.pastJoints, j), b.counts["restarted"]
	owner := j.a.owner
	if b.votes(j, o.results) != o.carriedOut {
		b.t.Fatalf("%v: carried out %v", j.a.id, o.carriedOut)
	}
	if owner != nil && o.carriedOut {
		b.counts["joint with an owner's locks"] += o.gaveUp
	}
	return o.carriedOut
}

// wake takes the answers to those who have waited, and returns who was executed.
func (b *bank) wake(p object.PartitionID) (ran []*sent) {
	still := b.waiting[p][:0]
	for _, s := range b.waiting[p] {
		select {
		case <-s.pending.Done():
			o := s.pending.Outcome()
			s.pending = nil
			if b.answered(s, o) {
				ran = append(ran, s)
			}
		default:
			still = append(still, s)
		}
	}
	b.waiting[p] = still
	return ran
}

// afterEntry checks what holds after each entry of a partition.
func (b *bank) afterEntry(p object.PartitionID, ran, before []*sent) {
	for _, s := range ran {
		b.overtakes(s, before)
	}
	b.nobodyMayRun(p)
	b.jointsHoldNothing(p)
	b.compareHeld(p)
}

// jointsHoldNothing checks that transactions that are attempted in one entry hold nothing
// after it, and do not wait.
func (b *bank) jointsHoldNothing(p object.PartitionID) {
	m := b.parts[p].m
	for _, t := range m.Transactions() {
		if b.jointly[t.ID] {
			b.t.Fatalf("p%d: %+v was attempted in one entry", p, t)
		}
	}
	for _, l := range m.Locks(1000) {
		if b.jointly[l.Transaction] {
			b.t.Fatalf("p%d: %+v is of an attempt in one entry", p, l)
		}
	}
}

// nobodyMayRun checks that whoever is in the queue after an entry is kept there by
// somebody.
func (b *bank) nobodyMayRun(p object.PartitionID) {
	l := &b.parts[p].m.locks
	for _, w := range l.waiters {
		r := l.requester(w.body)
		r.waits, r.ticket = true, w.ticket
		if _, blocked := l.meets(&w.print, &r); !blocked {
			b.t.Fatalf("p%d: %T %v waits for nobody", p, w.body, w.id)
		}
	}
}

// answered takes the answer to a command and reports whether it is the first, and says
// that the command was executed.
func (b *bank) answered(s *sent, o any) bool {
	encoded := command.AppendOutcome(nil, o)
	if s.first != nil {
		if string(encoded) != string(s.first) {
			b.t.Fatalf("%T %v: the answer was %s, is %s", s.c.Body, s.c.ID, answer(must(command.DecodeOutcome(s.first))), answer(o))
		}
		return false
	}
	s.first = encoded
	if s.joint == nil { // it is repeated as a whole
		b.history[s.to] = append(b.history[s.to], s)
	}
	s.answer(o)
	switch a := o.(type) {
	case *command.Result:
		return a.Refusal == nil
	case *command.Vote:
		return a.Yes()
	case *command.Granted:
		return a.Refusal == nil && len(a.At) > 0
	case *command.Departed:
		return a.Refusal == nil
	}
	return false
}

// overtakes checks that a command that was executed needed nothing of those who were in
// the queue before, and are still.
func (b *bank) overtakes(s *sent, before []*sent) {
	if s.holds || isMove(s.c.Body) {
		return
	}
	var mine, other footprint
	mine.of(s.c.Body)
	for _, w := range before {
		if w == s {
			return // the others came after it
		}
		if w.pending == nil {
			continue
		}
		other.of(w.c.Body)
		for _, o := range mine.objects {
			for _, p := range other.objects {
				if o.id == p.id && (o.mode != command.LockShared || p.mode != command.LockShared) {
					b.t.Fatalf("%T %v has overtaken %T %v, which waits for %d", s.c.Body, s.c.ID, w.c.Body, w.c.ID, keyOf(o.id))
				}
			}
			for _, p := range other.spans {
				if p.span.Start <= o.id && o.id < p.span.End && (o.mode != command.LockShared || p.mode != command.LockShared) {
					b.t.Fatalf("%T %v has overtaken %T %v, which waits for a range", s.c.Body, s.c.ID, w.c.Body, w.c.ID)
				}
			}
		}
	}
}

// chain checks that what happened to each object in an entry starts from what was there,
// in some order.
func (b *bank) chain(in ...object.PartitionID) {
	of := make(map[int][]change)
	for _, c := range b.changes {
		of[c.id] = append(of[c.id], c)
	}
	b.changes = b.changes[:0]
	for id, list := range of {
		after, ok := chained(b.values[id], list)
		if !ok {
			b.t.Fatalf("partitions %v: %v do not start from what was there: %v", in, list, b.values)
		}
		b.values[id] = after
	}
}

func chained(value int, list []change) (after int, ok bool) {
	if len(list) == 0 {
		return value, true
	}
	for i, c := range list {
		if c.before != value {
			continue
		}
		if after, ok := chained(c.after, slices.Delete(slices.Clone(list), i, i+1)); ok {
			return after, true
		}
	}
	return 0, false
}

// compareHeld compares what is in memory with what Open makes of the store.
func (b *bank) compareHeld(p object.PartitionID) {
	if b.rnd.IntN(8) > 0 {
		return
	}
	m := New(p, Limits{}, Events{})
	if err := m.Open(b.parts[p].space); err != nil {
		b.t.Fatal(err)
	}
	got, want := fmt.Sprintf("%+v", b.parts[p].m.Locks(1000)), fmt.Sprintf("%+v", m.Locks(1000))
	if !sameLocks(b.parts[p].m.Locks(1000), m.Locks(1000)) {
		b.t.Fatalf("p%d: locks are %s, stored %s", p, got, want)
	}
	if got, want := fmt.Sprintf("%+v", b.parts[p].m.Transactions()), fmt.Sprintf("%+v", m.Transactions()); got != want {
		b.t.Fatalf("p%d: transactions are %s, stored %s", p, got, want)
	}
	l, stored := &b.parts[p].m.locks, &m.locks
	if l.held != stored.held || l.moves != stored.moves || l.queue.bytes != stored.queue.bytes || l.holding != stored.holding ||
		len(l.wide) != len(stored.wide) || l.objects.len() != stored.objects.len() {
		b.t.Fatalf("p%d: what is counted differs from what is stored", p)
	}
	if got, want := b.parts[p].m.shield.count.Load(), m.shield.count.Load(); got != want {
		b.t.Fatalf("p%d: %d are shielded, stored %d", p, got, want)
	}
}

func sameLocks(a, b []LockInfo) bool {
	count := make(map[LockInfo]int)
	for _, l := range a {
		count[l]++
	}
	for _, l := range b {
		count[l]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// drain ends everything.
func (b *bank) drain() {
	for round := 0; ; round++ {
		if round > 200 {
			b.t.Fatalf("it does not end: %d open, %d owners, waiting %v", len(b.open), len(b.owners), b.waiting)
		}
		quiet := true
		for p := object.PartitionID(1); p <= modelPartitions; p++ {
			for len(b.outbox[p]) > 0 {
				b.deliver(p)
				quiet = false
			}
		}
		for len(b.joints) > 0 {
			b.deliverJointly()
			quiet = false
		}
		if !quiet {
			continue
		}
		for len(b.owners) > 0 {
			b.release(b.owners[0])
			b.owners = b.owners[1:]
			quiet = false
		}
		quiet = !b.watch() && quiet
		for range b.open {
			b.recover()
			quiet = false
		}
		if quiet {
			return
		}
	}
}

func (b *bank) finish() {
	for _, a := range b.committed {
		for _, s := range a.parts {
			for _, c := range s.changes {
				b.want[c.id] += c.after - c.before
			}
		}
	}
	if !maps.Equal(b.values, b.want) {
		b.t.Errorf("carried out is %v, decided %v", b.values, b.want)
	}
	found := make(map[int]int)
	for p := object.PartitionID(1); p <= modelPartitions; p++ {
		f := b.parts[p]
		if !f.m.locks.idle() || f.m.locks.objects.len() != 0 || f.m.shield.count.Load() != 0 || f.m.locks.effectBytes != 0 {
			b.t.Errorf("p%d: locks stay: %+v", p, f.m.Locks(10))
		}
		if open := f.m.Transactions(command.TransactionPrepared, command.TransactionPreparing, command.TransactionLocking); len(open) > 0 {
			b.t.Errorf("p%d: transactions stay: %+v", p, open)
		}
		all := content(b.t, f.space)
		sizes := make(map[object.TableID]Size)
		for key, value := range all {
			switch key[0] {
			case prefixMarkers:
				if m := must(decodeMarker([]byte(value))); m.kind == vacant && all[string(appendObjectKey(nil, prefixObjects, object.ID(key[1:])))] != "" {
					b.t.Errorf("p%d: %d is there, and vacant", p, keyOf(object.ID(key[1:])))
				}
				sizes[object.ID(key[1:]).Table()] = sizes[object.ID(key[1:]).Table()].plus(Size{Markers: 1})
			case prefixObjects:
				id := keyOf(object.ID(key[1:]))
				r := must(decodeRecord([]byte(value)))
				sizes[directoryTable] = sizes[directoryTable].plus(Size{Objects: 1, Bytes: r.size(object.ID(key[1:]))})
				if _, twice := found[id]; twice {
					b.t.Errorf("two copies of %d", id)
				}
				found[id] = numberOf(b.t, r.row)
			case prefixStaged, prefixLocks, prefixQueue, prefixOutgoing:
				b.t.Errorf("p%d: key %q stays", p, key)
			}
		}
		if !maps.Equal(sizes, f.m.Sizes()) {
			b.t.Errorf("p%d: sizes are %v, counted %v", p, f.m.Sizes(), sizes)
		}
		b.replay(f, all)
	}
	maps.DeleteFunc(b.want, func(_, n int) bool { return n == absent })
	if !maps.Equal(found, b.want) {
		b.t.Errorf("objects are %v, want %v", found, b.want)
	}
}

// replay applies a partition's log to another replica, several entries to a batch, with
// restarts, and compares the contents.
func (b *bank) replay(f *fixture, want map[string]string) {
	space, err := openStore(b.t).Space(f.space.Group())
	if err != nil {
		b.t.Fatal(err)
	}
	open := func() *Machine {
		m := New(object.PartitionID(space.Group()), Limits{Programs: 1, RecentBytes: 16 << 10, StagedBytes: -1}, Events{})
		if err := m.Open(space); err != nil {
			b.t.Fatal(err)
		}
		return m
	}
	m := open()
	for log := f.log; len(log) > 0; {
		n := min(len(log), 1+b.rnd.IntN(6))
		b.apply(m, space, f.joint, log[:n])
		log = log[n:]
		if b.rnd.IntN(20) == 0 {
			m.Close()
			m = open()
		}
	}
	if got := content(b.t, space); !maps.Equal(got, want) {
		for k, v := range want {
			if got[k] != v {
				b.t.Errorf("p%d: key %q is %q, on the replica %q", space.Group(), k, v, got[k])
			}
		}
		b.t.Errorf("p%d: the replica's content differs", space.Group())
	}
}

func (b *bank) apply(m *Machine, space *storage.Space, joint map[uint64]decisions, log []replication.Entry) {
	batch := space.NewBatch()
	defer batch.Close()
	for _, e := range log {
		if err := applyDecided(m, e, joint[e.Index], batch); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := batch.Commit(storage.NoSync); err != nil {
		b.t.Fatal(err)
	}
	m.Committed(log[len(log)-1].Index)
}
