package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// session is a transaction of several statements: what it has read is checked, and what
// it writes is kept until COMMIT, which does both in one command.
type session struct {
	c       *client
	refs    []*ref
	seen    map[int]object.Revision // of what was read; 0: it was not there
	own     map[int]*command.Overlaid
	ranges  map[object.PartitionID][]command.Range
	owner   object.TransactionID
	locked  []object.PartitionID
	static  bool // the table of ranges
	written bool
}

func (s *session) ref(k int) *ref {
	for _, r := range s.refs {
		if r.key == k {
			return r
		}
	}
	r := &ref{key: k}
	s.refs = append(s.refs, r)
	return r
}

// session carries the transaction out.
func (c *client) session(t *task, plan *transactionPlan) error {
	s := &session{
		c: c, seen: make(map[int]object.Revision), own: make(map[int]*command.Overlaid),
		ranges: make(map[object.PartitionID][]command.Range),
	}
	defer s.unlock(t)
	err := s.statements(t, plan)
	if err == nil && plan.Way == wayRollback {
		err = errRolledBack
	}
	if err == nil && s.written {
		err = s.commit(t, plan)
	}
	var u *unanswered
	if err == nil || errors.As(err, &u) && u.unknown || errors.Is(err, errResultLost) {
		return err
	}
	// What was read, and not written before, was of one state.
	t.w.say("client %d rolls back: %v", c.n, err)
	var reads []recordedOp
	wrote := make(map[int]bool)
	for _, o := range c.rec.ops {
		wrote[o.key] = wrote[o.key] || o.do != doRead
		if o.do == doRead && !wrote[o.key] {
			reads = append(reads, o)
		}
	}
	if c.rec.ops = reads; len(reads) == 0 {
		return err
	}
	return errRolledBack
}

func (s *session) statements(t *task, plan *transactionPlan) error {
	switch plan.Way {
	case wayLocked:
		if err := s.lock(t, plan); err != nil {
			return err
		}
	case wayScanWrite:
		if err := s.scan(t, plan.Ops[0].Key); err != nil {
			return err
		}
	}
	for _, op := range plan.Ops {
		if plan.Pause > 0 && t.rng.IntN(2) == 0 {
			t.sleep(between(t.rng, 0, micros(plan.Pause)))
		}
		if err := s.statement(t, plan, op); err != nil {
			return err
		}
	}
	return nil
}

// view is what a statement about one object sees, and checks: what was read before in
// the same partition.
func (s *session) view(t *task, r *ref) command.View {
	v := command.View{Track: true}
	if o := s.own[r.key]; o != nil {
		v.Overlay = []command.Overlaid{*o}
	}
	v.Checks = s.checks(t.w, r.part, func(k int) bool { return k != r.key }, true)
	return v
}

// checks is what was read in a partition, as far as it lies there still.
func (s *session) checks(w *world, p object.PartitionID, meant func(k int) bool, ranges bool) *command.Part {
	part := &command.Part{}
	if ranges && len(s.ranges[p]) > 0 {
		part.Ranges = s.ranges[p]
		addTable(w, part, s.static)
	}
	for _, r := range s.refs {
		revision, seen := s.seen[r.key]
		if r.part == p && seen && meant(r.key) {
			part.Effects = append(part.Effects, command.Effect{Target: r.unsure(w), Revision: revision})
			addTable(w, part, w.keys[r.key].Static)
		}
	}
	if len(part.Effects)+len(part.Ranges) == 0 {
		return nil
	}
	return part
}

func addTable(w *world, part *command.Part, static bool) {
	table := w.tables.directory
	if static {
		table = w.tables.static
	}
	if !slices.ContainsFunc(part.Tables, func(v command.TableVersion) bool { return v.Table == table.ID }) {
		part.Tables = append(part.Tables, command.TableVersion{Table: table.ID, Schema: table.Version})
	}
}

// statement carries out one statement about one object.
func (s *session) statement(t *task, plan *transactionPlan, op opPlan) error {
	c, r := s.c, s.ref(op.Key)
	value := int64(0)
	if op.Do == doAppend || op.Do == doCreate {
		value = c.value()
	}
	for range maxRounds {
		if err := c.locateAll(t, []*ref{r}, plan); err != nil {
			return err
		}
		var o recordedOp
		var again bool
		var err error
		_, before := s.seen[op.Key]
		if op.Do == doRead {
			o, again, err = s.read(t, r)
		} else {
			o, again, err = s.write(t, r, op, value)
		}
		if err != nil {
			return err
		}
		if again {
			continue
		}
		// What was read before must not have changed when this was read.
		if !before {
			if err := s.validate(t, r); err != nil {
				return err
			}
		}
		c.rec.ops = append(c.rec.ops, o)
		return nil
	}
	return errGivenUp
}

// saw notes the revision that an object was found with.
func (s *session) saw(k int, revision object.Revision) error {
	if have, before := s.seen[k]; before && have != revision {
		return errConflict
	}
	s.seen[k] = revision
	return nil
}

func (s *session) read(t *task, r *ref) (o recordedOp, again bool, err error) {
	c, w := s.c, t.w
	o = recordedOp{do: doRead, key: r.key, known: true}
	table := w.table(r.key)
	chunk, err := c.node.read(t, r.part, &command.Read{
		Table: table.ID, Schema: table.Version, Targets: []command.Target{r.target(w)}, Program: programs.read, Limit: -1,
		View: s.view(t, r),
	})
	switch {
	case err != nil:
		return o, false, errGivenUp
	case chunk.Err != nil:
		w.fail("a read failed: %v", chunk.Err)
		return o, false, errConflict
	case chunk.Conflict != nil && chunk.Refusal == nil:
		return o, false, errConflict
	}
	if again, err := s.refused(t, r, chunk.Refusal); again || err != nil {
		return o, again, err
	}
	if s.own[r.key] == nil && len(chunk.Absent) > 0 {
		if final, err := c.node.absent(t, r); err != nil || !final {
			return o, true, ignore(err)
		}
		if r.nowhere {
			return o, true, nil // it is to be locked somewhere
		}
	}
	if len(chunk.Revisions) != 1 {
		w.fail("a tracked read has told %d revisions of one object", len(chunk.Revisions))
		return o, false, errConflict
	}
	for _, row := range chunk.Rows {
		_, o.list = w.decodeRow(row)
		o.there = true
	}
	return o, false, s.saw(r.key, chunk.Revisions[0])
}

func ignore(err error) error {
	if err != nil {
		return errGivenUp
	}
	return nil
}

// refused takes a refusal, which may be about what was read before.
func (s *session) refused(t *task, r *ref, refusal *command.Refusal) (again bool, err error) {
	return s.c.refused(t, append([]*ref{r}, s.refs...), refusal)
}

func (s *session) write(t *task, r *ref, op opPlan, value int64) (o recordedOp, again bool, err error) {
	c, w := s.c, t.w
	o = recordedOp{do: op.Do, key: r.key, value: value, known: true}
	target := r.target(w)
	e, err := c.node.evaluate(t, r.part, &command.Evaluate{Write: w.write(op.Do, target, op.Key, value), View: s.view(t, r)})
	switch {
	case err != nil:
		return o, false, errGivenUp
	case e.Err != nil:
		w.fail("evaluate failed: %v", e.Err)
		return o, false, errConflict
	case e.Conflict != nil && e.Refusal == nil:
		return o, false, errConflict
	}
	if again, err := s.refused(t, r, e.Refusal); again || err != nil {
		return o, again, err
	}
	if s.own[r.key] == nil && len(e.Result.Absent) > 0 {
		if final, err := c.node.absent(t, r); err != nil || !final || r.nowhere {
			return o, true, ignore(err)
		}
	}
	if len(e.Effects) != 1 || e.Effects[0].ID != w.id(r.key) {
		w.fail("evaluate has told %d effects of one object: %s", len(e.Effects), describePart(w, &command.Part{Effects: e.Effects}))
		return o, false, errConflict
	}
	effect := &e.Effects[0]
	o.there = e.Result.Affected == 1
	if err := s.saw(r.key, effect.Revision); err != nil {
		return o, false, err
	}
	switch effect.Kind {
	case command.EffectPut:
		s.own[r.key] = &command.Overlaid{ID: effect.ID, Row: effect.Row, Version: effect.Version}
		s.written = true
	case command.EffectDelete:
		s.own[r.key] = &command.Overlaid{ID: effect.ID, Version: effect.Version}
		s.written = true
	}
	if o.there != (effect.Kind != command.EffectNone) {
		w.fail("evaluate tells of %d affected, and of the effect %d", e.Result.Affected, effect.Kind)
	}
	return o, false, nil
}

// validate compares what was read before in other partitions than the one that was read
// just now, which has compared its own with that. What did not exist may have come and gone
// between; where there is some of that, what was read just now is compared after it.
func (s *session) validate(t *task, last *ref) error {
	read := last.part
	if err := s.compare(t, func(p object.PartitionID) bool { return p != read }); err != nil {
		return err
	}
	fleeting := false
	for p := range s.ranges {
		fleeting = fleeting || p != read
	}
	for _, r := range s.refs {
		revision, seen := s.seen[r.key]
		fleeting = fleeting || seen && revision == 0 && r.part != read
	}
	if !fleeting {
		return nil
	}
	return s.compare(t, func(p object.PartitionID) bool { return p == last.part })
}

// compare has partitions compare what was read in them.
func (s *session) compare(t *task, wanted func(object.PartitionID) bool) error {
	meant := make(map[int]bool) // also where they move meanwhile
	for _, r := range s.refs {
		meant[r.key] = wanted(r.part)
	}
	for range maxRounds {
		ids, of := groups(s.refs)
		for p := range s.ranges {
			if of[p] == nil {
				ids = append(ids, p)
			}
		}
		slices.Sort(ids)
		again := false
		for _, p := range ids {
			part := s.checks(t.w, p, func(k int) bool { return meant[k] }, wanted(p))
			if part == nil {
				continue
			}
			vote, err := s.c.node.validate(t, p, part)
			switch {
			case err != nil:
				return errGivenUp
			case vote.Err != nil:
				t.w.fail("validate failed: %v", vote.Err)
				return errConflict
			case vote.Refusal != nil:
				if _, err := s.c.refused(t, s.refs, vote.Refusal); err != nil {
					return err
				}
				again = true
			case vote.Conflict != nil:
				return errConflict
			}
		}
		if !again {
			return nil
		}
		if err := s.c.locateAll(t, s.refs, &transactionPlan{}); err != nil {
			return err
		}
	}
	return errGivenUp
}

// scan reads a whole table.
func (s *session) scan(t *task, k int) error {
	for range maxRounds {
		found, prints, err := s.c.scanAll(t, k, true)
		if err != nil {
			return err
		}
		if found == nil {
			t.sleep(between(t.rng, 100, 1500))
			continue
		}
		s.static = t.w.keys[k].Static
		for p, print := range prints {
			s.ranges[p] = []command.Range{{Table: t.w.table(k).ID, Spans: t.w.spans(t.w.table(k)), Print: print}}
		}
		s.c.recordScan(t, k, found)
		return nil
	}
	return errGivenUp
}

// commit checks what was read and writes what was written, in one command.
func (s *session) commit(t *task, plan *transactionPlan) error {
	for range maxRounds {
		if err := s.c.locateAll(t, s.refs, plan); err != nil {
			return err
		}
		ids, of := groups(s.refs)
		for p := range s.ranges {
			if of[p] == nil {
				ids = append(ids, p)
			}
		}
		slices.Sort(ids)
		var parts []command.Share
		for _, p := range ids {
			parts = append(parts, command.Share{Partition: p, Part: s.part(t.w, p, of[p])})
		}
		votes, err := s.c.node.transact(t, parts, s.owner, s.owner.IsZero())
		if err != nil {
			return err
		}
		if again, err := s.c.judge(t, parts, of, votes); err != nil {
			return err
		} else if again {
			continue
		}
		for _, r := range s.refs {
			if o := s.own[r.key]; o != nil && o.Row == nil && s.seen[r.key] != 0 {
				s.c.node.release(t, r.key)
			}
		}
		return nil
	}
	return errGivenUp
}

// part is what the transaction means in one partition.
func (s *session) part(w *world, p object.PartitionID, refs []*ref) command.Part {
	part := command.Part{Ranges: s.ranges[p]}
	if len(part.Ranges) > 0 {
		addTable(w, &part, s.static)
	}
	for _, r := range refs {
		revision, seen := s.seen[r.key]
		if !seen {
			continue
		}
		e := command.Effect{Target: r.unsure(w), Revision: revision}
		switch o := s.own[r.key]; {
		case o == nil:
		case o.Row != nil:
			e.Kind, e.Row = command.EffectPut, o.Row
			e.Unsure = e.Unsure && revision != 0
		case revision != 0:
			e.Kind = command.EffectDelete
		}
		part.Effects = append(part.Effects, e)
		addTable(w, &part, w.keys[r.key].Static)
	}
	return part
}

// lock is SELECT ... FOR UPDATE.
func (s *session) lock(t *task, plan *transactionPlan) error {
	n := s.c.node
	s.owner = n.transaction()
	n.sessions[s.owner] = true
	for _, op := range plan.Ops {
		s.ref(op.Key)
	}
	if err := s.c.locateAll(t, s.refs, plan); err != nil {
		return err
	}
	ids, of := groups(s.refs)
	for _, p := range ids {
		for _, static := range []bool{false, true} {
			q := t.w.scan(static)
			b := &command.Lock{Owner: s.owner, Table: q.Table, Schema: q.Schema, Mode: command.LockUpdate, Program: q.Program}
			b.Wait = command.LockWait(t.rng.IntN(3))
			var some []*ref
			for _, r := range of[p] {
				if t.w.keys[r.key].Static == static {
					some = append(some, r)
					b.Targets = append(b.Targets, r.target(t.w))
				}
			}
			if len(some) == 0 {
				continue
			}
			s.locked = append(s.locked, p)
			outcome, err := n.sendWithin(t, p, b, between(t.rng, 5*millisecond, 40*millisecond))
			if err != nil {
				return errGivenUp
			}
			granted := outcome.(*command.Granted)
			switch {
			case granted.Err != nil:
				t.w.fail("a lock failed: %v", granted.Err)
				return errGivenUp
			case granted.Refusal != nil:
				_, _ = s.c.refused(t, some, granted.Refusal)
				return errGivenUp
			}
		}
	}
	return nil
}

// unlock gives up the locks of the session.
func (s *session) unlock(t *task) {
	n := s.c.node
	if s.owner.IsZero() {
		return
	}
	delete(n.sessions, s.owner)
	slices.Sort(s.locked)
	for _, p := range slices.Compact(s.locked) {
		t.calls++
		n.spawn(fmt.Sprintf("unlocks p%d for %s, %s", p, s.owner, t.name), func(c *task) { n.conclude(c, p, s.owner, false) })
	}
}
