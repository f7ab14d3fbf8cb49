package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
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
	PlainText    bool     // see host.Spec
	Env          []string // see host.Config
	// Deadline is what a call may take. Default: 50 ms.
	Deadline time.Duration
	Logger   *slog.Logger // of what the policy says; nil: discarded
}

// Check is one thing that was tried.
type Check struct {
	Group  string // of checks, as a heading
	Name   string
	OK     bool
	Detail string
	// Means says what a failure means to a database, where that is not plain.
	Means string
}

// Report is what was found out.
type Report struct {
	Policy, Version, SHA256 string
	Table                   string // that it was asked about, in words
	Checks                  []Check
}

// OK reports whether nothing was found wrong.
func (r *Report) OK() bool {
	return len(r.Checks) > 0 && !slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.OK })
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	if r.Policy != "" {
		fmt.Fprintf(w, "policy %s, version %s\nsha256 %s\n", r.Policy, r.Version, r.SHA256)
	}
	fmt.Fprintf(w, "asked about %s\n", r.Table)
	failed, group := 0, ""
	for _, c := range r.Checks {
		if c.Group != group {
			group = c.Group
			fmt.Fprintf(w, "\n%s\n", group)
		}
		mark := "ok  "
		if !c.OK {
			mark = "FAIL"
			failed++
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %s  %-40s %s", mark, c.Name, c.Detail), " "))
		if !c.OK && c.Means != "" {
			fmt.Fprintf(w, "        %s\n", c.Means)
		}
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
	cfg        Config
	host       *host.Host
	spec       host.Spec
	plugin     *host.Plugin
	replace    []string // columns whose update makes it be asked again
	reads      []int    // columns that it looks at; nil: all
	objectwise bool     // as it claims
	group      string   // of the checks that are made
	report     Report
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
		Dir: filepath.Dir(path), Sockets: sockets, Env: cfg.Env, CallTimeout: cfg.Deadline, Logger: cfg.Logger,
		Backoff: 10 * time.Millisecond, HealthInterval: 200 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	t := &trial{cfg: cfg, host: h, spec: host.Spec{
		Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Program: filepath.Base(path), Options: cfg.Options, PlainText: cfg.PlainText,
	}}
	t.report.Table = describe(cfg.Table, cfg.TableOptions)
	t.run(ctx)
	return &t.report, ctx.Err()
}

// describe says in words which table a policy is asked about.
func describe(table placement.Table, options map[string]string) string {
	columns := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		columns[i] = c.Name + " " + c.Type
	}
	text := fmt.Sprintf("a table with the columns %s; its key is %s", strings.Join(columns, ", "), strings.Join(table.Key, ", "))
	for i, name := range slices.Sorted(maps.Keys(options)) {
		text += []string{"; with ", ", "}[min(i, 1)] + name + " = " + options[name]
	}
	return text
}

// What failures mean.
const (
	wouldFallBack = "A database gives the statement's objects to the table's fall-back, and tells the client."
	wouldRestart  = "A database kills the program and starts it again; until it is back, the table's fall-back places objects."
)

func (t *trial) run(ctx context.Context) {
	t.group = "The start"
	if !t.check("starts and says who it is", "CREATE POLICY fails.", func() (string, error) { return t.start(ctx) }) {
		return
	}
	if !t.check("accepts the table's options", "CREATE TABLE fails.", func() (string, error) { return t.configure(ctx) }) {
		return
	}
	t.check("refuses an option that it does not know", "A typing error in an option is found by nobody.", func() (string, error) { return t.unknownOption(ctx) })
	t.group = "Answers"
	t.check("places one object", wouldFallBack, func() (string, error) { return t.place(ctx, 1) })
	t.check("places a statement of 1000 objects", wouldFallBack, func() (string, error) { return t.place(ctx, 1000) })
	t.check("knows of closed partitions", wouldFallBack, func() (string, error) { return t.closed(ctx) })
	t.check("keeps the deadline", wouldFallBack, func() (string, error) { return t.deadline(ctx) })
	t.check("answers several callers", wouldFallBack, func() (string, error) { return t.concurrent(ctx) })
	t.check("is deterministic, if it says so", "Nodes place objects differently: each runs its own copy.", func() (string, error) { return t.deterministic(ctx) })
	t.check("names all columns that it reads", "It sees NULL in a column that it has not named.", func() (string, error) { return t.readsNoOthers(ctx) })
	t.check("answers objectwise, if it says so", "Answers that are given again are not what it would say.", func() (string, error) { return t.answersObjectwise(ctx) })
	t.check("is content with what it has chosen", "MOVE ... TO POLICY moves objects to and fro.", func() (string, error) { return t.content(ctx) })
	t.check("says where changed objects are to live", "They stay where they are.", func() (string, error) { return t.replaces(ctx) })
	t.group = "Rubbish"
	for _, r := range rubbish(t.cfg.Table) {
		t.check(r.name, wouldRestart, func() (string, error) { return t.survive(ctx, r.batch) })
	}
	t.check("a table that has changed", wouldFallBack, func() (string, error) { return t.otherTable(ctx) })
	t.group = "Bad days"
	t.check("comes back after kill -9", "", func() (string, error) { return t.comesBack(ctx, killed) })
	t.check("is replaced when it is stopped", "", func() (string, error) { return t.comesBack(ctx, halted) })
	t.check("ends with the server", "It may outlive a server that was killed.", func() (string, error) { return t.endsWithServer(ctx) })
}

// check runs one trial and notes what came of it.
func (t *trial) check(name, means string, try func() (string, error)) bool {
	detail, err := try()
	if err != nil {
		detail = err.Error()
	}
	t.report.Checks = append(t.report.Checks, Check{Group: t.group, Name: name, OK: err == nil, Detail: detail, Means: means})
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
	accepted, err := t.plugin.Configure(ctx, t.cfg.TableOptions, t.cfg.Table)
	if err != nil {
		return "", err
	}
	if t.reads, err = accepted.Reads(&t.cfg.Table); err != nil {
		return "", err
	}
	t.replace, t.objectwise = accepted.ReplaceColumns, accepted.Objectwise
	for _, c := range t.replace {
		if t.cfg.Table.Column(c) < 0 {
			return "", fmt.Errorf("it wants to hear of updates of column %q, which the table does not have", c)
		}
	}
	var says []string
	switch {
	case t.reads == nil:
	case len(t.reads) == 0:
		says = append(says, "reads no column")
	default:
		says = append(says, "reads "+strings.Join(accepted.ReadColumns, ", "))
	}
	if len(t.replace) > 0 {
		says = append(says, "asked again after an update of "+strings.Join(t.replace, ", "))
	}
	return strings.Join(says, "; "), nil
}
