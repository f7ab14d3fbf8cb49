package main

import (
	"context"
	"fmt"
	"strings"
)

// insertPlacements are what inserts are compared by. Built-in list has the oracle's round
// and no call of a program: what it loses to hash is that round, what home loses to it is
// the call. In the last table all rows of a statement are of one tenant, and so in one
// partition.
var insertPlacements = []struct {
	table, policy, with string
	tenant              bool
}{
	{"insert_hash", "", "", false},
	{"insert_list", "", "placement = 'list', list.column = 'country', list.map = 'nowhere:1'", false},
	{"insert_home", "home", "placement = 'home'", false},
	{"insert_geo", "geo", "placement = 'geo', geo.map = 'de=eu, fr=eu, us=na, ca=na'", false},
	{"insert_tenant", "tenant", "placement = 'tenant', tenant.column = 'country'", true},
}

// inserts prints how inserts through policies compare with those through hash.
func (p *placements) inserts() {
	for i, id := range p.partitions() {
		p.exec(fmt.Sprintf("ALTER PARTITION %d SET (labels = 'region=%s')", id, []string{"eu", "na"}[i%2]))
	}
	var tables []string
	for _, t := range insertPlacements {
		tables = append(tables, t.table)
		with := ""
		if t.with != "" {
			with = " WITH (" + t.with + ")"
		}
		p.exec("CREATE TABLE " + t.table + " (id bigserial PRIMARY KEY, country text NOT NULL, payload text NOT NULL)" + with)
	}
	fmt.Printf("\n# inserts by placement, one run of %d nodes, %s a measurement, best of %d\n", p.options.nodes, p.options.time, p.options.rounds)
	fmt.Printf("%8s %8s %-14s %10s %8s %10s %10s %12s %10s\n", "rows", "clients", "table", "tps", "of hash", "ms", "more ms", "policy ms", "calls")
	for _, rows := range []int{1, 100} {
		for _, n := range p.options.clients {
			asked := make([]calls, len(tables))
			best := p.compare(tables, func(i int) (result, error) {
				return pgbench(p.reporter, p.system, insertScript(tables[i], rows, insertPlacements[i].tenant), n, p.options.time)
			}, func(i int) func() {
				before := p.calls(insertPlacements[i].policy)
				return func() { asked[i] = asked[i].plus(p.calls(insertPlacements[i].policy).minus(before)) }
			})
			for i, b := range best {
				fmt.Printf("%8d %8d %-14s %10.0f %8.2f %10.2f %10.2f %12.3f %10d\n", rows, n, tables[i],
					b.tps, b.tps/best[0].tps, b.latency, b.latency-best[0].latency, asked[i].mean(), asked[i].n)
			}
		}
	}
	for _, t := range insertPlacements {
		if t.policy == "" {
			continue
		}
		var errors, fallBacks int64
		err := p.conn.QueryRow(context.Background(), "SELECT sum(errors), sum(fall_backs) FROM ssmr.policies WHERE name = $1", t.policy).Scan(&errors, &fallBacks)
		if err != nil {
			p.Fatal(err)
		}
		fmt.Printf("# %s: %d errors, %d fall-backs\n", t.policy, errors, fallBacks)
	}
}

// insertScript inserts rows in one statement: of customers in four countries, or of one
// tenant.
func insertScript(table string, rows int, tenant bool) script {
	countries := []string{"'de'", "'us'", "'fr'", "'ca'"}
	var b strings.Builder
	if tenant {
		countries = []string{":t"}
		fmt.Fprintf(&b, "\\set t random(1, %d)\n", tenantCount)
	}
	payload := strings.Repeat("x", 100)
	fmt.Fprintf(&b, "INSERT INTO %s (country, payload) VALUES ", table)
	for i := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%s, '%s')", countries[i%len(countries)], payload)
	}
	b.WriteString(";\n")
	return script{name: fmt.Sprintf("%s_%d", table, rows), text: b.String()}
}

// calls are calls of a policy.
type calls struct {
	n     int64
	spent float64 // ms
}

func (c calls) minus(d calls) calls { return calls{c.n - d.n, c.spent - d.spent} }
func (c calls) plus(d calls) calls  { return calls{c.n + d.n, c.spent + d.spent} }

func (c calls) mean() float64 { return c.spent / float64(max(c.n, 1)) }

// calls returns what all nodes have counted of a policy; none where it has no name.
func (p *placements) calls(policy string) calls {
	if policy == "" {
		return calls{}
	}
	var c calls
	err := p.conn.QueryRow(context.Background(),
		"SELECT sum(calls), sum(calls * mean_latency) FROM ssmr.policies WHERE name = $1", policy).Scan(&c.n, &c.spent)
	if err != nil {
		p.Fatal(err)
	}
	return c
}
