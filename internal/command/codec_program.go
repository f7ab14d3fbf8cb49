package command

import (
	"github.com/ssmr/ssmr/internal/expr"
)

// Parts of an encoded Program, each once for each element it describes, in
// this order. They are in logs: append only.
const (
	partFilter byte = iota + 1
	partSet
	partConflictFilter
	partProject
	partGroupBy
	partAggregate
	partOrderBy
	partKeyOrder
	partDistinct
)

const (
	orderDescending byte = 1 << iota
	orderNullsFirst
)

// EncodeProgram encodes a program. An empty program, and nil, are no bytes.
// Equal programs have equal encodings.
func EncodeProgram(p *Program) []byte { return AppendProgram(nil, p) }

// AppendProgram is EncodeProgram behind dst.
func AppendProgram(dst []byte, p *Program) []byte {
	if p == nil {
		return dst
	}
	if p.Filter != nil {
		dst = appendExpr(append(dst, partFilter), p.Filter)
	}
	for _, s := range p.Set {
		dst = appendUint(append(dst, partSet), uint64(s.Column))
		dst = appendExpr(dst, s.Value)
	}
	if p.ConflictFilter != nil {
		dst = appendExpr(append(dst, partConflictFilter), p.ConflictFilter)
	}
	for _, e := range p.Project {
		dst = appendExpr(append(dst, partProject), e)
	}
	for _, e := range p.GroupBy {
		dst = appendExpr(append(dst, partGroupBy), e)
	}
	for _, a := range p.Aggregates {
		dst = appendString(append(dst, partAggregate), expr.AppendAggregate(nil, a))
	}
	for _, o := range p.OrderBy {
		dst = appendUint(append(dst, partOrderBy), uint64(o.Column))
		var flags byte
		if o.Descending {
			flags |= orderDescending
		}
		if o.NullsFirst {
			flags |= orderNullsFirst
		}
		dst = append(dst, flags)
	}
	if p.KeyOrder {
		dst = append(dst, partKeyOrder)
	}
	if p.Distinct {
		dst = append(dst, partDistinct)
	}
	return dst
}

// DecodeProgram is the inverse of EncodeProgram. The program keeps nothing of b.
func DecodeProgram(b []byte) (*Program, error) {
	r := reader{b: b}
	p := new(Program)
	for last := byte(0); r.more() && r.err == nil; {
		part := r.byte()
		if part < last {
			r.fail("parts of a program are out of order")
			break
		}
		last = part
		switch part {
		case partFilter:
			p.Filter = r.expr()
		case partSet:
			p.Set = append(p.Set, Assignment{Column: r.int(), Value: r.expr()})
		case partConflictFilter:
			p.ConflictFilter = r.expr()
		case partProject:
			p.Project = append(p.Project, r.expr())
		case partGroupBy:
			p.GroupBy = append(p.GroupBy, r.expr())
		case partAggregate:
			p.Aggregates = append(p.Aggregates, r.aggregate())
		case partOrderBy:
			o := Order{Column: r.int()}
			flags := r.byte()
			if flags > orderDescending|orderNullsFirst {
				r.fail("unknown kind of order")
			}
			o.Descending, o.NullsFirst = flags&orderDescending != 0, flags&orderNullsFirst != 0
			p.OrderBy = append(p.OrderBy, o)
		case partKeyOrder:
			p.KeyOrder = true
		case partDistinct:
			p.Distinct = true
		default:
			r.fail("unknown part of a program")
		}
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return p, nil
}

func appendExpr(dst []byte, e expr.Expr) []byte {
	return appendString(dst, expr.Append(nil, e))
}

func (r *reader) expr() expr.Expr {
	b := r.take(r.uint())
	if r.err != nil {
		return nil
	}
	e, err := expr.Decode(b)
	if err != nil {
		r.fail("expression: " + err.Error())
		return nil
	}
	return e
}

func (r *reader) aggregate() *expr.Aggregate {
	b := r.take(r.uint())
	if r.err != nil {
		return nil
	}
	a, rest, err := expr.DecodeAggregate(b)
	if err != nil {
		r.fail("aggregate: " + err.Error())
		return nil
	}
	if len(rest) > 0 {
		r.fail("aggregate: bytes are left over")
		return nil
	}
	return a
}
