package execute

import (
	"context"
	"errors"
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// keyRows reads objects that are named by their ids, all at one instant: those of one
// partition from its newest state, those of several from a snapshot. Where one
// turns out to live elsewhere, or the oracle does not confirm its absence, all are read
// again.
//
// With one object, in one partition, it allocates what the read itself needs and
// starts no goroutine.
type keyRows struct {
	job
	read  command.Read
	width int

	begun   bool
	groups  []group
	answers []answer // of the groups that are not given out yet

	row     []datum.Datum
	oneRoom [1]command.Target
	oneBack [1]group
	oneAns  [1]answer
}

// answer is what one partition said.
type answer struct {
	group group
	chunk *command.Chunk
	err   error
	at    int // rows given out
}

func (r *keyRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if !r.begun {
		r.begun = true
		if err := r.fetch(ctx); err != nil {
			return nil, false, err
		}
	}
	for len(r.answers) > 0 {
		a := &r.answers[0]
		if a.at < len(a.chunk.Rows) {
			var err error
			r.row, err = decodeRow(a.chunk.Rows[a.at], r.row, r.width)
			a.at++
			return r.row, err == nil, err
		}
		if a.chunk.Cursor.IsZero() {
			r.answers = r.answers[1:]
			continue
		}
		chunk, err := r.x.deps.Partitions.Next(ctx, a.group.part, a.chunk.Cursor)
		if err != nil {
			return nil, false, lost(ctx, err)
		}
		if chunk.Err != nil {
			return nil, false, chunk.Err
		}
		r.f.chunk(chunk)
		a.chunk, a.at = chunk, 0
	}
	return nil, false, nil
}

// fetch asks until the answers are all of one instant, and final.
func (r *keyRows) fetch(ctx context.Context) error {
	for {
		again, err := r.ask(ctx)
		if err != nil && !errors.Is(err, errPinned) {
			return err
		}
		if err == nil && !again && len(r.items) > 1 && r.read.MaxStaleness == 0 {
			if again, err = r.stillNowhere(ctx); err != nil {
				return err
			}
		}
		if err == nil && !again {
			return r.note(ctx)
		}
		r.drop()
		r.restart()
		if err := r.job.next(ctx); err != nil {
			return err
		}
	}
}

// ask sends one round of reads and takes the answers. again says that another round is
// needed.
func (r *keyRows) ask(ctx context.Context) (again bool, err error) {
	if err := r.locate(ctx); err != nil {
		return false, err
	}
	if len(r.items) == 1 {
		if r.items[0].done {
			return false, nil
		}
		r.oneBack[0] = group{part: r.items[0].part, at: zeroIndex[:]}
		r.groups = r.oneBack[:]
		r.answers = r.oneAns[:1]
	} else {
		r.groups = r.job.groups(r.groups, maxReadTargets)
		r.answers = make([]answer, len(r.groups))
	}
	r.f.asked(r.table, r.items, r.groups)
	if err := r.send(ctx); err != nil {
		return false, err
	}
	for i := range r.answers {
		a := &r.answers[i]
		switch {
		case a.err != nil:
			return false, a.err
		case a.chunk.Conflict != nil:
			return false, r.tx.conflict(a.chunk.Conflict)
		case a.chunk.Refusal != nil:
			r.refused(a.group, a.chunk.Refusal)
			again = true
		case len(a.chunk.Absent) > 0:
			elsewhere, err := r.absent(ctx, a.group, a.chunk.Absent)
			if err != nil {
				return false, err
			}
			again = again || elsewhere
		}
	}
	return again, nil
}

// zeroIndex is the group of the only item. It is not changed.
var zeroIndex = [1]int{0}

// send fills the answers: here for one partition, in parallel for several.
func (r *keyRows) send(ctx context.Context) error {
	switch len(r.groups) {
	case 0:
	case 1:
		room := r.oneRoom[:0]
		if len(r.items) > 1 {
			room = make([]command.Target, 0, len(r.items))
		}
		r.read.Targets = r.targets(room, r.groups[0])
		a := answer{group: r.groups[0]}
		if r.tx != nil {
			r.read.View = r.tx.viewOf(a.group.part, r.read.Targets)
		}
		a.chunk, a.err = r.x.read(ctx, nil, a.group.part, r.table, &r.read, r.f)
		r.answers[0] = a
	default:
		return r.sendAll(ctx)
	}
	return nil
}

// sendAll reads from a snapshot; with MaxStaleness from whatever state replicas have.
func (r *keyRows) sendAll(ctx context.Context) error {
	var from Snapshot
	if r.read.MaxStaleness == 0 {
		var err error
		if from, err = r.x.snapshot(ctx, partsOf(r.groups)); err != nil {
			return err
		}
		defer from.Close()
	}
	var wait sync.WaitGroup
	slots := make(chan struct{}, r.x.cfg.Parallelism)
	room := make([]command.Target, 0, len(r.items))
	for i, g := range r.groups {
		read := r.read
		begin := len(room)
		room = r.targets(room, g)
		read.Targets = room[begin:len(room):len(room)]
		read.Context.Seed = seedFor(read.Context.Seed, g.part)
		if r.tx != nil {
			read.View = r.tx.viewOf(g.part, read.Targets)
		}
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			a := answer{group: g}
			a.chunk, a.err = r.x.read(ctx, from, g.part, r.table, &read, r.f)
			r.answers[i] = a
		}()
	}
	wait.Wait()
	return nil
}

// refused takes a refusal for where objects live.
func (j *job) refused(g group, refusal *command.Refusal) {
	if j.tx != nil {
		j.tx.learn(refusal.Objects)
	}
	if refusal.Reason == command.Elsewhere {
		j.elsewhere(g, refusal.Objects)
		return
	}
	for _, i := range g.at { // awaited for too long
		j.items[i].doubt = !j.items[i].own
	}
}

// note tells the transaction what was read, and has it checked that it is of one
// state with what was read before.
func (r *keyRows) note(ctx context.Context) error {
	if r.tx == nil {
		return nil
	}
	for i := range r.answers {
		a := &r.answers[i]
		if len(a.chunk.Revisions) != len(a.group.at) {
			return internalError("partition %d told %d revisions of %d objects", a.group.part, len(a.chunk.Revisions), len(a.group.at))
		}
		for n, k := range a.group.at {
			if err := r.tx.noteRead(r.table, &r.items[k], a.chunk.Revisions[n]); err != nil {
				return err
			}
		}
	}
	return r.tx.settle(ctx, r.f, &r.job, partsOf(r.groups))
}

// drop gives up the answers of a round.
func (r *keyRows) drop() {
	for i := range r.answers {
		if a := &r.answers[i]; a.chunk != nil && !a.chunk.Cursor.IsZero() {
			r.x.deps.Partitions.CloseCursor(a.group.part, a.chunk.Cursor)
		}
	}
	r.answers = nil
}

func (r *keyRows) close() {
	r.drop()
	r.begun = true
}

// seedFor makes the seeds of one statement's parts differ.
func seedFor(seed uint64, p object.PartitionID) uint64 {
	return seed ^ uint64(p)*0x9e3779b97f4a7c15
}
