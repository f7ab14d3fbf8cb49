package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// geoPolicy describes a policy that is a program.
func geoPolicy() catalog.Policy {
	return catalog.Policy{Name: "geo", Program: "geo-policy", SHA256: "ab", Options: map[string]string{"map": "de=1"}}
}

// placedBy describes a table that a program places.
func placedBy(name, policy string) catalog.TableSpec {
	spec := tableSpec(name, false)
	spec.Table.Placement = catalog.Placement{Policy: policy, Program: true, Options: map[string]string{"geo.map": "x"}}
	spec.Table.Rules = catalog.Rules{Require: map[string]string{"region": "eu"}, Fallback: "hash", Budget: catalog.Budget{Moves: 7, Cooldown: 60}}
	return spec
}

func policyNames(snap *catalog.Snapshot) []string {
	var names []string
	for _, p := range snap.Policies {
		names = append(names, p.Name)
	}
	return names
}

func TestPoliciesAreMadeReplacedAndDropped(t *testing.T) {
	o := startOracle(t)
	change := func(c catalog.PolicyChange) error { return o.cache.ChangePolicy(o.ctx(), c) }
	if err := change(catalog.PolicyChange{Policy: geoPolicy()}); err != nil {
		t.Fatal(err)
	}
	made := o.cache.Catalog().Policies[0]
	want := geoPolicy()
	if want.Version = made.Version; made.Version == 0 || !reflect.DeepEqual(made, want) {
		t.Fatalf("the catalog says %+v", made)
	}
	if err := change(catalog.PolicyChange{Policy: geoPolicy()}); sqlState(err) != pgerror.DuplicateObject {
		t.Errorf("a second one of the name: %v, want 42710", err)
	}
	other := geoPolicy()
	other.Name = "abc"
	if err := change(catalog.PolicyChange{Policy: other}); err != nil {
		t.Fatal(err)
	}
	if got := policyNames(o.cache.Catalog()); !slices.Equal(got, []string{"abc", "geo"}) {
		t.Errorf("policies %v, want them by name", got)
	}
	next := geoPolicy()
	next.Program = "geo-policy-v2"
	if err := change(catalog.PolicyChange{Base: made.Version, Policy: next}); err != nil {
		t.Fatal(err)
	}
	replaced := o.cache.Catalog().Policies[1]
	if replaced.Program != "geo-policy-v2" || replaced.Version <= made.Version {
		t.Errorf("replaced by %+v", replaced)
	}
	for _, drop := range []bool{false, true} {
		if err := change(catalog.PolicyChange{Base: made.Version, Policy: next, Drop: drop}); sqlState(err) != pgerror.SerializationFailure {
			t.Errorf("a change of an old version (drop %v): %v, want 40001", drop, err)
		}
	}
	if err := change(catalog.PolicyChange{Policy: catalog.Policy{Name: "no"}, Drop: true}); sqlState(err) != pgerror.UndefinedObject {
		t.Errorf("dropping what there is not: %v, want 42704", err)
	}
	o.changeLeader()
	if err := change(catalog.PolicyChange{Base: replaced.Version, Policy: next, Drop: true}); err != nil {
		t.Fatal(err)
	}
	if got := policyNames(o.cache.Catalog()); !slices.Equal(got, []string{"abc"}) {
		t.Errorf("policies %v after one was dropped", got)
	}
}

// A policy that places objects of a table is not dropped, and a table is not made with a
// policy that was.
func TestPolicyAndItsTables(t *testing.T) {
	o := startOracle(t)
	if _, _, err := o.cache.CreateTable(o.ctx(), placedBy("t", "geo")); sqlState(err) != pgerror.UndefinedObject {
		t.Fatalf("a table of a policy that there is not: %v, want 42704", err)
	}
	if err := o.cache.ChangePolicy(o.ctx(), catalog.PolicyChange{Policy: geoPolicy()}); err != nil {
		t.Fatal(err)
	}
	d, _, err := o.cache.CreateTable(o.ctx(), placedBy("t", "geo"))
	if err != nil {
		t.Fatal(err)
	}
	if want := placedBy("t", "geo").Table; !reflect.DeepEqual(d.Rules, want.Rules) || !reflect.DeepEqual(d.Placement, want.Placement) {
		t.Errorf("rules %+v, placement %+v", d.Rules, d.Placement)
	}
	drop := catalog.PolicyChange{Base: o.cache.Catalog().Policies[0].Version, Policy: geoPolicy(), Drop: true}
	if err := o.cache.ChangePolicy(o.ctx(), drop); sqlState(err) != pgerror.DependentObjectsStillExist || !strings.Contains(pgerror.As(err).Detail, "t") {
		t.Errorf("dropping a policy in use: %v, want 2BP01", err)
	}
	next := *d
	next.Rules = catalog.Rules{Require: map[string]string{"disk": "ssd"}}
	if d, err = o.cache.AlterTable(o.ctx(), catalog.Change{Base: refOf(d), Table: &next}); err != nil || !reflect.DeepEqual(d.Rules, next.Rules) {
		t.Fatalf("altered rules: %+v, %v", d, err)
	}
	o.everyPartitionHas(d)
	next = *d
	next.Placement = catalog.Placement{Policy: "other", Program: true}
	if _, err := o.cache.AlterTable(o.ctx(), catalog.Change{Base: refOf(d), Table: &next}); sqlState(err) != pgerror.UndefinedObject {
		t.Errorf("altered to a policy that there is not: %v, want 42704", err)
	}
	next.Placement = catalog.Placement{Policy: "list"}
	if _, err := o.cache.AlterTable(o.ctx(), catalog.Change{Base: refOf(d), Table: &next}); err != nil {
		t.Fatal(err)
	}
	if err := o.cache.ChangePolicy(o.ctx(), drop); err != nil {
		t.Errorf("dropping a policy that has no table any more: %v", err)
	}
}

// While a change may be taken back, the policy that the table had waits for it.
func TestDropOfAPolicyWaitsForChanges(t *testing.T) {
	w := newWorld(t)
	w.group.apply(&changePolicy{Request: RequestID{50}, Change: catalog.PolicyChange{Policy: geoPolicy()}})
	w.group.apply(&createTable{Request: RequestID{51}, Spec: placedBy("p", "geo")})
	snap := w.group.machine.Snapshot()
	d := snap.ByName["p"]
	next := *d
	next.Placement = catalog.Placement{Policy: "list"}
	w.group.apply(&alterTable{Request: RequestID{52}, Change: catalog.Change{Base: refOf(d), Table: &next, NotNull: []int{1}}})
	drop := &changePolicy{Request: RequestID{53}, Change: catalog.PolicyChange{Base: snap.Policies[0].Version, Policy: geoPolicy(), Drop: true}}
	if got := w.group.apply(drop)[0].(schemaAnswer); !got.busy {
		t.Errorf("before the change has ended: %+v, want busy", got)
	}
	job := w.alterJob()
	w.group.apply(&advance{Job: job.ID, From: job.Phase, Err: pgerror.New(pgerror.NotNullViolation, "no")})
	if got := w.group.apply(drop)[0].(schemaAnswer); got.busy || got.request.Err == nil || got.request.Err.Code != pgerror.DependentObjectsStillExist {
		t.Errorf("after it was taken back: %+v, want 2BP01", got)
	}
	w.group.restart()
	if got := w.group.apply(drop)[0].(schemaAnswer); got.request.Err == nil || got.request.Err.Code != pgerror.DependentObjectsStillExist {
		t.Errorf("the same request again: %+v, want its first answer", got)
	}
}

// However a policy is dropped while tables are made and altered: no table has a policy that
// there is not.
func TestRaceDropOfAPolicyAndItsTables(t *testing.T) {
	o := startOracle(t)
	ends := make(map[string]int)
	for round := range 30 {
		if err := o.cache.ChangePolicy(o.ctx(), catalog.PolicyChange{Policy: geoPolicy()}); err != nil {
			t.Fatal(err)
		}
		policies := o.cache.Catalog().Policies
		var wg sync.WaitGroup
		ctx, plain := o.ctx(), tableSpec(fmt.Sprint("plain", round), false)
		base, _, err := o.cache.CreateTable(ctx, plain)
		if err != nil {
			t.Fatal(err)
		}
		var made, altered, dropped error
		wg.Go(func() { _, _, made = o.cache.CreateTable(ctx, placedBy(fmt.Sprint("t", round), "geo")) })
		wg.Go(func() {
			next := *base
			next.Placement = catalog.Placement{Policy: "geo", Program: true}
			_, altered = o.cache.AlterTable(ctx, catalog.Change{Base: refOf(base), Table: &next})
		})
		wg.Go(func() {
			dropped = o.cache.ChangePolicy(ctx, catalog.PolicyChange{Base: policies[0].Version, Policy: geoPolicy(), Drop: true})
		})
		wg.Wait()
		ends[fmt.Sprint(sqlState(made), sqlState(altered), sqlState(dropped))]++
		snap := o.cache.Catalog()
		drop := catalog.Drop{}
		for _, d := range snap.Tables {
			if usesPolicy(d, "geo") && len(snap.Policies) == 0 {
				t.Fatalf("table %s has a policy that was dropped: %v, %v, %v", d.Name, made, altered, dropped)
			}
			drop.Tables = append(drop.Tables, refOf(d))
		}
		if (dropped == nil) != (sqlState(made) == pgerror.UndefinedObject && sqlState(altered) == pgerror.UndefinedObject) {
			t.Fatalf("made: %v, altered: %v, dropped: %v", made, altered, dropped)
		}
		if err := o.cache.DropTables(o.ctx(), drop); err != nil {
			t.Fatal(err)
		}
		for _, p := range o.cache.Catalog().Policies {
			if err := o.cache.ChangePolicy(o.ctx(), catalog.PolicyChange{Base: p.Version, Policy: geoPolicy(), Drop: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Log(ends)
}

// alterJob returns the change of a table that is under way.
func (w *world) alterJob() job {
	for _, j := range w.group.machine.work().jobs {
		if j.Kind == jobAlter {
			return j
		}
	}
	w.t.Fatal("no table is being changed")
	return job{}
}

func TestLimitsOfPartitions(t *testing.T) {
	o := startOracle(t)
	limits := catalog.PartitionLimits{Labels: map[string]string{"region": "eu"}, Capacity: 10 << 30, Closed: true}
	before := o.cache.Catalog()
	if err := o.cache.ChangePartition(o.ctx(), catalog.PartitionChange{Partition: 3, Limits: limits}); err != nil {
		t.Fatal(err)
	}
	if err := o.cache.ChangePartition(o.ctx(), catalog.PartitionChange{Partition: 9}); sqlState(err) != pgerror.UndefinedObject {
		t.Errorf("limits of a partition that there is not: %v, want 42704", err)
	}
	if err := o.cache.ChangePartition(o.ctx(), catalog.PartitionChange{Partition: 3, Limits: catalog.PartitionLimits{Capacity: -1}}); sqlState(err) != pgerror.InvalidParameterValue {
		t.Errorf("a capacity below zero: %v, want 22023", err)
	}
	if before.Partition(3).Closed {
		t.Error("a snapshot has changed")
	}
	stale := catalog.PartitionChange{Partition: 3, Base: &before.Partition(3).PartitionLimits}
	if err := o.cache.ChangePartition(o.ctx(), stale); sqlState(err) != pgerror.SerializationFailure {
		t.Errorf("a change of limits that are not current: %v, want 40001", err)
	}
	same := limits
	same.Labels = map[string]string{"region": "eu"}
	if err := o.cache.ChangePartition(o.ctx(), catalog.PartitionChange{Partition: 3, Base: &same, Limits: limits}); err != nil {
		t.Errorf("a change of limits that are current: %v", err)
	}
	o.changeLeader()
	for name, snap := range map[string]*catalog.Snapshot{"cache": o.cache.Catalog(), "new leader": o.group.machine.Snapshot()} {
		p := snap.Partition(3)
		if !maps.Equal(p.Labels, limits.Labels) || p.Capacity != limits.Capacity || !p.Closed || snap.Partition(2).Closed || len(p.Replicas) != 1 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// What a node is told of changes makes the snapshot that the oracle has.
func TestDeltasOfPoliciesAndLimits(t *testing.T) {
	g := newGroup(t)
	g.apply(&initialise{Partitions: fourPartitions()})
	first := g.machine.Snapshot()
	g.apply(&changePolicy{Request: RequestID{1}, Change: catalog.PolicyChange{Policy: geoPolicy()}})
	second := g.machine.Snapshot()
	g.apply(&changePartition{Request: RequestID{2}, Change: catalog.PartitionChange{Partition: 2, Limits: catalog.PartitionLimits{Closed: true}}})
	third := g.machine.Snapshot()
	g.apply(&changePolicy{Request: RequestID{3}, Change: catalog.PolicyChange{Base: second.Policies[0].Version, Policy: geoPolicy(), Drop: true}})
	last := g.machine.Snapshot()
	all := []*catalog.Snapshot{first, second, third, last}
	for i, next := range all[1:] {
		for n, old := range append([]*catalog.Snapshot{nil}, all[:i+1]...) {
			text, err := json.Marshal(difference(old, next))
			if err != nil {
				t.Fatal(err)
			}
			d, err := decodeDelta(text)
			if err != nil {
				t.Fatal(err)
			}
			from := old
			if from == nil {
				from = all[i] // a full delta replaces whatever there was
			}
			got, err := d.apply(from)
			if err != nil || !slices.Equal(policyNames(got), policyNames(next)) || got.Partition(2).Closed != next.Partition(2).Closed || got.Version != next.Version {
				t.Errorf("from %d to %d: %v, %+v", n-1, i+1, err, got)
			}
		}
	}
	if id := object.PartitionID(2); first.Partition(id).Closed || len(second.Policies) != 1 || len(last.Policies) != 0 {
		t.Errorf("snapshots: %+v, %+v", second.Policies, last.Policies)
	}
}
