package execute_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/bind"
	"github.com/ssmr/ssmr/planner/dialect"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/plan"
)

// listen has the fixture keep what clients are told, as "code message".
func (f *fixture) listen() *[]string {
	told := new([]string)
	f.s.Notice = func(n plan.Notice) { *told = append(*told, n.Code+" "+n.Message) }
	return told
}

// history is the history of an object as texts: from>to by user, policy, version: reason.
func (b *bank) history(n int64) string {
	b.t.Helper()
	places, err := b.w.History(context.Background(), b.id(n))
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, p := range places {
		text := fmt.Sprintf("%d>%d %s/%s/%s: %s", p.From, p.To, p.User, p.Policy, p.Version, p.Reason)
		if p.Pinned {
			text += " (pinned)"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// chosen runs a test with accounts whose places a policy chooses, in two rounds and in one.
func chosen(t *testing.T, run func(t *testing.T, b *bank)) {
	for _, placement := range []string{"chosen", "founded"} {
		t.Run(placement, func(t *testing.T) { run(t, newBank(t, placement)) })
	}
}

func (b *bank) limit(p object.PartitionID, l catalog.PartitionLimits) {
	b.t.Helper()
	if err := b.w.ChangePartition(context.Background(), catalog.PartitionChange{Partition: p, Limits: l}); err != nil {
		b.t.Fatal(err)
	}
}

// TestPoliciesAreNotAsked counts the calls of policies: what reads, updates or deletes
// objects that exist calls none.
func TestPoliciesAreNotAsked(t *testing.T) {
	for _, sql := range []string{
		"SELECT n FROM a WHERE id = 1",
		"SELECT n FROM a WHERE id IN (1, 2, 3, 70)",
		"SELECT sum(n) FROM a",
		"UPDATE a SET n = n + 1 WHERE id = 1",
		"UPDATE a SET n = n + 1 WHERE id IN (1, 2, 70) RETURNING n",
		"UPDATE a SET n = n + 1",
		"DELETE FROM a WHERE id = 1",
		"DELETE FROM a WHERE id IN (1, 2, 70)",
		"DELETE FROM a",
		"INSERT INTO a VALUES (1, 1) ON CONFLICT DO NOTHING",
		"INSERT INTO a VALUES (1, 1), (2, 2) ON CONFLICT (id) DO UPDATE SET n = excluded.n",
		"MOVE a WHERE id = 1 TO PARTITION 1",
		"EXPLAIN ANALYZE UPDATE a SET n = 1",
	} {
		for _, way := range []string{"alone", "founded", "in a transaction", "after a change of the table"} {
			placement := "chosen"
			if way == "founded" {
				placement = way
			}
			b := newBank(t, placement)
			if way == "after a change of the table" {
				b.run("ALTER TABLE a ADD COLUMN m int")
			}
			calls := b.count("place", "replace", "check")
			if way == "in a transaction" && !strings.HasPrefix(sql, "MOVE") {
				tx := b.x.Begin(execute.TransactionOptions{})
				b.must(tx, sql)
				b.commit(tx)
			} else if _, _, err := b.rows(context.Background(), sql); err != nil && !strings.HasPrefix(sql, "EXPLAIN") {
				t.Fatalf("%s: %v", sql, err)
			}
			b.x.Close()
			if n := calls.Load(); n != 0 {
				t.Errorf("%s, %s: %d calls of the policy", sql, way, n)
			}
		}
	}
}

// TestCreatesAskOnce counts the calls for what is new: one for a statement.
func TestCreatesAskOnce(t *testing.T) { chosen(t, createsAskOnce) }

func createsAskOnce(t *testing.T, b *bank) {
	for _, sql := range []string{
		"INSERT INTO a VALUES (11, 1)",
		"INSERT INTO a SELECT g, 1 FROM generate_series(20, 50) AS g",
		"INSERT INTO a VALUES (1, 1), (71, 1) ON CONFLICT DO NOTHING",
	} {
		calls := b.count("place", "replace")
		b.must(nil, sql)
		if n := calls.Load(); n != 1 {
			t.Errorf("%s: %d calls of the policy", sql, n)
		}
	}
}

// TestOrigins follows who has chosen a place, and why, into the oracle.
func TestOrigins(t *testing.T) { chosen(t, origins) }

func origins(t *testing.T, b *bank) {
	b.s.Session.User = "ann"
	b.must(nil, "INSERT INTO a VALUES (11, 1)")
	tx := b.x.Begin(execute.TransactionOptions{})
	b.must(tx, "INSERT INTO a VALUES (12, 1)")
	b.must(tx, "INSERT INTO a VALUES (13, 1)")
	b.w.Release([]object.ID{b.id(12)})
	if b.w.Sweep() != 1 { // it has no object yet; COMMIT places it again
		t.Fatal("the id was not given up")
	}
	b.commit(tx)
	const chosen = "ann/chosen/1.0: chosen said so"
	for n, want := range map[int64]string{11: "0>3 " + chosen, 12: "0>1 " + chosen, 13: "0>2 " + chosen} {
		if got := b.history(n); got != want {
			t.Errorf("of %d: %s, want %s", n, got, want)
		}
	}

	b.must(nil, "MOVE a WHERE id = 11 TO PARTITION 1")
	b.must(nil, "MOVE a WHERE id = 12 TO PARTITION 2 NO PIN")
	b.must(nil, "MOVE a WHERE id >= 11 TO POLICY")
	if got, want := b.history(11), "0>3 "+chosen+"; 3>1 ann//:  (pinned)"; got != want {
		t.Errorf("of 11: %s, want %s", got, want)
	}
	if got, want := b.history(12), "0>1 "+chosen+"; 1>2 ann//: ; 2>1 "+chosen; got != want {
		t.Errorf("of 12: %s, want %s", got, want)
	}
}

// TestPins moves by hand what policies then leave alone.
func TestPins(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		told := b.listen()
		b.must(nil, "MOVE a WHERE id IN (1, 2) TO PARTITION 3")
		if at := b.w.Where(b.id(3))[0]; true { // where it is: pinned all the same
			b.must(nil, fmt.Sprintf("MOVE a WHERE id = 3 TO PARTITION %d", at))
			b.must(nil, fmt.Sprintf("MOVE a WHERE id >= 3 AND id < 4 TO PARTITION %d", at))
		}
		if !b.w.Pinned(b.id(3)) {
			t.Error("what was there already is not pinned")
		}
		*told = nil
		b.must(nil, "MOVE a TO POLICY")
		if len(*told) != 1 || !strings.Contains((*told)[0], " by hand and is pinned") && !strings.Contains((*told)[0], "2 objects stay where they are") {
			t.Errorf("told %q", *told)
		}
		for _, n := range []int64{1, 2} {
			if at := b.w.Where(b.id(n)); at[0] != 3 {
				t.Errorf("%d was moved from where it was pinned to %v", n, at)
			}
		}
		*told = nil
		b.must(nil, "MOVE a TO POLICY UNPIN")
		if len(*told) != 0 || b.w.Pinned(b.id(1)) || b.w.Pinned(b.id(3)) {
			t.Errorf("still pinned; told %q", *told)
		}
		b.want(nil, "SELECT count(*), sum(n) FROM a", "6,600")
	})
}

// TestBarredMoves moves to where nothing may go, as this node knows and as only the
// oracle knows.
func TestBarredMoves(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		for _, lag := range []bool{false, true} {
			b.w.Lag(lag)
			b.limit(2, catalog.PartitionLimits{Closed: true})
			e := b.fails(nil, "MOVE a WHERE id > 0 TO PARTITION 2", pgerror.ObjectNotInPrerequisiteState)
			if !strings.Contains(e.Message, "partition 2") {
				t.Errorf("lag %v: %v", lag, e)
			}
			b.w.Lag(false)
			b.limit(2, catalog.PartitionLimits{})
		}
	})
}

// TestLimitsOnlyTheOracleKnows closes a partition behind the node's back.
func TestLimitsOnlyTheOracleKnows(t *testing.T) {
	for _, way := range []string{"statement", "founded", "transaction", "commit"} {
		placement := "chosen"
		if way == "founded" {
			placement = way
		}
		b := newBank(t, placement)
		told := b.listen()
		closing := func() {
			b.w.Lag(true)
			b.limit(3, catalog.PartitionLimits{Closed: true})
		}
		switch way {
		case "statement", "founded":
			closing()
			b.must(nil, "INSERT INTO a VALUES (11, 1), (12, 1)")
		case "transaction":
			closing()
			tx := b.x.Begin(execute.TransactionOptions{})
			b.must(tx, "INSERT INTO a VALUES (11, 1), (12, 1)")
			b.commit(tx)
		case "commit": // the id was given up before the object was there
			tx := b.x.Begin(execute.TransactionOptions{})
			b.must(tx, "INSERT INTO a VALUES (11, 1), (12, 1)")
			closing()
			b.w.Release([]object.ID{b.id(11)})
			b.w.Sweep()
			b.commit(tx)
		}
		if at := b.w.Where(b.id(11)); len(at) != 1 || at[0] == 3 {
			t.Errorf("%s: the object is in %v", way, at)
		}
		if at := b.w.Where(b.id(12)); len(at) != 1 || at[0] != 1 {
			t.Errorf("%s: the other object is in %v", way, at)
		}
		if way != "commit" && !slices.Equal(*told, []string{"01000 partition 3 accepts no objects"}) {
			t.Errorf("%s: told %q", way, *told)
		}
	}
}

// TestNoPartitionAccepts closes all.
func TestNoPartitionAccepts(t *testing.T) { chosen(t, noPartitionAccepts) }

func noPartitionAccepts(t *testing.T, b *bank) {
	for p := range object.PartitionID(3) {
		b.limit(p+1, catalog.PartitionLimits{Closed: true})
	}
	b.fails(nil, "INSERT INTO a VALUES (11, 1)", pgerror.ObjectNotInPrerequisiteState)
	b.want(nil, "UPDATE a SET n = 5 WHERE id = 1 RETURNING n", "5")
	b.must(nil, "DELETE FROM a WHERE id = 1")
}

// TestAbsenceWhereHomeIsClosed sees that there is no object whose home accepts none.
func TestAbsenceWhereHomeIsClosed(t *testing.T) {
	for _, lag := range []bool{false, true} {
		b := newBank(t, "chosen")
		b.w.Lag(lag)
		table := b.w.Catalog().ByName["a"]
		b.limit(b.w.Catalog().Home(table, b.id(70)).Partition, catalog.PartitionLimits{Closed: true})
		b.want(nil, "UPDATE a SET n = 5 WHERE id IN (1, 70) RETURNING id", "1")
		tx := b.x.Begin(execute.TransactionOptions{})
		b.want(tx, "SELECT count(*) FROM a WHERE id = 70", "0")
		b.must(tx, "UPDATE a SET n = 6 WHERE id = 1")
		b.commit(tx)
	}
}

// TestClosedHome creates objects of a static table whose home accepts none.
func TestClosedHome(t *testing.T) {
	b := newBank(t, "hash")
	table := b.w.Catalog().ByName["a"]
	home := b.w.Catalog().Home(table, b.id(70)).Partition
	b.limit(home, catalog.PartitionLimits{Closed: true})
	e := b.fails(nil, "INSERT INTO a VALUES (70, 1)", pgerror.ObjectNotInPrerequisiteState)
	if !strings.Contains(e.Message, fmt.Sprintf("partition %d", home)) || e.Hint == "" {
		t.Errorf("%+v", e)
	}
	tx := b.x.Begin(execute.TransactionOptions{})
	b.fails(tx, "INSERT INTO a SELECT g, 1 FROM generate_series(70, 80) AS g", pgerror.ObjectNotInPrerequisiteState)
	tx.Rollback()
	other := int64(71)
	for b.w.Catalog().Home(table, b.id(other)).Partition == home {
		other++
	}
	b.must(nil, fmt.Sprintf("INSERT INTO a VALUES (%d, 1)", other))
	b.want(nil, "UPDATE a SET n = 1 RETURNING n", "1 1 1 1 1 1 1")

	// Whoever is there already may be meant.
	there := int64(1)
	for b.w.Where(b.id(there))[0] != home {
		there++
	}
	for _, tx := range []*execute.Transaction{nil, b.x.Begin(execute.TransactionOptions{})} {
		for _, action := range []string{"NOTHING", "UPDATE SET n = a.n + excluded.n"} {
			b.must(tx, fmt.Sprintf("INSERT INTO a VALUES (%d, 1) ON CONFLICT (id) DO %s", there, action))
			b.fails(tx, fmt.Sprintf("INSERT INTO a VALUES (%d, 1), (70, 1) ON CONFLICT (id) DO %s", there, action), pgerror.ObjectNotInPrerequisiteState)
		}
		if tx != nil {
			b.commit(tx)
		}
	}
	b.want(nil, fmt.Sprintf("SELECT n FROM a WHERE id = %d", there), "3")
	b.limit(home, catalog.PartitionLimits{})
	b.must(nil, "INSERT INTO a VALUES (70, 1)")
}

// TestFallBackIsToldOnce has the policy fail for a statement of many rows.
func TestFallBackIsToldOnce(t *testing.T) { chosen(t, fallBackIsToldOnce) }

func fallBackIsToldOnce(t *testing.T, b *bank) {
	b.w.Choose = func(execute.PlaceRequest) ([]object.PartitionID, error) { return nil, errors.New("crashed") }
	for _, sql := range []string{
		"INSERT INTO a VALUES (11, 1), (12, 1), (13, 1)",
		"INSERT INTO a SELECT id + 100, n FROM a",
		"MOVE a TO POLICY",
	} {
		told := b.listen()
		b.must(nil, sql)
		if !slices.Equal(*told, []string{pgerror.Warning + " the policy failed"}) {
			t.Errorf("%s: told %q", sql, *told)
		}
	}
}

// TestChangesOfPolicies makes, changes and drops a policy: its program is checked before
// the oracle hears of it.
func TestChangesOfPolicies(t *testing.T) {
	b := newBank(t, "hash")
	told := b.listen()
	checks := b.count("check")
	asked := func(sql string, n int64) {
		t.Helper()
		if got := checks.Swap(0); got != n {
			t.Errorf("%s: %d checks", sql, got)
		}
	}
	b.must(nil, "CREATE POLICY geo FROM 'geo-policy'")
	asked("CREATE", 1)
	b.must(nil, "ALTER POLICY geo USING 'geo-policy-v2'")
	asked("ALTER", 1)
	b.fails(nil, "ALTER POLICY geo USING 'missing'", pgerror.UndefinedObject)
	if p := b.w.Catalog().Policies; len(p) != 1 || p[0].Program != "geo-policy-v2" {
		t.Errorf("policies %+v", p)
	}
	checks.Store(0)

	// A plan that is older than the catalog is made anew.
	tree, err := dialect.Parse("CREATE POLICY other FROM 'geo-policy'")
	if err != nil {
		t.Fatal(err)
	}
	p, err := bind.Statement(context.Background(), tree, bind.Config{Catalog: b.w.Catalog(), Policies: b.w})
	if err != nil {
		t.Fatal(err)
	}
	b.must(nil, "CREATE TABLE g (id int PRIMARY KEY) WITH (placement = 'geo')")
	b.fails(nil, "DROP POLICY geo", pgerror.DependentObjectsStillExist)
	b.must(nil, "DROP TABLE g")
	b.must(nil, "DROP POLICY geo")
	asked("DROP", 0)
	b.must(nil, "DROP POLICY IF EXISTS geo")
	if len(*told) != 1 || !strings.Contains((*told)[0], "does not exist, skipping") {
		t.Errorf("told %q", *told)
	}
	b.must(nil, "CREATE POLICY other FROM 'geo-policy'")
	_, err = b.x.Start(context.Background(), p, nil, &b.s, nil)
	if code(err) != pgerror.DuplicateObject {
		t.Errorf("made twice: %v", err)
	}

	tx := b.x.Begin(execute.TransactionOptions{})
	b.fails(tx, "CREATE POLICY x FROM 'geo-policy'", pgerror.ActiveSQLTransaction)
	b.fails(tx, "ALTER PARTITION 1 SET (accepting = false)", pgerror.ActiveSQLTransaction)
	tx.Rollback()
	b.must(nil, "ALTER PARTITION 1 SET (accepting = false, labels = 'region=eu')")
	if l := b.w.Catalog().Partition(1).PartitionLimits; !l.Closed || l.Labels["region"] != "eu" {
		t.Errorf("limits %+v", l)
	}
}

// TestHistory shows the places of objects.
func TestHistory(t *testing.T) {
	both(t, func(t *testing.T, b *bank) {
		b.s.Session.User = "ann"
		show := func() []string {
			t.Helper()
			e, err := b.start(context.Background(), "SHOW PLACEMENT HISTORY FOR a WHERE id = 1")
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			var out []string
			for {
				row, ok, err := e.Next(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				out = append(out, fmt.Sprintf("%v %v>%d by %v: %v", row[0].IsNull(), row[1].IsNull(), row[2].Int(), row[3].IsNull(), row[7].Bool()))
			}
			if tag := e.Tag(int64(len(out))); tag != "SHOW" {
				t.Errorf("tag %q", tag)
			}
			return out
		}
		at := b.w.Where(b.id(1))[0]
		new := b.w.Catalog().ByName["a"].Placement.Static // nobody has placed it
		want := []string{fmt.Sprintf("%v true>%d by true: false", new, at)}
		if got := show(); !slices.Equal(got, want) {
			t.Errorf("of what was never moved: %q, want %q", got, want)
		}
		if new {
			want = nil
		}
		b.must(nil, fmt.Sprintf("MOVE a WHERE id = 1 TO PARTITION %d", at%3+1))
		if got := show(); !slices.Equal(got, append(want, fmt.Sprintf("false false>%d by false: true", at%3+1))) {
			t.Errorf("of what was moved: %q", got)
		}
	})
}

// TestLocationsOfStaticTimes creates objects in transactions whose cached locations are of
// a time when the table was static: the oracle has no entry of them.
func TestLocationsOfStaticTimes(t *testing.T) {
	for name, statements := range map[string][]string{
		"created":          {"INSERT INTO a VALUES (70, 5)"},
		"read before":      {"SELECT n FROM a WHERE id = 70", "INSERT INTO a VALUES (70, 5)"},
		"created twice":    {"INSERT INTO a VALUES (70, 4)", "DELETE FROM a WHERE id = 70", "INSERT INTO a VALUES (70, 5)"},
		"created or found": {"INSERT INTO a VALUES (70, 5) ON CONFLICT (id) DO UPDATE SET n = 1"},
	} {
		b := newBank(t, "hash")
		b.must(nil, "INSERT INTO a VALUES (70, 1)")
		home := b.w.Where(b.id(70))[0]
		b.must(nil, fmt.Sprintf("MOVE a WHERE id = 70 TO PARTITION %d", home%3+1))
		b.must(nil, "MOVE a WHERE id = 70 TO POLICY UNPIN")
		l := b.w.Directory(b.id(70)) // its home has no marker any more
		b.must(nil, "DELETE FROM a WHERE id = 70")
		b.w.Release([]object.ID{b.id(70)})
		b.w.Sweep()
		b.w.Floor()
		b.must(nil, "DELETE FROM a") // what is left would be without entries
		b.must(nil, "ALTER TABLE a SET (placement = 'chosen')")
		remember := func() { b.w.SetCached(b.id(70), l) }

		tx := b.x.Begin(execute.TransactionOptions{})
		for _, sql := range statements {
			remember()
			b.must(tx, sql)
		}
		remember()
		b.commit(tx)
		at := b.w.Where(b.id(70))
		if dir := b.w.Directory(b.id(70)); len(at) != 1 || at[0] != dir.Partition {
			t.Errorf("%s: the object is in %v, and the oracle says %v", name, at, dir)
		}
		b.w.SetCached(b.id(70), object.Location{})
		b.want(nil, "SELECT n FROM a WHERE id = 70", "5")
	}
}

// TestExplainOfBarredMoves says that a MOVE would fail.
func TestExplainOfBarredMoves(t *testing.T) {
	b := newBank(t, "hash")
	told := b.listen()
	explain := func() {
		t.Helper()
		e, err := b.start(context.Background(), "EXPLAIN MOVE a WHERE id = 1 TO PARTITION 2")
		if err != nil {
			t.Fatal(err)
		}
		e.Close()
	}
	if explain(); len(*told) != 0 {
		t.Errorf("told %q", *told)
	}
	b.limit(2, catalog.PartitionLimits{Closed: true})
	if explain(); !slices.Equal(*told, []string{"01000 it would fail: partition 2 accepts no objects"}) {
		t.Errorf("told %q", *told)
	}
}
