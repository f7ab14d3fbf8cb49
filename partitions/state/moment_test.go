package state

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ssmr/ssmr/internal/command"
)

// Calls that look at a few objects without a snapshot see them at one moment, beside the
// goroutine that applies (invariant 3). Objects 0 and 1 are always alike, and of 2 and 3 one
// exists.
func TestPointsAreOfOneMoment(t *testing.T) {
	var held, changed atomic.Int64
	for range 8 {
		readPoints(t, &held, &changed)
	}
	if held.Load() == 0 || changed.Load() == 0 {
		t.Errorf("%d checks held and %d did not; the test tests nothing", held.Load(), changed.Load())
	}
}

func readPoints(t *testing.T, held, changed *atomic.Int64) {
	const entries, readers = 900, 3 // the table allows no n above 999
	f := loaded(t, 3)
	f.write(increment(staticTable, 1, 0)) // they begin as 0 and 1
	f.write(increment(staticTable, 0, 0))
	f.write(increment(staticTable, 0, 0))
	targets := func(ids ...int) (list []command.Target) {
		for _, id := range ids {
			list = append(list, command.Target{ID: idOf(staticTable, id)})
		}
		return list
	}
	ctx := context.Background()
	read := func(checks *command.Part, ids ...int) *command.Chunk {
		q := f.m.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Targets: targets(ids...), Program: projectAll(), Limit: -1,
			View: command.View{Track: true, Checks: checks}})
		defer q.Close()
		if err := q.Pin(); err != nil {
			t.Error(err)
		}
		runtime.Gosched()
		return must(q.Next(ctx))
	}
	evaluate := func(checks *command.Part, id int) *command.Evaluation {
		w := increment(staticTable, id, 0)
		w.Schema = schemaVersion
		q := f.m.Evaluate(&command.Evaluate{Write: w, View: command.View{Checks: checks}})
		defer q.Close()
		if err := q.Pin(); err != nil {
			t.Error(err)
		}
		runtime.Gosched()
		return must(q.Run(ctx))
	}
	number := func(row []byte) string { return strings.Split(values(t, [][]byte{row}), ",")[1] }

	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if both := read(nil, 0, 1); len(both.Rows) != 2 || number(both.Rows[0]) != number(both.Rows[1]) {
					t.Errorf("objects 0 and 1 were read as %s", values(t, both.Rows))
					return
				}
				if one := read(nil, 2, 3); len(one.Rows) != 1 || len(one.Absent) != 1 {
					t.Errorf("of objects 2 and 3 were read %s, and %v are absent", values(t, one.Rows), one.Absent)
					return
				}
				first := read(nil, 0)
				checks := &command.Part{Tables: tables, Effects: []command.Effect{{Target: targets(0)[0], Revision: first.Revisions[0]}}}
				second, third := read(checks, 1), evaluate(checks, 1)
				if second.Conflict == nil && number(second.Rows[0]) != number(first.Rows[0]) {
					t.Errorf("object 1 was read as %s where 0 is still %s", values(t, second.Rows), values(t, first.Rows))
					return
				}
				if third.Conflict == nil {
					was, _ := strconv.Atoi(number(first.Rows[0]))
					if got := values(t, third.Result.Rows); got != strconv.Itoa(was+1) {
						t.Errorf("object 1 would become %s where 0 is still %d", got, was)
						return
					}
					held.Add(1)
				} else {
					changed.Add(1)
				}
			}
		})
	}
	for n := range entries {
		increments := []*command.Command{f.command(numbered(increment(staticTable, 0, 0))), f.command(numbered(increment(staticTable, 1, 0)))}
		f.entry(append(increments, f.command(numbered(remove(staticTable, 2+n%2, 0))), f.command(numbered(create(staticTable, 3-n%2, 0, 0))))...)
		if n%3 == 0 {
			runtime.Gosched()
		}
	}
	close(stop)
	wg.Wait()
	q := f.m.Begin(&command.Read{Table: staticTable, Schema: schemaVersion, Targets: targets(0, 1), Program: projectAll(), Limit: -1})
	defer q.Close()
	if err := q.Pin(); err != nil || q.snap != nil {
		t.Errorf("a snapshot is taken though nothing happens: %v", err)
	}
}

func numbered(w *command.Write) *command.Write {
	w.Schema = schemaVersion
	return w
}
