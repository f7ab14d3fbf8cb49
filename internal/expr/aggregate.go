package expr

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Aggregate is a call of an aggregate function. NewAggregate makes it.
type Aggregate struct {
	Fn   *AggregateFunction
	Args []Expr
	// Filter is the condition of FILTER (WHERE ...); nil means all rows.
	Filter   Expr
	Distinct bool
	OrderBy  []AggregateOrder
	Typ      datum.Type
}

// AggregateOrder is one key of ORDER BY inside an aggregate.
type AggregateOrder struct {
	Expr       Expr
	Descending bool
	NullsFirst bool
}

// AggregateFunction is one aggregate for one list of argument types.
type AggregateFunction struct {
	// ID is the number by which it is stored: its oid in PostgreSQL 15.
	ID     uint32
	Name   string
	Args   []datum.Type
	Result datum.Type

	partial string // the types of the partial state; "" where there is none
	start   func(a *Aggregate) Accumulator
}

// Accumulator gathers the rows of one group. It belongs to one goroutine.
type Accumulator interface {
	// Add takes the values of Aggregate.Inputs for one row that the filter chose.
	Add(args []datum.Datum) error
	// AppendPartial appends the state as PartialWidth values.
	AppendPartial(dst []datum.Datum) []datum.Datum
	// Merge takes the state that another accumulator's AppendPartial gave.
	Merge(partial []datum.Datum) error
	// Final returns the aggregate's value.
	Final() (datum.Datum, error)
	// Size is about the number of bytes held, for those who bound memory.
	Size() int
}

// IsAggregate reports whether a function of that name is an aggregate.
func IsAggregate(name string) bool {
	for i := range aggregateTable {
		if aggregateTable[i].name == name {
			return true
		}
	}
	return false
}

// NewAggregate calls an aggregate function; star is count(*). Errors as those of
// NewFunction.
func NewAggregate(name string, star bool, args []Expr, filter Expr, distinct bool, orderBy []AggregateOrder) (*Aggregate, error) {
	types := make([]datum.Type, len(args))
	for i, a := range args {
		types[i] = a.Type()
	}
	c, fn, err := resolveAggregate(name, star, types)
	if err != nil {
		return nil, err
	}
	a := &Aggregate{Fn: fn, Distinct: distinct}
	if a.Args, a.Typ, err = coerceArgs(c, args); err != nil {
		return nil, err
	}
	if filter != nil {
		if a.Filter, err = CoerceBool(filter, "FILTER"); err != nil {
			return nil, err
		}
	}
	for _, o := range orderBy {
		if o.Expr, err = settle(o.Expr); err != nil {
			return nil, err
		}
		if err = orderable(o.Expr.Type()); err != nil {
			return nil, err
		}
		a.OrderBy = append(a.OrderBy, o)
	}
	return a, a.check()
}

// check refuses what PostgreSQL refuses of DISTINCT and ORDER BY.
func (a *Aggregate) check() error {
	if !a.Distinct {
		return nil
	}
	if len(a.Args) == 0 {
		return pgerror.New(pgerror.SyntaxError, "DISTINCT specified, but %s is not an aggregate function of an argument", a.Fn.Name)
	}
	for _, e := range a.Args {
		if orderable(e.Type()) != nil {
			return pgerror.New(pgerror.UndefinedFunction, "could not identify an equality operator for type %s", typeName(e.Type()))
		}
	}
	for _, o := range a.OrderBy {
		found := false
		for _, e := range a.Args {
			found = found || Equal(e, o.Expr)
		}
		if !found {
			return pgerror.New(pgerror.InvalidColumnReference,
				"in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
		}
	}
	return nil
}

// Type returns the type of the result.
func (a *Aggregate) Type() datum.Type { return a.Typ }

// PartialWidth is the number of values of a partial state; 0 where the aggregate
// cannot be merged from partial states, so that one reader must see all rows.
func (a *Aggregate) PartialWidth() int { return len(a.PartialTypes()) }

// PartialTypes returns the types of the values of a partial state.
func (a *Aggregate) PartialTypes() []datum.Type {
	if a.Distinct || len(a.OrderBy) > 0 {
		return nil
	}
	return partialTypes(a)
}

// Inputs returns the expressions whose values Accumulator.Add takes: the
// arguments, then the keys of ORDER BY.
func (a *Aggregate) Inputs() []Expr {
	list := append([]Expr(nil), a.Args...)
	for _, o := range a.OrderBy {
		list = append(list, o.Expr)
	}
	return list
}

// New starts an accumulator, for an empty group.
func (a *Aggregate) New() Accumulator {
	if a.Distinct || len(a.OrderBy) > 0 {
		return newSorted(a)
	}
	return a.Fn.start(a)
}

// Step evaluates filter and arguments for one row and adds it. buf is used for
// the values and returned to be used again.
func (a *Aggregate) Step(acc Accumulator, env *Env, buf []datum.Datum) ([]datum.Datum, error) {
	if a.Filter != nil {
		ok, _, err := EvalBool(a.Filter, env)
		if err != nil || !ok {
			return buf, err
		}
	}
	buf = buf[:0]
	for _, e := range a.Args {
		v, err := e.Eval(env)
		if err != nil {
			return buf, err
		}
		buf = append(buf, v)
	}
	for i := range a.OrderBy {
		v, err := a.OrderBy[i].Expr.Eval(env)
		if err != nil {
			return buf, err
		}
		buf = append(buf, v)
	}
	return buf, acc.Add(buf)
}

// Exprs returns all expressions of the aggregate: the inputs, then the filter if
// there is one.
func (a *Aggregate) Exprs() []Expr {
	list := a.Inputs()
	if a.Filter != nil {
		list = append(list, a.Filter)
	}
	return list
}

// WithExprs returns the aggregate over other expressions, in the order of Exprs.
func (a *Aggregate) WithExprs(list []Expr) *Aggregate {
	b := *a
	b.Args = append([]Expr(nil), list[:len(a.Args)]...)
	list = list[len(a.Args):]
	b.OrderBy = append([]AggregateOrder(nil), a.OrderBy...)
	for i := range b.OrderBy {
		b.OrderBy[i].Expr = list[i]
	}
	if a.Filter != nil {
		b.Filter = list[len(b.OrderBy)]
	}
	return &b
}

// AppendAggregate appends the encoding of an aggregate.
func AppendAggregate(dst []byte, a *Aggregate) []byte {
	dst = binary.AppendUvarint(dst, uint64(a.Fn.ID))
	dst = appendBool(appendType(dst, a.Typ), a.Distinct)
	dst = binary.AppendUvarint(dst, uint64(len(a.Args)))
	for _, e := range a.Args {
		dst = Append(dst, e)
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.OrderBy)))
	for _, o := range a.OrderBy {
		dst = appendBool(appendBool(dst, o.Descending), o.NullsFirst)
		dst = Append(dst, o.Expr)
	}
	return Append(dst, a.Filter)
}

// DecodeAggregate is the inverse of AppendAggregate; it returns what follows.
func DecodeAggregate(b []byte) (*Aggregate, []byte, error) {
	r := &reader{b: b}
	id := r.uint()
	a := &Aggregate{Typ: r.typ(), Distinct: r.byte() == 1}
	c, fn := aggregateByID(uint32(id))
	if fn == nil || id > 1<<32-1 {
		r.fail(malformed())
	}
	for n := r.index(); n > 0 && r.err == nil; n-- {
		a.Args = append(a.Args, r.expr(0))
	}
	for n := r.index(); n > 0 && r.err == nil; n-- {
		o := AggregateOrder{Descending: r.byte() == 1, NullsFirst: r.byte() == 1}
		o.Expr = r.expr(0)
		a.OrderBy = append(a.OrderBy, o)
	}
	a.Filter = r.expr(0)
	if r.err != nil {
		return nil, nil, r.err
	}
	if err := a.checkDecoded(c, fn); err != nil {
		return nil, nil, err
	}
	return a, r.b, nil
}

func (a *Aggregate) checkDecoded(c candidate, fn *AggregateFunction) error {
	a.Fn = fn
	for _, e := range a.Inputs() {
		if e == nil {
			return malformed()
		}
	}
	if len(a.Args) != len(c.args) || (a.Filter != nil && a.Filter.Type() != datum.Bool) {
		return malformed()
	}
	return checkArgs(c, a.Args)
}

// FormatAggregate writes an aggregate as SQL.
func FormatAggregate(a *Aggregate) string {
	p := &printer{}
	p.put(QuoteIdent(a.Fn.Name), "(", when(a.Distinct, "DISTINCT "))
	if len(a.Args) == 0 {
		p.put("*")
	}
	p.list(a.Args, ", ")
	for i, o := range a.OrderBy {
		p.put([]string{" ORDER BY ", ", "}[min(i, 1)])
		p.expr(o.Expr)
		p.put(when(o.Descending, " DESC"))
		if o.NullsFirst != o.Descending {
			p.put(" NULLS ", map[bool]string{true: "FIRST", false: "LAST"}[o.NullsFirst])
		}
	}
	p.put(")")
	if a.Filter != nil {
		p.put(" FILTER (WHERE ")
		p.expr(a.Filter)
		p.put(")")
	}
	return p.b.String()
}
