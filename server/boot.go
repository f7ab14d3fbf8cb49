package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/pgwire"
	"github.com/ssmr/ssmr/planner"
	"github.com/ssmr/ssmr/planner/execute"
)

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
		address, key := peers[n.cfg.Node], "cluster.nodes"
		if n.cfg.Cluster.Listen != "" {
			address, key = n.cfg.Cluster.Listen, "cluster.listen"
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("cluster port (key %q): %w", key, err)
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

// startPlanner makes what plans and executes statements.
func (n *Node) startPlanner(context.Context) error {
	tracer, err := n.trace()
	if err != nil {
		return err
	}
	executor, err := execute.New(execute.Config{Logger: n.log.With("part", "execute")}, execute.Dependencies{
		Catalog: n.cache, Directory: n.cache, Schema: n.cache, Mover: n.cache, Sequences: n.cache,
		Partitions: executorsPartitions{n.client}, Founder: founder{n.cache, n.client}, Policies: n.policies, Introspection: n.monitor,
		Trace: tracer,
	})
	if err != nil {
		return err
	}
	n.onClose("executor", func() error { executor.Close(); return nil })
	n.executor = executor
	n.transport.Handle(methodCounters, n.handleCounters)
	n.planner, err = planner.New(planner.Config{
		Version: Version(), Logger: n.log.With("part", "planner"), MaxWorkMem: n.cfg.Limits.SortBytes,
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
	members := make(map[object.GroupID][]object.PartitionID)
	for _, p := range n.cache.Catalog().Partitions {
		members[p.Group] = append(members[p.Group], p.ID)
	}
	for _, g := range n.host.Groups() {
		n.roles.watch(g, members[g.ID()])
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
