package partitions

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

const (
	testPartition object.PartitionID = 1
	testTable     object.TableID     = 1
	schemaVersion                    = 1
)

// node is one node of a cluster in this process, with a replica of one partition.
type node struct {
	id        object.NodeID
	transport *cluster.Transport
	host      *replication.Host
	service   *Service
	client    *Client
	close     func()
}

// newCluster starts nodes that know each other by their loopback addresses.
func newCluster(t testing.TB, n int, config func(*Config)) []*node {
	t.Helper()
	return newClusterOf(t, n, 1, config)
}

// layout says which group a partition is in.
type layout func(object.PartitionID) object.GroupID

// apart puts each partition into a group of its own, but for 2 and 3, which share one;
// together puts all into one.
func apart(p object.PartitionID) object.GroupID {
	if p == 3 {
		return 2
	}
	return object.GroupID(p)
}

func together(object.PartitionID) object.GroupID { return 1 }

// eachLayout runs a test with partitions that are apart, and with such that are together.
func eachLayout(t *testing.T, test func(*testing.T, layout)) {
	t.Run("apart", func(t *testing.T) { test(t, apart) })
	t.Run("together", func(t *testing.T) { test(t, together) })
}

// newClusterOf starts nodes that all hold replicas of some partitions, which are apart.
func newClusterOf(t testing.TB, n, partitions int, config func(*Config)) []*node {
	t.Helper()
	return newClusterIn(t, n, partitions, apart, config)
}

func newClusterIn(t testing.TB, n, partitions int, groups layout, config func(*Config)) []*node {
	t.Helper()
	peers := make(map[object.NodeID]string)
	listeners := make([]net.Listener, n)
	ids := make([]object.NodeID, n)
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = object.NodeID(rune('a' + i))
		listeners[i], peers[ids[i]] = l, l.Addr().String()
	}
	nodes := make([]*node, n)
	for i, id := range ids {
		nodes[i] = startNode(t, id, listeners[i], peers, ids, groups, config)
	}
	ctx := testContext(t)
	for p := object.PartitionID(1); int(p) <= partitions; p++ {
		for _, n := range nodes {
			if err := n.open(p, ids, groups); err != nil {
				t.Fatal(err)
			}
		}
	}
	for p := object.PartitionID(1); int(p) <= partitions; p++ {
		if _, err := nodes[0].client.Execute(ctx, p, &command.InstallTable{Table: table()}); err != nil {
			t.Fatal(err)
		}
	}
	return nodes
}

// open starts a replica of a partition.
func (n *node) open(p object.PartitionID, peers []object.NodeID, groups layout) error {
	id := groups(p)
	g := n.host.Group(id)
	if g == nil {
		var err error
		if g, err = n.host.Start(replication.GroupConfig{ID: id, Peers: peers, Machine: n.machine}); err != nil {
			return err
		}
	}
	return n.service.Open(p, g)
}

// machine makes the state machines of a group, of which a directory may be one.
func (n *node) machine(id object.MachineID) (replication.StateMachine, error) {
	if id == object.OracleMachine {
		return new(directory), nil
	}
	return n.service.StateMachine(id)
}

func startNode(t testing.TB, id object.NodeID, l net.Listener, peers map[object.NodeID]string, ids []object.NodeID, groups layout, config func(*Config)) *node {
	t.Helper()
	transport, err := cluster.Listen(l, cluster.Config{Node: id, Cluster: "test", Peers: peers})
	if err != nil {
		t.Fatal(err)
	}
	open := func(log bool) *storage.Store {
		s, err := storage.Open("store", storage.Options{FS: storage.NewMemFS(), ForLog: log})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	state, log := open(false), open(true)
	host, err := replication.NewHost(replication.Config{
		Network: transport, State: state, Log: log, Timing: replication.Timing{Heartbeat: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{}
	if config != nil {
		config(&cfg)
	}
	service, err := NewService(cfg, transport)
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(ClientConfig{
		Incarnation: 1, Replicas: func(object.PartitionID) []object.NodeID { return ids },
		Group: func(p object.PartitionID) (object.GroupID, bool) { return groups(p), true },
	}, transport, service)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{id: id, transport: transport, host: host, service: service, client: client}
	n.close = func() {
		_ = client.Close()
		_ = service.Close()
		_ = host.Close()
		_ = transport.Close()
		_ = state.Close()
		_ = log.Close()
	}
	t.Cleanup(n.close)
	return n
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func table() *catalog.Table {
	return &catalog.Table{
		ID: testTable, Version: schemaVersion, Name: "t",
		Columns:    []catalog.Column{{Name: "id", Type: datum.Int4, NotNull: true}, {Name: "n", Type: datum.Int4}},
		PrimaryKey: []int{0}, KeyName: "t_pkey",
	}
}

func idOf(i int) object.ID {
	key, err := datum.AppendKey(nil, datum.NewInt(int64(i)), datum.Int4)
	if err != nil {
		panic(err)
	}
	return object.NewID(testTable, key)
}

func createOf(version object.LocationVersion, ids ...int) *command.Write {
	w := &command.Write{Kind: command.Create, Table: testTable, Schema: schemaVersion}
	for _, i := range ids {
		row := datum.AppendRow(nil, []datum.Datum{datum.NewInt(int64(i)), datum.NewInt(0)})
		w.Targets = append(w.Targets, command.Target{ID: idOf(i), Version: version, Row: row})
	}
	return w
}

var (
	columnID = expr.NewColumn(0, datum.Int4, "id")
	columnN  = expr.NewColumn(1, datum.Int4, "n")
)

func incrementOf(id int) *command.Write {
	sum, err := expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(1), datum.Int4))
	if err != nil {
		panic(err)
	}
	return &command.Write{
		Kind: command.Update, Table: testTable, Schema: schemaVersion,
		Targets: []command.Target{{ID: idOf(id), Version: 10}},
		Program: command.EncodeProgram(&command.Program{
			Set: []command.Assignment{{Column: 1, Value: sum}}, Project: []expr.Expr{columnN},
		}),
	}
}

func pointRead(id int) *command.Read {
	return &command.Read{
		Table: testTable, Schema: schemaVersion, Targets: []command.Target{{ID: idOf(id), Version: 10}},
		Program: command.EncodeProgram(&command.Program{Project: []expr.Expr{columnN}}), Limit: -1,
	}
}

func scanRead() *command.Read {
	return &command.Read{
		Table: testTable, Schema: schemaVersion,
		Spans:   []command.Span{{Start: object.NewID(testTable, nil), End: object.NewID(testTable+1, nil)}},
		Program: command.EncodeProgram(&command.Program{Project: []expr.Expr{columnID}, KeyOrder: true}), Limit: -1,
		ChunkBytes: 64,
	}
}

// number is the only value of the only row.
func number(t testing.TB, rows [][]byte) int64 {
	t.Helper()
	if len(rows) != 1 {
		t.Fatalf("%d rows, want one", len(rows))
	}
	list, err := datum.DecodeTuple(rows[0], nil)
	if err != nil || len(list) == 0 {
		t.Fatalf("row %x: %v", rows[0], err)
	}
	return list[0].Int()
}

func mustWrite(t testing.TB, c *Client, w *command.Write) *command.Result {
	t.Helper()
	r, err := c.Write(testContext(t), testPartition, w)
	if err != nil {
		t.Fatal(err)
	}
	if r.Err != nil || r.Refusal != nil {
		t.Fatalf("write: %+v %+v", r.Err, r.Refusal)
	}
	return r
}

// leaderOf waits until the nodes agree on a leader.
func leaderOf(t testing.TB, nodes []*node) *node {
	t.Helper()
	var found *node
	eventually(t, "a leader", func() bool {
		for _, n := range nodes {
			if r, err := n.service.replica(testPartition); err == nil && r.group.IsLeader() {
				found = n
				return true
			}
		}
		return false
	})
	return found
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func scanAll(t testing.TB, c *Client, q *command.Read) (ids []int64, chunks int) {
	t.Helper()
	ctx := testContext(t)
	chunk, err := c.Read(ctx, testPartition, q)
	for {
		if err != nil || chunk.Err != nil || chunk.Refusal != nil {
			t.Fatalf("scan: %v %+v", err, chunk)
		}
		chunks++
		for _, row := range chunk.Rows {
			list, err := datum.DecodeTuple(row, nil)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, list[0].Int())
		}
		if chunk.Cursor.IsZero() {
			return ids, chunks
		}
		chunk, err = c.Next(ctx, testPartition, chunk.Cursor)
	}
}

func rangeOf(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
