package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
)

// TestTextWithFacts guards what EXPLAIN and EXPLAIN ANALYZE say beside the plan.
func TestTextWithFacts(t *testing.T) {
	table := keyTable()
	scan := &Scan{Table: table, Columns: 1, Access: &Access{Table: table, Alternatives: []Alternative{{Prefix: []KeyValues{
		{Exprs: []expr.Expr{expr.NewParam(0, datum.Int4)}, Type: datum.Int4},
		{Exprs: []expr.Expr{expr.NewConst(datum.NewText("k"), datum.Text)}, Type: datum.Text}}}}}}
	scan.Program.Project = []expr.Expr{expr.NewColumn(2, datum.Int8, "x")}
	limit := &Limit{Input: scan, Count: expr.NewConst(datum.NewInt(1), datum.Int8)}
	p := &Plan{Tag: "SELECT", Root: &Query{Stage: limit}}
	facts := &Facts{
		Objects: []FactObject{{ID: object.NewID(7, []byte{1}), Key: "1, k", Location: object.Location{Partition: 3, Version: 17}, From: FromCache}},
		Keys:    1, Cached: 1, Partitions: []object.PartitionID{3}, Rounds: 1,
	}
	check := func(what string, f *Facts, want string) {
		t.Helper()
		if got := strings.Join(p.Text(f, false), "\n"); got != strings.TrimSpace(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
		}
	}
	check("EXPLAIN", facts, `
Limit 1
  -> Read t by key
    Keys: a = $1, b = 'k'
    In the partitions: compute x
Objects named: 1 (1 cached, 0 asked from the oracle, 0 at home)
  Object (1, k): partition 3, location version 17 (cached)
Partitions: 3 (one)
Rounds: 1`)
	facts.Analyzed, facts.Rounds, facts.Redirects, facts.Rows, facts.Travelled, facts.Scanned = true, 2, 1, 1, 1, 1
	facts.Planning, facts.Locating, facts.Executing = 12*time.Microsecond, 0, 3*time.Millisecond
	facts.Stages = map[Stage]StageFacts{limit: {Rows: 1, Time: 2 * time.Millisecond}, scan: {Rows: 1, Time: time.Millisecond}}
	check("EXPLAIN ANALYZE", facts, `
Limit 1 (rows=1 time=2.000 ms)
  -> Read t by key (rows=1 time=1.000 ms)
    Keys: a = $1, b = 'k'
    In the partitions: compute x
Objects named: 1 (1 cached, 0 asked from the oracle, 0 at home)
  Object (1, k): partition 3, location version 17 (cached)
Partitions: 3 (one)
Rounds: 2
Redirects: 1
Retries: 0
Objects looked at in the partitions: 1
Rows sent by the partitions: 1
Rows: 1
Planning time: 0.012 ms
Locating time: 0.000 ms
Execution time: 3.000 ms`)
}

// TestTextOfMove guards the dry run of MOVE.
func TestTextOfMove(t *testing.T) {
	table := keyTable()
	table.Placement.Policy = "list"
	p := &Plan{Tag: "MOVE", Root: &Move{Table: table, Access: &Access{Table: table, All: true}}}
	got := strings.Join(p.Text(&Facts{Moves: []FactMove{{From: 1, To: 2, Objects: 3, Bytes: 400}}, Partitions: []object.PartitionID{1, 2}, Needed: 2}, false), "\n")
	want := `Move objects of t to where the policy list wants them
  Find them in all partitions
  From partition 1 to 2: 3 objects, 400 bytes
Partitions: 1, 2 (several: found at one instant, moved in batches)
Rounds: 0`
	if got != want {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
}

// TestTextIsBounded guards that a list of many values is cut.
func TestTextIsBounded(t *testing.T) {
	var list []expr.Expr
	for i := range 1000 {
		list = append(list, expr.NewConst(datum.NewInt(int64(i)), datum.Int4))
	}
	p := &Plan{Root: &Query{Stage: &Sort{Input: &Values{Rows: [][]expr.Expr{list}, Columns: 1000}, Order: []command.Order{{Column: 999}}}}}
	if s := strings.Join(p.Text(nil, true), "\n"); len(s) > 500 || !strings.Contains(s, "(980 more)") {
		t.Errorf("%d bytes: %.600s", len(s), s)
	}
}
