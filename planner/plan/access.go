package plan

import (
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Access says which objects of a table a statement may mean, from its
// conditions on the primary key. The Program's filter says the rest.
type Access struct {
	Table *catalog.Table
	// Alternatives are united; no object can match where there are none. With All
	// every object may, and there are no alternatives.
	Alternatives []Alternative
	All          bool
}

// Alternative is a conjunction of conditions on the columns of the key: values
// for its first columns, and bounds for the next.
type Alternative struct {
	// Prefix holds the possible values of the key's columns, from the first; as
	// many as the key has columns means single objects.
	Prefix []KeyValues
	// Lower and Upper bound the column behind Prefix; nil means open.
	Lower, Upper *Bound
}

// KeyValues are the values that a column of the key may have.
type KeyValues struct {
	Exprs []expr.Expr // over parameters
	// Array is an expression over parameters whose elements are values; Exprs is
	// empty then.
	Array expr.Expr
	// Type is the type of the values. They are converted to the column's type
	// exactly: one that the column cannot hold matches nothing, and neither does
	// NULL.
	Type datum.Type
}

// Bound is one end of a range.
type Bound struct {
	Expr      expr.Expr // over parameters
	Type      datum.Type
	Inclusive bool
}

// Objects is what an Access means with the values of one execution: some objects
// by their ids, or some by ranges. Neither means none.
type Objects struct {
	// IDs in ascending order, without duplicates.
	IDs []object.ID
	// Spans in ascending order, disjoint; IDs is empty where there are some. The
	// span of a single object is [id, id + a zero byte).
	Spans []command.Span
	// Home says that all objects in Spans have the same static home: that of an object
	// with the key in Spans[0].Start, which has all columns that decide it.
	Home bool
}

// Keys reports whether the access means objects by their ids alone: Resolve
// never returns ranges.
func (a *Access) Keys() bool {
	if a.All {
		return false
	}
	for i := range a.Alternatives {
		if len(a.Alternatives[i].Prefix) < len(a.Table.PrimaryKey) {
			return false
		}
	}
	return true
}

// Single reports whether the access means at most one object, by its id.
func (a *Access) Single() bool {
	if a.All || !a.Keys() || len(a.Alternatives) > 1 {
		return false
	}
	for i := range a.Alternatives {
		for _, v := range a.Alternatives[i].Prefix {
			if v.Array != nil || len(v.Exprs) != 1 {
				return false
			}
		}
	}
	return true
}

// MaxObjects bounds the ids and ranges that one Access may resolve to.
const MaxObjects = 1 << 20

// Resolve computes which objects are meant with the parameters of env. Errors
// are those of evaluating the expressions, and 54000 where there are more than
// MaxObjects.
func (a *Access) Resolve(env *expr.Env) (Objects, error) {
	if a.All {
		return Objects{Spans: []command.Span{TableSpan(a.Table.ID)}}, nil
	}
	if len(a.Alternatives) == 1 && a.Single() {
		return a.one(env, &a.Alternatives[0])
	}
	r := resolver{table: a.Table, env: env}
	for i := range a.Alternatives {
		if err := r.alternative(&a.Alternatives[i]); err != nil {
			return Objects{}, err
		}
	}
	o := r.objects()
	o.Home = len(o.Spans) > 0 && a.Homely()
	return o, nil
}

// Homely reports whether the access fixes the columns of the key that the table's static
// placement is by, each to one value: all objects that it means have one home.
func (a *Access) Homely() bool {
	p := &a.Table.Placement
	if a.All || len(a.Alternatives) != 1 || !p.Static || len(p.Columns) == 0 {
		return false
	}
	prefix := a.Alternatives[0].Prefix
	for i := range slices.Max(p.Columns) + 1 { // all before it are in what a span begins with
		if i >= len(prefix) || prefix[i].Array != nil || len(prefix[i].Exprs) != 1 {
			return false
		}
	}
	return true
}

// one is the hot path: one object by its key.
func (a *Access) one(env *expr.Env, alt *Alternative) (Objects, error) {
	var room [64]byte
	key := appendTable(room[:0], a.Table.ID)
	for i := range alt.Prefix {
		v := &alt.Prefix[i]
		d, err := v.Exprs[0].Eval(env)
		if err != nil {
			return Objects{}, err
		}
		t := a.Table.Columns[a.Table.PrimaryKey[i]].Type
		d, ok := exact(d, t)
		if !ok {
			return Objects{}, nil
		}
		if key, err = datum.AppendKey(key, d, t); err != nil {
			return Objects{}, err
		}
	}
	return Objects{IDs: []object.ID{object.ID(key)}}, nil
}

// TableSpan is the range of all objects of a table.
func TableSpan(t object.TableID) command.Span {
	return command.Span{Start: object.NewID(t, nil), End: object.NewID(t+1, nil)}
}

func appendTable(dst []byte, t object.TableID) []byte {
	return append(dst, byte(t>>24), byte(t>>16), byte(t>>8), byte(t))
}

// resolver gathers ids and ranges.
type resolver struct {
	table *catalog.Table
	env   *expr.Env
	ids   []object.ID
	spans []command.Span
}

func (r *resolver) alternative(a *Alternative) error {
	prefixes := [][]byte{appendTable(nil, r.table.ID)}
	for i := range a.Prefix {
		t := r.keyType(i)
		values, err := a.Prefix[i].values(r.env, t)
		if err != nil {
			return err
		}
		if len(prefixes)*len(values) > MaxObjects {
			return pgerror.New(pgerror.ProgramLimitExceeded, "the statement names more than %d keys", MaxObjects)
		}
		if prefixes, err = extend(prefixes, values, t); err != nil {
			return err
		}
	}
	if len(r.ids)+len(r.spans)+len(prefixes) > MaxObjects {
		return pgerror.New(pgerror.ProgramLimitExceeded, "the statement names more than %d keys", MaxObjects)
	}
	if len(a.Prefix) == len(r.table.PrimaryKey) {
		for _, p := range prefixes {
			r.ids = append(r.ids, object.ID(p))
		}
		return nil
	}
	lower, upper, none, err := r.bounds(a)
	if err != nil || none {
		return err
	}
	for _, p := range prefixes {
		if s := (command.Span{Start: lower.id(p), End: upper.id(p)}); s.Start < s.End {
			r.spans = append(r.spans, s)
		}
	}
	return nil
}

func (r *resolver) keyType(i int) datum.Type { return r.table.Columns[r.table.PrimaryKey[i]].Type }

// extend appends each value to each prefix.
func extend(prefixes [][]byte, values []datum.Datum, t datum.Type) ([][]byte, error) {
	out := make([][]byte, 0, len(prefixes)*len(values))
	for _, p := range prefixes {
		for _, v := range values {
			key, err := datum.AppendKey(slices.Clip(p), v, t)
			if err != nil {
				return nil, err
			}
			out = append(out, key)
		}
	}
	return out, nil
}

// values evaluates the possible values of a column; those that it cannot have
// are left out.
func (v *KeyValues) values(env *expr.Env, t datum.Type) ([]datum.Datum, error) {
	var out []datum.Datum
	if v.Array != nil {
		d, err := v.Array.Eval(env)
		if err != nil || d.IsNull() {
			return nil, err
		}
		for _, e := range d.Array().Elems {
			if e, ok := exact(e, t); ok {
				out = append(out, e)
			}
		}
		return out, nil
	}
	for _, x := range v.Exprs {
		d, err := x.Eval(env)
		if err != nil {
			return nil, err
		}
		if d, ok := exact(d, t); ok {
			out = append(out, d)
		}
	}
	return out, nil
}

// edge is one end of a range behind a prefix: the encoded value, or none.
type edge struct {
	key   []byte
	after bool // the edge is behind all keys that begin with prefix and key
}

func (e edge) id(prefix []byte) object.ID {
	key := append(slices.Clip(prefix), e.key...)
	if e.after {
		key = datum.PrefixEnd(key)
	}
	return object.ID(key)
}

// bounds evaluates both ends of the column behind the prefix; none says that no
// value lies between them.
func (r *resolver) bounds(a *Alternative) (lower, upper edge, none bool, err error) {
	upper.after = true // open: behind all that begin with the prefix
	t := r.keyType(len(a.Prefix))
	if a.Lower != nil {
		if lower, none, err = r.edge(a.Lower, t, true); none || err != nil {
			return lower, upper, none, err
		}
	}
	if a.Upper != nil {
		upper, none, err = r.edge(a.Upper, t, false)
	}
	return lower, upper, none, err
}

// edge evaluates a bound. A value that the column's type cannot hold is moved to
// the next one that it can.
func (r *resolver) edge(b *Bound, t datum.Type, lower bool) (e edge, none bool, err error) {
	d, err := b.Expr.Eval(r.env)
	if err != nil {
		return e, false, err
	}
	if d.IsNull() {
		return e, true, nil
	}
	inclusive := b.Inclusive
	v, how := ceiling(d, t)
	switch how {
	case isExact:
	case isAbove: // v is the least value above d: at or above v, or below v
		inclusive = lower
	case belowAll:
		return edge{}, !lower, nil
	case aboveAll:
		return edge{after: true}, lower, nil
	}
	key, err := datum.AppendKey(nil, v, t)
	// A lower bound begins behind the value unless it is inclusive; an upper one
	// ends behind it if it is.
	return edge{key: key, after: lower != inclusive}, false, err
}

// objects sorts what was gathered, and merges it.
func (r *resolver) objects() Objects {
	slices.Sort(r.ids)
	r.ids = slices.Compact(r.ids)
	if len(r.spans) == 0 {
		return Objects{IDs: r.ids}
	}
	for _, id := range r.ids {
		r.spans = append(r.spans, command.Span{Start: id, End: id + "\x00"})
	}
	slices.SortFunc(r.spans, func(a, b command.Span) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return 0
	})
	merged := r.spans[:1]
	for _, s := range r.spans[1:] {
		last := &merged[len(merged)-1]
		if s.Start > last.End {
			merged = append(merged, s)
		} else if s.End > last.End {
			last.End = s.End
		}
	}
	return Objects{Spans: merged}
}
