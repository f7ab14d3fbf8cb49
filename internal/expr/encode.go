package expr

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// The tags of nodes. They are in stored expressions: append only.
const (
	tagConst byte = iota + 1
	tagColumn
	tagParam
	tagCall
	tagAnd
	tagOr
	tagNot
	tagCase
	tagCaseTest
	tagCoalesce
	tagNullIf
	tagMinMax
	tagIsNull
	tagBoolTest
	tagIsDistinct
	tagIn
	tagAnyAll
	tagArray
	tagSubscript
	tagCast
	tagRowCompare
)

// MaxNodes bounds the number of nodes that Decode accepts.
const MaxNodes = 1 << 20

// Append appends the encoding of an expression. It depends on the expression
// alone; Equal expressions have equal bytes. Nil is encoded too.
func Append(dst []byte, e Expr) []byte {
	if e == nil {
		return append(dst, 0)
	}
	dst = e.appendHead(dst)
	kids := e.children()
	dst = binary.AppendUvarint(dst, uint64(len(kids)))
	for _, c := range kids {
		dst = Append(dst, c)
	}
	return dst
}

// Equal reports whether two expressions are the same.
func Equal(a, b Expr) bool { return string(Append(nil, a)) == string(Append(nil, b)) }

// Decode is the inverse of Append for all of b. It fails with XX001 on bytes
// that are none, never panics, and is bounded by MaxDepth and MaxNodes.
func Decode(b []byte) (Expr, error) {
	e, rest, err := DecodeFirst(b)
	if err == nil && len(rest) > 0 {
		return nil, malformed()
	}
	return e, err
}

// DecodeFirst decodes the expression that b begins with, and returns the rest.
func DecodeFirst(b []byte) (e Expr, rest []byte, err error) {
	r := &reader{b: b}
	e = r.expr(0)
	if r.err != nil {
		return nil, nil, r.err
	}
	return e, r.b, nil
}

func malformed() error { return pgerror.New(pgerror.DataCorrupted, "malformed expression") }

// reader reads an encoding; after the first error it reads nothing.
type reader struct {
	b     []byte
	err   error
	nodes int
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
		r.b = nil
	}
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail(malformed())
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(malformed())
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) index() int {
	v := r.uint()
	if v > 1<<24 {
		r.fail(malformed())
		return 0
	}
	return int(v)
}

func (r *reader) string() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail(malformed())
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) typ() datum.Type {
	oid := r.uint()
	mod, n := binary.Varint(r.b)
	if n <= 0 || oid > 1<<32-1 || mod != int64(int32(mod)) {
		r.fail(malformed())
		return datum.Type{}
	}
	r.b = r.b[n:]
	t := datum.Type{OID: uint32(oid), Mod: int32(mod)}
	if _, ok := datum.ByOID(t.OID); !ok {
		r.fail(pgerror.New(pgerror.DataCorrupted, "unknown type %d in a stored expression", t.OID))
	}
	return t
}

func (r *reader) function() *Overload {
	id := r.uint()
	if r.err != nil {
		return nil
	}
	fn, err := functionByID(uint32(id))
	if err != nil || id > 1<<32-1 {
		r.fail(malformed())
		return nil
	}
	return fn
}

func (r *reader) datum() datum.Datum {
	if r.err != nil {
		return datum.Datum{}
	}
	d, rest, err := datum.DecodeDatum(r.b)
	if err != nil {
		r.fail(malformed())
		return d
	}
	r.b = rest
	return d
}

func appendType(dst []byte, t datum.Type) []byte {
	dst = binary.AppendUvarint(dst, uint64(t.OID))
	return binary.AppendVarint(dst, int64(t.Mod))
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func (e *Const) appendHead(dst []byte) []byte {
	return datum.AppendDatum(appendType(append(dst, tagConst), e.Typ), e.Value)
}
func (e *Column) appendHead(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, tagColumn), uint64(e.Index))
	return appendString(appendType(dst, e.Typ), e.Name)
}
func (e *Param) appendHead(dst []byte) []byte {
	return appendType(binary.AppendUvarint(append(dst, tagParam), uint64(e.Index)), e.Typ)
}
func (c *Call) appendHead(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, tagCall), uint64(c.Fn.ID))
	return appendString(appendType(dst, c.Typ), c.Op)
}
func (e *And) appendHead(dst []byte) []byte { return append(dst, tagAnd) }
func (e *Or) appendHead(dst []byte) []byte  { return append(dst, tagOr) }
func (e *Not) appendHead(dst []byte) []byte { return append(dst, tagNot) }
func (e *Case) appendHead(dst []byte) []byte {
	return appendType(appendBool(append(dst, tagCase), e.Operand != nil), e.Typ)
}
func (e *CaseTest) appendHead(dst []byte) []byte { return appendType(append(dst, tagCaseTest), e.Typ) }
func (e *Coalesce) appendHead(dst []byte) []byte { return appendType(append(dst, tagCoalesce), e.Typ) }
func (e *NullIf) appendHead(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, tagNullIf), uint64(e.Eq.ID))
}
func (e *MinMax) appendHead(dst []byte) []byte {
	return appendType(appendBool(append(dst, tagMinMax), e.Greatest), e.Typ)
}
func (e *IsNull) appendHead(dst []byte) []byte { return appendBool(append(dst, tagIsNull), e.Not) }
func (e *BoolTest) appendHead(dst []byte) []byte {
	return appendBool(append(dst, tagBoolTest, byte(e.Truth)), e.Not)
}
func (e *IsDistinct) appendHead(dst []byte) []byte {
	return binary.AppendUvarint(appendBool(append(dst, tagIsDistinct), e.Not), uint64(e.Eq.ID))
}
func (e *In) appendHead(dst []byte) []byte {
	return binary.AppendUvarint(appendBool(append(dst, tagIn), e.Not), uint64(e.Eq.ID))
}
func (e *AnyAll) appendHead(dst []byte) []byte {
	dst = appendBool(append(dst, tagAnyAll), e.All)
	return appendString(binary.AppendUvarint(dst, uint64(e.Fn.ID)), e.Op)
}
func (e *ArrayExpr) appendHead(dst []byte) []byte { return appendType(append(dst, tagArray), e.Typ) }
func (e *Subscript) appendHead(dst []byte) []byte {
	return appendType(append(dst, tagSubscript), e.Typ)
}
func (e *Cast) appendHead(dst []byte) []byte {
	return appendType(append(dst, tagCast, byte(e.Context)), e.Typ)
}
func (e *RowCompare) appendHead(dst []byte) []byte {
	return appendString(append(dst, tagRowCompare), e.Op)
}

// expr reads one node with its children.
func (r *reader) expr(depth int) Expr {
	tag := r.byte()
	if r.err != nil || tag == 0 {
		return nil
	}
	if r.nodes++; depth > MaxDepth || r.nodes > MaxNodes {
		r.fail(malformed())
		return nil
	}
	build := r.head(tag)
	n := r.index()
	if r.err != nil || n > len(r.b) {
		r.fail(malformed())
		return nil
	}
	kids := make([]Expr, n)
	for i := range kids {
		if kids[i] = r.expr(depth + 1); kids[i] == nil {
			r.fail(malformed())
			return nil
		}
	}
	e, err := build(kids)
	if err != nil {
		r.fail(err)
		return nil
	}
	return e
}

// leaf is a node that takes no children.
func leaf(e Expr) func([]Expr) (Expr, error) {
	return over(0, func([]Expr) (Expr, error) { return e, nil })
}

// over checks the number of children.
func over(n int, make func([]Expr) (Expr, error)) func([]Expr) (Expr, error) {
	return func(kids []Expr) (Expr, error) {
		if len(kids) != n {
			return nil, malformed()
		}
		return make(kids)
	}
}

// some demands at least one child.
func some(make func([]Expr) (Expr, error)) func([]Expr) (Expr, error) {
	return func(kids []Expr) (Expr, error) {
		if len(kids) == 0 {
			return nil, malformed()
		}
		return make(kids)
	}
}
