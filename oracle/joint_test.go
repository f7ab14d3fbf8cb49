package oracle

import (
	"slices"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// jointly executes an entry whose first command is joint with others, that agree or not.
// Where it is not carried out the same assignment follows in the entry, if again is set.
func (g *memoryGroup) jointly(encoded []byte, others, again bool) *command.Assigned {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.index++
	b := g.space.NewBatch()
	defer b.Close()
	g.machine.BeginEntry(replication.Entry{Index: g.index, Term: 1}, b)
	considered, agreed, err := g.machine.Consider(encoded, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if version := considered.(*command.Assigned).Version; agreed != (version != 0) {
		g.t.Fatalf("agreed is %v, the version %d", agreed, version)
	}
	result, err := g.machine.Decide(agreed && others)
	if err != nil {
		g.t.Fatal(err)
	}
	decided := result.(*command.Assigned)
	if agreed && others && decided.Version != considered.(*command.Assigned).Version || decided.Version != 0 && !(agreed && others) {
		g.t.Fatalf("considered %+v (%v), decided %+v", considered, agreed, decided)
	}
	if decided.Version == 0 && again {
		if _, err := g.machine.Execute(encoded); err != nil {
			g.t.Fatal(err)
		}
	}
	g.machine.FinishEntry()
	if err := b.Commit(storage.NoSync); err != nil {
		g.t.Fatal(err)
	}
	g.machine.Committed(g.index)
	return decided
}

// An assignment that is joint leaves what it leaves alone, where it is carried out, and
// nothing else where not.
func TestJointAssignmentsAreAssignments(t *testing.T) {
	ours, theirs := newWorld(t), newWorld(t)
	random := newRand(5)
	carried, refused := 0, 0
	for round := range 300 {
		at := time.UnixMicro(int64(1000 + round))
		var items []catalog.Assignment
		for range 1 + random.IntN(20) {
			items = append(items, catalog.Assignment{
				ID: ours.numbered(uint64(random.IntN(20000))), Partition: object.PartitionID(1 + random.IntN(4)), Origin: someone("x"),
			})
		}
		slices.SortFunc(items, func(a, b catalog.Assignment) int { return slices.Compare([]byte(a.ID), []byte(b.ID)) })
		if round%3 > 0 { // else an id may come twice
			items = slices.CompactFunc(items, func(a, b catalog.Assignment) bool { return a.ID == b.ID })
		}
		encoded := JointAssignment(items, at)
		if err := CheckJoint(encoded); err != nil {
			t.Fatal(err)
		}
		if round%7 == 0 { // the others do not agree
			before := dump(t, ours.group)
			if ours.group.jointly(encoded, false, false); !slices.Equal(dump(t, ours.group), before) {
				t.Fatalf("round %d: what was not carried out has left something", round)
			}
			theirs.group.apply()
			continue
		}
		if ours.group.jointly(encoded, true, true).Version != 0 {
			carried++
		} else {
			refused++
		}
		theirs.group.apply(&assign{items: items, at: at.UnixMicro()})
		if got, want := dump(t, ours.group), dump(t, theirs.group); !slices.Equal(got, want) {
			t.Fatalf("round %d: what is stored differs", round)
		}
	}
	if carried < 20 || refused < 20 {
		t.Errorf("%d were carried out, %d not; the test tests little", carried, refused)
	}
}

// Ids that cannot be given a location now are not.
func TestJointAssignmentIsRefused(t *testing.T) {
	w := newWorld(t)
	one := func(id object.ID, p object.PartitionID) object.LocationVersion {
		return w.group.jointly(JointAssignment([]catalog.Assignment{{ID: id, Partition: p}}, time.Now()), true, false).Version
	}
	id := w.numbered(1)
	if one(id, 1) == 0 {
		t.Fatal("a new id was not given a location")
	}
	request := RequestID{200}
	limits := func(l catalog.PartitionLimits) {
		request[1]++
		w.group.apply(&changePartition{Request: request, Change: catalog.PartitionChange{Partition: 2, Limits: l}})
	}
	limits(catalog.PartitionLimits{Closed: true})
	for name, version := range map[string]object.LocationVersion{
		"an id that has a location":        one(id, 1),
		"a table that is static":           one(w.staticID(), 1),
		"no partition":                     one(w.numbered(2), 0),
		"a partition that does not exist":  one(w.numbered(2), 99),
		"a table that does not exist":      one(object.NewID(9999, []byte("x")), 1),
		"a partition that accepts nothing": one(w.numbered(2), 2),
		"no ids":                           w.group.jointly(JointAssignment(nil, time.Now()), true, false).Version,
	} {
		if version != 0 {
			t.Errorf("%s was given location version %d", name, version)
		}
	}
	limits(catalog.PartitionLimits{})
	if one(w.numbered(2), 2) == 0 {
		t.Error("a new id was not given a location afterwards")
	}
	for _, bad := range [][]byte{nil, {0xff}, (&raiseFloor{}).append(nil), JointAssignment(nil, time.Now())[:1]} {
		if CheckJoint(bad) == nil {
			t.Errorf("%x was taken for an assignment", bad)
		}
	}
}
