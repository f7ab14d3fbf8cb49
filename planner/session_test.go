package planner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/execute/memory"
	"github.com/ssmr/ssmr/planner/plan"
)

func sqlState(err error) string {
	if e := pgerror.As(err); e != nil {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestBounds(t *testing.T) {
	b := newBackend(t, memory.New(1), Config{Statements: 3, StatementBytes: 40, Portals: 2})
	c := connect(t, b, nil)
	ctx := context.Background()
	for i := range 3 {
		if err := c.s.Parse(ctx, fmt.Sprint("s", i), "SELECT 1", nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.s.Parse(ctx, "s3", "SELECT 1", nil); sqlState(err) != pgerror.ConfigurationLimitExceeded {
		t.Errorf("fourth statement: %v", err)
	}
	c.s.CloseStatement("s0")
	if err := c.s.Parse(ctx, "s3", "SELECT 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1", nil); sqlState(err) != pgerror.ConfigurationLimitExceeded {
		t.Errorf("large statement: %v", err)
	}
	if err := c.s.Parse(ctx, "s3", "SELECT 1", nil); err != nil {
		t.Errorf("after a close: %v", err)
	}
	for _, p := range []string{"p", "q"} {
		if err := c.s.Bind(ctx, p, "s1", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.s.Bind(ctx, "r", "s1", nil, nil); sqlState(err) != pgerror.ConfigurationLimitExceeded {
		t.Errorf("third portal: %v", err)
	}
	c.s.Close()
	c.s.Close()
}

// TestStartOptions opens sessions with parameters: RESET goes back to them.
func TestStartOptions(t *testing.T) {
	b := newBackend(t, memory.New(1), Config{Settings: map[string]string{"work_mem": "1MB"}})
	c := connect(t, b, map[string]string{"timezone": "Europe/Berlin", "my.own": "x", "datestyle": "ISO, DMY", "application_name": "a"})
	if got := c.s.Parameters(); got["TimeZone"] != "Europe/Berlin" || got["DateStyle"] != "ISO, DMY" || got["session_authorization"] != "tester" ||
		got["server_version"] != serverVersion || got["standard_conforming_strings"] != "on" {
		t.Errorf("parameters are %v", got)
	}
	if out := c.take(); out != "" {
		t.Errorf("told before start-up has ended: %s", out)
	}
	_ = c.query(context.Background(), "SET timezone = UTC; RESET timezone; SHOW timezone; SHOW my.own; SHOW work_mem; SET work_mem = '2MB'; RESET ALL; SHOW work_mem")
	if out := c.take(); strings.Count(out, "Europe/Berlin") != 2 || strings.Count(out, "1MB") != 2 {
		t.Errorf("RESET: %s", out)
	}
	for name, value := range map[string]string{"nope": "1", "server_version": "9", "statement_timeout": "x", "ssmr.nope": "1"} {
		_, err := b.Open(context.Background(), session.Startup{User: "u", Database: "d", Options: map[string]string{name: value}})
		if pgerror.As(err) == nil {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	if _, err := New(Config{Settings: map[string]string{"nope": "1"}}, b.deps); err == nil {
		t.Error("an unknown setting was accepted")
	}
}

func TestPlanCache(t *testing.T) {
	c := newPlanCache(3, 6400)
	snap := func(version object.SchemaVersion) *catalog.Snapshot {
		return &catalog.Snapshot{Tables: map[object.TableID]*catalog.Table{1: {ID: 1, Version: version}}}
	}
	p := &plan.Plan{Cacheable: true, Tables: []*catalog.Table{{ID: 1, Version: 5}}}
	key := func(s string) planKey { return planKey{text: s} }
	for _, s := range []string{"a", "b", "c"} {
		c.put(key(s), p)
	}
	if c.get(key("a"), snap(5)) == nil {
		t.Error("a was forgotten")
	}
	c.put(key("d"), p)
	if c.get(key("b"), snap(5)) != nil {
		t.Error("b, the least recently used, was kept")
	}
	if c.get(key("a"), snap(6)) != nil || c.get(key("a"), snap(5)) != nil {
		t.Error("a plan of an older version was kept")
	}
	c.put(key(strings.Repeat("x", 101)), p) // a 64th of the whole is the most
	c.put(key("now"), &plan.Plan{})
	c.put(key("SELECT 'now'::timestamptz"), p)
	if kept := c.plans; len(kept.byKey) != 2 || kept.order.Len() != 2 || kept.size != 2 {
		t.Errorf("%d plans, %d in order, %d bytes", len(kept.byKey), kept.order.Len(), kept.size)
	}
}

// TestSharedPlans sees to it that sessions share plans, but not over settings
// that literals are read with.
func TestSharedPlans(t *testing.T) {
	b := newBackend(t, memory.New(1), Config{})
	one, two := connect(t, b, nil), connect(t, b, map[string]string{"timezone": "Asia/Tokyo"})
	for _, c := range []*client{one, two, one, two} {
		if err := c.query(context.Background(), "SELECT '2026-01-01 00:00:00'::timestamptz = '2026-01-01 00:00:00+00'"); err != nil {
			t.Fatal(err)
		}
	}
	if got := one.take(); strings.Count(got, "\nt\n") != 2 {
		t.Errorf("in UTC: %s", got)
	}
	if got := two.take(); strings.Count(got, "\nf\n") != 2 {
		t.Errorf("in Tokyo: %s", got)
	}
	if n := len(b.plans.plans.byKey); n != 2 {
		t.Errorf("%d plans are kept", n)
	}
}

// TestReadSetting is the table of values that parameters take.
func TestReadSetting(t *testing.T) {
	for _, c := range []struct{ name, value, kept, shown string }{
		{"statement_timeout", "1min", "60000", "1min"},
		{"statement_timeout", "1.5s", "1500", "1500ms"},
		{"statement_timeout", "100", "100", "100ms"},
		{"statement_timeout", "2d", "172800000", "2d"},
		{"statement_timeout", "1 fortnight", "!22023", ""},
		{"statement_timeout", "99999999999", "!22023", ""},
		{"work_mem", "64MB", "65536", "64MB"},
		{"work_mem", "1GB", "1048576", "1GB"},
		{"work_mem", "1", "!22023", ""},
		{"extra_float_digits", "-15", "-15", "-15"},
		{"extra_float_digits", "4", "!22023", ""},
		{"row_security", "T", "on", "on"},
		{"row_security", "of", "off", "off"},
		{"row_security", "o", "!22023", ""},
		{"row_security", "", "!22023", ""},
		{"bytea_output", "ESCAPE", "escape", "escape"},
		{"client_encoding", "unicode", "UTF8", "UTF8"},
		{"client_encoding", "klingon", "!22023", ""},
		{"datestyle", "german", "!0A000", ""},
		{"timezone", "europe/berlin", "Europe/Berlin", "Europe/Berlin"},
		{"timezone", "-3", "<-03>+03", "<-03>+03"},
		{"timezone", "5.5", "<+05:30>-05:30", "<+05:30>-05:30"},
		{"standard_conforming_strings", "1", "on", "on"},
		{"role", "admin", "!0A000", ""},
	} {
		s, _ := lookupSetting(c.name)
		kept, err := s.read(c.value)
		if err != nil {
			kept = "!" + sqlState(err)
		}
		if kept != c.kept || err == nil && s.show(kept) != c.shown {
			t.Errorf("%s = %q: kept as %q, shown as %q", c.name, c.value, kept, s.show(kept))
		}
	}
	for name, custom := range map[string]bool{"a.b": true, "a.b.c": true, "a": false, "a.": false, ".b": false, "a.1": false, "ssmr.x": false, "a.b-c": false} {
		if customName(name) != custom {
			t.Errorf("customName(%q) = %v", name, !custom)
		}
	}
	for key, s := range settings {
		if strings.ToLower(s.name) != key || s.about == "" {
			t.Errorf("setting %q is described as %+v", key, s)
		}
		if s.context == internalContext {
			continue
		}
		if kept, err := s.read(s.boot); (err != nil || kept != s.boot) && s.boot != "" {
			t.Errorf("%s begins with %q, which is read as %q, %v", key, s.boot, kept, err)
		}
	}
}

// TestFenced lets statements meet a table that is being changed: they wait for
// the public descriptor.
func TestFenced(t *testing.T) {
	w := memory.New(2)
	b := newBackend(t, w, Config{})
	c := connect(t, b, nil)
	ctx := context.Background()
	if err := c.query(ctx, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); SELECT * FROM t WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	c.take()
	table := *w.Catalog().ByName["t"]
	table.Fenced = true
	fenced, err := w.AlterTable(ctx, catalog.Change{Base: catalog.TableRef{ID: table.ID, Version: table.Version, Name: "t"}, Table: &table})
	if err != nil {
		t.Fatal(err)
	}
	refreshes := 0
	w.Hook = func(step string, _ object.PartitionID) error {
		if step != "refresh" {
			return nil
		}
		if refreshes++; refreshes == 3 {
			public := *fenced
			public.Fenced = false
			_, err := w.AlterTable(ctx, catalog.Change{Base: catalog.TableRef{ID: fenced.ID, Version: fenced.Version, Name: "t"}, Table: &public})
			return err
		}
		return nil
	}
	if err := c.query(ctx, "SELECT * FROM t WHERE id = 1"); err != nil || refreshes < 3 {
		t.Errorf("%v after %d refreshes: %s", err, refreshes, c.take())
	}
}

// TestTraffic updates a few objects from several sessions while they are moved,
// and the table is changed: every acknowledged update is there, once.
func TestTraffic(t *testing.T) {
	w := memory.New(3)
	b := newBackend(t, w, Config{})
	c := connect(t, b, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.query(ctx, "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT g, 0 FROM generate_series(0, 4) AS g"); err != nil {
		t.Fatal(err, c.take())
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for worker := range 4 {
		s := connect(t, b, nil)
		r := rand.New(rand.NewPCG(seed, uint64(worker)))
		wg.Go(func() {
			for range 100 {
				err := s.query(ctx, fmt.Sprintf("UPDATE t SET n = n + 1 WHERE id = %d", r.IntN(5)))
				if out := s.take(); err == nil && strings.Contains(out, "UPDATE 1") {
					mu.Lock()
					done++
					mu.Unlock()
				} else {
					t.Errorf("update: %v %s", err, out)
				}
			}
		})
	}
	mover := connect(t, b, nil)
	r := rand.New(rand.NewPCG(seed, 99))
	wg.Go(func() {
		for i := range 100 {
			sql := fmt.Sprintf("MOVE t WHERE id = %d TO PARTITION %d", r.IntN(5), r.IntN(3)+1)
			if i%20 == 10 {
				sql = fmt.Sprintf("ALTER TABLE t ADD COLUMN c%d int", i)
			}
			if err := mover.query(ctx, sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
			mover.take()
		}
	})
	wg.Wait()
	if err := c.query(ctx, "SELECT 'sum', sum(n), count(*) FROM t"); err != nil {
		t.Fatal(err)
	}
	if out := c.take(); !strings.Contains(out, fmt.Sprintf("sum | %d | 5", done)) || done != 400 {
		t.Errorf("%d updates were acknowledged; %s", done, out)
	}
}

// TestWorkMemIsCapped holds that a session cannot take more memory than the node
// allows, whatever it sets.
func TestWorkMemIsCapped(t *testing.T) {
	b := newBackend(t, memory.New(1), Config{MaxWorkMem: 1 << 20})
	c := connect(t, b, nil)
	ctx := context.Background()
	err := c.query(ctx, "SET work_mem = '2000GB'; SELECT g FROM generate_series(1, 100000) AS g ORDER BY g DESC")
	if e := pgerror.As(err); e == nil || e.Code != pgerror.OutOfMemory {
		t.Errorf("got %v, want %s", err, pgerror.OutOfMemory)
	}
	if err := c.query(ctx, "SELECT g FROM generate_series(1, 1000) AS g ORDER BY g DESC"); err != nil {
		t.Error(err)
	}
}

// TestConcurrentChanges lets sessions change one table at once: a change that was
// made from an old descriptor is planned anew, none is lost.
func TestConcurrentChanges(t *testing.T) {
	w := memory.New(2)
	b := newBackend(t, w, Config{})
	c := connect(t, b, nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.query(ctx, "CREATE TABLE t (id int PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		s := connect(t, b, nil)
		wg.Go(func() {
			for i := range 5 {
				if err := s.query(ctx, fmt.Sprintf("ALTER TABLE t ADD COLUMN c%d_%d int", worker, i)); err != nil {
					t.Errorf("%v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(w.Catalog().ByName["t"].Columns); n != 21 {
		t.Errorf("%d columns", n)
	}
}
