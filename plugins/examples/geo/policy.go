package main

import (
	"context"
	"fmt"
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

// ReadColumns are the country.
func (g geo) ReadColumns(placement.Table) []string { return []string{g.column} }

// Objectwise is true: the country and the home of an object say where it goes.
func (geo) Objectwise() bool { return true }

// Place puts each object in a partition of its region.
func (g geo) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	m := g.mapOf(b)
	placed := make([]placement.Placement, len(b.Objects))
	for i := range b.Objects {
		placed[i] = m.place(&b.Objects[i])
	}
	return placed, nil
}

// ReplaceColumns asks for the object to be looked at when its country changes.
func (g geo) ReplaceColumns(placement.Table) []string { return []string{g.column} }

// Replace moves objects that are in another region than their country.
func (g geo) Replace(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	m := g.mapOf(b)
	placed := make([]placement.Placement, len(b.Objects))
	for i := range b.Objects {
		o := &b.Objects[i]
		at := slices.IndexFunc(b.Partitions, func(p placement.Partition) bool { return p.ID == o.Current })
		if region := m.country(o).region; region == "" || at >= 0 && b.Partitions[at].Labels["region"] == region {
			placed[i] = placement.Placement{Partition: o.Current, Reason: "it is in its region"}
			continue
		}
		placed[i] = m.place(o)
	}
	return placed, nil
}

// worldMap is what a batch needs to know of regions.
type worldMap struct {
	geo
	batch     *placement.Batch
	column    int                 // of the country; -1: none
	open      map[string][]uint32 // the partitions of a region that accept objects
	countries map[string]country  // that were looked up
}

// country is where the objects of a country belong.
type country struct {
	region string // empty: anywhere
	open   []uint32
	reason string
}

func (g geo) mapOf(b *placement.Batch) *worldMap {
	m := &worldMap{geo: g, batch: b, column: b.Table.Column(g.column), open: make(map[string][]uint32), countries: make(map[string]country)}
	for i := range b.Partitions {
		if p := &b.Partitions[i]; !p.Closed {
			m.open[p.Labels["region"]] = append(m.open[p.Labels["region"]], p.ID)
		}
	}
	return m
}

// country returns where an object belongs.
func (m *worldMap) country(o *placement.Object) country {
	if m.column < 0 || m.column >= len(o.Values) || o.Values[m.column].Null {
		return m.belongs(m.other, "no country")
	}
	text := o.Values[m.column].Text
	c, known := m.countries[text]
	if !known {
		name := strings.ToLower(strings.TrimSpace(text))
		if region, ok := m.regions[name]; ok {
			c = m.belongs(region, "country "+name)
		} else {
			c = m.belongs(m.other, "country "+name+" has no region")
		}
		m.countries[text] = c
	}
	return c
}

func (m *worldMap) belongs(region, why string) country {
	c := country{region: region, open: m.open[region]}
	switch {
	case region == "":
		c.open, c.reason = nil, why+": its home"
	case len(c.open) == 0:
		c.reason = fmt.Sprintf("%s: region %s has no partition; its home", why, region)
	default:
		c.reason = fmt.Sprintf("%s: region %s", why, region)
	}
	return c
}

// place leaves an object at its home where that is in its region. Otherwise the home, which is
// a hash of the key, chooses among the partitions of the region.
func (m *worldMap) place(o *placement.Object) placement.Placement {
	c := m.country(o)
	if len(c.open) == 0 || slices.Contains(c.open, o.Home) {
		return placement.Placement{Partition: o.Home, Reason: c.reason}
	}
	return placement.Placement{Partition: c.open[int(o.Home)%len(c.open)], Reason: c.reason}
}
