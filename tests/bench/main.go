package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/plugins/placement"
	"github.com/ssmr/ssmr/tests/harness"
)

// script is one kind of traffic.
type script struct {
	name   string
	text   string
	simple bool // it has several statements in a message, which takes the simple protocol
}

const (
	rows   = 100_000
	warmUp = 10 * time.Second
)

var scripts = []script{
	{name: "read", text: "\\set id random(1, 100000)\nSELECT payload FROM bench WHERE id = :id;\n"},
	{name: "update", text: "\\set id random(1, 100000)\nUPDATE bench SET n = n + 1 WHERE id = :id;\n"},
	{name: "hot", text: "UPDATE bench SET n = n + 1 WHERE id = 1;\n"},
	{name: "insert", text: "INSERT INTO bench_insert (payload) VALUES ('" + strings.Repeat("x", 100) + "');\n"},
}

type options struct {
	clients []int
	time    time.Duration
	rounds  int
	only    []string
	nodes   int
	groups  int
	// protocol is how statements are sent.
	protocol string
}

func main() {
	if startedAsPolicy() {
		placement.Serve(home{})
		return
	}
	var clients, only string
	var o options
	flag.StringVar(&clients, "clients", "1,16,64,256", "numbers of clients")
	flag.DurationVar(&o.time, "time", 5*time.Second, "length of one measurement")
	flag.IntVar(&o.rounds, "rounds", 2, "measurements of each system, in turns; the best counts")
	flag.StringVar(&only, "only", "read,update,hot,insert", "kinds of traffic; also transfer1, transfer2 (transactions within one partition, and over two), transfer1s, transfer2s (the same as one statement), contended, contendeds (10 accounts), shares (of transfers over two partitions), and, without PostgreSQL, policyinserts (inserts by placement) tenants and tenantsnear (transactions over five objects of a tenant, by placement, with all clients at one node, and near their tenants)")
	flag.IntVar(&o.nodes, "nodes", 3, "nodes of ssmr, and PostgreSQL servers")
	flag.IntVar(&o.groups, "groups", 0, "Raft groups that the partitions of ssmr share; 0 for as few as can be")
	flag.StringVar(&o.protocol, "protocol", "prepared", "how statements are sent, as pgbench -M: prepared, or simple, with their values in their texts")
	flag.Parse()
	for c := range strings.SplitSeq(clients, ",") {
		n, err := strconv.Atoi(c)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "bench: %q is not a number of clients\n", c)
			os.Exit(2)
		}
		o.clients = append(o.clients, n)
	}
	o.only = strings.Split(only, ",")
	r := &reporter{}
	defer r.finish()
	if wantsPostgres(o.only) {
		run(r, o)
	}
	if wantsPlacements(o.only) {
		runPlacements(r, o)
	}
}

func run(r *reporter, o options) {
	pg := system{name: "postgres", host: harness.StartPostgres(r, o.nodes), user: "postgres", database: "postgres", protocol: o.protocol}
	cluster := harness.Start(r, o.nodes, "--groups", strconv.Itoa(o.groups))
	ssmr := system{name: "ssmr", host: cluster.Nodes[0].SQL, user: "test", database: "test", protocol: o.protocol}
	systems := []system{pg, ssmr}
	for _, s := range systems {
		r.Logf("loading %d rows into %s", rows, s.name)
		if err := load(s); err != nil {
			r.Fatalf("loading %s: %v", s.name, err)
		}
	}
	// Caches are filled, and leadership is where the commands come from.
	for _, s := range systems {
		if _, err := pgbench(r, s, scripts[1], 16, warmUp); err != nil {
			r.Fatalf("warming up %s: %v", s.name, err)
		}
	}
	all := slices.Clone(scripts)
	var branches []int
	if wantsAccounts(o.only) {
		var err error
		if branches, err = loadAccounts(ssmr, nil); err == nil {
			_, err = loadAccounts(pg, branches)
		}
		if err != nil {
			r.Fatalf("loading accounts: %v", err)
		}
		all = append(all, transfers(branches)...)
	}
	fmt.Printf("# %d servers each, %d rows of 100 bytes, %d CPUs, statements are %s, %s a measurement, best of %d\n",
		o.nodes, rows, runtime.NumCPU(), o.protocol, o.time, o.rounds)
	fmt.Printf("%-10s %8s %14s %14s %8s %12s %12s %10s\n", "traffic", "clients", "postgres tps", "ssmr tps", "ratio", "pg ms", "ssmr ms", "retries")
	for _, sc := range all {
		if !slices.Contains(o.only, sc.name) {
			continue
		}
		for _, n := range o.clients {
			best := make([]result, len(systems))
			for range o.rounds {
				for i, s := range systems {
					got, err := pgbench(r, s, sc, n, o.time)
					if err != nil {
						r.Fatalf("%s, %s, %d clients: %v", s.name, sc.name, n, err)
					}
					if got.tps > best[i].tps {
						best[i] = got
					}
				}
			}
			fmt.Printf("%-10s %8d %14.0f %14.0f %8.2f %12.2f %12.2f %10.2f\n", sc.name, n,
				best[0].tps, best[1].tps, best[1].tps/best[0].tps, best[0].latency, best[1].latency, best[1].retries)
		}
	}
	if slices.Contains(o.only, "shares") {
		runShares(r, ssmr, branches, o)
	}
}

// load makes and fills the tables.
func load(s system) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.dsn())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, ddl := range []string{
		"DROP TABLE IF EXISTS bench", "DROP TABLE IF EXISTS bench_insert",
		"CREATE TABLE bench (id bigint PRIMARY KEY, n bigint NOT NULL, payload text NOT NULL)",
		"CREATE TABLE bench_insert (id bigserial PRIMARY KEY, payload text NOT NULL)",
	} {
		if _, err := conn.Exec(ctx, ddl); err != nil {
			return fmt.Errorf("%s: %w", ddl, err)
		}
	}
	payload := strings.Repeat("x", 100)
	const batch = 1000
	for first := 1; first <= rows; first += batch {
		var b strings.Builder
		b.WriteString("INSERT INTO bench VALUES ")
		for i := range batch {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "(%d,0,'%s')", first+i, payload)
		}
		if _, err := conn.Exec(ctx, b.String()); err != nil {
			return err
		}
	}
	return nil
}
