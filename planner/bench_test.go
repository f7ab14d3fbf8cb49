package planner

import (
	"context"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/planner/execute/memory"
)

// canned answers every read and write with the same answer, so that what is
// measured is the session's and the executor's own.
type canned struct {
	execute.Partitions
	chunk  command.Chunk
	result command.Result
}

func (c *canned) Read(context.Context, object.PartitionID, *command.Read) (*command.Chunk, error) {
	return &c.chunk, nil
}

func (c *canned) Write(context.Context, object.PartitionID, *command.Write) (*command.Result, error) {
	return &c.result, nil
}

type discard struct{}

func (discard) Columns([]session.Column) error { return nil }
func (discard) Row([]datum.Datum) error        { return nil }

// prepared opens a session with a prepared statement over canned partitions.
func prepared(b testing.TB, sql string) (session.Session, []datum.Datum) {
	w := memory.New(4)
	c := connect(b, newBackend(b, w, Config{}), nil)
	if err := c.query(context.Background(), "CREATE TABLE t (id int PRIMARY KEY, n int)"); err != nil {
		b.Fatal(err)
	}
	deps := w.Dependencies()
	deps.Partitions = &canned{
		chunk:  command.Chunk{Rows: [][]byte{datum.AppendTuple(nil, []datum.Datum{datum.NewInt(7)})}},
		result: command.Result{Affected: 1},
	}
	x, err := execute.New(execute.Config{}, deps)
	if err != nil {
		b.Fatal(err)
	}
	backend, err := New(Config{}, Dependencies{Executor: x, Catalog: w, Policies: w})
	if err != nil {
		b.Fatal(err)
	}
	s, err := backend.Open(context.Background(), session.Startup{User: "u", Database: "d"})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Parse(context.Background(), "s", sql, nil); err != nil {
		b.Fatal(err)
	}
	return s, []datum.Datum{datum.NewInt(1)}
}

func runPrepared(b testing.TB, s session.Session, params []datum.Datum) {
	ctx := context.Background()
	if err := s.Bind(ctx, "", "s", params, nil); err != nil {
		b.Fatal(err)
	}
	if _, err := s.Execute(ctx, "", 0, true, discard{}); err != nil {
		b.Fatal(err)
	}
	if err := s.Sync(ctx, false); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkPointRead(b *testing.B) {
	s, params := prepared(b, "SELECT n FROM t WHERE id = $1")
	b.ReportAllocs()
	for b.Loop() {
		runPrepared(b, s, params)
	}
}

func BenchmarkPointUpdate(b *testing.B) {
	s, params := prepared(b, "UPDATE t SET n = n + 1 WHERE id = $1")
	b.ReportAllocs()
	for b.Loop() {
		runPrepared(b, s, params)
	}
}

// TestHotPath bounds the allocations of a point read and a point update.
func TestHotPath(t *testing.T) {
	for sql, most := range map[string]float64{
		"SELECT n FROM t WHERE id = $1":        12,
		"UPDATE t SET n = n + 1 WHERE id = $1": 12,
	} {
		s, params := prepared(t, sql)
		if got := testing.AllocsPerRun(100, func() { runPrepared(t, s, params) }); got > most {
			t.Errorf("%s allocates %v times, at most %v were", sql, got, most)
		}
	}
}
