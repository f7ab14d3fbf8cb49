package trace

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// Config of a Recorder. Zero values mean the defaults, where there are some.
type Config struct {
	// File is appended to. Required.
	File string
	// Size bounds what is kept on disk, in bytes: where half of it is reached, the file
	// becomes <File>.1, in the place of an older one, and a new one is begun. Default:
	// 100 MB.
	Size int64
	Node object.NodeID
	// Catalog tells of partitions. Required.
	Catalog func() *catalog.Snapshot
	// Queue bounds the commands that wait to be written, QueueBytes their lines. Defaults:
	// 4096 and 32 MiB.
	Queue      int
	QueueBytes int64
	// LineBytes bounds a line, about. Default: 1 MiB.
	LineBytes int
	Clock     func() time.Time // nil: time.Now
	Logger    *slog.Logger     // nil: discarded
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.File == "":
		return c, errors.New("trace: the file is missing")
	case c.Catalog == nil:
		return c, errors.New("trace: the catalog is missing")
	}
	if c.Size == 0 {
		c.Size = 100_000_000
	}
	if c.Queue == 0 {
		c.Queue = 4096
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = 32 << 20
	}
	if c.LineBytes == 0 {
		c.LineBytes = 1 << 20
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Recorder writes a trace. Record may be called from many goroutines.
type Recorder struct {
	cfg     Config
	queue   chan command
	waiting atomic.Int64 // bytes in the queue
	dropped atomic.Int64 // commands

	mu     sync.RWMutex // held for reading while the queue is sent to
	closed bool
	done   chan struct{} // closed when the writer has ended
	err    error         // of the writer, once done
}

// command is a line that waits to be written, and the tables that it refers to.
type command struct {
	tables []*catalog.Table
	line   []byte
}

// NewRecorder begins a recording.
func NewRecorder(cfg Config) (*Recorder, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &writer{cfg: cfg}
	if err := w.open(); err != nil {
		return nil, err
	}
	r := &Recorder{cfg: cfg, queue: make(chan command, cfg.Queue), done: make(chan struct{})}
	go r.write(w)
	return r, nil
}

// Record records a command that touched n things. It does not block: where the writer
// cannot keep up, the command is dropped, and counted. touch is not called afterwards.
func (r *Recorder) Record(n int, touch func(i int) Touch) {
	if n == 0 {
		return
	}
	c, err := r.encode(n, touch)
	if err != nil {
		r.cfg.Logger.Error("a command cannot be traced", "error", err)
		r.dropped.Add(1)
		return
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return
	}
	size := int64(len(c.line))
	if r.waiting.Add(size) <= r.cfg.QueueBytes {
		select {
		case r.queue <- c:
			return
		default:
		}
	}
	r.waiting.Add(-size)
	r.dropped.Add(1)
}

func (r *Recorder) encode(n int, touch func(i int) Touch) (command, error) {
	var c command
	l := Line{At: r.cfg.Clock().UTC()}
	size := 0
	for i := range n {
		t := touch(i)
		touched, err := describe(&t)
		if err != nil {
			return c, err
		}
		if size += touched.size(); size > r.cfg.LineBytes && len(l.Touches) > 0 {
			l.More = n - i
			break
		}
		l.Touches = append(l.Touches, touched)
		if len(c.tables) == 0 || c.tables[len(c.tables)-1] != t.Table {
			c.tables = append(c.tables, t.Table)
		}
	}
	var err error
	c.line, err = json.Marshal(l)
	return c, err
}

// size is about how long the touch is in a line.
func (t *Touched) size() int {
	size := 40
	for _, k := range t.Key {
		size += len(k) + 3
	}
	for _, v := range t.Values {
		if size += 5; v != nil {
			size += len(*v)
		}
	}
	for name, v := range t.Set {
		if size += len(name) + 8; v != nil {
			size += len(*v)
		}
	}
	return size
}

// Dropped counts commands that were not recorded.
func (r *Recorder) Dropped() int64 { return r.dropped.Load() }

// Close writes what waits, and ends the recording. The error says that not all could
// be written. Calling it again gives the same answer.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	<-r.done
	return r.err
}

// write is the goroutine that owns the file.
func (r *Recorder) write(w *writer) {
	defer close(r.done)
	var told int64 // of those dropped
	for c := range r.queue {
		r.waiting.Add(-int64(len(c.line)))
		if r.err != nil {
			r.dropped.Add(1)
			continue
		}
		r.err = w.command(c)
		if dropped := r.dropped.Load(); r.err == nil && dropped > told && len(r.queue) == 0 {
			r.err = w.line(Line{Dropped: dropped - told})
			told = dropped
		}
		if r.err == nil && len(r.queue) == 0 {
			r.err = w.out.Flush()
		}
		if r.err != nil {
			r.cfg.Logger.Error("the trace cannot be written; no more is", "file", r.cfg.File, "error", r.err)
		}
	}
	if dropped := r.dropped.Load(); r.err == nil && dropped > told {
		r.err = w.line(Line{Dropped: dropped - told})
	}
	r.err = errors.Join(r.err, w.close())
}

// previous is the name of the file before the last change.
func previous(file string) string { return file + ".1" }

// openFile opens a file to append to, and tells its size.
func openFile(name string) (*os.File, int64, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}
