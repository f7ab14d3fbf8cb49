package state

import (
	"context"
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
	moment // fixed by Pin
	read   *command.Read
	t      *table

	started bool
	done    bool
	chunk   int // bytes
	prog    *program
	desk    *desk
	worker  *worker  // of desk
	*scope           // of desk
	targets []target // left to visit
	absent  []int    // to be told with the first chunk
	spans   []command.Span
	scanned int64
	gather  gatherer
	pending [][]byte // rows to be sent
}

// desk is what a query works with. It is used again and again.
type desk struct {
	worker worker
	scope  scope
}

// scope is what a query sees, and what it tells of that beside rows.
type scope struct {
	sight     sight
	overlay   overlay
	revisions []object.Revision
	upto      object.ID // of the chunk
	print     fingerprint
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

var desks = sync.Pool{New: func() any { return new(desk) }}

// Begin makes a read of the newest state ready for Pin.
func (m *Machine) Begin(r *command.Read) *Query { return &Query{moment: moment{m: m}, read: r} }

// Pin fixes the state as it is now. It may be called again, before the first Next.
// For a read of a Pinned it does nothing.
func (q *Query) Pin() error {
	if q.pinned != nil {
		return nil
	}
	return q.pinNewest(points(q.read.Targets, q.read.Spans, q.read.View.Checks))
}

func (q *Query) pinNewest(points int) error {
	q.unpin()
	q.refusal = nil
	space := q.m.reading.Load()
	if space == nil {
		return storage.ErrClosed
	}
	q.view = q.m.published.Load()
	if q.t, q.refusal = q.view.schema(q.read.Table, q.read.Schema); q.refusal != nil {
		return nil
	}
	v := &q.read.View
	q.newest.begin(q.m)
	if q.read.MaxStaleness > 0 {
		q.newest.stale = true
	} else if q.newest.shielded(q.read.Targets, q.read.Spans) || q.newest.shieldedPart(v.Checks) {
		q.refusal = &command.Refusal{Reason: command.Awaited}
		if q.read.Home && len(q.read.Spans) > 0 && v.Checks == nil {
			q.refusal.Reason = command.Elsewhere
		}
		return nil
	}
	if err := q.fix(space, points); err != nil {
		return err
	}
	q.t, q.refusal = q.view.schema(q.read.Table, q.read.Schema)
	return nil
}

// Close lets the pinned state go. Calling it again is harmless.
func (q *Query) Close() {
	q.unpin()
	q.done = true
	if q.desk != nil {
		q.desk.worker.release()
		q.desk.scope = scope{print: fingerprint{buf: q.desk.scope.print.buf}}
		desks.Put(q.desk)
		q.desk, q.worker, q.scope = nil, nil, nil
	}
	q.gather, q.pending, q.targets = gatherer{}, nil, nil
}

// Done reports whether the last chunk was given.
func (q *Query) Done() bool { return q.done }

// Next computes the next chunk. A refusal and an error of the statement are in the
// chunk, which is the last one then. A refusal as Awaited, in the newest state, says
// that an object is on its way, or that a transaction has staged a change of what is
// read: the read is to be begun again after Events.Arrived. The returned error is
// that of ctx or of storage.
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
		if q.refusal == nil {
			if err := q.startSteady(ctx, chunk); err != nil {
				return err
			}
		}
		if q.refusal != nil || chunk.Conflict != nil {
			q.done = true
			chunk.Refusal = q.refusal
			return nil
		}
		chunk.Absent, chunk.Revisions = q.absent, q.revisions
	}
	q.scanned = 0
	if !q.gather.finished && q.gather.pendingBytes < q.chunk {
		if err := q.visit(ctx); err != nil {
			return err
		}
	}
	chunk.Scanned = q.scanned
	if q.read.View.Track {
		chunk.Print, chunk.Upto = q.print.print(q.index()), q.upto
	}
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

// startSteady starts, and sees to it that what is seen is of one moment.
func (q *Query) startSteady(ctx context.Context, chunk *command.Chunk) error {
	err := q.start(ctx, chunk)
	for points := q.points; q.torn(); points = 0 {
		*chunk, q.absent = command.Chunk{}, nil
		if err := q.pinNewest(points); err != nil || q.refusal != nil {
			return err
		}
		err = q.start(ctx, chunk)
	}
	return err
}

// start decodes the program, compares what is to be checked, and finds the objects
// that the read names.
func (q *Query) start(ctx context.Context, chunk *command.Chunk) error {
	q.started = true
	prog, failure := q.m.programs.get(q.read.Program)
	if failure != nil {
		return failure
	}
	q.prog = prog
	if q.desk == nil {
		q.desk = desks.Get().(*desk)
		q.worker, q.scope = &q.desk.worker, &q.desk.scope
	}
	var err error
	if q.sight, err = q.sightOf(&q.read.View); err != nil {
		return err
	}
	if q.read.Home && len(q.read.Spans) > 0 {
		home, err := q.view.isHome(q.sight.r, q.t, q.read.Spans)
		if err != nil || !home {
			q.refusal = &command.Refusal{Reason: command.Elsewhere}
			return err
		}
	}
	if v := &q.read.View; len(v.Overlay) > 0 || v.Checks != nil {
		if err := q.applyView(ctx, chunk); err != nil || q.refusal != nil || chunk.Conflict != nil {
			return err
		}
	}
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
	if len(q.spans) > 0 { // until something is looked at
		q.upto = q.spans[0].Start
		if q.read.Reverse {
			q.upto = q.spans[len(q.spans)-1].End
		}
	}
	return nil
}
