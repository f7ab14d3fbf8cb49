package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/placement"
)

const (
	// placeTimeout bounds one call of a policy.
	placeTimeout = 50 * time.Millisecond
	// maxConfigured bounds the tables whose policies are kept as configured.
	maxConfigured = 4096
)

// policies fits placement policies to what the planner asks: it checks the
// placement of a table when it is declared, and has objects placed.
type policies struct {
	byName map[string]placement.Policy
	// partitions tells the load of all partitions, ascending by id.
	partitions func() []placement.Partition

	mu sync.Mutex // guards configured
	// configured holds the policy of each table as its options made it, of at most
	// maxConfigured tables.
	configured map[object.TableID]configuredPolicy
}

type configuredPolicy struct {
	version object.SchemaVersion
	policy  placement.Policy
	table   placement.Table
}

func newPolicies(all []placement.Policy, partitions func() []placement.Partition) *policies {
	p := &policies{
		byName: make(map[string]placement.Policy), partitions: partitions,
		configured: make(map[object.TableID]configuredPolicy),
	}
	for _, policy := range all {
		p.byName[policy.Name()] = policy
	}
	return p
}

// names returns the names of all policies, in order.
func (p *policies) names() []string { return slices.Sorted(maps.Keys(p.byName)) }

// Placement checks a policy's name and options for a table.
func (p *policies) Placement(t *catalog.Table, policy string, options map[string]string) (catalog.Placement, error) {
	pl := catalog.Placement{Policy: policy, Options: options}
	described := describeTable(t)
	configured, err := p.configure(policy, options, described)
	if err != nil {
		return pl, err
	}
	static, ok := configured.(placement.Static)
	if !ok {
		return pl, nil
	}
	columns, ok := static.StaticColumns(described)
	if !ok {
		return pl, nil
	}
	pl.Static = true
	for _, name := range columns {
		i := slices.IndexFunc(t.PrimaryKey, func(c int) bool { return t.Columns[c].Name == name })
		if i < 0 {
			return pl, fmt.Errorf("policy %q names %q as a static column, which is not in the primary key", policy, name)
		}
		pl.Columns = append(pl.Columns, i)
	}
	return pl, nil
}

// configure gives a policy a table's options.
func (p *policies) configure(name string, options map[string]string, t placement.Table) (placement.Policy, error) {
	policy, ok := p.byName[name]
	if !ok {
		return nil, pgerror.New(pgerror.UndefinedObject, "placement policy %q does not exist", name).
			WithHint("Policies are: %s.", strings.Join(p.names(), ", "))
	}
	c, ok := policy.(placement.Configurer)
	if !ok {
		for option := range options {
			return nil, pgerror.New(pgerror.InvalidParameterValue, "placement policy %q takes no option %q", name, option)
		}
		return policy, nil
	}
	configured, err := c.Configure(placement.Options(options), t)
	var wrong *placement.OptionError
	if errors.As(err, &wrong) {
		return nil, pgerror.New(pgerror.InvalidParameterValue, "%s", wrong.Error())
	}
	return configured, err
}

// Place has a table's policy choose partitions for new objects. Where it fails, or
// chooses one that does not exist, objects go to their homes.
func (p *policies) Place(ctx context.Context, r execute.PlaceRequest) (execute.Places, error) {
	homes := execute.Places{Partitions: r.Homes, Policy: "hash"}
	c, err := p.of(r.Table)
	if err != nil {
		homes.Notice = err.Error()
		return homes, nil
	}
	ctx, cancel := context.WithTimeout(ctx, placeTimeout)
	defer cancel()
	partitions := shifted(p.partitions(), r.Shifts)
	placed, err := c.policy.Place(ctx, &placement.Batch{
		Table: &c.table, Objects: describeObjects(r), Partitions: partitions, Hint: r.Hint, DryRun: r.DryRun,
	})
	if err != nil || len(placed) != len(r.Homes) {
		homes.Notice = fmt.Sprintf("placement policy %q failed: %v", r.Table.Placement.Policy, err)
		return homes, nil
	}
	out := execute.Places{Partitions: make([]object.PartitionID, len(placed)), Policy: r.Table.Placement.Policy, Version: c.policy.Version()}
	for i, answer := range placed {
		out.Partitions[i] = object.PartitionID(answer.Partition)
		if !slices.ContainsFunc(partitions, func(p placement.Partition) bool { return p.ID == answer.Partition }) {
			out.Partitions[i] = r.Homes[i]
			out.Notice = fmt.Sprintf("placement policy %q chose partition %d, which does not exist", r.Table.Placement.Policy, answer.Partition)
		}
	}
	return out, nil
}

// ReplaceColumns names none: no built-in policy asks again.
func (p *policies) ReplaceColumns(*catalog.Table) []int { return nil }

// Replace lets all objects stay.
func (p *policies) Replace(_ context.Context, r execute.PlaceRequest) (execute.Places, error) {
	return execute.Places{Partitions: r.Current, Policy: r.Table.Placement.Policy}, nil
}

// Allowed allows all.
func (p *policies) Allowed(*catalog.Table, object.PartitionID, int64) error { return nil }

// Check refuses all programs.
func (p *policies) Check(context.Context, catalog.Policy) error {
	return pgerror.NotSupported("a policy that is a program")
}

// of returns the policy of a table, configured once for each version of it.
func (p *policies) of(t *catalog.Table) (configuredPolicy, error) {
	p.mu.Lock()
	c, ok := p.configured[t.ID]
	p.mu.Unlock()
	if ok && c.version == t.Version {
		return c, nil
	}
	c = configuredPolicy{version: t.Version, table: describeTable(t)}
	var err error
	if c.policy, err = p.configure(t.Placement.Policy, t.Placement.Options, c.table); err != nil {
		return c, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.configured) >= maxConfigured {
		clear(p.configured)
	}
	p.configured[t.ID] = c
	return c, nil
}

func describeTable(t *catalog.Table) placement.Table {
	out := placement.Table{Name: t.Name}
	for _, c := range t.Columns {
		name := c.Name
		if c.Dropped {
			name = "" // keeps its place
		}
		out.Columns = append(out.Columns, placement.Column{Name: name, Type: c.Type.String()})
	}
	for _, i := range t.PrimaryKey {
		out.Key = append(out.Key, t.Columns[i].Name)
	}
	return out
}

// shifted adds to partitions' loads by how much a dry run would have them grow.
func shifted(partitions []placement.Partition, shifts map[object.PartitionID]int64) []placement.Partition {
	if len(shifts) == 0 {
		return partitions
	}
	partitions = slices.Clone(partitions) // they are everybody's
	for i := range partitions {
		partitions[i].Bytes += shifts[object.PartitionID(partitions[i].ID)]
	}
	return partitions
}

func describeObjects(r execute.PlaceRequest) []placement.Object {
	format := &datum.Format{}
	objects := make([]placement.Object, len(r.Rows))
	for i, row := range r.Rows {
		values := make([]placement.Value, len(row))
		for j, v := range row {
			if v.IsNull() {
				values[j].Null = true
				continue
			}
			values[j].Text = string(datum.AppendText(nil, v, r.Table.Columns[j].Type, format))
		}
		objects[i] = placement.Object{Values: values, Home: uint32(r.Homes[i])}
		if r.Current != nil {
			objects[i].Current, objects[i].Bytes = uint32(r.Current[i]), r.Bytes[i]
		}
	}
	return objects
}
