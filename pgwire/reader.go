package pgwire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgproto3/v2"

	"github.com/ssmr/ssmr/internal/pgerror"
)

const (
	readBufferBytes = 8 << 10
	// keptBodyBytes is the largest message body whose memory is kept for the next.
	keptBodyBytes = 64 << 10
)

// errMalformed says that a frame was whole and its content was not. The place
// in the stream is kept.
type errMalformed struct{ kind byte }

func (e *errMalformed) Error() string { return fmt.Sprintf("malformed message of type %q", e.kind) }

// SQLState returns 08P01.
func (e *errMalformed) SQLState() string { return pgerror.ProtocolViolation }

// reader reads messages. What it returns is valid until the next call.
type reader struct {
	r    *bufio.Reader
	max  int
	body []byte

	bind     pgproto3.Bind
	parse    pgproto3.Parse
	describe pgproto3.Describe
	execute  pgproto3.Execute
	close    pgproto3.Close
	query    pgproto3.Query
	sync     pgproto3.Sync
	flush    pgproto3.Flush
	term     pgproto3.Terminate
	function pgproto3.FunctionCall
	copyData pgproto3.CopyData
	copyDone pgproto3.CopyDone
	copyFail pgproto3.CopyFail
}

func newReader(r io.Reader, limit int) *reader {
	return &reader{r: bufio.NewReaderSize(r, readBufferBytes), max: limit}
}

// next reads one message. Errors are *errMalformed (go on), a *pgerror.Error
// (tell the client and close) or one of the connection.
func (r *reader) next() (pgproto3.FrontendMessage, error) {
	var head [5]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, err
	}
	msg := r.message(head[0])
	if msg == nil {
		return nil, pgerror.New(pgerror.ProtocolViolation, "invalid frontend message type %d", head[0])
	}
	n := int64(binary.BigEndian.Uint32(head[1:])) - 4
	if n < 0 {
		return nil, pgerror.New(pgerror.ProtocolViolation, "invalid message length")
	}
	if n > int64(r.max) {
		return nil, pgerror.New(pgerror.ProtocolViolation, "message of %d bytes is longer than the limit of %d bytes", n, r.max)
	}
	body, err := r.read(int(n))
	if err != nil {
		return nil, err
	}
	if err := decode(msg, body); err != nil {
		return nil, &errMalformed{kind: head[0]}
	}
	return msg, nil
}

// syncFollows reports whether, of what has arrived, a Sync comes next, or behind
// messages that execute nothing.
func (r *reader) syncFollows() bool {
	b, _ := r.r.Peek(r.r.Buffered())
	for len(b) >= 5 {
		switch b[0] {
		case 'S':
			return true
		case 'C', 'H':
		default:
			return false
		}
		n := int64(binary.BigEndian.Uint32(b[1:])) + 1
		if n < 5 || n > int64(len(b)) {
			return false
		}
		b = b[n:]
	}
	return false
}

// message returns the message that a type byte stands for; nil for none.
func (r *reader) message(kind byte) pgproto3.FrontendMessage {
	switch kind {
	case 'B':
		return &r.bind
	case 'E':
		return &r.execute
	case 'P':
		return &r.parse
	case 'D':
		return &r.describe
	case 'S':
		return &r.sync
	case 'Q':
		return &r.query
	case 'C':
		return &r.close
	case 'H':
		return &r.flush
	case 'X':
		return &r.term
	case 'F':
		return &r.function
	case 'd':
		return &r.copyData
	case 'c':
		return &r.copyDone
	case 'f':
		return &r.copyFail
	}
	return nil
}

// read returns the next n bytes. Memory grows with the bytes that arrive, so a
// length that is a lie costs nothing.
func (r *reader) read(n int) ([]byte, error) {
	const step = 1 << 20
	if cap(r.body) > keptBodyBytes && n <= keptBodyBytes {
		r.body = nil
	}
	if n <= step {
		if cap(r.body) < n {
			r.body = make([]byte, max(n, 1024))
		}
		b := r.body[:n]
		_, err := io.ReadFull(r.r, b)
		return b, err
	}
	b := make([]byte, 0, step)
	for len(b) < n {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(n, 2*cap(b)))
			copy(grown, b)
			b = grown
		}
		part := b[len(b):min(cap(b), n)]
		if _, err := io.ReadFull(r.r, part); err != nil {
			return nil, err
		}
		b = b[:len(b)+len(part)]
	}
	r.body = b
	return b, nil
}

// decode fills msg from a body. The decoders of pgproto3 index beyond the end of
// some malformed bodies; that is an error like any other here.
func decode(msg pgproto3.FrontendMessage, body []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("malformed")
		}
	}()
	return msg.Decode(body)
}
