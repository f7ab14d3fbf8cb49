package server

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Builtin reports whether a policy is built in: its name is taken.
func (p *policies) Builtin(policy string) bool {
	_, ok := p.byName[policy]
	return ok
}

// Fallback checks that a policy can place a table's objects where the table's own does
// not: it is built in, and static without options.
func (p *policies) Fallback(t *catalog.Table, policy string) error {
	if p.Builtin(policy) {
		if placed, err := p.Placement(t, policy, nil); err == nil && placed.Static {
			return nil
		}
	}
	return pgerror.New(pgerror.InvalidParameterValue, "policy %q cannot be a fall-back", policy).
		WithHint("A fall-back is built in, static, and needs no options, as hash is.")
}
