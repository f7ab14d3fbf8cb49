package simulate

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/trace"
	"github.com/ssmr/ssmr/plugins/placement"
)

// world is a database as it would be under one choice of policies.
type world struct {
	choose chooser

	partitions []placement.Partition
	rates      []rate
	tables     map[uint32]*table
	objects    map[string]*placed
	out        Outcome
	touched    int64         // partitions, over all commands
	spent      time.Duration // in calls
	policies   map[string]string
	notes      []string
}

// table is a table under the world's policy.
type table struct {
	recorded *trace.Table
	placement.Table
	configured
	policy policy
	// hashed are the indexes of the columns of the key that a static home follows from.
	hashed []int
}

// placed is an object and where it lives.
type placed struct {
	partition uint32
	bytes     int64
	created   bool              // in the trace
	values    []placement.Value // kept where Replace may want them
}

// rate is the number of commands in a second, the older the less.
type rate struct {
	weight float64
	at     time.Time
}

// rateTime is what rate forgets within, about.
const rateTime = 10 * time.Second

func (r *rate) decay(now time.Time) {
	if passed := now.Sub(r.at); passed > 0 {
		r.weight *= math.Exp(-float64(passed) / float64(rateTime))
		r.at = now
	}
}

// describe takes a table as it is from now on.
func (w *world) describe(ctx context.Context, recorded *trace.Table) error {
	t := &table{recorded: recorded, Table: placement.Table{Name: recorded.Name, Key: recorded.Key}}
	for _, c := range recorded.Columns {
		t.Columns = append(t.Columns, placement.Column{Name: c.Name, Type: c.Type})
	}
	chosen, p, why, err := w.choose(ctx, recorded, t.Table)
	if err != nil {
		return fmt.Errorf("table %s: %w", recorded.Name, err)
	}
	t.configured, t.policy = chosen, p
	for i, name := range t.Key {
		if len(t.columns) == 0 || slices.Contains(t.columns, name) {
			t.hashed = append(t.hashed, i)
		}
	}
	w.tables[recorded.ID] = t
	w.policies[p.name()] = p.version()
	if why != "" && !slices.Contains(w.notes, why) {
		w.notes = append(w.notes, why)
	}
	return nil
}

// home is the partition that the static rule gives a key, or the beginning of one that has
// all columns that decide it.
func (w *world) home(t *table, key []string) uint32 {
	h := fnv.New64a()
	if len(t.columns) == 0 { // equal values of two tables live together where columns decide
		fmt.Fprintf(h, "%d", t.recorded.ID)
	}
	for _, i := range t.hashed {
		h.Write([]byte{0})
		h.Write([]byte(key[i]))
	}
	return w.partitions[mix(h.Sum64())%uint64(len(w.partitions))].ID
}

// mix spreads what differs between two hashes over all bits.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}

// allowed reports whether a partition may get objects of a table.
func (w *world) allowed(t *table, id uint32) bool {
	p := w.partition(id)
	if p == nil || p.Closed {
		return false
	}
	for name, value := range t.recorded.Require {
		if p.Labels[name] != value {
			return false
		}
	}
	return true
}

// fallBack is where an object goes that the policy does not place: to its home, or to one
// of those that may get it.
func (w *world) fallBack(t *table, key []string) uint32 {
	home := w.home(t, key)
	if w.allowed(t, home) {
		return home
	}
	var open []uint32
	for i := range w.partitions {
		if w.allowed(t, w.partitions[i].ID) {
			open = append(open, w.partitions[i].ID)
		}
	}
	if len(open) == 0 {
		return home
	}
	return open[int(home)%len(open)]
}

func (w *world) partition(id uint32) *placement.Partition {
	i := slices.IndexFunc(w.partitions, func(p placement.Partition) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &w.partitions[i]
}

// put has an object live somewhere: its load goes with it.
func (w *world) put(o *placed, partition uint32) {
	w.grow(o.partition, -1, -o.bytes)
	o.partition = partition
	w.grow(o.partition, 1, o.bytes)
}

func (w *world) grow(id uint32, objects, bytes int64) {
	if p := w.partition(id); p != nil {
		p.Objects, p.Bytes = p.Objects+objects, p.Bytes+bytes
	}
}

// objectName names an object among all: texts of PostgreSQL hold no zero byte.
func objectName(table uint32, key []string) string {
	return fmt.Sprint(table) + "\x00" + strings.Join(key, "\x00")
}
