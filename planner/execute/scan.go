package execute

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute/footprint"
)

// fetched is a chunk of one stream.
type fetched struct {
	s     *stream
	chunk *command.Chunk
	err   error
}

// stream is one partition's share of a scan. At most one chunk is being fetched
// while another is given out.
type stream struct {
	part    object.PartitionID
	read    command.Read
	cursor  command.Cursor // of the next chunk; belongs to who fetches
	arrived chan fetched
	flying  bool // a chunk is being fetched, or waits in arrived
	chunk   *command.Chunk
	at      int
	noted   *footprint.Range // what the transaction knows of it
}

// scanRows reads key ranges from several partitions in parallel, all at one
// instant: from a snapshot, which is let go when the last partition has begun. Rows
// come as chunks arrive, or merged by order.
type scanRows struct {
	x       *Executor
	f       *facts
	tx      *Transaction // nil: none
	table   *catalog.Table
	width   int
	streams []*stream
	order   []command.Order // nil: as they come
	// draft says that the transaction is not told what was read until adopt is called.
	draft bool
	// everywhere, where the only stream is of the home of all objects, makes the streams
	// of all partitions.
	everywhere func() error

	begun  bool
	life   context.Context // of the fetches: from the first row to close
	cancel context.CancelFunc
	wait   sync.WaitGroup
	slots  chan struct{}
	shared chan fetched // where the order does not matter
	flying int
	pinned Snapshot     // nil: the newest state of the only partition, or stale ones
	unread atomic.Int32 // streams that have not read from it
	reads  uint64       // the transaction's, as far as they are of the scan or before it
	behind bool         // the transaction has read newer states than the scan's
	now    *stream      // whose chunk is given out
	row    []datum.Datum
	merge  *merge
}

// scan makes the stream of a read of key ranges from the given partitions.
func (e *Execution) scan(t *catalog.Table, read command.Read, width int, order []command.Order, parts []object.PartitionID) *scanRows {
	r := &scanRows{x: e.x, f: e.facts, tx: e.tx, table: t, width: width, order: order}
	for _, p := range parts {
		s := &stream{part: p, read: read}
		s.read.Context.Seed = seedFor(read.Context.Seed, p)
		r.streams = append(r.streams, s)
	}
	return r
}

// begin fixes the state that is read, and starts to fetch from all partitions.
func (r *scanRows) begin(ctx context.Context) error {
	r.begun = true
	if len(r.streams) == 0 {
		return nil
	}
	if r.everywhere != nil {
		if err := r.atHome(ctx); err != nil || len(r.streams) == 1 {
			return err
		}
	}
	parts := make([]object.PartitionID, len(r.streams))
	for i, s := range r.streams {
		parts[i] = s.part
	}
	if len(parts) > 1 && r.streams[0].read.MaxStaleness == 0 {
		var err error
		if r.pinned, err = r.x.snapshot(ctx, parts); err != nil {
			return err
		}
		r.unread.Store(int32(len(parts)))
	}
	r.life, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.slots = make(chan struct{}, r.x.cfg.Parallelism)
	r.shared = make(chan fetched, len(r.streams))
	for _, s := range r.streams {
		s.arrived = r.shared
		if r.order != nil {
			s.arrived = make(chan fetched, 1)
		}
		if r.tx != nil {
			s.read.View = r.tx.scanView(s.part, r.table, s.read.Spans)
		}
	}
	if len(r.streams) == 1 { // fetched when it is wanted
		if r.tx == nil {
			return nil
		}
		if _, err := r.advance(ctx, r.streams[0]); err != nil {
			return err
		}
	} else {
		for _, s := range r.streams {
			r.fetch(s)
		}
		if err := r.gather(ctx); err != nil {
			return err
		}
	}
	if r.tx == nil {
		return nil
	}
	r.reads = r.tx.print.Reads()
	if r.draft {
		return nil
	}
	return r.tx.settle(ctx, r.f, nil, parts)
}

// gather waits until all partitions have begun to answer. Before that no row is given
// out, so that the statement can be started again where one cannot answer: where its
// pinned state is gone, or older than the table's descriptor.
func (r *scanRows) gather(ctx context.Context) error {
	all := make([]fetched, 0, len(r.streams))
	for _, s := range r.streams {
		select {
		case got := <-s.arrived:
			all = append(all, got)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, got := range all {
		switch {
		case got.err != nil:
			return got.err
		case got.chunk.Refusal != nil:
			return r.note(ctx, got.s, got.chunk)
		}
	}
	for _, got := range all {
		got.s.arrived <- got // there is room: each stream has one chunk under way
	}
	return nil
}

// fetch gets a stream's next chunk in the background. The channel has room.
func (r *scanRows) fetch(s *stream) {
	s.flying = true
	r.flying++
	r.wait.Add(1)
	go func() {
		defer r.wait.Done()
		select {
		case r.slots <- struct{}{}:
			defer func() { <-r.slots }()
		case <-r.life.Done():
			s.arrived <- fetched{s: s, err: r.life.Err()}
			return
		}
		chunk, err := r.chunk(r.life, s)
		s.arrived <- fetched{s, chunk, err}
	}()
}

// chunk asks a partition for a stream's next chunk.
func (r *scanRows) chunk(ctx context.Context, s *stream) (*command.Chunk, error) {
	var chunk *command.Chunk
	var err error
	if s.cursor.IsZero() {
		chunk, err = r.x.read(ctx, r.pinned, s.part, r.table, &s.read, r.f)
		if r.pinned != nil && r.unread.Add(-1) == 0 {
			r.pinned.Close() // cursors stay
		}
	} else {
		if chunk, err = r.x.deps.Partitions.Next(ctx, s.part, s.cursor); err == nil {
			r.f.chunk(chunk)
		}
	}
	switch {
	case errors.Is(err, errPinned):
		return nil, restarts(errImpatient("it has not had the table's descriptor"))
	case err != nil:
		return nil, lost(ctx, err)
	case chunk.Err != nil:
		return nil, chunk.Err
	}
	s.cursor = chunk.Cursor
	return chunk, nil
}

// note tells the transaction what a chunk is of.
func (r *scanRows) note(ctx context.Context, s *stream, chunk *command.Chunk) error {
	switch {
	case chunk.Conflict != nil:
		return r.tx.conflict(chunk.Conflict)
	case chunk.Refusal != nil: // of what is checked
		if r.tx != nil {
			r.tx.learn(chunk.Refusal.Objects)
		}
		return restarts(errImpatient("it waits for an object"))
	case r.tx == nil || !s.read.View.Track:
		return nil
	case r.draft:
		s.noted = r.rangeOf(s, chunk)
		return nil
	}
	r.behind = r.behind || r.tx.print.Reads() != r.reads
	if s.noted == nil {
		s.noted = r.rangeOf(s, chunk)
		if !r.tx.noteRange(r.table, s.noted, chunk.Cursor.IsZero()) {
			return r.tx.conflict(&command.Conflict{Table: r.table.ID})
		}
	} else {
		r.tx.print.Extend(s.noted, readSpans(s.read.Spans, chunk.Upto, s.read.Reverse), chunk.Print)
	}
	if r.behind { // other statements have read since the scan began
		if err := r.tx.settle(ctx, r.f, nil, nil); err != nil {
			return err
		}
	}
	r.reads = r.tx.print.Reads()
	return r.tx.full()
}

// rangeOf is what a stream has read when it has come to a chunk.
func (r *scanRows) rangeOf(s *stream, chunk *command.Chunk) *footprint.Range {
	return &footprint.Range{Partition: s.part, Range: command.Range{
		Table: r.table.ID, Spans: readSpans(s.read.Spans, chunk.Upto, s.read.Reverse), Program: s.read.Program,
		Context: s.read.Context, Print: chunk.Print,
	}}
}

// adopt tells the transaction what a draft has read so far.
func (r *scanRows) adopt(ctx context.Context) error {
	var parts []object.PartitionID
	for _, s := range r.streams {
		parts = append(parts, s.part)
		if s.noted != nil && !r.tx.noteRange(r.table, s.noted, true) {
			return r.tx.conflict(&command.Conflict{Table: r.table.ID})
		}
	}
	if err := r.tx.full(); err != nil {
		return err
	}
	return r.tx.settle(ctx, r.f, nil, parts)
}

// readSpans is the part of spans that a read has come through: up to a key that
// it has not looked at, or where that is empty all of them.
func readSpans(spans []command.Span, upto object.ID, reverse bool) []command.Span {
	if upto == "" {
		return spans
	}
	var out []command.Span
	for _, s := range spans {
		if reverse {
			s.Start = max(s.Start, upto+"\x00")
		} else {
			s.End = min(s.End, upto)
		}
		if s.Start < s.End {
			out = append(out, s)
		}
	}
	return out
}

// receive waits for a chunk of s, or of any stream where s is nil.
func (r *scanRows) receive(ctx context.Context, s *stream) (*stream, error) {
	from := r.shared
	if s != nil {
		from = s.arrived
	}
	select {
	case got := <-from:
		got.s.flying = false
		r.flying--
		if got.err != nil {
			return nil, got.err
		}
		if err := r.note(ctx, got.s, got.chunk); err != nil {
			return nil, err
		}
		got.s.chunk, got.s.at = got.chunk, 0
		if !got.s.cursor.IsZero() {
			r.fetch(got.s) // the next one while this one is given out
		}
		return got.s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// advance gives a stream that has no chunk its next one; false at its end.
func (r *scanRows) advance(ctx context.Context, s *stream) (bool, error) {
	for {
		if s.chunk != nil && s.at < len(s.chunk.Rows) {
			return true, nil
		}
		switch {
		case s.flying:
			if _, err := r.receive(ctx, s); err != nil {
				return false, err
			}
		case s.chunk != nil && s.cursor.IsZero():
			return false, nil
		default: // the only stream
			chunk, err := r.chunk(ctx, s)
			if err == nil {
				err = r.note(ctx, s, chunk)
			}
			if err != nil {
				return false, err
			}
			s.chunk, s.at = chunk, 0
		}
	}
}

func (r *scanRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if !r.begun {
		if err := r.begin(ctx); err != nil {
			return nil, false, err
		}
	}
	switch {
	case len(r.streams) == 0:
		return nil, false, nil
	case len(r.streams) == 1:
		r.now = r.streams[0]
		if ok, err := r.advance(ctx, r.now); !ok {
			return nil, false, err
		}
		return r.take()
	case r.order != nil:
		return r.merged(ctx)
	}
	for r.now == nil || r.now.at >= len(r.now.chunk.Rows) {
		if r.flying == 0 {
			return nil, false, nil
		}
		var err error
		if r.now, err = r.receive(ctx, nil); err != nil {
			return nil, false, err
		}
	}
	return r.take()
}

// take decodes the next row of the stream whose turn it is.
func (r *scanRows) take() ([]datum.Datum, bool, error) {
	var err error
	r.row, err = decodeRow(r.now.chunk.Rows[r.now.at], r.row, r.width)
	r.now.at++
	return r.row, err == nil, err
}

// close ends the fetches, waits for them, and closes the cursors that are open.
func (r *scanRows) close() {
	if r.cancel != nil {
		r.cancel()
		r.wait.Wait()
		r.cancel = nil
	}
	if r.pinned != nil {
		r.pinned.Close()
	}
	for _, s := range r.streams {
		if !s.cursor.IsZero() {
			r.x.deps.Partitions.CloseCursor(s.part, s.cursor)
		}
	}
	r.streams, r.flying, r.now, r.begun = nil, 0, nil, true
}
