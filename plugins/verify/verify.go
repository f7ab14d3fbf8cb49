package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

// Config says what is tried out.
type Config struct {
	// Program is the path of the policy's program. Required.
	Program string
	// Options are the policy's own (CREATE POLICY ... WITH); Table is the table that it
	// is asked about, with TableOptions (WITH of CREATE TABLE). The zero Table has a key
	// and columns country, tenant and amount.
	Options      map[string]string
	Table        placement.Table
	TableOptions map[string]string
	PlainText    bool // see host.Spec
	// Deadline is what a call may take. Default: 50 ms.
	Deadline time.Duration
	Logger   *slog.Logger // of what the policy says; nil: discarded
}

// Check is one thing that was tried.
type Check struct {
	Name   string
	OK     bool
	Detail string
}

// Report is what was found out.
type Report struct {
	Policy, Version, SHA256 string
	Checks                  []Check
}

// OK reports whether nothing was found wrong.
func (r *Report) OK() bool {
	return len(r.Checks) > 0 && !slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.OK })
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	if r.Policy != "" {
		fmt.Fprintf(w, "policy %s, version %s\nsha256 %s\n\n", r.Policy, r.Version, r.SHA256)
	}
	failed := 0
	for _, c := range r.Checks {
		mark := "ok  "
		if !c.OK {
			mark = "FAIL"
			failed++
		}
		fmt.Fprintf(w, "%s  %-34s %s\n", mark, c.Name, c.Detail)
	}
	switch failed {
	case 0:
		fmt.Fprintf(w, "\nall %d checks passed\n", len(r.Checks))
	default:
		fmt.Fprintf(w, "\n%d of %d checks failed\n", failed, len(r.Checks))
	}
}

// trial is a policy under trial.
type trial struct {
	cfg    Config
	host   *host.Host
	spec   host.Spec
	plugin *host.Plugin
	report Report
}

// Run tries the program out. The error says that the trial itself could not be made.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Program == "" {
		return nil, errors.New("the program is missing")
	}
	path, err := filepath.Abs(cfg.Program)
	if err != nil {
		return nil, err
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = 50 * time.Millisecond
	}
	if cfg.Table.Name == "" {
		cfg.Table = placement.Table{Name: "verify", Key: []string{"id"}, Columns: []placement.Column{
			{Name: "id", Type: "bigint"}, {Name: "country", Type: "text"}, {Name: "tenant", Type: "text"}, {Name: "amount", Type: "numeric"},
		}}
	}
	sockets, err := os.MkdirTemp("", "ssmr-verify-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(sockets)
	h, err := host.New(host.Config{
		Dir: filepath.Dir(path), Sockets: sockets, CallTimeout: cfg.Deadline, Logger: cfg.Logger,
		Backoff: 10 * time.Millisecond, HealthInterval: 200 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	t := &trial{cfg: cfg, host: h, spec: host.Spec{
		Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Program: filepath.Base(path), Options: cfg.Options, PlainText: cfg.PlainText,
	}}
	t.run(ctx)
	return &t.report, ctx.Err()
}

func (t *trial) run(ctx context.Context) {
	if !t.check("starts and says who it is", func() (string, error) { return t.start(ctx) }) {
		return
	}
	if !t.check("accepts the table's options", func() (string, error) { return t.configure(ctx) }) {
		return
	}
	t.check("places one object", func() (string, error) { return t.place(ctx, 1) })
	t.check("places a statement of 1000 objects", func() (string, error) { return t.place(ctx, 1000) })
	t.check("keeps the deadline", func() (string, error) { return t.deadline(ctx) })
	t.check("answers several callers", func() (string, error) { return t.concurrent(ctx) })
	t.check("is deterministic, if it says so", func() (string, error) { return t.deterministic(ctx) })
	for _, r := range rubbish(t.cfg.Table) {
		t.check("survives "+r.name, func() (string, error) { return t.survive(ctx, r.batch) })
	}
	t.check("refuses nothing after its table changed", func() (string, error) { return t.otherTable(ctx) })
	t.check("comes back after kill -9", func() (string, error) { return t.comesBack(ctx, killed) })
	t.check("is replaced when it is stopped", func() (string, error) { return t.comesBack(ctx, halted) })
	t.check("ends with the server", func() (string, error) { return t.endsWithServer(ctx) })
}

// check runs one trial and notes what came of it.
func (t *trial) check(name string, try func() (string, error)) bool {
	detail, err := try()
	if err != nil {
		detail = err.Error()
	}
	t.report.Checks = append(t.report.Checks, Check{Name: name, OK: err == nil, Detail: detail})
	return err == nil
}

func (t *trial) start(ctx context.Context) (string, error) {
	began := time.Now()
	p, err := t.host.Open(ctx, t.spec)
	if err != nil {
		return "", err
	}
	t.plugin = p
	s := p.Status()
	t.report.Policy, t.report.Version, t.report.SHA256 = s.Name, s.Version, s.SHA256
	if s.Name == "" || s.Version == "" {
		return "", errors.New("its name or its version is empty")
	}
	return fmt.Sprintf("in %s", time.Since(began).Round(time.Millisecond)), nil
}

func (t *trial) configure(ctx context.Context) (string, error) {
	columns, err := t.plugin.Configure(ctx, t.cfg.TableOptions, t.cfg.Table)
	if err != nil {
		return "", err
	}
	for _, c := range columns {
		if t.cfg.Table.Column(c) < 0 {
			return "", fmt.Errorf("it wants to hear of updates of column %q, which the table does not have", c)
		}
	}
	if len(columns) == 0 {
		return "", nil
	}
	return "asked again after an update of " + strings.Join(columns, ", "), nil
}

// ask asks about a batch, and checks what can be checked of any answer.
func (t *trial) ask(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
	placed, err := t.plugin.PlaceWith(ctx, t.cfg.TableOptions, b)
	if err != nil {
		return nil, err
	}
	for i, p := range placed {
		if !slices.ContainsFunc(b.Partitions, func(known placement.Partition) bool { return known.ID == p.Partition }) {
			return nil, fmt.Errorf("it puts object %d in partition %d, which does not exist: the object would go to the table's fall-back", i, p.Partition)
		}
	}
	return placed, nil
}

func (t *trial) place(ctx context.Context, objects int) (string, error) {
	placed, err := t.ask(ctx, sample(t.cfg.Table, objects))
	if err != nil {
		return "", err
	}
	if objects == 1 {
		return fmt.Sprintf("in partition %d (%s)", placed[0].Partition, placed[0].Reason), nil
	}
	count := make(map[uint32]int)
	for _, p := range placed {
		count[p.Partition]++
	}
	var parts []string
	for _, id := range []uint32{1, 2, 3, 4} {
		parts = append(parts, fmt.Sprintf("%d: %d", id, count[id]))
	}
	return "by partition " + strings.Join(parts, ", "), nil
}

// deadlineCalls is the number of calls that are timed.
const deadlineCalls = 200

func (t *trial) deadline(ctx context.Context) (string, error) {
	times := make([]time.Duration, 0, deadlineCalls)
	for range deadlineCalls {
		began := time.Now()
		if _, err := t.ask(ctx, sample(t.cfg.Table, 10)); err != nil {
			return "", err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return fmt.Sprintf("p50 %s, p99 %s of %s", times[len(times)/2].Round(10*time.Microsecond),
		times[len(times)*99/100].Round(10*time.Microsecond), t.cfg.Deadline), nil
}

func (t *trial) concurrent(ctx context.Context) (string, error) {
	const callers = 8
	errs := make(chan error, callers)
	for range callers {
		go func() {
			var err error
			for range 25 {
				if _, err = t.ask(ctx, sample(t.cfg.Table, 5)); err != nil {
					break
				}
			}
			errs <- err
		}()
	}
	var err error
	for range callers {
		err = errors.Join(err, <-errs)
	}
	return fmt.Sprintf("%d at once", callers), err
}

func (t *trial) deterministic(ctx context.Context) (string, error) {
	if !t.plugin.Status().Deterministic {
		return "it does not say so", nil
	}
	first, err := t.ask(ctx, sample(t.cfg.Table, 100))
	for range 5 {
		if err != nil {
			return "", err
		}
		var again []placement.Placement
		if again, err = t.ask(ctx, sample(t.cfg.Table, 100)); err == nil && !slices.Equal(first, again) {
			return "", errors.New("the same question gets different answers")
		}
	}
	return "the same answer six times", err
}

// survive asks what a policy may refuse, but must not die or hang of.
func (t *trial) survive(ctx context.Context, b *placement.Batch) (string, error) {
	pid := t.plugin.Status().PID
	_, err := t.plugin.PlaceWith(ctx, t.cfg.TableOptions, b)
	s := t.plugin.Status()
	switch {
	case errors.Is(err, host.ErrUnavailable), s.PID != pid:
		return "", errors.New("it died")
	case err != nil && strings.Contains(err.Error(), "did not answer"):
		return "", err
	case err != nil:
		return "refused: " + firstLine(err), nil
	}
	return "", nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	if len(line) > 120 {
		line = line[:120] + "..."
	}
	return line
}

func (t *trial) otherTable(ctx context.Context) (string, error) {
	table := t.cfg.Table
	table.Columns = append(slices.Clone(table.Columns), placement.Column{Name: "added_later", Type: "integer"})
	_, err := t.ask(ctx, sample(table, 3))
	return "", err
}
