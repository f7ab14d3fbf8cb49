package planner

import (
	"container/list"
	"encoding/binary"
	"strings"
	"sync"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/planner/plan"
)

// planSettings are the settings that a plan depends on, because literals are
// read with them.
type planSettings struct {
	zone     string
	order    datum.DateOrder
	interval datum.IntervalStyle
	database string
}

// planKey is what plans are kept by.
type planKey struct {
	text     string
	params   string // the declared types
	settings planSettings
}

func paramsKey(types []datum.Type) string {
	if len(types) == 0 {
		return ""
	}
	b := make([]byte, 0, 8*len(types))
	for _, t := range types {
		b = binary.LittleEndian.AppendUint32(b, t.OID)
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Mod))
	}
	return string(b)
}

// planCache keeps plans for all sessions of a node, the most recently used ones,
// bounded by number and by the size of their texts.
type planCache struct {
	maxPlans, maxBytes int

	mu    sync.Mutex // guards what follows
	byKey map[planKey]*list.Element
	order *list.List // of *cachedPlan, the most recently used in front
	bytes int
}

type cachedPlan struct {
	key  planKey
	plan *plan.Plan
}

func newPlanCache(plans, bytes int) *planCache {
	return &planCache{maxPlans: plans, maxBytes: bytes, byKey: make(map[planKey]*list.Element), order: list.New()}
}

// get returns a plan that is valid for the snapshot, or nil. One that is not is
// forgotten.
func (c *planCache) get(key planKey, snap *catalog.Snapshot) *plan.Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return nil
	}
	p := e.Value.(*cachedPlan).plan
	if !valid(p, snap) {
		c.remove(e)
		return nil
	}
	c.order.MoveToFront(e)
	return p
}

func (c *planCache) put(key planKey, p *plan.Plan) {
	if !p.Cacheable || len(key.text) > c.maxBytes/64 || namesNow(key.text) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		c.remove(e)
	}
	c.byKey[key] = c.order.PushFront(&cachedPlan{key, p})
	c.bytes += len(key.text)
	for len(c.byKey) > c.maxPlans || c.bytes > c.maxBytes {
		c.remove(c.order.Back())
	}
}

// remove forgets a plan; the caller holds mu.
func (c *planCache) remove(e *list.Element) {
	key := e.Value.(*cachedPlan).key
	c.order.Remove(e)
	delete(c.byKey, key)
	c.bytes -= len(key.text)
}

// valid reports whether the tables that a plan was made against are current.
func valid(p *plan.Plan, snap *catalog.Snapshot) bool {
	for _, t := range p.Tables {
		if now := snap.Tables[t.ID]; now == nil || now.Version != t.Version {
			return false
		}
	}
	return true
}

// namesNow reports whether a literal like 'now' may stand in a text: its value is
// in the plan, which must not outlive the statement then.
func namesNow(text string) bool {
	lower := strings.ToLower(text)
	for _, word := range [...]string{"'now", "'today", "'tomorrow", "'yesterday"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}
