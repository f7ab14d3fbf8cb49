package registry

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

// TestAnswersAreChecked: an answer that does not hold is not used; new objects are placed
// by the fall-back, the client is told, and it is counted.
func TestAnswersAreChecked(t *testing.T) {
	eu := map[string]string{"region": "eu"}
	for name, c := range map[string]struct {
		hint   string
		rules  catalog.Rules
		limits [3]catalog.PartitionLimits
		loads  []placement.Partition
		want   object.PartitionID // of the first of two objects with home 1
		fell   int64              // of two
		errors int64
		notice string
	}{
		"good":    {want: 2},
		"short":   {hint: "short", want: 1, fell: 2, errors: 1, notice: "does not fit"},
		"error":   {hint: "error", want: 1, fell: 2, errors: 1, notice: "not today"},
		"unknown": {hint: "unknown", want: 1, fell: 1, errors: 1, notice: "partition 99, which does not exist"},
		"none":    {hint: "none", want: 1, fell: 1, errors: 1, notice: "partition 0, which does not exist"},
		"closed":  {limits: [3]catalog.PartitionLimits{1: {Closed: true}}, want: 1, fell: 2, notice: "partition 2 accepts no objects"},
		"label": {rules: catalog.Rules{Require: eu}, limits: [3]catalog.PartitionLimits{0: {Labels: eu}}, want: 1, fell: 2,
			notice: "does not have the label region=eu"},
		"home is barred too": {rules: catalog.Rules{Require: eu}, limits: [3]catalog.PartitionLimits{2: {Labels: eu}}, want: 3, fell: 2,
			notice: "does not have the label region=eu"},
		"full": {limits: [3]catalog.PartitionLimits{1: {Capacity: 100}}, loads: []placement.Partition{{ID: 2, Bytes: 100}}, want: 1, fell: 2,
			notice: "partition 2 is full: it holds 100 of 100 bytes"},
		"room":                              {limits: [3]catalog.PartitionLimits{1: {Capacity: 100}}, loads: []placement.Partition{{ID: 2, Bytes: 99}}, want: 2},
		"the policy is told what is closed": {hint: "open", limits: [3]catalog.PartitionLimits{0: {Closed: true}, 2: {Closed: true}}, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil)
			f.load = c.loads
			f.catalog.change(func(next *catalog.Snapshot) {
				for i := range c.limits {
					next.Partitions[i].PartitionLimits = c.limits[i]
				}
			})
			places, err := f.Place(context.Background(), request(table("local", func(t *catalog.Table) { t.Rules = c.rules }), c.hint, 1, 1))
			if err != nil {
				t.Fatal(err)
			}
			if places.Partitions[0] != c.want || !strings.Contains(places.Notice, c.notice) || (c.notice == "") != (places.Notice == "") {
				t.Errorf("got %+v, want partition %d and a notice of %q", places, c.want, c.notice)
			}
			if s := f.status("local"); s.Calls != 1 || s.FallBacks != c.fell || s.Errors != c.errors {
				t.Errorf("status %+v", s)
			}
			if got := f.Counters(); got[0].Value != 1 || got[1].Value != c.errors || got[2].Value != c.fell {
				t.Errorf("counters %+v", got)
			}
			if whole := c.fell == 2; (places.Policy == "hash") != whole || (places.Policy == "local") == whole {
				t.Errorf("%s has chosen", places.Policy)
			}
		})
	}
}

// TestNowhere: where no partition may get an object, that is the statement's error.
func TestNowhere(t *testing.T) {
	f := newFixture(t, nil)
	places, err := f.Place(context.Background(), request(table("local", func(t *catalog.Table) {
		t.Rules.Require = map[string]string{"region": "mars"}
	}), "", 1))
	e := pgerror.As(err)
	if e == nil || e.Code != "55000" || !strings.Contains(e.Detail, "region=mars") {
		t.Errorf("got %+v, %v", places, err)
	}
}

// TestExistingObjectsStay: what exists stays where the policy's answer is not used, also
// where its partition may get no objects.
func TestExistingObjectsStay(t *testing.T) {
	f := newFixture(t, nil)
	f.catalog.change(func(next *catalog.Snapshot) { next.Partitions[2].Closed = true })
	for hint, want := range map[string]object.PartitionID{"": 2, "error": 3, "unknown": 3, "none": 3} {
		for again, ask := range map[string]func() (object.PartitionID, string, error){
			"place": func() (object.PartitionID, string, error) {
				r := request(table("local", nil), hint, 1)
				r.Current, r.Bytes = []object.PartitionID{3}, []int64{10}
				p, err := f.Place(context.Background(), r)
				return p.Partitions[0], p.Notice, err
			},
			"replace": func() (object.PartitionID, string, error) {
				r := request(table("local", nil), hint, 1)
				r.Current, r.Bytes = []object.PartitionID{3}, []int64{10}
				p, err := f.Replace(context.Background(), r)
				return p.Partitions[0], p.Notice, err
			},
		} {
			got, notice, err := ask()
			if got != want || err != nil || (notice != "") != (hint == "error" || hint == "unknown") {
				t.Errorf("%s with hint %q: partition %d, want %d; %q, %v", again, hint, got, want, notice, err)
			}
		}
	}
	if s := f.status("local"); s.FallBacks != 0 {
		t.Errorf("%d objects that exist were counted as placed by the fall-back", s.FallBacks)
	}
}

// TestAllowed: what a user moves by hand is checked like a policy's answer.
func TestAllowed(t *testing.T) {
	f := newFixture(t, nil)
	f.load = []placement.Partition{{ID: 1, Bytes: 90}}
	f.catalog.change(func(next *catalog.Snapshot) { next.Partitions[0].Capacity = 100 })
	for bytes, want := range map[int64]bool{0: true, 10: true, 11: false} {
		if err := f.Allowed(table("hash", nil), 1, bytes); (err == nil) != want {
			t.Errorf("%d bytes: %v", bytes, err)
		}
	}
	if e := pgerror.As(f.Allowed(table("hash", nil), 9, 1)); e == nil || e.Code != "55000" || !strings.Contains(e.Detail, "does not exist") {
		t.Errorf("a partition that does not exist: %v", e)
	}
}

// TestReasonsAreBounded: what a policy says is kept with objects, so it is short, and text.
func TestReasonsAreBounded(t *testing.T) {
	f := newFixture(t, nil)
	places, err := f.Place(context.Background(), request(table("local", nil), "long", 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := places.Reasons[0]; !utf8.ValidString(got) || strings.Contains(got, "\x00") || len(got) > host.MaxReason || !strings.HasSuffix(got, "ä...") {
		t.Errorf("%q", got)
	}
}

// TestDeadline: a policy that does not answer costs its deadline, and after some of them
// its program is started again; the statement's own end is told as such.
func TestDeadline(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.CallTimeout = 20 * time.Millisecond })
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("1")})
	until(t, "the program is ready", func() bool { return f.status("remote").State == "ready" })
	for range 3 {
		places, err := f.Place(context.Background(), request(table("remote", nil), "hang", 3))
		if err != nil || places.Partitions[0] != 3 || places.Notice == "" {
			t.Errorf("%+v, %v", places, err)
		}
	}
	until(t, "the program is started again", func() bool { return f.status("remote").Restarts == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Place(ctx, request(table("remote", nil), "", 3)); err == nil {
		t.Error("a statement that was cancelled has placed objects")
	}
}

// TestParts: a statement is one call, unless it is huge.
func TestParts(t *testing.T) {
	objects := make([]placement.Object, 2*callObjects+1)
	if got := len(parts(objects)); got != 3 {
		t.Errorf("%d parts of %d objects", got, len(objects))
	}
	large := placement.Object{Values: []placement.Value{{Text: strings.Repeat("x", callBytes)}}}
	if got := len(parts([]placement.Object{large, large, {}})); got != 2 {
		t.Errorf("%d parts of two large objects and an empty one", got)
	}
	if got := len(parts(objects[:callObjects])); got != 1 {
		t.Errorf("%d parts", got)
	}
}
