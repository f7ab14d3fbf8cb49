package state

import (
	"context"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Partitions are validated at different moments. An object that came into a range after
// it was read, and has gone on to a partition that was validated before, is in neither
// state; that it was here is a difference.
func TestWhoCameAndWentIsNoticed(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 1, 1, 10))
	read := func() *command.Part {
		q := f.m.Begin(&command.Read{Table: directoryTable, Schema: schemaVersion, Spans: wholeTable(directoryTable), Limit: -1, View: command.View{Track: true}})
		defer q.Close()
		if err := q.Pin(); err != nil {
			t.Fatal(err)
		}
		c := must(q.Next(context.Background()))
		return &command.Part{Tables: []command.TableVersion{{Table: directoryTable, Schema: schemaVersion}},
			Ranges: []command.Range{{Table: directoryTable, Spans: wholeTable(directoryTable), Print: c.Print}}}
	}
	first := read()
	f.write(create(directoryTable, 7, 1, 10))
	f.do(departs(20, 2, idOf(directoryTable, 7)))
	f.do(&command.Settle{Moves: []object.LocationVersion{20}})
	f.expect("it came and went", f.validate(first), "conflict")
	f.write(increment(directoryTable, 1, 0))
	second := read()
	f.write(create(directoryTable, 9, 1, 30))
	f.write(remove(directoryTable, 9, 30))
	f.expect("it was created and deleted, and nothing has left since", f.validate(second), "yes")
	// The trace of what has left goes with the floor; from then on nothing is certain.
	third := read()
	f.write(create(directoryTable, 11, 1, 40))
	f.do(departs(41, 2, idOf(directoryTable, 11)))
	f.do(&command.Settle{Moves: []object.LocationVersion{41}})
	f.do(&command.RaiseFloor{Floor: 50})
	f.expect("its trace is gone", f.validate(third), "conflict")
	f.expect("nothing has changed", f.validate(read()), "yes")
	f.reopen()
	f.expect("nor after a restart", f.validate(read()), "yes")
	f.expect("but what was read before it", f.validate(third), "conflict")
}
