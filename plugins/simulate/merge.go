package simulate

import (
	"errors"
	"io"
	"os"

	"github.com/ssmr/ssmr/internal/trace"
)

// merged reads several traces as one, in the order of time.
type merged struct{ inputs []*input }

// input is a trace and its next line.
type input struct {
	file *os.File
	in   *trace.Reader
	next *trace.Line // nil: at the end
}

func openTraces(names []string) (*merged, error) {
	m := new(merged)
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, errors.Join(err, m.close())
		}
		i := &input{file: f, in: trace.NewReader(f)}
		m.inputs = append(m.inputs, i)
		if err := i.advance(); err != nil {
			return nil, errors.Join(err, m.close())
		}
	}
	return m, nil
}

func (i *input) advance() error {
	var err error
	if i.next, err = i.in.Next(); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// line returns the next line; nil at the end. Lines that are no commands come before the
// commands that follow them.
func (m *merged) line() (*trace.Line, error) {
	var first *input
	for _, i := range m.inputs {
		switch {
		case i.next == nil:
		case i.next.Touches == nil:
			line := i.next
			return line, i.advance()
		case first == nil || i.next.At.Before(first.next.At):
			first = i
		}
	}
	if first == nil {
		return nil, nil
	}
	line := first.next
	return line, first.advance()
}

func (m *merged) close() error {
	var err error
	for _, i := range m.inputs {
		err = errors.Join(err, i.file.Close())
	}
	return err
}
