package execute_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
)

// Where the oracle and the partitions share a log, new objects are placed and created in
// one round.
func TestNewObjectsAreFounded(t *testing.T) {
	b := newBank(t, "founded")
	var steps []string
	b.w.Hook = func(step string, _ object.PartitionID) error {
		if step != "lookup" && step != "place" && step != "next" {
			steps = append(steps, step)
		}
		return nil
	}
	for _, c := range []struct{ sql, want, steps string }{
		{"INSERT INTO a VALUES (11, 1)", "", "found transact transacted"},
		{"INSERT INTO a VALUES (12, 1), (13, 2), (14, 3) RETURNING id, n, _partition", "12,1,1 13,2,2 14,3,3", "found transact transacted"},
		{"INSERT INTO a VALUES (15, 1) ON CONFLICT DO NOTHING", "", "found transact transacted"},
		{"INSERT INTO a VALUES (16, 1) ON CONFLICT (id) DO UPDATE SET n = 7 RETURNING n", "1", "found transact transacted"},
		{"INSERT INTO a VALUES (1, 1), (17, 1) ON CONFLICT (id) DO UPDATE SET n = 7 RETURNING n", "7 1", "assign transact transacted"},
	} {
		steps = nil
		if got := b.must(nil, c.sql); got != c.want || strings.Join(steps, " ") != c.steps {
			t.Errorf("%s: got %q by %q, want %q by %q", c.sql, got, steps, c.want, c.steps)
		}
	}
	b.w.Hook = nil
	if at := b.w.Where(b.id(13)); len(at) != 1 || at[0] != 2 {
		t.Errorf("the object is in %v", at)
	}
}

// An id that another node has placed meanwhile is created where that stands.
func TestFoundedByAnother(t *testing.T) {
	b := newBank(t, "founded")
	b.w.Hook = func(step string, _ object.PartitionID) error {
		if step == "found" {
			b.w.Hook = nil
			_, err := b.w.Assign(context.Background(), []catalog.Assignment{{ID: b.id(11), Partition: 1}}) // the policy chooses 3
			return err
		}
		return nil
	}
	b.must(nil, "INSERT INTO a VALUES (11, 1), (12, 1)")
	if at := b.w.Where(b.id(11)); len(at) != 1 || at[0] != 1 {
		t.Errorf("the object is in %v", at)
	}
	_, _, err := b.rows(context.Background(), "INSERT INTO a VALUES (30, 1), (11, 1)")
	if e := pgerror.As(err); e == nil || e.Code != pgerror.UniqueViolation {
		t.Errorf("got %v", err)
	}
	if at := b.w.Where(b.id(30)); len(at) != 0 {
		t.Errorf("of a statement that failed an object is in %v", at)
	}
}

// What becomes of the statement when founding fails: without effect it goes the long
// way, with an unknown one the client is told.
func TestFoundingFails(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{execute.ErrApart, ""},
		{pgerror.New(pgerror.SerializationFailure, "no leader"), ""},
		{pgerror.New(pgerror.StatementCompletionUnknown, "no answer"), pgerror.StatementCompletionUnknown},
		{errors.New("broken"), pgerror.StatementCompletionUnknown},
	} {
		b := newBank(t, "founded")
		b.w.Hook = func(step string, _ object.PartitionID) error {
			if step == "found" {
				return c.err
			}
			return nil
		}
		_, _, err := b.rows(context.Background(), "INSERT INTO a VALUES (11, 1), (12, 1)")
		code := ""
		if e := pgerror.As(err); e != nil {
			code = e.Code
		}
		if code != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%v: got %v", c.err, err)
		}
		if got := len(b.w.Where(b.id(12))); (got == 1) != (c.want == "") {
			t.Errorf("%v: %d copies of the object", c.err, got)
		}
	}
}

// A statement that fails leaves no location behind.
func TestFoundingThatFailsLeavesNothing(t *testing.T) {
	b := newBank(t, "founded")
	b.run("CREATE TABLE c (id int PRIMARY KEY, n int CHECK (n > 0)) WITH (placement = 'chosen')")
	_, _, err := b.rows(context.Background(), "INSERT INTO c VALUES (1, 1), (2, -1)")
	if err == nil || !strings.Contains(err.Error(), "check constraint") {
		t.Errorf("got %v", err)
	}
}
