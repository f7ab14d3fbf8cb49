package simulate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/plugins/builtin"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

// Choice says which policy is to place tables, and how.
type Choice struct {
	// Policy is the name of a built-in policy, or the path of a program.
	Policy string
	// Options are the policy's own, TableOptions those of the tables; a table that was
	// recorded with a policy of that name has the recorded ones beside.
	Options, TableOptions map[string]string
	PlainText             bool // see host.Spec
}

// policy is a policy that can be asked.
type policy interface {
	name() string
	version() string
	// configure has the policy accept a table.
	configure(ctx context.Context, options placement.Options, t placement.Table) (configured, error)
	// program reports whether calls leave the process.
	program() bool
	close()
}

// configured is a policy as it is for one table.
type configured struct {
	// static says that homes follow from columns of the key (all, where there are none),
	// and place is not called.
	static  bool
	columns []string
	place   func(context.Context, *placement.Batch) ([]placement.Placement, error)
	// replace is asked after an update of replaceColumns; nil: never.
	replace        func(context.Context, *placement.Batch) ([]placement.Placement, error)
	replaceColumns []string
}

// open makes a policy ready.
func open(ctx context.Context, cfg *Config, c Choice) (policy, error) {
	if p := builtIn(c.Policy); p != nil {
		if len(c.Options) > 0 {
			return nil, fmt.Errorf("policy %s is built in, and has no options of its own", c.Policy)
		}
		return p, nil
	}
	if _, err := os.Stat(c.Policy); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%q is neither a program nor a built-in policy (%s)", c.Policy, strings.Join(builtInNames(), ", "))
	}
	path, err := filepath.Abs(c.Policy)
	if err != nil {
		return nil, err
	}
	sockets, err := os.MkdirTemp("", "ssmr-simulate-")
	if err != nil {
		return nil, err
	}
	p := &program{sockets: sockets}
	p.host, err = host.New(host.Config{Dir: filepath.Dir(path), Sockets: sockets, Env: cfg.Env, CallTimeout: cfg.Deadline, Logger: cfg.Logger})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(sockets))
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	p.plugin, err = p.host.Open(ctx, host.Spec{Name: name, Program: filepath.Base(path), Options: c.Options, PlainText: c.PlainText})
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// builtIn returns a built-in policy that has no past; nil where there is none of the name.
func builtIn(name string) policy {
	for _, p := range builtin.Policies() {
		if p.Name() == name {
			return inProcess{p}
		}
	}
	return nil
}

func builtInNames() []string {
	var names []string
	for _, p := range builtin.Policies() {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	return names
}

// inProcess is a built-in policy.
type inProcess struct{ policy placement.Policy }

func (p inProcess) name() string    { return p.policy.Name() }
func (p inProcess) version() string { return p.policy.Version() }
func (inProcess) program() bool     { return false }
func (inProcess) close()            {}

func (p inProcess) configure(_ context.Context, options placement.Options, t placement.Table) (configured, error) {
	policy := p.policy
	if c, ok := policy.(placement.Configurer); ok {
		var err error
		if policy, err = c.Configure(options, t); err != nil {
			return configured{}, err
		}
	}
	out := configured{place: policy.Place}
	if s, ok := policy.(placement.Static); ok {
		out.columns, out.static = s.StaticColumns(t)
	}
	return out, nil
}

// program is a policy that is a program of its own.
type program struct {
	host    *host.Host
	plugin  *host.Plugin
	sockets string
}

func (p *program) name() string    { return p.plugin.Name() }
func (p *program) version() string { return p.plugin.Version() }
func (*program) program() bool     { return true }

func (p *program) close() {
	_ = p.host.Close()
	_ = os.RemoveAll(p.sockets)
}

func (p *program) configure(ctx context.Context, options placement.Options, t placement.Table) (configured, error) {
	accepted, err := p.plugin.Configure(ctx, options, t)
	if err != nil {
		return configured{}, err
	}
	reads, err := accepted.Reads(&t)
	if err != nil {
		return configured{}, err
	}
	ask := func(replace bool) func(context.Context, *placement.Batch) ([]placement.Placement, error) {
		return func(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
			answer, err := p.plugin.Ask(ctx, host.Question{Options: options, Batch: b, Replace: replace, Columns: reads})
			return answer.Placements, err
		}
	}
	out := configured{place: ask(false), replaceColumns: accepted.ReplaceColumns}
	if len(out.replaceColumns) > 0 {
		out.replace = ask(true)
	}
	return out, nil
}
