package operator

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

const startLimit = time.Minute

// awaitLog waits until the node has said something.
func awaitLog(t *testing.T, n *harness.Node, want string) {
	t.Helper()
	for deadline := time.Now().Add(startLimit); !strings.Contains(n.Log(100), want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not say %q:\n%s", n.Name, want, n.Log(40))
		}
	}
}

// TestNodesThatDoNotFit: nodes that are configured differently form no cluster, and
// say why.
func TestNodesThatDoNotFit(t *testing.T) {
	t.Parallel()
	ports := harness.FreePorts(t, 2)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"partitions": {[]string{"--partitions", "7"}, "partitions is"},
		"addresses":  {nil, "cluster.nodes are"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := harness.Prepare(t, 3)
			n1, n2 := cluster.Nodes[0], cluster.Nodes[1]
			if n2.Configure(c.args...); c.args == nil {
				list := n2.Argument("--cluster-nodes")
				i := strings.Index(list, ",n3=")
				n2.Configure("--cluster-nodes", list[:i]+",n4="+ports[0])
			}
			n1.Start()
			n2.Start()
			// Who comes first ends; the other one may wait for it, and has said why.
			awaitLog(t, n1, c.want)
			awaitLog(t, n2, c.want)
			gaveUp := func() bool { return strings.Contains(n1.Log(100)+n2.Log(100), "ssmr-server: forming the cluster: ") }
			for deadline := time.Now().Add(startLimit); !gaveUp(); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("neither has given up:\n%s\n%s", n1.Log(100), n2.Log(100))
				}
			}
		})
	}
}

// TestClusterOfThree goes through what an operator does to a cluster: a leader is
// stopped while clients write, comes back, and is started with an empty folder.
func TestClusterOfThree(t *testing.T) {
	t.Parallel()
	cluster := harness.Start(t, 3, "--timing-drain", "5s")
	conn := harness.Connect(t, cluster.Nodes[0])
	harness.MustExec(t, conn, "CREATE TABLE t (id int PRIMARY KEY, v int)")
	var leader string
	if err := conn.QueryRow(harness.Bounded(t), "SELECT min(leader) FROM ssmr.partitions").Scan(&leader); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(cluster.Nodes, func(n *harness.Node) bool { return n.Name == leader })
	stopped, other := cluster.Nodes[i], cluster.Nodes[(i+1)%3]

	// Leadership is handed over: writes through another node go on meanwhile.
	writer := harness.Connect(t, other)
	harness.MustExec(t, writer, "SET statement_timeout = '10s'")
	done := make(chan int, 1)
	stopped.Signal(sigterm)
	go func() { done <- stopped.WaitExit(startLimit) }()
	written := 0
	for ended := false; !ended || written < 50; written++ {
		harness.MustExec(t, writer, "INSERT INTO t VALUES ($1, $1)", written)
		select {
		case code := <-done:
			if ended = true; code != 0 {
				t.Errorf("exit code %d after SIGTERM", code)
			}
		default:
		}
	}
	if strings.Contains(stopped.Log(100), "level=WARN msg=\"stopping") {
		t.Error(stopped.Log(100))
	}
	stopped.Start()
	stopped.WaitReady(startLimit)
	count := -1
	if err := harness.Connect(t, stopped).QueryRow(harness.Bounded(t), "SELECT count(*) FROM t").Scan(&count); err != nil || count != written {
		t.Errorf("%d rows, %v; %d were written", count, err, written)
	}

	// A folder that has forgotten what the node acknowledged is turned away.
	if code := stopped.Terminate(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if err := os.RemoveAll(stopped.Dir); err != nil {
		t.Fatal(err)
	}
	stopped.Start()
	if code := stopped.WaitExit(startLimit); code != 1 {
		t.Errorf("exit code %d with an empty folder", code)
	}
	if last := stopped.Log(1); !strings.Contains(last, "formed with another data folder of node") || !strings.Contains(last, stopped.Dir) {
		t.Errorf("the last line is %q", last)
	}
	harness.MustExec(t, writer, "INSERT INTO t VALUES (-1, -1)")
}
