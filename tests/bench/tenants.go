package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// A tenant's objects, by placement. A transaction of several statements, sent one by one or
// in one message, or of one statement, is about five objects of one tenant.
const (
	tenantCount      = 200
	objectsPerTenant = 100
	objectsTogether  = 5
)

var tenantPlacements = []struct{ table, with string }{
	{"tenant_hash", ""},
	{"tenant_column", "placement = 'column', placement.columns = 'tenant'"},
	{"tenant_plugin", "placement = 'tenant'"},
}

// tenants prints what placements do for traffic that is about one tenant at a time: with all
// clients at one node, which then leads all partitions, or, near, with those of each tenant
// at the node that its objects are led at. Leadership comes to them.
func (p *placements) tenants(near bool) {
	p.loadTenants()
	var tables []string
	var sites [][]site // by table
	for _, t := range tenantPlacements {
		tables = append(tables, t.table)
		sites = append(sites, p.sites(t.table, near))
	}
	where := "all clients at one node"
	if near {
		where = "clients at all nodes, near their tenants"
	}
	fmt.Printf("\n# %d objects of one tenant by placement, %s, one run of %d nodes, %s a measurement, best of %d\n",
		objectsTogether, where, p.options.nodes, p.options.time, p.options.rounds)
	fmt.Printf("%-12s %8s %-14s %10s %8s %10s %10s %16s\n", "as one", "clients", "table", "tps", "of hash", "ms", "retries", "one partition %")
	for _, kind := range []struct {
		name   string
		script func(table string, tenants []int) script
	}{{"transaction", tenantTransaction}, {"message", tenantMessage}, {"statement", tenantStatement}} {
		for _, n := range p.options.clients {
			touched := make([]touched, len(tables))
			best := p.compare(tables, func(i int) (result, error) {
				return p.atSites(sites[i], n, func(tenants []int) script { return kind.script(tables[i], tenants) }, near)
			}, func(i int) func() {
				before := p.touched()
				return func() { touched[i] = touched[i].plus(p.touched().minus(before)) }
			})
			for i, b := range best {
				fmt.Printf("%-12s %8d %-14s %10.0f %8.2f %10.2f %10.2f %16.1f\n", kind.name, n, tables[i],
					b.tps, b.tps/best[0].tps, b.latency, b.retries, touched[i].share())
			}
		}
	}
}

func (p *placements) loadTenants() {
	for _, t := range tenantPlacements {
		with := ""
		if t.with != "" {
			with = " WITH (" + t.with + ")"
		}
		p.exec("DROP TABLE IF EXISTS " + t.table)
		p.exec("CREATE TABLE " + t.table + " (tenant integer, id integer, n bigint NOT NULL, payload text NOT NULL, PRIMARY KEY (tenant, id))" + with)
		p.Logf("loading %s", t.table)
		for tenant := 1; tenant <= tenantCount; tenant++ {
			p.exec(fmt.Sprintf("INSERT INTO %s SELECT %d, g, 0, '%s' FROM generate_series(1, %d) AS s(g)",
				t.table, tenant, strings.Repeat("x", 80), objectsPerTenant))
		}
	}
}

// site is a node and the tenants whose clients are there.
type site struct {
	system  system
	tenants []int
}

// sites says which clients are where. Near, those of a tenant under hash are where they are
// under column.
func (p *placements) sites(table string, near bool) []site {
	if !near {
		all := make([]int, tenantCount)
		for i := range all {
			all[i] = i + 1
		}
		return []site{{p.system, all}}
	}
	if table == tenantPlacements[0].table {
		table = tenantPlacements[1].table
	}
	rows, err := p.conn.Query(context.Background(), "SELECT tenant, _partition FROM "+table+" WHERE id = 1 ORDER BY tenant")
	if err != nil {
		p.Fatal(err)
	}
	sites := make([]site, len(p.nodes))
	for i, s := range p.nodes {
		sites[i].system = s
	}
	var tenant, partition int
	_, err = pgx.ForEachRow(rows, []any{&tenant, &partition}, func() error {
		at := (partition - 1) % len(sites)
		sites[at].tenants = append(sites[at].tenants, tenant)
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
	return sites
}

// comeTime is what leadership needs to come to where the clients are.
const comeTime = 8 * time.Second

// atSites runs a script for the tenants of each site, there, with a share of the clients.
func (p *placements) atSites(sites []site, clients int, scriptOf func(tenants []int) script, near bool) (result, error) {
	if near {
		if _, err := p.atOnce(sites, clients, scriptOf, comeTime); err != nil {
			return result{}, err
		}
	}
	return p.atOnce(sites, clients, scriptOf, p.options.time)
}

func (p *placements) atOnce(sites []site, clients int, scriptOf func(tenants []int) script, length time.Duration) (result, error) {
	results, errs := make([]result, len(sites)), make([]error, len(sites))
	var done sync.WaitGroup
	for i, s := range sites {
		share := clients*(i+1)/len(sites) - clients*i/len(sites)
		if share == 0 || len(s.tenants) == 0 {
			continue
		}
		sc := scriptOf(s.tenants)
		sc.name = fmt.Sprintf("%s_%d", sc.name, i)
		done.Go(func() { results[i], errs[i] = pgbench(p.reporter, s.system, sc, share, length) })
	}
	done.Wait()
	var sum result
	for _, r := range results {
		sum.tps += r.tps
		sum.latency += r.latency * r.tps
		sum.retries += r.retries * r.tps
	}
	sum.latency /= max(sum.tps, 1)
	sum.retries /= max(sum.tps, 1)
	return sum, errors.Join(errs...)
}

// chooseTogether is the part of a script that chooses a tenant and its objects, of which
// no two are the same.
func chooseTogether(tenants []int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\\set i random(1, %d)\n\\set t %s\n", len(tenants), pick(tenants, 1))
	const each = objectsPerTenant / objectsTogether
	for i := range objectsTogether {
		fmt.Fprintf(&b, "\\set o%d random(%d, %d)\n", i, i*each+1, (i+1)*each)
	}
	return b.String()
}

// pick is an expression of pgbench: the one of a list that i says, counted from first.
func pick(list []int, first int) string {
	if list[len(list)-1]-list[0] == len(list)-1 { // they follow each other
		return fmt.Sprintf(":i + %d", list[0]-first)
	}
	half := len(list) / 2
	return fmt.Sprintf("case when :i < %d then %s else %s end", first+half, pick(list[:half], first), pick(list[half:], first+half))
}

// tenantTransaction updates the objects in a transaction of seven statements, each of which
// is answered before the next one is sent.
func tenantTransaction(table string, tenants []int) script {
	return script{name: table + "_transaction", text: chooseTogether(tenants) + strings.Join(updates(table), ";\n") + ";\n"}
}

// tenantMessage sends the same in one message.
func tenantMessage(table string, tenants []int) script {
	return script{name: table + "_message", text: chooseTogether(tenants) + strings.Join(updates(table), "\\;\n") + ";\n", simple: true}
}

func updates(table string) []string {
	list := []string{"BEGIN"}
	for i := range objectsTogether {
		list = append(list, fmt.Sprintf("UPDATE %s SET n = n + 1 WHERE tenant = :t AND id = :o%d", table, i))
	}
	return append(list, "END")
}

// tenantStatement updates the objects in one statement.
func tenantStatement(table string, tenants []int) script {
	var b strings.Builder
	fmt.Fprintf(&b, "%sUPDATE %s SET n = n + 1 WHERE tenant = :t AND id IN (", chooseTogether(tenants), table)
	for i := range objectsTogether {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, ":o%d", i)
	}
	return script{name: table + "_statement", text: b.String() + ");\n"}
}

// touched counts writing commands by how many partitions they touched.
type touched struct{ one, several int64 }

func (c touched) minus(d touched) touched { return touched{c.one - d.one, c.several - d.several} }
func (c touched) plus(d touched) touched  { return touched{c.one + d.one, c.several + d.several} }

// share is that of commands that touched one partition, in percent.
func (c touched) share() float64 { return 100 * float64(c.one) / float64(max(c.one+c.several, 1)) }

// touched returns what all nodes have counted.
func (p *placements) touched() touched {
	count := func(name string) (n int64) {
		if err := p.conn.QueryRow(context.Background(), "SELECT sum(value) FROM ssmr.counters WHERE name = $1", name).Scan(&n); err != nil {
			p.Fatal(err)
		}
		return n
	}
	return touched{count("commands_one_partition"), count("commands_several_partitions")}
}
