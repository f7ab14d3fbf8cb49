package command

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// ErrMalformed is in the chain of every error of this package's decoders: the
// bytes are not what the encoder of this version, or an older one, writes.
var ErrMalformed = errors.New("malformed command encoding")

// How the encodings grow: fields and kinds are added at the end, never changed
// or removed. A decoder that finds the end of the input where a later field
// would begin leaves that field zero; it refuses bytes that it does not know,
// because a replica that ignores what another one executes would diverge.

func appendUint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendBytes tells nil from empty.
func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b))+1)
	return append(dst, b...)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// reader takes an encoding apart. After the first error it returns zero values;
// err tells at the end.
type reader struct {
	b   []byte
	err error
	d   *Decoder // whose memory is used; nil: new memory
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
	r.b = nil
}

// done returns the first error; bytes that are left over are one.
func (r *reader) done() error {
	if r.err == nil && len(r.b) > 0 {
		r.fail("bytes of an unknown version are left over")
	}
	return r.err
}

func (r *reader) more() bool { return len(r.b) > 0 }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail("too short")
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) bool() bool {
	switch r.byte() {
	case 0:
		return false
	case 1:
		return true
	}
	r.fail("not a boolean")
	return false
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("not a number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uint32() uint32 {
	v := r.uint()
	if v > 1<<32-1 {
		r.fail("number is out of range")
		return 0
	}
	return uint32(v)
}

// int reads a number that is an index or a count held in an int.
func (r *reader) int() int {
	v := r.uint()
	if v > 1<<31-1 {
		r.fail("number is out of range")
		return 0
	}
	return int(v)
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("not a number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads the number of elements that follow, each of at least size bytes,
// so that no more memory is taken than the input can fill.
func (r *reader) count(size int) int {
	v := r.uint()
	if v > uint64(len(r.b)/size) {
		r.fail("more elements than bytes")
		return 0
	}
	return int(v)
}

// take returns the next n bytes; they belong to the input.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail("too short")
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) string() string { return string(r.take(r.uint())) }

// name is string of what is one of few: a node, a time zone.
func (r *reader) name() string { return r.d.name(r.take(r.uint())) }

// bytes is the inverse of appendBytes.
func (r *reader) bytes() []byte {
	n := r.uint()
	if n == 0 {
		return nil
	}
	v := r.take(n - 1)
	if v == nil && r.err == nil {
		v = []byte{}
	}
	return v
}

func appendTargets(dst []byte, targets []Target) []byte {
	dst = appendUint(dst, uint64(len(targets)))
	for i := range targets {
		dst = appendTarget(dst, &targets[i])
	}
	return dst
}

// Bits of the flags of a target. Append only.
const (
	targetArriving byte = 1 << iota
	targetUnsure
)

func appendTarget(dst []byte, t *Target) []byte {
	dst = appendString(dst, t.ID)
	dst = appendUint(dst, uint64(t.Version))
	var flags byte
	if t.Arriving {
		flags |= targetArriving
	}
	if t.Unsure {
		flags |= targetUnsure
	}
	return appendBytes(append(dst, flags), t.Row)
}

// targets reads targets, in the memory of into where there is room.
func (r *reader) targets(into []Target) []Target {
	n := r.count(4)
	if n == 0 {
		return nil
	}
	targets := room(into, n)
	for i := range targets {
		r.target(&targets[i])
	}
	return targets
}

// room returns n elements to be written over, in the memory of s where that is enough.
func room[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n)
	}
	return s[:n]
}

func (r *reader) target(t *Target) {
	t.ID = object.ID(r.string())
	t.Version = object.LocationVersion(r.uint())
	flags := r.byte()
	if flags > targetArriving|targetUnsure {
		r.fail("unknown flags of a target")
	}
	t.Arriving, t.Unsure = flags&targetArriving != 0, flags&targetUnsure != 0
	t.Row = r.bytes()
}

func appendSpans(dst []byte, spans []Span) []byte {
	dst = appendUint(dst, uint64(len(spans)))
	for _, s := range spans {
		dst = appendString(dst, s.Start)
		dst = appendString(dst, s.End)
	}
	return dst
}

func (r *reader) spans() []Span {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	spans := make([]Span, n)
	for i := range spans {
		spans[i] = Span{Start: object.ID(r.string()), End: object.ID(r.string())}
	}
	return spans
}

func appendContext(dst []byte, c *Context) []byte {
	dst = appendUint(dst, uint64(len(c.Params)))
	for _, p := range c.Params {
		dst = datum.AppendDatum(dst, p)
	}
	dst = appendString(dst, c.TimeZone)
	return appendUint(dst, c.Seed)
}

// context reads a Context, with Params in the memory of params where there is room.
func (r *reader) context(params []datum.Datum) Context {
	var c Context
	if n := r.count(1); n > 0 {
		c.Params = room(params, n)
		for i := range c.Params {
			if r.err != nil {
				break
			}
			d, rest, err := datum.DecodeDatum(r.b)
			if err != nil {
				r.fail(err.Error())
				break
			}
			c.Params[i], r.b = d, rest
		}
	}
	c.TimeZone = r.name()
	c.Seed = r.uint()
	return c
}

func appendIDs(dst []byte, ids []object.ID) []byte {
	dst = appendUint(dst, uint64(len(ids)))
	for _, id := range ids {
		dst = appendString(dst, id)
	}
	return dst
}

func (r *reader) ids() []object.ID {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	ids := make([]object.ID, n)
	for i := range ids {
		ids[i] = object.ID(r.string())
	}
	return ids
}

func appendRevisions(dst []byte, revisions []object.Revision) []byte {
	dst = appendUint(dst, uint64(len(revisions)))
	for _, v := range revisions {
		dst = appendUint(dst, uint64(v))
	}
	return dst
}

func (r *reader) revisions() []object.Revision {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	revisions := make([]object.Revision, n)
	for i := range revisions {
		revisions[i] = object.Revision(r.uint())
	}
	return revisions
}

// nest puts the length of what was appended behind start in front of it, so that
// it may grow at its end.
func nest(dst []byte, start int) []byte {
	var head [binary.MaxVarintLen64]byte
	n := len(dst) - start
	h := binary.PutUvarint(head[:], uint64(n))
	dst = append(dst, head[:h]...)
	copy(dst[start+h:], dst[start:start+n])
	copy(dst[start:], head[:h])
	return dst
}

// nested returns a reader of what nest has closed. Its done is the caller's to
// pass on with within.
func (r *reader) nested() reader { return reader{b: r.take(r.uint()), d: r.d} }

// within ends a nested reader.
func (r *reader) within(inner *reader) {
	if err := inner.done(); err != nil && r.err == nil {
		r.err, r.b = err, nil
	}
}
