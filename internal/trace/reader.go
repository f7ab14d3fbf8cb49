package trace

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// readLine bounds a line that is read, in bytes. What Recorder writes is shorter.
const readLine = 64 << 20

// Reader reads a trace.
type Reader struct {
	lines *bufio.Scanner
	line  int
}

// NewReader reads a trace from r.
func NewReader(r io.Reader) *Reader {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), readLine)
	return &Reader{lines: s}
}

// Next returns the next line; io.EOF at the end. An error tells the number of the line
// that is none. The last line of a recording may be cut off, as a crash leaves it: it is
// passed over.
func (r *Reader) Next() (*Line, error) {
	var torn error
	for r.lines.Scan() {
		r.line++
		text := r.lines.Bytes()
		if len(text) == 0 {
			continue
		}
		l := new(Line)
		switch err := json.Unmarshal(text, l); {
		case torn != nil && (err != nil || l.Trace == nil):
			return nil, torn
		case err != nil:
			torn = fmt.Errorf("trace: line %d: %w", r.line, err)
			continue
		case l.Trace != nil && l.Trace.Version > Version:
			return nil, fmt.Errorf("trace: line %d: version %d is newer than this program, which knows %d", r.line, l.Trace.Version, Version)
		}
		return l, nil
	}
	if err := r.lines.Err(); err != nil {
		return nil, fmt.Errorf("trace: line %d: %w", r.line+1, err)
	}
	return nil, io.EOF
}
