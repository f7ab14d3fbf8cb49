package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/configs"
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/oracle"
	"github.com/ssmr/ssmr/partitions"
	"github.com/ssmr/ssmr/pgwire"
	"github.com/ssmr/ssmr/planner"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/builtin"
)

// Config is a node's configuration and surroundings.
type Config struct {
	configs.Config
	Logger *slog.Logger // nil: discarded
}

// Node is a running server.
type Node struct {
	cfg     Config
	log     *slog.Logger
	started time.Time

	dir       *dataDir
	sql       net.Listener
	transport *cluster.Transport
	state     *storage.Store
	logs      *storage.Store
	host      *replication.Host
	service   *partitions.Service
	client    *partitions.Client
	oracle    *oracle.Service
	locator   *oracle.Client
	cache     *oracle.Cache
	known     atomic.Pointer[oracle.Cache] // cache, for those who are started before it
	policies  *policies
	monitor   *monitor
	roles     *roles
	planner   *planner.Backend
	pgwire    *pgwire.Server
	failed    chan error

	// closers undo what Start did, in reverse.
	closers  []closer
	shutdown sync.Once
	err      error
}

type closer struct {
	what  string
	close func() error
}

// Start boots a node and returns when it serves clients: the data folder, the
// ports, the stores, the cluster, the oracle, the partitions, the planner, the
// protocol, in this order. It waits until the cluster is formed and the oracle
// has a leader, or ctx ends. After an error nothing is left open.
func Start(ctx context.Context, cfg Config) (_ *Node, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{cfg: cfg, log: cfg.Logger.With("node", string(cfg.Node)), started: time.Now(), failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = n.closeAll()
		}
	}()
	for _, step := range []func(context.Context) error{
		n.openDataDir, n.listen, n.serveProfiles, n.joinNetwork, n.openStores, n.startReplicas, n.startPlanner, n.serveClients, n.watchRoles,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// onClose has f called at the end, before what was opened earlier is closed.
func (n *Node) onClose(what string, f func() error) {
	n.closers = append(n.closers, closer{what, f})
}

func (n *Node) openDataDir(context.Context) error {
	dir, err := openDataDir(&n.cfg.Config)
	if err != nil {
		return err
	}
	n.dir = dir
	n.onClose("data folder", dir.close)
	return nil
}

// listen binds the clients' port early, so that a port in use is found before
// anything else is started. Clients are accepted when the node is ready.
func (n *Node) listen(context.Context) error {
	l, err := net.Listen("tcp", n.cfg.Listen)
	if err != nil {
		return fmt.Errorf("address for clients (key \"listen\"): %w", err)
	}
	n.sql = l
	n.onClose("client port", func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	if host, _, _ := net.SplitHostPort(n.cfg.Listen); !isLoopback(host) {
		n.log.Warn("clients of other machines can connect, and no password is asked", "address", n.cfg.Listen)
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// joinNetwork opens the cluster port. A node by itself has none: it only ever
// calls itself.
func (n *Node) joinNetwork(context.Context) error {
	peers := nodeAddresses(&n.cfg.Config)
	listener := net.Listener(newNoListener())
	if len(n.cfg.Cluster.Nodes) > 0 {
		l, err := net.Listen("tcp", peers[n.cfg.Node])
		if err != nil {
			return fmt.Errorf("cluster port (key \"cluster.nodes\"): %w", err)
		}
		listener = l
	}
	t, err := cluster.Listen(listener, cluster.Config{
		Node: n.cfg.Node, Cluster: n.cfg.Cluster.Name, Peers: peers, Logger: n.log.With("part", "cluster"),
	})
	if err != nil {
		return err
	}
	n.transport = t
	n.onClose("cluster port", t.Close)
	return nil
}

func (n *Node) openStores(context.Context) error {
	var err error
	options := storage.Options{
		CacheBytes: n.cfg.Storage.CacheBytes, MemTableBytes: int(n.cfg.Storage.MemtableBytes), Logger: n.log.With("part", "state store"),
	}
	if n.state, err = storage.Open(filepath.Join(n.dir.path, "state"), options); err != nil {
		return err
	}
	n.onClose("state store", n.state.Close)
	options = storage.Options{ForLog: true, MemTableBytes: int(n.cfg.Storage.MemtableBytes), Logger: n.log.With("part", "log store")}
	if n.logs, err = storage.Open(filepath.Join(n.dir.path, "log"), options); err != nil {
		return err
	}
	n.onClose("log store", n.logs.Close)
	return nil
}

// startReplicas forms the cluster and starts this node's replicas of the oracle
// and of the partitions.
func (n *Node) startReplicas(ctx context.Context) error {
	var err error
	n.host, err = replication.NewHost(replication.Config{
		Network: n.transport, State: n.state, Log: n.logs,
		Timing: replication.Timing{Heartbeat: n.cfg.Timing.Heartbeat}, Logger: n.log.With("part", "replication"),
	})
	if err != nil {
		return err
	}
	n.onClose("replicas", n.host.Close)
	n.service, err = partitions.NewService(partitions.Config{Logger: n.log.With("part", "partitions")}, n.host, n.transport)
	if err != nil {
		return err
	}
	n.onClose("partitions", n.service.Close)
	n.client, err = partitions.NewClient(partitions.ClientConfig{
		Incarnation: n.dir.identity.Incarnation, Replicas: n.replicas, Logger: n.log.With("part", "partitions"),
	}, n.transport, n.service)
	if err != nil {
		return err
	}
	n.onClose("partitions' client", n.client.Close)

	formation := newFormation(&n.cfg.Config, n.dir, n.transport, n.log, n.started)
	if err := formation.form(ctx); err != nil {
		return fmt.Errorf("forming the cluster: %w", err)
	}
	nodes := n.nodes()
	if err := n.startOracle(nodes); err != nil {
		return err
	}
	if err := n.openPartitions(ctx, nodes); err != nil {
		return err
	}
	n.monitor = newMonitor(n, formation)
	n.transport.Handle(methodChecksums, n.handleChecksums)
	n.onClose("monitor", n.monitor.close)
	return nil
}

// nodes returns all nodes of the cluster.
func (n *Node) nodes() []object.NodeID {
	if len(n.cfg.Cluster.Nodes) == 0 {
		return []object.NodeID{n.cfg.Node}
	}
	var out []object.NodeID
	for _, node := range n.cfg.Cluster.Nodes {
		out = append(out, node.Name)
	}
	return out
}

// replicas tells which nodes hold a partition.
func (n *Node) replicas(p object.PartitionID) []object.NodeID {
	cache := n.known.Load()
	if cache == nil {
		return nil
	}
	if d := cache.Catalog().Partition(p); d != nil {
		return d.Replicas
	}
	return nil
}

func (n *Node) startOracle(nodes []object.NodeID) error {
	log := n.log.With("part", "oracle")
	machine := oracle.NewMachine(log)
	group, err := n.host.Start(replication.GroupConfig{ID: object.OracleGroup, Peers: nodes, StateMachine: machine})
	if err != nil {
		return err
	}
	n.oracle, err = oracle.NewService(oracle.ServiceConfig{Transport: n.transport, Logger: log}, machine, group, n.client)
	if err != nil {
		return err
	}
	n.onClose("oracle", func() error { n.oracle.Close(); return nil })
	n.locator, err = oracle.NewClient(oracle.ClientConfig{Transport: n.transport, Replicas: nodes, Local: n.oracle, Logger: log})
	if err != nil {
		return err
	}
	n.cache, err = oracle.NewCache(oracle.CacheConfig{Bytes: n.cfg.Limits.LocationCacheBytes, Logger: log}, n.locator)
	if err != nil {
		return err
	}
	n.known.Store(n.cache)
	n.onClose("oracle's cache", func() error { n.cache.Close(); return nil })
	return nil
}

// openPartitions starts this node's replicas of the partitions that the oracle
// knows, and returns when all partitions know what they own. A new oracle is told
// what the cluster consists of by whoever comes first.
func (n *Node) openPartitions(ctx context.Context, nodes []object.NodeID) error {
	var described []catalog.Partition
	for i := range n.cfg.Partitions {
		described = append(described, catalog.Partition{ID: object.PartitionID(i + 1), Replicas: replicasOf(nodes, i)})
	}
	ctx, cancel := context.WithCancel(ctx)
	initialised := make(chan error, 1)
	go func() {
		initialised <- n.patiently(ctx, "waiting for the oracle and the partitions", func(ctx context.Context) error {
			return n.locator.Initialise(ctx, described)
		})
	}()
	err := n.patiently(ctx, "waiting for the oracle's leader", func(ctx context.Context) error {
		if err := n.cache.Refresh(ctx); err != nil {
			return err
		}
		if len(n.cache.Catalog().Partitions) == 0 {
			return errNotInitialised
		}
		return nil
	})
	for _, p := range n.cache.Catalog().Partitions {
		if err == nil && slices.Contains(p.Replicas, n.cfg.Node) {
			err = n.service.Open(p.ID, p.Replicas, false)
		}
	}
	if err != nil {
		cancel()
	}
	defer cancel()
	return errors.Join(err, <-initialised)
}

// errNotInitialised says that the oracle does not know its cluster yet.
var errNotInitialised = errors.New("the oracle has not been told of its cluster yet")

// patiently tries until f succeeds or ctx ends, and logs now and then why it has to.
func (n *Node) patiently(ctx context.Context, what string, f func(context.Context) error) error {
	const attempt, pause, logs = 5 * time.Second, 20 * time.Millisecond, 5 * time.Second
	logged := time.Now()
	for {
		trying, cancel := context.WithTimeout(ctx, attempt)
		err := f(trying)
		cancel()
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if time.Since(logged) > logs {
			n.log.Info(what, "reason", err)
			logged = time.Now()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// replicasOf chooses the nodes of the i-th partition: three, or all where there
// are fewer, beginning with another one for each partition.
func replicasOf(nodes []object.NodeID, i int) []object.NodeID {
	const replicas = 3
	out := make([]object.NodeID, 0, replicas)
	for j := range min(replicas, len(nodes)) {
		out = append(out, nodes[(i+j)%len(nodes)])
	}
	return out
}

// startPlanner makes what plans and executes statements.
func (n *Node) startPlanner(context.Context) error {
	n.policies = newPolicies(builtin.Policies(), n.monitor.partitionLoad)
	executor, err := execute.New(execute.Config{Logger: n.log.With("part", "execute")}, execute.Dependencies{
		Catalog: n.cache, Directory: n.cache, Schema: n.cache, Mover: n.cache, Sequences: n.cache,
		Partitions: n.client, Policies: n.policies, Introspection: n.monitor,
	})
	if err != nil {
		return err
	}
	n.planner, err = planner.New(planner.Config{
		Version: Version(), Logger: n.log.With("part", "planner"),
		Settings: map[string]string{"work_mem": fmt.Sprintf("%dkB", n.cfg.Limits.SortBytes>>10)},
	}, planner.Dependencies{Executor: executor, Catalog: n.cache, Policies: n.policies})
	return err
}

// serveClients opens the protocol on the port that listen has bound.
func (n *Node) serveClients(context.Context) error {
	srv, err := pgwire.New(pgwire.Config{
		MaxConnections: n.cfg.Limits.Connections, MaxMessageBytes: int(n.cfg.Limits.MessageBytes), Logger: n.log.With("part", "pgwire"),
	}, n.planner)
	if err != nil {
		return err
	}
	n.pgwire = srv
	go func() {
		if err := srv.Serve(n.sql); !errors.Is(err, pgwire.ErrServerClosed) {
			n.fail(fmt.Errorf("client port: %w", err))
		}
	}()
	go func() {
		<-n.host.Failed()
		if err := n.host.Err(); err != nil {
			n.fail(err)
		}
	}()
	return nil
}

// watchRoles logs changes of leadership from the end of the start on; what is so
// by then stands in the greeting. For that it waits a moment for elections that are
// under way, while clients are served already.
func (n *Node) watchRoles(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for !n.led() && ctx.Err() == nil {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	n.roles = newRoles(n.log, n.cfg.Node)
	n.onClose("log of roles", n.roles.close)
	for _, g := range n.host.Groups() {
		n.roles.watch(g.Status().ID, g)
	}
	return nil
}

// led reports whether every group that this node has a replica of has a leader.
func (n *Node) led() bool {
	for _, g := range n.host.Groups() {
		if leader := g.Leader(); leader == "" || leader == n.cfg.Node && !g.IsLeader() {
			return false
		}
	}
	return true
}

func (n *Node) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}

// Failed gives the error that a node cannot live with. It is to be shut down then.
func (n *Node) Failed() <-chan error { return n.failed }

// Addr returns the address that clients connect to.
func (n *Node) Addr() net.Addr { return n.sql.Addr() }

// Shutdown drains clients, hands leadership over and closes everything, in the
// reverse order of Start. When ctx ends, statements that still run are cancelled.
// Calling it again gives the first answer.
func (n *Node) Shutdown(ctx context.Context) error {
	n.shutdown.Do(func() {
		drained := n.pgwire.Shutdown(ctx)
		_ = n.roles.close() // what follows is no news
		// Leadership is handed over also where the grace is used up: it takes less
		// than the election that the others would have to wait for.
		handover, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err := n.host.Drain(handover); err != nil {
			n.log.Info("leadership was not handed over", "reason", err)
		}
		n.err = errors.Join(drained, n.closeAll())
	})
	return n.err
}

func (n *Node) closeAll() error {
	var errs []error
	for _, c := range slices.Backward(n.closers) {
		if err := c.close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", c.what, err))
		}
	}
	n.closers = nil
	return errors.Join(errs...)
}

// Greeting says what a user wants to know when the server has started.
func (n *Node) Greeting() string {
	host, port, _ := net.SplitHostPort(n.Addr().String())
	which := "none yet"
	if leads := n.leads(); len(leads) > 0 {
		which = strings.ReplaceAll(strings.Trim(fmt.Sprint(leads), "[]"), " ", ", ")
	}
	return fmt.Sprintf(`ssmr %s, node %s of %d

  connect     psql "host=%s port=%s user=me dbname=app"
  data        %s
  partitions  %d; this node leads: %s

`, Version(), n.cfg.Node, len(n.nodes()), host, port, n.dir.path, len(n.cache.Catalog().Partitions), which)
}

// LogGreeting logs what Greeting says, where all that is printed is a log.
func (n *Node) LogGreeting() {
	n.log.Info("serving clients", "version", Version(), "nodes", len(n.nodes()), "address", n.Addr().String(),
		"data", n.dir.path, "partitions", len(n.cache.Catalog().Partitions), "leads", n.leads())
}

// leads returns the partitions that this node leads.
func (n *Node) leads() []object.PartitionID {
	leads := []object.PartitionID{}
	for _, s := range n.service.Status() {
		if s.Leading {
			leads = append(leads, s.Partition)
		}
	}
	return leads
}
