package execute

import (
	"context"
	"sync"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
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
}

// scanRows reads key ranges from several partitions in parallel: each at one
// instant of its own. Rows come as chunks arrive, or merged by order.
type scanRows struct {
	x       *Executor
	f       *facts
	table   *catalog.Table
	width   int
	streams []*stream
	order   []command.Order // nil: as they come

	begun  bool
	life   context.Context // of the fetches: from the first row to close
	cancel context.CancelFunc
	wait   sync.WaitGroup
	slots  chan struct{}
	shared chan fetched // where the order does not matter
	flying int
	now    *stream // whose chunk is given out
	row    []datum.Datum
	merge  *merge
}

// scan makes the stream of a read of key ranges from the given partitions.
func (x *Executor) scan(f *facts, t *catalog.Table, read command.Read, width int, order []command.Order, parts []object.PartitionID) *scanRows {
	r := &scanRows{x: x, f: f, table: t, width: width, order: order}
	for _, p := range parts {
		s := &stream{part: p, read: read}
		s.read.Context.Seed = seedFor(read.Context.Seed, p)
		r.streams = append(r.streams, s)
	}
	return r
}

// begin starts to fetch from all partitions.
func (r *scanRows) begin(ctx context.Context) {
	r.begun = true
	r.life, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.slots = make(chan struct{}, r.x.cfg.Parallelism)
	r.shared = make(chan fetched, len(r.streams))
	for _, s := range r.streams {
		s.arrived = r.shared
		if r.order != nil {
			s.arrived = make(chan fetched, 1)
		}
	}
	if len(r.streams) == 1 {
		return // fetched when it is wanted
	}
	for _, s := range r.streams {
		r.fetch(s)
	}
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
		chunk, err = r.x.read(ctx, s.part, r.table, &s.read, r.f)
	} else {
		chunk, err = r.x.deps.Partitions.Next(ctx, s.part, s.cursor)
		if err == nil {
			r.f.chunk(chunk)
		}
	}
	switch {
	case err != nil:
		return nil, interrupted(ctx, err)
	case chunk.Err != nil:
		return nil, chunk.Err
	case chunk.Refusal != nil:
		return nil, errImpatient("partition refuses a scan: it waits for an object")
	}
	s.cursor = chunk.Cursor
	return chunk, nil
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
			if err != nil {
				return false, err
			}
			s.chunk, s.at = chunk, 0
		}
	}
}

func (r *scanRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if !r.begun {
		r.begin(ctx)
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
	for _, s := range r.streams {
		if !s.cursor.IsZero() {
			r.x.deps.Partitions.CloseCursor(s.part, s.cursor)
		}
	}
	r.streams, r.flying, r.now, r.begun = nil, 0, nil, true
}
