package execute

import (
	"context"
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// keyRows reads objects that are named by their ids. The objects of one
// partition are read at one instant; those that turn out to live elsewhere, or
// whose absence the oracle does not confirm, are read in further rounds.
//
// With one object, in one partition, it allocates what the read itself needs and
// starts no goroutine.
type keyRows struct {
	job
	read  command.Read
	width int

	begun   bool
	groups  []group
	answers []answer // of the groups of this round that are not given out yet
	again   bool     // another round is needed

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
	for {
		for len(r.answers) > 0 {
			a := &r.answers[0]
			if a.at < len(a.chunk.Rows) {
				var err error
				r.row, err = decodeRow(a.chunk.Rows[a.at], r.row, r.width)
				a.at++
				return r.row, err == nil, err
			}
			if err := r.more(ctx, a); err != nil {
				return nil, false, err
			}
		}
		if r.begun && !r.again {
			return nil, false, nil
		}
		if r.begun {
			if err := r.job.next(ctx); err != nil {
				return nil, false, err
			}
		}
		r.begun = true
		if err := r.ask(ctx); err != nil {
			return nil, false, err
		}
	}
}

// more goes on with an answer whose rows were given out.
func (r *keyRows) more(ctx context.Context, a *answer) error {
	if a.chunk.Cursor.IsZero() {
		for _, i := range a.group.at {
			r.items[i].done = r.items[i].done || !r.items[i].retry
		}
		r.again = r.again || r.pending(a.group)
		r.answers = r.answers[1:]
		return nil
	}
	chunk, err := r.x.deps.Partitions.Next(ctx, a.group.part, a.chunk.Cursor)
	if err != nil {
		return interrupted(ctx, err)
	}
	r.f.chunk(chunk)
	a.chunk, a.at = chunk, 0
	return r.accept(ctx, a)
}

func (r *keyRows) pending(g group) bool {
	for _, i := range g.at {
		if !r.items[i].done {
			return true
		}
	}
	return false
}

// ask sends one round of reads and takes the answers.
func (r *keyRows) ask(ctx context.Context) error {
	r.again = false
	if err := r.locate(ctx); err != nil {
		return err
	}
	if len(r.items) == 1 {
		if r.items[0].done {
			return nil
		}
		r.oneBack[0] = group{part: r.items[0].part, at: zeroIndex[:]}
		r.groups = r.oneBack[:]
		r.answers = r.oneAns[:1]
	} else {
		r.groups = r.job.groups(r.groups, maxReadTargets)
		r.answers = make([]answer, len(r.groups))
	}
	for i := range r.items {
		r.items[i].retry = false
	}
	r.f.asked(r.table, r.items, r.groups)
	r.send(ctx)
	for i := 0; i < len(r.answers); {
		a := &r.answers[i]
		if a.err != nil {
			return a.err
		}
		if a.chunk.Refusal != nil {
			r.refused(a)
			r.again = true
			r.answers = append(r.answers[:i], r.answers[i+1:]...)
			continue
		}
		if err := r.accept(ctx, a); err != nil {
			return err
		}
		i++
	}
	return nil
}

// zeroIndex is the group of the only item. It is not changed.
var zeroIndex = [1]int{0}

// send fills the answers: here for one partition, in parallel for several.
func (r *keyRows) send(ctx context.Context) {
	switch len(r.groups) {
	case 0:
	case 1:
		room := r.oneRoom[:0]
		if len(r.items) > 1 {
			room = make([]command.Target, 0, len(r.items))
		}
		r.read.Targets = r.targets(room, r.groups[0])
		a := answer{group: r.groups[0]}
		a.chunk, a.err = r.x.read(ctx, a.group.part, r.table, &r.read, r.f)
		r.answers[0] = a
	default:
		r.sendAll(ctx)
	}
}

func (r *keyRows) sendAll(ctx context.Context) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, r.x.cfg.Parallelism)
	room := make([]command.Target, 0, len(r.items))
	for i, g := range r.groups {
		read := r.read
		from := len(room)
		room = r.targets(room, g)
		read.Targets = room[from:len(room):len(room)]
		read.Context.Seed = seedFor(read.Context.Seed, g.part)
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			a := answer{group: g}
			a.chunk, a.err = r.x.read(ctx, g.part, r.table, &read, r.f)
			r.answers[i] = a
		}()
	}
	wait.Wait()
}

func (r *keyRows) refused(a *answer) {
	if a.chunk.Refusal.Reason == command.Elsewhere {
		r.elsewhere(a.group, a.chunk.Refusal.Objects)
		return
	}
	for _, i := range a.group.at { // awaited for too long
		r.items[i].doubt = true
	}
}

// accept takes what a chunk says of objects that have no value.
func (r *keyRows) accept(ctx context.Context, a *answer) error {
	if len(a.chunk.Absent) == 0 {
		return nil
	}
	again, err := r.absent(ctx, a.group, a.chunk.Absent)
	r.again = r.again || again
	return err
}

func (r *keyRows) close() {
	for i := range r.answers {
		if a := &r.answers[i]; a.chunk != nil && !a.chunk.Cursor.IsZero() {
			r.x.deps.Partitions.CloseCursor(a.group.part, a.chunk.Cursor)
		}
	}
	r.answers, r.again = nil, false
}

// seedFor makes the seeds of one statement's parts differ.
func seedFor(seed uint64, p object.PartitionID) uint64 {
	return seed ^ uint64(p)*0x9e3779b97f4a7c15
}
