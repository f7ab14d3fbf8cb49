package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

// described is a table as policies see it.
type described struct {
	version object.SchemaVersion
	table   placement.Table
	builtin placement.Policy // as the table's options make it; nil: a program places it
}

// replaced says which updates of a table its policy, a program, wants to hear of.
type replaced struct {
	version    object.SchemaVersion
	generation uint64 // of the program
	columns    []int
	failed     time.Time // when the program could not say so
}

const (
	// configurePause lies between two rounds of asking programs about tables.
	configurePause = 100 * time.Millisecond
	// configureAgain is when a program is asked again that could not say.
	configureAgain = 5 * time.Second
)

// Placement checks a policy's name and options for a table. A program is waited for, up
// to Config.StartTimeout.
func (r *Registry) Placement(ctx context.Context, t *catalog.Table, policy string, options map[string]string) (catalog.Placement, error) {
	if b := r.builtin[policy]; b != nil {
		return ofBuiltin(b.policy, t, options)
	}
	err := r.ofProgram(ctx, t, policy, options)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return catalog.Placement{Policy: policy, Options: options, Program: true}, err
}

// ofBuiltin is the placement of a table by a policy that is built in.
func ofBuiltin(policy placement.Policy, t *catalog.Table, options map[string]string) (catalog.Placement, error) {
	pl, table := catalog.Placement{Policy: policy.Name(), Options: options}, describeTable(t)
	configured, err := configure(policy, options, table)
	if err != nil {
		return pl, err
	}
	static, ok := configured.(placement.Static)
	if !ok {
		return pl, nil
	}
	columns, ok := static.StaticColumns(table)
	if !ok {
		return pl, nil
	}
	pl.Static = true
	for _, name := range columns {
		i := slices.IndexFunc(t.PrimaryKey, func(c int) bool { return t.Columns[c].Name == name })
		if i < 0 {
			return pl, fmt.Errorf("policy %q names %q as a static column, which is not in the primary key", pl.Policy, name)
		}
		pl.Columns = append(pl.Columns, i)
	}
	return pl, nil
}

// Builtin reports whether a policy is built in: its name is taken.
func (r *Registry) Builtin(policy string) bool { return r.builtin[policy] != nil }

// Fallback checks that a policy can place a table's objects where the table's own does
// not: it is built in, and static without options.
func (r *Registry) Fallback(t *catalog.Table, policy string) error {
	if b := r.builtin[policy]; b != nil {
		if placed, err := ofBuiltin(b.policy, t, nil); err == nil && placed.Static {
			return nil
		}
	}
	return pgerror.New(pgerror.InvalidParameterValue, "policy %q cannot be a fall-back", policy).
		WithHint("A fall-back is built in, static, and needs no options, as hash is.")
}

// ofProgram has a program check the options of a table.
func (r *Registry) ofProgram(ctx context.Context, t *catalog.Table, policy string, options map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.StartTimeout)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	p := r.find(ctx, policy)
	if p == nil {
		return r.unknown(policy)
	}
	plugin, err := p.ready(ctx)
	if plugin == nil {
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "placement policy %q does not run on this node", policy).
			WithDetail("%v", err).WithHint("See ssmr.policies for the nodes that it runs on.")
	}
	names, err := plugin.Configure(ctx, placement.Options(options), describeTable(t))
	if wrong := optionError(err); wrong != nil {
		return wrong
	}
	if err == nil {
		_, err = columnsOf(t, names)
	}
	if err != nil {
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "placement policy %q does not accept the table", policy).WithDetail("%v", err)
	}
	return nil
}

// columnsOf finds columns by their names.
func columnsOf(t *catalog.Table, names []string) ([]int, error) {
	var out []int
	for _, name := range names {
		i := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return c.Name == name && !c.Dropped })
		if i < 0 {
			return nil, fmt.Errorf("it wants to hear of updates of column %q, which the table does not have", host.Clip(name, 100))
		}
		out = append(out, i)
	}
	return out, nil
}

// configure gives a built-in policy a table's options.
func configure(policy placement.Policy, options map[string]string, t placement.Table) (placement.Policy, error) {
	c, ok := policy.(placement.Configurer)
	if !ok {
		for option := range options {
			return nil, pgerror.New(pgerror.InvalidParameterValue, "placement policy %q takes no option %q", policy.Name(), option)
		}
		return policy, nil
	}
	configured, err := c.Configure(placement.Options(options), t)
	if wrong := optionError(err); wrong != nil {
		return nil, wrong
	}
	return configured, err
}

// describe returns a table as policies see it, made once for each version of it.
func (r *Registry) describe(t *catalog.Table) (*described, error) {
	r.mu.RLock()
	d := r.tables[t.ID]
	r.mu.RUnlock()
	if d != nil && d.version == t.Version {
		return d, nil
	}
	d = &described{version: t.Version, table: describeTable(t)}
	if !t.Placement.Program {
		b := r.builtin[t.Placement.Policy]
		if b == nil {
			return nil, r.unknown(t.Placement.Policy)
		}
		var err error
		if d.builtin, err = configure(b.policy, t.Placement.Options, d.table); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tables) >= maxTables {
		clear(r.tables)
	}
	r.tables[t.ID] = d
	return d, nil
}

// ReplaceColumns are the columns whose update makes the table's policy be asked again,
// as far as its program has said; those of an older version meanwhile. Where a program
// that runs has said nothing yet, all columns are: Replace finds out.
func (r *Registry) ReplaceColumns(t *catalog.Table) []int {
	if !t.Placement.Program {
		return nil
	}
	r.mu.RLock()
	c, p := r.columns[t.ID], r.programs[t.Placement.Policy]
	r.mu.RUnlock()
	if c == nil || c.version != t.Version {
		r.nudge()
	}
	switch {
	case c != nil:
		return c.columns
	case p == nil || !p.runs():
		return nil
	}
	all := make([]int, len(t.Columns))
	for i := range all {
		all[i] = i
	}
	return all
}

// replaces reports whether the table's policy, where it is a program, wants to be asked
// again at all.
func (r *Registry) replaces(t *catalog.Table) bool {
	if !t.Placement.Program {
		return true
	}
	r.configureTable(t)
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := r.columns[t.ID]
	return c == nil || len(c.columns) > 0
}

// configureTables asks programs about tables whenever either is new.
func (r *Registry) configureTables() {
	for {
		select {
		case <-r.kick:
		case <-time.After(configureAgain):
		case <-r.ctx.Done():
			return
		}
		for _, t := range r.deps.Catalog.Catalog().Tables {
			if t.Placement.Program {
				r.configureTable(t)
			}
		}
		select {
		case <-time.After(configurePause):
		case <-r.ctx.Done():
			return
		}
	}
}

// configureTable asks a program which updates of a table it wants to hear of.
func (r *Registry) configureTable(t *catalog.Table) {
	p := r.program(t.Placement.Policy)
	if p == nil {
		return
	}
	p.mu.Lock()
	plugin, generation := p.plugin, p.running.Version
	p.mu.Unlock()
	r.mu.RLock()
	known := r.columns[t.ID]
	r.mu.RUnlock()
	if plugin == nil || known != nil && known.version == t.Version && known.generation == generation &&
		(known.failed.IsZero() || time.Since(known.failed) < configureAgain) {
		return
	}
	now := &replaced{version: t.Version, generation: generation}
	names, err := plugin.Configure(r.ctx, placement.Options(t.Placement.Options), describeTable(t))
	if err == nil {
		now.columns, err = columnsOf(t, names)
	}
	if err != nil {
		if r.ctx.Err() != nil {
			return
		}
		if now.failed = time.Now(); known != nil {
			now.columns = known.columns
		}
		r.log.Warn("a placement policy does not say which updates it wants to hear of", "policy", p.name, "table", t.Name, "reason", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.columns) >= maxTables {
		clear(r.columns)
	}
	r.columns[t.ID] = now
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

// describeObjects are the objects of a request as policies see them.
func describeObjects(r *execute.PlaceRequest) []placement.Object {
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
