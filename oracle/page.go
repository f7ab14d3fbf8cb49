package oracle

import (
	"encoding/binary"
	"math/bits"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// The directory keeps the entries of neighbouring ids in one key: a page has those that differ
// in the last four bits. Rows that are inserted together, or one after the other, have
// neighbouring keys as a rule, and a key costs the store as much whatever is in it. What such
// entries have in common, who placed them there, and when, is written once.
//
// A page is: the origins of its entries (uvarint, and four strings for each); which entries
// there are (2 bytes); and the entries, ascending. An entry is a byte of flags, the partition,
// and what is not as in the entry before.

// pageIDs is the number of ids of a page.
const pageIDs = 16

// Flags of an entry.
const (
	entryKnown  = 1 << iota // it is known how it came there
	entryPast               // older places are kept beside the directory
	entryPinned             // the object is pinned
	entryMoved              // from and to follow; without it it was created where it lives
	entryAlike              // version, time and origin are those of the entry before
)

// page holds the entries of neighbouring ids; zero where there is none.
type page struct {
	entries [pageIDs]residence
}

// has returns a bit for each entry.
func (p *page) has() (bits uint16) {
	for at := range p.entries {
		if !p.entries[at].IsZero() {
			bits |= 1 << at
		}
	}
	return bits
}

// pageOf appends the key of the page that an id is in, and says which entry it is. An id
// without a key is in a page of its own.
func pageOf(dst []byte, id object.ID) (key []byte, at int) {
	dst = append(append(dst, keyDirectory), id...)
	if len(id) <= tableBytes {
		return dst, 0
	}
	last := len(dst) - 1
	at = int(dst[last] % pageIDs)
	dst[last] -= byte(at)
	return dst, at
}

// tableBytes is the length of the table's number at the beginning of an id.
const tableBytes = 4

// idAt is the inverse of pageOf; the key comes without keyDirectory.
func idAt(key []byte, at int) object.ID {
	if len(key) <= tableBytes {
		return object.ID(key)
	}
	last := len(key) - 1
	return object.ID(key[:last]) + object.ID([]byte{key[last] + byte(at)})
}

func (p *page) append(dst []byte) []byte {
	var origins [pageIDs]*catalog.Origin
	var numbers [pageIDs]int
	n := 0
	for at := range p.entries {
		r := &p.entries[at]
		if r.IsZero() || !r.known {
			continue
		}
		number := 0
		for number < n && *origins[number] != r.newest.Origin {
			number++
		}
		if number == n {
			origins[n] = &r.newest.Origin
			n++
		}
		numbers[at] = number
	}
	dst = binary.AppendUvarint(dst, uint64(n))
	for _, o := range origins[:n] {
		for _, s := range textsOf(o) {
			dst = appendString(dst, bounded(*s))
		}
	}
	dst = binary.BigEndian.AppendUint16(dst, p.has())
	var before *residence
	for at := range p.entries {
		r := &p.entries[at]
		if r.IsZero() {
			continue
		}
		dst = r.append(dst, before, numbers[at])
		before = r
	}
	return dst
}

// append encodes an entry of a page, whose origin has the given number.
func (r *residence) append(dst []byte, before *residence, origin int) []byte {
	alike := before != nil && r.Version == before.Version && r.known == before.known &&
		(!r.known || toMicro(r.newest.At) == toMicro(before.newest.At) && r.newest.Origin == before.newest.Origin)
	moved := r.known && (r.newest.From != 0 || r.newest.To != r.Partition)
	var flags byte
	for _, f := range []struct {
		flag byte
		is   bool
	}{{entryKnown, r.known}, {entryPast, r.past}, {entryPinned, r.pinned()}, {entryMoved, moved}, {entryAlike, alike}} {
		if f.is {
			flags |= f.flag
		}
	}
	dst = binary.AppendUvarint(append(dst, flags), uint64(r.Partition))
	if moved {
		dst = binary.AppendUvarint(dst, uint64(r.newest.From))
		dst = binary.AppendUvarint(dst, uint64(r.newest.To))
	}
	if alike {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(r.Version))
	if r.known {
		dst = binary.AppendVarint(dst, toMicro(r.newest.At))
		dst = binary.AppendUvarint(dst, uint64(origin))
	}
	return dst
}

// decode reads a page; empty bytes are an empty one.
func (p *page) decode(b []byte) error {
	*p = page{}
	if len(b) == 0 {
		return nil
	}
	d := decoder{b: b}
	origins := make([]catalog.Origin, d.count())
	for i := range origins {
		for _, s := range textsOf(&origins[i]) {
			*s = bounded(string(d.bytes()))
		}
	}
	has := d.uint16()
	var one rawEntry
	for at := range p.entries {
		if has&(1<<at) == 0 {
			continue
		}
		d.entry(&one)
		if one.location.IsZero() || one.flags&entryKnown != 0 && one.origin >= uint64(len(origins)) {
			d.fail()
			break
		}
		r := &p.entries[at]
		if r.Location = one.location; one.flags&entryKnown != 0 {
			r.known, r.past = true, one.flags&entryPast != 0
			r.newest = catalog.Placed{
				At: fromMicro(one.at), From: one.from, To: one.to, Origin: origins[one.origin], Pinned: one.flags&entryPinned != 0,
			}
		}
	}
	if err := d.end(); err != nil {
		*p = page{}
		return err
	}
	return nil
}

// placeIn reads the location of one entry of an encoded page; zero where there is none.
func placeIn(b []byte, at int) (object.Location, error) {
	d := decoder{b: b}
	for range 4 * d.count() {
		d.bytes()
	}
	has := d.uint16()
	if has&(1<<at) == 0 {
		return object.Location{}, d.err
	}
	var one rawEntry
	for range bits.OnesCount16(has & (2<<at - 1)) {
		d.entry(&one)
	}
	return one.location, d.err
}

// rawEntry is an entry as a page has it, with the number of its origin.
type rawEntry struct {
	flags    byte
	location object.Location
	from, to object.PartitionID
	at       int64
	origin   uint64
}

// entry reads the next entry of a page. one is the one before; zero at first.
func (d *decoder) entry(one *rawEntry) {
	known := one.flags & entryKnown
	one.flags = d.byte()
	one.location.Partition = object.PartitionID(d.uint32())
	one.from, one.to = 0, one.location.Partition
	if one.flags&entryMoved != 0 {
		one.from, one.to = object.PartitionID(d.uint32()), object.PartitionID(d.uint32())
	}
	switch {
	case one.flags&entryAlike == 0:
		one.location.Version = object.LocationVersion(d.uvarint())
		if one.flags&entryKnown != 0 {
			one.at, one.origin = d.varint(), d.uvarint()
		}
	case one.flags&entryKnown != known:
		d.fail() // there is not so much in the one before
	}
}
