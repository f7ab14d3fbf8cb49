package placement

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	protobuf "google.golang.org/protobuf/proto"

	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

// codec is gRPC's for protobuf but for questions, of which it reads the objects itself: texts
// that follow each other are cut from one string. Otherwise the texts of a hundred rows are
// half of what a policy's program does for them.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

// Unmarshal reads a message.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	r, ok := v.(*placementpb.PlaceRequest)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	return unmarshalQuestion(buffer.ReadOnlyData(), r)
}

// Numbers of fields that are read here.
const (
	questionObjects = 3
	objectHomes     = 1
	objectCurrent   = 2
	objectBytes     = 3
	objectValues    = 4
	valuesColumn    = 1
	valuesTexts     = 2
	valuesNulls     = 3
)

// unmarshalQuestion is protobuf.Unmarshal, but that it drops what nobody knows, and does not
// look whether texts are UTF-8.
func unmarshalQuestion(b []byte, r *placementpb.PlaceRequest) error {
	m := message{bytes: b}
	var others []byte
	var objects []field
	err := m.fields(0, len(b), func(f field) error {
		if f.number == questionObjects && f.kind == protowire.BytesType {
			objects = append(objects, f)
		} else {
			others = append(others, b[f.begin:f.to]...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := (protobuf.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(others, r); err != nil {
		return err
	}
	for _, f := range objects { // several are to be read as if they were one
		if r.Objects == nil {
			r.Objects = new(placementpb.Objects)
		}
		if err := m.objects(f, r.Objects); err != nil {
			return err
		}
	}
	return nil
}

// message is one that is read.
type message struct {
	bytes []byte
	// piece is a part of it as text.
	piece      string
	begin, end int
}

// pieceBytes bounds what a policy keeps with a text that it keeps.
const pieceBytes = 1 << 10

// text is a part of the message.
func (m *message) text(from, to int) string {
	if from < m.begin || to > m.end {
		m.begin, m.end = from, max(to, min(from+pieceBytes, len(m.bytes)))
		m.piece = string(m.bytes[m.begin:m.end])
	}
	return m.piece[from-m.begin : to-m.begin]
}

// field is a field of a message: it begins at begin, its value is from..to.
type field struct {
	number          protowire.Number
	kind            protowire.Type
	begin, from, to int
}

// fields calls read for each field between two places.
func (m *message) fields(from, to int, read func(field) error) error {
	for from < to {
		f := field{begin: from}
		var n int
		if f.number, f.kind, n = protowire.ConsumeTag(m.bytes[from:to]); n < 0 {
			return protowire.ParseError(n)
		}
		f.from = from + n
		if n = protowire.ConsumeFieldValue(f.number, f.kind, m.bytes[f.from:to]); n < 0 {
			return protowire.ParseError(n)
		}
		f.to = f.from + n
		if f.kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(m.bytes[f.from:f.to])
			f.from = f.to - len(value)
		}
		if err := read(f); err != nil {
			return err
		}
		from = f.to
	}
	return nil
}

func (m *message) objects(of field, o *placementpb.Objects) error {
	return m.fields(of.from, of.to, func(f field) error {
		switch {
		case f.number == objectHomes:
			return m.numbers(f, func(n uint64) { o.Homes = append(o.Homes, uint32(n)) })
		case f.number == objectCurrent:
			return m.numbers(f, func(n uint64) { o.Current = append(o.Current, uint32(n)) })
		case f.number == objectBytes:
			return m.numbers(f, func(n uint64) { o.Bytes = append(o.Bytes, int64(n)) })
		case f.number == objectValues && f.kind == protowire.BytesType:
			v := &placementpb.Values{Texts: make([]string, 0, len(o.Homes))}
			o.Values = append(o.Values, v)
			return m.values(f, v)
		}
		return nil
	})
}

func (m *message) values(of field, v *placementpb.Values) error {
	return m.fields(of.from, of.to, func(f field) error {
		switch {
		case f.number == valuesColumn && f.kind == protowire.VarintType:
			return m.numbers(f, func(n uint64) { v.Column = uint32(n) })
		case f.number == valuesTexts && f.kind == protowire.BytesType:
			v.Texts = append(v.Texts, m.text(f.from, f.to))
		case f.number == valuesNulls:
			return m.numbers(f, func(n uint64) { v.Nulls = append(v.Nulls, protowire.DecodeBool(n)) })
		}
		return nil
	})
}

// numbers reads a number, or a list of them in one field.
func (m *message) numbers(f field, add func(uint64)) error {
	if f.kind != protowire.VarintType && f.kind != protowire.BytesType {
		return nil
	}
	for at := f.from; at < f.to; {
		v, n := protowire.ConsumeVarint(m.bytes[at:f.to])
		if n < 0 {
			return protowire.ParseError(n)
		}
		add(v)
		at += n
	}
	return nil
}
