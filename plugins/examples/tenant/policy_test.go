package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ssmr/ssmr/plugins/placement"
)

var orders = placement.Table{Name: "orders", Key: []string{"tenant", "id"}, Columns: []placement.Column{
	{Name: "tenant", Type: "text"}, {Name: "id", Type: "bigint"}, {Name: "payer", Type: "text"},
}}

func configured(t *testing.T, own, options placement.Options) placement.Policy {
	t.Helper()
	root := newTenants()
	if err := root.Initialize(own); err != nil {
		t.Fatal(err)
	}
	p, err := root.Configure(options, orders)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// partitions are n partitions, numbered from 1.
func partitions(n int) []placement.Partition {
	list := make([]placement.Partition, n)
	for i := range list {
		list[i] = placement.Partition{ID: uint32(i + 1)}
	}
	return list
}

func order(tenant string, id int) placement.Object {
	return placement.Object{Home: 7, Values: []placement.Value{{Text: tenant}, {Text: fmt.Sprint(id)}, {Null: true}}}
}

func place(t *testing.T, p placement.Policy, partitions []placement.Partition, objects ...placement.Object) []uint32 {
	t.Helper()
	placed, err := p.Place(context.Background(), &placement.Batch{Table: &orders, Objects: objects, Partitions: partitions})
	if err != nil || len(placed) != len(objects) {
		t.Fatalf("%d placements, error %v", len(placed), err)
	}
	ids := make([]uint32, len(placed))
	for i := range placed {
		if ids[i] = placed[i].Partition; placed[i].Reason == "" {
			t.Errorf("object %d is placed without a reason", i)
		}
	}
	return ids
}

// placeOf returns where one new object of each of n tenants goes.
func placeOf(t *testing.T, p placement.Policy, partitions []placement.Partition, n int) []uint32 {
	t.Helper()
	objects := make([]placement.Object, n)
	for i := range objects {
		objects[i] = order(fmt.Sprintf("tenant-%d", i), i)
	}
	return place(t, p, partitions, objects...)
}

func TestTenantStaysTogether(t *testing.T) {
	p, other := configured(t, nil, nil), configured(t, nil, nil)
	var objects []placement.Object
	for i := range 50 {
		objects = append(objects, order("acme", i))
	}
	ids := slices.Compact(place(t, p, partitions(5), objects...))
	loaded := partitions(5)
	for i := range loaded {
		loaded[i].Bytes, loaded[i].CommandsPerSecond = int64(1000-100*i)<<20, float64(i)
	}
	ids = slices.Compact(append(ids, place(t, other, loaded, objects...)...))
	if len(ids) != 1 {
		t.Errorf("the objects of one tenant are in partitions %v", ids)
	}
}

func TestTenantsSpreadEvenly(t *testing.T) {
	const tenants, n = 10_000, 5
	count := make(map[uint32]int)
	for _, id := range placeOf(t, configured(t, nil, nil), partitions(n), tenants) {
		count[id]++
	}
	for id := uint32(1); id <= n; id++ {
		if count[id] < tenants/n*9/10 || count[id] > tenants/n*11/10 {
			t.Errorf("partition %d has %d of %d tenants", id, count[id], tenants)
		}
	}
}

// A partition that comes takes tenants from the others, and none moves between these; one
// that goes leaves its tenants to the others.
func TestPartitionsComeAndGo(t *testing.T) {
	const tenants = 2000
	p := configured(t, nil, nil)
	four, five := placeOf(t, p, partitions(4), tenants), placeOf(t, p, partitions(5), tenants)
	closed := partitions(5)
	closed[4].Closed = true
	moved := 0
	for i := range four {
		if four[i] != five[i] {
			moved++
			if five[i] != 5 {
				t.Fatalf("tenant %d moves from %d to %d", i, four[i], five[i])
			}
		}
	}
	if moved < tenants/5*8/10 || moved > tenants/5*12/10 {
		t.Errorf("the fifth partition takes %d of %d tenants", moved, tenants)
	}
	if !slices.Equal(four, placeOf(t, p, closed, tenants)) {
		t.Error("a closed partition is not as good as none")
	}
}

func TestBigTenantsAreAlone(t *testing.T) {
	p := configured(t, nil, placement.Options{"tenant.big": "acme=2, the = shop = 3"})
	all := partitions(6)
	all[3].Labels = map[string]string{"tenant": "globex"}
	if got := place(t, p, all, order("acme", 1), order("the = shop", 1), order("globex", 1)); !slices.Equal(got, []uint32{2, 3, 4}) {
		t.Errorf("big tenants are in partitions %v", got)
	}
	for i, id := range placeOf(t, p, all, 500) {
		if id == 2 || id == 3 || id == 4 {
			t.Fatalf("tenant %d is in partition %d, which belongs to another", i, id)
		}
	}
	// Their partitions do not accept objects: they are tenants like all others.
	all[1].Closed, all[3].Closed = true, true
	for _, id := range place(t, p, all, order("acme", 1), order("globex", 1)) {
		if id != 1 && id != 5 && id != 6 {
			t.Errorf("a big tenant whose partition is closed goes to %d", id)
		}
	}
}

func TestNowhereToGo(t *testing.T) {
	p := configured(t, nil, placement.Options{"tenant.big": "acme=1"})
	if got := place(t, p, partitions(1), order("small", 1)); got[0] != 1 {
		t.Errorf("with every partition reserved, a tenant goes to %d", got[0])
	}
	closed := partitions(2)
	closed[0].Closed, closed[1].Closed = true, true
	if got := place(t, p, closed, order("small", 1)); got[0] == 0 {
		t.Error("with every partition closed, there is no answer")
	}
	nobody := order("", 1)
	nobody.Values[0].Null = true
	if got := place(t, p, partitions(3), nobody); got[0] != nobody.Home {
		t.Errorf("an object without a tenant goes to %d", got[0])
	}
}

// uneven are two partitions of which the one that name sends a tenant to holds much more.
func uneven(t *testing.T, tenant string) (all []placement.Partition, first, second uint32) {
	all = partitions(2)
	first = place(t, configured(t, nil, nil), all, order(tenant, 1))[0]
	second = 3 - first
	all[first-1].Bytes, all[second-1].Bytes = 100<<20, 10<<20
	return all, first, second
}

func TestLoadChoosesOnce(t *testing.T) {
	p := configured(t, placement.Options{"new": "load"}, nil)
	all, first, second := uneven(t, "acme")
	if got := place(t, p, all, order("acme", 1)); got[0] != second {
		t.Fatalf("a new tenant goes to %d, which holds much more", got[0])
	}
	all[first-1].Bytes, all[second-1].Bytes = 10<<20, 100<<20
	if got := place(t, p, all, order("acme", 2)); got[0] != second {
		t.Error("a tenant goes elsewhere when the load has changed")
	}
	all[second-1].Closed = true
	if got := place(t, p, all, order("acme", 3)); got[0] != first {
		t.Error("a tenant goes to a closed partition")
	}
}

func TestLoadDoesNotTearApart(t *testing.T) {
	p := configured(t, placement.Options{"new": "load"}, nil)
	all, first, _ := uneven(t, "acme")
	old := order("acme", 1)
	old.Current = first
	if got := place(t, p, all, old, order("acme", 2)); got[0] != first || got[1] != first {
		t.Errorf("a tenant that lives in %d is sent to %v", first, got)
	}
	if got := place(t, p, all, order("acme", 3)); got[0] != first {
		t.Errorf("a tenant that was seen in %d is sent to %d", first, got[0])
	}
}

func TestLoadHasBounds(t *testing.T) {
	s := newSeen(1)
	full, empty := placement.Partition{ID: 1, Bytes: 100 << 20}, placement.Partition{ID: 2, Bytes: 1 << 20}
	if id, _ := s.choose("asked", full, empty, 0, true); id != 2 || len(s.places) != 0 {
		t.Errorf("a dry run answers %d and keeps %v", id, s.places)
	}
	if id, _ := s.choose("one", full, empty, 0, false); id != 2 {
		t.Errorf("the first tenant goes to %d", id)
	}
	if id, _ := s.choose("two", full, empty, 0, false); id != 1 || len(s.places) != 1 {
		t.Errorf("beyond the bound a tenant goes to %d, %d are kept", id, len(s.places))
	}
	if id, _ := newSeen(1).choose("three", full, placement.Partition{ID: 2}, 0, false); id != 1 {
		t.Error("a partition that has not reported counts as empty")
	}
}

func TestWrongOptions(t *testing.T) {
	var wrong *placement.OptionError
	for _, options := range []placement.Options{
		{"tenant.column": "nobody"}, {"tenant.column": ""}, {"tenant.big": "acme"}, {"tenant.big": "acme=0"}, {"tenant.big": "acme=x"},
		{"tenant.big": "acme=1,acme=2"}, {"tenant.big": "=1"}, {"tenant.bug": "acme=1"},
	} {
		if _, err := newTenants().Configure(options, orders); !errors.As(err, &wrong) {
			t.Errorf("%v: error %v", options, err)
		}
	}
	for _, options := range []placement.Options{{"new": "random"}, {"old": "load"}} {
		if err := newTenants().Initialize(options); !errors.As(err, &wrong) {
			t.Errorf("%v: error %v", options, err)
		}
	}
}
