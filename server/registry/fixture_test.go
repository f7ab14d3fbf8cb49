package registry

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/builtin"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/host/hosttest"
	"github.com/ssmr/ssmr/plugins/placement"
)

// fakeCatalog is a catalog that a test changes.
type fakeCatalog struct {
	mu      sync.Mutex // guards what follows
	snap    catalog.Snapshot
	changed chan struct{}
}

func (c *fakeCatalog) Catalog() *catalog.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	snap := c.snap
	return &snap
}

func (c *fakeCatalog) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *fakeCatalog) Refresh(context.Context) error { return nil }

// change makes the next snapshot.
func (c *fakeCatalog) change(f func(next *catalog.Snapshot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snap.Version++
	f(&c.snap)
	close(c.changed)
	c.changed = make(chan struct{})
}

// policies makes these the policies; those without a version are new.
func (c *fakeCatalog) policies(list ...catalog.Policy) {
	c.change(func(next *catalog.Snapshot) {
		for i := range list {
			if list[i].Version == 0 {
				list[i].Version = next.Version
			}
		}
		next.Policies = list
	})
}

// fixture is a registry, and what is around it.
type fixture struct {
	*Registry
	t       testing.TB
	catalog *fakeCatalog
	dir     string
	load    []placement.Partition
}

// program makes a program of a version.
func (f *fixture) program(version string) string {
	f.t.Helper()
	return filepath.Base(hosttest.Link(f.t, f.dir, version))
}

func newFixture(t testing.TB, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir(), catalog: &fakeCatalog{changed: make(chan struct{})}}
	f.catalog.snap = catalog.Snapshot{
		Version: 1, Tables: map[object.TableID]*catalog.Table{}, Partitions: []catalog.Partition{{ID: 1}, {ID: 2}, {ID: 3}},
	}
	sockets := filepath.Join(t.TempDir(), "s")
	cfg := Config{Dir: f.dir, CallTimeout: 5 * time.Second, StartTimeout: 10 * time.Second, Backoff: 10 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	programs, err := host.New(host.Config{
		Dir: f.dir, Sockets: sockets, CallTimeout: cfg.CallTimeout, HealthInterval: time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Registry = New(cfg, Dependencies{
		BuiltIn: append(builtin.Policies(), &policy{name: "local", version: "1"}), Host: programs, Catalog: f.catalog,
		Load: func() []placement.Partition { return f.load },
	})
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(sockets); !os.IsNotExist(err) {
			t.Errorf("the folder of sockets is left behind: %v", err)
		}
	})
	return f
}

// table is one whose objects a policy places.
func table(policy string, change func(*catalog.Table)) *catalog.Table {
	t := &catalog.Table{
		ID: 7, Version: 1, Name: "t", PrimaryKey: []int{0},
		Columns:   []catalog.Column{{Name: "id", Type: datum.Int4}, {Name: "country", Type: datum.Text}},
		Placement: catalog.Placement{Policy: policy, Program: policy == "remote"},
	}
	if change != nil {
		change(t)
	}
	return t
}

// request asks about objects with the homes.
func request(t *catalog.Table, hint string, homes ...object.PartitionID) execute.PlaceRequest {
	r := execute.PlaceRequest{Table: t, Hint: hint, Homes: homes}
	for i := range homes {
		r.Rows = append(r.Rows, []datum.Datum{datum.NewInt(int64(i)), datum.NewText("de")})
	}
	return r
}

// until waits for a condition.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// status returns a policy's row of ssmr.policies; its name is empty where there is none.
func (f *fixture) status(name string) execute.PolicyStatus {
	for _, s := range f.Statuses() {
		if s.Name == name {
			return s
		}
	}
	return execute.PolicyStatus{}
}
