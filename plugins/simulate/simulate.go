package simulate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/trace"
	"github.com/ssmr/ssmr/plugins/placement"
)

// Config says what is replayed, and under what.
type Config struct {
	// Traces are the files; several are read as one, in the order of time. Required.
	Traces []string
	// Candidate is the policy that is tried. Required.
	Candidate Choice
	// Against is what it is compared with; nil: the policies that the trace recorded.
	Against *Choice
	// Tables names the tables that both place; the others stay as they were recorded.
	// Empty: all tables.
	Tables []string
	// Partitions is their number; 0: that of the trace.
	Partitions int
	// Labels of partitions, beside those of the trace.
	Labels map[uint32]map[string]string
	// Deadline is what a call may take. Default: 50 ms.
	Deadline time.Duration
	Env      []string     // see host.Config
	Logger   *slog.Logger // of what policies say; nil: discarded
}

// maxPartitions bounds Config.Partitions.
const maxPartitions = 1024

func (c Config) withDefaults() (Config, error) {
	switch {
	case len(c.Traces) == 0:
		return c, errors.New("the trace is missing")
	case c.Candidate.Policy == "":
		return c, errors.New("the policy is missing")
	case c.Partitions < 0 || c.Partitions > maxPartitions:
		return c, fmt.Errorf("the number of partitions cannot be %d: from 1 to %d", c.Partitions, maxPartitions)
	}
	if c.Deadline == 0 {
		c.Deadline = 50 * time.Millisecond
	}
	return c, nil
}

// Run replays the traces. The error says that this could not be done; what policies did
// wrong is in the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	in, err := openTraces(cfg.Traces)
	if err != nil {
		return nil, err
	}
	defer in.close()
	candidate, err := open(ctx, &cfg, cfg.Candidate)
	if err != nil {
		return nil, err
	}
	defer candidate.close()
	r := &replay{cfg: cfg, report: &Report{Traces: cfg.Traces}}
	r.worlds[0] = newWorld(r.chooses(cfg.Candidate, candidate, true))
	if cfg.Against == nil {
		r.worlds[1] = newWorld(r.recorded)
	} else {
		other, err := open(ctx, &cfg, *cfg.Against)
		if err != nil {
			return nil, err
		}
		defer other.close()
		r.worlds[1] = newWorld(r.chooses(*cfg.Against, other, false))
	}
	for {
		line, err := in.line()
		if err != nil {
			return nil, err
		}
		if line == nil {
			break
		}
		if err := r.line(ctx, line); err != nil {
			return nil, err
		}
	}
	if r.report.Commands == 0 {
		return nil, errors.New("there is no command in the trace")
	}
	return r.finish()
}

// replay replays one workload in two worlds.
type replay struct {
	cfg    Config
	worlds [2]*world // the candidate's and the other
	report *Report
	first  time.Time
}

func newWorld(choose chooser) *world {
	return &world{choose: choose, tables: make(map[uint32]*table), objects: make(map[string]*placed), policies: make(map[string]string)}
}

// chooser gives the policy for a table, and says what is to be noted of that.
type chooser func(ctx context.Context, t *trace.Table, described placement.Table) (chosen configured, p policy, note string, err error)

// chooses places tables by one policy, the candidate's or another. A table that the policy
// refuses stays as it was recorded, unless it was named.
func (r *replay) chooses(c Choice, p policy, candidate bool) chooser {
	return func(ctx context.Context, t *trace.Table, described placement.Table) (configured, policy, string, error) {
		if len(r.cfg.Tables) > 0 && !slices.Contains(r.cfg.Tables, t.Name) {
			return r.recorded(ctx, t, described)
		}
		options := placement.Options{}
		if t.Placement.Policy == p.name() {
			maps.Copy(options, t.Placement.Options)
		}
		maps.Copy(options, c.TableOptions)
		out, err := p.configure(ctx, options, described)
		var wrong *placement.OptionError
		if errors.As(err, &wrong) && len(r.cfg.Tables) == 0 {
			note := fmt.Sprintf("table %s stays as it was: %s refuses it: %v", t.Name, p.name(), err)
			out, as, more, err := r.recorded(ctx, t, described)
			if more != "" {
				note += "; " + more
			}
			return out, as, note, err
		}
		if err == nil && candidate {
			r.report.note(&r.report.Tables, t.Name)
		}
		return out, p, "", err
	}
}

// recorded places tables as they were when the trace was recorded. The program of a policy
// is not in a trace: a table that is not simulated is counted as under hash then.
func (r *replay) recorded(ctx context.Context, t *trace.Table, described placement.Table) (configured, policy, string, error) {
	name, options, note := t.Placement.Policy, placement.Options(t.Placement.Options), ""
	if t.Placement.Program {
		if slices.Contains(r.report.Tables, t.Name) {
			return configured{}, nil, "", fmt.Errorf("it was placed by %s, a program that is not in the trace: name it with --against", name)
		}
		note = fmt.Sprintf("table %s is counted as under hash: %s, which places it, is not in the trace", t.Name, name)
		name, options = "hash", nil
	}
	p := builtIn(name)
	if p == nil {
		return configured{}, nil, "", fmt.Errorf("it was placed by %s, which this program does not know", name)
	}
	out, err := p.configure(ctx, options, described)
	return out, p, note, err
}

// line takes a line of the trace.
func (r *replay) line(ctx context.Context, l *trace.Line) error {
	switch {
	case l.Table != nil:
		for _, w := range r.worlds {
			if err := w.describe(ctx, l.Table); err != nil {
				return err
			}
		}
	case l.Partitions != nil:
		r.partitions(l.Partitions)
	case l.Dropped > 0:
		r.report.Dropped += l.Dropped
	case l.Touches != nil:
		if len(r.worlds[0].partitions) == 0 {
			if r.cfg.Partitions == 0 {
				return errors.New("the trace does not tell the number of partitions: give it with --partitions")
			}
			r.partitions(nil)
		}
		if r.first.IsZero() {
			r.first = l.At
		}
		r.report.Duration = max(r.report.Duration, l.At.Sub(r.first))
		r.report.Commands++
		r.report.LeftOut += int64(l.More)
		for _, w := range r.worlds {
			if err := w.command(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// partitions takes what the trace says of partitions. Their number is that of the first
// line that does.
func (r *replay) partitions(recorded []trace.Partition) {
	for _, w := range r.worlds {
		if w.partitions == nil {
			n := r.cfg.Partitions
			if n == 0 {
				n = len(recorded)
			}
			for i := range n {
				id := uint32(i + 1)
				w.partitions = append(w.partitions, placement.Partition{ID: id, Labels: r.cfg.Labels[id]})
				w.out.Partitions = append(w.out.Partitions, Load{ID: id})
			}
			w.rates = make([]rate, n)
		}
		for _, p := range recorded {
			if known := w.partition(p.ID); known != nil {
				known.Closed = p.Closed
				known.Labels = maps.Clone(p.Labels)
				if known.Labels == nil {
					known.Labels = make(map[string]string)
				}
				maps.Copy(known.Labels, r.cfg.Labels[p.ID])
			}
		}
	}
}

// finish makes the report.
func (r *replay) finish() (*Report, error) {
	out := r.report
	if len(out.Tables) == 0 {
		return nil, fmt.Errorf("no table is placed by the policy: %s", strings.Join(r.worlds[0].notes, "; "))
	}
	for i, w := range r.worlds {
		w.finish(out.Commands)
		for _, note := range w.notes {
			out.note(&out.Notes, note)
		}
		out.Outcomes[i] = w.out
	}
	for name, o := range r.worlds[0].objects {
		if other := r.worlds[1].objects[name]; other != nil && other.partition != o.partition {
			out.Elsewhere++
		}
	}
	return out, nil
}

// finish computes what follows from what was counted.
func (w *world) finish(commands int64) {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(w.policies)) {
		names = append(names, name+" "+w.policies[name])
	}
	w.out.Policy = strings.Join(names, ", ")
	w.out.Share = ratio(w.out.Single, commands)
	w.out.Touched = ratio(w.touched, commands)
	if w.out.Calls > 0 {
		w.out.Mean = Latency(w.spent) / Latency(w.out.Calls)
	}
	var most int64
	for i, p := range w.partitions {
		load := &w.out.Partitions[i]
		load.Objects, load.Bytes = p.Objects, p.Bytes
		most = max(most, load.Commands)
	}
	w.out.Busiest = ratio(most*int64(len(w.partitions)), w.touched)
}
