package host

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// What policies say is shown to people and kept with objects, so it is bounded, in bytes.
const (
	maxName = 64
	// MaxReason bounds a reason, as oracle does what is kept of it.
	MaxReason = 200
	maxText   = 500
)

// Clip bounds a text to so many bytes, the last of which are dots where it was longer, and
// leaves out what no text may hold.
func Clip(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if len(s) <= most {
		return s
	}
	const dots = "..."
	n := most - len(dots)
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + dots
}

// outputBytes bounds what of a policy's output is read in a second. One that writes
// more waits.
const outputBytes = 256 << 10

// pace slows the reading of a policy's output, so that a flood costs the server little.
type pace struct {
	mu    sync.Mutex // guards what follows
	since time.Time
	bytes int
}

// take counts n bytes that were read, and waits where that is too many.
func (p *pace) take(n int) {
	p.mu.Lock()
	now := time.Now()
	if now.Sub(p.since) >= time.Second {
		p.since, p.bytes = now, 0
	}
	p.bytes += n
	wait := time.Duration(0)
	if p.bytes > outputBytes {
		wait = time.Second - now.Sub(p.since)
	}
	p.mu.Unlock()
	time.Sleep(wait)
}

// handshakeReader reads the first line of a policy's standard output. What follows is
// thrown away: an SDK passes on what is printed by other means.
type handshakeReader struct {
	f    *os.File
	done bool
}

// Read reads the first line, and then waits for the end.
func (r *handshakeReader) Read(b []byte) (int, error) {
	if r.done {
		_, _ = io.Copy(io.Discard, r.f)
		return 0, io.EOF
	}
	n, err := r.f.Read(b)
	if i := bytes.IndexByte(b[:n], '\n'); i >= 0 {
		r.done = true
		return i + 1, nil
	}
	return n, endOf(err)
}

// Close ends a Read.
func (r *handshakeReader) Close() error { return r.f.Close() }

// pacedReader reads a policy's standard error.
type pacedReader struct {
	f    *os.File
	pace *pace
}

// Read reads, and waits where there is too much.
func (r *pacedReader) Read(b []byte) (int, error) {
	n, err := r.f.Read(b)
	r.pace.take(n)
	return n, endOf(err)
}

// Close ends a Read.
func (r *pacedReader) Close() error { return r.f.Close() }

// endOf takes a file that was closed for one that has ended.
func endOf(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return io.EOF
	}
	return err
}

// lineWriter passes on, line by line, what the SDK hears of a policy's output.
type lineWriter struct {
	pace *pace
	line func(string)
	rest []byte // of a line whose end has not come
}

// Write takes a piece of the output.
func (w *lineWriter) Write(b []byte) (int, error) {
	w.pace.take(len(b))
	w.rest = append(w.rest, b...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 && len(w.rest) < maxLogLine {
			return len(b), nil
		}
		if i < 0 {
			i = len(w.rest) - 1
		}
		w.line(string(w.rest[:i]))
		w.rest = append(w.rest[:0], w.rest[i+1:]...)
	}
}
