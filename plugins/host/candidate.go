package host

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/ssmr/ssmr/plugins/placement"
)

// Candidate is a policy whose program runs, and is asked nothing yet but whether it
// takes a table: it becomes a Plugin, or the next program of one, or is closed. If its
// program ends meanwhile, that is found when it is used.
type Candidate struct {
	host *Host
	log  *slog.Logger
	proc *process
	once sync.Once
}

// Try starts a policy's program and asks it who it is. The error says why it cannot
// be used.
func (h *Host) Try(ctx context.Context, spec Spec) (*Candidate, error) {
	c := &Candidate{host: h, log: h.cfg.Logger.With("policy", spec.Name)}
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	h.starting.Add(1)
	h.mu.Unlock()
	defer h.starting.Done()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	proc, err := h.start(ctx, spec, c.log)
	settle(ctx)
	if err != nil {
		return nil, err
	}
	c.proc = proc
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[c] = struct{}{}
	return c, nil
}

// Configure is Plugin.Configure.
func (c *Candidate) Configure(ctx context.Context, options placement.Options, table placement.Table) (Accepted, error) {
	limited, cancel := context.WithTimeout(ctx, c.host.cfg.StartTimeout)
	defer cancel()
	accepted, err := c.proc.configure(limited, options, table)
	settle(ctx)
	return accepted, asTold(err, c.host.cfg.StartTimeout)
}

// Version is the version that the policy gives itself.
func (c *Candidate) Version() string { return c.proc.about.GetVersion() }

// Close ends the program, if the candidate is still one. Calling it again is harmless.
func (c *Candidate) Close() {
	if proc := c.take(); proc != nil {
		proc.kill()
	}
}

// take takes the program over; nil where somebody has before.
func (c *Candidate) take() (proc *process) {
	c.once.Do(func() {
		proc = c.proc
		c.host.forget(c)
	})
	return proc
}

// Run makes a candidate a policy that can be asked.
func (h *Host) Run(c *Candidate) (*Plugin, error) {
	p := &Plugin{host: h, log: c.log, stopped: make(chan struct{}), wake: make(chan struct{}, 1)}
	proc := c.take()
	if proc == nil {
		return nil, fmt.Errorf("policy %q: %w", c.proc.spec.Name, ErrClosed)
	}
	p.spec, p.state = proc.spec, Ready
	p.proc.Store(proc)
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		proc.kill()
		return nil, ErrClosed
	}
	h.open[p] = struct{}{}
	p.background.Go(p.watch)
	h.mu.Unlock()
	p.log.Info("the placement policy is ready", "version", proc.about.GetVersion(), "program", proc.spec.Program, "pid", proc.child.pid())
	return p, nil
}

// Adopt puts a candidate in the place of the program that runs, between two calls:
// calls that are under way are answered by the old one.
func (p *Plugin) Adopt(c *Candidate) error {
	proc := c.take()
	if proc == nil {
		return fmt.Errorf("policy %q: %w", c.proc.spec.Name, ErrClosed)
	}
	for {
		old := p.proc.Load()
		if !p.install(old, proc) {
			continue
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.state == Closed {
			p.proc.Store(nil)
			go proc.kill()
			return ErrClosed
		}
		p.pause = 0
		if old != nil {
			p.background.Go(func() { p.retire(old) })
		}
		return nil
	}
}
