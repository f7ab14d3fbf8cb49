package state

import (
	"context"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// fuzzed is a partition with a prepared transaction and a departed object, and its
// pinned state.
func fuzzed(f *testing.F) (*fixture, *Pinned) {
	fx := loaded(f, 20)
	fx.yes(stages(1, puts(3, 33, fx.revisionOf(staticTable, 3)), puts(40, 4, 0)))
	fx.do(departs(50, 2, idOf(staticTable, 5)))
	pinned := must(fx.m.Pin())
	f.Cleanup(pinned.Close)
	return fx, pinned
}

func fuzzedView() command.View {
	return command.View{
		Include: []object.TransactionID{tx(1)}, Outgoing: []object.LocationVersion{50}, Track: true,
		Overlay: []command.Overlaid{{ID: idOf(staticTable, 3)}, {ID: idOf(staticTable, 7), Row: rowOf(7, 1, "s")}},
		Checks: &command.Part{Tables: bothTables,
			Effects: []command.Effect{{Target: command.Target{ID: idOf(staticTable, 100)}}},
			Ranges:  []command.Range{{Table: staticTable, Spans: []command.Span{span(200, 300)}}}},
	}
}

// Whatever can be decoded is answered: no panic, and no error but that of a statement.
func FuzzViews(f *testing.F) {
	f.Add(command.AppendRead(nil, &command.Read{Table: staticTable, Schema: schemaVersion, Spans: wholeTable(staticTable), Program: projectAll(),
		Limit: -1, ChunkBytes: 9, View: fuzzedView()}))
	f.Add(command.AppendRead(nil, &command.Read{Table: staticTable, Schema: schemaVersion, Program: projectAll(), Limit: 1, View: fuzzedView(),
		Targets: []command.Target{{ID: idOf(staticTable, 3)}, {ID: idOf(staticTable, 5)}, {ID: idOf(staticTable, 99), Version: 4}}}))
	fx, pinned := fuzzed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := command.DecodeRead(b)
		if err != nil {
			return
		}
		for _, q := range []*Query{fx.m.Begin(r), must(pinned.Begin(r))} {
			if err := q.Pin(); err != nil {
				t.Fatal(err)
			}
			for !q.Done() {
				if _, err := q.Next(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			q.Close()
		}
	})
}

func FuzzEvaluate(f *testing.F) {
	w := increment(staticTable, 3, 0)
	w.Schema = schemaVersion
	f.Add(command.AppendEvaluate(nil, &command.Evaluate{Write: w, View: fuzzedView()}))
	w = create(staticTable, 7, 1, 0)
	w.Schema, w.Conflict, w.Program = schemaVersion, command.ConflictUpdates, incrementProgram()
	f.Add(command.AppendEvaluate(nil, &command.Evaluate{Write: w, View: fuzzedView()}))
	w = &command.Write{Kind: command.Delete, Table: staticTable, Schema: schemaVersion, Spans: wholeTable(staticTable)}
	f.Add(command.AppendEvaluate(nil, &command.Evaluate{Write: w, View: fuzzedView()}))
	fx, pinned := fuzzed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := command.DecodeEvaluate(b)
		if err != nil {
			return
		}
		for _, q := range []*Evaluating{fx.m.Evaluate(e), must(pinned.Evaluate(e))} {
			if err := q.Pin(); err != nil {
				t.Fatal(err)
			}
			if _, err := q.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			q.Close()
		}
	})
}

func FuzzValidate(f *testing.F) {
	f.Add(command.AppendPart(nil, fuzzedView().Checks))
	fx, _ := fuzzed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		part, err := command.DecodePart(b)
		if err != nil {
			return
		}
		q := fx.m.Validate(part)
		defer q.Close()
		if err := q.Pin(); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}
