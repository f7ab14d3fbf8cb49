package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ssmr/ssmr/plugins/placement"
	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

// State says whether a policy can be called.
type State uint8

// The states of a policy.
const (
	Starting State = iota // it is being started again
	Ready
	Closed
)

// String names the state.
func (s State) String() string {
	switch s {
	case Starting:
		return "starting"
	case Ready:
		return "ready"
	case Closed:
		return "closed"
	}
	return "unknown"
}

// ErrUnavailable is the error of a call to a policy that is being started again. It
// comes at once.
var ErrUnavailable = errors.New("the policy is being started again")

// Plugin is a policy that runs as a program of its own. It implements
// placement.Policy, and its methods may be called from many goroutines.
type Plugin struct {
	host *Host
	log  *slog.Logger

	proc atomic.Pointer[process] // nil: ErrUnavailable

	mu       sync.Mutex // guards what follows
	spec     Spec
	state    State
	err      error // of the last failure
	failures int   // calls in a row that failed
	restarts int
	about    Status

	calls, failed atomic.Uint64
	spent         atomic.Int64 // nanoseconds, of all calls
	slowest       atomic.Int64

	wake       chan struct{} // says to watch that something is wrong
	stopped    chan struct{}
	background sync.WaitGroup
}

var _ placement.Policy = (*Plugin)(nil)

// Status is what is known of a policy.
type Status struct {
	Name     string // as it calls itself
	Version  string
	Program  string
	SHA256   string
	PID      int // 0: it does not run
	State    State
	Err      error // of the last failure; nil where there was none since it is ready
	Calls    uint64
	Failed   uint64 // calls without an answer in time, or with one that was wrong
	Restarts int
	// Mean and Slowest are times of calls.
	Mean, Slowest time.Duration
	Deterministic bool
}

// Name is the name that the policy gives itself.
func (p *Plugin) Name() string { return p.Status().Name }

// Version is the version that the policy gives itself.
func (p *Plugin) Version() string { return p.Status().Version }

// Status returns what is known of the policy.
func (p *Plugin) Status() Status {
	proc := p.proc.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	if proc != nil {
		p.about = Status{
			Name: proc.about.GetName(), Version: proc.about.GetVersion(), Program: proc.spec.Program, SHA256: proc.sum,
			PID: proc.child.pid(), Deterministic: proc.about.GetDeterministic(),
		}
	}
	s := p.about
	if proc == nil {
		s.PID = 0
	}
	s.State, s.Err, s.Restarts = p.state, p.err, p.restarts
	s.Calls, s.Failed, s.Slowest = p.calls.Load(), p.failed.Load(), time.Duration(p.slowest.Load())
	if s.Calls > 0 {
		s.Mean = time.Duration(p.spent.Load() / int64(s.Calls))
	}
	return s
}

// Configure checks the options of a table, and names the columns whose update makes the
// policy be asked again. A wrong option is a *placement.OptionError.
func (p *Plugin) Configure(ctx context.Context, options placement.Options, table placement.Table) (replaceColumns []string, err error) {
	err = p.call(ctx, p.host.cfg.StartTimeout, func(ctx context.Context, proc *process) error {
		answer, err := proc.policy.Configure(ctx, &placementpb.ConfigureRequest{Table: table.Message(), Options: options}, proc.bounded())
		if err != nil {
			return err
		}
		if e := answer.GetError(); e != nil {
			return &placement.OptionError{Option: e.GetOption(), Value: e.GetValue(), Allowed: e.GetAllowed()}
		}
		replaceColumns = answer.GetReplaceColumns()
		return nil
	})
	return replaceColumns, err
}

// Place asks the policy about objects of a table without options.
func (p *Plugin) Place(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
	return p.PlaceWith(ctx, nil, b)
}

// PlaceWith asks the policy about objects of a table with these options. The answer has
// as many placements as the batch has objects.
func (p *Plugin) PlaceWith(ctx context.Context, options placement.Options, b *placement.Batch) ([]placement.Placement, error) {
	return p.place(ctx, options, b, false)
}

// Replace asks where objects are to live that have changed.
func (p *Plugin) Replace(ctx context.Context, options placement.Options, b *placement.Batch) ([]placement.Placement, error) {
	return p.place(ctx, options, b, true)
}

func (p *Plugin) place(ctx context.Context, options placement.Options, b *placement.Batch, again bool) (placed []placement.Placement, err error) {
	err = p.call(ctx, p.host.cfg.CallTimeout, func(ctx context.Context, proc *process) error {
		ask := proc.policy.Place
		if again {
			ask = proc.policy.Replace
		}
		answer, err := ask(ctx, b.Message(options), proc.bounded())
		if err != nil {
			return err
		}
		if len(answer.GetPlacements()) != len(b.Objects) {
			return &wrongAnswer{fmt.Sprintf("it gave %d placements for %d objects", len(answer.GetPlacements()), len(b.Objects))}
		}
		placed = make([]placement.Placement, len(b.Objects))
		for i, a := range answer.GetPlacements() {
			placed[i] = placement.Placement{Partition: a.GetPartition(), Reason: a.GetReason()}
		}
		return nil
	})
	return placed, err
}

// wrongAnswer is an answer that does not fit the question.
type wrongAnswer struct{ what string }

func (w *wrongAnswer) Error() string { return "the policy's answer is wrong: " + w.what }

// call calls the program, within a deadline, and counts what becomes of it.
func (p *Plugin) call(ctx context.Context, limit time.Duration, f func(context.Context, *process) error) error {
	p.calls.Add(1)
	proc := p.proc.Load()
	if proc == nil {
		p.failed.Add(1)
		return ErrUnavailable
	}
	started := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	err := f(limited, proc)
	cancel()
	took := time.Since(started)
	p.spent.Add(int64(took))
	for old := p.slowest.Load(); int64(took) > old && !p.slowest.CompareAndSwap(old, int64(took)); old = p.slowest.Load() {
	}
	var wrong *placement.OptionError
	switch {
	case err == nil, errors.As(err, &wrong):
		p.succeeded(proc)
		return err
	case ctx.Err() != nil:
		return ctx.Err() // the caller's own end says nothing of the policy
	}
	p.failed.Add(1)
	p.note(proc, err)
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return fmt.Errorf("the policy did not answer within %s", limit)
	case codes.Canceled, codes.Unavailable: // it was killed, or has ended
		return fmt.Errorf("%w (%s)", ErrUnavailable, status.Convert(err).Message())
	}
	if told, ok := status.FromError(err); ok {
		return fmt.Errorf("the policy refuses: %s", told.Message())
	}
	return err
}

func (p *Plugin) succeeded(proc *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures > 0 && p.proc.Load() == proc {
		p.failures = 0
	}
}

// note counts a failure. What the policy itself says, and a wrong answer, leave the
// program alone; no answer does not.
func (p *Plugin) note(proc *process, err error) {
	switch code := status.Code(err); code {
	case codes.DeadlineExceeded, codes.Unavailable, codes.Canceled, codes.Internal, codes.ResourceExhausted:
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc.Load() != proc {
		return
	}
	p.failures++
	p.err = err
	if p.failures >= p.host.cfg.MaxFailures || status.Code(err) == codes.Unavailable {
		p.failures = p.host.cfg.MaxFailures
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// Close ends the policy. Calling it again is harmless.
func (p *Plugin) Close() {
	p.mu.Lock()
	if p.state != Closed {
		p.state = Closed
		close(p.stopped)
	}
	p.mu.Unlock()
	p.background.Wait()
	if proc := p.proc.Swap(nil); proc != nil {
		proc.kill()
	}
	p.host.forget(p)
}
