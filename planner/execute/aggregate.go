package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/planner/plan"
)

// aggregateRows makes one row for each group of its input: by merging the
// partial states that partitions computed, or from the rows themselves.
type aggregateRows struct {
	env    *expr.Env
	input  rows
	plan   *plan.Aggregate
	memory memory

	byHash map[uint64][]*aggregateGroup
	groups []*aggregateGroup // in the order of their first rows
	filled bool
	at     int
	row    []datum.Datum
	key    []datum.Datum
	buf    []datum.Datum
}

// aggregateGroup is the state of one group.
type aggregateGroup struct {
	key  []datum.Datum
	accs []expr.Accumulator
	size int64 // of the accumulators, as counted in memory
}

func (r *aggregateRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if !r.filled {
		if err := r.fill(ctx); err != nil {
			return nil, false, err
		}
	}
	if r.at >= len(r.groups) {
		return nil, false, nil
	}
	g := r.groups[r.at]
	r.groups[r.at] = nil
	r.at++
	r.row = append(r.row[:0], g.key...)
	for _, acc := range g.accs {
		v, err := acc.Final()
		if err != nil {
			return nil, false, err
		}
		r.row = append(r.row, v)
	}
	return r.row, true, nil
}

// fill reads the whole input.
func (r *aggregateRows) fill(ctx context.Context) error {
	r.filled = true
	r.byHash = make(map[uint64][]*aggregateGroup)
	if r.plan.GroupCount == 0 {
		r.group(nil) // exists also without any row
	}
	for n := 0; ; n++ {
		row, ok, err := r.input.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if n%1024 == 0 {
			if err := alive(ctx); err != nil {
				return err
			}
		}
		if r.plan.Partial {
			err = r.merge(row)
		} else {
			err = r.add(row)
		}
		if err != nil {
			return err
		}
	}
	r.input.close()
	r.byHash = nil
	return nil
}

// merge takes a group's partial states.
func (r *aggregateRows) merge(row []datum.Datum) error {
	g, err := r.group(row[:r.plan.GroupCount])
	if err != nil {
		return err
	}
	row = row[r.plan.GroupCount:]
	for i, a := range r.plan.Aggregates {
		width := a.PartialWidth()
		if width > len(row) {
			return internalError("a partial state is missing")
		}
		if err := g.accs[i].Merge(row[:width]); err != nil {
			return err
		}
		row = row[width:]
	}
	return r.weigh(g)
}

// add takes a row.
func (r *aggregateRows) add(row []datum.Datum) error {
	r.env.Row = row
	var err error
	if r.key, err = evalRow(r.env, r.plan.Groups, r.key); err != nil {
		return err
	}
	g, err := r.group(r.key)
	if err != nil {
		return err
	}
	for i, a := range r.plan.Aggregates {
		if r.buf, err = a.Step(g.accs[i], r.env, r.buf); err != nil {
			return err
		}
	}
	return r.weigh(g)
}

// group finds or makes the group of these values.
func (r *aggregateRows) group(key []datum.Datum) (*aggregateGroup, error) {
	h := hashRow(key)
	for _, g := range r.byHash[h] {
		if equalRows(g.key, key) {
			return g, nil
		}
	}
	g := &aggregateGroup{key: cloneRow(key), accs: make([]expr.Accumulator, len(r.plan.Aggregates))}
	for i, a := range r.plan.Aggregates {
		g.accs[i] = a.New()
	}
	r.byHash[h] = append(r.byHash[h], g)
	r.groups = append(r.groups, g)
	return g, r.memory.take(rowBytes(key) + 96)
}

// weigh counts what the group's accumulators have grown by.
func (r *aggregateRows) weigh(g *aggregateGroup) error {
	size := int64(0)
	for _, acc := range g.accs {
		size += int64(acc.Size())
	}
	grown := size - g.size
	g.size = size
	return r.memory.take(grown)
}

func (r *aggregateRows) close() {
	r.input.close()
	r.groups, r.byHash = nil, nil
	r.filled, r.at = true, 0
}
