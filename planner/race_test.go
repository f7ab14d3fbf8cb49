package planner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// race is one statement about one object, with something that happens between
// two of its steps.
type race struct {
	w         *memory.World
	b         *Backend
	placement string
	id        object.ID
	other     *client
	main      *client
}

// newRace makes a table with the object (1, 0) in it, and a cache that knows it.
func newRace(t *testing.T, placement string, exists bool) *race {
	w := memory.New(3)
	r := &race{w: w, b: newBackend(t, w, Config{}), placement: placement}
	r.other, r.main = connect(t, r.b, nil), connect(t, r.b, nil)
	r.must(t, "CREATE TABLE t (id int PRIMARY KEY, n int) WITH (placement = '"+placement+"')")
	table := w.Catalog().ByName["t"]
	key, err := datum.AppendKey(nil, datum.NewInt(1), table.Columns[0].Type)
	if err != nil {
		t.Fatal(err)
	}
	r.id = object.NewID(table.ID, key)
	if exists {
		r.must(t, "INSERT INTO t VALUES (1, 0)")
	}
	return r
}

func (r *race) must(t *testing.T, sql string) {
	t.Helper()
	if err := r.other.query(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v\n%s", sql, err, r.other.take())
	}
	r.other.take()
}

// away is a partition that the object is not in.
func (r *race) away() object.PartitionID {
	at := object.PartitionID(1)
	if where := r.w.Where(r.id); len(where) > 0 {
		at = where[0]
	}
	return at%3 + 1
}

func (r *race) move(to object.PartitionID) {
	r.w.Depart(r.id, to)
	r.w.Arrive(r.id)
}

// event is what happens between two steps.
type event struct {
	name string
	// act happens before step k of the statement, later before step k+4.
	act   func(t *testing.T, r *race)
	later func(t *testing.T, r *race)
}

var events = []event{
	{"nothing", func(*testing.T, *race) {}, nil},
	{"move", func(_ *testing.T, r *race) { r.move(r.away()) }, nil},
	{"slow move", func(_ *testing.T, r *race) { r.w.Depart(r.id, r.away()) }, func(_ *testing.T, r *race) { r.w.Arrive(r.id) }},
	{"two moves", func(_ *testing.T, r *race) {
		for range 2 {
			r.move(r.away())
		}
	}, func(_ *testing.T, r *race) { r.move(r.away()) }},
	{"cache forgets", func(_ *testing.T, r *race) { r.w.SetCached(r.id, object.Location{}) }, nil},
	{"cache is old", func(_ *testing.T, r *race) {
		r.move(r.away())
		old := r.w.Directory(r.id)
		r.move(r.away())
		r.w.SetCached(r.id, old)
	}, nil},
	{"cache is old, object is home again", func(_ *testing.T, r *race) {
		home := r.w.Where(r.id)
		r.move(r.away())
		old := r.w.Directory(r.id)
		if len(home) > 0 {
			r.move(home[0])
		}
		r.w.SetCached(r.id, old)
	}, nil},
	{"cache invents", func(_ *testing.T, r *race) { r.w.SetCached(r.id, object.Location{Partition: r.away(), Version: 1}) }, nil},
	{"schema change", func(t *testing.T, r *race) { r.must(t, "ALTER TABLE t ADD COLUMN extra int") }, nil},
	{"descriptor missing", func(_ *testing.T, r *race) {
		for p := range 3 {
			r.w.Forget(object.PartitionID(p+1), r.id.Table())
		}
	}, nil},
	{"deleted and created", func(t *testing.T, r *race) {
		r.must(t, "DELETE FROM t WHERE id = 1")
		r.w.Sweep()
		r.must(t, "INSERT INTO t VALUES (1, 0)")
	}, nil},
	{"deleted, not swept, created", func(t *testing.T, r *race) {
		r.must(t, "DELETE FROM t WHERE id = 1")
		r.must(t, "INSERT INTO t VALUES (1, 0)")
	}, func(_ *testing.T, r *race) { r.w.Sweep() }},
}

// run executes sql with the event before its step k. It reports whether the
// statement has a step k.
func (r *race) run(t *testing.T, sql string, e event, k int) (out string, reached bool, err error) {
	step, acting := 0, false
	r.w.Hook = func(string, object.PartitionID) error {
		if acting {
			return nil
		}
		acting = true
		defer func() { acting = false }()
		switch step {
		case k:
			reached = true
			e.act(t, r)
		case k + 4:
			if e.later != nil {
				e.later(t, r)
			}
		}
		step++
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = r.main.query(ctx, sql)
	r.w.Hook = nil
	if e.later != nil && step <= k+4 {
		e.later(t, r)
	}
	return r.main.take(), reached, err
}

// TestRaces steps every event through every step of the statements about one
// object (invariants 1, 4 and 7 of the design).
func TestRaces(t *testing.T) {
	statements := []struct {
		name, sql string
		check     func(t *testing.T, r *race, e event, out string)
	}{
		{"read", "SELECT n FROM t WHERE id = 1", func(t *testing.T, r *race, e event, out string) {
			// A delete and a create between two looks may show none.
			if !strings.Contains(out, "\n0\nSELECT 1") && !(strings.HasPrefix(e.name, "deleted") && strings.Contains(out, "SELECT 0")) {
				t.Errorf("read: %s", out)
			}
		}},
		{"update", "UPDATE t SET n = n + 1 WHERE id = 1", func(t *testing.T, r *race, e event, out string) {
			want := "1"
			if strings.HasPrefix(e.name, "deleted") { // the update may have come before
				if got := r.value(t); got != "0" && got != "1" {
					t.Errorf("value is %s", got)
				}
				return
			}
			if got := r.value(t); got != want || !strings.Contains(out, "UPDATE 1") {
				t.Errorf("value is %s, want %s; %s", got, want, out)
			}
		}},
		{"delete", "DELETE FROM t WHERE id = 1", func(t *testing.T, r *race, e event, out string) {
			if !strings.HasPrefix(e.name, "deleted") && (len(r.w.Where(r.id)) != 0 || !strings.Contains(out, "DELETE 1")) {
				t.Errorf("object is in %v; %s", r.w.Where(r.id), out)
			}
		}},
		{"upsert", "INSERT INTO t VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET n = t.n + 1", func(t *testing.T, r *race, e event, out string) {
			if !strings.Contains(out, "INSERT 0 1") {
				t.Errorf("upsert: %s", out)
			}
			if got := r.value(t); !strings.HasPrefix(e.name, "deleted") && got != "1" {
				t.Errorf("value is %s", got)
			}
		}},
		{"insert of what exists", "INSERT INTO t VALUES (1, 5)", func(t *testing.T, r *race, e event, out string) {
			if !strings.HasPrefix(e.name, "deleted") && !strings.Contains(out, "23505") {
				t.Errorf("insert: %s", out)
			}
		}},
	}
	for _, placement := range []string{"hash", "chosen"} {
		for _, st := range statements {
			for _, e := range events {
				// An id that a partition remembers nothing of may be created there: no
				// cache holds a location that never was.
				if e.name == "cache invents" && strings.Contains(st.sql, "INSERT") {
					continue
				}
				for _, warm := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s/%s/%s/warm=%v", placement, st.name, e.name, warm), func(t *testing.T) {
						for k := 0; ; k++ {
							r := newRace(t, placement, true)
							if !warm {
								r.w.SetCached(r.id, object.Location{})
							}
							out, reached, err := r.run(t, st.sql, e, k)
							if !reached {
								return
							}
							if err != nil && pgerror.As(err) == nil {
								t.Fatalf("step %d: %v", k, err)
							}
							if copies := r.w.Where(r.id); len(copies) > 1 {
								t.Fatalf("step %d: copies in %v", k, copies)
							}
							st.check(t, r, e, out)
							if t.Failed() {
								t.Fatalf("at step %d", k)
							}
						}
					})
				}
			}
		}
	}
}

// value reads the object past the session under test.
func (r *race) value(t *testing.T) string {
	t.Helper()
	if err := r.other.query(context.Background(), "SELECT n FROM t WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(r.other.take(), "\n")
	if len(lines) < 3 {
		return "none"
	}
	return lines[1]
}

// TestReadAndCreate overlaps a create with a read: before the oracle knows, after
// the oracle knows and before the partition has the object, and after.
func TestReadAndCreate(t *testing.T) {
	for _, placement := range []string{"hash", "chosen"} {
		for k := 0; ; k++ {
			r := newRace(t, placement, false)
			var seen []string
			e := event{act: func(t *testing.T, r *race) {
				if err := r.other.query(context.Background(), "SELECT n FROM t WHERE id = 1"); err != nil {
					t.Fatal(err)
				}
				seen = append(seen, r.other.take())
			}}
			out, reached, err := r.run(t, "INSERT INTO t VALUES (1, 0)", e, k)
			if !reached {
				break
			}
			if err != nil || !strings.Contains(out, "INSERT 0 1") {
				t.Fatalf("%s, step %d: %v %s", placement, k, err, out)
			}
			if got := r.value(t); got != "0" {
				t.Errorf("%s, step %d: the object is %s after its create was acknowledged", placement, k, got)
			}
			for _, s := range seen {
				if !strings.Contains(s, "SELECT 0") && !strings.Contains(s, "SELECT 1") {
					t.Errorf("%s, step %d: the read between said %s", placement, k, s)
				}
			}
		}
	}
}

// TestLostAnswer loses a write's answer: it is told that its effect is unknown,
// and it is not sent again.
func TestLostAnswer(t *testing.T) {
	r := newRace(t, "hash", true)
	lost := errors.New("the connection broke")
	r.w.Hook = func(step string, _ object.PartitionID) error {
		if step == "written" {
			return lost
		}
		return nil
	}
	err := r.main.query(context.Background(), "UPDATE t SET n = n + 1 WHERE id = 1")
	r.w.Hook = nil
	if e := pgerror.As(err); e == nil || e.Code != pgerror.StatementCompletionUnknown {
		t.Errorf("error is %v, want 40003", err)
	}
	if got := r.value(t); got != "1" {
		t.Errorf("value is %s, want 1: executed once", got)
	}
}

// TestNotSent fails a write before it was sent: it did not take effect.
func TestNotSent(t *testing.T) {
	r := newRace(t, "hash", true)
	r.w.Hook = func(step string, _ object.PartitionID) error {
		if step == "write" {
			return pgerror.New(pgerror.SerializationFailure, "no leader")
		}
		return nil
	}
	err := r.main.query(context.Background(), "UPDATE t SET n = n + 1 WHERE id = 1")
	r.w.Hook = nil
	if e := pgerror.As(err); e == nil || e.Code != pgerror.SerializationFailure {
		t.Errorf("error is %v, want 40001", err)
	}
	if got := r.value(t); got != "0" {
		t.Errorf("value is %s, want 0", got)
	}
}

// TestWhole holds that a statement over several partitions takes effect as a whole or
// not at all, and that its error says which, or that it is unknown.
func TestWhole(t *testing.T) {
	for _, c := range []struct{ step, code, changed string }{
		{"transact", pgerror.SerializationFailure, "0"},
		{"transacted", pgerror.StatementCompletionUnknown, "30"},
	} {
		r := newRace(t, "hash", false)
		r.must(t, "INSERT INTO t SELECT g, 0 FROM generate_series(1, 30) AS g")
		r.w.Hook = func(step string, _ object.PartitionID) error {
			switch {
			case step != c.step:
				return nil
			case step == "transact":
				return pgerror.New(pgerror.SerializationFailure, "no leader")
			}
			return errors.New("the answer is lost")
		}
		err := r.main.query(context.Background(), "UPDATE t SET n = 1")
		r.w.Hook = nil
		if e := pgerror.As(err); e == nil || e.Code != c.code {
			t.Errorf("%s: error is %+v", c.step, err)
		}
		r.main.take()
		_ = r.main.query(context.Background(), "SELECT count(*) FROM t WHERE n = 1")
		if got := r.main.take(); !strings.Contains(got, "\n"+c.changed+"\n") {
			t.Errorf("%s: changed %s", c.step, got)
		}
	}
}

// TestCancel cancels statements: while they wait, and while they sleep.
func TestCancel(t *testing.T) {
	r := newRace(t, "hash", true)
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := pgerror.New(pgerror.QueryCanceled, "canceling statement due to user request")
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	if err := r.main.query(ctx, "SELECT pg_sleep(60)"); !errors.Is(err, cause) {
		t.Errorf("error is %v", err)
	}
	r.main.take()
	err := r.main.query(context.Background(), "SET statement_timeout = 10; UPDATE t SET n = 7; SELECT pg_sleep(60)")
	if e := pgerror.As(err); e == nil || e.Code != pgerror.QueryCanceled || !strings.Contains(e.Message, "statement timeout") || e.Detail != "" {
		t.Errorf("error is %+v", e)
	}
	r.main.take()
	_ = r.main.query(context.Background(), "SHOW statement_timeout; SELECT count(*) FROM t WHERE n = 7")
	if got := r.main.take(); !strings.Contains(got, "\n0\nSHOW\n") || !strings.Contains(got, "\n0\nSELECT 1\n") {
		t.Errorf("what was cancelled has left\n%s", got)
	}
}

// hangingPolicies are policies that say nothing of a table.
type hangingPolicies struct{ bind.Policies }

func (hangingPolicies) Placement(ctx context.Context, _ *catalog.Table, _ string, _ map[string]string) (catalog.Placement, error) {
	<-ctx.Done()
	return catalog.Placement{}, context.Cause(ctx)
}

// TestCancelPlacement: a statement that waits for what a policy says of its table can be
// cancelled as any other.
func TestCancelPlacement(t *testing.T) {
	r := newRace(t, "hash", true)
	r.b.deps.Policies = hangingPolicies{r.b.deps.Policies}
	for _, sql := range []string{"CREATE TABLE other (id int PRIMARY KEY)", "ALTER TABLE t SET (placement = 'hash')"} {
		ctx, cancel := context.WithCancelCause(context.Background())
		cause := pgerror.New(pgerror.QueryCanceled, "canceling statement due to user request")
		time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
		if err := r.main.query(ctx, sql); !errors.Is(err, cause) {
			t.Errorf("%s: error is %v", sql, err)
		}
		err := r.main.query(context.Background(), "SET statement_timeout = 10; "+sql)
		if e := pgerror.As(err); e == nil || e.Code != pgerror.QueryCanceled || !strings.Contains(e.Message, "statement timeout") {
			t.Errorf("%s: error is %v", sql, err)
		}
	}
}
