package state

import (
	"context"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// spansAtHome reads, evaluates, writes and prepares objects [from, to) of the static table
// as their home, and tells whether all four were executed; they agree.
func (f *fixture) spansAtHome(from, to int) bool {
	f.t.Helper()
	spans := []command.Span{{Start: idOf(staticTable, from), End: idOf(staticTable, to)}}
	chunk := f.read(&command.Read{Table: staticTable, Schema: schemaVersion, Spans: spans, Program: projectAll(), Limit: -1, Home: true})
	w := increment(staticTable, 0, 0)
	w.Schema, w.Targets, w.Spans, w.Home = schemaVersion, nil, spans, true
	q := f.m.Evaluate(&command.Evaluate{Write: w})
	defer q.Close()
	if err := q.Pin(); err != nil {
		f.t.Fatal(err)
	}
	evaluation, err := q.Run(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	vote := f.do(&command.Prepare{Transaction: transitID(uint64(f.index + 1000)), Participants: []object.PartitionID{1}, Part: command.Part{Writes: []*command.Write{w}}}).(*command.Vote)
	result := f.write(w)
	refusals := []*command.Refusal{chunk.Refusal, evaluation.Refusal, vote.Refusal, result.Refusal}
	for _, r := range refusals {
		if (r == nil) != (chunk.Refusal == nil) || r != nil && r.Reason != command.Elsewhere {
			f.t.Fatalf("they do not agree: %s; %s; %s; %s", reasonText(refusals[0]), reasonText(refusals[1]), reasonText(refusals[2]), reasonText(refusals[3]))
		}
	}
	if chunk.Refusal != nil {
		if result.Affected != 0 || vote.Results != nil || chunk.Rows != nil {
			f.t.Fatal("refused, and executed")
		}
		return false
	}
	if n := int64(len(chunk.Rows)); result.Affected != n || vote.Results[0].Affected != n {
		f.t.Fatalf("%d rows, %d and %d written", n, result.Affected, vote.Results[0].Affected)
	}
	return true
}

// What is for the home of all objects is executed there only while it holds all of them.
func TestHomeOfSpans(t *testing.T) {
	f := newFixture(t, 1)
	expect := func(when string, want bool) {
		t.Helper()
		if got := f.spansAtHome(5, 10); got != want {
			t.Errorf("%s: executed: %v", when, got)
		}
		if want != f.spansAtHome(0, 100) {
			t.Errorf("%s, of more objects: executed: %v", when, !want)
		}
	}
	expect("without slots", false)
	f.allSlots(5)
	expect("empty", true)
	for i := range 20 {
		f.write(create(staticTable, i, 1, 0))
	}
	expect("all at home", true)
	d := f.do(departs(20, 2, idOf(staticTable, 7))).(*command.Departed)
	expect("one has left", false)
	if !f.spansAtHome(8, 20) || !f.spansAtHome(0, 7) {
		t.Error("the object that has left is beside the spans")
	}
	f.reopen()
	expect("after a restart", false)
	f.do(&command.Settle{Moves: []object.LocationVersion{20}})
	f.do(&command.RaiseFloor{Floor: 30})
	expect("long since", false)
	f.do(arrives(31, d, idOf(staticTable, 7))) // from wherever it was
	expect("it is back", true)
	f.do(departs(32, 2, idOf(staticTable, 7)))
	expect("it has left again", false)
	f.do(&command.Settle{Moves: []object.LocationVersion{32}})
	f.do(departs(33, 0, idOf(staticTable, 7))) // it was deleted elsewhere, and its exception ends
	expect("its exception has ended", true)
	f.do(arrives(40, &command.Departed{Objects: []command.Departure{{Row: rowOf(8, 1, "s")}}}, idOf(staticTable, 8)))
	f.write(remove(staticTable, 8, 40))
	expect("one that was elsewhere once has been deleted at home", true)
}

// A read of the home sees rows and markers of one moment.
func TestHomeOfSpansAtOneMoment(t *testing.T) {
	f := newFixture(t, 1).allSlots(5)
	for i := range 3 {
		f.write(create(staticTable, i, 1, 0))
	}
	begin := func() *Query {
		q := f.m.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Spans: wholeTable(staticTable), Program: projectAll(), Limit: -1, Home: true})
		t.Cleanup(q.Close)
		if err := q.Pin(); err != nil {
			t.Fatal(err)
		}
		return q
	}
	before := begin()
	d := f.do(departs(20, 2, idOf(staticTable, 1))).(*command.Departed)
	between := begin()
	f.do(arrives(21, d, idOf(staticTable, 1)))
	after := begin()
	for _, c := range []struct {
		q    *Query
		rows int
	}{{before, 3}, {between, 0}, {after, 3}} {
		chunk, err := c.q.Next(context.Background())
		if err != nil || len(chunk.Rows) != c.rows || (chunk.Refusal != nil) != (c.rows == 0) {
			t.Errorf("%d rows, %s, %v, want %d", len(chunk.Rows), reasonText(chunk.Refusal), err, c.rows)
		}
	}
}

// A read of the home does not wait for transactions: a snapshot of all partitions says
// whether they count.
func TestHomeOfSpansAndTransactions(t *testing.T) {
	f := newFixture(t, 1).allSlots(5)
	for i := range 10 {
		f.write(create(staticTable, i, 1, 0))
	}
	w := increment(staticTable, 4, 0)
	w.Schema = schemaVersion
	if v := f.do(&command.Prepare{Transaction: transitID(1), Participants: []object.PartitionID{1, 2}, Part: command.Part{Writes: []*command.Write{w}}}).(*command.Vote); !v.Yes() {
		t.Fatalf("%+v", v)
	}
	read := func(from, to int) *command.Refusal {
		return f.read(&command.Read{Table: staticTable, Schema: schemaVersion, Program: projectAll(), Limit: -1, Home: true,
			Spans: []command.Span{{Start: idOf(staticTable, from), End: idOf(staticTable, to)}}}).Refusal
	}
	if r := read(0, 10); r == nil || r.Reason != command.Elsewhere {
		t.Errorf("a staged object: %s", reasonText(r))
	}
	if r := read(5, 10); r != nil {
		t.Errorf("beside a staged object: %s", reasonText(r))
	}
	f.do(&command.Conclude{Commit: []object.TransactionID{transitID(1)}})
	if r := read(0, 10); r != nil {
		t.Errorf("afterwards: %s", reasonText(r))
	}
}

func reasonText(r *command.Refusal) string {
	if r == nil {
		return "executed"
	}
	return r.Reason.String()
}
