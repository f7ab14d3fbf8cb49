package state

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// fingerprint adds up what a read of key ranges has found. The order does not
// matter. It is part of what a Prepare means, so it is the same on each replica and
// in each version.
type fingerprint struct {
	count int64
	sum   uint64
	buf   []byte
}

func (f *fingerprint) add(id []byte, revision object.Revision) {
	f.buf = append(f.buf[:0], id...)
	f.buf = binary.LittleEndian.AppendUint64(f.buf, uint64(revision))
	f.count++
	f.sum += xxhash.Sum64(f.buf)
}

// print is what travels; index is that of the state that was read.
func (f *fingerprint) print(index uint64) command.Fingerprint {
	return command.Fingerprint{Count: f.count, Sum: f.sum, Index: index}
}

// equals reports whether a read that gave p found the same.
func (f *fingerprint) equals(p command.Fingerprint) bool { return f.count == p.Count && f.sum == p.Sum }
