//go:build cluster

package cluster

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ssmr/ssmr/tests/harness"
	"github.com/ssmr/ssmr/tests/register"
)

var (
	duration = flag.Duration("duration", 40*time.Second, "how long each run under failures lasts")
	seed     = flag.Uint64("seed", 0, "seed of the random choices; 0 picks one")
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.Cleanup()
	os.Exit(code)
}

const (
	objects = 24
	clients = 8
)

// chaos is one run: clients, a mover and a source of failures on one cluster.
type chaos struct {
	t       *testing.T
	cluster *harness.Cluster
	began   time.Time
	history register.History
	stop    context.Context
	answers [register.Kinds]atomic.Int64 // certain answers
	unknown atomic.Int64
	moves   atomic.Int64
}

// TestLinearizableUnderFailures holds invariants 1 to 4: with kill -9, SIGSTOP and
// restarts of any node, and moves all the while, each object's history is
// linearizable, nothing acknowledged is lost, and one copy of each object is left. Once
// the partitions have a Raft group each, once all are in one.
func TestLinearizableUnderFailures(t *testing.T) {
	for _, c := range []struct{ placement, groups string }{{"hash", "4"}, {"least_loaded", "1"}} {
		t.Run(c.placement, func(t *testing.T) { runChaos(t, c.placement, c.groups) })
	}
}

func runChaos(t *testing.T, placement, groups string) {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", s)
	cluster := harness.Start(t, 3, "--groups", groups)
	ctx := context.Background()
	conn := harness.Connect(t, cluster.Nodes[0])
	harness.MustExec(t, conn, fmt.Sprintf("CREATE TABLE register (%s) WITH (placement = '%s')", register.Columns, placement))

	stop, cancel := context.WithTimeout(ctx, *duration)
	defer cancel()
	c := &chaos{t: t, cluster: cluster, began: time.Now(), stop: stop}
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() { c.client(i, rand.New(rand.NewPCG(s, uint64(i)))) })
	}
	running.Go(func() { c.mover(rand.New(rand.NewPCG(s, 1000))) })
	running.Go(func() { c.failures(rand.New(rand.NewPCG(s, 2000))) })
	running.Wait()
	for _, n := range cluster.Nodes {
		n.WaitReady(60 * time.Second)
	}
	var certain []string
	for kind := range register.Kinds {
		certain = append(certain, fmt.Sprintf("%s %d", kind, c.answers[kind].Load()))
	}
	t.Logf("certain answers: %s; %d unknown; %d moves", strings.Join(certain, ", "), c.unknown.Load(), c.moves.Load())
	if c.answers[register.Read].Load() < 100 || c.answers[register.Upsert].Load() < 50 || c.moves.Load() < 10 {
		t.Error("too little happened for the run to say anything")
	}
	c.finalReads()
	c.check()
	c.checkCopies()
	c.checkReplicas()
}

// client runs random operations, each on a random node, until the run stops.
func (c *chaos) client(id int, rnd *rand.Rand) {
	var conn *pgx.Conn
	defer func() {
		if conn != nil {
			conn.Close(context.Background())
		}
	}()
	for c.stop.Err() == nil {
		if conn == nil || conn.IsClosed() || rnd.IntN(50) == 0 {
			if conn != nil {
				conn.Close(context.Background())
			}
			var err error
			ctx, cancel := context.WithTimeout(c.stop, 3*time.Second)
			conn, err = c.cluster.Nodes[rnd.IntN(len(c.cluster.Nodes))].Connect(ctx)
			cancel()
			if err != nil {
				conn = nil
				time.Sleep(20 * time.Millisecond)
				continue
			}
		}
		c.do(id, conn, register.Draw(rnd, rnd.Int64N(objects)))
	}
}

// now is the time of the run, in nanoseconds.
func (c *chaos) now() int64 { return int64(time.Since(c.began)) }

// do runs one operation and records what the client was told.
func (c *chaos) do(id int, conn *pgx.Conn, in register.Input) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	called := c.now()
	out, err := in.Execute(ctx, conn)
	if err != nil {
		if hadNoEffect(err) {
			return
		}
		if strings.HasPrefix(harness.SQLState(err), "XX") {
			c.t.Errorf("internal error: %v", err)
		}
		out = register.Output{Unknown: true}
		c.unknown.Add(1)
	} else {
		c.answers[in.Kind].Add(1)
	}
	c.history.Add(id, in, out, called, c.now())
}

// hadNoEffect reports whether an error says that the statement did nothing.
func hadNoEffect(err error) bool {
	switch harness.SQLState(err) {
	case "":
		return pgconn.SafeToRetry(err)
	case "40001", "53300", "57P03":
		return true
	}
	return false
}

// mover moves random objects to random partitions.
func (c *chaos) mover(rnd *rand.Rand) {
	for c.stop.Err() == nil {
		ctx, cancel := context.WithTimeout(c.stop, 5*time.Second)
		conn, err := c.cluster.Nodes[rnd.IntN(len(c.cluster.Nodes))].Connect(ctx)
		cancel()
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		for range 50 {
			ctx, cancel := context.WithTimeout(c.stop, 8*time.Second)
			sql := fmt.Sprintf("MOVE register WHERE id = %d TO PARTITION %d", rnd.IntN(objects), 1+rnd.IntN(4))
			if rnd.IntN(10) == 0 {
				sql = fmt.Sprintf("MOVE register WHERE id < %d TO PARTITION %d", rnd.IntN(objects), 1+rnd.IntN(4))
			}
			tag, err := conn.Exec(ctx, sql)
			cancel()
			if err != nil {
				break
			}
			c.moves.Add(tag.RowsAffected())
		}
		conn.Close(context.Background())
	}
}

// failures does one thing after another to one node at a time, so that a majority
// lives, and leaves all nodes running.
func (c *chaos) failures(rnd *rand.Rand) {
	pause := func(least, most time.Duration) {
		select {
		case <-time.After(least + time.Duration(rnd.Int64N(int64(most-least)))):
		case <-c.stop.Done():
		}
	}
	for pause(time.Second, 3*time.Second); c.stop.Err() == nil; pause(2*time.Second, 5*time.Second) {
		node := c.cluster.Nodes[rnd.IntN(len(c.cluster.Nodes))]
		switch rnd.IntN(3) {
		case 0:
			c.t.Logf("%s: kill -9 %s", time.Since(c.began).Round(time.Millisecond), node.Name)
			node.Kill()
			pause(100*time.Millisecond, 3*time.Second)
			node.Start()
		case 1:
			c.t.Logf("%s: stop %s", time.Since(c.began).Round(time.Millisecond), node.Name)
			node.Stop()
			pause(500*time.Millisecond, 5*time.Second)
			node.Continue()
		case 2:
			c.t.Logf("%s: restart %s", time.Since(c.began).Round(time.Millisecond), node.Name)
			if code := node.Terminate(); code != 0 {
				c.t.Errorf("%s ended with exit code %d after SIGTERM", node.Name, code)
			}
			node.Start()
		}
	}
}

// finalReads reads every object once more through every node.
func (c *chaos) finalReads() {
	for i, n := range c.cluster.Nodes {
		conn := harness.Connect(c.t, n)
		for object := range int64(objects) {
			called := c.now()
			in := register.Input{Key: object, Kind: register.Read}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			out, err := in.Execute(ctx, conn)
			cancel()
			if err != nil {
				c.t.Fatalf("reading object %d through %s after the run: %v", object, n.Name, err)
			}
			c.history.Add(clients+i, in, out, called, c.now())
		}
	}
}

func (c *chaos) check() {
	switch result, text := c.history.Check(2 * time.Minute); result {
	case porcupine.Unknown:
		c.t.Error("the checker did not finish in time")
	case porcupine.Illegal:
		c.t.Errorf("the history is not linearizable:\n%s", text)
	}
}

// checkCopies scans the table: no object may be there twice, and a scan must find
// what reads by key find.
func (c *chaos) checkCopies() {
	conn := harness.Connect(c.t, c.cluster.Nodes[0])
	ctx := context.Background()
	rows, err := conn.Query(ctx, "SELECT id, v, _partition FROM register")
	if err != nil {
		c.t.Fatal(err)
	}
	type row struct {
		ID        int64
		V         int64
		Partition int
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		c.t.Fatal(err)
	}
	seen := make(map[int64]row)
	for _, r := range found {
		if other, twice := seen[r.ID]; twice {
			c.t.Errorf("object %d is in partition %d and in partition %d", r.ID, other.Partition, r.Partition)
		}
		seen[r.ID] = r
	}
	for object := range int64(objects) {
		out, err := register.Input{Key: object, Kind: register.Read}.Execute(ctx, conn)
		if err != nil {
			c.t.Fatal(err)
		}
		if r, ok := seen[object]; ok != out.Exists || ok && r.V != out.Value {
			c.t.Errorf("object %d: the scan says %v %+v, the read %+v", object, ok, r, out)
		}
	}
}

// checkReplicas waits until all replicas of each partition and of the oracle have
// answered, and compares what they hold.
func (c *chaos) checkReplicas() {
	conn := harness.Connect(c.t, c.cluster.Nodes[0])
	type row struct {
		Partition int
		Node      string
		Applied   *int64
		Checksum  *string
	}
	var found []row
	missing := func(r row) bool { return r.Applied == nil || r.Checksum == nil }
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		rows, err := conn.Query(ctx, "SELECT partition, node, applied, checksum FROM ssmr.replicas")
		if err == nil {
			found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		}
		cancel()
		if err == nil && len(found) > 0 && !slices.ContainsFunc(found, missing) {
			break
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("not all replicas have answered: %v %+v", err, found)
		}
	}
	first := make(map[int]row)
	for _, r := range found {
		f, ok := first[r.Partition]
		if !ok {
			first[r.Partition] = r
			continue
		}
		if *f.Applied != *r.Applied || *f.Checksum != *r.Checksum {
			c.t.Errorf("partition %d differs: %s has %s at index %d, %s has %s at index %d",
				r.Partition, f.Node, *f.Checksum, *f.Applied, r.Node, *r.Checksum, *r.Applied)
		}
	}
	if want := 5; len(first) != want || len(found) != 3*want {
		c.t.Errorf("%d replicas of %d groups, want three of each of %d", len(found), len(first), want)
	}
}
