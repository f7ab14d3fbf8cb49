package execute_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// fixture is an executor over a world in memory.
type fixture struct {
	t *testing.T
	w *memory.World
	x *execute.Executor
	s execute.Settings
}

func newFixture(t *testing.T, edit ...func(*execute.Config, *execute.Dependencies)) *fixture {
	w := memory.New(4)
	cfg := execute.Config{Patience: 100 * time.Millisecond, MaxRounds: 5}
	deps := w.Dependencies()
	for _, f := range edit {
		f(&cfg, &deps)
	}
	x, err := execute.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, w: w, x: x, s: execute.Settings{Session: &expr.Session{}}}
	f.run("CREATE TABLE t (id int PRIMARY KEY, a int)")
	f.run("CREATE TABLE d (id int PRIMARY KEY, a int) WITH (placement = 'chosen')")
	f.run("INSERT INTO t SELECT g, g % 10 FROM generate_series(1, 200) AS g")
	return f
}

// start plans and starts a statement.
func (f *fixture) start(ctx context.Context, sql string) (*execute.Execution, error) {
	f.t.Helper()
	return f.startIn(ctx, sql, nil)
}

// startIn plans and starts a statement of a transaction.
func (f *fixture) startIn(ctx context.Context, sql string, tx *execute.Transaction) (*execute.Execution, error) {
	f.t.Helper()
	tree, err := dialect.Parse(sql)
	if err != nil {
		f.t.Fatal(err)
	}
	p, err := bind.Statement(context.Background(), tree, bind.Config{Catalog: f.w.Catalog(), Policies: f.w})
	if err != nil {
		f.t.Fatal(err)
	}
	return f.x.Start(ctx, p, nil, &f.s, tx)
}

// rows runs a statement to its end and returns its rows as texts, and its tag.
func (f *fixture) rows(ctx context.Context, sql string) (out []string, tag string, err error) {
	f.t.Helper()
	e, err := f.start(ctx, sql)
	if err != nil {
		return nil, "", err
	}
	defer e.Close()
	for {
		row, ok, err := e.Next(ctx)
		if err != nil {
			return out, "", err
		}
		if !ok {
			return out, e.Tag(int64(len(out))), nil
		}
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = fmt.Sprint(v.Int())
		}
		out = append(out, strings.Join(cells, ","))
	}
}

func (f *fixture) run(sql string) []string {
	f.t.Helper()
	out, _, err := f.rows(context.Background(), sql)
	if err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

func code(err error) string {
	if e := pgerror.As(err); e != nil {
		return e.Code
	}
	return ""
}

// count counts the calls of some steps.
func (f *fixture) count(steps ...string) *atomic.Int64 {
	n := new(atomic.Int64)
	f.w.Hook = func(step string, _ object.PartitionID) error {
		if slices.Contains(steps, step) {
			n.Add(1)
		}
		return nil
	}
	return n
}

func TestMergeByKeyOrder(t *testing.T) {
	f := newFixture(t)
	f.w.ChunkRows = 3
	for _, order := range []string{"", " DESC"} {
		out := f.run("SELECT id FROM t ORDER BY id" + order)
		var want []string
		for i := 1; i <= 200; i++ {
			want = append(want, fmt.Sprint(i))
		}
		if order != "" {
			slices.Reverse(want)
		}
		if !slices.Equal(out, want) {
			t.Errorf("order%s: %v", order, out)
		}
	}
}

func TestFirstRowsAreSorted(t *testing.T) {
	f := newFixture(t)
	if got, want := f.run("SELECT a, id FROM t ORDER BY a DESC, id LIMIT 3 OFFSET 1"), []string{"9,19", "9,29", "9,39"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLimitStopsEarly(t *testing.T) {
	f := newFixture(t)
	f.w.ChunkRows = 1
	next := f.count("next")
	if got := f.run("SELECT id FROM t LIMIT 2"); len(got) != 2 {
		t.Errorf("got %v", got)
	}
	// The limit is told to the partitions: each has one chunk beyond the first.
	if next.Load() > 8 {
		t.Errorf("%d chunks were asked for", next.Load())
	}
	if n := f.w.Cursors(); n != 0 {
		t.Errorf("%d cursors are open", n)
	}
}

// TestPull sees to it that nobody reads ahead of a slow client by more than a
// chunk for each partition, and that a query can be left in its middle.
func TestPull(t *testing.T) {
	f := newFixture(t)
	f.w.ChunkRows = 1
	calls := f.count("read", "next")
	e, err := f.start(context.Background(), "SELECT id, a FROM t")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := e.Next(context.Background()); !ok {
		t.Fatal(err)
	}
	e.Close() // waits for what is under way
	if calls.Load() > 4+1 {
		t.Errorf("%d chunks were asked for, for one row", calls.Load())
	}
	if n := f.w.Cursors(); n != 0 {
		t.Errorf("%d cursors are open", n)
	}
	e.Close()
}

func TestWorkMem(t *testing.T) {
	f := newFixture(t)
	f.s.WorkMem = 2000
	for sql, want := range map[string]string{
		"SELECT a, id FROM t ORDER BY a, id":         pgerror.OutOfMemory,
		"SELECT a, id FROM t ORDER BY a, id LIMIT 5": "",
		"SELECT DISTINCT id FROM t":                  pgerror.OutOfMemory,
		"SELECT DISTINCT a FROM t":                   "",
		"SELECT id, count(*) FROM t GROUP BY id":     pgerror.OutOfMemory,
		"SELECT count(DISTINCT id) FROM t":           pgerror.OutOfMemory,
		"SELECT sum(a) FROM t":                       "",
		"SELECT id FROM t":                           "",
		"INSERT INTO d SELECT id, a FROM t":          pgerror.OutOfMemory,
	} {
		_, _, err := f.rows(context.Background(), sql)
		if code(err) != want {
			t.Errorf("%s: %v, want %q", sql, err, want)
		}
		if e := pgerror.As(err); e != nil && !strings.Contains(e.Detail, "work_mem") {
			t.Errorf("%s: the error does not name the setting: %+v", sql, e)
		}
		if n := f.w.Cursors(); n != 0 {
			t.Errorf("%s: %d cursors are open", sql, n)
		}
	}
	if n := len(f.w.IDs(f.w.Catalog().ByName["d"].ID)); n != 0 {
		t.Errorf("a refused INSERT has made %d objects", n)
	}
}

func TestLostCursor(t *testing.T) {
	f := newFixture(t)
	f.w.ChunkRows = 1
	lost := pgerror.New(pgerror.SerializationFailure, "the read was interrupted")
	f.w.Hook = func(step string, _ object.PartitionID) error {
		if step == "next" {
			return lost
		}
		return nil
	}
	_, _, err := f.rows(context.Background(), "SELECT DISTINCT a FROM t ORDER BY a")
	if !errors.Is(err, execute.ErrRestart) {
		t.Errorf("before the first row: %v, want ErrRestart", err)
	}
	_, _, err = f.rows(context.Background(), "SELECT id FROM t")
	if errors.Is(err, execute.ErrRestart) || code(err) != pgerror.SerializationFailure {
		t.Errorf("after rows: %v, want 40001", err)
	}
}

// TestBegunEverywhere fails one partition after the others have answered: no row has been
// given out, so that the statement can be started again.
func TestBegunEverywhere(t *testing.T) {
	for _, sql := range []string{"SELECT a FROM t", "SELECT id FROM t ORDER BY id"} {
		f := newFixture(t)
		var answers atomic.Int64
		others := make(chan struct{})
		f.w.Hook = func(step string, p object.PartitionID) error {
			switch {
			case step == "answered" && answers.Add(1) == 3:
				close(others)
			case step == "read" && p == 3:
				<-others
				return pgerror.New(pgerror.SerializationFailure, "the snapshot is gone")
			}
			return nil
		}
		f.w.ChunkRows = 1
		out, _, err := f.rows(context.Background(), sql)
		if !errors.Is(err, execute.ErrRestart) || len(out) > 0 {
			t.Errorf("%s: %d rows, and %v, want ErrRestart", sql, len(out), err)
		}
		if n := f.w.Cursors(); n != 0 {
			t.Errorf("%s: %d cursors are open", sql, n)
		}
		f.w.Hook = nil
		if n := len(f.run(sql)); n != 200 {
			t.Errorf("%s: %d rows", sql, n)
		}
	}
}

// TestDescriptorMissing reads and writes where a partition has not had the table yet: it is
// given the descriptor, and what was pinned before is not asked again. Where that has no
// answer the statement can be started again.
func TestDescriptorMissing(t *testing.T) {
	const part = 2
	f := newFixture(t)
	table := f.w.Catalog().ByName["t"]
	for _, sql := range []string{
		"SELECT a FROM t", "SELECT a FROM t WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
		"UPDATE t SET a = a", "UPDATE t SET a = a WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
	} {
		f.w.Forget(part, table.ID)
		f.w.Hook = func(step string, _ object.PartitionID) error {
			if step == "install" {
				return pgerror.New(pgerror.StatementCompletionUnknown, "no answer")
			}
			return nil
		}
		if _, _, err := f.rows(context.Background(), sql); !errors.Is(err, execute.ErrRestart) || code(err) != pgerror.SerializationFailure {
			t.Errorf("%s: %v, want ErrRestart", sql, err)
		}
		installs := f.count("install")
		_, _, err := f.rows(context.Background(), sql)
		if errors.Is(err, execute.ErrRestart) { // from another snapshot
			_, _, err = f.rows(context.Background(), sql)
		}
		if err != nil || installs.Load() != 1 {
			t.Errorf("%s: %v, after %d times that the descriptor was sent", sql, err, installs.Load())
		}
		f.w.Hook = nil
	}
}

func TestCancelledPull(t *testing.T) {
	f := newFixture(t)
	f.w.ChunkRows = 1
	e, err := f.start(context.Background(), "SELECT id FROM t")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := e.Next(context.Background()); !ok {
		t.Fatal(err)
	}
	cause := pgerror.New(pgerror.QueryCanceled, "cancelled")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	for err = nil; err == nil; {
		_, _, err = e.Next(ctx) // rows that are there may still come
	}
	if !errors.Is(err, cause) {
		t.Errorf("error is %v", err)
	}
	e.Close()
	if n := f.w.Cursors(); n != 0 {
		t.Errorf("%d cursors are open", n)
	}
}

func TestPolicyIsChecked(t *testing.T) {
	for name, choose := range map[string]func(execute.PlaceRequest) ([]object.PartitionID, error){
		"error":   func(execute.PlaceRequest) ([]object.PartitionID, error) { return nil, errors.New("crashed") },
		"too few": func(execute.PlaceRequest) ([]object.PartitionID, error) { return []object.PartitionID{1}, nil },
		"unknown partition": func(r execute.PlaceRequest) ([]object.PartitionID, error) {
			return make([]object.PartitionID, len(r.Rows)), nil
		},
	} {
		f := newFixture(t)
		calls := 0
		f.w.Choose = func(r execute.PlaceRequest) ([]object.PartitionID, error) { calls++; return choose(r) }
		f.run("INSERT INTO d VALUES (1, 1), (2, 2), (3, 3)")
		if calls != 1 {
			t.Errorf("%s: the policy was called %d times for one statement", name, calls)
		}
		table := f.w.Catalog().ByName["d"]
		for _, id := range f.w.IDs(table.ID) {
			if at := f.w.Where(id); len(at) != 1 || at[0] != f.w.Catalog().Home(table, id).Partition {
				t.Errorf("%s: object is in %v, not at home", name, at)
			}
		}
	}
}

// stubborn refuses everything as being elsewhere, once it is on.
type stubborn struct {
	execute.Partitions
	on bool
}

func refusal(id object.ID) *command.Refusal {
	return &command.Refusal{Reason: command.Elsewhere, Objects: []command.Redirect{{ID: id}}}
}

func (s *stubborn) Read(ctx context.Context, p object.PartitionID, r *command.Read) (*command.Chunk, error) {
	if s.on {
		return &command.Chunk{Refusal: refusal(r.Targets[0].ID)}, nil
	}
	return s.Partitions.Read(ctx, p, r)
}

func (s *stubborn) Write(ctx context.Context, p object.PartitionID, w *command.Write) (*command.Result, error) {
	if s.on {
		return &command.Result{Refusal: refusal(w.Targets[0].ID)}, nil
	}
	return s.Partitions.Write(ctx, p, w)
}

func TestRoundsAreBounded(t *testing.T) {
	s := &stubborn{}
	f := newFixture(t, func(_ *execute.Config, d *execute.Dependencies) { s.Partitions, d.Partitions = d.Partitions, s })
	s.on = true
	for _, sql := range []string{"SELECT a FROM t WHERE id = 1", "UPDATE t SET a = 1 WHERE id = 1", "INSERT INTO t VALUES (999, 1)", "INSERT INTO d VALUES (1, 1)"} {
		_, _, err := f.rows(context.Background(), sql)
		if code(err) != pgerror.SerializationFailure {
			t.Errorf("%s: %v, want 40001", sql, err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	f := newFixture(t, func(c *execute.Config, _ *execute.Dependencies) { c.MaxWriteBytes = 4096 })
	_, _, err := f.rows(context.Background(), "INSERT INTO d SELECT g, g FROM generate_series(1, 5000) AS g")
	if code(err) != pgerror.ProgramLimitExceeded {
		t.Errorf("error is %v, want 54000", err)
	}
}

// watched notes how reads are asked for.
type watched struct {
	execute.Partitions
	staleness []int64
}

func (w *watched) Read(ctx context.Context, p object.PartitionID, r *command.Read) (*command.Chunk, error) {
	w.staleness = append(w.staleness, r.MaxStaleness)
	return w.Partitions.Read(ctx, p, r)
}

func TestStaleReads(t *testing.T) {
	var w *watched
	f := newFixture(t, func(_ *execute.Config, d *execute.Dependencies) {
		w = &watched{Partitions: d.Partitions}
		d.Partitions = w
	})
	f.run("SELECT a FROM t WHERE id = 1")
	f.s.MaxStaleness = 3 * time.Second
	f.run("SELECT a FROM t WHERE id = 1")
	if !slices.Equal(w.staleness, []int64{0, 3000}) {
		t.Errorf("asked with %v", w.staleness)
	}
}

// batches notes what is moved, and cancels after a number of batches.
type batches struct {
	execute.Mover
	sizes  []int
	cancel func()
}

func (b *batches) Move(ctx context.Context, r catalog.MoveRequest) ([]catalog.MoveResult, error) {
	out, err := b.Mover.Move(ctx, r)
	if b.sizes = append(b.sizes, len(r.IDs)); len(b.sizes) == 2 && b.cancel != nil {
		b.cancel()
	}
	return out, err
}

func TestMoveInBatches(t *testing.T) {
	var b *batches
	f := newFixture(t, func(_ *execute.Config, d *execute.Dependencies) { b = &batches{Mover: d.Mover}; d.Mover = b })
	f.s.MoveRate = 20
	ctx, cancel := context.WithCancelCause(context.Background())
	b.cancel = func() { cancel(pgerror.New(pgerror.QueryCanceled, "cancelled")) }
	_, _, err := f.rows(ctx, "MOVE t WHERE a < 9 AND _partition <> 1 TO PARTITION 1")
	if code(err) != pgerror.QueryCanceled || !strings.Contains(pgerror.As(err).Detail, "40 objects were moved") {
		t.Errorf("error is %+v", err)
	}
	if !slices.Equal(b.sizes, []int{20, 20}) {
		t.Errorf("batches of %v", b.sizes)
	}
	if got := f.run("SELECT count(*), sum(id) FROM t"); got[0] != "200,20100" {
		t.Errorf("after the move: %v", got)
	}
}

// TestManyKeys names more objects than one read may.
func TestManyKeys(t *testing.T) {
	f := newFixture(t)
	f.run("INSERT INTO d SELECT g, 1 FROM generate_series(1, 40000) AS g")
	keys := make([]string, 40000)
	for i := range keys {
		keys[i] = fmt.Sprint(i + 1)
	}
	reads := f.count("read")
	if got := f.run("SELECT count(*), sum(a) FROM d WHERE id = ANY('{" + strings.Join(keys, ",") + "}')"); got[0] != "40000,40000" {
		t.Errorf("got %v", got)
	}
	if reads.Load() != 8 {
		t.Errorf("%d reads", reads.Load())
	}
}

func TestInsertSelect(t *testing.T) {
	f := newFixture(t)
	f.run("INSERT INTO d SELECT id, a + 1 FROM t WHERE id <= 5")
	if got := f.run("SELECT id, a FROM d ORDER BY id"); !slices.Equal(got, []string{"1,2", "2,3", "3,4", "4,5", "5,6"}) {
		t.Errorf("got %v", got)
	}
}

func TestSeries(t *testing.T) {
	f := newFixture(t)
	for sql, want := range map[string]string{
		"SELECT * FROM generate_series(1, 3)":                                     "1 2 3",
		"SELECT * FROM generate_series(3, 1, -1)":                                 "3 2 1",
		"SELECT * FROM generate_series(5, 1)":                                     "",
		"SELECT * FROM generate_series(1, NULL::int)":                             "",
		"SELECT * FROM generate_series(9223372036854775806, 9223372036854775807)": "9223372036854775806 9223372036854775807",
		"SELECT * FROM unnest(ARRAY[4, 5])":                                       "4 5",
	} {
		if got := strings.Join(f.run(sql), " "); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	if _, _, err := f.rows(context.Background(), "SELECT * FROM generate_series(1, 2, 0)"); code(err) != pgerror.InvalidParameterValue {
		t.Errorf("step 0: %v", err)
	}
	out, _, err := f.rows(context.Background(), "SELECT * FROM generate_series(timestamp '2026-01-30', timestamp '2026-03-30', interval '1 month')")
	if err != nil || len(out) != 3 {
		t.Errorf("timestamps: %v %v", out, err)
	}
}

// Of many who take values at once none gets one that another has.
func TestNextValues(t *testing.T) {
	f := newFixture(t)
	table := f.w.Catalog().ByName["t"].ID
	values := make(chan int64, 1000)
	for range 10 {
		go func() {
			for range 100 {
				v, err := f.x.NextValue(context.Background(), table, 0)
				if err != nil {
					v = -1
				}
				values <- v
			}
		}()
	}
	seen := make(map[int64]bool)
	for range 1000 {
		v := <-values
		if v <= 0 || seen[v] {
			t.Fatalf("value %d came twice, or failed", v)
		}
		seen[v] = true
	}
}

func TestMicros(t *testing.T) {
	if got := execute.Micros(time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC)); got != 1e6 {
		t.Errorf("got %d", got)
	}
}
