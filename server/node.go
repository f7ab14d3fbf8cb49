package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/configs"
	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/oracle"
	"github.com/ssmr/ssmr/partitions"
	"github.com/ssmr/ssmr/pgwire"
	"github.com/ssmr/ssmr/planner"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/server/registry"
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
	policies  *registry.Registry
	monitor   *monitor
	roles     *roles
	executor  *execute.Executor
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

// Start boots a node and returns when it serves clients: their port, the data
// folder, the cluster port, the stores, the oracle, the partitions, the policies, the
// planner, the protocol, in this order. It waits until the cluster is formed and the oracle
// has a leader, or ctx ends. After an error nothing is left open.
func Start(ctx context.Context, cfg Config) (_ *Node, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{cfg: cfg, log: cfg.Logger.With("node", string(cfg.Node)), started: time.Now(), failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = n.unlessHung(n.closeAll)
		}
	}()
	for _, step := range []func(context.Context) error{
		n.listen, n.openDataDir, n.serveProfiles, n.joinNetwork, n.openStores, n.startReplicas, n.openPolicies, n.startPlanner, n.serveClients, n.watchRoles,
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
// Calling it again gives the first answer. Where a store has failed it does not wait for
// what hangs there, and leaves that to the end of the process.
func (n *Node) Shutdown(ctx context.Context) error {
	n.shutdown.Do(func() { n.err = n.unlessHung(func() error { return n.stop(ctx) }) })
	return n.err
}

// stopLimit is how long a node with a store that has failed may take to stop.
const stopLimit = 8 * time.Second

func (n *Node) unlessHung(stop func() error) error {
	failed := func(s *storage.Store) <-chan struct{} {
		if s == nil {
			return nil
		}
		return s.Failed()
	}
	return unlessHung(stop, failed(n.state), failed(n.logs))
}

// unlessHung waits for stop, but not for ever once a store has failed: what is inside of that
// may never come back.
func unlessHung(stop func() error, state, logs <-chan struct{}) error {
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	select {
	case err := <-stopped:
		return err
	case <-state:
	case <-logs:
	}
	select {
	case err := <-stopped:
		return err
	case <-time.After(stopLimit):
		return errors.New("something hangs in a store that has failed")
	}
}

func (n *Node) stop(ctx context.Context) error {
	drained := n.pgwire.Shutdown(ctx)
	_ = n.roles.close() // what follows is no news
	n.service.StayLeader()
	// Leadership is handed over also where the grace is used up: it takes less
	// than the election that the others would have to wait for.
	handover, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := n.host.Drain(handover); err != nil {
		n.log.Info("leadership was not handed over", "reason", err)
	}
	return errors.Join(drained, n.closeAll())
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
