package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/plugins/placement"
)

// The options of a table.
const (
	columnOption = "tenant.column"
	bigOption    = "tenant.big"
)

// newOption is the policy's own: CREATE POLICY ... WITH (new = 'load').
const newOption = "new"

// ownLabel is the label of a partition that belongs to one tenant.
const ownLabel = "tenant"

// tenants is the policy: as it is served, and with the options of a table as it is used.
type tenants struct {
	// seen remembers the places that load has chosen; nil: load chooses none. All
	// tables share it.
	seen *seen

	name     string // of the tenant's column
	column   int
	big      map[string]uint32 // tenant -> the partition that it has to itself
	reserved []uint32          // the partitions of big
}

func newTenants() *tenants { return &tenants{name: "tenant"} }

// Name is the policy's name.
func (*tenants) Name() string { return "tenant" }

// Version is the policy's version.
func (*tenants) Version() string { return "1.0" }

// Deterministic is true unless load has a say.
func (t *tenants) Deterministic() bool { return t.seen == nil }

// Initialize reads the policy's own options.
func (t *tenants) Initialize(options placement.Options) error {
	for name, value := range options {
		switch {
		case name != newOption:
			return &placement.OptionError{Option: name, Value: value, Allowed: "the only option is " + newOption}
		case value == "load":
			t.seen = newSeen(maxSeen)
		case value != "hash":
			return &placement.OptionError{Option: name, Value: value, Allowed: "hash or load"}
		}
	}
	return nil
}

// Configure reads the options of a table.
func (t *tenants) Configure(options placement.Options, table placement.Table) (placement.Policy, error) {
	p := &tenants{seen: t.seen, name: t.name}
	for name, value := range options {
		switch name {
		case columnOption:
			p.name = value
		case bigOption:
			var ok bool
			if p.big, ok = readBig(value); !ok {
				return nil, &placement.OptionError{Option: name, Value: value, Allowed: "tenant=partition pairs, each tenant once, as in 'acme=3, globex=4'"}
			}
		default:
			return nil, &placement.OptionError{Option: name, Value: value, Allowed: columnOption + " and " + bigOption}
		}
	}
	if p.column = table.Column(p.name); p.column < 0 || p.name == "" {
		return nil, &placement.OptionError{Option: columnOption, Value: p.name, Allowed: "a column of the table"}
	}
	p.reserved = slices.Collect(maps.Values(p.big))
	return p, nil
}

// readBig reads which big tenant has which partition.
func readBig(text string) (map[string]uint32, bool) {
	big := make(map[string]uint32)
	for pair := range strings.SplitSeq(text, ",") {
		at := strings.LastIndexByte(pair, '=')
		if at < 0 {
			return nil, false
		}
		tenant := strings.TrimSpace(pair[:at])
		partition, err := strconv.ParseUint(strings.TrimSpace(pair[at+1:]), 10, 32)
		if _, twice := big[tenant]; twice || tenant == "" || err != nil || partition == 0 {
			return nil, false
		}
		big[tenant] = uint32(partition)
	}
	return big, true
}
