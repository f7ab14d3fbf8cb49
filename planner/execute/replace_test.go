package execute_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// country is a world whose objects live in the partition that their column n says.
type country struct {
	*bank
	mu    sync.Mutex
	asked []int64 // keys that the policy was asked about again
}

func newCountry(t *testing.T, cfg execute.Config, edit ...func(*memory.World, *execute.Dependencies)) *country {
	w := memory.New(4)
	deps := w.Dependencies()
	for _, f := range edit {
		f(w, &deps)
	}
	cfg.Patience, cfg.MaxRounds = 300*time.Millisecond, 8
	x, err := execute.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	c := &country{bank: &bank{&fixture{t: t, w: w, x: x, s: execute.Settings{Session: &expr.Session{User: "ann"}}}}}
	choose := func(r execute.PlaceRequest) []object.PartitionID {
		out := make([]object.PartitionID, len(r.Rows))
		for i, row := range r.Rows {
			out[i] = object.PartitionID(row[1].Int())
		}
		return out
	}
	w.Choose = func(r execute.PlaceRequest) ([]object.PartitionID, error) { return choose(r), nil }
	w.Rechoose = func(r execute.PlaceRequest) ([]object.PartitionID, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, row := range r.Rows {
			c.asked = append(c.asked, row[0].Int())
			if r.Bytes[i] <= 0 {
				t.Errorf("the policy is told %d bytes", r.Bytes[i])
			}
		}
		return choose(r), nil
	}
	w.Replaces = []string{"n"}
	c.run("CREATE TABLE a (id int PRIMARY KEY, n int, m int) WITH (placement = 'chosen')")
	c.run("INSERT INTO a SELECT g, 1, 0 FROM generate_series(1, 6) AS g")
	return c
}

func (c *country) counter(name string) int64 {
	for _, n := range c.x.Counters() {
		if n.Name == name {
			return n.Value
		}
	}
	c.t.Fatalf("there is no counter %s", name)
	return 0
}

// until waits for a condition.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// lives waits until objects live in a partition.
func (c *country) lives(p object.PartitionID, ids ...int64) {
	c.t.Helper()
	for _, n := range ids {
		until(c.t, fmt.Sprintf("object %d to be in partition %d", n, p), func() bool {
			return slices.Equal(c.w.Where(c.id(n)), []object.PartitionID{p})
		})
	}
}

// TestReplace updates the column that places objects, in all ways: exactly what was updated
// is asked about, and moved behind the statement.
func TestReplace(t *testing.T) {
	for _, test := range []struct {
		sql, out, tag string
		asked         []int64
		to            object.PartitionID
	}{
		{sql: "UPDATE a SET n = 2 WHERE id = 1", tag: "UPDATE 1", asked: []int64{1}, to: 2},
		{sql: "UPDATE a SET n = 2 WHERE id IN (1, 2, 70) RETURNING id", out: "1 2", tag: "UPDATE 2", asked: []int64{1, 2}, to: 2},
		{sql: "UPDATE a SET n = 2 WHERE id IN (1, 2, 3) AND id % 2 = 1", tag: "UPDATE 2", asked: []int64{1, 3}, to: 2},
		{sql: "UPDATE a SET n = 3 WHERE id > 4", tag: "UPDATE 2", asked: []int64{5, 6}, to: 3},
		{sql: "UPDATE a SET n = 3 WHERE id > 4 RETURNING id, n", out: "5,3 6,3", tag: "UPDATE 2", asked: []int64{5, 6}, to: 3},
		{sql: "UPDATE a SET n = 3 WHERE m = 7", tag: "UPDATE 0"},
		{sql: "UPDATE a SET m = 3", tag: "UPDATE 6"},
		{sql: "INSERT INTO a VALUES (1, 2), (70, 2) ON CONFLICT (id) DO UPDATE SET n = excluded.n RETURNING id", out: "1 70", tag: "INSERT 0 2", asked: []int64{1}, to: 2},
		{sql: "INSERT INTO a VALUES (1, 1), (2, 1) ON CONFLICT (id) DO UPDATE SET n = 4 WHERE a.id = 2", tag: "INSERT 0 1", asked: []int64{2}, to: 4},
		{sql: "INSERT INTO a VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET m = 5", tag: "INSERT 0 1"},
		{sql: "INSERT INTO a VALUES (71, 2) ON CONFLICT (id) DO UPDATE SET n = 3", tag: "INSERT 0 1"},
		{sql: "DELETE FROM a WHERE id < 3", tag: "DELETE 2"},
	} {
		for _, cached := range []bool{true, false} {
			for _, in := range []bool{false, true} {
				c := newCountry(t, execute.Config{})
				if !cached { // what is asked from the oracle may be chosen for in vain
					for n := range int64(6) {
						c.w.SetCached(c.id(n+1), object.Location{})
					}
				}
				var out []string
				var tag string
				var err error
				if in {
					tx := c.x.Begin(execute.TransactionOptions{})
					out, tag, err = c.in(tx, test.sql)
					if err == nil {
						c.commit(tx)
					}
				} else {
					out, tag, err = c.in(nil, test.sql)
				}
				slices.Sort(out)
				if err != nil || tag != test.tag || strings.Join(out, " ") != test.out {
					t.Fatalf("%s: %v, %q, %v", test.sql, out, tag, err)
				}
				c.lives(test.to, test.asked...)
				until(t, "the counter", func() bool { return c.counter("replace_moved") == int64(len(test.asked)) })
				c.x.Close()
				slices.Sort(c.asked)
				if !slices.Equal(c.asked, test.asked) || c.counter("replace_asked") != int64(len(test.asked)) {
					t.Errorf("%s (in a transaction %v, cached %v): asked about %v, counted %d", test.sql, in, cached, c.asked, c.counter("replace_asked"))
				}
				if len(test.asked) > 0 && !strings.HasSuffix(c.history(test.asked[0]), fmt.Sprintf("1>%d /chosen/1.0: chosen said so", test.to)) {
					t.Errorf("%s: history %s", test.sql, c.history(test.asked[0]))
				}
			}
		}
	}
}

// TestReplaceWhatStands asks about what a transaction does in the end.
func TestReplaceWhatStands(t *testing.T) {
	c := newCountry(t, execute.Config{})
	tx := c.x.Begin(execute.TransactionOptions{})
	c.must(tx, "UPDATE a SET n = 2 WHERE id = 1")
	if err := tx.Savepoint("s"); err != nil {
		t.Fatal(err)
	}
	c.must(tx, "UPDATE a SET n = 2 WHERE id = 2")
	if err := tx.RollbackTo("s"); err != nil {
		t.Fatal(err)
	}
	c.must(tx, "UPDATE a SET n = 3 WHERE id = 3")
	c.must(tx, "DELETE FROM a WHERE id = 3")
	c.must(tx, "INSERT INTO a VALUES (80, 1)")
	c.must(tx, "UPDATE a SET n = 4 WHERE id = 80") // it was placed by what it was
	if n := c.counter("replace_asked"); n != 0 {
		t.Errorf("%d were asked about before the commit", n)
	}
	c.commit(tx)
	c.lives(2, 1)
	c.lives(4, 80)
	rolled := c.x.Begin(execute.TransactionOptions{})
	c.must(rolled, "UPDATE a SET n = 2")
	rolled.Rollback()
	c.x.Close()
	if slices.Sort(c.asked); !slices.Equal(c.asked, []int64{1, 80}) {
		t.Errorf("asked about %v", c.asked)
	}
}

// TestReplaceTakesNoSnapshot reads objects of several partitions, which need not be of one
// instant.
func TestReplaceTakesNoSnapshot(t *testing.T) {
	c := newCountry(t, execute.Config{})
	c.must(nil, "MOVE a WHERE id > 3 TO PARTITION 2 NO PIN")
	c.must(nil, "SELECT n FROM a WHERE id IN (1, 2, 3, 4, 5, 6)") // the node knows where they live
	snapshots, asked := c.count("snapshot"), c.counter("replace_asked")
	tx := c.x.Begin(execute.TransactionOptions{})
	c.must(tx, "UPDATE a SET n = 3")
	c.commit(tx)
	before := snapshots.Load()
	c.lives(3, 1, 2, 3, 4, 5, 6)
	if n := c.counter("replace_asked") - asked; n != 6 || snapshots.Load() != before {
		t.Errorf("%d snapshots for %d objects", snapshots.Load()-before, n)
	}
}

// TestReplaceTriesAgain defers, fails and pins.
func TestReplaceTriesAgain(t *testing.T) {
	var failures atomic.Int64
	c := newCountry(t, execute.Config{})
	c.w.Defers = func(object.ID) bool { return failures.Add(1) <= 2 }
	c.must(nil, "UPDATE a SET n = 2 WHERE id = 1")
	c.lives(2, 1)
	if n := c.counter("replace_deferred"); n != 2 {
		t.Errorf("deferred %d times", n)
	}

	failures.Store(0)
	c.w.Defers = nil
	c.w.Hook = func(step string, _ object.PartitionID) error {
		if step == "move" && failures.Add(1) <= 2 {
			return errors.New("the oracle has no leader")
		}
		return nil
	}
	c.must(nil, "UPDATE a SET n = 3 WHERE id = 1")
	c.lives(3, 1)

	c.must(nil, "MOVE a WHERE id = 1 TO PARTITION 4")
	before := c.counter("replace_asked")
	c.must(nil, "UPDATE a SET n = 2 WHERE id = 1")
	until(t, "the policy", func() bool { return c.counter("replace_asked") > before })
	c.x.Close()
	c.lives(4, 1)

	c.must(nil, "UPDATE a SET n = 2 WHERE id = 2") // nobody hears of it any more
	if n := c.counter("replace_dropped"); n != 1 {
		t.Errorf("%d dropped after the end", n)
	}
	c.x.Close()
}

// TestReplaceWithinABudget defers many moves at a time: they come back as the budget allows,
// and none is given up.
func TestReplaceWithinABudget(t *testing.T) {
	var mu sync.Mutex
	var room float64
	last := time.Now()
	c := newCountry(t, execute.Config{})
	c.w.Defers = func(object.ID) bool { // 200 a second, at most 20 at once
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		room = min(room+200*now.Sub(last).Seconds(), 20)
		last = now
		if room < 1 {
			return true
		}
		room--
		return false
	}
	c.run("ALTER TABLE a SET (move_limit = 200)")
	c.run("INSERT INTO a SELECT g, 1, 0 FROM generate_series(101, 500) AS g")
	c.must(nil, "UPDATE a SET n = 2 WHERE id > 100")
	until(t, "400 moves", func() bool { return c.counter("replace_moved") == 400 })
	if asked := c.counter("replace_asked"); asked > 4*400 {
		t.Errorf("the policy was asked about %d objects for 400 moves", asked)
	}
	if n := c.counter("replace_dropped"); n != 0 {
		t.Errorf("%d were given up", n)
	}
}

// TestReplaceIsBounded fills the queue: it costs the statement nothing.
func TestReplaceIsBounded(t *testing.T) {
	stuck := make(chan struct{})
	c := newCountry(t, execute.Config{ReplaceQueue: 2})
	c.w.Hook = func(step string, _ object.PartitionID) error {
		if step == "replace" {
			<-stuck
		}
		return nil
	}
	c.must(nil, "UPDATE a SET n = 2 WHERE id = 1")
	until(t, "the policy", func() bool { return c.counter("replace_asked") == 1 })
	c.must(nil, "UPDATE a SET n = 2")
	c.must(nil, "UPDATE a SET n = 2")
	if n := c.counter("replace_dropped"); n != 4+4 {
		t.Errorf("%d were dropped, of 12 objects, 2 of them twice, for a queue of 2", n)
	}
	close(stuck)
	until(t, "the rest", func() bool { return c.counter("replace_moved") >= 2 })
}

// traces keeps what was touched.
type traces struct{ told [][]execute.Touch }

func (s *traces) Touched(touches []execute.Touch) { s.told = append(s.told, slices.Clone(touches)) }

// texts are the touches as texts, one for each command.
func (s *traces) texts() (out []string) {
	kinds := map[execute.TouchKind]string{execute.TouchRead: "read", execute.TouchCreate: "create", execute.TouchUpdate: "update", execute.TouchDelete: "delete"}
	for _, command := range s.told {
		var parts []string
		for _, t := range command {
			text := kinds[t.Kind]
			switch key, _ := datum.DecodeKey([]byte(t.ID.Key()), t.Table.KeyTypes()); {
			case t.ID != "":
				text += fmt.Sprintf(" %d", key[0].Int())
			case t.Span.Start != "":
				text += " some"
			default:
				text += " all"
			}
			for i, c := range t.Set {
				text += fmt.Sprintf(" [%d]=%d", c, t.Values[i].Int())
			}
			if t.Kind == execute.TouchCreate {
				text += fmt.Sprintf(" n=%d", t.Values[1].Int())
			}
			parts = append(parts, text)
		}
		out = append(out, strings.Join(parts, ", "))
	}
	s.told = nil
	return out
}

// TestTrace hears of each command that took effect once.
func TestTrace(t *testing.T) {
	s := &traces{}
	c := newCountry(t, execute.Config{}, func(_ *memory.World, d *execute.Dependencies) { d.Trace = s })
	s.told = nil
	c.w.Replaces = nil
	for _, test := range [][2]string{
		{"SELECT n FROM a WHERE id IN (1, 2)", "read 1, read 2"},
		{"SELECT sum(n) FROM a", "read all"},
		{"SELECT n FROM a WHERE id > 3 LIMIT 1", "read some"},
		{"SELECT 1", ""},
		{"EXPLAIN SELECT n FROM a", ""},
		{"INSERT INTO a VALUES (11, 1), (12, 2)", "create 11 n=1, create 12 n=2"},
		{"INSERT INTO a SELECT id + 20, 2 FROM a WHERE id = 1", "read 1, create 21 n=2"},
		{"UPDATE a SET n = 2, m = m + 1 WHERE id = 1", "update 1 [1]=2"},
		{"UPDATE a SET n = n + 1 WHERE id > 0", "update some"},
		{"DELETE FROM a WHERE id = 12", "delete 12"},
		{"MOVE a WHERE id = 1 TO PARTITION 3", ""},
	} {
		if _, _, err := c.in(nil, test[0]); err != nil && !strings.HasPrefix(test[0], "EXPLAIN") {
			t.Fatalf("%s: %v", test[0], err)
		}
		if got := strings.Join(s.texts(), "; "); got != test[1] {
			t.Errorf("%s: %q, want %q", test[0], got, test[1])
		}
	}
	if _, _, err := c.in(nil, "INSERT INTO a VALUES (1, 1)"); err == nil {
		t.Fatal("made twice")
	}
	if got := s.texts(); got != nil {
		t.Errorf("of what failed: %q", got)
	}

	tx := c.x.Begin(execute.TransactionOptions{})
	c.must(tx, "SELECT n FROM a WHERE id = 1")
	c.must(tx, "UPDATE a SET n = 1 WHERE id = 1")
	if got := s.texts(); got != nil {
		t.Errorf("before the commit: %q", got)
	}
	c.commit(tx)
	if got := strings.Join(s.texts(), "; "); got != "read 1, update 1 [1]=1" {
		t.Errorf("of the transaction: %q", got)
	}
	tx = c.x.Begin(execute.TransactionOptions{})
	c.must(tx, "UPDATE a SET n = 1 WHERE id = 1")
	tx.Rollback()
	if got := s.texts(); got != nil {
		t.Errorf("of what was rolled back: %q", got)
	}
}
