package expr

import (
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// candidate is an overload with its arguments expanded to the number of the call.
type candidate struct {
	fn   *Overload
	args []datum.Type
}

// expand fits an overload to n arguments; false if it does not take that many.
func expand(fn *Overload, n int) (candidate, bool) {
	if !fn.Variadic {
		return candidate{fn, fn.Args}, len(fn.Args) == n
	}
	fixed := len(fn.Args) - 1
	if n < len(fn.Args) {
		return candidate{}, false
	}
	elem := fn.Args[fixed]
	switch elem.OID {
	case oidAny:
	case oidAnyArray:
		elem = typeOf(oidAnyElement)
	case oidAnyCompatibleArray:
		elem = typeOf(oidAnyCompatible)
	default:
		if t, ok := elem.Elem(); ok {
			elem = t
		}
	}
	args := append([]datum.Type(nil), fn.Args[:fixed]...)
	for len(args) < n {
		args = append(args, elem)
	}
	return candidate{fn, args}, true
}

// ResolveFunction finds the overload that PostgreSQL would call for arguments of
// these types (datum.Unknown for untyped literals and parameters). Errors: 42883
// where there is none, 42725 where several fit, 0A000 for a function that ssmr
// does not have.
func ResolveFunction(name string, args []datum.Type) (*Overload, error) {
	c, err := resolveFunction(name, args)
	if err != nil {
		return nil, err
	}
	return c.fn, nil
}

func resolveFunction(name string, args []datum.Type) (candidate, error) {
	var list []candidate
	for _, fn := range catalog().byName[name] {
		if c, ok := expand(fn, len(args)); ok {
			list = append(list, c)
		}
	}
	c, n := choose(list, args)
	switch {
	case n == 1:
		if !c.fn.Supported {
			return c, notSupportedCall(c.fn)
		}
		return c, nil
	case n == 0:
		return c, pgerror.New(pgerror.UndefinedFunction, "function %s does not exist", signature(name, args)).
			WithHint("No function matches the given name and argument types. You might need to add explicit type casts.")
	}
	return c, pgerror.New(pgerror.AmbiguousFunction, "function %s is not unique", signature(name, args)).
		WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
}

func signature(name string, args []datum.Type) string {
	names := make([]string, len(args))
	for i, t := range args {
		names[i] = typeName(t)
	}
	return name + "(" + strings.Join(names, ", ") + ")"
}

func notSupportedCall(fn *Overload) error {
	return pgerror.NotSupported("function %s", signature(fn.Name, fn.Args))
}

// ResolveOperator finds the function behind a binary operator, or behind a
// prefix operator if l is the zero Type.
func ResolveOperator(op string, l, r datum.Type) (*Overload, error) {
	c, err := operatorCandidate(op, l, r)
	if err != nil {
		return nil, err
	}
	return c.fn, nil
}

func operatorCandidate(op string, l, r datum.Type) (candidate, error) {
	if op == "!=" {
		op = "<>"
	}
	args := []datum.Type{l, r}
	if l.OID == 0 {
		args = args[1:]
	}
	list := catalog().operators[operatorKey{op, len(args)}]
	if len(args) == 2 {
		// If one operand is of unknown type, take it to be of the other's first.
		exact := []datum.Type{l, r}
		if l == datum.Unknown && r != datum.Unknown {
			exact[0] = base(r)
		} else if r == datum.Unknown && l != datum.Unknown {
			exact[1] = base(l)
		}
		if c, ok := exactMatch(list, exact); ok {
			return supported(c, op)
		}
	}
	c, n := choose(list, args)
	if n == 1 {
		return supported(c, op)
	}
	text := op + " " + typeName(r)
	if len(args) == 2 {
		text = typeName(l) + " " + text
	}
	if n > 1 {
		return c, pgerror.New(pgerror.AmbiguousFunction, "operator is not unique: %s", text).
			WithHint("Could not choose a best candidate operator. You might need to add explicit type casts.")
	}
	hint := "No operator matches the given name and argument types. You might need to add explicit type casts."
	if len(args) == 1 {
		hint = "No operator matches the given name and argument type. You might need to add an explicit type cast."
	}
	return c, pgerror.New(pgerror.UndefinedFunction, "operator does not exist: %s", text).WithHint("%s", hint)
}

func supported(c candidate, op string) (candidate, error) {
	if c.fn.Supported {
		return c, nil
	}
	names := make([]string, len(c.args))
	for i, t := range c.args {
		names[i] = typeName(t)
	}
	if len(names) == 1 {
		return c, pgerror.NotSupported("operator %s %s", op, names[0])
	}
	return c, pgerror.NotSupported("operator %s %s %s", names[0], op, names[1])
}

func exactMatch(list []candidate, args []datum.Type) (candidate, bool) {
next:
	for _, c := range list {
		for i, t := range args {
			if t.OID != c.args[i].OID {
				continue next
			}
		}
		return c, true
	}
	return candidate{}, false
}

// choose is PostgreSQL's func_get_detail and func_select_candidate: n is 0 where
// nothing fits, 1 where c does, more where the choice is not unique.
func choose(list []candidate, args []datum.Type) (c candidate, n int) {
	if c, ok := exactMatch(list, args); ok {
		return c, 1
	}
	var fit []candidate
	for _, c := range list {
		if coercible(args, c.args) {
			fit = append(fit, c)
		}
	}
	if len(fit) <= 1 {
		if len(fit) == 1 {
			c = fit[0]
		}
		return c, len(fit)
	}
	fit = best(fit, func(c candidate) (matches int) {
		for i, t := range args {
			if t != datum.Unknown && t.OID == c.args[i].OID {
				matches++
			}
		}
		return matches
	})
	if len(fit) == 1 {
		return fit[0], 1
	}
	fit = best(fit, func(c candidate) (matches int) {
		for i, t := range args {
			if t != datum.Unknown && (t.OID == c.args[i].OID || preferred(category(t), c.args[i])) {
				matches++
			}
		}
		return matches
	})
	if len(fit) == 1 {
		return fit[0], 1
	}
	if byCategory := chooseByCategory(fit, args); len(byCategory) > 0 {
		if fit = byCategory; len(fit) == 1 {
			return fit[0], 1
		}
	}
	return lastGasp(fit, args)
}

// best keeps the candidates with the highest score.
func best(list []candidate, score func(candidate) int) []candidate {
	top := -1
	var kept []candidate
	for _, c := range list {
		switch s := score(c); {
		case s > top:
			top, kept = s, append(kept[:0:0], c)
		case s == top:
			kept = append(kept, c)
		}
	}
	return kept
}

// chooseByCategory decides by the type categories at the places of unknown
// arguments; nil where they do not agree.
func chooseByCategory(list []candidate, args []datum.Type) []candidate {
	cats := make([]byte, len(args))
	wantPreferred := make([]bool, len(args))
	unknowns := false
	for i, t := range args {
		if t != datum.Unknown {
			continue
		}
		unknowns = true
		conflict := false
		for _, c := range list {
			cat := category(c.args[i])
			pref := preferred(cat, c.args[i])
			switch {
			case cats[i] == 0:
				cats[i], wantPreferred[i] = cat, pref
			case cats[i] == cat:
				wantPreferred[i] = wantPreferred[i] || pref
			case cat == 'S':
				cats[i], wantPreferred[i] = cat, pref
			default:
				conflict = true
			}
		}
		if conflict && cats[i] != 'S' {
			return nil
		}
	}
	if !unknowns {
		return nil
	}
	var kept []candidate
next:
	for _, c := range list {
		for i, t := range args {
			if t != datum.Unknown {
				continue
			}
			cat := category(c.args[i])
			if cat != cats[i] || (wantPreferred[i] && !preferred(cat, c.args[i])) {
				continue next
			}
		}
		kept = append(kept, c)
	}
	return kept
}

// lastGasp takes unknown arguments to be of the type that all known ones have.
func lastGasp(list []candidate, args []datum.Type) (candidate, int) {
	var known datum.Type
	unknowns := false
	for _, t := range args {
		switch {
		case t == datum.Unknown:
			unknowns = true
		case known.OID == 0:
			known = base(t)
		case known.OID != t.OID:
			return candidate{}, len(list)
		}
	}
	if !unknowns || known.OID == 0 {
		return candidate{}, len(list)
	}
	all := make([]datum.Type, len(args))
	for i := range all {
		all[i] = known
	}
	var fit []candidate
	for _, c := range list {
		if coercible(all, c.args) {
			fit = append(fit, c)
		}
	}
	if len(fit) == 1 {
		return fit[0], 1
	}
	return candidate{}, len(list)
}

// coercible reports whether arguments can be passed to a function implicitly.
func coercible(args, declared []datum.Type) bool {
	generic := false
	for i, t := range args {
		d := declared[i]
		switch {
		case t.OID == d.OID, d.OID == oidAny:
		case polymorphic(d.OID):
			generic = true
		case t == datum.Unknown:
		default:
			if _, ok := pathway(t, d, Implicit); !ok {
				return false
			}
		}
	}
	return !generic || genericFits(args, declared)
}

// genericFits is PostgreSQL's check_generic_type_consistency.
func genericFits(args, declared []datum.Type) bool {
	_, _, err := bindGenerics(args, declared)
	return err == nil
}
