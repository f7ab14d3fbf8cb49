package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/plugins/placement"
	"github.com/ssmr/ssmr/tests/harness"
)

// Placements are compared with each other, on one cluster.

const (
	policyInserts = "policyinserts"
	tenantTraffic = "tenants"
	tenantsNear   = "tenantsnear"
)

// wantsPlacements and wantsPostgres report what some of the traffic needs.
func wantsPlacements(only []string) bool {
	return slices.ContainsFunc(only, isPlacements)
}

func wantsPostgres(only []string) bool {
	return slices.ContainsFunc(only, func(name string) bool { return !isPlacements(name) })
}

func isPlacements(name string) bool {
	return name == policyInserts || name == tenantTraffic || name == tenantsNear
}

// home is the least that a policy can be. This program serves it where a server has
// started it.
type home struct{}

func (home) Name() string    { return "home" }
func (home) Version() string { return "1" }

// Place leaves each object at its home.
func (home) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	placed := make([]placement.Placement, len(b.Objects))
	for i := range placed {
		placed[i] = placement.Placement{Partition: b.Objects[i].Home, Reason: "its home"}
	}
	return placed, nil
}

// startedAsPolicy reports whether a server has started this program.
func startedAsPolicy() bool {
	return os.Getenv(placement.Handshake.MagicCookieKey) == placement.Handshake.MagicCookieValue
}

// buildPolicies makes a folder of plugins: home-policy, geo-policy and tenant-policy.
func buildPolicies(r *reporter) string {
	dir := r.TempDir()
	self, err := os.Executable()
	if err != nil {
		r.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "home-policy"), text, 0o755)
	}
	if err != nil {
		r.Fatal(err)
	}
	for _, name := range []string{"geo", "tenant"} {
		out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name+"-policy"),
			"github.com/ssmr/ssmr/plugins/examples/"+name).CombinedOutput()
		if err != nil {
			r.Fatalf("go build: %v\n%s", err, out)
		}
	}
	return dir
}

// runPlacements compares placements.
func runPlacements(r *reporter, o options) {
	// A policy whose answers come too late on a busy machine is not followed, and then it is
	// not a policy that is measured.
	cluster := harness.Start(r, o.nodes, "--groups", strconv.Itoa(o.groups), "--plugins-dir", buildPolicies(r), "--plugins-call-timeout", "10s")
	var nodes []system
	for _, n := range cluster.Nodes {
		nodes = append(nodes, system{name: "ssmr", host: n.SQL, user: "test", database: "test", protocol: o.protocol})
	}
	s := nodes[0]
	conn, err := pgx.Connect(context.Background(), s.dsn())
	if err != nil {
		r.Fatal(err)
	}
	defer conn.Close(context.Background())
	p := &placements{reporter: r, options: o, system: s, nodes: nodes, conn: conn}
	for _, name := range []string{"home", "geo", "tenant"} {
		p.exec(fmt.Sprintf("CREATE POLICY %s FROM '%s-policy'", name, name))
	}
	if slices.Contains(o.only, policyInserts) {
		p.inserts()
	}
	if slices.Contains(o.only, tenantTraffic) {
		p.tenants(false)
	}
	if slices.Contains(o.only, tenantsNear) {
		p.tenants(true)
	}
}

// placements is a comparison under way.
type placements struct {
	*reporter
	options options
	system  system // the node that clients talk to
	nodes   []system
	conn    *pgx.Conn // to system
}

func (p *placements) exec(sql string) {
	if _, err := p.conn.Exec(context.Background(), sql); err != nil {
		p.Fatalf("%s: %v", sql, err)
	}
}

// partitions returns the ids of all partitions.
func (p *placements) partitions() []int {
	rows, err := p.conn.Query(context.Background(), "SELECT partition FROM ssmr.partitions ORDER BY partition")
	if err != nil {
		p.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		p.Fatal(err)
	}
	return ids
}

// settleTime is what is waited before a run, so that it does not pay for what the one before
// has left to be flushed and compacted.
const settleTime = 2 * time.Second

// compare measures each table, in turns, and returns the best result of each. Each round
// begins with another table. around is called before and after each measurement.
func (p *placements) compare(tables []string, measure func(at int) (result, error), around func(at int) (after func())) []result {
	best := make([]result, len(tables))
	for round := range p.options.rounds {
		for n := range tables {
			i := (n + round) % len(tables)
			table := tables[i]
			time.Sleep(settleTime)
			after := around(i)
			got, err := measure(i)
			if err != nil {
				p.Fatalf("%s: %v", table, err)
			}
			after()
			if got.tps > best[i].tps {
				best[i] = got
			}
		}
	}
	return best
}
