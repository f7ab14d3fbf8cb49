//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

// TestSchemaChangesUnderLoad holds that a statement which was planned against an
// older schema is planned anew, and that its client sees nothing of it: columns
// come and go through one node while clients write and read through all.
func TestSchemaChangesUnderLoad(t *testing.T) {
	cluster := harness.Start(t, 3)
	admin := harness.Connect(t, cluster.Nodes[0])
	harness.MustExec(t, admin, "CREATE TABLE busy (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 0)")
	const rows, writers = 50, 6
	for id := range rows {
		harness.MustExec(t, admin, "INSERT INTO busy (id) VALUES ($1)", id)
	}
	stop, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	updates := make([]int64, writers)
	for w := range writers {
		running.Go(func() {
			conn := harness.Connect(t, cluster.Nodes[w%3])
			for i := 0; stop.Err() == nil; i++ {
				ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
				tag, err := conn.Exec(ctx, "UPDATE busy SET n = n + 1 WHERE id = $1", (i*7+w)%rows)
				if err != nil || tag.RowsAffected() != 1 {
					t.Errorf("update: %v %v", tag, err)
					done()
					return
				}
				updates[w]++
				var n int64
				if err := conn.QueryRow(ctx, "SELECT count(*) FROM busy WHERE n >= 0").Scan(&n); err != nil || n != rows {
					t.Errorf("count: %d, %v", n, err)
				}
				done()
			}
		})
	}
	for i := range 8 {
		harness.MustExec(t, admin, fmt.Sprintf("ALTER TABLE busy ADD COLUMN c%d text NOT NULL DEFAULT 'x%d'", i, i))
		harness.MustExec(t, admin, fmt.Sprintf("UPDATE busy SET c%d = 'y' WHERE id < 10", i))
		if i%2 == 0 {
			harness.MustExec(t, admin, fmt.Sprintf("ALTER TABLE busy DROP COLUMN c%d", i))
		}
	}
	cancel()
	running.Wait()
	var total, sum, changed int64
	for _, n := range updates {
		total += n
	}
	row := admin.QueryRow(context.Background(), "SELECT sum(n)::bigint, count(*) FILTER (WHERE c1 = 'y' AND c7 = 'y') FROM busy")
	if err := row.Scan(&sum, &changed); err != nil {
		t.Fatal(err)
	}
	if sum != total || changed != 10 {
		t.Errorf("the rows count %d updates of %d; %d rows have the new columns' values, want 10", sum, total, changed)
	}
	if total < 20 {
		t.Errorf("%d updates say nothing", total)
	}
	t.Logf("%d updates during 12 schema changes", total)
}
