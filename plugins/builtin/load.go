package builtin

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/ssmr/ssmr/plugins/placement"
)

// leastLoaded places new objects where the fewest bytes are. What it has placed
// since a partition's last report counts as well, so that a burst does not go to
// one place. An object that has a place leaves it only where that makes the loads
// more even.
type leastLoaded struct {
	mu       sync.Mutex // guards what follows, which is bounded by the partitions
	reported map[uint32]int64
	placed   map[uint32]int64
}

func (*leastLoaded) Name() string    { return "least_loaded" }
func (*leastLoaded) Version() string { return version }

func (l *leastLoaded) Configure(options placement.Options, _ placement.Table) (placement.Policy, error) {
	return l, checkOptions(options)
}

// load is what a partition holds, as far as the policy knows.
type load struct {
	id    uint32
	bytes int64
}

func (l *leastLoaded) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	loads := l.loads(open(b.Partitions), b.DryRun)
	add := func(at int, bytes int64) {
		loads[at].bytes += bytes
		if !b.DryRun {
			l.placed[loads[at].id] += bytes
		}
	}
	out := make([]placement.Placement, len(b.Objects))
	for i, o := range b.Objects {
		least, current := 0, -1
		for j := range loads {
			if cmp.Or(cmp.Compare(loads[j].bytes, loads[least].bytes), cmp.Compare(loads[j].id, loads[least].id)) < 0 {
				least = j
			}
			if loads[j].id == o.Current {
				current = j
			}
		}
		size := sizeOf(o)
		if current >= 0 {
			if loads[current].bytes-loads[least].bytes < 2*size {
				out[i] = placement.Placement{Partition: o.Current, Reason: "no other partition holds noticeably fewer bytes"}
				continue
			}
			add(current, -size)
		}
		out[i] = placement.Placement{Partition: loads[least].id, Reason: fmt.Sprintf("holds the fewest bytes (%d)", loads[least].bytes)}
		add(least, size)
	}
	return out, nil
}

// loads adds what was placed since the last report to what was reported.
func (l *leastLoaded) loads(partitions []placement.Partition, dry bool) []load {
	if l.placed == nil {
		l.reported, l.placed = make(map[uint32]int64), make(map[uint32]int64)
	}
	out := make([]load, 0, len(partitions))
	for _, p := range partitions {
		if dry { // counts from the report, and keeps nothing
			out = append(out, load{p.ID, p.Bytes})
			continue
		}
		if l.reported[p.ID] != p.Bytes {
			l.reported[p.ID], l.placed[p.ID] = p.Bytes, 0
		}
		out = append(out, load{p.ID, p.Bytes + l.placed[p.ID]})
	}
	return out
}

// sizeOf estimates what an object takes where that is not known.
func sizeOf(o placement.Object) int64 {
	if o.Bytes > 0 {
		return o.Bytes
	}
	size := int64(64)
	for _, v := range o.Values {
		size += int64(len(v.Text))
	}
	return size
}
