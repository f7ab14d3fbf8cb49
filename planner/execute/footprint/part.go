package footprint

import (
	"bytes"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// AddRange notes key ranges that were read. With whole, nothing will be added to them,
// and what was read before is kept once; the result is false where that has
// changed since.
func (f *Footprint) AddRange(r *Range, whole bool) bool {
	if whole {
		for _, old := range f.ranges {
			if old.sameQuestion(r) {
				return old.Print.Count == r.Print.Count && old.Print.Sum == r.Print.Sum
			}
		}
	}
	f.ranges = append(f.ranges, r)
	f.reads++
	f.resize(r)
	return true
}

// Extend notes that a range that is kept was read on: it has other Spans, and another
// Print.
func (f *Footprint) Extend(r *Range, spans []command.Span, print command.Fingerprint) {
	r.Spans, r.Print = spans, print
	f.reads++
	f.resize(r)
}

func (f *Footprint) resize(r *Range) {
	f.bytes -= r.size
	r.size = objectBytes + int64(len(r.Program))
	for _, s := range r.Spans {
		r.size += int64(len(s.Start)+len(s.End)) + 32
	}
	for range r.Context.Params {
		r.size += 64
	}
	f.bytes += r.size
}

// sameQuestion reports whether two ranges are what one read has asked twice.
func (r *Range) sameQuestion(o *Range) bool {
	return r.Partition == o.Partition && r.Table == o.Table && slices.Equal(r.Spans, o.Spans) &&
		bytes.Equal(r.Program, o.Program) && r.Context.TimeZone == o.Context.TimeZone && r.Context.Seed == o.Context.Seed &&
		slices.EqualFunc(r.Context.Params, o.Context.Params, same)
}

func same(a, b datum.Datum) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	return a.Kind() == b.Kind() && datum.Equal(a, b)
}

// Ranges are all key ranges that were read.
func (f *Footprint) Ranges() []*Range { return f.ranges }

// Checks is the part of a partition that has to be as it was read, for
// View.Checks: of the objects that are known to live there, and of its ranges. nil
// where there is nothing.
func (f *Footprint) Checks(p object.PartitionID) *command.Part {
	b := builder{f: f}
	for _, r := range f.ranges {
		if r.Partition == p {
			b.add(r)
		}
	}
	for _, o := range f.order {
		if o.Partition == p && !o.Doubt {
			b.effect(command.Effect{Target: command.Target{ID: o.ID, Version: o.Version, Arriving: o.Arriving}, Revision: o.Revision})
		}
	}
	return b.done()
}

// builder makes a Part.
type builder struct {
	f    *Footprint
	part command.Part
}

func (b *builder) table(t object.TableID) {
	for i := range b.part.Tables {
		if b.part.Tables[i].Table == t {
			return
		}
	}
	v := command.TableVersion{Table: t}
	if d := b.f.tables[t]; d != nil {
		v.Schema = d.Version
	}
	b.part.Tables = append(b.part.Tables, v)
}

func (b *builder) add(r *Range) {
	if len(r.Spans) == 0 {
		return
	}
	b.table(r.Table)
	b.part.Ranges = append(b.part.Ranges, r.Range)
}

func (b *builder) effect(e command.Effect) {
	b.table(e.ID.Table())
	b.part.Effects = append(b.part.Effects, e)
}

func (b *builder) done() *command.Part {
	if len(b.part.Tables) == 0 {
		return nil
	}
	return &b.part
}

// Effect is what an object is checked for, and with write what becomes of it.
func (o *Object) Effect(target command.Target, write bool) command.Effect {
	e := command.Effect{Target: target, Revision: o.Revision}
	switch {
	case !write:
	case o.Kind == command.EffectDelete && o.Revision == 0: // created and deleted again
	default:
		e.Kind = o.Kind
		if e.Kind == command.EffectPut {
			e.Row = o.Row
		}
	}
	return e
}

// Parts makes the part of every partition from where the objects live: objects[i]
// lives at at[i]. Ranges are those of all partitions for which include is true.
func (f *Footprint) Parts(objects []*Object, at []command.Target, where []object.PartitionID, write bool,
	include func(object.PartitionID) bool) []command.Share {
	byPartition := make(map[object.PartitionID]*builder)
	get := func(p object.PartitionID) *builder {
		b := byPartition[p]
		if b == nil {
			b = &builder{f: f}
			byPartition[p] = b
		}
		return b
	}
	for _, r := range f.ranges {
		if include(r.Partition) {
			get(r.Partition).add(r)
		}
	}
	for i, o := range objects {
		get(where[i]).effect(o.Effect(at[i], write))
	}
	var out []command.Share
	for p, b := range byPartition {
		if part := b.done(); part != nil {
			out = append(out, command.Share{Partition: p, Part: *part})
		}
	}
	slices.SortFunc(out, func(a, b command.Share) int { return int(a.Partition) - int(b.Partition) })
	return out
}
