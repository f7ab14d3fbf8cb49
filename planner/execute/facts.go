package execute

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// facts gathers what EXPLAIN tells. All methods do nothing on nil.
type facts struct {
	clock   Clock
	analyze bool

	mu    sync.Mutex // guards what follows
	f     plan.Facts
	parts map[object.PartitionID]struct{}
}

func newFacts(clock Clock, analyze bool) *facts {
	return &facts{clock: clock, analyze: analyze, parts: make(map[object.PartitionID]struct{}),
		f: plan.Facts{Analyzed: analyze, Stages: make(map[plan.Stage]plan.StageFacts)}}
}

func (f *facts) analyzing() bool { return f != nil && f.analyze }

func (f *facts) now() time.Time { return f.clock.Now() }

// resolved notes how many keys and ranges the statement names.
func (f *facts) resolved(keys, ranges int) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Keys += keys
	f.f.Ranges += ranges
}

// locating notes the time until the function that it returns is called.
func (f *facts) locating() func() {
	if f == nil {
		return func() {}
	}
	start := f.now()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.f.Locating += f.now().Sub(start)
	}
}

// asked notes a round: which items are sent where.
func (f *facts) asked(t *catalog.Table, items []item, groups []group) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(groups) > 0 {
		f.f.Rounds++
		f.f.Needed, f.f.Prefix = len(partsOf(groups)), false
	}
	for _, g := range groups {
		f.parts[g.part] = struct{}{}
	}
	if f.f.Rounds <= 1 {
		f.places(t, items)
	}
}

// places notes where the items live; the caller holds mu.
func (f *facts) places(t *catalog.Table, items []item) {
	for i := range items {
		it := &items[i]
		o := plan.FactObject{ID: it.ID, From: it.from}
		if it.part != 0 {
			o.Location = object.Location{Partition: it.part, Version: it.Version}
		} else {
			o.From = plan.FromOracle
		}
		switch o.From {
		case plan.FromHome:
			f.f.Home++
		case plan.FromCache:
			f.f.Cached++
		case plan.FromOracle:
			f.f.Asked++
		}
		if len(f.f.Objects) < plan.MaxFactObjects {
			o.Key = keyText(t, it.ID)
			f.f.Objects = append(f.f.Objects, o)
		}
	}
}

// keyText is the key of an object as people write it; empty where the id has none.
func keyText(t *catalog.Table, id object.ID) string {
	types := t.KeyTypes()
	key, err := datum.DecodeKey([]byte(id.Key()), types)
	if err != nil {
		return ""
	}
	texts := make([]string, len(key))
	for i, v := range key {
		texts[i] = expr.Format(expr.NewConst(v, types[i]))
	}
	return strings.Join(texts, ", ")
}

// takesPart notes that all of these partitions are asked, in one round.
func (f *facts) takesPart(parts []object.PartitionID) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Rounds++
	f.f.Needed, f.f.Prefix = len(parts), false
	for _, p := range parts {
		f.parts[p] = struct{}{}
	}
}

func (f *facts) redirected(n int) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Redirects += n
}

func (f *facts) retried() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Retries++
}

// chunk notes what came from a partition.
func (f *facts) chunk(c *command.Chunk) {
	if f == nil || c == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Travelled += int64(len(c.Rows))
	f.f.Scanned += c.Scanned
}

// wrote notes what a partition has done: it has looked at the objects that the statement
// names and that exist; of key ranges only what was changed is told.
func (f *facts) wrote(g group, r *command.Result) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Travelled += int64(len(r.Rows))
	if g.at != nil {
		f.f.Scanned += int64(len(g.at) - len(r.Absent))
	} else {
		f.f.Scanned += r.Affected
	}
}

// stage notes one call of a stage.
func (f *facts) stage(s plan.Stage, row bool, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := f.f.Stages[s]
	if row {
		st.Rows++
	}
	st.Time += d
	f.f.Stages[s] = st
}

// done returns what was gathered.
func (f *facts) done() *plan.Facts {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Partitions = slices.Sorted(maps.Keys(f.parts))
	return &f.f
}
