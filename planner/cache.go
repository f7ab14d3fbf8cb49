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

// planCache keeps plans for all sessions of a node, and what is known of the shapes of
// statements (see parameterize.go), the most recently used ones of each.
type planCache struct {
	maxText int // of a statement whose plan is kept, bytes

	mu     sync.Mutex // guards what follows
	plans  *recent[planKey, *plan.Plan]
	shapes *recent[string, []parameter]
}

func newPlanCache(plans, bytes int) *planCache {
	return &planCache{
		maxText: bytes / 64,
		plans:   newRecent[planKey, *plan.Plan](plans, bytes),
		shapes:  newRecent[string, []parameter](plans, bytes),
	}
}

// get returns a plan that is valid for the snapshot, or nil. One that is not is
// forgotten.
func (c *planCache) get(key planKey, snap *catalog.Snapshot) *plan.Plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, _ := c.plans.get(key)
	if p != nil && !valid(p, snap) {
		c.plans.remove(key)
		return nil
	}
	return p
}

// put keeps a plan, and reports whether it is one that can be kept.
func (c *planCache) put(key planKey, p *plan.Plan) bool {
	size := len(key.text) + len(p.Params)*paramSize
	if !p.Cacheable || size > c.maxText || namesNow(key.text) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plans.put(key, p, size)
	return true
}

// first reports whether a key is seen for the first time, and remembers it.
func (c *planCache) first(key planKey) bool {
	if len(key.text) > c.maxText {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, seen := c.plans.get(key)
	if !seen {
		c.plans.put(key, nil, len(key.text))
	}
	return !seen
}

// parameters returns those of a shape; nil if it is not known.
func (c *planCache) parameters(shape string) []parameter {
	c.mu.Lock()
	defer c.mu.Unlock()
	ps, _ := c.shapes.get(shape)
	return ps
}

// know keeps the parameters of a shape.
func (c *planCache) know(f *shaped) {
	size := len(f.shape.Text) + len(f.parameters)*paramSize
	if size > c.maxText {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shapes.put(f.shape.Text, f.parameters, size)
}

// recent keeps values, the most recently used ones, bounded by number and by size.
type recent[K comparable, V any] struct {
	most, mostSize int

	byKey map[K]*list.Element
	order *list.List // of *sized, the most recently used in front
	size  int
}

type sized[K comparable, V any] struct {
	key   K
	value V
	size  int
}

func newRecent[K comparable, V any](most, mostSize int) *recent[K, V] {
	return &recent[K, V]{most: most, mostSize: mostSize, byKey: make(map[K]*list.Element), order: list.New()}
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	e := r.byKey[key]
	if e == nil {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*sized[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V, size int) {
	r.remove(key)
	r.byKey[key] = r.order.PushFront(&sized[K, V]{key, value, size})
	r.size += size
	for len(r.byKey) > r.most || r.size > r.mostSize {
		r.remove(r.order.Back().Value.(*sized[K, V]).key)
	}
}

func (r *recent[K, V]) remove(key K) {
	if e := r.byKey[key]; e != nil {
		r.size -= e.Value.(*sized[K, V]).size
		r.order.Remove(e)
		delete(r.byKey, key)
	}
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
