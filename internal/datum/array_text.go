package datum

import (
	"math"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// appendArrayText writes {..}, with the bounds in front where one is not 1.
func appendArrayText(dst []byte, a *Array, t Type, f *Format) []byte {
	if len(a.Elems) == 0 {
		return append(dst, "{}"...)
	}
	elem := a.Elem
	if e, ok := t.Elem(); ok && e.OID == elem.OID {
		elem = e
	}
	for _, dim := range a.Dims {
		if dim.Lower != 1 {
			return appendArrayLevel(appendBounds(dst, a.Dims), a.Dims, a.Elems, elem, f)
		}
	}
	return appendArrayLevel(dst, a.Dims, a.Elems, elem, f)
}

func appendBounds(dst []byte, dims []Dim) []byte {
	for _, dim := range dims {
		dst = strconv.AppendInt(append(dst, '['), int64(dim.Lower), 10)
		dst = strconv.AppendInt(append(dst, ':'), int64(dim.Lower)+int64(dim.Len)-1, 10)
		dst = append(dst, ']')
	}
	return append(dst, '=')
}

func appendArrayLevel(dst []byte, dims []Dim, elems []Datum, elem Type, f *Format) []byte {
	dst = append(dst, '{')
	if len(dims) > 1 && dims[0].Len > 0 {
		size := len(elems) / int(dims[0].Len)
		for i := range int(dims[0].Len) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendArrayLevel(dst, dims[1:], elems[i*size:(i+1)*size], elem, f)
		}
		return append(dst, '}')
	}
	for i, e := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		if e.IsNull() {
			dst = append(dst, "NULL"...)
			continue
		}
		start := len(dst)
		dst = quoteElement(AppendText(dst, e, elem, f), start)
	}
	return append(dst, '}')
}

// quoteElement quotes the text behind start where an array's syntax needs it.
func quoteElement(dst []byte, start int) []byte {
	s := dst[start:]
	needed := len(s) == 0 || len(s) == 4 && equalFold(string(s), "null")
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			needed = true
		case c == '{' || c == '}' || c == ',' || isSpace(c):
			needed = true
		}
	}
	if !needed {
		return dst
	}
	text := string(s)
	dst = append(dst[:start], '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}

// arrayParser reads the text of an array.
type arrayParser struct {
	text string
	pos  int
	elem Type
	f    *Format

	dims  [MaxDims]int32 // length of each level, -1 while not known
	depth int            // of the elements, 0 while not known
	elems []Datum
	grown int // see MaxGrowth
	// err is the first error of an element; errors of the syntax come before it.
	err error
}

func (p *arrayParser) bad(detail string, args ...any) error {
	return pgerror.New(pgerror.InvalidTextRepresentation, "malformed array literal: \"%s\"", p.text).
		WithDetail(detail, args...)
}

func (p *arrayParser) space() {
	for p.pos < len(p.text) && isSpace(p.text[p.pos]) {
		p.pos++
	}
}

// peek is the next character; 0 at the end.
func (p *arrayParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func parseArrayText(s string, elem Type, f *Format) (Datum, error) {
	p := arrayParser{text: s, elem: elem, f: f}
	for i := range p.dims {
		p.dims[i] = -1
	}
	if err := CheckText(s); err != nil {
		return Datum{}, err
	}
	p.space()
	bounds, err := p.bounds()
	if err != nil {
		return Datum{}, err
	}
	if p.peek() != '{' {
		if bounds != nil {
			return Datum{}, p.bad("Array contents must start with \"{\".")
		}
		return Datum{}, p.bad("Array value must start with \"{\" or dimension information.")
	}
	if err := p.level(0); err != nil {
		return Datum{}, err
	}
	p.space()
	if p.pos < len(s) {
		return Datum{}, p.bad("Junk after closing right brace.")
	}
	if p.err != nil {
		return Datum{}, p.err
	}
	return p.finish(bounds)
}

// finish checks the bounds that stand in front, if any, against the content.
func (p *arrayParser) finish(bounds []Dim) (Datum, error) {
	if len(p.elems) == 0 {
		if bounds != nil {
			return Datum{}, p.bad("Specified array dimensions do not match array contents.")
		}
		return NewArray(p.elem, nil), nil
	}
	dims := make([]Dim, p.depth)
	for i := range dims {
		dims[i] = Dim{p.dims[i], 1}
	}
	if bounds != nil {
		if len(bounds) != len(dims) {
			return Datum{}, p.bad("Specified array dimensions do not match array contents.")
		}
		for i := range dims {
			if bounds[i].Len != dims[i].Len {
				return Datum{}, p.bad("Specified array dimensions do not match array contents.")
			}
		}
		dims = bounds
	}
	return NewArrayDims(p.elem, dims, p.elems), nil
}

// bounds reads "[1:2][0:3]=", or nothing.
func (p *arrayParser) bounds() ([]Dim, error) {
	var dims []Dim
	for p.peek() == '[' {
		p.pos++
		if len(dims) >= MaxDims {
			return nil, tooManyDims(len(dims) + 1)
		}
		lower, upper := int64(1), int64(0)
		v, ok := p.integer()
		if !ok {
			return nil, p.bad("\"[\" must introduce explicitly-specified array dimensions.")
		}
		upper = v
		if p.peek() == ':' {
			p.pos++
			lower = v
			if upper, ok = p.integer(); !ok {
				return nil, p.bad("Missing array dimension value.")
			}
		}
		if p.peek() != ']' {
			return nil, p.bad("Missing \"%s\" after array dimensions.", "]")
		}
		p.pos++
		if upper < lower {
			return nil, pgerror.New(pgerror.ArraySubscriptError, "upper bound cannot be less than lower bound")
		}
		if upper == math.MaxInt32 || upper-lower >= math.MaxInt32 {
			return nil, pgerror.New(pgerror.ArraySubscriptError, "array upper bound is too large: %d", upper)
		}
		dims = append(dims, Dim{int32(upper - lower + 1), int32(lower)})
	}
	if dims == nil {
		return nil, nil
	}
	p.space()
	if p.peek() != '=' {
		return nil, p.bad("Missing \"%s\" after array dimensions.", "=")
	}
	p.pos++
	p.space()
	return dims, nil
}

func tooManyDims(n int) error {
	return pgerror.New(pgerror.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, MaxDims)
}

// MaxGrowth bounds, in bytes, by how much the great numbers of one array
// ("1e100000") may be longer than their input.
const MaxGrowth = 4 << 20

// grown is by how much a value is longer than its input of the given size.
func grown(d Datum, size int) int {
	if d.kind != KindNumeric {
		return 0
	}
	return max(d.x.dec.Coeff.BitLen()/8-size, 0)
}

func checkGrown(bytes int) error {
	if bytes <= MaxGrowth {
		return nil
	}
	return pgerror.New(pgerror.ProgramLimitExceeded, "array size exceeds the maximum allowed")
}

func (p *arrayParser) integer() (int64, bool) {
	start := p.pos
	if c := p.peek(); c == '-' || c == '+' {
		p.pos++
	}
	for isDigit(p.peek()) {
		p.pos++
	}
	n, err := strconv.ParseInt(p.text[start:p.pos], 10, 32)
	return n, err == nil
}

// level reads "{...}" that is nested depth deep.
func (p *arrayParser) level(depth int) error {
	if depth >= MaxDims {
		return tooManyDims(depth + 1)
	}
	p.pos++ // the brace
	count := int32(0)
	p.space()
	if depth > 0 && p.peek() == '}' {
		return p.unexpected("")
	}
	for p.peek() != '}' {
		if count > 0 {
			if p.peek() != ',' {
				return p.unexpected("Unexpected array element.")
			}
			p.pos++
			p.space()
		}
		if p.peek() == '{' {
			if p.depth != 0 && p.depth <= depth+1 {
				return p.bad("Unexpected \"{\" character.")
			}
			if err := p.level(depth + 1); err != nil {
				return err
			}
		} else if err := p.element(depth); err != nil {
			return err
		}
		count++
		p.space()
	}
	p.pos++
	if p.dims[depth] >= 0 && p.dims[depth] != count {
		return p.bad("Multidimensional arrays must have sub-arrays with matching dimensions.")
	}
	p.dims[depth] = count
	return nil
}

// unexpected complains of what stands where an element may not.
func (p *arrayParser) unexpected(detail string) error {
	switch c := p.peek(); {
	case p.pos >= len(p.text):
		return p.bad("Unexpected end of input.")
	case strings.IndexByte("{},\\", c) >= 0:
		return p.bad("Unexpected \"%c\" character.", c)
	}
	return p.bad("%s", detail)
}

func (p *arrayParser) element(depth int) error {
	if p.pos >= len(p.text) || p.peek() == ',' || p.peek() == '}' {
		return p.unexpected("")
	}
	if p.depth == 0 {
		p.depth = depth + 1
	}
	if p.depth != depth+1 {
		return p.bad("Unexpected array element.")
	}
	text, quoted, err := p.elementText()
	if err != nil {
		return err
	}
	var d Datum
	if quoted || !equalFold(text, "null") {
		if d, err = ParseText(text, p.elem, p.f); err != nil && p.err == nil {
			p.err = err
		}
	}
	p.elems = append(p.elems, d)
	p.grown += grown(d, len(text))
	return checkGrown(p.grown)
}

// elementText reads an element's text without quotes and escapes.
func (p *arrayParser) elementText() (text string, quoted bool, err error) {
	if p.peek() == '"' {
		return p.quotedText()
	}
	var b []byte
	end := 0 // behind the last character that is no white space
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == ',' || c == '}':
			return string(b[:end]), quoted, nil
		case c == '{':
			return "", false, p.bad("Unexpected \"%c\" character.", c)
		case c == '"':
			return "", false, p.bad("Unexpected array element.")
		case c == '\\':
			p.pos++
			if p.pos >= len(p.text) {
				return "", false, p.bad("Unexpected end of input.")
			}
			b = append(b, p.text[p.pos])
			end, quoted = len(b), true
		default:
			b = append(b, c)
			if !isSpace(c) {
				end = len(b)
			}
		}
		p.pos++
	}
	return "", false, p.bad("Unexpected end of input.")
}

func (p *arrayParser) quotedText() (string, bool, error) {
	var b []byte
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '"':
			p.pos++
			p.space()
			if c := p.peek(); p.pos < len(p.text) && c != ',' && c != '}' {
				return "", false, p.unexpected("Unexpected array element.")
			}
			return string(b), true, nil
		case '\\':
			p.pos++
			if p.pos < len(p.text) {
				b = append(b, p.text[p.pos])
			}
		default:
			b = append(b, c)
		}
	}
	return "", false, p.bad("Unexpected end of input.")
}
