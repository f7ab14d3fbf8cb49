package planner

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/execute/memory"
	"github.com/ssmr/ssmr/planner/plan"
)

// fixedClock makes times reproducible.
type fixedClock struct{}

func (fixedClock) Now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// newBackend makes a backend over a world in memory, with a fixed clock and
// reproducible random values.
func newBackend(t testing.TB, w *memory.World, cfg Config) *Backend {
	t.Helper()
	deps := w.Dependencies()
	deps.Clock = fixedClock{}
	var seed atomic.Uint64
	x, err := execute.New(execute.Config{
		Patience: 200 * time.Millisecond,
		Rand:     func() uint64 { return seed.Add(1000003) },
	}, deps)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(cfg, Dependencies{Executor: x, Catalog: w, Policies: w, Clock: fixedClock{}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recorder is a client: it writes down what it is told.
type recorder struct {
	out    strings.Builder
	format func() *datum.Format
	cols   []session.Column
	sorted bool
	rows   []string
}

func (r *recorder) Notice(n session.Notice) {
	fmt.Fprintf(&r.out, "%s %s: %s\n", n.Severity, n.Code, n.Message)
}

func (r *recorder) ParameterStatus(name, value string) {
	fmt.Fprintf(&r.out, "PARAMETER %s=%s\n", name, value)
}

func (r *recorder) Columns(cols []session.Column) error {
	r.cols = cols
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name + ":" + c.Type.Name()
	}
	fmt.Fprintln(&r.out, strings.Join(names, " | "))
	return nil
}

func (r *recorder) Row(values []datum.Datum) error {
	cells := make([]string, len(values))
	for i, v := range values {
		if v.IsNull() {
			cells[i] = "NULL"
			continue
		}
		cells[i] = string(datum.AppendText(nil, v, r.cols[i].Type, r.format()))
	}
	r.rows = append(r.rows, strings.Join(cells, " | "))
	return nil
}

func (r *recorder) flush() {
	if r.sorted {
		slices.Sort(r.rows)
	}
	for _, row := range r.rows {
		fmt.Fprintln(&r.out, row)
	}
	r.rows = nil
}

func (r *recorder) completed(done session.Completion) {
	r.flush()
	switch {
	case done.Suspended:
		fmt.Fprintln(&r.out, "suspended")
	case done.Tag == "":
		fmt.Fprintln(&r.out, "empty")
	default:
		fmt.Fprintln(&r.out, done.Tag)
	}
}

func (r *recorder) failed(err error) {
	r.flush()
	e := pgerror.As(err)
	if e == nil {
		fmt.Fprintf(&r.out, "INTERNAL %v\n", err)
		return
	}
	fmt.Fprintf(&r.out, "ERROR %s: %s", e.Code, e.Message)
	if e.Position > 0 {
		fmt.Fprintf(&r.out, " at %d", e.Position)
	}
	fmt.Fprintln(&r.out)
	for _, f := range []struct{ name, text string }{{"DETAIL", e.Detail}, {"HINT", e.Hint}, {"ROUTINE", e.Routine}} {
		if f.text != "" {
			fmt.Fprintf(&r.out, "%s: %s\n", f.name, strings.ReplaceAll(f.text, "\n", "\n  "))
		}
	}
}

// client is one session of a script.
type client struct {
	r *recorder
	s session.Session
}

func connect(t testing.TB, b *Backend, options map[string]string) *client {
	t.Helper()
	r := &recorder{}
	s, err := b.Open(context.Background(), session.Startup{User: "tester", Database: "test", Options: options, PID: 7, Client: r})
	if err != nil {
		t.Fatal(err)
	}
	r.format = s.Format
	return &client{r: r, s: s}
}

// take returns what was written down since the last take.
func (c *client) take() string {
	out := c.r.out.String()
	c.r.out.Reset()
	return out
}

// query runs a simple query as the protocol does.
func (c *client) query(ctx context.Context, text string) error {
	texts, err := c.s.Split(text)
	if err == nil && len(texts) == 0 {
		c.r.completed(session.Completion{})
	}
	for i := 0; err == nil && i < len(texts); i++ {
		var done session.Completion
		if done, err = c.s.Query(ctx, texts[i], i, len(texts), c.r); err == nil {
			c.r.completed(done)
		}
	}
	return c.end(ctx, err)
}

// end is that of a query: its error, and the Sync behind it.
func (c *client) end(ctx context.Context, err error) error {
	if err != nil {
		c.r.failed(err)
	}
	if syncErr := c.s.Sync(ctx, err != nil); syncErr != nil {
		c.r.failed(syncErr)
	}
	return err
}

// extended runs lines of the extended protocol: "parse name types: text",
// "bind portal name: values", "execute portal [rows]", "describe portal|statement
// name", "close ...", "sync". As a server does, it skips to sync after an error.
func (c *client) extended(ctx context.Context, script string) {
	skip := false
	for _, line := range strings.Split(script, "\n") {
		head, rest, _ := strings.Cut(line, ":")
		words := strings.Fields(head)
		arg := func(i int) string {
			if i < len(words) && words[i] != "-" {
				return words[i]
			}
			return ""
		}
		if arg(0) == "sync" {
			if err := c.s.Sync(ctx, skip); err != nil {
				c.r.failed(err)
			}
			skip = false
			fmt.Fprintf(&c.r.out, "ready %c\n", c.s.Status())
			continue
		}
		if skip {
			continue
		}
		if err := c.message(ctx, words, arg, strings.TrimSpace(rest)); err != nil {
			c.r.failed(err)
			skip = true
		}
	}
}

func (c *client) message(ctx context.Context, words []string, arg func(int) string, rest string) error {
	switch arg(0) {
	case "parse":
		var oids []uint32
		for _, w := range words[min(2, len(words)):] {
			n, _ := strconv.Atoi(w)
			oids = append(oids, uint32(n))
		}
		if err := c.s.Parse(ctx, arg(1), rest, oids); err != nil {
			return err
		}
		fmt.Fprintln(&c.r.out, "parsed")
	case "bind":
		st, err := c.s.Statement(arg(2))
		if err != nil {
			return err
		}
		var params []datum.Datum
		for i, text := range strings.Fields(rest) {
			typ := datum.Text
			if i < len(st.Params) {
				typ = st.Params[i]
			}
			v, err := datum.ParseText(text, typ, c.s.Format())
			if err != nil {
				return err
			}
			params = append(params, v)
		}
		if err := c.s.Bind(ctx, arg(1), arg(2), params, nil); err != nil {
			return err
		}
		fmt.Fprintln(&c.r.out, "bound")
	case "describe":
		return c.describe(arg(1), arg(2))
	case "execute":
		p, err := c.s.Portal(arg(1))
		if err != nil {
			return err
		}
		c.r.cols = p.Columns
		n, _ := strconv.Atoi(arg(2))
		done, err := c.s.Execute(ctx, arg(1), int64(n), arg(3) == "last", c.r)
		if err != nil {
			return err
		}
		c.r.completed(done)
	case "close":
		if arg(1) == "portal" {
			c.s.ClosePortal(arg(2))
		} else {
			c.s.CloseStatement(arg(2))
		}
		fmt.Fprintln(&c.r.out, "closed")
	}
	return nil
}

func (c *client) describe(what, name string) error {
	if what == "portal" {
		p, err := c.s.Portal(name)
		if err != nil {
			return err
		}
		return c.described(p.Columns)
	}
	st, err := c.s.Statement(name)
	if err != nil {
		return err
	}
	for _, p := range st.Params {
		fmt.Fprintf(&c.r.out, "$%s ", p.Name())
	}
	return c.described(st.Columns)
}

func (c *client) described(cols []session.Column) error {
	if cols == nil {
		fmt.Fprintln(&c.r.out, "no data")
		return nil
	}
	return c.r.Columns(cols)
}

// TestScripts runs the scripts in testdata/scripts: SQL through sessions, over an oracle
// and partitions in memory. Each is run three times, in worlds of their own: what the first
// two have left of plans is there in the third, where simple queries have those of their
// shapes and must mean the same.
func TestScripts(t *testing.T) {
	shared := 0
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		plans := newPlanCache(4096, 16<<20)
		for range 3 {
			runScript(t, path, plans)
		}
		shared += plansOfShapes(plans)
	})
	if !t.Failed() && shared < 50 {
		t.Errorf("simple queries shared %d plans", shared)
	}
}

// plansOfShapes counts the plans that are kept by shapes.
func plansOfShapes(c *planCache) (n int) {
	for key, e := range c.plans.byKey {
		if strings.IndexByte(key.text, 0) >= 0 && e.Value.(*sized[planKey, *plan.Plan]).value != nil {
			n++
		}
	}
	return n
}

func runScript(t *testing.T, path string, plans *planCache) {
	w := memory.New(4)
	w.ChunkRows = 3
	w.Choose = func(r execute.PlaceRequest) ([]object.PartitionID, error) {
		out := make([]object.PartitionID, len(r.Rows))
		for i, row := range r.Rows {
			out[i] = object.PartitionID(row[0].Int()%4 + 1)
		}
		return out, nil
	}
	b := newBackend(t, w, Config{Version: "test"})
	b.plans = plans
	clients := make(map[string]*client)
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		name := "main"
		d.MaybeScanArgs(t, "session", &name)
		c := clients[name]
		if c == nil {
			c = connect(t, b, nil)
			clients[name] = c
		}
		c.r.sorted = d.HasArg("sort")
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		switch d.Cmd {
		case "sql":
			_ = c.query(ctx, d.Input)
		case "ext":
			c.extended(ctx, d.Input)
		case "world":
			return world(t, w, d.Input)
		default:
			d.Fatalf(t, "unknown command %q", d.Cmd)
		}
		return c.take()
	})
	for _, c := range clients {
		c.s.Close()
	}
	if w.Cursors()+w.Snapshots()+w.Locks() != 0 {
		t.Errorf("%d cursors, %d snapshots and %d locks are left", w.Cursors(), w.Snapshots(), w.Locks())
	}
}

// world changes or shows the world behind the sessions: "where table key", "move
// table key to", "depart table key to", "arrive table key", "stale table key
// partition version", "forget partition table", "lag on|off", "sweep".
func world(t *testing.T, w *memory.World, script string) string {
	var out strings.Builder
	for _, line := range strings.Split(script, "\n") {
		f := strings.Fields(line)
		num := func(i int) int {
			n, err := strconv.Atoi(f[i])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		id := func() object.ID {
			table := w.Catalog().ByName[f[1]]
			k, err := datum.AppendKey(nil, datum.NewInt(int64(num(2))), table.Columns[table.PrimaryKey[0]].Type)
			if err != nil {
				t.Fatal(err)
			}
			return object.NewID(table.ID, k)
		}
		switch f[0] {
		case "where":
			fmt.Fprintf(&out, "%s %s: partitions %v, directory %v\n", f[1], f[2], w.Where(id()), w.Directory(id()).Partition)
		case "move":
			w.Depart(id(), object.PartitionID(num(3)))
			w.Arrive(id())
		case "depart":
			w.Depart(id(), object.PartitionID(num(3)))
		case "arrive":
			w.Arrive(id())
		case "stale":
			w.SetCached(id(), object.Location{Partition: object.PartitionID(num(3)), Version: object.LocationVersion(num(4))})
		case "forget":
			w.Forget(object.PartitionID(num(1)), w.Catalog().ByName[f[2]].ID)
		case "lag":
			w.Lag(f[1] == "on")
		case "sweep":
			fmt.Fprintf(&out, "%d released\n", w.Sweep())
		default:
			t.Fatalf("unknown command %q", line)
		}
	}
	return out.String()
}
