package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/placement"
)

// counting claims to be objectwise, and numbers its calls in its reasons, so that one can see
// which answers are given again. It refuses the country xx.
type counting struct {
	policy
	calls *atomic.Int64
}

func (c *counting) Configure(placement.Options, placement.Table) (placement.Policy, error) {
	return c, nil
}

func (*counting) ReadColumns(placement.Table) []string { return []string{"country"} }
func (*counting) Objectwise() bool                     { return true }

func (c *counting) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	n := c.calls.Add(1)
	out := make([]placement.Placement, len(b.Objects))
	for i, o := range b.Objects {
		if o.Values[1].Text == "xx" {
			return nil, errors.New("refused")
		}
		out[i] = placement.Placement{Partition: o.Home, Reason: fmt.Sprintf("%s in call %d", o.Values[1].Text, n)}
	}
	return out, nil
}

// TestObjectwise: of a program that claims to be objectwise, an answer is given again for the
// same home and the same values of the columns read, while what it is told stays the same.
func TestObjectwise(t *testing.T) {
	f := newFixture(t, nil)
	f.load = []placement.Partition{{ID: 1, Objects: 5}}
	of := table("remote", nil)
	f.catalog.change(func(s *catalog.Snapshot) { s.Tables = map[object.TableID]*catalog.Table{of.ID: of} })
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("counting")})
	until(t, "it is ready", func() bool { return f.status("remote").State == "ready" })
	known := func() {
		t.Helper()
		until(t, "it has said what it reads", func() bool {
			plugin, _ := f.Registry.program("remote").now(context.Background())
			return plugin != nil && f.reads(of, plugin) != nil
		})
	}
	known()
	id := int64(0)
	requestOf := func(countries ...string) execute.PlaceRequest {
		r := execute.PlaceRequest{Table: of}
		for _, c := range countries {
			id++
			country := datum.NewText(c)
			if c == "" {
				country = datum.Null
			}
			r.Rows, r.Homes = append(r.Rows, []datum.Datum{datum.NewInt(id), country}), append(r.Homes, object.PartitionID(len(countries)))
		}
		return r
	}
	expect := func(what string, r execute.PlaceRequest, want ...string) {
		t.Helper()
		places, err := f.Place(context.Background(), r)
		if err != nil || strings.Join(places.Reasons, ", ") != strings.Join(want, ", ") || places.Version != "counting" || places.Partitions[0] != r.Homes[0] {
			t.Errorf("%s: %+v, %v, want %q", what, places, err, want)
		}
	}
	expect("the first", requestOf("de"), "de in call 1")
	expect("the same", requestOf("de"), "de in call 1")
	expect("NULL", requestOf(""), " in call 2")
	expect("another home", requestOf("de", "de"), "de in call 3", "de in call 3")
	expect("some are new", requestOf("us", "de"), "us in call 4", "de in call 3")
	expect("some are new", requestOf("de", "fr"), "de in call 3", "fr in call 5")
	hinted := requestOf("de")
	hinted.Hint = "hint"
	expect("another hint", hinted, "de in call 6")
	dry := requestOf("de")
	dry.DryRun = true
	expect("a dry run", dry, "de in call 7")
	moved := requestOf("de")
	moved.Current, moved.Bytes = []object.PartitionID{1}, []int64{5}
	expect("an object that lives", moved, "de in call 8")
	long := strings.Repeat("long ", maxKey/5)
	before := f.status("remote").Calls
	reason(f, requestOf(long))
	reason(f, requestOf(long))
	calls := f.status("remote").Calls
	if calls != before+2 {
		t.Errorf("of a long value the answer was given again: %d calls", calls-before)
	}

	places, err := f.Place(context.Background(), requestOf("de", "xx", "de"))
	if err != nil || places.Notice == "" || places.Policy != "hash" {
		t.Errorf("one is refused: %+v, %v", places, err)
	}
	expect("after a refusal", requestOf("de"), "de in call 1")
	if got := f.status("remote").Calls; got != calls+1 {
		t.Errorf("%d calls are counted, want %d", got, calls+1)
	}
	last := number(t, reason(f, requestOf("nn")))
	f.load = []placement.Partition{{ID: 1, Objects: 5}}
	expect("other load", requestOf("de"), fmt.Sprintf("de in call %d", last+1))
	f.catalog.change(func(*catalog.Snapshot) {})
	expect("another catalog", requestOf("de"), fmt.Sprintf("de in call %d", last+2))
	expect("the same again", requestOf("de"), fmt.Sprintf("de in call %d", last+2))

	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("counting2")})
	until(t, "another program answers", func() bool { return f.status("remote").Version == "counting2" })
	known()
	if places, err := f.Place(context.Background(), requestOf("de")); err != nil || places.Version != "counting2" || number(t, places.Reasons[0]) > 9 {
		t.Errorf("another program: %+v, %v", places, err)
	}
}

func reason(f *fixture, r execute.PlaceRequest) string {
	places, err := f.Place(context.Background(), r)
	if err != nil {
		f.t.Fatal(err)
	}
	return places.Reasons[0]
}

func number(t *testing.T, reason string) (n int) {
	t.Helper()
	_, text, _ := strings.Cut(reason, " in call ")
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatalf("%q: %v", reason, err)
	}
	return n
}

// TestMemoryIsBounded: when it is full, all is forgotten.
func TestMemoryIsBounded(t *testing.T) {
	var m memory
	of := table("remote", nil)
	for i := range 3 * maxRemembered {
		r := execute.PlaceRequest{Table: of, Rows: [][]datum.Datum{{datum.NewInt(int64(i)), datum.Null}}, Homes: []object.PartitionID{1}}
		keys := keysOf(&r, []int{0, 1})
		answers := make([]placement.Placement, 1)
		if _, missing := m.recall(basis{}, keys, answers); len(missing) != 1 {
			t.Fatalf("object %d is known", i)
		}
		m.keep(basis{}, keys, []int{0}, []placement.Placement{{Partition: 7}}, "1")
		if version, missing := m.recall(basis{}, keys, answers); len(missing) != 0 || version != "1" || answers[0].Partition != 7 {
			t.Fatalf("object %d is not remembered", i)
		}
		if len(m.answers) > maxRemembered {
			t.Fatalf("%d answers are remembered", len(m.answers))
		}
	}
}
