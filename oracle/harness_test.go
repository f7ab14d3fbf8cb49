package oracle

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// memoryGroup is a replication group of one replica, in memory: what is proposed
// is applied at once.
type memoryGroup struct {
	t       testing.TB
	space   *storage.Space
	machine *Machine

	mu      sync.Mutex
	index   uint64
	leading bool
	watch   []chan replication.Role
	log     [][][]byte // the commands of each entry
	// before is called before a command is applied, after when it was; an error is
	// that of Propose.
	before, after func(c logCommand) error
}

// newGroup opens a machine on a new store in memory.
func newGroup(t testing.TB) *memoryGroup {
	t.Helper()
	store, err := storage.Open("oracle", storage.Options{FS: storage.NewMemFS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	space, err := store.Space(object.OracleGroup)
	if err != nil {
		t.Fatal(err)
	}
	g := &memoryGroup{t: t, space: space, leading: true}
	g.restart()
	return g
}

// restart makes a new machine of what is stored.
func (g *memoryGroup) restart() {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.machine = NewMachine(nil)
	if err := g.machine.Open(g.space); err != nil {
		g.t.Fatal(err)
	}
}

// apply executes commands as one entry.
func (g *memoryGroup) apply(commands ...logCommand) []any {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.applyLocked(commands...)
}

func (g *memoryGroup) applyLocked(commands ...logCommand) []any {
	g.index++
	e := replication.Entry{Index: g.index, Term: 1}
	for _, c := range commands {
		e.Commands = append(e.Commands, c.append(nil))
	}
	g.log = append(g.log, e.Commands)
	b := g.space.NewBatch()
	defer b.Close()
	results, err := g.machine.Apply(e, b)
	if err != nil {
		panic(fmt.Sprintf("apply: %v", err))
	}
	if err := b.Commit(storage.NoSync); err != nil {
		panic(fmt.Sprintf("commit: %v", err))
	}
	g.machine.Committed(g.index)
	return results
}

func (g *memoryGroup) Propose(ctx context.Context, cmd []byte) (any, error) {
	c, err := decodeCommand(cmd)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.leading {
		return nil, &cluster.NotLeader{}
	}
	if g.before != nil {
		if err := g.before(c); err != nil {
			return nil, err
		}
	}
	result := g.applyLocked(c)[0]
	if g.after != nil {
		if err := g.after(c); err != nil {
			return nil, err
		}
	}
	return result, ctx.Err()
}

func (g *memoryGroup) Read(_ context.Context, fn func() error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.leading {
		return &cluster.NotLeader{}
	}
	return fn()
}

func (g *memoryGroup) Role() replication.Role {
	g.mu.Lock()
	defer g.mu.Unlock()
	return replication.Role{Leading: g.leading, Leader: "a", Term: 1}
}

func (g *memoryGroup) Roles() (<-chan replication.Role, func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ch := make(chan replication.Role, 16)
	ch <- replication.Role{Leading: g.leading, Leader: "a", Term: 1}
	g.watch = append(g.watch, ch)
	return ch, func() {}
}

// loseLocked takes the leadership away; the caller holds mu.
func (g *memoryGroup) loseLocked() {
	g.leading = false
	for _, ch := range g.watch {
		ch <- replication.Role{}
	}
	g.watch = nil
}

func (g *memoryGroup) lose() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.loseLocked()
}

// win gives the leadership to a new machine, that has read what is stored.
func (g *memoryGroup) win() {
	g.restart()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leading = true
	g.before, g.after = nil, nil
}

// memoryTransport is the transport of a cluster of one node.
type memoryTransport struct {
	mu       sync.Mutex
	handlers map[uint16]func(context.Context, object.NodeID, []byte) ([]byte, error)
	streams  map[string]func(context.Context, object.NodeID, net.Conn)
	calls    map[uint16]int
	hold     chan struct{} // calls wait for it, if it is set
}

func newTransport() *memoryTransport {
	return &memoryTransport{
		handlers: make(map[uint16]func(context.Context, object.NodeID, []byte) ([]byte, error)),
		streams:  make(map[string]func(context.Context, object.NodeID, net.Conn)),
		calls:    make(map[uint16]int),
	}
}

func (m *memoryTransport) Node() object.NodeID { return "a" }

func (m *memoryTransport) Handle(method uint16, h func(context.Context, object.NodeID, []byte) ([]byte, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handlers[method] = h
}

func (m *memoryTransport) HandleStream(name string, h func(context.Context, object.NodeID, net.Conn)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.streams[name] = h
}

func (m *memoryTransport) Call(ctx context.Context, to object.NodeID, method uint16, req []byte) ([]byte, error) {
	m.mu.Lock()
	h, hold := m.handlers[method], m.hold
	m.calls[method]++
	m.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, cluster.ErrInterrupted
		}
	}
	if h == nil || to != "a" {
		return nil, cluster.ErrUnreachable
	}
	return h(ctx, "a", req)
}

func (m *memoryTransport) count(method uint16) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[method]
}

func (m *memoryTransport) DialStream(_ context.Context, to object.NodeID, name string) (net.Conn, error) {
	m.mu.Lock()
	h := m.streams[name]
	m.mu.Unlock()
	if h == nil || to != "a" {
		return nil, cluster.ErrUnreachable
	}
	near, far := net.Pipe()
	go h(context.Background(), "a", far)
	return near, nil
}

// oracleUnderTest is all of an oracle but the network and the partitions.
type oracleUnderTest struct {
	t          testing.TB
	group      *memoryGroup
	partitions *memoryPartitions
	transport  *memoryTransport
	service    *Service
	client     *Client
	cache      *Cache
	batch      int                      // objects of a batch; 0: the default
	lost       func(o *oracleUnderTest) // called between two leaders
}

// startOracle starts an oracle of four partitions that know their slots.
func startOracle(t testing.TB) *oracleUnderTest {
	t.Helper()
	o := &oracleUnderTest{t: t, group: newGroup(t), partitions: newPartitions(4), transport: newTransport()}
	o.startService()
	var err error
	if o.client, err = NewClient(ClientConfig{Transport: o.transport, Replicas: []object.NodeID{"a"}}); err != nil {
		t.Fatal(err)
	}
	if o.cache, err = NewCache(CacheConfig{}, o.client); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.cache.Close(); o.service.Close() })
	ctx := o.ctx()
	if err := o.client.Initialise(ctx, fourPartitions()); err != nil {
		t.Fatal(err)
	}
	if err := o.cache.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *oracleUnderTest) startService() {
	o.t.Helper()
	var err error
	o.service, err = NewService(ServiceConfig{Transport: o.transport, Sweep: -1, Heartbeat: 50 * time.Millisecond, MoveBatch: o.batch}, o.group.machine, o.group, o.partitions)
	if err != nil {
		o.t.Fatal(err)
	}
}

// changeLeader stops what leads, and lets another one go on from what is stored.
func (o *oracleUnderTest) changeLeader() {
	o.group.lose()
	o.service.Close()
	o.group.win()
	if o.lost != nil {
		o.lost(o)
	}
	o.startService()
}

func (o *oracleUnderTest) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	o.t.Cleanup(cancel)
	return ctx
}

func fourPartitions() []catalog.Partition {
	var partitions []catalog.Partition
	for p := object.PartitionID(1); p <= 4; p++ {
		partitions = append(partitions, catalog.Partition{ID: p, Replicas: []object.NodeID{"a"}})
	}
	return partitions
}

// tableSpec describes a table with a bigint key; static or not.
func tableSpec(name string, static bool) catalog.TableSpec {
	policy := "list"
	if static {
		policy = "hash"
	}
	return catalog.TableSpec{Table: &catalog.Table{
		Name: name,
		Columns: []catalog.Column{
			{Name: "id", Type: datum.Int8, NotNull: true},
			{Name: "v", Type: datum.Text},
		},
		PrimaryKey: []int{0}, KeyName: name + "_pkey",
		Placement: catalog.Placement{Policy: policy, Static: static},
	}}
}

// idOf is the id of the object of a table with a key.
func idOf(t testing.TB, table object.TableID, key int64) object.ID {
	t.Helper()
	b, err := datum.AppendKey(nil, datum.NewInt(key), datum.Int8)
	if err != nil {
		t.Fatal(err)
	}
	return object.NewID(table, b)
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

var errInjected = fmt.Errorf("injected failure: %w", cluster.ErrInterrupted)
