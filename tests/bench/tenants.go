package main

import (
	"context"
	"fmt"
	"strings"
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

// tenants prints what placements do for traffic that is about one tenant at a time.
func (p *placements) tenants() {
	var tables []string
	for _, t := range tenantPlacements {
		tables = append(tables, t.table)
		with := ""
		if t.with != "" {
			with = " WITH (" + t.with + ")"
		}
		p.exec("CREATE TABLE " + t.table + " (tenant integer, id integer, n bigint NOT NULL, payload text NOT NULL, PRIMARY KEY (tenant, id))" + with)
		p.Logf("loading %s", t.table)
		for tenant := 1; tenant <= tenantCount; tenant++ {
			p.exec(fmt.Sprintf("INSERT INTO %s SELECT %d, g, 0, '%s' FROM generate_series(1, %d) AS s(g)",
				t.table, tenant, strings.Repeat("x", 80), objectsPerTenant))
		}
	}
	fmt.Printf("\n# %d objects of one tenant by placement, one run of %d nodes, %s a measurement, best of %d\n",
		objectsTogether, p.options.nodes, p.options.time, p.options.rounds)
	fmt.Printf("%-12s %8s %-14s %10s %8s %10s %10s %16s\n", "as one", "clients", "table", "tps", "of hash", "ms", "retries", "one partition %")
	for _, kind := range []struct {
		name   string
		script func(table string) script
	}{{"transaction", tenantTransaction}, {"message", tenantMessage}, {"statement", tenantStatement}} {
		for _, n := range p.options.clients {
			touched := make([]touched, len(tables))
			best := p.compare(tables, n, func(i int) script { return kind.script(tables[i]) }, func(i int) func() {
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

// chooseTogether is the part of a script that chooses a tenant and its objects, of which
// no two are the same.
func chooseTogether() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\\set t random(1, %d)\n", tenantCount)
	const each = objectsPerTenant / objectsTogether
	for i := range objectsTogether {
		fmt.Fprintf(&b, "\\set o%d random(%d, %d)\n", i, i*each+1, (i+1)*each)
	}
	return b.String()
}

// tenantTransaction updates the objects in a transaction of seven statements, each of which
// is answered before the next one is sent.
func tenantTransaction(table string) script {
	return script{name: table + "_transaction", text: chooseTogether() + strings.Join(updates(table), ";\n") + ";\n"}
}

// tenantMessage sends the same in one message.
func tenantMessage(table string) script {
	return script{name: table + "_message", text: chooseTogether() + strings.Join(updates(table), "\\;\n") + ";\n", simple: true}
}

func updates(table string) []string {
	list := []string{"BEGIN"}
	for i := range objectsTogether {
		list = append(list, fmt.Sprintf("UPDATE %s SET n = n + 1 WHERE tenant = :t AND id = :o%d", table, i))
	}
	return append(list, "END")
}

// tenantStatement updates the objects in one statement.
func tenantStatement(table string) script {
	var b strings.Builder
	fmt.Fprintf(&b, "%sUPDATE %s SET n = n + 1 WHERE tenant = :t AND id IN (", chooseTogether(), table)
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
