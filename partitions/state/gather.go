package state

import (
	"github.com/ssmr/ssmr/internal/datum"
)

// gatherer makes rows of the objects that a read has chosen: one for each, or the
// first ones of an order, or one for each group.
type gatherer struct {
	finished     bool
	pendingBytes int
	limit        int64 // rows still wanted; negative: all
	bound        int   // bytes that may be gathered

	seen      map[string]struct{} // rows that were sent, of a DISTINCT
	seenBytes int

	first  *firstRows
	groups *groups
}

func (g *gatherer) start(q *Query) {
	g.limit, g.bound = q.read.Limit, q.m.limits.GroupBytes
	switch {
	case q.prog.aggregated:
		g.limit = -1 // groups may be halves of groups
		g.groups = newGroups(q.prog)
	case len(q.prog.OrderBy) > 0 && !q.prog.KeyOrder && g.limit >= 0:
		g.first = newFirstRows(q.prog, g.limit)
		g.limit = -1
	case q.prog.Distinct:
		g.seen = make(map[string]struct{})
	}
	if g.limit == 0 || g.first != nil && g.first.limit == 0 {
		g.finished = true
	}
}

// add takes the object in env.Row.
func (g *gatherer) add(q *Query) error {
	switch {
	case g.groups != nil:
		return g.addToGroup(q)
	case g.first != nil:
		return g.addToFirst(q)
	}
	row, err := q.worker.project(q.prog.Project)
	if err != nil {
		return err
	}
	if g.seen != nil && g.known(q.worker.values, row) {
		return nil
	}
	g.send(q, row)
	if g.limit > 0 {
		if g.limit--; g.limit == 0 {
			g.finished = true
			return errEnough
		}
	}
	return g.full(q)
}

func (g *gatherer) send(q *Query, row []byte) {
	q.pending = append(q.pending, row)
	g.pendingBytes += len(row)
}

func (g *gatherer) full(q *Query) error {
	if g.pendingBytes >= q.chunk || len(q.pending) >= maxChunkRows {
		return errEnough
	}
	return nil
}

// maxChunkRows bounds the rows of a chunk.
const maxChunkRows = 1 << 16

// known reports whether an equal row was sent. Where it cannot tell, the limit
// does not hold any more: the reader applies its own.
func (g *gatherer) known(values []datum.Datum, row []byte) bool {
	if _, known := g.seen[string(row)]; known {
		return true
	}
	if !exact(values) {
		g.limit = -1
	}
	if g.seenBytes += len(row) + 64; g.seenBytes > g.bound {
		clear(g.seen)
		g.seenBytes, g.limit = 0, -1
	}
	g.seen[string(row)] = struct{}{}
	return false
}

// exact reports whether values that are equal have equal encodings.
func exact(values []datum.Datum) bool {
	for _, v := range values {
		switch v.Kind() {
		case datum.KindNull, datum.KindBool, datum.KindInt, datum.KindText, datum.KindBytes, datum.KindUUID,
			datum.KindDate, datum.KindTime, datum.KindTimestamp, datum.KindTimestampTZ:
		default:
			return false
		}
	}
	return true
}

// finish sends what was gathered when all objects were visited.
func (g *gatherer) finish(q *Query) error {
	g.finished = true
	switch {
	case g.groups != nil:
		return g.sendGroups(q, true)
	case g.first != nil:
		for _, row := range g.first.sorted() {
			g.send(q, row)
		}
		g.first = nil
	}
	return nil
}
