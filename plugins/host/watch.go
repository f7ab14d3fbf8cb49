package host

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// healthMisses is the number of health checks in a row that may fail.
const healthMisses = 2

// watch keeps the program running until Close.
func (p *Plugin) watch() {
	ticker := time.NewTicker(p.host.cfg.HealthInterval)
	defer ticker.Stop()
	misses := 0
	for {
		proc := p.proc.Load()
		if proc == nil {
			if !p.restart() {
				return
			}
			misses = 0
			continue
		}
		select {
		case <-p.stopped:
			return
		case <-proc.exited():
			p.lose(proc, errors.New("the program has ended"))
		case <-p.wake:
			p.mu.Lock()
			err := p.err
			broken := p.failures >= p.host.cfg.MaxFailures
			p.mu.Unlock()
			if broken {
				p.lose(proc, fmt.Errorf("it does not answer: %w", err))
			}
		case <-ticker.C:
			if err := p.check(proc); err == nil {
				misses = 0
			} else if misses++; misses >= healthMisses {
				p.lose(proc, fmt.Errorf("it does not answer a health check: %w", err))
			}
		}
	}
}

// check asks for the program's health, with a deadline.
func (p *Plugin) check(proc *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.host.cfg.HealthTimeout)
	defer cancel()
	return proc.alive(ctx)
}

// lose gives a program up and kills it. From here on calls fail at once.
func (p *Plugin) lose(proc *process, why error) {
	if !p.proc.CompareAndSwap(proc, nil) {
		return // it was swapped meanwhile
	}
	p.mu.Lock()
	p.err, p.failures = why, 0
	if p.state != Closed {
		p.state = Starting
	}
	p.mu.Unlock()
	p.log.Warn("the placement policy is started again", "reason", why)
	p.changed(Starting, why)
	proc.kill()
}

// restart starts the program until that succeeds, with back-off; false after Close.
func (p *Plugin) restart() bool {
	for pause := p.host.cfg.Backoff; ; pause = min(2*pause, p.host.cfg.MaxBackoff) {
		select {
		case <-p.stopped:
			return false
		case <-time.After(pause):
		}
		if p.proc.Load() != nil {
			return true // Swap was quicker
		}
		p.mu.Lock()
		spec := p.spec
		p.mu.Unlock()
		proc, err := p.start(spec)
		if err == nil {
			if !p.install(nil, proc, spec) {
				proc.kill()
			}
			return true
		}
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		p.log.Warn("the placement policy cannot be started", "error", err)
	}
}

// start starts a program; Close interrupts it.
func (p *Plugin) start(spec Spec) (*process, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*p.host.cfg.StartTimeout)
	defer cancel()
	go func() {
		select {
		case <-p.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	return p.host.start(ctx, spec, p.log)
}

// install puts a program in the place of another.
func (p *Plugin) install(old, proc *process, spec Spec) bool {
	if !p.proc.CompareAndSwap(old, proc) {
		return false
	}
	p.mu.Lock()
	p.spec, p.err, p.failures = spec, nil, 0
	if p.state != Closed {
		p.state = Ready
	}
	p.restarts++
	p.mu.Unlock()
	p.log.Info("the placement policy is ready", "version", proc.about.GetVersion(), "program", spec.Program)
	p.changed(Ready, nil)
	return true
}

func (p *Plugin) changed(s State, err error) {
	if p.host.cfg.Changed != nil {
		p.mu.Lock()
		name := p.spec.Name
		p.mu.Unlock()
		p.host.cfg.Changed(name, s, err)
	}
}

// Swap starts another program and, where it can be used, puts it in the place of the
// one that runs, between two calls: calls that are under way are answered by the old
// one. Where it cannot, the old one stays, and the error says why.
func (p *Plugin) Swap(ctx context.Context, spec Spec) error {
	proc, err := p.host.start(ctx, spec, p.log)
	if err != nil {
		return err
	}
	for {
		old := p.proc.Load()
		if !p.install(old, proc, spec) {
			continue
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		select {
		case <-p.stopped:
			p.proc.Store(nil)
			go proc.kill()
			return ErrClosed
		default:
		}
		if old != nil {
			p.background.Go(func() { p.retire(old) })
		}
		return nil
	}
}

// retire ends a program when the calls that it may still answer are over.
func (p *Plugin) retire(old *process) {
	select {
	case <-time.After(2 * p.host.cfg.CallTimeout):
	case <-p.stopped:
	}
	old.kill()
}
