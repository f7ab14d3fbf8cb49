package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/tests/harness"
)

// config says what a run does.
type config struct {
	traffic  []kind
	failures []failure
	besides  []beside
	duration time.Duration
	seed     uint64
	nodes    int
	groups   int    // Raft groups of the partitions
	clients  int    // of each traffic
	program  string // an ssmr-server that was built before; empty: it is built
	tags     string // build tags beside fault
	plant    string // the bug that is planted
	history  string // the file
	keep     bool   // data folders, after a violation
}

// The streams of random numbers of a run, beside those of clients.
const (
	streamPlacement = 1 << 32
	streamFailures  = 2 << 32
	streamBeside    = 3 << 32
	streamFinish    = 4 << 32
)

// load is one traffic in a run.
type load struct {
	kind
	traffic
	tally *tally
}

// run is one run.
type run struct {
	cfg     config
	report  harness.Reporter
	say     func(format string, args ...any)
	log     *history
	verdict *verdict
	site    *site
	loads   []load
	beside  map[string]*tally
	// transactions says that the server has BEGIN and COMMIT.
	transactions bool
}

// start does a run, and returns what is to be said of it. It prints what it does.
func start(cfg config, report harness.Reporter, say func(string, ...any)) (*verdict, error) {
	log, err := newHistory(cfg.history)
	if err != nil {
		return nil, err
	}
	r := &run{cfg: cfg, report: report, say: say, log: log, verdict: &verdict{}, beside: make(map[string]*tally)}
	say("seed %d, %s, %d nodes, %d groups, %d clients of each traffic; history: %s",
		cfg.seed, cfg.duration, cfg.nodes, cfg.groups, cfg.clients, cfg.history)
	if err := r.prepare(); err != nil {
		_ = log.close()
		return nil, err
	}
	r.drive()
	r.finish()
	for _, l := range r.loads {
		l.check(r.verdict)
	}
	return r.verdict, log.close()
}

// rand returns one of the run's streams of random numbers.
func (r *run) rand(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(r.cfg.seed, stream)) }

// prepare starts the cluster and makes the tables.
func (r *run) prepare() error {
	program := r.cfg.program
	if program == "" {
		program = filepath.Join(r.report.TempDir(), "ssmr-server")
		tags := strings.Trim("fault,"+r.cfg.tags, ",")
		r.say("building ssmr-server with -tags %s", tags)
		if err := harness.Build(program, tags); err != nil {
			return err
		}
	}
	sc := siteConfig{nodes: r.cfg.nodes, groups: r.cfg.groups, program: program}
	if r.cfg.plant != "" {
		sc.env = append(sc.env, "FAULT_PLANT="+r.cfg.plant)
	}
	for _, f := range r.cfg.failures {
		sc.hooks = sc.hooks || f.hooks
		sc.clocks = sc.clocks || f.name == "clock"
		if f.several && r.cfg.nodes < 2 {
			return fmt.Errorf("failure %s needs several nodes", f.name)
		}
	}
	var err error
	if r.site, err = newSite(r.report, sc, r.log, r.verdict, r.say); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := r.site.nodes[0].Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return r.makeTables(ctx, conn)
}

func (r *run) makeTables(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "BEGIN")
	if r.transactions = err == nil; err == nil {
		if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
	rnd := r.rand(streamPlacement)
	w := &world{history: r.log, placement: func() string {
		return [...]string{"hash", "hash", "least_loaded"}[rnd.IntN(3)]
	}}
	for _, k := range r.cfg.traffic {
		if k.transactions && !r.transactions {
			r.say("%s: without transactions, which this server does not have", k.name)
		}
		t := k.make()
		if err := t.setup(ctx, conn, w); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		r.loads = append(r.loads, load{kind: k, traffic: t, tally: &tally{}})
	}
	return nil
}

// client makes a client.
func (r *run) client(who string, id int, stream uint64, t *tally) *client {
	return &client{
		id: id, traffic: who, nodes: r.site.nodes, rnd: r.rand(stream), log: r.log, tally: t, verdict: r.verdict,
		transactions: r.transactions,
	}
}

// tables returns all tables of the traffic.
func (r *run) tables() []table {
	var out []table
	for _, l := range r.loads {
		out = append(out, l.tables()...)
	}
	return out
}

// drive has clients, failures and what goes on beside run side by side.
func (r *run) drive() {
	stop, cancel := context.WithTimeout(context.Background(), r.cfg.duration)
	defer cancel()
	var running sync.WaitGroup
	for i, l := range r.loads {
		for j := range r.cfg.clients {
			id := i*r.cfg.clients + j
			c := r.client(l.name, id, uint64(id), l.tally)
			running.Go(func() {
				defer c.close()
				for stop.Err() == nil {
					if !c.ready(stop) {
						time.Sleep(20 * time.Millisecond)
						continue
					}
					l.step(c)
				}
			})
		}
	}
	for i, b := range r.cfg.besides {
		t := &tally{}
		r.beside[b.name] = t
		c := r.client(b.name, 0, streamBeside+uint64(i), t)
		running.Go(func() { b.run(stop, c, r.tables()) })
	}
	var struck map[string]int
	running.Go(func() {
		if len(r.cfg.failures) > 0 {
			struck = strikeAll(&strike{site: r.site, rnd: r.rand(streamFailures), stop: stop, tables: r.tables(), breath: min(r.cfg.duration/8, mostBreath)}, r.cfg.failures)
		}
	})
	running.Wait()
	r.summary(struck)
}

// summary tells what has happened.
func (r *run) summary(struck map[string]int) {
	for _, l := range r.loads {
		r.say("%s: %s", l.name, l.tally)
		if l.tally.done() < 10 {
			r.verdict.doubt("%s: too little happened for the run to say anything", l.name)
		}
	}
	for _, b := range r.cfg.besides {
		r.say("%s: %s", b.name, r.beside[b.name])
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(struck)) {
		parts = append(parts, fmt.Sprintf("%d %s", struck[name], name))
	}
	if len(parts) > 0 {
		r.say("failures: %s", strings.Join(parts, ", "))
	}
}

// finishLimit bounds how long a read may be tried after all failures have ended.
const finishLimit = 30 * time.Second

// finish makes all well again, reads everything through every node and compares the
// replicas.
func (r *run) finish() {
	r.say("all failures end; reading what is left through every node")
	r.site.heal()
	for j, l := range r.loads {
		for i, n := range r.site.nodes {
			c := r.client(l.name, 1000+i, streamFinish+uint64(i*100+j), &tally{})
			c.nodes = []*node{n}
			if !r.goesOn(c, l) {
				break
			}
		}
		for i, n := range r.site.nodes {
			c := r.client(l.name, 1000+i, streamFinish+uint64(i*100+j+1<<16), &tally{})
			c.nodes = []*node{n}
			if !r.finishOne(c, l) {
				break
			}
		}
	}
	r.checkTransactions()
	r.checkCopies()
	r.checkReplicas()
	for _, n := range r.site.nodes {
		if text, err := os.ReadFile(n.LogFile()); err == nil {
			checkLog(r.verdict, n.Name, string(text))
		}
	}
}

// finishOne has a traffic read what is left through one node. Without failures that has
// to succeed; it reports whether it did.
func (r *run) finishOne(c *client, l load) bool {
	defer c.close()
	var err error
	for deadline := time.Now().Add(finishLimit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if !c.ready(context.Background()) {
			continue
		}
		if err = l.finish(c); err == nil {
			return true
		}
		if forbidden(err) != "" {
			return false // the verdict has it
		}
	}
	r.verdict.add(violation{where: l.name, what: fmt.Sprintf("nothing can be read through %s after all failures have ended", c.nodes[0].Name), text: fmt.Sprint(err)})
	return false
}

// goesOn does a few operations more, which have to be answered.
func (r *run) goesOn(c *client, l load) bool {
	defer c.close()
	for range 10 {
		if c.ready(context.Background()) {
			l.step(c)
		}
		if c.tally.code("timeout") > 0 {
			r.verdict.addf(l.name, "an operation through %s was not answered within %s after all failures have ended", c.nodes[0].Name, operationTimeout)
			return false
		}
	}
	return true
}

// checkTransactions finds transactions and locks that stay when all clients have gone.
func (r *run) checkTransactions() {
	var left []string
	limit := finishLimit
	if r.verdict.code() == exitViolation {
		limit = time.Second // something is wrong anyway, and this tells more of it
	}
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		found, err := unfinished(ctx, r.site.nodes[0])
		cancel()
		if err == nil && len(found) == 0 {
			return
		}
		left = found
		if err != nil {
			left = []string{err.Error()}
		}
	}
	r.verdict.add(violation{where: "transactions", text: explain(left...),
		what: fmt.Sprintf("%d are under way %s after all clients have gone", len(left), limit)})
}

// unfinished lists what is under way.
func unfinished(ctx context.Context, n *node) ([]string, error) {
	conn, err := n.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT transaction || ' in partition ' || partition || ': ' || state || ', waits for ' || coalesce(waits_for::text, 'nobody') FROM ssmr.transactions
		WHERE state IN ('preparing', 'prepared', 'locking', 'waiting')`)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	rows, err = conn.Query(ctx, `SELECT 'lock of ' || coalesce(table_name, '') || ' ' || coalesce(key, '') || ' in partition ' || partition || ' by ' || coalesce(transaction, 'a statement') || ', ' || mode || CASE WHEN granted THEN '' ELSE ', waited for' END
		FROM ssmr.locks`)
	if err != nil {
		return nil, err
	}
	locks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return append(found, locks...), err
}

// checkCopies finds rows that are in two partitions.
func (r *run) checkCopies() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := r.site.nodes[0].Connect(ctx)
	if err != nil {
		r.verdict.doubt("copies were not looked for: %v", err)
		return
	}
	defer conn.Close(ctx)
	for _, t := range r.tables() {
		where := make(map[int64]int64)
		rows, err := conn.Query(ctx, fmt.Sprintf("SELECT id, _partition::bigint FROM %s", t.name))
		if err == nil {
			var id, partition int64
			_, err = pgx.ForEachRow(rows, []any{&id, &partition}, func() error {
				if other, twice := where[id]; twice {
					r.verdict.addf(t.name, "row %d is in partition %d and in partition %d", id, other, partition)
				}
				where[id] = partition
				return nil
			})
		}
		if err != nil {
			r.verdict.doubt("copies of %s were not looked for: %v", t.name, err)
		}
	}
}

// checkReplicas compares the replicas of each group.
func (r *run) checkReplicas() {
	var found []replica
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		found, err = replicas(ctx, r.site.nodes[0])
		cancel()
		if err == nil && complete(found) {
			for _, d := range differences(found) {
				r.verdict.addf("replicas", "%s", d)
			}
			return
		}
	}
	r.verdict.addf("replicas", "not all have answered: %v %+v", err, found)
}

// checkLog finds what a node must not log.
func checkLog(v *verdict, name, text string) {
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "panic:") || strings.Contains(l, "panicked") || strings.HasPrefix(l, "fatal error:") || strings.Contains(l, "DATA RACE") {
			v.add(violation{where: name, what: "its log says: " + strings.TrimSpace(l), text: strings.Join(lines[i:min(i+40, len(lines))], "")})
			return
		}
	}
}
