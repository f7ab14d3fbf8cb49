package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/plugins/placement"
)

// geo keeps objects in the region of their country.
type geo struct {
	column  string            // of the country
	regions map[string]string // country -> region
	other   string            // the region of all other countries; empty: anywhere
}

// Name is the policy's name.
func (geo) Name() string { return "geo" }

// Version is the policy's version.
func (geo) Version() string { return "1.0" }

// Deterministic is true: the answer follows from the question.
func (geo) Deterministic() bool { return true }

// Configure reads the options of a table.
func (geo) Configure(options placement.Options, table placement.Table) (placement.Policy, error) {
	g := geo{column: "country", regions: make(map[string]string)}
	for name, value := range options {
		switch name {
		case "geo.column":
			g.column = value
		case "geo.default":
			g.other = value
		case "geo.map":
			for pair := range strings.SplitSeq(value, ",") {
				country, region, ok := strings.Cut(pair, "=")
				country, region = strings.TrimSpace(country), strings.TrimSpace(region)
				if !ok || country == "" || region == "" {
					return nil, &placement.OptionError{Option: name, Value: value, Allowed: "country=region pairs, as in 'de=eu, fr=eu, us=na'"}
				}
				g.regions[strings.ToLower(country)] = region
			}
		default:
			return nil, &placement.OptionError{Option: name, Value: value, Allowed: "geo.column, geo.map and geo.default"}
		}
	}
	if table.Column(g.column) < 0 {
		return nil, &placement.OptionError{Option: "geo.column", Value: g.column, Allowed: "a column of the table"}
	}
	if len(g.regions) == 0 && g.other == "" {
		return nil, &placement.OptionError{Option: "geo.map", Allowed: "country=region pairs, as in 'de=eu, fr=eu, us=na'"}
	}
	return g, nil
}

// Place puts each object in a partition of its region.
func (g geo) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	placed := make([]placement.Placement, len(b.Objects))
	for i := range b.Objects {
		placed[i] = g.place(b, &b.Objects[i])
	}
	return placed, nil
}

// ReplaceColumns asks for the object to be looked at when its country changes.
func (g geo) ReplaceColumns(placement.Table) []string { return []string{g.column} }

// Replace moves objects that are in another region than their country.
func (g geo) Replace(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	placed := make([]placement.Placement, len(b.Objects))
	for i := range b.Objects {
		o := &b.Objects[i]
		region, _ := g.region(b, o)
		at := slices.IndexFunc(b.Partitions, func(p placement.Partition) bool { return p.ID == o.Current })
		if region == "" || at >= 0 && b.Partitions[at].Labels["region"] == region {
			placed[i] = placement.Placement{Partition: o.Current, Reason: "it is in its region"}
			continue
		}
		placed[i] = g.place(b, o)
	}
	return placed, nil
}

// region returns the region that an object belongs to, and why.
func (g geo) region(b *placement.Batch, o *placement.Object) (region, why string) {
	c := b.Table.Column(g.column)
	if c < 0 || c >= len(o.Values) || o.Values[c].Null {
		return g.other, "no country"
	}
	country := strings.ToLower(strings.TrimSpace(o.Values[c].Text))
	if region, ok := g.regions[country]; ok {
		return region, "country " + country
	}
	return g.other, "country " + country + " has no region"
}

// place chooses among the partitions of the object's region by the object's key, so
// that the same key always gets the same one.
func (g geo) place(b *placement.Batch, o *placement.Object) placement.Placement {
	region, why := g.region(b, o)
	var candidates []placement.Partition
	for _, p := range b.Partitions {
		if region != "" && p.Labels["region"] == region && !p.Closed {
			candidates = append(candidates, p)
		}
	}
	if len(candidates) == 0 {
		if region == "" {
			return placement.Placement{Partition: o.Home, Reason: why + ": its home"}
		}
		return placement.Placement{Partition: o.Home, Reason: fmt.Sprintf("%s: region %s has no partition; its home", why, region)}
	}
	p := candidates[key(b, o)%uint64(len(candidates))]
	return placement.Placement{Partition: p.ID, Reason: fmt.Sprintf("%s: region %s", why, region)}
}

// key hashes an object's primary key.
func key(b *placement.Batch, o *placement.Object) uint64 {
	h := fnv.New64a()
	for _, name := range b.Table.Key {
		if c := b.Table.Column(name); c >= 0 && c < len(o.Values) {
			h.Write([]byte(o.Values[c].Text))
			h.Write([]byte{0})
		}
	}
	return h.Sum64()
}
