package tour

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

// example starts a server that finds an example's policy, and pastes the SQL of the
// example's README.
func example(t *testing.T, name string) *harness.Cluster {
	t.Helper()
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("psql is not installed (Debian: postgresql-client)")
	}
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name+"-policy"), "github.com/ssmr/ssmr/plugins/examples/"+name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The machine may be slow: what is tested is not how quick a policy answers.
	cluster := harness.Start(t, 1, "--plugins-dir", dir, "--plugins-call-timeout", "10s")
	paste(t, cluster, blocksOf(t, filepath.Join(root, "plugins/examples", name, "README.md"), "sql"))
	return cluster
}

// becomes waits until a query's only value is as wanted.
func becomes(t *testing.T, cluster *harness.Cluster, want, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := cluster.Nodes[0].Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for {
		var got string
		if err := conn.QueryRow(ctx, query).Scan(&got); err != nil {
			t.Fatalf("%s: %v (last answer %s, want %s)", query, err, got, want)
		}
		if got == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestGeo follows the README of plugins/examples/geo: an object moves behind the UPDATE
// of its country.
func TestGeo(t *testing.T) {
	cluster := example(t, "geo")
	becomes(t, cluster, "2", "SELECT min(_partition)::text FROM customer WHERE country <> 'de'")
	becomes(t, cluster, "2", "SELECT _partition::text FROM customer WHERE id = 1")
	becomes(t, cluster, "0", "SELECT sum(fall_backs)::text FROM ssmr.policies")
}

// TestTenant follows the README of plugins/examples/tenant: a tenant that has grown gets
// a partition to itself.
func TestTenant(t *testing.T) {
	cluster := example(t, "tenant")
	becomes(t, cluster, "3 3", "SELECT min(_partition)::text || ' ' || max(_partition)::text FROM invoice WHERE tenant = 'acme'")
	becomes(t, cluster, "3", "SELECT _partition::text FROM payment WHERE id = 1")
	becomes(t, cluster, "1", "SELECT count(*)::text FROM invoice WHERE _partition <> 3")
}
