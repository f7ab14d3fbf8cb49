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
	if time.Since(proc.started) >= p.host.cfg.MaxBackoff {
		p.pause = 0
	}
	p.mu.Unlock()
	p.log.Warn("the placement policy is started again", "reason", why)
	proc.kill()
}

// restart starts the program until that succeeds, with back-off; false after Close.
func (p *Plugin) restart() bool {
	for {
		select {
		case <-p.stopped:
			return false
		case <-time.After(p.nextPause()):
		}
		if p.proc.Load() != nil {
			return true // Adopt was quicker
		}
		p.mu.Lock()
		spec := p.spec
		p.mu.Unlock()
		proc, err := p.start(spec)
		if err == nil {
			if !p.install(nil, proc) {
				proc.kill()
				return true
			}
			p.mu.Lock()
			p.restarts++
			p.mu.Unlock()
			return true
		}
		p.mu.Lock()
		p.err = err
		if p.state == Starting {
			p.state = Failed
		}
		p.mu.Unlock()
		p.log.Warn("the placement policy cannot be started", "error", err)
	}
}

// nextPause doubles the pause before a start.
func (p *Plugin) nextPause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pause = min(max(2*p.pause, p.host.cfg.Backoff), p.host.cfg.MaxBackoff)
	return p.pause
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
func (p *Plugin) install(old, proc *process) bool {
	if !p.proc.CompareAndSwap(old, proc) {
		return false
	}
	p.mu.Lock()
	p.spec, p.err, p.failures = proc.spec, nil, 0
	if p.state != Closed {
		p.state = Ready
	}
	p.mu.Unlock()
	p.log.Info("the placement policy is ready", "version", proc.about.GetVersion(), "program", proc.spec.Program, "pid", proc.child.pid())
	return true
}

// retire ends a program when the calls that it may still answer are over.
func (p *Plugin) retire(old *process) {
	select {
	case <-time.After(2 * p.host.cfg.CallTimeout):
	case <-p.stopped:
	}
	old.kill()
}
