package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
)

// Placement knows the policies "hash", "column" (option column.columns) and
// "chosen", which World.Choose decides. It implements bind.Policies.
func (w *World) Placement(_ context.Context, t *catalog.Table, policy string, options map[string]string) (catalog.Placement, error) {
	p := catalog.Placement{Policy: policy, Options: options}
	switch policy {
	case "", "hash":
		p.Policy, p.Static = "hash", true
	case "column":
		p.Static = true
		for _, name := range strings.Split(options["column.columns"], ",") {
			at := -1
			for k, c := range t.PrimaryKey {
				if t.Columns[c].Name == strings.TrimSpace(name) {
					at = k
				}
			}
			if at < 0 {
				return p, pgerror.New(pgerror.InvalidParameterValue, "column %q is not in the key", name)
			}
			p.Columns = append(p.Columns, at)
		}
	case "chosen":
	default:
		if slices.ContainsFunc(w.Catalog().Policies, func(p catalog.Policy) bool { return p.Name == policy }) {
			p.Program = true
			return p, nil
		}
		return p, pgerror.New(pgerror.InvalidParameterValue, "unknown placement policy %q", policy)
	}
	return p, nil
}

// Builtin knows the policies of Placement that are no programs.
func (w *World) Builtin(policy string) bool {
	return policy == "hash" || policy == "column" || policy == "chosen"
}

// Fallback allows hash.
func (w *World) Fallback(_ *catalog.Table, policy string) error {
	if policy != "hash" {
		return pgerror.New(pgerror.InvalidParameterValue, "policy %q cannot be a fall-back", policy)
	}
	return nil
}

// version is that of all policies here.
const version = "1.0"

// Place asks World.Choose; objects whose answer is wrong, or not allowed, go to their
// homes, or if that is barred to any partition that is not. Where it fails, those that are
// not new stay.
func (w *World) Place(_ context.Context, r execute.PlaceRequest) (execute.Places, error) {
	if err := w.hook("place", 0); err != nil {
		return execute.Places{}, err
	}
	out := execute.Places{Partitions: slices.Clone(r.Homes), Policy: r.Table.Placement.Policy, Version: version}
	if w.Choose != nil {
		chosen, err := w.Choose(r)
		if err != nil || len(chosen) != len(r.Homes) {
			out.Policy, out.Version, out.Notice = "hash", "", "the policy failed"
			copy(out.Partitions, r.Current) // what is not new stays
		} else {
			copy(out.Partitions, chosen)
		}
	}
	snap := w.Catalog()
	for i, p := range out.Partitions {
		if snap.Partition(p) == nil {
			p = r.Homes[i]
			out.Notice = "the policy chose a partition that does not exist"
		}
		if why, ok := allowed(snap, r.Table, p); !ok {
			out.Notice = why
			if p = open(snap, r.Table); p == 0 {
				return execute.Places{}, pgerror.New(pgerror.ObjectNotInPrerequisiteState, "%s", why)
			}
		}
		out.Partitions[i] = p
	}
	out.Reasons = reasons(out.Policy, len(out.Partitions))
	return out, nil
}

func reasons(policy string, n int) []string {
	return slices.Repeat([]string{policy + " said so"}, n)
}

// allowed reports whether a partition may get objects of a table, by a snapshot's limits.
func allowed(s *catalog.Snapshot, t *catalog.Table, p object.PartitionID) (why string, ok bool) {
	if found := s.Partition(p); found != nil && t != nil {
		return t.Rules.Allows(p, &found.PartitionLimits)
	}
	return "", true
}

// open is the first partition that is allowed; 0 where none is.
func open(s *catalog.Snapshot, t *catalog.Table) object.PartitionID {
	for _, p := range s.Partitions {
		if _, ok := allowed(s, t, p.ID); ok {
			return p.ID
		}
	}
	return 0
}

// ReplaceColumns are the columns that World.Replaces names, of tables with a policy.
func (w *World) ReplaceColumns(t *catalog.Table) []int {
	var out []int
	for i := range t.Columns {
		if slices.Contains(w.Replaces, t.Columns[i].Name) {
			out = append(out, i)
		}
	}
	return out
}

// Replace asks World.Rechoose; where that fails, or is nil, all objects stay.
func (w *World) Replace(_ context.Context, r execute.PlaceRequest) (execute.Places, error) {
	if err := w.hook("replace", 0); err != nil {
		return execute.Places{}, err
	}
	out := execute.Places{Partitions: r.Current, Policy: r.Table.Placement.Policy, Version: version}
	if w.Rechoose == nil {
		return out, nil
	}
	if chosen, err := w.Rechoose(r); err == nil {
		out.Partitions, out.Reasons = chosen, reasons(out.Policy, len(chosen))
	}
	return out, nil
}

// Allowed asks the node's copy of the catalog.
func (w *World) Allowed(t *catalog.Table, p object.PartitionID, _ int64) error {
	if why, ok := allowed(w.Catalog(), t, p); !ok {
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "%s", why)
	}
	return nil
}

// Check knows all programs but "missing".
func (w *World) Check(_ context.Context, p catalog.Policy) error {
	if err := w.hook("check", 0); err != nil {
		return err
	}
	if p.Program == "missing" {
		return pgerror.New(pgerror.UndefinedObject, "there is no program %q", p.Program)
	}
	return nil
}

// ChangePolicy keeps a policy's description.
func (w *World) ChangePolicy(_ context.Context, change catalog.PolicyChange) error {
	if err := w.hook("policy", 0); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name, old := change.Policy.Name, uint64(0)
	for _, p := range w.catalog.Policies {
		if p.Name == name {
			old = p.Version
		}
	}
	switch {
	case change.Base == 0 && old != 0:
		return pgerror.New(pgerror.DuplicateObject, "policy \"%s\" already exists", name)
	case change.Base != old:
		return pgerror.New(pgerror.SerializationFailure, "policy \"%s\" has been changed", name)
	}
	for _, t := range w.catalog.Tables {
		if change.Drop && t.Placement.Policy == name {
			return pgerror.New(pgerror.DependentObjectsStillExist, "cannot drop policy \"%s\" because tables are placed by it", name).
				WithDetail("table %s is placed by it", t.Name)
		}
	}
	w.change(func(s *catalog.Snapshot) {
		s.Policies = slices.DeleteFunc(slices.Clone(s.Policies), func(p catalog.Policy) bool { return p.Name == name })
		if change.Drop {
			return
		}
		p := change.Policy
		p.Version = s.Version
		s.Policies = append(s.Policies, p)
		slices.SortFunc(s.Policies, func(a, b catalog.Policy) int { return cmp.Compare(a.Name, b.Name) })
	})
	return nil
}

// ChangePartition keeps a partition's limits.
func (w *World) ChangePartition(_ context.Context, change catalog.PartitionChange) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.catalog.Partition(change.Partition) == nil {
		return pgerror.New(pgerror.UndefinedObject, "partition %d does not exist", change.Partition)
	}
	if change.Base != nil && !change.Base.Equal(&w.catalog.Partition(change.Partition).PartitionLimits) {
		return pgerror.New(pgerror.SerializationFailure, "partition %d was changed by another statement", change.Partition)
	}
	w.change(func(s *catalog.Snapshot) {
		s.Partitions = slices.Clone(s.Partitions)
		s.Partition(change.Partition).PartitionLimits = change.Limits
	})
	return nil
}

// History is what was placed here.
func (w *World) History(_ context.Context, id object.ID) ([]catalog.Placed, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.history[id]), nil
}

// placed notes an event in an object's history; the caller holds mu.
func (w *World) placed(id object.ID, from, to object.PartitionID, by catalog.Origin) {
	w.history[id] = append(w.history[id], catalog.Placed{
		At: time.Unix(int64(w.index), 0), From: from, To: to, Origin: by, Pinned: w.pinned[id],
	})
}

// forget gives up what the directory knows of an id; the caller holds mu.
func (w *World) forget(id object.ID) {
	delete(w.directory, id)
	delete(w.pinned, id)
	delete(w.history, id)
}

// Pinned reports whether a user has moved an object by hand.
func (w *World) Pinned(id object.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pinned[id]
}
