package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/plugins/host"
)

// program is a policy that is a program of its own, as this node has it.
type program struct {
	r    *Registry
	name string
	tally
	together together
	memory   memory

	wake    chan struct{} // wanted has changed
	needed  chan struct{} // closed when somebody asks
	need    sync.Once
	dropped chan struct{}
	ending  sync.Once

	mu      sync.Mutex // guards what follows
	wanted  catalog.Policy
	plugin  *host.Plugin   // nil until it could be started
	running catalog.Policy // what plugin runs
	err     error          // why wanted does not run
	tried   chan struct{}  // closed when wanted was tried
}

func newProgram(r *Registry, policy catalog.Policy) *program {
	return &program{
		r: r, name: policy.Name, wanted: policy, tried: make(chan struct{}),
		wake: make(chan struct{}, 1), needed: make(chan struct{}), dropped: make(chan struct{}),
	}
}

// want says what the catalog says.
func (p *program) want(policy catalog.Policy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if policy.Version <= p.wanted.Version {
		return
	}
	p.wanted = policy
	select {
	case <-p.tried:
		p.tried = make(chan struct{})
	default:
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// version is that of the catalog.
func (p *program) version() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wanted.Version
}

func (p *program) drop() { p.ending.Do(func() { close(p.dropped) }) }

// keep has what is wanted run, until it is dropped or the registry is closed.
func (p *program) keep() {
	defer func() {
		p.mu.Lock()
		plugin := p.plugin
		p.mu.Unlock()
		if plugin != nil {
			plugin.Close()
		}
	}()
	if p.r.cfg.OnUse {
		select {
		case <-p.needed:
		case <-p.dropped:
			return
		case <-p.r.ctx.Done():
			return
		}
	}
	for pause := p.r.cfg.Backoff; ; {
		var again <-chan time.Time
		if err := p.attempt(); err != nil {
			again = time.After(pause)
		}
		select {
		case <-p.wake:
			pause = p.r.cfg.Backoff
		case <-again:
			pause = min(2*pause, maxBackoff)
		case <-p.dropped:
			return
		case <-p.r.ctx.Done():
			return
		}
	}
}

// attempt starts what is wanted, and puts it in the place of what runs.
func (p *program) attempt() error {
	p.mu.Lock()
	wanted, plugin, running, before := p.wanted, p.plugin, p.running, p.err
	p.mu.Unlock()
	if plugin != nil && running.Version == wanted.Version {
		return nil
	}
	c, err := p.r.candidate(wanted)
	switch {
	case err != nil:
	case plugin == nil:
		plugin, err = p.r.deps.Host.Run(c)
	default:
		err = plugin.Adopt(c)
	}
	if err != nil && !errors.Is(err, host.ErrClosed) && (before == nil || before.Error() != err.Error()) {
		p.r.log.Warn("a placement policy cannot be started on this node; it is tried again",
			"policy", p.name, "program", wanted.Program, "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	if err == nil {
		p.plugin, p.running = plugin, wanted
		p.r.nudge()
	}
	if p.wanted.Version == wanted.Version {
		select {
		case <-p.tried:
		default:
			close(p.tried)
		}
	}
	return err
}

// ready returns the plugin when what is wanted was tried. The error says why it does
// not run; where another one runs, the plugin is not nil.
func (p *program) ready(ctx context.Context) (*host.Plugin, error) {
	p.need.Do(func() { close(p.needed) })
	p.mu.Lock()
	tried := p.tried
	p.mu.Unlock()
	select {
	case <-tried:
	case <-ctx.Done():
	case <-p.dropped:
	case <-p.r.ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plugin == nil && p.err == nil {
		return nil, errors.New("it is being started")
	}
	return p.plugin, p.err
}

// now returns what can be asked at once.
func (p *program) now(ctx context.Context) (*host.Plugin, error) {
	p.mu.Lock()
	plugin, err := p.plugin, p.err
	p.mu.Unlock()
	switch {
	case plugin != nil:
		return plugin, nil
	case err == nil && p.r.cfg.OnUse: // the first to ask waits as long as for an answer
		ctx, cancel := context.WithTimeout(ctx, p.r.cfg.CallTimeout)
		defer cancel()
		if plugin, err = p.ready(ctx); plugin != nil {
			return plugin, nil
		}
	case err == nil:
		err = errors.New("it is being started")
	}
	return nil, err
}

// runs reports whether there is something to ask, also while it is being started again.
func (p *program) runs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.plugin != nil
}

// candidate returns the program of a policy, started: by Check, or now.
func (r *Registry) candidate(policy catalog.Policy) (*host.Candidate, error) {
	if c := r.adopt(policy); c != nil {
		return c, nil
	}
	spec, err := r.spec(policy)
	if err != nil {
		return nil, err
	}
	return r.deps.Host.Try(r.ctx, spec)
}

// noFolder is the error of a folder of plugins that is not there: fs.ErrNotExist.
type noFolder struct{ dir string }

func (e *noFolder) Error() string {
	return fmt.Sprintf("there is no folder of plugins %s on this node (key \"plugins.dir\")", e.dir)
}

func (*noFolder) Unwrap() error { return fs.ErrNotExist }

// spec says what to start: what the catalog says, and what this node's configuration
// adds.
func (r *Registry) spec(policy catalog.Policy) (host.Spec, error) {
	spec := host.Spec{
		Name: policy.Name, Program: policy.Program, SHA256: policy.SHA256, PlainText: policy.PlainText,
		Options: maps.Clone(r.cfg.Options[policy.Name]),
	}
	if spec.Options == nil {
		spec.Options = make(map[string]string)
	}
	maps.Copy(spec.Options, policy.Options)
	if pin := r.cfg.SHA256[policy.Program]; pin != "" {
		if spec.SHA256 != "" && !strings.EqualFold(spec.SHA256, pin) {
			return spec, fmt.Errorf("the policy wants %s to have the SHA-256 %s, the configuration of this node (key \"plugins.sha256\") wants %s",
				policy.Program, spec.SHA256, pin)
		}
		spec.SHA256 = pin
	}
	if _, err := os.Stat(r.cfg.Dir); errors.Is(err, fs.ErrNotExist) {
		return spec, &noFolder{r.cfg.Dir}
	}
	return spec, nil
}
