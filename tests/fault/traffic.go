package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/jackc/pgx/v5"
)

// partitions is how many the clusters have.
const partitions = 4

// traffic is one kind of load with what must hold of it. Its clients call step side by
// side; all other methods are called one at a time.
type traffic interface {
	// setup makes its tables, and what has to be in them.
	setup(ctx context.Context, conn *pgx.Conn, w *world) error
	// step does one operation.
	step(c *client)
	// finish reads through one node what is there in the end, when all is well again.
	finish(c *client) error
	// check finds what must not be in what the clients have seen.
	check(v *verdict)
	// tables are what moves, policies and schema changes may touch.
	tables() []table
}

// world is what a traffic knows of the run.
type world struct {
	placement func() string // draws a placement for a table
	history   *history
}

// table is a table whose primary key is an integer named id.
type table struct {
	name string
	key  func(*rand.Rand) int64 // draws one of the keys in use
}

// some is a condition that a few of the rows fulfil.
func (t table) some(rnd *rand.Rand) string {
	key := t.key(rnd)
	if rnd.IntN(4) > 0 {
		return fmt.Sprintf("id = %d", key)
	}
	return fmt.Sprintf("id >= %d AND id < %d", key, key+1+rnd.Int64N(8))
}

// create makes a table with a random placement.
func (w *world) create(ctx context.Context, conn *pgx.Conn, name, columns string) error {
	_, err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s) WITH (placement = '%s')", name, columns, w.placement()))
	return err
}

// kind names a traffic. Adding one means adding a file, and a line here.
type kind struct {
	name string
	help string
	make func() traffic
	// transactions says that it needs BEGIN and COMMIT.
	transactions bool
}

// kinds is every kind of traffic.
var kinds = []kind{
	{"register", "one row: read, upsert, add, insert, delete; porcupine", func() traffic { return newRegisters() }, false},
	{"counter", "UPDATE n = n + 1 over one to four rows; each exactly once", func() traffic { return newCounter() }, false},
	{"set", "INSERT of one to four rows, scans; none is lost, all or none, scans monotone", func() traffic { return newSet() }, false},
	{"longfork", "INSERT of one row, reads of all; the reads are of one line of states", func() traffic { return newLongFork() }, false},
	{"bank", "transfers between accounts, in one statement or several; the sum is constant", func() traffic { return newBank() }, true},
	{"append", "lists: transactions that read and append; cycle checker", func() traffic { return newLists() }, true},
	{"rwregister", "values: transactions that read and write; cycle checker", func() traffic { return newValues() }, true},
	{"monotonic", "INSERT of the greatest value plus one; unique, and in the order of time", func() traffic { return newMonotonic() }, true},
	{"queue", "SELECT FOR UPDATE SKIP LOCKED, DELETE; each item is taken once", func() traffic { return newQueue() }, true},
}

// kindNamed finds a traffic.
func kindNamed(name string) (kind, bool) {
	for _, k := range kinds {
		if k.name == name {
			return k, true
		}
	}
	return kind{}, false
}

// span tells the time of a result for an explanation.
func (r *result) span() string {
	if r.outcome == unknown {
		return fmt.Sprintf("client %d, from %s on, unknown (%s)", r.client, seconds(r.call), describeError(r.err))
	}
	return fmt.Sprintf("client %d, %s to %s, %s", r.client, seconds(r.call), seconds(r.returned), r.outcome)
}

func seconds(t int64) string { return fmt.Sprintf("%.6fs", float64(t)/1e9) }

// explain makes lines of pairs of results and what they did.
func explain(lines ...string) string { return strings.Join(lines, "\n") }

// draw returns n different numbers below limit.
func draw(rnd *rand.Rand, n, limit int) []int64 {
	var out []int64
	for _, i := range rnd.Perm(limit)[:min(n, limit)] {
		out = append(out, int64(i))
	}
	return out
}

// collect reads pairs of integers into a map. The same key twice is an error.
func collect(ctx context.Context, conn *pgx.Conn, into map[int64]int64, sql string, args ...any) error {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var key, value int64
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		if _, twice := into[key]; twice {
			return wrongAnswer(fmt.Sprintf("row %d was found twice", key))
		}
		into[key] = value
		return nil
	})
	return err
}
