package state

import (
	"testing"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

func transitID(n uint64) object.TransactionID {
	return object.TransactionID{Node: "a", Incarnation: 1, Sequence: n}
}

// A statement over key ranges of several partitions means all objects. One that has left
// its partition and has not arrived is in none of them: the statement waits. (Found by
// tests/simulation.)
func TestRangesWaitForObjectsInTransit(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 7, 1, 10))
	f.write(create(directoryTable, 8, 1, 10))
	sweep := func(n uint64, from, to int) *command.Vote {
		w := increment(directoryTable, 0, 0)
		w.Schema, w.Targets = schemaVersion, nil
		w.Spans = []command.Span{{Start: idOf(directoryTable, from), End: idOf(directoryTable, to)}}
		return f.do(&command.Prepare{
			Transaction: transitID(n), Participants: []object.PartitionID{1, 2}, Part: command.Part{Writes: []*command.Write{w}},
		}).(*command.Vote)
	}
	f.do(departs(20, 2, idOf(directoryTable, 7)))
	f.do(departs(21, 0, idOf(directoryTable, 9))) // a release: there is no object
	if v := sweep(1, 0, 100); v.Refusal == nil || v.Refusal.Reason != command.Awaited {
		t.Fatalf("an object is in transit: %+v", v)
	}
	if v := sweep(2, 8, 100); !v.Yes() || v.Results[0].Affected != 1 {
		t.Fatalf("the object in transit is not meant: %+v", v)
	}
	f.do(&command.Conclude{Abort: []object.TransactionID{transitID(2)}})
	f.do(&command.Settle{Moves: []object.LocationVersion{20}})
	if v := sweep(3, 0, 100); !v.Yes() || v.Results[0].Affected != 1 {
		t.Fatalf("the move is settled: %+v", v)
	}
}

// Below the floor the partition has forgotten what has left it: a transaction does not
// take such an object for absent, whatever its sender believes. (Found by
// tests/simulation.)
func TestPrepareBelowTheFloor(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 7, 1, 10))
	f.do(departs(20, 2, idOf(directoryTable, 7)))
	f.do(&command.Settle{Moves: []object.LocationVersion{20}})
	f.do(&command.RaiseFloor{Floor: 50})
	w := increment(directoryTable, 7, 10)
	w.Schema = schemaVersion
	v := f.do(&command.Prepare{
		Transaction: transitID(1), Participants: []object.PartitionID{1, 2}, Part: command.Part{Writes: []*command.Write{w}},
	}).(*command.Vote)
	if v.Refusal == nil || v.Refusal.Reason != command.Elsewhere {
		t.Fatalf("an object that has moved on counts as absent: %+v", v)
	}
}

// Moves pass what sessions hold ahead of their transactions, and those who wait for it;
// they wait for transactions.
func TestMovesPassSessions(t *testing.T) {
	f := newPair(t)
	f.says("session", locksOn(1, command.LockWaits, 1, 2), "at [0 1] absent [] skipped []")
	w := f.pends("behind it", increment(directoryTable, 1, 10))
	f.says("prepare", prep(tx(5), two, increment(directoryTable, 3, 10)), "yes")
	sweep := increment(directoryTable, 0, 0)
	sweep.Targets, sweep.Spans = nil, []command.Span{tableSpan(directoryTable)}
	v := f.pends("wide, behind it", sweep)
	p := f.pends("a batch with an object of a transaction", departs(20, 2, idOf(directoryTable, 1), idOf(directoryTable, 3)))
	f.says("commit", commits(tx(5)), "rest 0")
	if d, ok := p.Outcome().(*command.Departed); !ok || !d.Objects[0].Gone || !d.Objects[1].Gone {
		t.Fatalf("the batch waits: %+v", p.Outcome())
	}
	d := f.do(departs(21, 2, idOf(directoryTable, 2))).(*command.Departed)
	if !d.Objects[0].Gone {
		t.Fatalf("a batch waits for a session: %+v", d)
	}
	f.says("the session ends", aborts(tx(1)), "rest 0")
	f.ended("who waited is sent on", w, "elsewhere p2@20")
	f.ended("who waited", v, "1")
	if !f.m.locks.idle() {
		t.Fatal("locks stay")
	}
}

// What is known to have arrived is not in transit; the move may be asked for still.
func TestRangesDoNotWaitForWhatHasArrived(t *testing.T) {
	f := newFixture(t, 1)
	f.write(create(directoryTable, 7, 1, 10))
	first := f.do(departs(20, 2, idOf(directoryTable, 7))).(*command.Departed)
	reads := func(n uint64) *command.Prepare {
		return &command.Prepare{Transaction: transitID(n), Participants: []object.PartitionID{1, 2}, Part: command.Part{
			Tables: []command.TableVersion{{Table: directoryTable, Schema: schemaVersion}},
			Ranges: []command.Range{{Table: directoryTable, Spans: []command.Span{tableSpan(directoryTable)}}},
		}}
	}
	f.reopen()
	f.says("in transit", reads(1), "awaited")
	f.do(&command.Settle{Moves: []object.LocationVersion{20, 21}, Arrived: true})
	for n := range 2 {
		f.says("it has arrived", reads(uint64(2+n)), "yes")
		f.says("over", aborts(transitID(uint64(2+n))), "rest 0")
		again := f.do(departs(20, 2, idOf(directoryTable, 7))).(*command.Departed)
		if len(again.Objects) != 1 || string(again.Objects[0].Row) != string(first.Objects[0].Row) || !again.Objects[0].Gone {
			t.Fatalf("the departure again: %+v, was %+v", again, first)
		}
		if f.m.Outgoing() != 1 {
			t.Fatalf("%d moves are not settled", f.m.Outgoing())
		}
		f.reopen()
	}
	f.do(&command.Settle{Moves: []object.LocationVersion{20}})
	f.do(&command.Settle{Moves: []object.LocationVersion{20}, Arrived: true})
	if d := f.do(departs(20, 2, idOf(directoryTable, 7))).(*command.Departed); d.Refusal == nil || f.m.Outgoing() != 0 {
		t.Fatalf("it is settled: %+v", d)
	}
	f.do(departs(30, 2, idOf(directoryTable, 8)))
	f.do(departs(31, 2, idOf(directoryTable, 9)))
	f.do(&command.Settle{Moves: []object.LocationVersion{31}, Arrived: true})
	f.do(&command.RaiseFloor{Floor: 40})
	if len(f.m.transit) != 0 || f.m.Outgoing() != 0 {
		t.Fatalf("below the floor: %v, %d", f.m.transit, f.m.Outgoing())
	}
}

// An object is created after a transaction has read its range, and moves on while the
// transaction is prepared, the destination first. Wherever the move stands, the transaction
// is not prepared at both without meeting it.
func TestPhantomOnTheMove(t *testing.T) {
	id := idOf(directoryTable, 7)
	for steps := range 5 { // of the move, before the source is asked; the rest after
		source, destination := newFixture(t, 1), newFixture(t, 2)
		prepare := func() *command.Prepare {
			return &command.Prepare{Transaction: transitID(1), Participants: []object.PartitionID{1, 2}, Part: command.Part{
				Tables: []command.TableVersion{{Table: directoryTable, Schema: schemaVersion}},
				Ranges: []command.Range{{Table: directoryTable, Spans: []command.Span{tableSpan(directoryTable)}}},
			}}
		}
		source.write(create(directoryTable, 7, 1, 10))
		var departed *command.Departed
		var arrival *Pending
		early := steps == 4 // it has arrived before the destination is asked
		move := []func(){
			func() { departed = source.do(departs(20, 2, id)).(*command.Departed) },
			func() { arrival, _ = destination.do(arrives(20, departed, id)).(*Pending) },
			func() {
				if arrival == nil {
					source.do(&command.Settle{Moves: []object.LocationVersion{20}, Arrived: true})
				}
			},
			func() {
				if arrival == nil {
					source.do(&command.Settle{Moves: []object.LocationVersion{20}})
				}
			},
		}
		if early {
			for _, step := range move {
				step()
			}
		}
		at2 := answer(destination.do(prepare()))
		if !early {
			for _, step := range move[:steps] {
				step()
			}
		}
		at1 := answer(source.do(prepare()))
		if at1 == "yes" && at2 == "yes" {
			t.Errorf("%d steps before the source is asked: prepared at both", steps)
		}
		if (arrival != nil) != (steps > 1 && !early) {
			t.Errorf("%d steps: the arrival waits: %v", steps, arrival != nil)
		}
	}
}
