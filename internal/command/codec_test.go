package command

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

func exampleBodies() []Body {
	table := &catalog.Table{
		ID: 3, Version: 9, Name: "t", KeyName: "t_pkey", PrimaryKey: []int{0},
		Columns:   []catalog.Column{{Name: "id", Type: datum.Int4, NotNull: true}},
		Placement: catalog.Placement{Policy: "hash", Static: true},
	}
	return append(transactionBodies(),
		&Write{
			Kind: Create, Conflict: ConflictUpdates, Table: 3, Schema: 9, Program: []byte{1, 2},
			Targets: []Target{{ID: "\x00\x00\x00\x03a", Version: 7, Arriving: true, Row: []byte("row")}, {ID: "x"}},
			Context: Context{Params: []datum.Datum{datum.NewInt(5), {}, datum.NewText("ä")}, TimeZone: "Europe/Berlin", Seed: 1 << 63},
		},
		&Write{Kind: Delete, Table: 3, Schema: 9, Program: []byte{}, Spans: []Span{{"a", "b"}, {"", "\xff"}}},
		&Write{Kind: Delete, Conflict: ConflictUpdates, Table: 3, Schema: 9, Program: []byte{}, Spans: []Span{{"a", "b"}}, Home: true},
		&Depart{Move: 1 << 40, To: 2, Objects: []object.ID{"a", "b"}},
		&Depart{Move: 1},
		&Arrive{Move: 5, Objects: []Arrival{{ID: "a", Row: []byte("r")}, {ID: "b"}, {ID: "c", Row: []byte{}}}},
		&Arrive{Move: 5, Objects: []Arrival{{ID: "a", Row: []byte("r"), Revision: 1 << 60}, {ID: "b"}}},
		&Settle{Moves: []object.LocationVersion{1, 2}},
		&Settle{Moves: []object.LocationVersion{3}, Arrived: true},
		&InstallTable{Table: table},
		&DropTable{Table: 1<<32 - 1},
		&InstallSlots{Slots: []object.Slot{0, object.Slots - 1}, Version: 4},
		&RaiseFloor{Floor: 1<<64 - 1},
	)
}

func exampleOutcomes() []any {
	refusal := &Refusal{Reason: Elsewhere, Schema: 4, Objects: []Redirect{{ID: "a", Location: object.Location{Partition: 2, Version: 9}}, {ID: "b"}}}
	return append(transactionOutcomes(),
		&Result{Affected: 3, Rows: [][]byte{{1}, {}}, Absent: []int{0, 5}},
		&Result{Refusal: refusal},
		&Result{Err: pgerror.New("23505", "no").WithDetail("d"), Rest: []Span{{"a", "b"}}},
		&Departed{Refusal: &Refusal{Reason: Superseded}},
		&Departed{Objects: []Departure{{Gone: true, Row: []byte("r")}, {Deferred: true}, {Gone: true}}},
		&Departed{Objects: []Departure{{Gone: true, Row: []byte("r"), Revision: 9}, {Deferred: true}}},
	)
}

func exampleRead() *Read {
	return &Read{
		Table: 3, Schema: 9, Targets: []Target{{ID: "a", Version: 1}}, Spans: []Span{{"a", "b"}}, Reverse: true,
		Program: []byte{9}, Limit: -1, MaxStaleness: 1000, ChunkBytes: 1 << 20, Context: Context{Seed: 3},
	}
}

func exampleChunk() *Chunk {
	return &Chunk{Rows: [][]byte{{1, 2}}, Absent: []int{1}, Cursor: Cursor{Node: "n", ID: 1 << 60}, Scanned: 12}
}

func exampleProgram(t testing.TB) *Program {
	t.Helper()
	n := expr.NewColumn(1, datum.Int4, "n")
	less, err := expr.NewOperator("<", n, expr.NewParam(0, datum.Int4))
	if err != nil {
		t.Fatal(err)
	}
	count, err := expr.NewAggregate("count", false, []expr.Expr{n}, nil, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Program{
		Filter: less, Set: []Assignment{{Column: 1, Value: n}, {Column: 2, Value: expr.NewConst(datum.NewText("x"), datum.Text)}},
		ConflictFilter: less, Project: []expr.Expr{n, less}, GroupBy: []expr.Expr{n}, Aggregates: []*expr.Aggregate{count},
		OrderBy: []Order{{Column: 1, Descending: true}, {Column: 0, NullsFirst: true}}, KeyOrder: true, Distinct: true,
	}
}

// equal compares through the encodings of what reflect cannot compare (values).
func equal(a, b any) bool { return reflect.DeepEqual(a, b) }

func TestCommandsComeBack(t *testing.T) {
	var d Decoder // has decoded others
	for _, body := range append(exampleBodies(), exampleBodies()...) {
		c := &Command{ID: object.CommandID{Node: "n1", Incarnation: 3, Sequence: 1 << 50}, Settled: 17, Body: body}
		b := AppendCommand([]byte("head"), c)[4:]
		got, err := DecodeCommand(b)
		if err != nil {
			t.Errorf("%T: %v", body, err)
			continue
		}
		if !bytes.Equal(AppendCommand(nil, got), b) || !equal(got, c) {
			t.Errorf("%T:\n%+v\n%+v", body, got.Body, c.Body)
		}
		if got, err := d.Command(b); err != nil || !equal(got, c) {
			t.Errorf("%T in used memory: %v\n%+v\n%+v", body, err, got.Body, c.Body)
		}
		for i := range b {
			if _, err := DecodeCommand(b[:i]); !errors.Is(err, ErrMalformed) && i != withoutRevisions(c) {
				t.Errorf("%T cut at %d: %v", body, i, err)
				break
			}
		}
		if _, err := DecodeCommand(append(b, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T with a byte more: %v", body, err)
		}
	}
}

// withoutRevisions is where an older version would have ended an Arrive.
func withoutRevisions(c *Command) int {
	a, ok := c.Body.(*Arrive)
	if !ok {
		return 0
	}
	old := &Arrive{Move: a.Move}
	for _, o := range a.Objects {
		old.Objects = append(old.Objects, Arrival{ID: o.ID, Row: o.Row})
	}
	return len(AppendCommand(nil, &Command{ID: c.ID, Settled: c.Settled, Body: old}))
}

func TestAnswersComeBack(t *testing.T) {
	for _, o := range exampleOutcomes() {
		got, err := DecodeOutcome(AppendOutcome(nil, o))
		if err != nil || !equal(got, o) {
			t.Errorf("%v\n%+v\n%+v", err, got, o)
		}
	}
	if got, err := DecodeRead(AppendRead(nil, exampleRead())); err != nil || !equal(got, exampleRead()) {
		t.Errorf("%v %+v", err, got)
	}
	home := exampleRead()
	home.Home = true
	if got, err := DecodeRead(AppendRead(nil, home)); err != nil || !equal(got, home) {
		t.Errorf("%v %+v", err, got)
	}
	if got, err := DecodeChunk(AppendChunk(nil, exampleChunk())); err != nil || !equal(got, exampleChunk()) {
		t.Errorf("%v %+v", err, got)
	}
	if got, err := DecodeCursor(AppendCursor(nil, exampleChunk().Cursor)); err != nil || got != exampleChunk().Cursor {
		t.Errorf("%v %+v", err, got)
	}
}

func TestProgramsComeBack(t *testing.T) {
	p := exampleProgram(t)
	b := EncodeProgram(p)
	got, err := DecodeProgram(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(EncodeProgram(got), b) || len(got.Set) != 2 || !got.KeyOrder || !got.Distinct || got.OrderBy[1] != p.OrderBy[1] {
		t.Errorf("%+v", got)
	}
	if len(EncodeProgram(&Program{})) != 0 || len(EncodeProgram(nil)) != 0 {
		t.Error("an empty program has bytes")
	}
	if got, err := DecodeProgram(nil); err != nil || got.Filter != nil {
		t.Errorf("%v %+v", err, got)
	}
}

// What is in logs must be read by later versions: these bytes never change.
func TestEncodingsStay(t *testing.T) {
	c := &Command{ID: object.CommandID{Node: "n", Incarnation: 2, Sequence: 3}, Settled: 1, Body: &Write{
		Kind: Update, Table: 1, Schema: 2, Targets: []Target{{ID: "ab", Version: 5}}, Program: []byte{7},
	}}
	want := []byte{1, 'n', 2, 3, 1, 1, 2, 0, 1, 2, 1, 2, 'a', 'b', 5, 0, 0, 0, 1, 7, 0, 0, 0}
	if got := AppendCommand(nil, c); !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := AppendOutcome(nil, &Result{Affected: 1}), []byte{1, 0, 2, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func FuzzDecodeCommand(f *testing.F) {
	for _, body := range exampleBodies() {
		f.Add(AppendCommand(nil, &Command{ID: object.CommandID{Node: "n", Incarnation: 1, Sequence: 2}, Body: body}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCommand(b)
		if err != nil {
			return
		}
		var d Decoder
		for range 3 {
			again, err := d.Command(AppendCommand(nil, c))
			if err != nil || !bytes.Equal(AppendCommand(nil, c), AppendCommand(nil, again)) {
				t.Fatalf("%v: %+v, again %+v", err, c, again)
			}
		}
	})
}

func FuzzDecodeOutcome(f *testing.F) {
	for _, o := range exampleOutcomes() {
		f.Add(AppendOutcome(nil, o))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := DecodeOutcome(b)
		if err != nil {
			return
		}
		encoded := AppendOutcome(nil, o)
		again, err := DecodeOutcome(encoded)
		if err != nil || !bytes.Equal(AppendOutcome(nil, again), encoded) {
			t.Fatalf("%v: %+v, again %+v", err, o, again)
		}
	})
}

func FuzzDecodeRead(f *testing.F) {
	f.Add(AppendRead(nil, exampleRead()), AppendChunk(nil, exampleChunk()))
	f.Fuzz(func(t *testing.T, read, chunk []byte) {
		if q, err := DecodeRead(read); err == nil {
			again, err := DecodeRead(AppendRead(nil, q))
			if err != nil || !bytes.Equal(AppendRead(nil, q), AppendRead(nil, again)) {
				t.Fatalf("%v: %+v, again %+v", err, q, again)
			}
		}
		if c, err := DecodeChunk(chunk); err == nil {
			again, err := DecodeChunk(AppendChunk(nil, c))
			if err != nil || !bytes.Equal(AppendChunk(nil, c), AppendChunk(nil, again)) {
				t.Fatalf("%v: %+v, again %+v", err, c, again)
			}
		}
	})
}

func FuzzDecodeProgram(f *testing.F) {
	f.Add(EncodeProgram(exampleProgram(f)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodeProgram(b)
		if err != nil {
			return
		}
		again, err := DecodeProgram(EncodeProgram(p))
		if err != nil || !bytes.Equal(EncodeProgram(p), EncodeProgram(again)) {
			t.Fatalf("%v: %x, again %x", err, EncodeProgram(p), EncodeProgram(again))
		}
	})
}
