package server

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/builtin"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/server/registry"
)

// What nodes ask each other for the tables of schema ssmr. On the wire: append only.
const (
	methodPolicies uint16 = 0x0303
	methodCounters uint16 = 0x0304
)

// settleTimeout bounds how long a start waits for policies' programs: clients are served
// then, and what a policy would have placed is placed by the fall-back.
const settleTimeout = 3 * time.Second

// openPolicies makes the registry of policies, and starts those that are programs.
func (n *Node) openPolicies(ctx context.Context) error {
	dir, err := filepath.Abs(n.cfg.PluginsDir())
	if err != nil {
		return err
	}
	log, cfg := n.log.With("part", "policies"), n.cfg.Plugins
	programs, err := host.New(host.Config{
		Dir: dir, Sockets: n.dir.socketFolder(), Env: cfg.Env,
		CallTimeout: cfg.CallTimeout, StartTimeout: cfg.StartTimeout, HealthInterval: cfg.HealthInterval, LogLines: cfg.LogLines, Logger: log,
	})
	if err != nil {
		return err
	}
	n.policies = registry.New(registry.Config{
		Dir: dir, OnUse: cfg.OnUse, CallTimeout: cfg.CallTimeout, StartTimeout: cfg.StartTimeout,
		SHA256: cfg.SHA256, Options: cfg.Options, Logger: log,
	}, registry.Dependencies{
		BuiltIn: builtin.Policies(), Host: programs, Catalog: n.cache, Load: n.monitor.partitionLoad,
	})
	n.onClose("policies", n.policies.Close)
	n.transport.Handle(methodPolicies, func(context.Context, object.NodeID, []byte) ([]byte, error) {
		return json.Marshal(n.policies.Statuses())
	})
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	n.policies.Settle(ctx)
	return nil
}

// Policies tells how the nodes that answer have all policies, ascending by name and
// node.
func (m *monitor) Policies(ctx context.Context) ([]execute.PolicyStatus, error) {
	out, err := gather(ctx, m, methodPolicies, m.node.policies.Statuses, func(s *execute.PolicyStatus, node object.NodeID) { s.Node = node })
	slices.SortFunc(out, func(a, b execute.PolicyStatus) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Node, b.Node))
	})
	return out, err
}
