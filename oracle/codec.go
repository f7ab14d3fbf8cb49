package oracle

import (
	"encoding/binary"
	"errors"

	"github.com/ssmr/ssmr/internal/object"
)

// errMalformed is returned by decoders of log entries and messages.
var errMalformed = errors.New("oracle: malformed encoding")

// maxItems bounds the items of one log command or message.
const maxItems = 1 << 16

// The encodings are sequences of uvarints and of strings with their length in
// front. They are on disk and on the wire: append only.

func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendLocation(dst []byte, l object.Location) []byte {
	dst = binary.AppendUvarint(dst, uint64(l.Partition))
	return binary.AppendUvarint(dst, uint64(l.Version))
}

func appendIDs(dst []byte, ids []object.ID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	for _, id := range ids {
		dst = appendString(dst, id)
	}
	return dst
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// decoder takes an encoding apart. After the first mistake everything that it
// returns is zero, and err is set.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() {
	d.b = nil
	d.err = errMalformed
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// uint32 reads a number that fits 32 bits.
func (d *decoder) uint32() uint32 {
	v := d.uvarint()
	if v > 1<<32-1 {
		d.fail()
		return 0
	}
	return uint32(v)
}

// uint16 reads two bytes.
func (d *decoder) uint16() uint16 { return uint16(d.byte())<<8 | uint16(d.byte()) }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) bool() bool { return d.byte() != 0 }

// bytes returns a part of the encoding itself.
func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	s := d.b[:n:n]
	d.b = d.b[n:]
	return s
}

func (d *decoder) id() object.ID { return object.ID(d.bytes()) }

func (d *decoder) location() object.Location {
	p := object.PartitionID(d.uint32())
	return object.Location{Partition: p, Version: object.LocationVersion(d.uvarint())}
}

// count reads the number of items that follow, each at least one byte long.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > maxItems || n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) ids() []object.ID {
	ids := make([]object.ID, 0, d.count())
	for range cap(ids) {
		ids = append(ids, d.id())
	}
	return ids
}

// end returns the first mistake, or one if something is left over.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) != 0 {
		d.fail()
	}
	return d.err
}
