package state

import (
	"context"
	"errors"
	"sort"
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/storage"
)

// Query is a read under way. It belongs to one goroutine at a time.
//
// Pin fixes the state that it reads; it is what runs under the leader's lease.
// Next computes the chunks, from then on independent of what is applied. Close
// lets the state go.
type Query struct {
	m    *Machine
	read *command.Read

	// Fixed by Pin:
	view    *view
	t       *table
	refusal *command.Refusal
	snap    *storage.Snapshot
	single  record // the object of a read that names one, and needs no snapshot
	found   bool

	started bool
	done    bool
	prog    *program
	worker  *worker
	chunk   int      // bytes
	targets []target // left to visit
	absent  []int    // to be told with the first chunk
	spans   []command.Span
	scanned int64
	gather  gatherer
	pending [][]byte // rows to be sent
}

// target is an object that the read names and the partition holds.
type target struct {
	id     object.ID
	record record
	loaded bool
}

// maxChunkBytes bounds what a read may ask for one chunk.
const maxChunkBytes = 16 << 20

// keptBytes bounds the rows of named objects that are kept between finding and
// visiting them.
const keptBytes = 1 << 20

var workers = sync.Pool{New: func() any { return new(worker) }}

// Begin makes a read ready for Pin.
func (m *Machine) Begin(r *command.Read) *Query { return &Query{m: m, read: r} }

// Pin fixes the state as it is now. It may be called again, before the first Next.
func (q *Query) Pin() error {
	q.unpin()
	space := q.m.reading.Load()
	if space == nil {
		return storage.ErrClosed
	}
	q.view = q.m.published.Load()
	q.t, q.refusal = q.view.schema(q.read.Table, q.read.Schema)
	if q.refusal != nil {
		return nil
	}
	var err error
	if len(q.read.Targets) == 1 && len(q.read.Spans) == 0 {
		// An object that is there is the partition's, and one Get sees one moment.
		q.single, q.found, err = stored{space}.object(q.read.Targets[0].ID)
		if err != nil || q.found {
			return err
		}
	}
	if q.snap, err = space.Snapshot(); err != nil {
		return err
	}
	// What was published before the snapshot was taken is in it.
	q.view = q.m.published.Load()
	q.t, q.refusal = q.view.schema(q.read.Table, q.read.Schema)
	return nil
}

func (q *Query) unpin() {
	if q.snap != nil {
		_ = q.snap.Close()
		q.snap = nil
	}
	q.single, q.found = record{}, false
}

// Close lets the pinned state go. Calling it again is harmless.
func (q *Query) Close() {
	q.unpin()
	q.done = true
	if q.worker != nil {
		q.worker.release()
		workers.Put(q.worker)
		q.worker = nil
	}
	q.gather, q.pending, q.targets = gatherer{}, nil, nil
}

// Done reports whether the last chunk was given.
func (q *Query) Done() bool { return q.done }

// Next computes the next chunk. A refusal and an error of the statement are in the
// chunk, which is the last one then. The returned error is that of ctx or of
// storage.
func (q *Query) Next(ctx context.Context) (*command.Chunk, error) {
	if q.done {
		return &command.Chunk{}, nil
	}
	chunk := new(command.Chunk)
	err := q.next(ctx, chunk)
	if err == nil {
		return chunk, nil
	}
	q.done = true
	if e := pgerror.As(err); e != nil {
		return &command.Chunk{Err: e}, nil
	}
	return nil, err
}

func (q *Query) next(ctx context.Context, chunk *command.Chunk) error {
	if !q.started {
		if q.refusal != nil {
			q.done = true
			chunk.Refusal = q.refusal
			return nil
		}
		if err := q.start(); err != nil {
			return err
		}
		if q.refusal != nil {
			q.done = true
			chunk.Refusal = q.refusal
			return nil
		}
		chunk.Absent = q.absent
	}
	q.scanned = 0
	if !q.gather.finished && q.gather.pendingBytes < q.chunk {
		if err := q.visit(ctx); err != nil {
			return err
		}
	}
	chunk.Scanned = q.scanned
	chunk.Rows = q.take()
	q.done = q.gather.finished && len(q.pending) == 0
	return nil
}

// take removes the rows of one chunk from what is pending.
func (q *Query) take() [][]byte {
	n, size := 0, 0
	for n < len(q.pending) && (n == 0 || size+len(q.pending[n]) <= q.chunk) {
		size += len(q.pending[n])
		n++
	}
	rows := q.pending[:n:n]
	q.pending = q.pending[n:]
	if len(q.pending) == 0 {
		q.pending = nil
	}
	q.gather.pendingBytes -= size
	return rows
}

// start decodes the program and finds the objects that the read names.
func (q *Query) start() error {
	q.started = true
	prog, failure := q.m.programs.get(q.read.Program)
	if failure != nil {
		return failure
	}
	q.prog = prog
	q.worker = workers.Get().(*worker)
	if failure := q.worker.start(q.m.programs, &q.read.Context, q.t); failure != nil {
		return failure
	}
	q.chunk = q.read.ChunkBytes
	if q.chunk <= 0 {
		q.chunk = q.m.limits.ChunkBytes
	}
	q.chunk = min(q.chunk, maxChunkBytes)
	q.gather.start(q)
	if len(q.read.Targets) > 0 {
		return q.resolve()
	}
	q.spans = orderSpans(q.read.Spans, q.read.Table)
	return nil
}

// resolve finds the named objects, or refuses the read.
func (q *Query) resolve() error {
	if q.found {
		q.targets = []target{{q.read.Targets[0].ID, q.single, true}}
		return nil
	}
	src := stored{q.snap}
	q.targets = make([]target, 0, len(q.read.Targets))
	var refusal *command.Refusal
	kept := 0
	for i := range q.read.Targets {
		t := &q.read.Targets[i]
		if t.ID.Table() != q.read.Table {
			return pgerror.New(pgerror.InternalError, "malformed read: object of another table")
		}
		r, found, err := src.object(t.ID)
		if err != nil {
			return err
		}
		if found {
			if kept += len(r.row); kept > keptBytes {
				r = record{}
			}
			q.targets = append(q.targets, target{t.ID, r, r.row != nil})
			continue
		}
		st, where, _, err := q.view.stand(q.t, src, t, false)
		if err != nil {
			return err
		}
		if refusal = refuseTarget(refusal, st, t.ID, where); refusal == nil {
			q.absent = append(q.absent, i)
		}
	}
	q.refusal = refusal
	if q.prog.KeyOrder {
		sort.SliceStable(q.targets, func(i, j int) bool {
			if q.read.Reverse {
				i, j = j, i
			}
			return q.targets[i].id < q.targets[j].id
		})
	}
	return nil
}

// errEnough ends a visit.
var errEnough = errors.New("enough")

// visit looks at objects until a chunk is full or there are no more.
func (q *Query) visit(ctx context.Context) error {
	err := q.visitTargets(ctx)
	if err == nil {
		err = q.visitSpans(ctx)
	}
	if err == errEnough {
		return nil
	}
	if err != nil {
		return err
	}
	return q.gather.finish(q)
}

func (q *Query) visitTargets(ctx context.Context) error {
	for len(q.targets) > 0 {
		t := q.targets[0]
		q.targets = q.targets[1:]
		if !t.loaded {
			var err error
			if t.record, _, err = (stored{q.snap}).object(t.id); err != nil {
				return err
			}
		}
		if err := q.look(ctx, t.record); err != nil {
			return err
		}
	}
	return nil
}

func (q *Query) visitSpans(ctx context.Context) error {
	for len(q.spans) > 0 {
		if err := q.visitSpan(ctx); err != nil {
			return err
		}
		if q.read.Reverse {
			q.spans = q.spans[:len(q.spans)-1]
		} else {
			q.spans = q.spans[1:]
		}
	}
	return nil
}

// visitSpan goes through the next span; what is left of it when a chunk is full
// stays in q.spans.
func (q *Query) visitSpan(ctx context.Context) (err error) {
	s := &q.spans[0]
	if q.read.Reverse {
		s = &q.spans[len(q.spans)-1]
	}
	it, err := q.snap.NewIterator(appendObjectKey(nil, prefixObjects, s.Start), appendObjectKey(nil, prefixObjects, s.End))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := it.Close(); closeErr != nil && (err == nil || err == errEnough) {
			err = closeErr
		}
	}()
	move, ok := it.Next, false
	if q.read.Reverse {
		move, ok = it.Prev, it.Last()
	} else {
		ok = it.First()
	}
	for ; ok; ok = move() {
		r, err := decodeRecord(it.Value())
		if it.Err() != nil {
			return it.Err()
		}
		if err != nil {
			return err
		}
		if err := q.look(ctx, r); err == errEnough {
			id := object.ID(it.Key()[1:])
			if q.read.Reverse {
				s.End = id
			} else {
				s.Start = id + "\x00"
			}
			return err
		} else if err != nil {
			return err
		}
	}
	return it.Err()
}

// look takes one object: decodes what is needed, filters, gathers. errEnough says
// that the chunk is full, or that nothing more is wanted; the object was taken.
func (q *Query) look(ctx context.Context, r record) error {
	q.scanned++
	if q.scanned%256 == 0 && ctx.Err() != nil {
		return ctx.Err()
	}
	w := q.worker
	if err := q.t.decode(r, w.row, q.prog.needed, q.m.partition); err != nil {
		return err
	}
	ok, err := w.holds(q.prog.Filter)
	if err != nil || !ok {
		return err
	}
	return q.gather.add(q)
}
