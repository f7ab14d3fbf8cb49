package expr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// samples are values of each type, the extreme ones among them.
func samples(t *testing.T) map[uint32][]datum.Datum {
	texts := map[string][]string{
		"bool":   {"t", "f"},
		"int2":   {"0", "1", "-1", "32767", "-32768", "7"},
		"int4":   {"0", "1", "-1", "2147483647", "-2147483648", "3", "100"},
		"int8":   {"0", "1", "-1", "9223372036854775807", "-9223372036854775808", "12345"},
		"oid":    {"0", "4294967295", "23"},
		"float4": {"0", "-0", "1.5", "-1", "3.4e38", "1e-40", "NaN", "Infinity", "-Infinity"},
		"float8": {"0", "-0", "0.5", "-1", "1.7e308", "5e-324", "NaN", "Infinity", "-Infinity", "180", "1e17"},
		"numeric": {"0", "1", "-1.50", "0.00000000000000000001", "1e100", "-1e30", "NaN", "Infinity", "-Infinity",
			"2.5", "99999999999999999999.9999", "1000"},
		"text": {"", "a", "abc", "%_%", `\`, "(", "[[:x:]]", "héllo wörld", "YYYY-MM-DD HH24:MI:SS.US TZ", "9,999.99S",
			"FM0V9EEEE", "2020-05-07", "{a,b}", "12", "hex", "base64", "year", "day", "UTC", "g", "a b,c", "RN", "PR9MI", "{}", "Day Month"},
		"bytea":       {"", `\x00`, `\xdeadbeef`},
		"uuid":        {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		"date":        {"2000-01-01", "infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "2020-02-29"},
		"time":        {"00:00", "24:00", "12:34:56.789"},
		"timestamp":   {"2000-01-01", "infinity", "-infinity", "4713-01-01 BC", "294276-12-31 23:59:59.999999", "2020-02-29 12:30:45.5"},
		"timestamptz": {"2000-01-01+00", "infinity", "-infinity", "4713-01-02 BC", "294276-12-31 00:00:00+00", "2020-02-29 12:30:45.5+00"},
		"interval":    {"0", "1 year 2 mons 3 days 04:05:06.7", "-178000000 years", "178000000 years", "2147483647 days", "-1 day", "2562047788 hours"},
		"json":        {"null", "1", `"a"`, `[]`, `[1,"a",[null]]`, `{"a":1,"b":{"c":[1,2]},"a":null}`},
		"jsonb":       {"null", "1", `"a"`, `[]`, `[1,"a",[null]]`, `{"a":1,"b":{"c":[1,2]}}`, "1e300", "true"},
		"_text":       {"{}", "{a}", "{b,c,0}", "{NULL,a}", "{{a,b},{c,d}}"},
		"_int4":       {"{}", "{1}", "{3,NULL,1}", "[5:6]={1,2}", "{{1,2},{3,4}}", "{1000000000}", "{-1}"},
		"_name":       {"{a}"},
	}
	for alias, of := range map[string]string{"varchar": "text", "bpchar": "text", "name": "text"} {
		texts[alias] = texts[of]
	}
	out := map[uint32][]datum.Datum{}
	for name, list := range texts {
		typ := tableType(name)
		for _, s := range list {
			v, err := datum.ParseText(s, typ, nil)
			if err != nil {
				t.Fatalf("%s %q: %v", name, s, err)
			}
			out[typ.OID] = append(out[typ.OID], v)
		}
	}
	return out
}

// TestFunctionsNeverPanic calls every function with many combinations of values:
// the result is of the declared type, or an error for the client.
func TestFunctionsNeverPanic(t *testing.T) {
	const seed = 5
	pool := samples(t)
	ids := make([]uint32, 0, len(catalog().byID))
	for id := range catalog().byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rnd := rand.New(rand.NewPCG(seed, seed))
	for _, id := range ids {
		fn := catalog().byID[id]
		if !fn.Supported || fn.Name == "pg_sleep" {
			continue
		}
		for range 400 {
			callAtRandom(t, rnd, fn, pool)
		}
	}
}

func callAtRandom(t *testing.T, rnd *rand.Rand, fn *Overload, pool map[uint32][]datum.Datum) {
	n := len(fn.Args)
	if fn.Variadic {
		n += rnd.IntN(3)
	}
	c, ok := expand(fn, n)
	if !ok {
		return
	}
	scalars := []datum.Type{datum.Int4, datum.Text, datum.Numeric, datum.Bool, datum.JSONB, datum.TimestampTZ}
	elem := []datum.Type{datum.Int4, datum.Text}[rnd.IntN(2)]
	array, _ := elem.Array()
	args := make([]Expr, n)
	var shown []string
	for i, a := range c.args {
		typ := a
		switch a.OID {
		case oidAny:
			typ = scalars[rnd.IntN(len(scalars))]
		case oidAnyArray, oidAnyCompatibleArray:
			typ = array
		case oidAnyElement, oidAnyNonArray, oidAnyCompatible, oidAnyCompatibleNon:
			typ = elem
		}
		list := pool[typ.OID]
		v := list[rnd.IntN(len(list))]
		if rnd.IntN(12) == 0 {
			v = datum.Null
		}
		args[i] = &Const{Value: v, Typ: typ}
		shown = append(shown, string(datum.AppendText(nil, v, typ, nil)))
	}
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%s(%s): panic: %v", fn.Name, strings.Join(shown, "; "), r)
		}
	}()
	list, typ, err := coerceArgs(c, args)
	if err != nil {
		return
	}
	call, err := newCall(fn, list, typ, "")
	if err != nil {
		t.Fatal(fn.Name, err)
	}
	env := &Env{Format: &datum.Format{}, Session: &Session{}}
	v, err := call.Eval(env)
	switch {
	case err != nil:
		if e := pgerror.As(err); e == nil || e.Code == pgerror.InternalError {
			t.Errorf("%s(%s): %v", fn.Name, strings.Join(shown, "; "), err)
		}
	case !v.IsNull() && typ != datum.Void && v.Kind() != typ.Kind():
		t.Errorf("%s(%s) gives a %v, declared %v", fn.Name, strings.Join(shown, "; "), v.Kind(), typ)
	case !v.IsNull() && typ != datum.Void:
		datum.AppendText(nil, v, typ, nil)
	}
	if len(env.stack) != 0 {
		t.Errorf("%s leaves %d values on the stack", fn.Name, len(env.stack))
	}
}

// TestTablesAreWhole: every operator and cast of the tables has its function,
// and nothing is declared twice.
func TestTablesAreWhole(t *testing.T) {
	for line := range strings.Lines(operatorTable) {
		f := strings.Fields(line)
		if len(f) == 4 && catalog().byID[tableNumber(f[3])] == nil {
			t.Errorf("operator %s: function %s is not in the tables", f[0], f[3])
		}
	}
	for line := range strings.Lines(castTable) {
		f := strings.Fields(line)
		if len(f) == 3 && f[2][1] == 'f' && castFunctions[f[0]+" "+f[1]] == nil {
			t.Errorf("cast %s: no function", strings.TrimSpace(line))
		}
	}
	seen := map[string]bool{}
	ids := map[uint32]string{}
	for _, list := range functionTables() {
		for _, f := range list {
			key := f.name + "(" + f.args + ")"
			if seen[key] || ids[f.id] != "" {
				t.Errorf("%s (%d) twice", key, f.id)
			}
			seen[key], ids[f.id] = true, key
			for _, a := range append(strings.Split(strings.ReplaceAll(f.args, "...", ""), ","), f.ret) {
				if a != "" && tableType(a).OID == 0 {
					t.Errorf("%s: type %s", key, a)
				}
			}
		}
	}
	for i, a := range aggregateTable {
		for _, b := range aggregateTable[:i] {
			if a.id == b.id {
				t.Errorf("aggregate %d twice", a.id)
			}
		}
		if ids[a.id] != "" {
			t.Errorf("aggregate %d is a function too", a.id)
		}
	}
}

// TestEveryPathwayWorks casts samples among all types.
func TestEveryPathwayWorks(t *testing.T) {
	pool := samples(t)
	types := []datum.Type{datum.CharOf(3), datum.VarcharOf(2), datum.NumericOf(5, 2), datum.Timestamp.WithMod(1)}
	for oid := range pool {
		types = append(types, typeOf(oid))
	}
	slices.SortFunc(types, func(a, b datum.Type) int { return int(a.OID) - int(b.OID) })
	env := &Env{Format: &datum.Format{}}
	for _, from := range types {
		for _, to := range types {
			for _, v := range pool[from.OID] {
				got, err := CastValue(env, v, from.WithMod(-1), to, Explicit)
				if err == nil && !got.IsNull() && got.Kind() != to.Kind() {
					t.Errorf("%v to %v gives a %v", from, to, got.Kind())
				}
				if err != nil && pgerror.As(err) == nil {
					t.Errorf("%v to %v: %v", from, to, err)
				}
			}
		}
	}
}

func TestNumericNeighbours(t *testing.T) {
	const seed = 9
	rnd := rand.New(rand.NewPCG(seed, seed))
	draw := func() datum.Datum {
		s := fmt.Sprintf("%d.%0*d", rnd.IntN(1000)-500, 1+rnd.IntN(6), rnd.IntN(10))
		v, err := datum.ParseText(s, datum.Numeric, nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for range 5000 {
		a, b := draw(), draw()
		if signOf(b.Numeric()) == 0 {
			continue
		}
		sum, _ := numericAdd(a, b)
		back, _ := numericSub(sum, b)
		if datum.Compare(back, a) != 0 {
			t.Fatalf("seed %d: (a+b)-b: %v %v", seed, a, b)
		}
		q, _ := numericDivTrunc(a, b)
		r, _ := numericMod(a, b)
		p, _ := numericMul(q, b)
		whole, _ := numericAdd(p, r)
		if datum.Compare(whole, a) != 0 {
			t.Fatalf("seed %d: div*b+mod: %v %v", seed, a, b)
		}
		d, _ := numericDiv(a, b)
		if f := numericFloat(a.Numeric()) / numericFloat(b.Numeric()); math.Abs(f-numericFloat(d.Numeric())) > 1e-9*math.Abs(f)+1e-12 {
			t.Fatalf("seed %d: division", seed)
		}
	}
}
