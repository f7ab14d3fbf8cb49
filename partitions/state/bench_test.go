package state

import (
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
