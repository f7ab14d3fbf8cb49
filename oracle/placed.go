package oracle

import (
	"encoding/binary"
	"time"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// Bounds of the history of an object's places.
const (
	maxOriginText = 200 // bytes of each text of an origin; what is longer is cut
	maxPast       = 16  // places that are kept beside the newest one
)

// residence is a directory entry: where an object lives, and how it came there.
type residence struct {
	object.Location
	// known says that newest is; it is not of entries of before it was kept, and of objects
	// that were given entries because their table is not static any more.
	known  bool
	newest catalog.Placed // its Pinned is the entry's
	past   bool           // older places are kept beside the entry
}

func (r *residence) pinned() bool { return r.known && r.newest.Pinned }

func appendPlaced(dst []byte, p *catalog.Placed) []byte {
	dst = binary.AppendVarint(dst, toMicro(p.At))
	dst = binary.AppendUvarint(dst, uint64(p.From))
	dst = binary.AppendUvarint(dst, uint64(p.To))
	dst = appendBool(dst, p.Pinned)
	for _, s := range textsOf(&p.Origin) {
		dst = appendString(dst, bounded(*s))
	}
	return dst
}

func (d *decoder) placed() catalog.Placed {
	p := catalog.Placed{At: fromMicro(d.varint()), From: object.PartitionID(d.uint32()), To: object.PartitionID(d.uint32()), Pinned: d.bool()}
	for _, s := range textsOf(&p.Origin) {
		*s = bounded(string(d.bytes()))
	}
	return p
}

// appendPast encodes places, oldest first.
func appendPast(dst []byte, past []catalog.Placed) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(past)))
	for i := range past {
		dst = appendPlaced(dst, &past[i])
	}
	return dst
}

func decodePast(b []byte) ([]catalog.Placed, error) {
	d := decoder{b: b}
	past := make([]catalog.Placed, d.count())
	for i := range past {
		past[i] = d.placed()
	}
	return past, d.end()
}

// toMicro and fromMicro give a time as it is kept: Unix microseconds, 0 for the zero time.
func toMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// textsOf lists the texts of an origin in the order of their encoding.
func textsOf(o *catalog.Origin) [4]*string {
	return [4]*string{&o.User, &o.Policy, &o.Version, &o.Reason}
}

// bounded cuts a text of an origin, between two characters.
func bounded(s string) string {
	if len(s) <= maxOriginText {
		return s
	}
	n := maxOriginText
	for n > maxOriginText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// texts encodes texts that repeat: a number names one that was before, from 1 on; 0 says
// that a new one follows.
type texts struct {
	numbers map[string]uint64
	last    catalog.Origin
	encoded [4]uint64 // numbers of last; 0: there is no last
}

func (t *texts) append(dst []byte, s string) []byte {
	dst, _ = t.number(dst, s)
	return dst
}

func (t *texts) number(dst []byte, s string) ([]byte, uint64) {
	s = bounded(s)
	if n, known := t.numbers[s]; known {
		return binary.AppendUvarint(dst, n), n
	}
	if t.numbers == nil {
		t.numbers = make(map[string]uint64)
	}
	n := uint64(len(t.numbers) + 1)
	t.numbers[s] = n
	return appendString(append(dst, 0), s), n
}

func (t *texts) appendOrigin(dst []byte, o *catalog.Origin) []byte {
	if t.encoded[0] != 0 && *o == t.last {
		for _, n := range t.encoded {
			dst = binary.AppendUvarint(dst, n)
		}
		return dst
	}
	t.last = *o
	for i, s := range textsOf(o) {
		dst, t.encoded[i] = t.number(dst, *s)
	}
	return dst
}

// textDecoder is the inverse of texts.
type textDecoder struct {
	*decoder
	known []string
}

func (t *textDecoder) text() string {
	n := t.uvarint()
	switch {
	case n > uint64(len(t.known)):
		t.fail()
		return ""
	case n > 0:
		return t.known[n-1]
	}
	s := bounded(string(t.bytes()))
	t.known = append(t.known, s)
	return s
}

func (t *textDecoder) origin() (o catalog.Origin) {
	for _, s := range textsOf(&o) {
		*s = t.text()
	}
	return o
}

// appendWish encodes what moves mean to pins, and who wants them.
func appendWish(dst []byte, pin catalog.PinMode, o *catalog.Origin, reasons []string) []byte {
	var t texts
	dst = t.appendOrigin(append(dst, byte(pin)), o)
	dst = binary.AppendUvarint(dst, uint64(len(reasons)))
	for _, s := range reasons {
		dst = t.append(dst, s)
	}
	return dst
}

// wish is the inverse of appendWish. There is no reason, or one for each of n.
func (d *decoder) wish(n int) (pin catalog.PinMode, o catalog.Origin, reasons []string) {
	t := textDecoder{decoder: d}
	pin, o = catalog.PinMode(d.byte()), t.origin()
	count := d.count()
	if pin > catalog.Unpin || count != 0 && count != n {
		d.fail()
		return 0, catalog.Origin{}, nil
	}
	for range count {
		reasons = append(reasons, t.text())
	}
	return pin, o, reasons
}
