package registry

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/placement"
)

// logInterval lies between two lines of the log that say that a policy was not
// followed.
const logInterval = time.Second

// tally counts what a policy does.
type tally struct {
	calls, errors, fallBacks atomic.Int64
	spent, slowest           atomic.Int64 // nanoseconds

	logging sync.Mutex // guards what follows
	logged  time.Time
	since   int
}

// took counts the time of one call.
func (t *tally) took(d time.Duration) {
	t.spent.Add(int64(d))
	for old := t.slowest.Load(); int64(d) > old && !t.slowest.CompareAndSwap(old, int64(d)); old = t.slowest.Load() {
	}
}

// mayLog counts objects, and says of how many the log is to hear now.
func (t *tally) mayLog(now time.Time, objects int) (since int, ok bool) {
	t.logging.Lock()
	defer t.logging.Unlock()
	t.since += objects
	if now.Sub(t.logged) < logInterval {
		return 0, false
	}
	since, t.since, t.logged = t.since, 0, now
	return since, true
}

func (t *tally) fill(s *execute.PolicyStatus) {
	s.Calls, s.Errors, s.FallBacks = t.calls.Load(), t.errors.Load(), t.fallBacks.Load()
	s.Slowest = time.Duration(t.slowest.Load())
	if s.Calls > 0 {
		s.Mean = time.Duration(t.spent.Load() / s.Calls)
	}
}

// Statuses tells how this node has all policies, ascending by name.
func (r *Registry) Statuses() []execute.PolicyStatus {
	var out []execute.PolicyStatus
	for _, name := range r.names() {
		if b := r.builtin[name]; b != nil {
			_, static := b.policy.(placement.Static)
			s := execute.PolicyStatus{Name: name, Kind: "builtin", Static: static, State: "ready"}
			b.tally.fill(&s)
			out = append(out, s)
		} else if p := r.program(name); p != nil {
			out = append(out, p.status())
		}
	}
	return out
}

func (p *program) status() execute.PolicyStatus {
	p.mu.Lock()
	wanted, plugin, running, err := p.wanted, p.plugin, p.running, p.err
	p.mu.Unlock()
	s := execute.PolicyStatus{Name: p.name, Kind: "plugin", Program: wanted.Program, State: "starting"}
	p.tally.fill(&s)
	if plugin != nil {
		now := plugin.Status()
		s.Program, s.Version, s.SHA256, s.PID = now.Program, now.Version, now.SHA256, now.PID
		s.State, s.Restarts = now.State.String(), int64(now.Restarts)
		if now.Err != nil {
			s.Error = now.Err.Error()
		}
	}
	switch {
	case err != nil && plugin == nil:
		s.State, s.Error = "failed", err.Error()
	case err != nil:
		s.Error = fmt.Sprintf("the change to program %q has failed, and is tried again: %v; %q goes on", wanted.Program, err, running.Program)
	}
	return s
}

// Counters returns what the node's policies have counted since it started: calls, those
// without a good answer, and objects that a fall-back has placed.
func (r *Registry) Counters() []execute.CounterStatus {
	return []execute.CounterStatus{
		{Name: "policy_calls", Value: r.total.calls.Load()},
		{Name: "policy_errors", Value: r.total.errors.Load()},
		{Name: "policy_fall_backs", Value: r.total.fallBacks.Load()},
	}
}
