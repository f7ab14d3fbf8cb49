package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/trace"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// orders are placed by hash, and belong to tenants.
var orders = &trace.Table{
	ID: 7, Name: "orders", Key: []string{"tenant", "id"},
	Columns:   []trace.Column{{Name: "tenant", Type: "text"}, {Name: "id", Type: "bigint"}, {Name: "country", Type: "text"}},
	Placement: trace.Placement{Policy: "hash", Static: true},
}

func ptr(s string) *string { return &s }

// workload writes a trace: five tenants' transactions, each over objects of one tenant.
type workload struct {
	lines []trace.Line
	at    time.Time
}

func newWorkload(partitions int, tables ...*trace.Table) *workload {
	w := &workload{at: noon}
	w.lines = append(w.lines, trace.Line{Trace: &trace.Header{Version: trace.Version}})
	var all []trace.Partition
	for i := range partitions {
		all = append(all, trace.Partition{ID: uint32(i + 1), Labels: map[string]string{"region": []string{"eu", "us"}[i%2]}})
	}
	w.lines = append(w.lines, trace.Line{Partitions: all})
	for _, t := range tables {
		w.lines = append(w.lines, trace.Line{Table: t})
	}
	return w
}

func (w *workload) command(touches ...trace.Touched) {
	w.at = w.at.Add(10 * time.Millisecond)
	w.lines = append(w.lines, trace.Line{At: w.at, Touches: touches})
}

func (w *workload) write(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, l := range w.lines {
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	file := filepath.Join(t.TempDir(), "w.trace")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func created(table *trace.Table, key []string, values ...string) trace.Touched {
	t := trace.Touched{Table: table.ID, Kind: trace.Create, Key: key, Bytes: 100}
	for _, v := range values {
		t.Values = append(t.Values, ptr(v))
	}
	return t
}

// tenants is a workload of pairs: two orders of one tenant are created, and then changed,
// each time in one transaction.
func tenants(partitions int) *workload {
	w := newWorkload(partitions, orders)
	for i := range 500 {
		tenant := fmt.Sprintf("tenant-%d", i%50)
		var creates, updates []trace.Touched
		for j := range 2 {
			key := []string{tenant, fmt.Sprint(2*i + j)}
			creates = append(creates, created(orders, key, tenant, key[1], "de"))
			updates = append(updates, trace.Touched{Table: orders.ID, Kind: trace.Update, Key: key})
		}
		w.command(creates...)
		w.command(updates...)
	}
	return w
}

func simulate(t *testing.T, cfg Config) *Report {
	t.Helper()
	if cfg.Deadline == 0 {
		cfg.Deadline = 5 * time.Second
	}
	report, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestColumnAgainstHash is the point of it all: what placement by tenant is worth.
func TestColumnAgainstHash(t *testing.T) {
	r := simulate(t, Config{
		Traces:    []string{tenants(4).write(t)},
		Candidate: Choice{Policy: "column", TableOptions: map[string]string{"placement.columns": "tenant"}},
	})
	column, hash := &r.Outcomes[0], &r.Outcomes[1]
	if r.Commands != 1000 || column.Policy != "column 1" || hash.Policy != "hash 1" {
		t.Errorf("%d commands, %s against %s", r.Commands, column.Policy, hash.Policy)
	}
	if column.Share != 1 || column.Touched != 1 {
		t.Errorf("column: %.3f of commands touch one partition, want all", column.Share)
	}
	// Two objects are in one of four partitions by chance.
	if hash.Share < 0.2 || hash.Share > 0.3 || hash.Touched < 1.7 || hash.Touched > 1.8 {
		t.Errorf("hash: %.3f of commands touch one partition, want 1/4", hash.Share)
	}
	for _, o := range r.Outcomes {
		commands, objects, bytes := int64(0), int64(0), int64(0)
		for _, p := range o.Partitions {
			commands, objects, bytes = commands+p.Commands, objects+p.Objects, bytes+p.Bytes
		}
		if objects != 1000 || bytes != 100_000 || float64(commands) != o.Touched*1000 || o.Created != 1000 || o.Met+o.FallBacks+o.Calls != 0 {
			t.Errorf("%s: %d objects, %d bytes, %d commands: %+v", o.Policy, objects, bytes, commands, o)
		}
	}
	if r.Elsewhere < 700 || r.Elsewhere > 800 {
		t.Errorf("%d of 1000 objects live elsewhere, want about 3/4", r.Elsewhere)
	}
}

// TestMorePartitions guards that --partitions counts, and not what the trace says.
func TestMorePartitions(t *testing.T) {
	r := simulate(t, Config{
		Traces: []string{tenants(4).write(t)}, Partitions: 16,
		Candidate: Choice{Policy: "column", TableOptions: map[string]string{"placement.columns": "tenant"}},
		Against:   &Choice{Policy: "least_loaded"},
	})
	if n := len(r.Outcomes[0].Partitions); n != 16 {
		t.Errorf("%d partitions", n)
	}
	least := &r.Outcomes[1]
	if least.Share > 0.1 || least.Busiest > 1.1 {
		t.Errorf("least_loaded: share %.3f, busiest %.3f", least.Share, least.Busiest)
	}
}

// TestRanges guards the rule by which ranges are counted.
func TestRanges(t *testing.T) {
	w := newWorkload(4, orders)
	w.command(trace.Touched{Table: orders.ID})                                   // all of the table
	w.command(trace.Touched{Table: orders.ID, Range: []string{"acme"}})          // of a tenant
	w.command(trace.Touched{Table: orders.ID, Range: []string{"acme", "1"}})     // one object
	w.command(trace.Touched{Table: orders.ID, Range: []string{"acme"}}, created( // in its tenant's home
		orders, []string{"acme", "2"}, "acme", "2", "de"))
	r := simulate(t, Config{
		Traces:    []string{w.write(t)},
		Candidate: Choice{Policy: "column", TableOptions: map[string]string{"placement.columns": "tenant"}},
	})
	if column := r.Outcomes[0]; column.Single != 3 || column.Touched != (4+1+1+1)/4. {
		t.Errorf("column: %+v", column)
	}
	if hash := r.Outcomes[1]; hash.Single != 1 || hash.Touched != (4+4+1+4)/4. {
		t.Errorf("hash: %+v", hash)
	}
}

// TestDeletedObjectsAreNoLoad guards that loads are those at the end.
func TestDeletedObjectsAreNoLoad(t *testing.T) {
	w := newWorkload(2, orders)
	for i := range 10 {
		w.command(created(orders, []string{"a", fmt.Sprint(i)}, "a", fmt.Sprint(i), "de"))
	}
	for i := range 8 {
		w.command(trace.Touched{Table: orders.ID, Kind: trace.Delete, Key: []string{"a", fmt.Sprint(i)}})
	}
	w.command(created(orders, []string{"a", "9"}, "a", "9", "de"))        // ON CONFLICT
	w.command(trace.Touched{Table: orders.ID, Key: []string{"old", "1"}}) // was there before
	r := simulate(t, Config{Traces: []string{w.write(t)}, Candidate: Choice{Policy: "least_loaded"}})
	for _, o := range r.Outcomes {
		objects, bytes := int64(0), int64(0)
		for _, p := range o.Partitions {
			objects, bytes = objects+p.Objects, bytes+p.Bytes
		}
		if objects != 3 || bytes != 200 || o.Created != 10 || o.Met != 1 {
			t.Errorf("%s: %d objects, %d bytes: %+v", o.Policy, objects, bytes, o)
		}
	}
}

// geoDir holds the example, once geoBuilt has built it.
var geoDir string

var geoBuilt = sync.OnceValues(func() (string, error) {
	var err error
	if geoDir, err = os.MkdirTemp("", "ssmr-simulate-test-"); err != nil {
		return "", err
	}
	path := filepath.Join(geoDir, "geo-policy")
	out, err := exec.Command("go", "build", "-o", path, "github.com/ssmr/ssmr/plugins/examples/geo").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, err
})

func geoPolicy(t *testing.T) string {
	t.Helper()
	path, err := geoBuilt()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMain(m *testing.M) {
	code := m.Run()
	if geoDir != "" {
		_ = os.RemoveAll(geoDir)
	}
	os.Exit(code)
}

// TestProgram replays under a program: calls, Replace, fall-backs, a table that it refuses.
func TestProgram(t *testing.T) {
	people := &trace.Table{
		ID: 8, Name: "people", Key: []string{"id"}, Columns: []trace.Column{{Name: "id", Type: "bigint"}, {Name: "country", Type: "text"}},
		Placement: trace.Placement{Policy: "hash", Static: true}, Require: map[string]string{"region": "eu"},
	}
	plain := &trace.Table{ID: 9, Name: "plain", Key: []string{"id"}, Columns: []trace.Column{{Name: "id", Type: "bigint"}}, Placement: trace.Placement{Policy: "hash", Static: true}}
	w := newWorkload(4, orders, people, plain)
	for i := range 40 {
		id := fmt.Sprint(i)
		w.command(
			created(orders, []string{"a", id}, "a", id, "de"), created(orders, []string{"b", id}, "b", id, "us"),
			created(people, []string{id}, id, "us")) // which its table forbids
		w.command(created(plain, []string{id}, id))
	}
	for i := range 10 {
		key := []string{"a", fmt.Sprint(i)}
		w.command(trace.Touched{Table: orders.ID, Kind: trace.Update, Key: key, Set: map[string]*string{"country": ptr("us")}})
		w.command(trace.Touched{Table: orders.ID, Kind: trace.Update, Key: key, Set: map[string]*string{"country": ptr("us")}})
		w.command(trace.Touched{Table: orders.ID, Kind: trace.Update, Key: key}) // of another column
	}
	r := simulate(t, Config{
		Traces:    []string{w.write(t)},
		Candidate: Choice{Policy: geoPolicy(t), TableOptions: map[string]string{"geo.map": "de=eu, us=us"}},
	})
	geo := &r.Outcomes[0]
	if geo.Policy != "geo 1.0, hash 1" || strings.Join(r.Tables, " ") != "orders people" {
		t.Errorf("%s places %v", geo.Policy, r.Tables)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "plain") || !strings.Contains(r.Notes[0], "geo.column") {
		t.Errorf("notes %q", r.Notes)
	}
	if geo.Calls != 40*2+20 || geo.FailedCalls != 0 || geo.Mean <= 0 || geo.Slowest < geo.Mean {
		t.Errorf("%d calls, %d failed, mean %d, slowest %d", geo.Calls, geo.FailedCalls, geo.Mean, geo.Slowest)
	}
	// Where no partition of a person's region may get the person, geo names the home, which
	// may not either.
	if geo.FallBacks == 0 || geo.FallBacks == 40 || !strings.Contains(geo.Failure, "people") {
		t.Errorf("%d objects by the fall-back: %s", geo.FallBacks, geo.Failure)
	}
	if geo.Replaced != 20 || geo.Moves != 10 {
		t.Errorf("Replace asked about %d objects, moved %d", geo.Replaced, geo.Moves)
	}
	// 30 orders of the 40 stay in Europe, beside all people.
	objects := [2]int64{}
	for i, p := range geo.Partitions {
		objects[i%2] += p.Objects
	}
	if plain := objects[0] + objects[1] - 120; plain != 40 || objects[0] < 30+40 || objects[1] < 50 {
		t.Errorf("%d objects in Europe, %d elsewhere", objects[0], objects[1])
	}
}

// TestRecordedProgram guards that a policy which the trace does not hold is asked for,
// and that its tables' options are used again.
func TestRecordedProgram(t *testing.T) {
	people := *orders
	people.Placement = trace.Placement{Policy: "geo", Program: true, Options: map[string]string{"geo.map": "de=eu, us=us"}}
	w := newWorkload(4, &people)
	w.command(created(&people, []string{"a", "1"}, "a", "1", "us"))
	file, geo := w.write(t), geoPolicy(t)
	_, err := Run(context.Background(), Config{Traces: []string{file}, Candidate: Choice{Policy: geo}})
	if err == nil || !strings.Contains(err.Error(), "--against") {
		t.Errorf("error %v", err)
	}
	r := simulate(t, Config{Traces: []string{file}, Candidate: Choice{Policy: geo}, Against: &Choice{Policy: "hash"}})
	if n := r.Outcomes[0].Partitions; n[1].Objects+n[3].Objects != 1 {
		t.Errorf("the recorded options are not used: %+v", n)
	}
}

// TestSlowPolicy guards that what a policy does wrong is told, and stops nothing.
func TestSlowPolicy(t *testing.T) {
	r := simulate(t, Config{
		Traces: []string{tenants(4).write(t)}, Deadline: time.Nanosecond,
		Candidate: Choice{Policy: geoPolicy(t), TableOptions: map[string]string{"geo.map": "de=eu"}},
	})
	if o := r.Outcomes[0]; o.FallBacks != 1000 || o.FailedCalls != 500 || o.Failure == "" {
		t.Errorf("%+v", o)
	}
}

// TestSeveralTraces guards that those of several nodes are one workload.
func TestSeveralTraces(t *testing.T) {
	first, second := newWorkload(2, orders), newWorkload(2, orders)
	second.at = noon.Add(5 * time.Millisecond)
	for i := range 20 {
		key := []string{"a", fmt.Sprint(i)}
		first.command(created(orders, key, "a", key[1], "de"))
		second.command(trace.Touched{Table: orders.ID, Key: key}) // sees what the other has created
	}
	r := simulate(t, Config{Traces: []string{second.write(t), first.write(t)}, Candidate: Choice{Policy: "hash"}})
	if o := r.Outcomes[0]; r.Commands != 40 || o.Created != 20 || o.Met != 0 {
		t.Errorf("%d commands: %+v", r.Commands, o)
	}
}

func TestRefused(t *testing.T) {
	good := tenants(4).write(t)
	empty := newWorkload(4, orders).write(t)
	unknown := newWorkload(4)
	unknown.command(trace.Touched{Table: 3})
	nowhere := newWorkload(0, orders)
	nowhere.command(trace.Touched{Table: orders.ID})
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Candidate: Choice{Policy: "hash"}}, "trace is missing"},
		{Config{Traces: []string{good}}, "policy is missing"},
		{Config{Traces: []string{good}, Candidate: Choice{Policy: "no-such"}}, "least_loaded"},
		{Config{Traces: []string{good + "?"}, Candidate: Choice{Policy: "hash"}}, "no such file"},
		{Config{Traces: []string{empty}, Candidate: Choice{Policy: "hash"}}, "no command"},
		{Config{Traces: []string{unknown.write(t)}, Candidate: Choice{Policy: "hash"}}, "does not describe table 3"},
		{Config{Traces: []string{nowhere.write(t)}, Candidate: Choice{Policy: "hash"}}, "--partitions"},
		{Config{Traces: []string{good}, Candidate: Choice{Policy: "column"}}, "placement.columns"},
		{Config{Traces: []string{good}, Candidate: Choice{Policy: "hash"}, Tables: []string{"other"}}, "no table"},
		{Config{Traces: []string{good}, Candidate: Choice{Policy: "hash"}, Partitions: 5000}, "1024"},
		{Config{Traces: []string{good}, Candidate: Choice{Policy: "hash", Options: map[string]string{"a": "b"}}}, "built in"},
	} {
		if _, err := Run(context.Background(), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", c.cfg, err, c.want)
		}
	}
}

// TestPrinted guards that the report can be read, by people and by programs.
func TestPrinted(t *testing.T) {
	r := simulate(t, Config{
		Traces:    []string{tenants(4).write(t)},
		Candidate: Choice{Policy: "column", TableOptions: map[string]string{"placement.columns": "tenant"}},
	})
	var text, object strings.Builder
	r.Print(&text)
	t.Log("\n" + text.String())
	for _, want := range []string{"1000 commands in 9.99s, 4 partitions; 1 table: orders", "100.0 %", "column 1", "hash 1", "live elsewhere"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if err := r.WriteJSON(&object); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Seconds  float64
		Outcomes []struct {
			Policy     string
			Share      float64 `json:"share_one_partition"`
			Mean       float64 `json:"mean_latency"`
			Partitions []struct{ Partition, Commands int }
		}
	}
	if err := json.Unmarshal([]byte(object.String()), &back); err != nil {
		t.Fatal(err)
	}
	if back.Seconds != 9.99 || len(back.Outcomes) != 2 || back.Outcomes[0].Share != 1 || len(back.Outcomes[1].Partitions) != 4 {
		t.Errorf("%+v", back)
	}
}
