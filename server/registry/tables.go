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
	reads   []int            // the columns whose values that looks at, ascending; nil: all
}

// accepted says which columns of a table its policy, a program, wants to hear of.
type accepted struct {
	version    object.SchemaVersion
	by         host.ProgramID
	replace    []int     // whose updates it hears of
	reads      []int     // whose values it gets, ascending; nil: all
	objectwise bool      // an answer of Place may be given again for the same values
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
	_, err = acceptedBy(ctx, plugin, t, options)
	if wrong := optionError(err); wrong != nil {
		return wrong
	}
	if err != nil {
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "placement policy %q does not accept the table", policy).WithDetail("%v", err)
	}
	return nil
}

// columnsOf finds columns by their names; none are not nil.
func columnsOf(t *catalog.Table, names []string) ([]int, error) {
	out := make([]int, 0, len(names))
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
		if reader, ok := d.builtin.(placement.Reader); ok {
			if d.reads, err = columnsOf(t, reader.ReadColumns(d.table)); err != nil {
				return nil, err
			}
			slices.Sort(d.reads)
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
	c, p := r.accepted[t.ID], r.programs[t.Placement.Policy]
	r.mu.RUnlock()
	if c == nil || c.version != t.Version {
		r.nudge()
	}
	switch {
	case c != nil:
		return c.replace
	case p == nil || !p.runs():
		return nil
	}
	return count(len(t.Columns))
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
	c := r.accepted[t.ID]
	return c == nil || len(c.replace) > 0
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

// configureTable asks a program which columns of a table it wants to hear of.
func (r *Registry) configureTable(t *catalog.Table) {
	p := r.program(t.Placement.Policy)
	if p == nil {
		return
	}
	p.mu.Lock()
	plugin := p.plugin
	p.mu.Unlock()
	if plugin == nil {
		return
	}
	r.mu.RLock()
	known := r.accepted[t.ID]
	r.mu.RUnlock()
	running := plugin.Running()
	if running == 0 || known != nil && known.version == t.Version && known.by == running &&
		(known.failed.IsZero() || time.Since(known.failed) < configureAgain) {
		return
	}
	now, err := acceptedBy(r.ctx, plugin, t, t.Placement.Options)
	if err != nil {
		if r.ctx.Err() != nil {
			return
		}
		now = &accepted{version: t.Version, by: running, failed: time.Now()}
		if known != nil {
			now.replace = known.replace
		}
		r.log.Warn("a placement policy does not say which columns of a table it wants to hear of", "policy", p.name, "table", t.Name, "reason", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.accepted) >= maxTables {
		clear(r.accepted)
	}
	r.accepted[t.ID] = now
}

// acceptedBy has the program that runs check the options of a table.
func acceptedBy(ctx context.Context, plugin *host.Plugin, t *catalog.Table, options map[string]string) (*accepted, error) {
	table := describeTable(t)
	said, err := plugin.Configure(ctx, placement.Options(options), table)
	if err != nil {
		return nil, err
	}
	out := &accepted{version: t.Version, by: said.By, objectwise: said.Objectwise}
	if out.replace, err = columnsOf(t, said.ReplaceColumns); err != nil {
		return nil, err
	}
	out.reads, err = said.Reads(&table)
	return out, err
}

// reads returns what the program that runs has said of the columns that it reads; nil where it
// has not, or wants all.
func (r *Registry) reads(t *catalog.Table, plugin *host.Plugin) *accepted {
	r.mu.RLock()
	a := r.accepted[t.ID]
	r.mu.RUnlock()
	switch {
	case a == nil, a.version != t.Version, a.by != plugin.Running():
		r.nudge()
		return nil
	case a.reads == nil:
		return nil
	}
	return a
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

// describeObjects are the objects of a request as policies see them, with the values of some
// columns, ascending, of all where that is nil; those at some indexes, all where that is nil.
func describeObjects(r *execute.PlaceRequest, columns, at []int) []placement.Object {
	if columns == nil {
		columns = count(len(r.Table.Columns))
	}
	if at == nil {
		at = count(len(r.Rows))
	}
	format, n := &datum.Format{}, 0
	if len(columns) > 0 {
		n = columns[len(columns)-1] + 1 // values behind the last one are not looked at
	}
	objects, all := make([]placement.Object, len(at)), make([]placement.Value, n*len(at))
	for o, i := range at {
		row, values := r.Rows[i], all[o*n:(o+1)*n:(o+1)*n]
		for _, c := range columns {
			if c >= len(row) || row[c].IsNull() {
				values[c].Null = true
				continue
			}
			values[c].Text = datum.TextOf(row[c], r.Table.Columns[c].Type, format)
		}
		objects[o] = placement.Object{Values: values, Home: uint32(r.Homes[i])}
		if r.Current != nil {
			objects[o].Current, objects[o].Bytes = uint32(r.Current[i]), r.Bytes[i]
		}
	}
	return objects
}

// count counts from 0.
func count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
