package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// Files are cut between the tables of a part, between its kinds, and between parts.
func TestRegions(t *testing.T) {
	key := func(group uint32, part uint64, user string) []byte {
		k := makePrefix(7, 1).key(nil, kindUser, binary.AppendUvarint(nil, part), []byte(user))
		binary.BigEndian.PutUint32(k, group)
		return k
	}
	r := newRegions(16 << 20)
	for _, c := range []struct{ key, end []byte }{
		{key(7, 3, "o\x00\x00\x00\x05rest"), key(7, 3, "o\x00\x00\x00\x06")},
		{key(7, 3, "o\x00\x00\x00\xffrest"), key(7, 3, "o\x00\x00\x01")},
		{key(7, 300, "o\xff\xff\xff\xffrest"), key(7, 300, "p")},
		{key(7, 3, "s\x00\x00\x00\x05"), key(7, 3, "t")}, // sizes of all tables
		{key(7, 3, "s"), key(7, 3, "t")},
		{key(7, 3, "\xff"), key(7, 4, "")},
		{key(7, 3, ""), key(7, 4, "")},
		{[]byte{0xff, 0xff, 0xff, 0xff, 'v'}, nil},
		{bytes.Repeat([]byte{0xff}, 20), nil},
	} {
		if end := r.end(c.key); !bytes.Equal(end, c.end) {
			t.Errorf("the region of %x ends at %x, not %x", c.key, end, c.end)
		}
	}
	one, fine, coarse := key(7, 3, "o\x00\x00\x00\x05rest"), key(7, 3, "o\x00\x00\x00\x06"), key(7, 3, "p")
	expect := func(when string, want []byte) {
		t.Helper()
		if end := r.end(one); !bytes.Equal(end, want) {
			t.Errorf("%s the region ends at %x, not %x", when, end, want)
		}
	}
	for n := range 20 * r.most { // one after the other, with others between
		r.end(key(7, 3, fmt.Sprintf("o%04drest", n/r.most)))
	}
	expect("with few in use", fine)
	for n := range r.most + 1 {
		r.end(key(7, 3, fmt.Sprintf("o%04drest", n)))
	}
	expect("with many in use", coarse)
	for range coarseAsked {
		r.end(one)
	}
	expect("with few again", fine)
}

// Whatever the key, its region has an end behind it, and the end does not depend on which
// key of the region it is.
func FuzzRegions(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x07\x00\x01\x01\x03o\x00\x00\x00\x05rest"))
	f.Fuzz(func(t *testing.T, key []byte) {
		r := newRegions(0)
		end := r.end(key)
		if end == nil {
			return
		}
		if bytes.Compare(end, key) <= 0 {
			t.Fatalf("the region of %x ends at %x", key, end)
		}
		if last := append(bytes.Clone(key), 1); !bytes.Equal(r.end(last), end) && len(key) > prefixLen+1+10+regionBytes {
			t.Fatalf("the region of %x ends at %x, that of %x at %x", key, end, last, r.end(last))
		}
	})
}

// BenchmarkEnds has objects created at the ends of several tables: it reports the bytes that
// are written to table files for each byte.
func BenchmarkEnds(b *testing.B) {
	s, whole := openSpace(b, b.TempDir(), Options{MemTableBytes: 1 << 20})
	value := make([]byte, 104)
	written := 0
	for n := range b.N {
		batch := whole.NewBatch()
		for part := range uint32(4) {
			p := batch.Part(whole.Part(part))
			for table := range uint32(3) {
				key := binary.BigEndian.AppendUint32([]byte{'o'}, table)
				for i := 0; i < len(value); i += 8 {
					binary.BigEndian.PutUint64(value[i:], rand.Uint64())
				}
				p.Set(binary.BigEndian.AppendUint64(key, uint64(n)), value)
				written += len(key) + 8 + len(value)
			}
		}
		if err := batch.Commit(NoSync); err != nil {
			b.Fatal(err)
		}
		batch.Close()
	}
	if err := s.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	var tables uint64
	m := s.db.Metrics()
	for i := range m.Levels {
		tables += m.Levels[i].TableBytesFlushed + m.Levels[i].TableBytesCompacted
	}
	b.ReportMetric(float64(tables)/float64(written), "times-written")
}
