package state

import (
	"context"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Whatever can be decoded is executed or refused: no panic, no replica that stops.
// The state is that of all inputs before.
func FuzzApply(f *testing.F) {
	x := idOf(directoryTable, 1)
	write := func(w *command.Write) *command.Write { w.Schema = schemaVersion; return w }
	for _, body := range []command.Body{
		write(create(directoryTable, 1, 1, 10)), write(increment(directoryTable, 1, 10)), write(remove(directoryTable, 1, 10)),
		write(&command.Write{Kind: command.Update, Table: directoryTable, Program: incrementProgram(), Spans: wholeTable(directoryTable)}),
		departs(20, 2, x), departs(21, 0, x), &command.Arrive{Move: 22, Objects: []command.Arrival{{ID: x, Row: rowOf(1, 1, "")}, {ID: "x"}}},
		&command.Settle{Moves: []object.LocationVersion{20}}, &command.RaiseFloor{Floor: 5},
		&command.InstallSlots{Slots: []object.Slot{1}, Version: 9}, &command.DropTable{Table: 7},
		&command.InstallTable{Table: testTable(f, 5)},
	} {
		f.Add(command.AppendBody(nil, body), uint64(1), uint64(0))
	}
	fx := newFixture(f, 1).allSlots(5)
	fx.keepLog = false
	f.Fuzz(func(t *testing.T, b []byte, sequence, settled uint64) {
		body, err := command.DecodeBody(b)
		if err != nil {
			return
		}
		fx.t = t
		fx.do(body)
		fx.entry(&command.Command{ID: object.CommandID{Node: "f", Incarnation: sequence % 4, Sequence: sequence}, Settled: settled, Body: body})
	})
}

func FuzzQuery(f *testing.F) {
	f.Add(command.AppendRead(nil, &command.Read{Table: staticTable, Schema: schemaVersion, Spans: wholeTable(staticTable), Program: projectAll(), Limit: -1}))
	f.Add(command.AppendRead(nil, &command.Read{Table: staticTable, Schema: schemaVersion, Program: projectAll(), Limit: 1,
		Targets: []command.Target{{ID: idOf(staticTable, 1)}, {ID: idOf(staticTable, 99), Version: 4}}}))
	fx := loaded(f, 20)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := command.DecodeRead(b)
		if err != nil {
			return
		}
		q := fx.m.Begin(r)
		defer q.Close()
		if err := q.Pin(); err != nil {
			t.Fatal(err)
		}
		for !q.Done() {
			if _, err := q.Next(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
