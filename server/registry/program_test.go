package registry

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
)

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// TestFollowsCatalog: programs are started, swapped and ended as the catalog says; one
// that does not start leaves the old one, and is tried again.
func TestFollowsCatalog(t *testing.T) {
	f := newFixture(t, nil)
	place := func() execute.Places {
		t.Helper()
		places, err := f.Place(context.Background(), request(table("remote", nil), "", 1))
		if err != nil {
			t.Fatal(err)
		}
		return places
	}
	if p := place(); p.Policy != "hash" || !strings.Contains(p.Notice, "does not know") {
		t.Errorf("before there is a program: %+v", p)
	}
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("1")})
	until(t, "version 1 is ready", func() bool { return f.status("remote").State == "ready" })
	first := f.status("remote")
	if p := place(); p.Version != "1" || p.Partitions[0] != 2 || p.Reasons[0] != "two" || p.Notice != "" {
		t.Errorf("version 1: %+v", p)
	}

	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("ends")})
	until(t, "the swap has failed", func() bool { return f.status("remote").Error != "" })
	if s := f.status("remote"); s.State != "ready" || s.PID != first.PID || s.Program != "policy-1" || !strings.Contains(s.Error, `"policy-1" goes on`) {
		t.Errorf("after a swap that failed: %+v", s)
	}
	if p := place(); p.Version != "1" || p.Notice != "" {
		t.Errorf("after a swap that failed: %+v", p)
	}

	f.catalog.policies(catalog.Policy{Name: "remote", Program: "policy-2"})
	until(t, "the program is missed", func() bool { return strings.Contains(f.status("remote").Error, "there is no program") })
	f.program("2") // it arrives on this node
	until(t, "version 2 is ready", func() bool { return f.status("remote").Version == "2" })
	if p := place(); p.Version != "2" || p.Notice != "" {
		t.Errorf("version 2: %+v", p)
	}
	if s := f.status("remote"); s.Error != "" || s.Calls != 3 || s.Errors != 0 || s.Restarts != 0 {
		t.Errorf("version 2: %+v", s)
	}
	until(t, "version 1 has ended", func() bool { return gone(first.PID) })

	second := f.status("remote").PID
	f.catalog.policies()
	until(t, "the policy is dropped", func() bool { return f.status("remote").Name == "" && gone(second) })
	if p := place(); p.Policy != "hash" {
		t.Errorf("after the drop: %+v", p)
	}
	if got := f.Counters()[0].Value; got != 3 {
		t.Errorf("%d calls are counted after the drop, there were 3", got)
	}
}

// TestCheck: what is checked is what runs when the catalog says so; a program that does
// not start, or does not take the tables that the policy places, is an error.
func TestCheck(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.SHA256 = map[string]string{"policy-pinned": strings.Repeat("0", 64)} })
	ctx := context.Background()
	f.catalog.change(func(next *catalog.Snapshot) {
		next.Tables[7] = table("remote", func(t *catalog.Table) { t.Placement.Options = map[string]string{"remote.refuse": "3"} })
	})
	one := catalog.Policy{Name: "remote", Program: f.program("1")}
	two, three := catalog.Policy{Name: "remote", Program: f.program("2")}, catalog.Policy{Name: "remote", Program: f.program("3")}
	f.program("ends")
	f.program("pinned")
	for _, policy := range []catalog.Policy{one, two} { // the second one ends the first
		if err := f.Check(ctx, policy); err != nil {
			t.Fatal(err)
		}
	}
	f.mu.RLock()
	c := f.checked["remote"]
	f.mu.RUnlock()
	if c.candidate.Version() != "2" {
		t.Fatalf("version %s is kept", c.candidate.Version())
	}
	f.catalog.policies(two)
	until(t, "version 2 is ready", func() bool { return f.status("remote").State == "ready" })
	f.mu.RLock()
	kept := len(f.checked)
	f.mu.RUnlock()
	if kept != 0 {
		t.Error("the program that was checked was not adopted")
	}
	before := f.status("remote")

	for _, bad := range []struct {
		policy catalog.Policy
		code   string
		want   string
	}{
		{three, "22023", "does not accept table"},
		{catalog.Policy{Name: "remote", Program: "policy-none"}, "58P01", "there is no program"},
		{catalog.Policy{Name: "remote", Program: "../x"}, "55000", "is not the name of a file"},
		{catalog.Policy{Name: "remote", Program: "policy-ends"}, "55000", "cannot be started"},
		{catalog.Policy{Name: "remote", Program: "policy-1", SHA256: strings.Repeat("1", 64)}, "55000", "has the SHA-256"},
		{catalog.Policy{Name: "remote", Program: "policy-pinned"}, "55000", "has the SHA-256"},
		{catalog.Policy{Name: "remote", Program: "policy-pinned", SHA256: strings.Repeat("1", 64)}, "55000", "plugins.sha256"},
		{catalog.Policy{Name: "remote", Program: "policy-1", Options: map[string]string{"bad": "x"}}, "22023", `"bad" cannot be "x"`},
		{catalog.Policy{Name: "hash", Program: "policy-1"}, "42710", "built in"},
	} {
		if e := pgerror.As(f.Check(ctx, bad.policy)); e == nil || e.Code != bad.code || !strings.Contains(e.Message, bad.want) {
			t.Errorf("%+v: %v, want %s %q", bad.policy, e, bad.code, bad.want)
		}
	}
	if after := f.status("remote"); after.PID != before.PID || after.Error != "" {
		t.Errorf("after checks that failed: %+v", after)
	}
	if err := os.Remove(filepath.Join(f.dir, "policy-1")); err != nil {
		t.Fatal(err)
	}
	f.cfg.Dir = filepath.Join(f.dir, "not", "there")
	if e := pgerror.As(f.Check(ctx, one)); e == nil || e.Code != "58P01" || !strings.Contains(e.Message, "plugins.dir") || !strings.Contains(e.Message, f.cfg.Dir) {
		t.Errorf("without a folder: %v", e)
	}
}

// TestConfiguredOptions: the options of the configuration reach the program, those of the
// policy go before them.
func TestConfiguredOptions(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Options = map[string]map[string]string{"remote": {"bad": "1", "good": "1"}} })
	f.program("1")
	if e := pgerror.As(f.Check(context.Background(), catalog.Policy{Name: "remote", Program: "policy-1"})); e == nil || !strings.Contains(e.Message, `"bad" cannot be "1"`) {
		t.Error(e)
	}
	spec, err := f.spec(catalog.Policy{Name: "remote", Program: "policy-1", Options: map[string]string{"good": "2", "more": "3"}})
	if err != nil || spec.Options["good"] != "2" || spec.Options["more"] != "3" || spec.Options["bad"] != "1" {
		t.Errorf("%+v, %v", spec, err)
	}
}

// TestPlacement: a program checks the options of a table.
func TestPlacement(t *testing.T) {
	f, ctx := newFixture(t, nil), context.Background()
	if _, err := f.Placement(ctx, table("", nil), "remote", nil); pgerror.As(err) == nil || pgerror.As(err).Code != "42704" {
		t.Errorf("a policy that does not exist: %v", err)
	}
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("1")})
	pl, err := f.Placement(ctx, table("", nil), "remote", map[string]string{"remote.x": "1"})
	if err != nil || !pl.Program || pl.Static || pl.Policy != "remote" || pl.Options["remote.x"] != "1" {
		t.Errorf("%+v, %v", pl, err)
	}
	if _, err := f.Placement(ctx, table("", nil), "remote", map[string]string{"remote.refuse": "1"}); pgerror.As(err) == nil || pgerror.As(err).Code != "22023" {
		t.Errorf("a wrong option: %v", err)
	}
	without := table("", func(t *catalog.Table) { t.Columns = t.Columns[:1] })
	if _, err := f.Placement(ctx, without, "remote", nil); pgerror.As(err) == nil || !strings.Contains(pgerror.As(err).Detail, `"country"`) {
		t.Errorf("a table without the column that the policy wants to hear of: %v", err)
	}
	f.catalog.policies(catalog.Policy{Name: "remote", Program: "policy-1"}, catalog.Policy{Name: "second", Program: "policy-none"})
	if _, err := f.Placement(ctx, table("", nil), "second", nil); pgerror.As(err) == nil || pgerror.As(err).Code != "55000" || !strings.Contains(pgerror.As(err).Detail, "there is no program") {
		t.Errorf("a policy that does not run: %v", err)
	}
	if f.Fallback(table("", nil), "hash") != nil || f.Fallback(table("", nil), "remote") == nil || f.Fallback(table("", nil), "least_loaded") == nil {
		t.Error("only a static policy that is built in can be a fall-back")
	}
}

// TestPlacementCanceled: who waits for a program that hangs, while it starts or is asked,
// can be told to wait no longer, which says nothing of the program.
func TestPlacementCanceled(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.StartTimeout = time.Minute })
	f.catalog.policies(
		catalog.Policy{Name: "remote", Program: f.program("1")},
		catalog.Policy{Name: "starts", Program: "policy-1", Options: map[string]string{"hang": ""}})
	until(t, "the policy runs", func() bool { return f.status("remote").State == "ready" })
	cause := pgerror.New(pgerror.QueryCanceled, "canceling statement due to user request")
	for policy, options := range map[string]map[string]string{"starts": nil, "remote": {"remote.hang": ""}} {
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(100*time.Millisecond, func() { cancel(cause) })
		began := time.Now()
		if _, err := f.Placement(ctx, table("", nil), policy, options); !errors.Is(err, cause) {
			t.Errorf("%s: %v", policy, err)
		}
		if took := time.Since(began); took < 100*time.Millisecond || took > 5*time.Second {
			t.Errorf("%s: it has taken %s", policy, took)
		}
	}
	if s := f.status("remote"); s.State != "ready" || s.Restarts != 0 || s.Error != "" {
		t.Errorf("%+v", s)
	}
}

// TestReplaceColumns: they are known soon after a table or its policy is, and asking for
// them never waits.
func TestReplaceColumns(t *testing.T) {
	f := newFixture(t, nil)
	of := table("remote", nil)
	if got := f.ReplaceColumns(of); got != nil {
		t.Errorf("%v before the policy runs", got)
	}
	f.catalog.change(func(next *catalog.Snapshot) { next.Tables = map[object.TableID]*catalog.Table{of.ID: of} })
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("1")})
	until(t, "the columns are known", func() bool { return len(f.ReplaceColumns(of)) == 1 })
	if got := f.ReplaceColumns(of)[0]; got != 1 {
		t.Errorf("column %d", got)
	}
	next := table("remote", func(t *catalog.Table) {
		t.Version = 2
		t.Columns = append([]catalog.Column{t.Columns[0], {Name: "country", Type: t.Columns[1].Type, Dropped: true}}, t.Columns[1])
	})
	if got := f.ReplaceColumns(next); len(got) != 1 {
		t.Errorf("%v while the new version is asked about", got)
	}
	f.catalog.change(func(s *catalog.Snapshot) { s.Tables = map[object.TableID]*catalog.Table{of.ID: next} })
	until(t, "the new version is known", func() bool { got := f.ReplaceColumns(next); return len(got) == 1 && got[0] == 2 })
	if got := f.ReplaceColumns(table("local", nil)); got != nil {
		t.Errorf("%v of a table that no program places", got)
	}
}

// TestReplaceBeforeColumns: what is updated before a program has said which updates it wants
// to hear of is not lost.
func TestReplaceBeforeColumns(t *testing.T) {
	f := newFixture(t, nil)
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("1")})
	f.Settle(context.Background())
	of := table("remote", nil) // which the catalog does not have yet
	if got := f.ReplaceColumns(of); len(got) != len(of.Columns) {
		t.Fatalf("%v while it is not known, of %d columns", got, len(of.Columns))
	}
	r := request(of, "", 1)
	r.Current, r.Bytes = []object.PartitionID{3}, []int64{10}
	if places, err := f.Replace(context.Background(), r); err != nil || places.Partitions[0] != 2 {
		t.Errorf("it answers %v, %v", places.Partitions, err)
	}
	if got := f.ReplaceColumns(of); len(got) != 1 {
		t.Errorf("%v after it was asked", got)
	}
}

// TestNoReplaceColumns: a program that names no columns is not asked again.
func TestNoReplaceColumns(t *testing.T) {
	f := newFixture(t, nil)
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("1")})
	f.Settle(context.Background())
	r := request(table("remote", func(t *catalog.Table) { t.Placement.Options = map[string]string{"remote.never": ""} }), "", 1)
	r.Current, r.Bytes = []object.PartitionID{3}, []int64{10}
	if places, err := f.Replace(context.Background(), r); err != nil || places.Partitions[0] != 3 {
		t.Errorf("it answers %v, %v", places.Partitions, err)
	}
	if s := f.status("remote"); s.Calls != 0 {
		t.Errorf("%d calls", s.Calls)
	}
}

// TestReplace: a program says where changed objects are to live; what it cannot say stays.
func TestReplace(t *testing.T) {
	f := newFixture(t, nil)
	for version, want := range map[string]object.PartitionID{"1": 2, "plain": 3} {
		f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program(version)})
		until(t, "it is ready", func() bool { return f.status("remote").Version == version })
		r := request(table("remote", nil), "", 1)
		r.Current, r.Bytes = []object.PartitionID{3}, []int64{10}
		places, err := f.Replace(context.Background(), r)
		if err != nil || places.Partitions[0] != want || places.Notice != "" {
			t.Errorf("version %s: %+v, %v", version, places, err)
		}
	}
	if s := f.status("remote"); s.Errors != 0 {
		t.Errorf("%d errors", s.Errors)
	}
}

// TestOnUse: a program is started when it is asked first.
func TestOnUse(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.OnUse = true })
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program("1")})
	f.Settle(context.Background())
	if s := f.status("remote"); s.PID != 0 || s.State != "starting" {
		t.Errorf("before it is used: %+v", s)
	}
	places, err := f.Place(context.Background(), request(table("remote", nil), "", 1))
	if err != nil || places.Version != "1" {
		t.Errorf("%+v, %v", places, err)
	}
}
