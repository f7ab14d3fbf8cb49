package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

// monotonicOps is how many values are inserted before the next sequence is begun.
const monotonicOps = 150

// monotonic is traffic that inserts the greatest value plus one, in a transaction: no value
// comes twice, and later ones are greater. What was found first is a condition on rows
// that do not exist yet, so this is about phantoms.
type monotonic struct {
	mu    sync.Mutex // guards what follows
	next  int64      // keys; they are spread over the partitions
	all   []monotone
	reads []monotone
}

// monotone is a value that was inserted, or read as the greatest.
type monotone struct {
	result
	sequence, value int64
}

func newMonotonic() *monotonic { return &monotonic{} }

func (m *monotonic) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	return w.create(ctx, conn, "mono", "id bigint PRIMARY KEY, sequence bigint NOT NULL, v bigint NOT NULL")
}

func (m *monotonic) tables() []table {
	return []table{{name: "mono", key: func(rnd *rand.Rand) int64 {
		m.mu.Lock()
		defer m.mu.Unlock()
		return max(0, m.next-1-rnd.Int64N(12))
	}}}
}

const (
	greatestOf   = "SELECT coalesce(max(v), 0)::bigint FROM mono WHERE id >= $1 AND id < $2"
	nextMonotone = "INSERT INTO mono (id, sequence, v) VALUES ($1, $2, $3)"
)

func (m *monotonic) step(c *client) {
	m.mu.Lock()
	id := m.next
	write := c.rnd.IntN(3) > 0
	if write {
		m.next++
	}
	m.mu.Unlock()
	at := monotone{sequence: id / monotonicOps}
	from, to := at.sequence*monotonicOps, (at.sequence+1)*monotonicOps
	if !write {
		_ = m.read(c, at.sequence)
		return
	}
	at.result = c.run(fmt.Sprintf("insert the next of sequence %d", at.sequence), func(ctx context.Context, o *operation) error {
		return o.transaction(ctx, "BEGIN", func() error {
			if err := o.conn.QueryRow(ctx, greatestOf, from, to).Scan(&at.value); err != nil {
				return err
			}
			at.value++
			o.note("inserts %d as row %d", at.value, id)
			_, err := o.conn.Exec(ctx, nextMonotone, id, at.sequence, at.value)
			return err
		})
	})
	if at.outcome == refused {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, at)
}

func (m *monotonic) read(c *client, sequence int64) error {
	at := monotone{sequence: sequence}
	at.result = c.run(fmt.Sprintf("read the greatest of sequence %d", sequence), func(ctx context.Context, o *operation) error {
		err := o.conn.QueryRow(ctx, greatestOf, sequence*monotonicOps, (sequence+1)*monotonicOps).Scan(&at.value)
		o.note("%d", at.value)
		return err
	})
	if at.outcome != done {
		return at.err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads = append(m.reads, at)
	return nil
}

func (m *monotonic) finish(c *client) error {
	for sequence := int64(0); sequence <= m.next/monotonicOps; sequence++ {
		if err := m.read(c, sequence); err != nil {
			return err
		}
	}
	return nil
}

func (m *monotonic) check(v *verdict) { v.add(checkMonotonic(m.all, m.reads)...) }

// checkMonotonic finds values that came twice, and such that are not in the order of time.
func checkMonotonic(inserted, reads []monotone) []violation {
	bySequence := make(map[int64][]monotone)
	for _, at := range inserted {
		if at.outcome == done {
			bySequence[at.sequence] = append(bySequence[at.sequence], at)
		}
	}
	for _, at := range reads {
		bySequence[at.sequence] = append(bySequence[at.sequence], at)
	}
	wrote := make(map[[2]int64]*monotone)
	var out []violation
	for i := range inserted {
		at := &inserted[i]
		if at.outcome != done {
			continue
		}
		key := [2]int64{at.sequence, at.value}
		if other := wrote[key]; other != nil {
			out = append(out, violation{where: "monotonic", what: fmt.Sprintf("%d was inserted twice", at.value),
				text: explain(other.describe("inserted"), at.describe("inserted"))})
		}
		wrote[key] = at
	}
	for _, all := range bySequence {
		if v := inOrder(all); v != nil {
			out = append(out, *v)
		}
	}
	return out
}

// inOrder finds something acknowledged before another began that has a lesser value.
func inOrder(all []monotone) *violation {
	slices.SortFunc(all, func(a, b monotone) int { return cmp.Compare(b.value, a.value) })
	earliest := &monotone{result: result{returned: math.MaxInt64}}
	for i := range all {
		at := &all[i]
		if earliest.value > at.value && earliest.before(&at.result) {
			return &violation{where: "monotonic", what: fmt.Sprintf("%d comes after %d", at.value, earliest.value),
				text: explain(earliest.describe("had"), at.describe("had"))}
		}
		if at.returned < earliest.returned {
			earliest = at
		}
	}
	return nil
}

func (m *monotone) describe(what string) string {
	return fmt.Sprintf("%s: sequence %d, %s %d", m.span(), m.sequence, what, m.value)
}
