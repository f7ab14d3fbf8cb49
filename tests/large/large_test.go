//go:build cluster

// Package large loads more data than the server may hold in memory.
package large

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

var rows = flag.Int("rows", 100_000, "rows of 1 kB to load; the full size is 1,000,000")

// memoryLimit is what the server process may use, in bytes.
const memoryLimit = 512 << 20

func TestMain(m *testing.M) {
	code := m.Run()
	harness.Cleanup()
	os.Exit(code)
}

// TestMoreThanMemory loads, counts, scans and restarts, and holds that the server
// stays within its memory: results stream, and the state is on disk.
//
//	go test -tags cluster ./tests/large -rows 1000000 -v
func TestMoreThanMemory(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "320MiB")
	cluster := harness.Start(t, 1, "--storage-cache", "64MiB", "--storage-memtable", "16MiB")
	node := cluster.Nodes[0]
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	conn, err := node.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE TABLE big (id bigint PRIMARY KEY, n int, body text)"); err != nil {
		t.Fatal(err)
	}
	timed(t, "load", func() { load(t, ctx, node) })
	count := func() {
		var n, sum int64
		if err := conn.QueryRow(ctx, "SELECT count(*), sum(n) FROM big").Scan(&n, &sum); err != nil {
			t.Fatal(err)
		}
		if n != int64(*rows) || sum != int64(*rows) {
			t.Errorf("%d rows with sum %d, want %d", n, sum, *rows)
		}
	}
	timed(t, "count", count)
	timed(t, "SELECT *", func() {
		result, err := conn.Query(ctx, "SELECT * FROM big")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for result.Next() {
			n++
		}
		if err := result.Err(); err != nil || n != *rows {
			t.Fatalf("%d rows, %v", n, err)
		}
	})
	peak := node.PeakMemory()
	t.Logf("peak memory of the server: %d MiB", peak>>20)
	if peak > memoryLimit {
		t.Errorf("the server used %d MiB, more than %d MiB", peak>>20, memoryLimit>>20)
	}
	conn.Close(ctx)
	node.Kill()
	timed(t, "start after kill -9", func() {
		node.Start()
		node.WaitReady(2 * time.Minute)
	})
	if conn, err = node.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	timed(t, "count after the restart", count)
}

func timed(t *testing.T, what string, f func()) {
	t.Helper()
	start := time.Now()
	f()
	t.Logf("%s: %s", what, time.Since(start).Round(time.Millisecond))
}

func load(t *testing.T, ctx context.Context, node *harness.Node) {
	const batch, loaders = 100, 4
	body := strings.Repeat("0123456789abcdef", 60)
	var running sync.WaitGroup
	for loader := range loaders {
		running.Go(func() {
			conn, err := node.Connect(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close(ctx)
			for first := loader * batch; first < *rows; first += loaders * batch {
				var b strings.Builder
				b.WriteString("INSERT INTO big VALUES ")
				for i := first; i < min(first+batch, *rows); i++ {
					if i > first {
						b.WriteByte(',')
					}
					fmt.Fprintf(&b, "(%d,1,'%032d%s')", i, i*7919, body)
				}
				if _, err := conn.Exec(ctx, b.String()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}
