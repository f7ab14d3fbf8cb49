package state

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// BenchmarkApply applies entries of 128 updates SET n = n + 1, of one object and of
// objects at random; the figure is per update.
func BenchmarkApply(b *testing.B) {
	const objects = 10000
	for _, c := range []struct {
		name string
		pick func() int
	}{
		{"hot", func() int { return 5 }},
		{"spread", func() int { return rand.IntN(objects) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := loaded(b, objects)
			const perEntry = 128
			settled := uint64(0)
			// n = (n + 1) % 500, so that the table's check holds.
			plus := command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 1,
				Value: must(expr.NewOperator("%", must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(1), datum.Int4))),
					expr.NewConst(datum.NewInt(500), datum.Int4)))}}})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				if n%perEntry != 0 {
					continue
				}
				e := replication.Entry{Index: f.index + 1, Commands: make([][]byte, perEntry)}
				f.index++
				for i := range e.Commands {
					f.next++
					id := idOf(staticTable, c.pick())
					e.Commands[i] = command.AppendCommand(make([]byte, 0, 128), &command.Command{
						ID:      object.CommandID{Node: "a", Incarnation: 1, Sequence: f.next},
						Settled: settled,
						Body: &command.Write{Kind: command.Update, Table: staticTable, Schema: schemaVersion, Program: plus,
							Targets: []command.Target{{ID: id}}},
					})
				}
				settled = f.next - perEntry
				batch := f.space.NewBatch()
				if _, err := f.m.Apply(e, batch); err != nil {
					b.Fatal(err)
				}
				if err := batch.Commit(storage.NoSync); err != nil {
					b.Fatal(err)
				}
				batch.Close()
				f.m.Committed(e.Index)
			}
		})
	}
}

// BenchmarkTransactions applies transfers between two objects: with one participant, and
// with two, of which this partition is one. The figure is per transfer, with its
// Conclude and Forget.
func BenchmarkTransactions(b *testing.B) {
	const objects = 10000
	for _, participants := range [][]object.PartitionID{{1}, {1, 2}} {
		b.Run(fmt.Sprintf("participants=%d", len(participants)), func(b *testing.B) {
			f := loaded(b, objects)
			plus := command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 1,
				Value: must(expr.NewOperator("%", must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(1), datum.Int4))),
					expr.NewConst(datum.NewInt(500), datum.Int4)))}}})
			const perEntry = 64
			var last, over []object.TransactionID
			next := 0
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				if n%perEntry != 0 {
					continue
				}
				f.index++
				e := replication.Entry{Index: f.index}
				add := func(body command.Body) {
					f.next++
					e.Commands = append(e.Commands, command.AppendCommand(nil, &command.Command{
						ID: object.CommandID{Node: "a", Incarnation: 1, Sequence: f.next}, Settled: f.next, Body: body,
					}))
				}
				if len(participants) > 1 {
					add(&command.Conclude{Commit: last, Forget: over})
					last, over = nil, last
				}
				for range perEntry {
					id := object.TransactionID{Node: "a", Incarnation: 1, Sequence: f.next}
					part := command.Part{}
					for range 3 - len(participants) {
						next++
						part.Writes = append(part.Writes, &command.Write{Kind: command.Update, Table: staticTable, Schema: schemaVersion, Program: plus,
							Targets: []command.Target{{ID: idOf(staticTable, next%objects)}}})
					}
					add(&command.Prepare{Transaction: id, Participants: participants, Part: part})
					last = append(last, id)
				}
				batch := f.space.NewBatch()
				if _, err := f.m.Apply(e, batch); err != nil {
					b.Fatal(err)
				}
				if err := batch.Commit(storage.NoSync); err != nil {
					b.Fatal(err)
				}
				batch.Close()
				f.m.Committed(e.Index)
			}
		})
	}
}
