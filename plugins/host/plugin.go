package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ssmr/ssmr/plugins/placement"
)

// State says whether a policy can be called.
type State uint8

// The states of a policy.
const (
	Starting State = iota // it is being started again
	Ready
	Closed
	Failed // it cannot be started; that is tried again
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
	case Failed:
		return "failed"
	}
	return "unknown"
}

// ErrUnavailable is the error of a call to a policy that is being started again. It
// comes at once.
var ErrUnavailable = errors.New("the policy is being started again")

// ErrLate is the error of a call that was not answered within its deadline, and ErrRefused
// that of one which the policy itself refused.
var (
	ErrLate    = errors.New("the policy did not answer")
	ErrRefused = errors.New("the policy refuses")
)

// ErrUnimplemented is the error of Replace of a policy that cannot: what it was asked
// about stays.
var ErrUnimplemented = errors.New("the policy does not have this ability")

// Plugin is a policy that runs as a program of its own. It implements
// placement.Policy, and its methods may be called from many goroutines.
type Plugin struct {
	host *Host
	log  *slog.Logger

	proc atomic.Pointer[process] // nil: ErrUnavailable

	mu       sync.Mutex // guards what follows
	spec     Spec
	state    State
	err      error         // of the last failure
	failures int           // calls that failed one after another
	failed   time.Time     // when the last of them ended
	pause    time.Duration // before the last start
	restarts int
	about    Status

	calls, unanswered atomic.Uint64
	spent             atomic.Int64 // nanoseconds, of all calls
	slowest           atomic.Int64

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
	s.Calls, s.Failed, s.Slowest = p.calls.Load(), p.unanswered.Load(), time.Duration(p.slowest.Load())
	if s.Calls > 0 {
		s.Mean = time.Duration(p.spent.Load() / int64(s.Calls))
	}
	return s
}

// Accepted is what a program says of a table whose options it accepts.
type Accepted struct {
	// ReplaceColumns are the columns whose update makes the policy be asked again.
	ReplaceColumns []string
	// ReadColumns are those whose values it looks at; nil: all.
	ReadColumns []string
	// Objectwise says that an answer of Place may be given again, without a call, for an object
	// of which the same is told, to the same partitions.
	Objectwise bool
	// By is the program that has said so.
	By ProgramID
}

// Reads returns the columns of a table whose values the policy looks at, ascending; nil: all.
func (a *Accepted) Reads(table *placement.Table) ([]int, error) {
	if a.ReadColumns == nil {
		return nil, nil
	}
	columns := make([]int, 0, len(a.ReadColumns))
	for _, name := range a.ReadColumns {
		c := table.Column(name)
		if c < 0 || name == "" {
			return nil, fmt.Errorf("it reads column %q, which the table does not have", Clip(name, maxName))
		}
		columns = append(columns, c)
	}
	slices.Sort(columns)
	return slices.Compact(columns), nil
}

// ProgramID tells a program that was started from all others of its host, also from the same
// one started again; 0 is none.
type ProgramID uint64

// Running is the program that answers now; 0 where none does.
func (p *Plugin) Running() ProgramID {
	if proc := p.proc.Load(); proc != nil {
		return proc.id
	}
	return 0
}

// Configure checks the options of a table. A wrong option is a *placement.OptionError.
func (p *Plugin) Configure(ctx context.Context, options placement.Options, table placement.Table) (accepted Accepted, err error) {
	err = p.call(ctx, p.host.cfg.StartTimeout, func(ctx context.Context, proc *process) error {
		var err error
		accepted, err = proc.configure(ctx, options, table)
		return err
	})
	return accepted, err
}

// Place asks the policy about objects of a table without options.
func (p *Plugin) Place(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
	return p.PlaceWith(ctx, nil, b)
}

// PlaceWith asks the policy about objects of a table with these options. The answer has
// as many placements as the batch has objects.
func (p *Plugin) PlaceWith(ctx context.Context, options placement.Options, b *placement.Batch) ([]placement.Placement, error) {
	answer, err := p.Ask(ctx, Question{Options: options, Batch: b})
	return answer.Placements, err
}

// Replace asks where objects are to live that have changed.
func (p *Plugin) Replace(ctx context.Context, options placement.Options, b *placement.Batch) ([]placement.Placement, error) {
	answer, err := p.Ask(ctx, Question{Options: options, Batch: b, Replace: true})
	return answer.Placements, err
}

// Question is one call of a policy.
type Question struct {
	Options placement.Options // of the table
	Batch   *placement.Batch
	Replace bool // the objects have changed; otherwise they are to be placed
	// Columns are those whose values the question is to have, ascending, because the program
	// To reads no others; nil: all.
	Columns []int
	// To is the program that the question is meant for; 0: any.
	To ProgramID
}

// Answer is what a policy says.
type Answer struct {
	Placements []placement.Placement // as many as the batch has objects
	Version    string                // that the answering program gives itself
}

// ErrAnother is the error of a question that was meant for another program than the one that
// answers now. Nobody was asked.
var ErrAnother = errors.New("another program of the policy answers now")

// Ask asks the policy.
func (p *Plugin) Ask(ctx context.Context, q Question) (answer Answer, err error) {
	err = p.call(ctx, p.host.cfg.CallTimeout, func(ctx context.Context, proc *process) error {
		if q.To != 0 && q.To != proc.id {
			return ErrAnother
		}
		ask := proc.talks.place
		if q.Replace {
			ask = proc.replace
		}
		said, err := ask(ctx, &q)
		if err != nil {
			return err
		}
		placed, ok := placement.PlacementsOf(said, len(q.Batch.Objects), clipReason)
		if !ok {
			return &wrongAnswer{fmt.Sprintf("it gave %d placements for %d objects, with %d reasons", len(said.GetPartitions()), len(q.Batch.Objects), len(said.GetReasons()))}
		}
		answer = Answer{Placements: placed, Version: proc.about.GetVersion()}
		return nil
	})
	return answer, err
}

func clipReason(reason string) string { return Clip(reason, MaxReason) }

// wrongAnswer is an answer that does not fit the question.
type wrongAnswer struct{ what string }

func (w *wrongAnswer) Error() string { return "the policy's answer is wrong: " + w.what }

// call calls the program, within a deadline, and counts what becomes of it.
func (p *Plugin) call(ctx context.Context, limit time.Duration, f func(context.Context, *process) error) error {
	p.calls.Add(1)
	proc := p.proc.Load()
	if proc == nil {
		p.unanswered.Add(1)
		return ErrUnavailable
	}
	started := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	err := f(limited, proc)
	cancel()
	took := time.Since(started)
	settle(ctx)
	p.spent.Add(int64(took))
	for old := p.slowest.Load(); int64(took) > old && !p.slowest.CompareAndSwap(old, int64(took)); old = p.slowest.Load() {
	}
	var wrong *placement.OptionError
	switch {
	case err == nil, errors.As(err, &wrong):
		p.succeeded(proc)
		return err
	case errors.Is(err, ErrAnother):
		return err
	case ctx.Err() != nil && took < limit:
		return ctx.Err() // the caller's own end says nothing of the policy
	}
	p.unanswered.Add(1)
	told := asTold(err, limit)
	p.note(proc, started, err, told)
	return told
}

// settle waits for the end of a context whose deadline has passed: the program has the same
// deadline, and may have noticed first.
func settle(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
}

// asTold makes the error of a call one for people.
func asTold(err error, limit time.Duration) error {
	switch status.Code(err) {
	case codes.DeadlineExceeded:
		return fmt.Errorf("%w within %s", ErrLate, limit)
	case codes.Canceled, codes.Unavailable: // it was killed, or has ended
		return ErrUnavailable
	case codes.Unimplemented:
		return ErrUnimplemented
	}
	var wrong interface{ GRPCStatus() *status.Status }
	if errors.As(err, &wrong) {
		return fmt.Errorf("%w: %s", ErrRefused, Clip(wrong.GRPCStatus().Message(), maxText))
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

// note counts the failure of a call that began at a time. What the policy itself says,
// and a wrong answer, leave the program alone; no answer does not. Calls that fail
// together count as one: all of them wait where the machine is busy.
func (p *Plugin) note(proc *process, began time.Time, err, told error) {
	code := status.Code(err)
	if code == codes.Unavailable {
		told = errors.New(Clip(status.Convert(err).Message(), maxText))
	}
	switch code {
	case codes.DeadlineExceeded, codes.Unavailable, codes.Canceled, codes.Internal, codes.ResourceExhausted:
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc.Load() != proc {
		return
	}
	p.err = told
	if p.failures == 0 || began.After(p.failed) {
		p.failures++
		p.failed = time.Now()
	}
	if p.failures >= p.host.cfg.MaxFailures || code == codes.Unavailable {
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
