package state

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// applyBench applies entries of a few commands each, as a busy cluster has them. The
// entries are made while the clock stands.
type applyBench struct {
	f      *fixture
	random *rand.Rand
}

const (
	benchObjects  = 100000
	benchPerEntry = 10
	benchText     = 100      // bytes of a row's text
	benchRecent   = 64 << 20 // all objects are in memory
)

func newApplyBench(b *testing.B) *applyBench {
	f := newFixture(b, 1).allSlots(5)
	f.keepLog = false
	text := strings.Repeat("x", benchText)
	for i := 0; i < benchObjects; {
		w := &command.Write{Kind: command.Create, Table: staticTable}
		for range 500 {
			w.Targets = append(w.Targets, command.Target{ID: idOf(staticTable, i), Row: rowOf(i, i%10, text)})
			i++
		}
		f.write(w)
	}
	f.m.cache.reset(benchRecent)
	for i := range benchObjects {
		r, _, err := (stored{r: f.space}).object(idOf(staticTable, i))
		if err != nil {
			b.Fatal(err)
		}
		f.m.cache.keep(idOf(staticTable, i), r)
	}
	return &applyBench{f: f, random: rand.New(rand.NewPCG(1, 2))}
}

// spread is the id of one of the objects.
func (a *applyBench) spread() object.ID { return idOf(staticTable, a.random.IntN(benchObjects)) }

// run calls make for the commands of each entry, until it has added benchPerEntry.
func (a *applyBench) run(b *testing.B, make func(add func(command.Body))) {
	f := a.f
	var entries []replication.Entry
	fill := func() {
		entries = entries[:0]
		for range 200 {
			f.index++
			e := replication.Entry{Index: f.index}
			settled := f.next - min(f.next, 2*benchPerEntry)
			add := func(body command.Body) {
				f.next++
				e.Commands = append(e.Commands, command.AppendCommand(nil, &command.Command{
					ID: object.CommandID{Node: "node-1", Incarnation: 1, Sequence: f.next}, Settled: settled, Body: body,
				}))
			}
			make(add)
			entries = append(entries, e)
		}
	}
	b.ReportAllocs()
	n, applying := 0, time.Duration(0)
	for b.Loop() {
		if n++; n%benchPerEntry != 0 {
			continue
		}
		if len(entries) == 0 {
			b.StopTimer()
			fill()
			b.StartTimer()
		}
		batch := f.space.NewBatch()
		began := time.Now()
		results, err := f.m.Apply(entries[0], batch)
		applying += time.Since(began)
		if err != nil {
			b.Fatal(err)
		}
		if err := batch.Commit(storage.NoSync); err != nil {
			b.Fatal(err)
		}
		batch.Close()
		f.m.Committed(entries[0].Index)
		for _, r := range results {
			checkBenchResult(b, r)
		}
		entries = entries[1:]
	}
	b.ReportMetric(float64(applying.Nanoseconds())/float64(n), "apply-ns/op")
}

func checkBenchResult(b *testing.B, r any) {
	switch o := r.(type) {
	case *command.Result:
		if o.Refusal != nil || o.Err != nil || o.Affected != 1 {
			b.Fatalf("%+v", o)
		}
	case *command.Vote:
		if !o.Yes() {
			b.Fatalf("%+v", o)
		}
	case *command.Concluded:
		if len(o.Rest) > 0 {
			b.Fatalf("%+v", o)
		}
	default:
		b.Fatalf("%T", r)
	}
}

// addParam is SET n = (n + $1) % 500, as pgbench's updates are.
func addParam() []byte {
	return command.EncodeProgram(&command.Program{Set: []command.Assignment{{Column: 1,
		Value: must(expr.NewOperator("%", must(expr.NewOperator("+", columnN, expr.NewParam(0, datum.Int4))),
			expr.NewConst(datum.NewInt(500), datum.Int4)))}}})
}

func (a *applyBench) update(program []byte) *command.Write {
	return &command.Write{Kind: command.Update, Table: staticTable, Schema: schemaVersion, Program: program,
		Targets: []command.Target{{ID: a.spread()}},
		Context: command.Context{Params: []datum.Datum{datum.NewInt(int64(a.random.IntN(100)))}, TimeZone: "UTC", Seed: a.random.Uint64()}}
}

// transfer is what a transaction does: two updates.
func (a *applyBench) transfer(program []byte, n int) command.Part {
	var part command.Part
	for range n {
		part.Writes = append(part.Writes, a.update(program))
	}
	return part
}

// BenchmarkApplyUpdate is an update of one object by its key.
func BenchmarkApplyUpdate(b *testing.B) {
	a := newApplyBench(b)
	program := addParam()
	a.run(b, func(add func(command.Body)) {
		for range benchPerEntry {
			add(a.update(program))
		}
	})
}

// BenchmarkApplyInsert is an insert of one object.
func BenchmarkApplyInsert(b *testing.B) {
	a := newApplyBench(b)
	text, next := strings.Repeat("x", benchText), benchObjects
	a.run(b, func(add func(command.Body)) {
		for range benchPerEntry {
			next++
			add(&command.Write{Kind: command.Create, Table: staticTable, Schema: schemaVersion,
				Targets: []command.Target{{ID: idOf(staticTable, next), Row: rowOf(next, 1, text)}}})
		}
	})
}

// BenchmarkApplyTransaction is a transaction of one partition with two updates: with its
// statements as they are, and with what a BEGIN..COMMIT has read and computed.
func BenchmarkApplyTransaction(b *testing.B) {
	for _, effects := range []bool{false, true} {
		b.Run(fmt.Sprintf("effects=%t", effects), func(b *testing.B) {
			a := newApplyBench(b)
			program, text := addParam(), strings.Repeat("x", benchText)
			revisions := make(map[object.ID]object.Revision)
			a.run(b, func(add func(command.Body)) {
				for range benchPerEntry {
					id := object.TransactionID{Node: "node-1", Incarnation: 1, Sequence: a.f.next}
					part := a.transfer(program, 2)
					if effects {
						part = a.effects(revisions, text)
					}
					add(&command.Prepare{Transaction: id, Participants: []object.PartitionID{1}, Part: part})
				}
			})
		})
	}
}

// effects are two updates as they were computed before; revisions are those that the
// objects will have.
func (a *applyBench) effects(revisions map[object.ID]object.Revision, text string) command.Part {
	part := command.Part{Tables: []command.TableVersion{{Table: staticTable, Schema: schemaVersion}}}
	for range 2 {
		n := a.random.IntN(benchObjects)
		id := idOf(staticTable, n)
		if len(part.Effects) > 0 && part.Effects[0].ID == id {
			break
		}
		revision, known := revisions[id]
		if !known {
			r, _, err := (stored{r: a.f.space}).object(id)
			if err != nil {
				panic(err)
			}
			revision = r.revision
		}
		part.Effects = append(part.Effects, command.Effect{
			Target: command.Target{ID: id, Row: rowOf(n, a.random.IntN(500), text)}, Kind: command.EffectPut, Revision: revision,
		})
		revisions[id] = object.NewRevision(a.f.m.partition, a.f.index, false)
	}
	return part
}

// BenchmarkApplyPart is a transaction of two partitions, each of which updates one object:
// Prepare, Conclude and Forget, of which an entry has as many as of each other.
func BenchmarkApplyPart(b *testing.B) {
	a := newApplyBench(b)
	program := addParam()
	var last, over []object.TransactionID
	next := 0
	a.run(b, func(add func(command.Body)) {
		add(&command.Conclude{Commit: last, Forget: over})
		last, over = nil, last
		for range benchPerEntry {
			id := object.TransactionID{Node: "node-1", Incarnation: 1, Sequence: a.f.next}
			part := a.transfer(program, 1)
			next++ // not one that is locked
			part.Writes[0].Targets[0].ID = idOf(staticTable, next*7919%benchObjects)
			add(&command.Prepare{Transaction: id, Participants: []object.PartitionID{1, 2}, Part: part})
			last = append(last, id)
		}
	})
}
