package partitions

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// parser takes a call of this package apart. After the first error it returns zero
// values; err tells at the end.
type parser struct {
	b   []byte
	bad bool
}

func (p *parser) err() error {
	if p.bad || len(p.b) > 0 {
		return errMalformed
	}
	return nil
}

func (p *parser) uint() uint64 {
	v, n := binary.Uvarint(p.b)
	if n <= 0 {
		p.b, p.bad = nil, true
		return 0
	}
	p.b = p.b[n:]
	return v
}

// count reads the number of elements that follow, each of at least one byte.
func (p *parser) count() int {
	n := p.uint()
	if n > uint64(len(p.b)) {
		p.b, p.bad = nil, true
		return 0
	}
	return int(n)
}

func (p *parser) bytes() []byte {
	n := p.count()
	v := p.b[:n:n]
	p.b = p.b[n:]
	return v
}

func (p *parser) flag() bool { return p.uint() != 0 }

func (p *parser) partition() object.PartitionID {
	v := p.uint()
	if v == 0 || v > 1<<32-1 {
		p.b, p.bad = nil, true
	}
	return object.PartitionID(v)
}

func (p *parser) pin() command.Pin {
	return command.Pin{Node: object.NodeID(p.bytes()), ID: p.uint()}
}

func (p *parser) transaction() object.TransactionID {
	return object.TransactionID{Node: object.NodeID(p.bytes()), Incarnation: p.uint(), Sequence: p.uint()}
}

func appendFlag(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendBytes[S ~string | ~[]byte](dst []byte, s S) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendPin(dst []byte, p command.Pin) []byte {
	return binary.AppendUvarint(appendBytes(dst, p.Node), p.ID)
}

func appendTransaction(dst []byte, t object.TransactionID) []byte {
	dst = appendBytes(dst, t.Node)
	dst = binary.AppendUvarint(dst, t.Incarnation)
	return binary.AppendUvarint(dst, t.Sequence)
}
