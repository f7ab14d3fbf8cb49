package state

import (
	"errors"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// preparing is a Prepare under execution.
type preparing struct {
	x  *entry
	b  *command.Prepare
	t  *transaction // what is known of it; nil: nothing
	on *staging
	// versions are the location versions that effects give to objects that are not there.
	versions []object.LocationVersion
	results  []*command.Result
	rest     bool // a Write has reached the bounds of an entry
	joint    bool // all participants decide within this entry
	// placed is the location version that the oracle gives in this entry to ids that it had
	// no entry of; 0: it gives none.
	placed object.LocationVersion
	spent  spending
}

// prepare executes a part of a transaction, all or none. Where it meets a lock and is
// to wait, x.blocked is set and the vote does not count.
func (x *entry) prepare(b *command.Prepare) (*command.Vote, error) {
	p := &preparing{x: x, b: b, t: x.m.locks.transactions[b.Transaction], on: &x.staging}
	if vote, err := p.consider(); vote != nil || err != nil {
		return vote, err
	}
	if len(b.Participants) == 1 && !b.More && !b.Continues && !p.rest && (p.t == nil || p.t.staged == 0) {
		return p.execute()
	}
	return p.stage()
}

// consider looks whether the part can be executed, and computes what it writes, without
// any effect. The vote is nil where it can be.
func (p *preparing) consider() (*command.Vote, error) {
	p.on.reset(p.x, p.t)
	for _, step := range [...]func() (*command.Vote, error){
		p.admit, p.schema, p.standings, p.lock, p.compare, p.effects, p.writes,
	} {
		vote, err := step()
		if vote == nil && err == nil {
			continue
		}
		if vote != nil && vote.Conflict != nil && vote.Refusal == nil {
			p.x.m.counters.conflicts.Add(1)
		}
		return vote, err
	}
	return nil, nil
}

// malformed refuses what no coordinator sends.
func malformedPrepare(what string) *command.Vote {
	return &command.Vote{Err: pgerror.New(pgerror.InternalError, "malformed prepare: %s", what)}
}

// admit decides whether the transaction may be prepared at all.
func (p *preparing) admit() (*command.Vote, error) {
	b, l := p.b, &p.x.m.locks
	switch {
	case b.Transaction.IsZero() || len(b.Participants) == 0 || len(b.Participants) > maxParticipants:
		return malformedPrepare("no transaction, or no participants"), nil
	case !slices.IsSorted(b.Participants):
		return malformedPrepare("participants are out of order"), nil
	case b.Placed && !p.joint:
		return malformedPrepare("nothing was placed"), nil
	case len(b.Part.Writes) > maxPartWrites:
		return malformedPrepare("too many writes"), nil
	case slices.Contains(b.Part.Writes, nil):
		return malformedPrepare("no write"), nil
	}
	state := command.TransactionUnknown
	if p.t != nil {
		state = p.t.state
	}
	switch {
	case state == command.TransactionPrepared || state == command.TransactionCommitted:
		return malformedPrepare("the transaction is prepared already"), nil
	case b.Continues && state != command.TransactionPreparing, // it was aborted meanwhile
		!b.Continues && state == command.TransactionPreparing,
		p.x.m.aborted.has(b.Transaction):
		return refuseVote(command.Aborted), nil
	case p.t == nil && len(b.Participants) > 1 && !p.joint && len(l.transactions) >= maxTransactions:
		return refuseVote(command.Busy), nil
	}
	return nil, nil
}

func refuseVote(reason command.Reason) *command.Vote {
	return &command.Vote{Refusal: &command.Refusal{Reason: reason}}
}

// schema checks that the part was made against the tables as they are.
func (p *preparing) schema() (*command.Vote, error) {
	v, part := p.x.m.live, &p.b.Part
	for _, t := range part.Tables {
		if _, refusal := v.schema(t.Table, t.Schema); refusal != nil {
			return &command.Vote{Refusal: refusal}, nil
		}
	}
	for _, w := range part.Writes {
		t, refusal := v.schema(w.Table, w.Schema)
		if refusal != nil {
			return &command.Vote{Refusal: refusal}, nil
		}
		prog, failure := p.x.m.programs.get(w.Program)
		if failure == nil {
			failure = checkWrite(w, t, prog)
		}
		if failure != nil {
			return &command.Vote{Err: failure}, nil
		}
	}
	named := func(t object.TableID) bool {
		return slices.ContainsFunc(part.Tables, func(v command.TableVersion) bool { return v.Table == t })
	}
	for i := range part.Effects {
		if e := &part.Effects[i]; !named(e.ID.Table()) || e.Kind > command.EffectDelete || (e.Kind == command.EffectPut) != (e.Row != nil) {
			return malformedPrepare("effect"), nil
		}
	}
	for i := range part.Ranges {
		if !named(part.Ranges[i].Table) {
			return malformedPrepare("range of a table without a version"), nil
		}
	}
	return nil, nil
}

// standings refuses the part if one of its objects is not the partition's.
func (p *preparing) standings() (*command.Vote, error) {
	part := &p.b.Part
	var refusal *command.Refusal
	// A target that the partition knows nothing of, and whose location is below the floor, is
	// refused whatever is to be done to it: the object may have moved on, and have
	// been forgotten here, since the sender asked the oracle. Single commands have the
	// sender ask again afterwards; here it would be too late.
	const creating = true
	stand := func(target *command.Target) (version object.LocationVersion, err error) {
		c, err := p.on.object(target.ID)
		if err != nil || c.present {
			return 0, err
		}
		t := p.x.m.live.tables[target.ID.Table()]
		st, where, version, err := p.x.m.live.stand(t, p.on, target, creating)
		if st == owned && target.Unsure {
			st = elsewhere
		}
		refusal = refuseTarget(refusal, st, target.ID, where)
		return version, err
	}
	p.versions = make([]object.LocationVersion, len(part.Effects))
	for i := range part.Effects {
		e := &part.Effects[i]
		var err error
		if p.versions[i], err = stand(&e.Target); err != nil {
			return nil, err
		}
	}
	for _, w := range part.Writes {
		for i := range w.Targets {
			if t := &w.Targets[i]; p.placed != 0 && t.Version == p.placed && w.Kind == command.Create {
				// The oracle had no entry of the id at this point of the log, and the table is not
				// static: so there is no object, and none has to be looked for.
				p.x.unborn(t.ID)
			}
			if _, err := stand(&w.Targets[i]); err != nil {
				return nil, err
			}
		}
		if home, err := p.x.refusesHome(w, p.x.m.live.tables[w.Table]); home != nil || err != nil {
			return &command.Vote{Refusal: home}, err
		}
	}
	if refusal != nil {
		return &command.Vote{Refusal: refusal}, nil
	}
	return p.transit()
}

// transit refuses what means the objects of key ranges from which one has left and is
// not known to have arrived: it may be in no partition, so that a transaction which means
// all objects of several partitions would leave it out. From the locks of the spans on
// nothing leaves them, or comes in (DESIGN.md, "Ranges and moves").
func (p *preparing) transit() (*command.Vote, error) {
	if len(p.x.m.transit) == 0 {
		return nil, nil
	}
	spans := func(yield func([]command.Span) bool) {
		for _, w := range p.b.Part.Writes {
			if len(w.Spans) > 0 && !yield(orderSpans(w.Spans, w.Table)) {
				return
			}
		}
		for i := range p.b.Part.Ranges {
			if r := &p.b.Part.Ranges[i]; !yield(orderSpans(r.Spans, r.Table)) {
				return
			}
		}
	}
	for s := range spans {
		if left, err := p.x.departedFrom(s); err != nil || !left {
			if err != nil {
				return nil, err
			}
			continue
		}
		return refuseVote(command.Awaited), nil
	}
	return nil, nil
}

// lock refuses the part, or has it wait, where it meets a lock.
func (p *preparing) lock() (*command.Vote, error) {
	x, l := p.x, &p.x.m.locks
	x.print.of(p.b)
	more, has := len(x.print.objects)+len(x.print.spans), 0
	if p.t != nil {
		has = len(p.t.objects) + len(p.t.spans)
	}
	switch {
	case has+more > maxTransactionLocks:
		return &command.Vote{Err: pgerror.New(pgerror.ProgramLimitExceeded,
			"a transaction means more than %d objects or ranges of one partition", maxTransactionLocks)}, nil
	case l.held+more > maxLocks:
		return refuseVote(command.Busy), nil
	}
	if x.granted || l.idle() {
		return nil, nil
	}
	r := l.requester(p.b)
	met, blocked := l.meets(&x.print, &r)
	if !blocked {
		return nil, nil
	}
	if p.b.Wait {
		x.blocked = true
	} else {
		x.m.counters.locked.Add(1)
	}
	vote := refuseVote(command.Locked)
	vote.Conflict = &command.Conflict{ID: met.id, Table: p.table(met.id)}
	return vote, nil
}

// table returns the table of an object that is in conflict, or of the first range.
func (p *preparing) table(id object.ID) object.TableID {
	if id != "" {
		return id.Table()
	}
	if spans := p.x.print.spans; len(spans) > 0 {
		return spans[0].span.Start.Table()
	}
	return 0
}

// compare checks that what the transaction has read is what is there.
func (p *preparing) compare() (*command.Vote, error) {
	part := &p.b.Part
	conflict, failure, err := p.x.compareRanges(part.Ranges)
	if err != nil {
		return nil, err
	}
	if conflict != nil || failure != nil {
		return &command.Vote{Conflict: conflict, Err: failure}, nil
	}
	for i := range part.Effects {
		e := &part.Effects[i]
		c, err := p.on.cell(e.ID)
		if err != nil {
			return nil, err
		}
		if c.base != e.Revision {
			return &command.Vote{Conflict: &command.Conflict{ID: e.ID, Table: e.ID.Table()}}, nil
		}
	}
	return nil, nil
}

// effects does what the transaction has computed before.
func (p *preparing) effects() (*command.Vote, error) {
	p.on.command++
	for i := range p.b.Part.Effects {
		e := &p.b.Part.Effects[i]
		c, err := p.on.cell(e.ID)
		if err != nil {
			return nil, err
		}
		switch e.Kind {
		case command.EffectPut:
			if len(e.Row) > maxRowBytes {
				return &command.Vote{Err: tooBig(len(e.Row))}, nil
			}
			err = p.put(c, e, p.versions[i])
		case command.EffectDelete:
			if c.present {
				version := c.record.version
				p.on.remove(&c.objectCell)
				live := p.x.m.live
				if version > 0 && !live.home(live.tables[e.ID.Table()], e.ID) {
					err = p.on.mark(e.ID, marker{kind: vacant, version: version})
				}
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (p *preparing) put(c *stagedCell, e *command.Effect, version object.LocationVersion) error {
	if c.present {
		version = c.record.version
	} else if m, marked, err := p.on.marker(e.ID); err != nil {
		return err
	} else if marked && m.kind == vacant {
		if err := p.on.unmark(e.ID); err != nil {
			return err
		}
	}
	p.on.put(&c.objectCell, record{version: version, row: e.Row})
	return nil
}

// writes executes the Writes, in order. At the first that reaches the bounds of an
// entry they end: the transaction goes on with its rest, and those behind it.
func (p *preparing) writes() (*command.Vote, error) {
	x := p.x
	if slices.ContainsFunc(p.b.Part.Writes, func(w *command.Write) bool { return len(w.Spans) > 0 }) {
		x.flush()
	}
	for _, w := range p.b.Part.Writes {
		o := &x.writing
		refusal, failure := o.begin(w, p.on, x.m.live, x.m.programs, &x.m.worker)
		if refusal != nil || failure != nil {
			return &command.Vote{Refusal: refusal, Err: failure}, nil
		}
		p.on.command++
		o.command, o.revision, o.spent = p.on.command, p.revision(), &p.spent
		err := o.run()
		x.m.worker.release()
		switch {
		case err != nil:
			return failedVote(err)
		case o.result.Refusal != nil:
			return &command.Vote{Refusal: o.result.Refusal}, nil
		}
		p.results = append(p.results, o.result)
		if len(o.result.Rest) > 0 {
			p.rest = true
			break
		}
	}
	return nil, nil
}

// failedVote tells of a Write that has failed. The error is one of storage.
func failedVote(err error) (*command.Vote, error) {
	var broken storageFailure
	if errors.As(err, &broken) {
		return nil, broken.err
	}
	return &command.Vote{Err: asError(err)}, nil
}

// revision is that of what the Prepare writes.
func (p *preparing) revision() object.Revision {
	staged := !p.joint && (len(p.b.Participants) > 1 || p.b.More || p.b.Continues)
	return object.NewRevision(p.x.m.partition, p.x.index, staged)
}

// execute makes the part the partition's state, because nobody else takes part, or all
// others do so in the same entry.
func (p *preparing) execute() (*command.Vote, error) {
	x := p.x
	room := concludeRoom{}
	for _, c := range p.on.changed {
		if err := x.carryOut(c.id, c.effect(p.revision()), &room); err != nil {
			return nil, err
		}
	}
	if p.t != nil {
		x.dropTransaction(p.t)
	}
	x.giveUp(p.b.Owner)
	x.m.counters.direct.Add(1)
	return &command.Vote{Results: p.results}, nil
}

// stage locks what the part means and stages what it writes.
func (p *preparing) stage() (*command.Vote, error) {
	x, b := p.x, p.b
	staged := 0
	for _, c := range p.on.changed {
		staged += len(c.record.row)
	}
	if p.t != nil {
		staged += p.t.bytes
	}
	if staged > maxStagedBytes {
		return &command.Vote{Err: pgerror.New(pgerror.ProgramLimitExceeded,
			"a transaction changes more than %d bytes of one partition", maxStagedBytes)}, nil
	}
	t := x.openTransaction(b.Transaction, command.TransactionPreparing)
	state := command.TransactionPreparing
	if !b.More && !p.rest {
		state = command.TransactionPrepared
		x.m.counters.prepared.Add(1)
	}
	x.become(t, state)
	x.m.locks.mu.Lock()
	t.participants = slices.Clone(b.Participants)
	if !b.Owner.IsZero() {
		t.owner = b.Owner
	}
	x.m.locks.mu.Unlock()
	x.acquire(t, &x.print) // as lock has left it
	revision := object.NewRevision(x.m.partition, x.index, true)
	for _, c := range p.on.changed {
		x.stage(t, c.id, c.effect(revision), c.again)
	}
	x.store(t)
	return &command.Vote{Results: p.results}, nil
}

func tooBig(bytes int) *pgerror.Error {
	return pgerror.New(pgerror.ProgramLimitExceeded, "row is too big: size %d, maximum size %d", bytes, maxRowBytes)
}
