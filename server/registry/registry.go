package registry

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

// Config of a Registry.
type Config struct {
	// Dir is the folder of programs, for messages.
	Dir string
	// OnUse has a program started when it is asked first.
	OnUse bool
	// CallTimeout bounds the calls of policies; StartTimeout how long a statement that
	// makes a table waits for a program. Required.
	CallTimeout, StartTimeout time.Duration
	// SHA256 are checksums that programs must have, by their names.
	SHA256 map[string]string
	// Options are policies' own options, by their names; those of the catalog go before
	// them.
	Options map[string]map[string]string
	// Backoff is the first pause before a program that could not be started is tried
	// again. Default: 200 ms.
	Backoff time.Duration
	Logger  *slog.Logger // nil: discarded
}

// Dependencies are what a Registry calls.
type Dependencies struct {
	BuiltIn []placement.Policy
	Host    *host.Host // the registry closes it
	Catalog Catalog
	// Load tells what all partitions hold, as they last reported it; not their labels. It
	// may leave partitions out. What it returns is not changed.
	Load func() []placement.Partition
}

// Catalog is the node's copy of the oracle's catalog.
type Catalog interface {
	Catalog() *catalog.Snapshot
	// Changed returns a channel that is closed when the next snapshot comes.
	Changed() <-chan struct{}
	Refresh(ctx context.Context) error
}

const (
	maxBackoff = 5 * time.Second
	// refreshTimeout bounds how long a policy is looked for that this node does not know.
	refreshTimeout = 2 * time.Second
	// maxTables bounds the tables that something is kept of.
	maxTables = 4096
)

// Registry knows the policies of a node. Its methods may be called from many
// goroutines.
type Registry struct {
	cfg     Config
	deps    Dependencies
	log     *slog.Logger
	builtin map[string]*local
	total   tally // of all policies, also of those that were dropped

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	kick    chan struct{} // tables are to be configured

	mu       sync.RWMutex // guards what follows
	programs map[string]*program
	// checked are programs that Check has started, by their policies' names.
	checked  map[string]*checked
	tables   map[object.TableID]*described
	accepted map[object.TableID]*accepted
	closed   bool
}

// local is a policy that is built in.
type local struct {
	policy placement.Policy
	tally  tally
}

// New makes a registry that follows the catalog. It has to be closed.
func New(cfg Config, deps Dependencies) *Registry {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = 200 * time.Millisecond
	}
	r := &Registry{
		cfg: cfg, deps: deps, log: cfg.Logger, builtin: make(map[string]*local), kick: make(chan struct{}, 1),
		programs: make(map[string]*program), checked: make(map[string]*checked),
		tables: make(map[object.TableID]*described), accepted: make(map[object.TableID]*accepted),
	}
	for _, policy := range deps.BuiltIn {
		r.builtin[policy.Name()] = &local{policy: policy}
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.running.Go(r.follow)
	r.running.Go(r.configureTables)
	return r
}

// Close ends all programs. Calling it again is harmless.
func (r *Registry) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	err := r.deps.Host.Close()
	r.running.Wait()
	return err
}

// follow does what the catalog says.
func (r *Registry) follow() {
	for {
		changed := r.deps.Catalog.Changed()
		r.sync(r.deps.Catalog.Catalog())
		select {
		case <-changed:
		case <-r.ctx.Done():
			return
		}
	}
}

// sync has programs started, swapped and closed as a snapshot says. One that is older
// than what was seen changes nothing.
func (r *Registry) sync(snap *catalog.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	for _, policy := range snap.Policies {
		p := r.programs[policy.Name]
		if p == nil {
			p = newProgram(r, policy)
			r.programs[policy.Name] = p
			r.running.Go(p.keep)
			continue
		}
		p.want(policy)
	}
	for name, p := range r.programs {
		if !slices.ContainsFunc(snap.Policies, func(policy catalog.Policy) bool { return policy.Name == name }) && p.version() <= snap.Version {
			p.drop()
			delete(r.programs, name)
		}
	}
	for id := range r.tables {
		if snap.Tables[id] == nil {
			delete(r.tables, id)
		}
	}
	for id := range r.accepted {
		if snap.Tables[id] == nil {
			delete(r.accepted, id)
		}
	}
	r.nudge()
}

// nudge has tables configured that are not.
func (r *Registry) nudge() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Settle returns when each program of the catalog was tried once, or ctx ends.
func (r *Registry) Settle(ctx context.Context) {
	r.sync(r.deps.Catalog.Catalog())
	if r.cfg.OnUse {
		return
	}
	r.mu.RLock()
	all := slices.Collect(maps.Values(r.programs))
	r.mu.RUnlock()
	for _, p := range all {
		_, _ = p.ready(ctx)
	}
}

// names returns the names of all policies, in order.
func (r *Registry) names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(func(yield func(string) bool) {
		for name := range r.builtin {
			if !yield(name) {
				return
			}
		}
		for name := range r.programs {
			if !yield(name) {
				return
			}
		}
	})
}

// program returns a policy that is a program; nil where this node knows none of that
// name.
func (r *Registry) program(name string) *program {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.programs[name]
}

// find is program for a statement that makes a table: the oracle is asked.
func (r *Registry) find(ctx context.Context, name string) *program {
	r.sync(r.deps.Catalog.Catalog())
	if p := r.program(name); p != nil {
		return p
	}
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	if r.deps.Catalog.Refresh(ctx) == nil {
		r.sync(r.deps.Catalog.Catalog())
	}
	return r.program(name)
}

// unknown is the error of a policy that there is not.
func (r *Registry) unknown(name string) error {
	return pgerror.New(pgerror.UndefinedObject, "placement policy %q does not exist", name).
		WithHint("Policies are: %s.", strings.Join(r.names(), ", "))
}

// optionError makes a wrong option one for the client; nil where err is none.
func optionError(err error) error {
	var wrong *placement.OptionError
	if errors.As(err, &wrong) {
		return pgerror.New(pgerror.InvalidParameterValue, "%s", wrong.Error())
	}
	return nil
}
