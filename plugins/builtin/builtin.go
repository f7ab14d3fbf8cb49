package builtin

import (
	"context"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/plugins/placement"
)

// version is that of all built-in policies.
const version = "1"

// Policies returns all built-in policies.
func Policies() []placement.Policy {
	return []placement.Policy{hash{}, column{}, list{}, ranges{}, &leastLoaded{}}
}

// checkOptions refuses options that a policy does not have.
func checkOptions(options placement.Options, known ...string) error {
	for name, value := range options {
		if !slices.Contains(known, name) {
			allowed := "this policy takes no options"
			if len(known) > 0 {
				allowed = "known options are " + strings.Join(known, ", ")
			}
			return &placement.OptionError{Option: name, Value: value, Allowed: allowed}
		}
	}
	return nil
}

// columnOption returns the index of the column that an option names.
func columnOption(options placement.Options, option string, t placement.Table) (int, error) {
	name := options[option]
	if i := t.Column(name); i >= 0 && name != "" {
		return i, nil
	}
	return 0, &placement.OptionError{Option: option, Value: name, Allowed: "the name of a column of the table"}
}

// open returns the partitions that accept new objects; all where none does.
func open(all []placement.Partition) []placement.Partition {
	var out []placement.Partition
	for _, p := range all {
		if !p.Closed {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}

// hash leaves each object at its home.
type hash struct{}

func (hash) Name() string    { return "hash" }
func (hash) Version() string { return version }

func (h hash) Configure(options placement.Options, _ placement.Table) (placement.Policy, error) {
	return h, checkOptions(options)
}

func (hash) StaticColumns(placement.Table) ([]string, bool) { return nil, true }

func (hash) ReadColumns(placement.Table) []string { return nil }

func (hash) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	out := make([]placement.Placement, len(b.Objects))
	for i, o := range b.Objects {
		out[i] = placement.Placement{Partition: o.Home, Reason: "hash of the key"}
	}
	return out, nil
}

// column keeps objects with the same values of some columns together.
type column struct {
	columns []string
	indexes []int
}

const columnsOption = "placement.columns"

func (column) Name() string    { return "column" }
func (column) Version() string { return version }

func (column) Configure(options placement.Options, t placement.Table) (placement.Policy, error) {
	if err := checkOptions(options, columnsOption); err != nil {
		return nil, err
	}
	var c column
	for name := range strings.SplitSeq(options[columnsOption], ",") {
		name = strings.TrimSpace(name)
		i := t.Column(name)
		if i < 0 || name == "" || slices.Contains(c.columns, name) {
			return nil, &placement.OptionError{Option: columnsOption, Value: options[columnsOption],
				Allowed: "names of columns of the table, separated by commas"}
		}
		c.columns, c.indexes = append(c.columns, name), append(c.indexes, i)
	}
	return c, nil
}

func (c column) StaticColumns(t placement.Table) ([]string, bool) {
	for _, name := range c.columns {
		if !t.InKey(name) {
			return nil, false
		}
	}
	return c.columns, len(c.columns) > 0
}

func (c column) ReadColumns(placement.Table) []string { return c.columns }

func (c column) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	out := make([]placement.Placement, len(b.Objects))
	partitions := open(b.Partitions)
	for i, o := range b.Objects {
		h := fnv.New64a()
		for _, j := range c.indexes {
			v := o.Values[j]
			if v.Null {
				_, _ = h.Write([]byte{0})
				continue
			}
			_, _ = h.Write([]byte{1})
			_, _ = h.Write([]byte(v.Text))
			_, _ = h.Write([]byte{0})
		}
		out[i] = placement.Placement{
			Partition: partitions[h.Sum64()%uint64(len(partitions))].ID,
			Reason:    "same " + strings.Join(c.columns, ", "),
		}
	}
	return out, nil
}
