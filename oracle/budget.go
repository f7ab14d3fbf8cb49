package oracle

import (
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// budgets bounds the moves that policies ask for, by table (catalog.Budget). They are in
// the leader's memory: the next leader begins with full ones.
type budgets struct {
	now func() time.Time // nil: time.Now

	mu     sync.Mutex
	tables map[object.TableID]*bucket // guarded by mu; at most maxSizes
}

// bucket is what there is left to spend: at most what comes in a second. What one object
// takes may exceed it, and the next ones wait the longer.
type bucket struct {
	moves, bytes float64
	at           time.Time
}

// payment is what an object's move has taken of a table's budget; the zero payment nothing.
type payment struct {
	table        object.TableID
	moves, bytes float64
}

// take takes a move from a table's budget; false: there is no room for it now.
func (b *budgets) take(t *catalog.Table, bytes int64) (payment, bool) {
	limit := &t.Rules.Budget
	if limit.Moves <= 0 && limit.Bytes <= 0 {
		return payment{}, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.now != nil {
		now = b.now()
	}
	left := b.tables[t.ID]
	if left == nil {
		if b.tables == nil || len(b.tables) >= maxSizes {
			b.tables = make(map[object.TableID]*bucket)
		}
		left = &bucket{moves: float64(limit.Moves), bytes: float64(limit.Bytes), at: now}
		b.tables[t.ID] = left
	}
	seconds := max(0, now.Sub(left.at).Seconds())
	left.at = now
	left.moves = min(left.moves+seconds*float64(limit.Moves), float64(limit.Moves))
	left.bytes = min(left.bytes+seconds*float64(limit.Bytes), float64(limit.Bytes))
	if limit.Moves > 0 && left.moves < 1 || limit.Bytes > 0 && left.bytes <= 0 {
		return payment{}, false
	}
	paid := payment{table: t.ID}
	if limit.Moves > 0 {
		paid.moves = 1
	}
	if limit.Bytes > 0 {
		paid.bytes = float64(bytes)
	}
	left.moves -= paid.moves
	left.bytes -= paid.bytes
	return paid, true
}

// giveBack gives back what was taken for moves that were not begun.
func (b *budgets) giveBack(paid []payment, answers []intent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n, p := range paid {
		if left := b.tables[p.table]; left != nil && !answers[n].begun {
			left.moves += p.moves
			left.bytes += p.bytes
		}
	}
}
