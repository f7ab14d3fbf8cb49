//go:build cluster

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ssmr/ssmr/tests/harness"
)

// owner is a client that alone writes to its part of a table, so that it knows
// what every statement has to answer.
type owner struct {
	t     *testing.T
	id    int
	conns []*pgx.Conn
	known map[int]int64
}

const keysOfOwner = 60

// step has one statement executed through any node and checks its answer.
func (o *owner) step(ctx context.Context) {
	c, key, value := o.conns[rand.IntN(len(o.conns))], rand.IntN(keysOfOwner), rand.Int64N(1000)
	before, exists := o.known[key]
	want := int64(1)
	if !exists {
		want = 0
	}
	var got int64
	var tag pgconn.CommandTag
	var err error
	op := rand.IntN(5)
	switch op {
	case 0: // upsert
		tag, err = c.Exec(ctx, "INSERT INTO placed VALUES ($1, $2, $3) ON CONFLICT (owner, id) DO UPDATE SET n = EXCLUDED.n", o.id, key, value)
		o.known[key], want = value, 1
	case 1:
		tag, err = c.Exec(ctx, "UPDATE placed SET n = n + 1 WHERE owner = $1 AND id = $2", o.id, key)
		if exists {
			o.known[key]++
		}
	case 2:
		tag, err = c.Exec(ctx, "DELETE FROM placed WHERE owner = $1 AND id = $2", o.id, key)
		delete(o.known, key)
	case 3:
		tag, err = c.Exec(ctx, "INSERT INTO placed VALUES ($1, $2, $3)", o.id, key, value)
		if exists && harness.SQLState(err) == "23505" {
			return
		}
		if !exists {
			o.known[key] = value
		}
		want = 1 - want
	case 4:
		err = c.QueryRow(ctx, "SELECT n FROM placed WHERE owner = $1 AND id = $2", o.id, key).Scan(&got)
		if errors.Is(err, pgx.ErrNoRows) && !exists {
			return
		}
		if err == nil && got == before && exists {
			return
		}
	}
	if err != nil || op == 4 || tag.RowsAffected() != want {
		o.t.Errorf("owner %d, key %d (%d, %t), statement %d: %v %v, read %d", o.id, key, before, exists, op, tag, err, got)
	}
}

// check compares what a node finds by scan, by key prefix and by keys with what
// the owners know.
func check(t *testing.T, conn *pgx.Conn, owners []*owner, when string) {
	t.Helper()
	var rows, sum int64
	for _, o := range owners {
		for _, n := range o.known {
			rows++
			sum += n
		}
	}
	count := func(query string, args ...any) (n, s int64) {
		if err := conn.QueryRow(context.Background(), query, args...).Scan(&n, &s); err != nil {
			t.Errorf("%s: %s: %v", when, query, err)
		}
		return n, s
	}
	if n, s := count("SELECT count(*), coalesce(sum(n), 0)::bigint FROM placed"); n != rows || s != sum {
		t.Errorf("%s: a scan finds %d objects, sum %d; want %d, %d", when, n, s, rows, sum)
	}
	keys := make([]int32, keysOfOwner)
	for i := range keys {
		keys[i] = int32(i)
	}
	for _, o := range owners {
		n, _ := count("SELECT count(*), 0::bigint FROM placed WHERE owner = $1", o.id)
		m, _ := count("SELECT count(*), 0::bigint FROM placed WHERE owner = $1 AND id = ANY ($2)", o.id, keys)
		if want := int64(len(o.known)); n != want || m != want {
			t.Errorf("%s: owner %d has %d objects by prefix, %d by keys; want %d", when, o.id, n, m, want)
		}
	}
}

// TestPlacementChangesUnderLoad holds that clients see nothing of it when a whole
// table goes from partition to partition, when its policy changes between static
// placement and the directory, and when its objects follow the policy; all of it
// while they create, change, delete and create again, and after a restart.
func TestPlacementChangesUnderLoad(t *testing.T) {
	cluster := harness.Start(t, 3)
	var admins []*pgx.Conn
	for _, n := range cluster.Nodes {
		admins = append(admins, harness.Connect(t, n))
	}
	harness.MustExec(t, admins[0], "CREATE TABLE placed (owner int, id int, n bigint NOT NULL, PRIMARY KEY (owner, id))")
	var owners []*owner
	var pause sync.RWMutex
	var running sync.WaitGroup
	stop, cancel := context.WithCancel(context.Background())
	for id := range 6 {
		o := &owner{t: t, id: id, known: make(map[int]int64)}
		for _, n := range cluster.Nodes {
			o.conns = append(o.conns, harness.Connect(t, n))
		}
		owners = append(owners, o)
		running.Go(func() {
			for stop.Err() == nil && !t.Failed() {
				pause.RLock()
				ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
				o.step(ctx)
				done()
				pause.RUnlock()
			}
		})
	}
	change := func(round int, statement string) {
		harness.MustExec(t, admins[round%3], statement)
		time.Sleep(50 * time.Millisecond) // more load
		pause.Lock()
		defer pause.Unlock()
		check(t, admins[(round+1)%3], owners, statement)
	}
	for round := range 8 {
		change(round, fmt.Sprintf("MOVE placed WHERE id >= 0 TO PARTITION %d NO PIN", round%4+1))
	}
	for round, policy := range []string{
		"placement = 'column', 'placement.columns' = 'owner'", "placement = 'least_loaded'", "placement = 'hash'",
		"placement = 'list', 'list.column' = 'owner', 'list.map' = '0:1,1:2', 'list.default' = '3'",
		"placement = 'range', 'range.column' = 'owner', 'range.bounds' = '2,4,6'",
	} {
		change(round, "ALTER TABLE placed SET ("+policy+")")
		change(round+1, "MOVE placed TO POLICY UNPIN")
		change(round+2, fmt.Sprintf("MOVE placed WHERE id %% 3 = 0 TO PARTITION %d", round%4+1))
	}
	cancel()
	running.Wait()
	for _, n := range cluster.Nodes {
		n.Kill()
	}
	for _, n := range cluster.Nodes {
		n.Start()
	}
	for _, n := range cluster.Nodes {
		n.WaitReady(60 * time.Second)
		check(t, harness.Connect(t, n), owners, "after a restart")
	}
}
