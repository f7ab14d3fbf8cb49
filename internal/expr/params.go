package expr

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// ParamTypes infers the types of a statement's parameters while it is bound.
// The first place that asks an undeclared parameter for a type decides; later
// ones see that type.
type ParamTypes struct {
	types  []datum.Type
	places []datum.Type // that have decided, with their modifiers; zero where none has
}

// NewParamTypes starts with the types that the client declared (datum.Unknown or
// the zero Type where it did not).
func NewParamTypes(declared []datum.Type) *ParamTypes {
	p := &ParamTypes{types: append([]datum.Type(nil), declared...)}
	for i := range p.types {
		p.grow(i)
	}
	return p
}

// MaxParams is the number of parameters that a statement may have.
const MaxParams = 65535

// Param returns parameter $(index+1) with the type known so far.
func (p *ParamTypes) Param(index int) (*Param, error) {
	if index < 0 || index >= MaxParams {
		return nil, pgerror.New(pgerror.UndefinedParameter, "there is no parameter $%d", index+1)
	}
	p.grow(index)
	return &Param{Index: index, Typ: p.types[index], types: p, kind: valueKind(p.types[index])}, nil
}

// Types returns the types known so far; those not known are datum.Unknown.
func (p *ParamTypes) Types() []datum.Type { return p.types }

// Places returns the types known so far with the modifiers of the places that have decided
// them: numeric(6, 2) where the parameter is of type numeric.
func (p *ParamTypes) Places() []datum.Type {
	out := append([]datum.Type(nil), p.types...)
	for i, t := range p.places {
		if t.OID != 0 {
			out[i] = t
		}
	}
	return out
}

// Finish fails with 42P18 if a parameter's type is still unknown.
func (p *ParamTypes) Finish() error {
	for i, t := range p.types {
		if t == datum.Unknown {
			return pgerror.New(pgerror.IndeterminateDatatype, "could not determine data type of parameter $%d", i+1)
		}
	}
	return nil
}

func (p *ParamTypes) grow(index int) {
	for len(p.types) <= index {
		p.types = append(p.types, datum.Unknown)
	}
	for len(p.places) < len(p.types) {
		p.places = append(p.places, datum.Type{})
	}
	if p.types[index].OID == 0 {
		p.types[index] = datum.Unknown
	}
}

// decide gives a parameter of unknown type the type that its place wants.
func (e *Param) decide(to datum.Type) (*Param, error) {
	place := to
	to.Mod = -1
	if e.types != nil {
		switch have := e.types.types[e.Index]; {
		case have == datum.Unknown:
			e.types.types[e.Index] = to
			e.types.places[e.Index] = place
		case have != to:
			return nil, pgerror.New("42P08", "inconsistent types deduced for parameter $%d", e.Index+1).
				WithDetail("%s versus %s", have, to)
		}
	}
	return NewParam(e.Index, to), nil
}
