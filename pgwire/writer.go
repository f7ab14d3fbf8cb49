package pgwire

import (
	"encoding/binary"
	"io"

	"github.com/jackc/pgproto3/v2"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

const (
	flushAtBytes     = 32 << 10
	keptOutputBytes  = 256 << 10
	maxOutputMessage = 1<<30 - 1
)

// writer gathers messages and writes them together. After a failed write it
// drops everything and keeps the error.
type writer struct {
	w   io.Writer
	buf []byte
	err error
}

// send queues a message.
func (w *writer) send(msg pgproto3.BackendMessage) {
	if w.err != nil {
		return
	}
	b, err := msg.Encode(w.buf)
	if err != nil {
		w.err = err
		return
	}
	w.buf = b
}

// raw queues a message of one type byte and a body that is appended by f.
func (w *writer) raw(kind byte, f func(dst []byte) []byte) {
	start := len(w.buf)
	w.buf = append(w.buf, kind, 0, 0, 0, 0)
	w.buf = f(w.buf)
	binary.BigEndian.PutUint32(w.buf[start+1:], uint32(len(w.buf)-start-1))
}

// empty queues a message without a body.
func (w *writer) empty(kind byte) { w.buf = append(w.buf, kind, 0, 0, 0, 4) }

func (w *writer) ready(status session.Status) { w.buf = append(w.buf, 'Z', 0, 0, 0, 5, byte(status)) }

// flush writes what has gathered.
func (w *writer) flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
	if cap(w.buf) > keptOutputBytes {
		w.buf = nil
	}
	return w.err
}

// flushFull writes if enough has gathered.
func (w *writer) flushFull() error {
	if len(w.buf) < flushAtBytes {
		return w.err
	}
	return w.flush()
}

// commandComplete queues the tag of a finished statement.
func (w *writer) commandComplete(tag string) {
	start := len(w.buf)
	w.buf = append(w.buf, 'C', 0, 0, 0, 0)
	w.buf = append(append(w.buf, tag...), 0)
	binary.BigEndian.PutUint32(w.buf[start+1:], uint32(len(w.buf)-start-1))
}

// rowDescription queues the description of a result; formats are 0, 1 or N long.
func (w *writer) rowDescription(cols []session.Column, formats []int16) {
	w.raw('T', func(b []byte) []byte {
		b = binary.BigEndian.AppendUint16(b, uint16(len(cols)))
		for i, c := range cols {
			b = append(append(b, c.Name...), 0)
			b = binary.BigEndian.AppendUint32(b, c.Table)
			b = binary.BigEndian.AppendUint16(b, c.Attribute)
			b = binary.BigEndian.AppendUint32(b, c.Type.OID)
			b = binary.BigEndian.AppendUint16(b, uint16(c.Type.Len()))
			b = binary.BigEndian.AppendUint32(b, uint32(c.Type.Mod))
			b = binary.BigEndian.AppendUint16(b, uint16(formatOf(formats, i)))
		}
		return b
	})
}

// dataRow queues a row. A row that no message can hold is 54000, and nothing of
// it is queued.
func (w *writer) dataRow(values []datum.Datum, cols []session.Column, formats []int16, f *datum.Format) error {
	start := len(w.buf)
	b := append(w.buf, 'D', 0, 0, 0, 0, byte(len(values)>>8), byte(len(values)))
	for i, v := range values {
		if v.IsNull() {
			b = append(b, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		at := len(b)
		b = append(b, 0, 0, 0, 0)
		if formatOf(formats, i) == 0 {
			b = datum.AppendText(b, v, cols[i].Type, f)
		} else {
			b = datum.AppendBinary(b, v, cols[i].Type)
		}
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	if len(b)-start > maxOutputMessage {
		w.buf = b[:start]
		return pgerror.New(pgerror.ProgramLimitExceeded, "result row of %d bytes is larger than a message can be", len(b)-start)
	}
	binary.BigEndian.PutUint32(b[start+1:], uint32(len(b)-start-1))
	w.buf = b
	return nil
}

// formatOf returns the format code of column i: no code means text, one code
// stands for all columns.
func formatOf(formats []int16, i int) int16 {
	switch {
	case len(formats) == 0:
		return 0
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	}
	return 0
}
