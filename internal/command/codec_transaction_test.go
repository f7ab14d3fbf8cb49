package command

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

var (
	exampleID    = object.TransactionID{Node: "n1", Incarnation: 4, Sequence: 1 << 33}
	exampleOwner = object.TransactionID{Node: "n2", Incarnation: 1, Sequence: 7}
	examplePrint = Fingerprint{Count: 12, Sum: 1<<64 - 1, Index: 77}
)

func examplePart() *Part {
	return &Part{
		Tables: []TableVersion{{Table: 3, Schema: 9}, {Table: 4, Schema: 1 << 40}},
		Ranges: []Range{
			{Table: 3, Spans: []Span{{"a", "b"}}, Program: []byte{1}, Context: Context{Params: []datum.Datum{datum.NewInt(1)}}, Print: examplePrint},
			{Table: 4, Program: []byte{}},
		},
		Effects: []Effect{
			{Target: Target{ID: "a", Version: 3, Unsure: true}, Revision: 5},
			{Target: Target{ID: "b", Arriving: true, Unsure: true, Row: []byte("row")}, Kind: EffectPut, Revision: 1 << 63},
			{Target: Target{ID: "c"}, Kind: EffectDelete},
		},
		Writes: []*Write{
			{Kind: Update, Table: 3, Schema: 9, Targets: []Target{{ID: "d", Unsure: true}}, Program: []byte{2}, Context: Context{TimeZone: "UTC"}},
			{Kind: Delete, Table: 4, Schema: 9, Spans: []Span{{"a", "b"}}, Program: []byte{}},
		},
	}
}

func transactionBodies() []Body {
	return []Body{
		&Prepare{
			Transaction: exampleID, Participants: []object.PartitionID{1, 5, 1<<32 - 1}, Wait: true, Owner: exampleOwner,
			More: true, Continues: true, Part: *examplePart(),
		},
		&Prepare{Transaction: exampleID, Participants: []object.PartitionID{2}},
		&Conclude{Commit: []object.TransactionID{exampleID, exampleOwner}, Forget: []object.TransactionID{exampleOwner}},
		&Conclude{Abort: []object.TransactionID{exampleID}},
		&Conclude{},
		&Resolve{Transaction: exampleID},
		&Lock{
			Owner: exampleOwner, Table: 3, Schema: 9, Mode: LockUpdate, Wait: LockSkips, Program: []byte{3},
			Targets: []Target{{ID: "a", Version: 1}, {ID: "b", Unsure: true}}, Context: Context{Seed: 3},
		},
		&Lock{Owner: exampleOwner, Mode: LockShared, Program: []byte{}},
		&Withdraw{Command: object.CommandID{Node: "n", Incarnation: 1, Sequence: 3}},
	}
}

func transactionOutcomes() []any {
	return []any{
		&Vote{},
		&Vote{Results: []*Result{{Affected: 1, Rows: [][]byte{{1}}}, {Affected: 2, Rest: []Span{{"a", "b"}}}, {}}},
		&Vote{Refusal: &Refusal{Reason: Locked}, Conflict: &Conflict{ID: "a", Table: 3}},
		&Vote{Err: pgerror.New("23505", "no")},
		&Vote{Conflict: &Conflict{Table: 3}},
		&Concluded{Rest: []object.TransactionID{exampleID}},
		&Concluded{},
		&Resolution{State: TransactionAborted},
		&Resolution{},
		&Granted{Rows: [][]byte{{1, 2}, {}}, At: []int{0, 3}, Absent: []int{1}, Skipped: []int{2}, Revisions: []object.Revision{5, 0, 0, 1 << 63}},
		&Granted{Refusal: &Refusal{Reason: Locked}, Conflict: &Conflict{ID: "x"}},
		&Granted{Err: pgerror.New("22012", "no")},
	}
}

func exampleView() View {
	return View{
		Pin: Pin{Node: "n", ID: 1 << 40}, Include: []object.TransactionID{exampleID}, Outgoing: []object.LocationVersion{3, 1 << 50},
		Overlay: []Overlaid{{ID: "a", Row: []byte("r"), Version: 7}, {ID: "b"}}, Track: true, Checks: examplePart(),
	}
}

func TestViewsComeBack(t *testing.T) {
	q := exampleRead()
	for _, v := range []View{exampleView(), {}, {Track: true}, {Pin: Pin{Node: "n", ID: 1}}, {Checks: &Part{}}} {
		q.View = v
		b := AppendRead(nil, q)
		if got, err := DecodeRead(b); err != nil || !equal(got, q) {
			t.Errorf("%v\n%+v\n%+v", err, got, q)
		}
		if _, err := DecodeRead(append(b, 1)); !errors.Is(err, ErrMalformed) {
			t.Errorf("a byte more: %v", err)
		}
		e := &Evaluate{Write: examplePart().Writes[0], View: v}
		if got, err := DecodeEvaluate(AppendEvaluate(nil, e)); err != nil || !equal(got, e) {
			t.Errorf("%v\n%+v\n%+v", err, got, e)
		}
	}
	c := exampleChunk()
	c.Conflict, c.Revisions, c.Print, c.Upto = &Conflict{ID: "a", Table: 3}, []object.Revision{0, 9}, examplePrint, "z"
	if got, err := DecodeChunk(AppendChunk(nil, c)); err != nil || !equal(got, c) {
		t.Errorf("%v\n%+v\n%+v", err, got, c)
	}
}

func TestAnswersOutsideTheLogComeBack(t *testing.T) {
	for _, e := range []*Evaluation{
		{}, {Refusal: &Refusal{Reason: Elsewhere}}, {Err: pgerror.New("22012", "no")}, {Conflict: &Conflict{ID: "a"}},
		{Result: &Result{Affected: 1, Rest: []Span{{"a", "b"}}}, Effects: examplePart().Effects, Print: examplePrint},
	} {
		if got, err := DecodeEvaluation(AppendEvaluation(nil, e)); err != nil || !equal(got, e) {
			t.Errorf("%v\n%+v\n%+v", err, got, e)
		}
	}
	if got, err := DecodePart(AppendPart(nil, examplePart())); err != nil || !equal(got, examplePart()) {
		t.Errorf("%v %+v", err, got)
	}
	p := examplePinned()
	if got, err := DecodePinned(AppendPinned(nil, p)); err != nil || !equal(got, p) {
		t.Errorf("%v %+v", err, got)
	}
}

func examplePinned() *Pinned {
	return &Pinned{
		Pin: Pin{Node: "n", ID: 5}, Index: 99,
		Transactions: []PinnedTransaction{{ID: exampleID, State: TransactionPrepared, Participants: []object.PartitionID{1, 2}}, {ID: exampleOwner}},
		Outgoing:     []PinnedMove{{Move: 7, To: 2}},
	}
}

// Targets and moves of before there were transactions are read as they were
// written.
func TestOldEncodingsAreRead(t *testing.T) {
	old := []byte{1, 'n', 2, 3, 1, 1, 2, 0, 1, 2, 1, 2, 'a', 'b', 5, 1, 0, 0, 1, 7, 0, 0, 0}
	c, err := DecodeCommand(old)
	if err != nil {
		t.Fatal(err)
	}
	if target := c.Body.(*Write).Targets[0]; !target.Arriving || target.Unsure {
		t.Errorf("%+v", target)
	}
	old = []byte{1, 'n', 2, 3, 1, 3, 5, 1, 1, 'a', 2, 'r'}
	if c, err = DecodeCommand(old); err != nil {
		t.Fatal(err)
	}
	if a := c.Body.(*Arrive).Objects[0]; a.ID != "a" || a.Revision != 0 {
		t.Errorf("%+v", a)
	}
}

// A prepare that no replica could make sense of is not decoded.
func TestPreparesAreChecked(t *testing.T) {
	for _, p := range []*Prepare{
		{Participants: []object.PartitionID{1}},
		{Transaction: exampleID},
		{Transaction: exampleID, Participants: []object.PartitionID{0, 1}},
		{Transaction: exampleID, Participants: []object.PartitionID{2, 1}},
		{Transaction: exampleID, Participants: []object.PartitionID{1, 1}},
		{Transaction: exampleID, Participants: []object.PartitionID{1}, Part: Part{Effects: []Effect{{Kind: 9}}}},
		{Transaction: exampleID, Participants: []object.PartitionID{1}, Part: Part{Writes: []*Write{{}}}},
	} {
		if _, err := DecodeBody(AppendBody(nil, p)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, l := range []*Lock{{Mode: LockUpdate}, {Owner: exampleID}, {Owner: exampleID, Mode: LockExclusive}, {Owner: exampleID, Mode: LockShared, Wait: 9}} {
		if _, err := DecodeBody(AppendBody(nil, l)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%+v: %v", l, err)
		}
	}
}

// FuzzDecodeView holds the decoders of what is answered outside the log to their
// encoders.
func FuzzDecodeView(f *testing.F) {
	v := exampleView()
	f.Add(AppendEvaluate(nil, &Evaluate{Write: examplePart().Writes[0], View: v}),
		AppendEvaluation(nil, &Evaluation{Effects: examplePart().Effects, Result: &Result{}}),
		AppendPinned(nil, examplePinned()), AppendPart(nil, examplePart()))
	f.Fuzz(func(t *testing.T, evaluate, evaluation, pinned, part []byte) {
		comesBack(t, evaluate, DecodeEvaluate, AppendEvaluate)
		comesBack(t, evaluation, DecodeEvaluation, AppendEvaluation)
		comesBack(t, pinned, DecodePinned, AppendPinned)
		comesBack(t, part, DecodePart, AppendPart)
	})
}

func comesBack[T any](t *testing.T, b []byte, decode func([]byte) (*T, error), encode func([]byte, *T) []byte) {
	t.Helper()
	v, err := decode(b)
	if err != nil {
		return
	}
	again, err := decode(encode(nil, v))
	if err != nil || !bytes.Equal(encode(nil, v), encode(nil, again)) {
		t.Fatalf("%v: %+v, again %+v", err, v, again)
	}
}
