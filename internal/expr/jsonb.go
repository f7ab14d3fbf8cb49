package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// jsonWriter writes objects and arrays in the form of a jsonb's text.
type jsonWriter struct {
	b     strings.Builder
	first bool
}

func (w *jsonWriter) open(c byte) {
	w.b.WriteByte(c)
	w.first = true
}

func (w *jsonWriter) close(c byte) {
	w.b.WriteByte(c)
	w.first = false
}

func (w *jsonWriter) separate() {
	if !w.first {
		w.b.WriteString(", ")
	}
	w.first = false
}

func (w *jsonWriter) key(k string) {
	w.separate()
	w.b.Write(datum.AppendJSONString(nil, k))
	w.b.WriteString(": ")
}

func (w *jsonWriter) field(k, raw string) {
	w.key(k)
	w.b.WriteString(raw)
}

func (w *jsonWriter) element(raw string) {
	w.separate()
	w.b.WriteString(raw)
}

func (w *jsonWriter) result() (datum.Datum, error) { return jsonOf(w.b.String(), true) }

// jsonConcat is ||.
func jsonConcat(a, b datum.Datum) (datum.Datum, error) {
	x, y := datum.ViewJSON(a), datum.ViewJSON(b)
	w := &jsonWriter{}
	if x.Kind() == datum.JSONObject && y.Kind() == datum.JSONObject {
		w.open('{')
		for _, o := range []datum.JSONValue{x, y} { // the last of a name wins
			for k, v := range o.Fields() {
				w.field(k, v.Raw())
			}
		}
		w.close('}')
		return w.result()
	}
	w.open('[')
	for _, v := range []datum.JSONValue{x, y} {
		if v.Kind() != datum.JSONArrayKind {
			w.element(v.Raw())
			continue
		}
		for e := range v.Elements() {
			w.element(e.Raw())
		}
	}
	w.close(']')
	return w.result()
}

// jsonDelete is - with a name, or with names.
func jsonDelete(a, b datum.Datum) (datum.Datum, error) {
	keys := map[string]bool{}
	if b.Kind() == datum.KindArray {
		for _, k := range b.Array().Elems {
			if !k.IsNull() {
				keys[k.Text()] = true
			}
		}
	} else {
		keys[b.Text()] = true
	}
	v := datum.ViewJSON(a)
	w := &jsonWriter{}
	switch v.Kind() {
	case datum.JSONObject:
		w.open('{')
		for k, f := range v.Fields() {
			if !keys[k] {
				w.field(k, f.Raw())
			}
		}
		w.close('}')
	case datum.JSONArrayKind:
		w.open('[')
		for e := range v.Elements() {
			if s, ok, err := e.Text(); e.Kind() != datum.JSONString || !ok || err != nil || !keys[s] {
				w.element(e.Raw())
			}
		}
		w.close(']')
	default:
		return datum.Datum{}, jsonError("cannot delete from scalar")
	}
	return w.result()
}

// jsonDeleteIndex is - with an index.
func jsonDeleteIndex(a, b datum.Datum) (datum.Datum, error) {
	v := datum.ViewJSON(a)
	switch v.Kind() {
	case datum.JSONObject:
		return datum.Datum{}, jsonError("cannot delete from object using integer index")
	case datum.JSONArrayKind:
	default:
		return datum.Datum{}, jsonError("cannot delete from scalar")
	}
	at := int(b.Int())
	if at < 0 {
		at += v.Len()
	}
	w := &jsonWriter{}
	w.open('[')
	i := 0
	for e := range v.Elements() {
		if i != at {
			w.element(e.Raw())
		}
		i++
	}
	w.close(']')
	return w.result()
}

// change is what jsonb_set and its kin do at the end of a path.
type change uint8

const (
	changeSet change = iota
	changeCreate
	changeInsertBefore
	changeInsertAfter
	changeDelete
)

type pathChange struct {
	w     jsonWriter
	path  []datum.Datum
	value string
	how   change
}

func jsonSet(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	how := changeCreate
	if len(a) > 3 && !a[3].Bool() {
		how = changeSet
	}
	return changePath(a[0], a[1], a[2].Text(), how)
}

func jsonInsert(_ *Env, _ *Call, a []datum.Datum) (datum.Datum, error) {
	how := changeInsertBefore
	if len(a) > 3 && a[3].Bool() {
		how = changeInsertAfter
	}
	return changePath(a[0], a[1], a[2].Text(), how)
}

func jsonDeletePath(a, b datum.Datum) (datum.Datum, error) {
	return changePath(a, b, "", changeDelete)
}

// jsonSetLax is jsonb_set_lax: what a NULL value does is an argument.
func jsonSetLax(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() || a[1].IsNull() || len(a) > 3 && a[3].IsNull() {
		return datum.Datum{}, nil
	}
	if !a[2].IsNull() {
		return jsonSet(env, c, a[:min(len(a), 4)])
	}
	what := "use_json_null"
	if len(a) > 4 {
		what = a[4].Text()
	}
	switch what {
	case "use_json_null":
		b := append([]datum.Datum{}, a[:min(len(a), 4)]...)
		b[2] = datum.NewJSONB("null")
		return jsonSet(env, c, b)
	case "delete_key":
		return changePath(a[0], a[1], "", changeDelete)
	case "return_target":
		return a[0], nil
	case "raise_exception":
		return datum.Datum{}, pgerror.New(pgerror.NullValueNotAllowed, "JSON value must not be null").
			WithDetail("Exception was raised because null_value_treatment is \"raise_exception\".").
			WithHint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")
	}
	return datum.Datum{}, jsonError("null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"")
}

func changePath(target, path datum.Datum, value string, how change) (datum.Datum, error) {
	v := datum.ViewJSON(target)
	if scalar(v) {
		if how == changeDelete {
			return datum.Datum{}, jsonError("cannot delete path in scalar")
		}
		return datum.Datum{}, jsonError("cannot set path in scalar")
	}
	p := &pathChange{path: path.Array().Elems, value: value, how: how}
	for i, e := range p.path {
		if e.IsNull() {
			return datum.Datum{}, pgerror.New(pgerror.NullValueNotAllowed, "path element at position %d is null", i+1)
		}
	}
	if len(p.path) == 0 || v.Len() == 0 && (how == changeSet || how == changeDelete) {
		return target, nil
	}
	if err := p.write(v, 0); err != nil {
		return datum.Datum{}, err
	}
	return p.w.result()
}

// write writes a value in which the rest of the path, from level on, is changed.
func (p *pathChange) write(v datum.JSONValue, level int) error {
	switch v.Kind() {
	case datum.JSONObject:
		return p.object(v, level)
	case datum.JSONArrayKind:
		return p.array(v, level)
	}
	p.w.b.WriteString(v.Raw())
	p.w.first = false
	return nil
}

func (p *pathChange) object(v datum.JSONValue, level int) error {
	name, last, found := p.path[level].Text(), level == len(p.path)-1, false
	p.w.open('{')
	for k, f := range v.Fields() {
		if k != name {
			p.w.field(k, f.Raw())
			continue
		}
		found = true
		switch {
		case !last:
			p.w.key(k)
			if err := p.write(f, level+1); err != nil {
				return err
			}
		case p.how == changeInsertBefore || p.how == changeInsertAfter:
			return jsonError("cannot replace existing key").
				WithHint("Try using the function jsonb_set to replace key value.")
		case p.how != changeDelete:
			p.w.field(k, p.value)
		}
	}
	if last && !found && p.how != changeSet && p.how != changeDelete {
		p.w.field(name, p.value)
	}
	p.w.close('}')
	return nil
}

func (p *pathChange) array(v datum.JSONValue, level int) error {
	at, err := strconv.ParseInt(strings.TrimLeft(p.path[level].Text(), " "), 10, 32)
	if err != nil {
		return pgerror.New(pgerror.InvalidTextRepresentation, "path element at position %d is not an integer: \"%s\"",
			level+1, p.path[level].Text())
	}
	n, last := int64(v.Len()), level == len(p.path)-1
	if at < 0 {
		if at += n; at < 0 {
			at = math.MinInt64
		}
	}
	adds := last && p.how != changeSet && p.how != changeDelete
	p.w.open('[')
	if adds && at == math.MinInt64 {
		p.w.element(p.value)
	}
	i := int64(0)
	for e := range v.Elements() {
		if i != at {
			p.w.element(e.Raw())
		} else if err := p.element(e, level, last); err != nil {
			return err
		}
		i++
	}
	if adds && at >= n {
		p.w.element(p.value)
	}
	p.w.close(']')
	return nil
}

// element writes the element that the path names.
func (p *pathChange) element(e datum.JSONValue, level int, last bool) error {
	if !last {
		p.w.separate()
		return p.write(e, level+1)
	}
	switch p.how {
	case changeInsertBefore:
		p.w.element(p.value)
		p.w.element(e.Raw())
	case changeInsertAfter:
		p.w.element(e.Raw())
		p.w.element(p.value)
	case changeSet, changeCreate:
		p.w.element(p.value)
	}
	return nil
}

// jsonStripNulls drops the fields of objects that are null.
func jsonStripNulls(a datum.Datum) (datum.Datum, error) {
	var b strings.Builder
	stripNulls(&b, datum.ViewJSON(a))
	return jsonOf(b.String(), a.Kind() == datum.KindJSONB)
}

func stripNulls(b *strings.Builder, v datum.JSONValue) {
	switch v.Kind() {
	case datum.JSONObject:
		b.WriteByte('{')
		first := true
		for k, f := range v.Fields() {
			if f.Kind() == datum.JSONNull {
				continue
			}
			if !first {
				b.WriteByte(',')
			}
			first = false
			b.Write(datum.AppendJSONString(nil, k))
			b.WriteByte(':')
			stripNulls(b, f)
		}
		b.WriteByte('}')
	case datum.JSONArrayKind:
		b.WriteByte('[')
		first := true
		for e := range v.Elements() {
			if !first {
				b.WriteByte(',')
			}
			first = false
			stripNulls(b, e)
		}
		b.WriteByte(']')
	default:
		b.WriteString(v.Raw())
	}
}

func jsonPretty(a datum.Datum) (datum.Datum, error) {
	var b strings.Builder
	pretty(&b, datum.ViewJSON(a), 0)
	if b.Len() > MaxValueBytes {
		return datum.Datum{}, tooLarge()
	}
	return text(b.String())
}

func pretty(b *strings.Builder, v datum.JSONValue, level int) {
	line := func(level int) {
		b.WriteByte('\n')
		b.WriteString(strings.Repeat("    ", level))
	}
	first := true
	next := func() {
		if !first {
			b.WriteByte(',')
		}
		first = false
		line(level + 1)
	}
	switch v.Kind() {
	case datum.JSONObject:
		b.WriteByte('{')
		for k, f := range v.Fields() {
			next()
			b.Write(datum.AppendJSONString(nil, k))
			b.WriteString(": ")
			pretty(b, f, level+1)
		}
		line(level)
		b.WriteByte('}')
	case datum.JSONArrayKind:
		b.WriteByte('[')
		for e := range v.Elements() {
			next()
			pretty(b, e, level+1)
		}
		line(level)
		b.WriteByte(']')
	default:
		b.WriteString(v.Raw())
	}
}
