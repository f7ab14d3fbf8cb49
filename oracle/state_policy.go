package oracle

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Bounds of descriptions.
const (
	maxLabels      = 64
	maxLabelLength = 200 // of a name, and of a value
	maxOptions     = 256
	maxOptionsSize = 64 << 10 // of all names and values together
)

// checkPolicy refuses descriptions that the state machine should not keep.
func checkPolicy(c *catalog.PolicyChange) error {
	if c.Policy.Name == "" || !c.Drop && c.Policy.Program == "" {
		return pgerror.New(pgerror.InternalError, "the description of a policy is incomplete")
	}
	size := len(c.Policy.Name) + len(c.Policy.Program) + len(c.Policy.SHA256)
	for name, value := range c.Policy.Options {
		size += len(name) + len(value)
	}
	if len(c.Policy.Options) > maxOptions || size > maxOptionsSize {
		return pgerror.New(pgerror.ProgramLimitExceeded, "policy \"%s\" has %d options of %d bytes", c.Policy.Name, len(c.Policy.Options), size).
			WithHint("A policy can have %d options of %d bytes together.", maxOptions, maxOptionsSize)
	}
	return nil
}

// checkLimits refuses limits that the state machine should not keep.
func checkLimits(l *catalog.PartitionLimits) error {
	if l.Capacity < 0 {
		return pgerror.New(pgerror.InvalidParameterValue, "the capacity of a partition cannot be %d bytes", l.Capacity)
	}
	if len(l.Labels) > maxLabels {
		return pgerror.New(pgerror.ProgramLimitExceeded, "a partition can have %d labels, not %d", maxLabels, len(l.Labels))
	}
	for name, value := range l.Labels {
		if len(name) > maxLabelLength || len(value) > maxLabelLength {
			return pgerror.New(pgerror.ProgramLimitExceeded, "the names and values of labels can have %d bytes, not %d", maxLabelLength, max(len(name), len(value)))
		}
	}
	return nil
}

func comparePolicy(p catalog.Policy, name string) int { return cmp.Compare(p.Name, name) }

// policy finds a policy that is a program.
func (s *state) policy(name string) (at int, found bool) {
	return slices.BinarySearchFunc(s.policies, name, comparePolicy)
}

// policyExists refuses a table whose policy is a program that the catalog does not have.
func (s *state) policyExists(p *catalog.Placement) *pgerror.Error {
	if _, found := s.policy(p.Policy); p.Program && !found {
		return noPolicy(p.Policy)
	}
	return nil
}

func noPolicy(name string) *pgerror.Error {
	return pgerror.New(pgerror.UndefinedObject, "policy \"%s\" does not exist", name)
}

func (t *tx) changePolicy(c *changePolicy) schemaAnswer {
	return t.schemaChange(c.Request, func(r *request) (busy bool) {
		name := c.Change.Policy.Name
		at, found := t.policy(name)
		if r.Err = t.refusePolicy(&c.Change, at, found); r.Err != nil {
			return false
		}
		if c.Change.Drop {
			if t.policyMayReturn(name) {
				return true
			}
			if r.Err = t.policyUsed(name); r.Err != nil {
				return false
			}
		}
		next := slices.Clone(t.policies)
		if found {
			next = slices.Delete(next, at, at+1)
		}
		key := append([]byte{keyPolicy}, name...)
		if c.Change.Drop {
			t.b.Delete(key)
		} else {
			p := c.Change.Policy
			p.Version = t.tick()
			next = slices.Insert(next, at, p)
			t.setJSON(key, &p)
		}
		t.policies = next
		t.catalog = true
		return false
	})
}

// refusePolicy refuses a change that was made from another version of the policy.
func (t *tx) refusePolicy(c *catalog.PolicyChange, at int, found bool) *pgerror.Error {
	name := c.Policy.Name
	switch {
	case found && c.Base == 0 && !c.Drop:
		return pgerror.New(pgerror.DuplicateObject, "policy \"%s\" already exists", name)
	case found && t.policies[at].Version != c.Base, !found && c.Base != 0:
		return pgerror.New(pgerror.SerializationFailure, "policy \"%s\" was changed by another statement", name)
	case !found && c.Drop:
		return noPolicy(name)
	case !found && len(t.policies) >= maxPolicies:
		return pgerror.New(pgerror.ProgramLimitExceeded, "there are %d policies already, and there can be no more", len(t.policies))
	}
	return nil
}

// policyMayReturn reports whether a change of a table that has left the policy may be
// taken back.
func (s *state) policyMayReturn(name string) bool {
	for _, j := range s.jobs {
		if j.Kind == jobAlter && j.Phase < phaseInstall && usesPolicy(j.Base, name) && !usesPolicy(j.Table, name) {
			return true
		}
	}
	return false
}

// policyUsed refuses to drop a policy that places objects of a table.
func (s *state) policyUsed(name string) *pgerror.Error {
	var tables []string
	for _, t := range s.tables {
		if usesPolicy(t, name) {
			tables = append(tables, t.Name)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	slices.Sort(tables)
	const most = 20 // that are named
	more := ""
	if len(tables) > most {
		tables, more = tables[:most], " and others"
	}
	return pgerror.New(pgerror.DependentObjectsStillExist, "cannot drop policy \"%s\" because tables are placed by it", name).
		WithDetail("Placed by it: %s%s.", strings.Join(tables, ", "), more).
		WithHint("ALTER TABLE .. SET (placement = ..) gives a table another policy.")
}

func usesPolicy(t *catalog.Table, name string) bool {
	return t.Placement.Program && t.Placement.Policy == name
}

func (t *tx) changePartition(c *changePartition) schemaAnswer {
	return t.schemaChange(c.Request, func(r *request) (busy bool) {
		next := slices.Clone(t.partitions)
		i := slices.IndexFunc(next, func(p catalog.Partition) bool { return p.ID == c.Change.Partition })
		if i < 0 {
			r.Err = pgerror.New(pgerror.UndefinedObject, "partition %d does not exist", c.Change.Partition)
			return false
		}
		if base := c.Change.Base; base != nil && !base.Equal(&next[i].PartitionLimits) {
			r.Err = pgerror.New(pgerror.SerializationFailure, "partition %d was changed by another statement", c.Change.Partition)
			return false
		}
		next[i].PartitionLimits = c.Change.Limits
		t.partitions = next
		t.catalog = true
		t.b.Set([]byte{keyCluster}, appendCluster(nil, t.partitions, t.slots))
		return false
	})
}
