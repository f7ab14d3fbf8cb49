package state

import (
	"context"
	"reflect"
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
		prep(tx(1), two, increment(directoryTable, 1, 10), create(directoryTable, 2, 1, 10)),
		waitingPrepare(prep(tx(2), two[:1], &command.Write{Kind: command.Delete, Table: directoryTable, Spans: wholeTable(directoryTable)})),
		effects(tx(3), two, effectOn(x, 10, command.EffectPut, 5, rowOf(1, 2, "")), effectOn(idOf(directoryTable, 3), 10, command.EffectDelete, 0, nil)),
		&command.Prepare{Transaction: tx(4), Participants: two, More: true, Part: command.Part{Tables: bothTables,
			Ranges: []command.Range{{Table: directoryTable, Spans: wholeTable(directoryTable)}}}},
		&command.Prepare{Transaction: tx(4), Participants: two, Continues: true, Owner: tx(5)},
		locksOn(5, command.LockWaits, 1, 2), locksOn(6, command.LockSkips, 1, 2),
		&command.Conclude{Commit: []object.TransactionID{tx(1), tx(4)}, Abort: []object.TransactionID{tx(2)}, Forget: []object.TransactionID{tx(1)}},
		&command.Resolve{Transaction: tx(3)}, &command.Withdraw{Command: object.CommandID{Node: "a", Incarnation: 1, Sequence: 3}},
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
		if sequence%64 == 63 {
			fx.reopen()
		}
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

// What is stored of transactions is decoded or refused.
func FuzzStored(f *testing.F) {
	key := appendTransaction(nil, tx(1))
	locks := appendLocks(nil, []lockedObject{{idOf(directoryTable, 1), command.LockShared}},
		[]lockedSpan{{spanOf(directoryTable, 1, 2), command.LockExclusive}})
	f.Add(key, appendTransactionRecord(nil, &transactionRecord{state: command.TransactionPrepared, since: 7, participants: two, owner: tx(2),
		chunks: 1, staged: 2, bytes: 3, forgotten: true, locks: locks}))
	f.Add(key, appendEffect(nil, &effect{present: true, unmark: true, record: record{1, 2, rowOf(1, 2, "s")}}))
	f.Add(key, appendDeparture(nil, &command.Departure{Gone: true, Row: rowOf(1, 2, "s"), Revision: 9}))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if record, err := decodeTransactionRecord(key, value); err == nil {
			again, err := decodeTransactionRecord(appendTransaction(nil, record.id), appendTransactionRecord(nil, record))
			if err != nil || !reflect.DeepEqual(record, again) {
				t.Fatalf("%+v became %+v, %v", record, again, err)
			}
			if held, err := decodeLocks(record.locks); err == nil {
				if again, err := decodeLocks(appendLocks(nil, held.objects, held.spans)); err != nil || !reflect.DeepEqual(held, again) {
					t.Fatalf("%+v became %+v, %v", held, again, err)
				}
			}
		}
		if e, err := decodeEffect(value); err == nil {
			if again, err := decodeEffect(appendEffect(nil, &e)); err != nil || !reflect.DeepEqual(e, again) {
				t.Fatalf("%+v became %+v, %v", e, again, err)
			}
		}
		_, _, _ = decodeWindow(key, value)
		_, _, _ = decodeMove(value)
		_, _, _ = decodeOutgoing(value)
	})
}
