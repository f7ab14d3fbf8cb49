package drivers

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

var postgres = flag.Bool("postgres", false, "run the tests against a PostgreSQL server instead, to see whether they are right")

// shared is the server of all the tests of this package: they use tables of their
// own, and starting a node takes longer than most of them.
var shared struct {
	sync.Once
	reporter *outliving
	node     *harness.Node
	address  string
	user     string
}

// outliving is a harness.Reporter whose servers live until the end of the
// process instead of the end of the first test.
type outliving struct {
	testing.TB
	cleanups []func()
	dir      string
}

func (o *outliving) Cleanup(f func()) { o.cleanups = append(o.cleanups, f) }

func (o *outliving) TempDir() string { return o.dir }

// Failed is asked when the last test has ended; TestMain shows the log itself.
func (o *outliving) Failed() bool { return false }

func (o *outliving) end() {
	for i := len(o.cleanups) - 1; i >= 0; i-- {
		o.cleanups[i]()
	}
	_ = os.RemoveAll(o.dir)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if code != 0 && shared.node != nil {
		fmt.Fprintf(os.Stderr, "end of the node's log:\n%s\n", shared.node.Log(40))
	}
	if shared.reporter != nil {
		shared.reporter.end()
	}
	harness.Cleanup()
	os.Exit(code)
}

func server(t *testing.T) {
	t.Helper()
	shared.Do(func() {
		dir, err := os.MkdirTemp("", "ssmr-drivers-")
		if err != nil {
			t.Fatal(err)
		}
		shared.reporter = &outliving{TB: t, dir: dir}
		if *postgres {
			shared.address, shared.user = harness.StartPostgres(shared.reporter, 1), "postgres"
			return
		}
		shared.node = harness.Start(shared.reporter, 1).Nodes[0]
		shared.address, shared.user = shared.node.SQL, "test"
	})
	if shared.address == "" {
		t.Fatal("the server did not start")
	}
}

// dsn is how to connect to the server.
func dsn(t *testing.T) string {
	t.Helper()
	server(t)
	return fmt.Sprintf("postgres://%s@%s/%[1]s?sslmode=disable&timezone=UTC", shared.user, shared.address)
}

// environment are libpq's variables for the server, and node-postgres's.
func environment(t *testing.T) []string {
	t.Helper()
	server(t)
	host, port, err := net.SplitHostPort(shared.address)
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "PGHOST="+host, "PGPORT="+port, "PGUSER="+shared.user, "PGDATABASE="+shared.user,
		"PGSSLMODE=disable", "PGTZ=UTC")
}

// limited is a context that ends long after any test should have.
func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
