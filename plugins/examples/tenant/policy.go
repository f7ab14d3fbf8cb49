package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/ssmr/ssmr/plugins/placement"
)

// ReadColumns are the tenant.
func (t *tenants) ReadColumns(placement.Table) []string { return []string{t.name} }

// Objectwise is true unless load has a say, which remembers.
func (t *tenants) Objectwise() bool { return t.seen == nil }

// Place puts each object where its tenant lives.
func (t *tenants) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	pools := t.divide(b.Partitions)
	places := make(map[string]placement.Placement, 1) // a statement is mostly about one tenant
	placed := make([]placement.Placement, len(b.Objects))
	for i := range b.Objects {
		o := &b.Objects[i]
		if t.column >= len(o.Values) || o.Values[t.column].Null {
			placed[i] = placement.Placement{Partition: o.Home, Reason: "no " + t.name + ": its home"}
			continue
		}
		tenant := o.Values[t.column].Text
		place, known := places[tenant]
		if !known {
			place = t.place(tenant, pools, o.Current, b.DryRun)
			places[tenant] = place
		}
		placed[i] = place
	}
	return placed, nil
}

// pools are the partitions that accept objects, by whom they are for.
type pools struct {
	own    map[string][]placement.Partition // by the tenant that they are labelled for
	shared []placement.Partition            // for all others
	all    []placement.Partition
}

func (t *tenants) divide(partitions []placement.Partition) pools {
	out := pools{own: make(map[string][]placement.Partition)}
	for _, partition := range partitions {
		if partition.Closed {
			continue
		}
		out.all = append(out.all, partition)
		owner, owned := partition.Labels[ownLabel]
		if owned {
			out.own[owner] = append(out.own[owner], partition)
		}
		if !owned && !slices.Contains(t.reserved, partition.ID) {
			out.shared = append(out.shared, partition)
		}
	}
	if len(out.all) == 0 { // the server has the last word
		out.all = partitions
	}
	if len(out.shared) == 0 {
		out.shared = out.all
	}
	return out
}

// place chooses a tenant's partition. current is where one of its objects lives; 0:
// that object is new.
func (t *tenants) place(tenant string, pools pools, current uint32, dry bool) placement.Placement {
	who := fmt.Sprintf("%s %s", t.name, shorten(tenant))
	if id, named := t.big[tenant]; named && slices.ContainsFunc(pools.all, func(c placement.Partition) bool { return c.ID == id }) {
		return placement.Placement{Partition: id, Reason: who + " is big: its own partition"}
	}
	if own := pools.own[tenant]; len(own) > 0 {
		first, _ := candidates(tenant, own)
		return placement.Placement{Partition: first.ID, Reason: who + " has a partition by its label"}
	}
	first, second := candidates(tenant, pools.shared)
	if t.seen != nil {
		if id, why := t.seen.choose(tenant, first, second, current, dry); id != first.ID {
			return placement.Placement{Partition: id, Reason: who + ": " + why}
		}
	}
	return placement.Placement{Partition: first.ID, Reason: who + " shares a partition with others"}
}

// candidates returns the two partitions with the highest scores for a tenant, which are
// one where there is no other (rendezvous hashing; Thaler and Ravishankar, 1998). A
// partition that comes or goes changes the order of no two others.
func candidates(tenant string, of []placement.Partition) (first, second placement.Partition) {
	h := fnv.New64a()
	h.Write([]byte(tenant))
	sum := h.Sum64()
	var highest, next uint64
	for i, partition := range of {
		switch score := mix(sum ^ mix(uint64(partition.ID))); {
		case i == 0 || score > highest:
			second, next = first, highest
			first, highest = partition, score
		case i == 1 || score > next:
			second, next = partition, score
		}
	}
	if len(of) == 1 {
		second = first
	}
	return first, second
}

// mix spreads a number over all bits (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// shorten keeps reasons short.
func shorten(tenant string) string {
	const most = 60
	if r := []rune(tenant); len(r) > most {
		return string(r[:most]) + "..."
	}
	return tenant
}
