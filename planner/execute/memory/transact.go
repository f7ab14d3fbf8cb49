package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// overlaid is the partition as a transaction sees it by its own writes.
func (p *partition) overlaid(list []command.Overlaid) *partition {
	if len(list) == 0 {
		return p
	}
	c := p.clone()
	c.own = make(map[object.ID]bool, len(list))
	for _, o := range list {
		c.own[o.ID] = true
		if o.Row == nil {
			delete(c.objects, o.ID)
			continue
		}
		c.objects[o.ID] = stored{row: o.Row, version: o.Version, revision: p.objects[o.ID].revision}
	}
	return c
}

// clone is a copy of the objects; what is only read is shared.
func (p *partition) clone() *partition {
	c := *p
	c.objects, c.gone, c.arrived = maps.Clone(p.objects), maps.Clone(p.gone), maps.Clone(p.arrived)
	return &c
}

// check compares what a transaction has read with a state.
func (w *World) check(p *partition, part *command.Part) (*command.Refusal, *command.Conflict) {
	for _, t := range part.Tables {
		if _, refusal := p.schema(t.Table, t.Schema); refusal != nil {
			return refusal, nil
		}
	}
	var refusal *command.Refusal
	for i := range part.Effects {
		e := &part.Effects[i]
		if r := w.refuse(p, p.tables[e.ID.Table()], []command.Target{e.Target}); r != nil {
			if r.Reason != command.Elsewhere {
				return r, nil
			}
			if refusal == nil {
				refusal = &command.Refusal{Reason: command.Elsewhere}
			}
			refusal.Objects = append(refusal.Objects, r.Objects...)
		}
	}
	if refusal != nil {
		return refusal, nil
	}
	for i := range part.Ranges {
		r := &part.Ranges[i]
		m, err := w.machine(p, p.tables[r.Table], r.Program, &r.Context)
		if err != nil {
			return nil, &command.Conflict{Table: r.Table}
		}
		print, err := m.fingerprint(r.Spans, false, "")
		if err != nil || print.Count != r.Print.Count || print.Sum != r.Print.Sum {
			return nil, &command.Conflict{Table: r.Table}
		}
	}
	for i := range part.Effects {
		if e := &part.Effects[i]; p.objects[e.ID].revision != e.Revision {
			return nil, &command.Conflict{ID: e.ID, Table: e.ID.Table()}
		}
	}
	return nil, nil
}

// vote executes a part in a partition, whose state the caller keeps a copy of.
func (w *World) vote(p *partition, part *command.Part) *command.Vote {
	refusal, conflict := w.check(p, part)
	for _, cmd := range part.Writes {
		if refusal != nil {
			break
		}
		t, r := p.schema(cmd.Table, cmd.Schema)
		if r == nil {
			r = w.refuse(p, t, cmd.Targets)
		}
		if r == nil && cmd.Home {
			r = w.refuseHome(p, t, cmd.Spans)
		}
		if r == nil && w.passing(p, cmd.Spans) {
			r = &command.Refusal{Reason: command.Awaited}
		}
		refusal = r
	}
	if refusal != nil {
		return &command.Vote{Refusal: refusal}
	}
	if conflict != nil {
		return &command.Vote{Conflict: conflict}
	}
	p.applied++
	for i := range part.Effects {
		w.apply(p, &part.Effects[i])
	}
	v := &command.Vote{}
	for _, cmd := range part.Writes {
		result := w.write(p, cmd)
		if result.Err != nil {
			return &command.Vote{Err: result.Err}
		}
		v.Results = append(v.Results, result)
	}
	return v
}

// passing reports whether an object of these ranges has left the partition and has
// not arrived: a write over ranges would miss it.
func (w *World) passing(p *partition, spans []command.Span) bool {
	for id, t := range w.transit {
		for _, s := range spans {
			if t.from == p.id && id >= s.Start && id < s.End {
				return true
			}
		}
	}
	return false
}

func (w *World) apply(p *partition, e *command.Effect) {
	switch e.Kind {
	case command.EffectDelete:
		delete(p.objects, e.ID)
	case command.EffectPut:
		version := e.Version
		if o, ok := p.objects[e.ID]; ok {
			version = o.version
		}
		delete(p.gone, e.ID)
		p.objects[e.ID] = stored{row: e.Row, version: version, revision: object.NewRevision(p.id, p.applied, true)}
	}
}

// Transact executes parts, all or none.
func (w *World) Transact(ctx context.Context, t *command.Transaction) ([]*command.Vote, error) {
	if err := w.hook("transact", 0); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, pgerror.New(pgerror.SerializationFailure, "not sent")
	}
	var writes []*command.Write
	var ids []object.ID
	for _, s := range t.Parts {
		writes = append(writes, s.Part.Writes...)
		for i := range s.Part.Effects {
			if s.Part.Effects[i].Kind != command.EffectNone {
				ids = append(ids, s.Part.Effects[i].ID)
			}
		}
	}
	unlock, err := w.lockFreeOf(ctx, t.Owner, writes, ids, t.Patient)
	if err != nil {
		return nil, err
	}
	if unlock == nil {
		votes := make([]*command.Vote, len(t.Parts))
		for i := range votes {
			votes[i] = &command.Vote{Refusal: &command.Refusal{Reason: command.Locked}, Conflict: &command.Conflict{ID: ids[0], Table: ids[0].Table()}}
		}
		return votes, nil
	}
	votes, yes := make([]*command.Vote, len(t.Parts)), true
	before := make([]*partition, len(t.Parts))
	for i, s := range t.Parts {
		p := w.partition(s.Partition)
		before[i] = p.clone()
		votes[i] = w.vote(p, &s.Part)
		yes = yes && votes[i].Yes()
	}
	for i := len(t.Parts) - 1; i >= 0 && !yes; i-- {
		p := w.partition(t.Parts[i].Partition)
		p.objects, p.gone = before[i].objects, before[i].gone
	}
	if yes {
		w.release(t.Owner)
	}
	unlock()
	if err := w.hook("transacted", 0); err != nil {
		return nil, err
	}
	return votes, nil
}

// Found is execute.Founder, which Dependencies leaves out.
func (w *World) Found(ctx context.Context, assignments []catalog.Assignment, t *command.Transaction) (object.LocationVersion, []*command.Vote, error) {
	if err := w.hook("found", 0); err != nil {
		return 0, nil, err
	}
	version := w.assignNew(assignments)
	if version == 0 {
		votes := make([]*command.Vote, len(t.Parts))
		for i := range votes {
			votes[i] = &command.Vote{Refusal: &command.Refusal{Reason: command.Aborted}}
		}
		return 0, votes, nil
	}
	for _, s := range t.Parts {
		for i := range s.Part.Writes[0].Targets {
			s.Part.Writes[0].Targets[i].Version = version
		}
	}
	votes, err := w.Transact(ctx, t)
	if err != nil || slices.ContainsFunc(votes, func(v *command.Vote) bool { return !v.Yes() }) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, a := range assignments {
			delete(w.directory, a.ID)
		}
		return 0, votes, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range assignments {
		w.placed(a.ID, 0, a.Partition, a.Origin)
		w.learn(a.ID, w.directory[a.ID], false)
	}
	return version, votes, nil
}

// assignNew gives ids a location if none of them has one and all may get it; 0: not so.
func (w *World) assignNew(assignments []catalog.Assignment) object.LocationVersion {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range assignments {
		if _, ok := allowed(w.catalog, w.catalog.Tables[a.ID.Table()], a.Partition); !ok || w.directory[a.ID].Partition != 0 {
			return 0
		}
	}
	w.index++
	version := object.LocationVersion(w.index)
	for _, a := range assignments {
		w.directory[a.ID] = object.Location{Partition: a.Partition, Version: version}
	}
	return version
}

// Validate compares what was read with the newest state.
func (w *World) Validate(ctx context.Context, id object.PartitionID, part *command.Part) (*command.Vote, error) {
	if err := w.hook("validate", id); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	refusal, conflict := w.check(w.partition(id), part)
	return &command.Vote{Refusal: refusal, Conflict: conflict}, ctx.Err()
}

// Evaluate computes what a write would do.
func (w *World) Evaluate(ctx context.Context, id object.PartitionID, e *command.Evaluate) (*command.Evaluation, error) {
	if err := w.hook("evaluate", id); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.evaluate(w.partition(id), e), ctx.Err()
}

func (w *World) evaluate(base *partition, e *command.Evaluate) *command.Evaluation {
	out := &command.Evaluation{}
	if e.View.Checks != nil {
		if out.Refusal, out.Conflict = w.check(base, e.View.Checks); out.Refusal != nil || out.Conflict != nil {
			return out
		}
	}
	cmd := e.Write
	before := base.overlaid(e.View.Overlay)
	p := before.clone()
	out.Result = w.write(p, cmd)
	if out.Refusal, out.Err = out.Result.Refusal, out.Result.Err; out.Refusal != nil || out.Err != nil {
		return out
	}
	ids := before.within(cmd.Spans, false)
	for i := range cmd.Targets {
		ids = append(ids, cmd.Targets[i].ID)
	}
	for _, id := range ids {
		old, existed := before.objects[id]
		now, exists := p.objects[id]
		eff := command.Effect{Target: command.Target{ID: id, Version: max(old.version, now.version)}, Revision: base.objects[id].revision}
		switch {
		case exists && (!existed || string(now.row) != string(old.row) || now.revision != old.revision):
			eff.Kind, eff.Row = command.EffectPut, now.row
		case existed && !exists:
			eff.Kind = command.EffectDelete
		case cmd.Spans != nil:
			continue
		}
		out.Effects = append(out.Effects, eff)
	}
	if cmd.Spans != nil {
		m, err := w.machine(base, base.tables[cmd.Table], cmd.Program, &cmd.Context)
		if err == nil {
			out.Print, err = m.fingerprint(cmd.Spans, false, "")
		}
		if err != nil {
			out.Err = failed(err).Err
		}
	}
	return out
}
