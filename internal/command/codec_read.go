package command

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/object"
)

// Bits of the flags of a read. Append only.
const (
	readReverse byte = 1 << iota
	readHome
)

// AppendRead encodes a read.
func AppendRead(dst []byte, q *Read) []byte {
	dst = appendUint(dst, uint64(q.Table))
	dst = appendUint(dst, uint64(q.Schema))
	dst = appendTargets(dst, q.Targets)
	dst = appendSpans(dst, q.Spans)
	var flags byte
	if q.Reverse {
		flags |= readReverse
	}
	if q.Home {
		flags |= readHome
	}
	dst = append(dst, flags)
	dst = appendString(dst, q.Program)
	dst = appendContext(dst, &q.Context)
	dst = binary.AppendVarint(dst, q.Limit)
	dst = binary.AppendVarint(dst, q.MaxStaleness)
	dst = appendUint(dst, uint64(max(q.ChunkBytes, 0)))
	if !q.View.isZero() {
		dst = appendView(dst, &q.View)
	}
	return dst
}

// DecodeRead is the inverse of AppendRead. The program belongs to b.
func DecodeRead(b []byte) (*Read, error) {
	r := reader{b: b}
	q := &Read{
		Table:   object.TableID(r.uint32()),
		Schema:  object.SchemaVersion(r.uint()),
		Targets: r.targets(nil),
		Spans:   r.spans(),
	}
	flags := r.byte()
	if flags > readReverse|readHome {
		r.fail("unknown flags of a read")
	}
	q.Reverse, q.Home = flags&readReverse != 0, flags&readHome != 0
	q.Program = r.take(r.uint())
	q.Context = r.context(nil)
	q.Limit = r.varint()
	q.MaxStaleness = r.varint()
	q.ChunkBytes = r.int()
	if r.more() {
		r.view(&q.View)
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return q, nil
}

// AppendChunk encodes a chunk.
func AppendChunk(dst []byte, c *Chunk) []byte {
	dst = append(dst, answerFlags(c.Refusal, c.Err))
	dst = appendRefusal(dst, c.Refusal)
	dst = appendError(dst, c.Err)
	dst = appendRows(dst, c.Rows)
	dst = appendIndexes(dst, c.Absent)
	dst = AppendCursor(dst, c.Cursor)
	dst = binary.AppendVarint(dst, c.Scanned)
	if c.Conflict == nil && len(c.Revisions) == 0 && c.Print == (Fingerprint{}) && c.Upto == "" {
		return dst
	}
	dst = appendConflict(dst, c.Conflict)
	dst = appendRevisions(dst, c.Revisions)
	dst = appendPrint(dst, c.Print)
	return appendString(dst, c.Upto)
}

// DecodeChunk is the inverse of AppendChunk. The rows belong to b.
func DecodeChunk(b []byte) (*Chunk, error) {
	r := reader{b: b}
	c := new(Chunk)
	c.Refusal, c.Err = r.answer()
	c.Rows = r.rows()
	c.Absent = r.indexes()
	c.Cursor = r.cursor()
	c.Scanned = r.varint()
	if r.more() {
		c.Conflict, c.Revisions, c.Print, c.Upto = r.conflict(), r.revisions(), r.print(), object.ID(r.string())
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return c, nil
}

// AppendCursor encodes a cursor.
func AppendCursor(dst []byte, c Cursor) []byte {
	return appendUint(appendString(dst, c.Node), c.ID)
}

// DecodeCursor is the inverse of AppendCursor.
func DecodeCursor(b []byte) (Cursor, error) {
	r := reader{b: b}
	c := r.cursor()
	return c, r.done()
}

func (r *reader) cursor() Cursor {
	return Cursor{Node: object.NodeID(r.string()), ID: r.uint()}
}
