package bind

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// placing is what the options of a table say of the places of its objects. Those with
// a dot in their names are the policy's own.
type placing struct {
	policy  string
	options map[string]string // not changed, but replaced
	rules   catalog.Rules
	placed  bool // the policy or its options were changed
}

// rules are the options that hold whatever the policy says, in their order for people.
var rules = []string{"require", "fallback", "move_limit", "move_bytes_limit", "move_cooldown"}

// ignored are the options that tell PostgreSQL how to store rows, and mean nothing here.
func ignored(name string) bool {
	return strings.HasPrefix(name, "toast.") || name == "fillfactor" || strings.HasPrefix(name, "autovacuum_")
}

func unknownTableOption(o *option) error {
	return o.unknown().WithHint("Options are placement, %s, and a placement's own, which have a dot in their names.", strings.Join(rules, ", "))
}

// set takes the options of WITH (...) and SET (...). A new policy begins without
// options.
func (p *placing) set(list []ast.Option) error {
	p.options = maps.Clone(p.options)
	if slices.ContainsFunc(list, func(o ast.Option) bool { return o.Name == "placement" }) {
		p.options = nil
	}
	return eachOption(list, func(o *option) error {
		switch {
		case o.Name == "placement":
			p.policy, p.placed = o.text, true
		case ignored(o.Name):
		case strings.Contains(o.Name, "."):
			if p.options == nil {
				p.options = make(map[string]string)
			}
			p.options[o.Name], p.placed = o.text, true
		default:
			return p.setRule(o)
		}
		return nil
	})
}

func (p *placing) setRule(o *option) (err error) {
	switch o.Name {
	case "require":
		p.rules.Require, err = o.labels()
	case "fallback":
		p.rules.Fallback = o.text
	case "move_limit":
		p.rules.Budget.Moves, err = o.count()
	case "move_bytes_limit":
		p.rules.Budget.Bytes, err = o.bytes()
	case "move_cooldown":
		p.rules.Budget.Cooldown, err = o.span()
	default:
		err = unknownTableOption(o)
	}
	return err
}

// labels reads 'region=eu, disk=ssd'; nil where there are none.
func (o *option) labels() (map[string]string, error) {
	labels, err := catalog.ParseLabels(o.text)
	if err != nil {
		return nil, o.invalid("").WithDetail("%v.", err)
	}
	if len(labels) == 0 {
		return nil, nil
	}
	return labels, nil
}

// reset takes the options of RESET (...): they are as if they had never been set.
func (p *placing) reset(list []ast.Option) error {
	p.options = maps.Clone(p.options)
	return eachOption(list, func(o *option) error {
		switch o.Name {
		case "placement":
			p.policy, p.options, p.placed = "hash", nil, true
		case "require":
			p.rules.Require = nil
		case "fallback":
			p.rules.Fallback = ""
		case "move_limit":
			p.rules.Budget.Moves = 0
		case "move_bytes_limit":
			p.rules.Budget.Bytes = 0
		case "move_cooldown":
			p.rules.Budget.Cooldown = 0
		default:
			switch {
			case ignored(o.Name):
			case !strings.Contains(o.Name, "."):
				return unknownTableOption(o)
			default:
				delete(p.options, o.Name)
				p.placed = true
			}
		}
		return nil
	})
}

// place has a table's policy and its rules checked, and gives it its placement.
func (b *binder) place(ctx context.Context, t *catalog.Table, policy string, options map[string]string) error {
	if len(options) == 0 {
		options = nil
	}
	var err error
	if t.Placement, err = b.placement(ctx, t, policy, options); err != nil {
		return err
	}
	return b.checkRules(t)
}

func (b *binder) placement(ctx context.Context, t *catalog.Table, policy string, options map[string]string) (catalog.Placement, error) {
	if b.config.Policies != nil {
		return b.config.Policies.Placement(ctx, t, policy, options)
	}
	if policy == "hash" && len(options) == 0 {
		return catalog.Placement{Policy: "hash", Static: true}, nil
	}
	return catalog.Placement{}, pgerror.New(pgerror.UndefinedObject, "placement policy %q does not exist", policy)
}

// checkRules checks that a table's rules can be kept with its placement. The home of
// a static table's objects follows from their keys, whatever labels its partition has.
func (b *binder) checkRules(t *catalog.Table) error {
	if len(t.Rules.Require) > 0 && t.Placement.Static {
		return pgerror.NotSupported("require of a table whose placement is static").
			WithHint("Use a placement whose policy chooses a partition for each object, as placement = 'least_loaded' does.")
	}
	if t.Rules.Fallback != "" && b.config.Policies != nil {
		return b.config.Policies.Fallback(t, t.Rules.Fallback)
	}
	return nil
}
