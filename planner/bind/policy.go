package bind

import (
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// createPolicy binds CREATE POLICY.
func (b *binder) createPolicy(s *ast.CreatePolicy) (*plan.Plan, error) {
	if b.builtin(s.Name.Name) {
		return nil, pgerror.New(pgerror.DuplicateObject, "policy %q already exists", s.Name.Name).WithDetail("It is built in.")
	}
	if b.policy(s.Name.Name) != nil {
		return nil, pgerror.New(pgerror.DuplicateObject, "policy %q already exists", s.Name.Name)
	}
	p := catalog.Policy{Name: s.Name.Name}
	if err := setProgram(&p, &s.Program); err != nil {
		return nil, err
	}
	if err := setPolicyOptions(&p, s.Options); err != nil {
		return nil, err
	}
	return &plan.Plan{Tag: "CREATE POLICY", Root: &plan.ChangePolicy{Change: catalog.PolicyChange{Policy: p}}}, nil
}

// alterPolicy binds ALTER POLICY.
func (b *binder) alterPolicy(s *ast.AlterPolicy) (*plan.Plan, error) {
	base, err := b.existingPolicy(s.Name)
	if err != nil {
		return nil, err
	}
	p := *base
	p.Options = maps.Clone(p.Options)
	if s.Program != nil {
		if err := setProgram(&p, s.Program); err != nil {
			return nil, err
		}
		p.SHA256 = "" // that of the program that was
	}
	if s.Reset {
		err = eachOption(s.Options, func(o *option) error {
			switch o.Name {
			case "sha256":
				p.SHA256 = ""
			case "plain_text":
				p.PlainText = false
			default:
				delete(p.Options, o.Name)
			}
			return nil
		})
	} else {
		err = setPolicyOptions(&p, s.Options)
	}
	if err != nil {
		return nil, err
	}
	return &plan.Plan{Tag: "ALTER POLICY", Root: &plan.ChangePolicy{Change: catalog.PolicyChange{Base: base.Version, Policy: p}}}, nil
}

// dropPolicy binds DROP POLICY. Whether tables use it is the oracle's to say.
func (b *binder) dropPolicy(s *ast.DropPolicy) (*plan.Plan, error) {
	out := &plan.ChangePolicy{Change: catalog.PolicyChange{Policy: catalog.Policy{Name: s.Name.Name}, Drop: true}}
	base, err := b.existingPolicy(s.Name)
	switch e := pgerror.As(err); {
	case s.IfExists && e != nil && e.Code == pgerror.UndefinedObject:
		out.Missing = true
	case err != nil:
		return nil, err
	default:
		out.Change.Base, out.Change.Policy = base.Version, *base
	}
	return &plan.Plan{Tag: "DROP POLICY", Root: out}, nil
}

func (b *binder) builtin(policy string) bool {
	return b.config.Policies != nil && b.config.Policies.Builtin(policy)
}

// policy finds a policy that is a program; nil if there is none of that name.
func (b *binder) policy(name string) *catalog.Policy {
	all := b.config.Catalog.Policies
	if i := slices.IndexFunc(all, func(p catalog.Policy) bool { return p.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// existingPolicy finds a policy that a statement changes.
func (b *binder) existingPolicy(name ast.Ident) (*catalog.Policy, error) {
	if b.builtin(name.Name) {
		return nil, pgerror.New(pgerror.WrongObjectType, "policy %q is built in", name.Name).
			WithDetail("Only policies that CREATE POLICY has made can be changed or dropped.")
	}
	if p := b.policy(name.Name); p != nil {
		return p, nil
	}
	return nil, pgerror.New(pgerror.UndefinedObject, "policy %q does not exist", name.Name)
}

// setProgram sets a policy's program: the name of a file, without a folder.
func setProgram(p *catalog.Policy, l *ast.Literal) error {
	if l.Text == "" || strings.HasPrefix(l.Text, ".") || strings.ContainsAny(l.Text, `/\`) {
		return pgerror.New(pgerror.InvalidParameterValue, "%q is not the name of a policy's program", l.Text).
			WithHint("It is the name of a file in the folder of plugins of each node.").At(l.Position())
	}
	p.Program = l.Text
	return nil
}

// setPolicyOptions merges options with those that a policy has. It may write to
// p.Options.
func setPolicyOptions(p *catalog.Policy, list []ast.Option) error {
	return eachOption(list, func(o *option) (err error) {
		switch o.Name {
		case "sha256":
			p.SHA256 = strings.ToLower(o.text)
			if sum, err := hex.DecodeString(p.SHA256); err != nil || len(sum) != 32 {
				return o.invalid("").WithHint("A SHA-256 is 64 hexadecimal digits.")
			}
		case "plain_text":
			p.PlainText, err = o.bool()
		default:
			if p.Options == nil {
				p.Options = make(map[string]string)
			}
			p.Options[o.Name] = o.text
		}
		return err
	})
}

// alterPartition binds ALTER PARTITION.
func (b *binder) alterPartition(s *ast.AlterPartition) (*plan.Plan, error) {
	n, err := strconv.ParseUint(s.Partition.Text, 10, 32)
	p := b.config.Catalog.Partition(object.PartitionID(n))
	if err != nil || p == nil {
		return nil, pgerror.New(pgerror.InvalidParameterValue, "partition %s does not exist", s.Partition.Text).
			WithHint("SELECT partition FROM ssmr.partitions lists them.").At(s.Partition.Position())
	}
	limits := p.PartitionLimits
	change := func(o *option) error { return setLimit(&limits, o) }
	if s.Reset {
		change = func(o *option) error { return resetLimit(&limits, o) }
	}
	if err := eachOption(s.Options, change); err != nil {
		return nil, err
	}
	return &plan.Plan{Tag: "ALTER PARTITION",
		Root: &plan.ChangePartition{Change: catalog.PartitionChange{Partition: p.ID, Base: &p.PartitionLimits, Limits: limits}}}, nil
}

func setLimit(l *catalog.PartitionLimits, o *option) (err error) {
	switch o.Name {
	case "labels":
		l.Labels, err = o.labels()
	case "capacity":
		l.Capacity, err = o.bytes()
	case "accepting":
		var accepting bool
		accepting, err = o.bool()
		l.Closed = !accepting
	default:
		err = unknownLimit(o)
	}
	return err
}

func resetLimit(l *catalog.PartitionLimits, o *option) error {
	switch o.Name {
	case "labels":
		l.Labels = nil
	case "capacity":
		l.Capacity = 0
	case "accepting":
		l.Closed = false
	default:
		return unknownLimit(o)
	}
	return nil
}

func unknownLimit(o *option) error {
	return o.unknown().WithHint("A partition's options are labels, capacity and accepting.")
}

// placementHistory binds SHOW PLACEMENT HISTORY.
func (b *binder) placementHistory(s *ast.ShowPlacementHistory) (*plan.Plan, error) {
	found, err := b.lookup(s.Table.Name)
	if err != nil {
		return nil, err
	}
	t := found.table
	if t == nil {
		return nil, pgerror.New(pgerror.WrongObjectType, "%q has no objects that have places", qualified(s.Table.Name)).
			At(s.Table.Position())
	}
	b.use(t)
	r, err := tableRelation(t, &s.Table, 0)
	if err != nil {
		return nil, err
	}
	where, err := b.condition(s.Where, "WHERE", &place{clause: "WHERE", scope: &scope{relations: []*relation{r}}})
	if err != nil {
		return nil, err
	}
	h := &plan.PlacementHistory{Table: t}
	h.Access, where, err = access(t, where)
	if err != nil {
		return nil, err
	}
	if where != nil || !h.Access.Single() {
		return nil, pgerror.NotSupported("SHOW PLACEMENT HISTORY of anything but one object by its primary key").
			WithHint("WHERE has to say the values of %s, and nothing else.", keyNames(t)).At(start(s.Where))
	}
	columns := make([]session.Column, len(plan.HistoryColumns))
	for i, c := range plan.HistoryColumns {
		columns[i] = session.Column{Name: c.Name, Type: c.Type}
	}
	return &plan.Plan{Tag: "SHOW", Columns: columns, Reads: true, Cacheable: true, Root: &plan.Query{Stage: h}}, nil
}

// keyNames are the columns of a table's key, with commas between them.
func keyNames(t *catalog.Table) string {
	names := make([]string, len(t.PrimaryKey))
	for i, c := range t.PrimaryKey {
		names[i] = t.Columns[c].Name
	}
	return strings.Join(names, ", ")
}
