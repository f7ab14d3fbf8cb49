package execute

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute/footprint"
)

// computed is what one partition says that the statement would do there.
type computed struct {
	group group
	spans []command.Span // what of the ranges it is about
	got   *command.Evaluation
	err   error
}

// compute has partitions compute what the statement would do, and keeps that in the
// transaction: nothing takes effect before it commits.
func (w *writing) compute(ctx context.Context) error {
	if w.tx.opts.ReadOnly {
		return errReadOnly(w.cmd.Kind.String())
	}
	for {
		groups, answers, again, err := w.evaluateOnce(ctx)
		if err != nil && !errors.Is(err, errPinned) {
			return err
		}
		if err == nil && !again && w.spans == nil && w.assign == nil {
			if again, err = w.stillNowhere(ctx); err != nil {
				return err
			}
		}
		if err == nil && !again {
			return w.adopt(ctx, groups, answers)
		}
		w.restart()
		if err := w.next(ctx); err != nil {
			return err
		}
	}
}

// evaluateOnce is one round.
func (w *writing) evaluateOnce(ctx context.Context) (groups []group, answers []computed, again bool, err error) {
	if w.spans != nil {
		groups = w.everywhere()
	} else {
		if err := w.place(ctx); err != nil {
			return nil, nil, false, err
		}
		groups = w.bounded(w.groups(nil, maxReadTargets))
		w.f.asked(w.table, w.items, groups)
	}
	if answers, err = w.ask(ctx, groups); err != nil {
		return nil, nil, false, err
	}
	for i := range answers {
		a := &answers[i]
		switch {
		case a.err != nil:
			return nil, nil, false, a.err
		case a.got.Conflict != nil:
			return nil, nil, false, w.tx.conflict(a.got.Conflict)
		case a.got.Refusal != nil:
			w.refused(a.group, a.got.Refusal)
			again = true
		case a.got.Err != nil:
			return nil, nil, false, a.got.Err
		case len(a.got.Result.Absent) > 0 && w.spans == nil:
			elsewhere, err := w.absent(ctx, a.group, a.got.Result.Absent)
			if err != nil {
				return nil, nil, false, err
			}
			again = again || elsewhere
		}
	}
	return groups, answers, again, nil
}

// maxComputeBytes bounds the rows of one Evaluate, so that it fits in a message.
const maxComputeBytes = 4 << 20

// bounded cuts groups whose rows are too large for one message.
func (w *writing) bounded(groups []group) []group {
	if w.cmd.Kind != command.Create {
		return groups
	}
	out := groups[:0:0]
	for _, g := range groups {
		from, size := 0, 0
		for n, i := range g.at {
			row := len(w.items[i].Row)
			if n > from && size+row > maxComputeBytes {
				out = append(out, group{part: g.part, at: g.at[from:n:n]})
				from, size = n, 0
			}
			size += row
		}
		out = append(out, group{part: g.part, at: g.at[from:]})
	}
	return out
}

// ask evaluates in the newest state of one partition, or in a snapshot.
func (w *writing) ask(ctx context.Context, groups []group) ([]computed, error) {
	if len(groups) == 0 {
		return nil, nil
	}
	requests := make([]*command.Evaluate, len(groups))
	for i, g := range groups {
		var err error
		if requests[i], err = w.request(g); err != nil {
			return nil, err
		}
	}
	if len(groups) == 1 && w.spans == nil { // of several, all have to see one state
		return w.evaluate(ctx, nil, groups[0], requests[0]), nil
	}
	from, err := w.x.snapshot(ctx, partsOf(groups))
	if err != nil {
		return nil, err
	}
	defer from.Close()
	answers := make([][]computed, len(groups))
	var wait sync.WaitGroup
	slots := make(chan struct{}, w.x.cfg.Parallelism)
	for i, g := range groups {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			answers[i] = w.evaluate(ctx, from, g, requests[i])
		}()
	}
	wait.Wait()
	return slices.Concat(answers...), nil
}

// request is what one partition is asked.
func (w *writing) request(g group) (*command.Evaluate, error) {
	cmd, err := w.part(g)
	if err != nil {
		return nil, err
	}
	e := &command.Evaluate{Write: cmd}
	if w.spans != nil {
		e.View = w.tx.scanView(g.part, w.table, w.spans)
		return e, nil
	}
	for i := range cmd.Targets {
		cmd.Targets[i].Unsure = false // it tells which are absent; nothing takes effect
	}
	e.View = w.tx.viewOf(g.part, cmd.Targets)
	return e, nil
}

// evaluate asks one partition; for key ranges as often as it takes to come through
// them.
func (w *writing) evaluate(ctx context.Context, from Snapshot, g group, e *command.Evaluate) []computed {
	var out []computed
	for {
		cmd := e.Write
		a := computed{group: g, spans: cmd.Spans}
		a.got, a.err = w.x.evaluate(ctx, from, g.part, w.table, e, w.f)
		if a.err != nil || a.got.Result == nil || len(a.got.Result.Rest) == 0 {
			return append(out, a)
		}
		rest := *cmd
		rest.Spans = a.got.Result.Rest
		a.spans = readSpans(cmd.Spans, rest.Spans[0].Start, false)
		out = append(out, a)
		e = &command.Evaluate{Write: &rest, View: e.View}
		e.View.Checks = nil
	}
}

// adopt keeps what the statement does, after everything that was read before was found
// to be unchanged.
func (w *writing) adopt(ctx context.Context, groups []group, answers []computed) error {
	items := make(map[object.ID]*item, len(w.items))
	for i := range w.items {
		items[w.items[i].ID] = &w.items[i]
	}
	for i := range answers {
		if err := w.noteAnswer(&answers[i], items); err != nil {
			return err
		}
	}
	if err := w.tx.settle(ctx, w.f, &w.job, partsOf(groups)); err != nil {
		return err
	}
	for i := range answers {
		a := &answers[i]
		for n := range a.got.Effects {
			e := &a.got.Effects[n]
			if e.Kind == command.EffectNone {
				continue
			}
			if w.replaces && e.Kind == command.EffectPut {
				if old := w.tx.print.Object(e.ID); old.Revision != 0 || old.Kind == command.EffectPut { // it is not new
					w.tx.print.Replace(e.ID)
				}
			}
			w.tx.print.Write(e.ID, e.Kind, e.Row)
		}
		w.affected += a.got.Result.Affected
		w.f.wrote(a.group, a.got.Result)
		w.keep(a.group, a.got.Result)
		if err := w.room(a.got.Result); err != nil {
			return err
		}
	}
	for i := range w.items {
		w.items[i].done = true
	}
	return w.tx.full()
}

// noteAnswer tells the transaction what a partition has read.
func (w *writing) noteAnswer(a *computed, items map[object.ID]*item) error {
	for n := range a.got.Effects {
		e := &a.got.Effects[n]
		it := items[e.ID]
		if it == nil { // found in a range
			it = &item{Target: command.Target{ID: e.ID}}
			if _, own := w.tx.print.Own(e.ID); own {
				continue
			}
			it.follow(object.Location{Partition: a.group.part, Version: e.Version}, 0, false)
		}
		if err := w.tx.noteRead(w.table, it, e.Revision); err != nil {
			return err
		}
	}
	if w.spans == nil {
		for _, n := range a.got.Result.Absent {
			if it := &w.items[a.group.at[n]]; !it.nowhere {
				if err := w.tx.noteRead(w.table, it, 0); err != nil {
					return err
				}
			}
		}
		return nil
	}
	r := &footprint.Range{Partition: a.group.part, Range: command.Range{
		Table: w.table.ID, Spans: a.spans, Program: w.cmd.Program, Context: w.cmd.Context, Print: a.got.Print,
	}}
	r.Context.Seed = seedFor(r.Context.Seed, a.group.part)
	if !w.tx.noteRange(w.table, r, true) {
		return w.tx.conflict(&command.Conflict{Table: w.table.ID})
	}
	return nil
}
