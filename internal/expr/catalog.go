package expr

import (
	"strings"
	"sync"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// fun is a row of the table of functions, in the words of pg_proc.
type fun struct {
	id   uint32
	name string
	args string // type names, separated by commas; "..." in front of a variadic one
	ret  string
	// flags: i, s, v (volatility); n (not strict); h (only a session can tell);
	// o (behind operators only).
	flags string
	impl  any // nil: not supported
}

// tables is what the function, operator and cast tables say, for look-up.
type tables struct {
	byID      map[uint32]*Overload
	byName    map[string][]*Overload
	operators map[operatorKey][]candidate
	casts     map[castKey]castEntry
}

type operatorKey struct {
	op    string
	arity int
}

// catalog indexes the tables, once.
var catalog = sync.OnceValue(buildTables)

func buildTables() *tables {
	t := &tables{
		byID:      map[uint32]*Overload{},
		byName:    map[string][]*Overload{},
		operators: map[operatorKey][]candidate{},
		casts:     map[castKey]castEntry{},
	}
	for _, list := range functionTables() {
		for i := range list {
			t.addFunction(&list[i])
		}
	}
	for line := range strings.Lines(operatorTable) {
		t.addOperator(strings.Fields(line))
	}
	for line := range strings.Lines(castTable) {
		t.addCast(strings.Fields(line))
	}
	return t
}

func (t *tables) addFunction(f *fun) {
	o := &Overload{ID: f.id, Name: f.name, Strict: true, Supported: f.impl != nil, impl: f.impl}
	if f.args != "" {
		for a := range strings.SplitSeq(f.args, ",") {
			rest, variadic := strings.CutPrefix(a, "...")
			o.Variadic = o.Variadic || variadic
			o.Args = append(o.Args, tableType(rest))
		}
	}
	o.Result = tableType(f.ret)
	hidden := false
	for _, c := range f.flags {
		switch c {
		case 's':
			o.Volatility = Stable
		case 'v':
			o.Volatility = Volatile
		case 'n':
			o.Strict = false
		case 'h':
			o.Session = true
		case 'o':
			hidden = true
		}
	}
	t.byID[f.id] = o
	if !hidden {
		t.byName[f.name] = append(t.byName[f.name], o)
	}
}

// addOperator reads "op left right function"; left is - for a prefix operator.
func (t *tables) addOperator(f []string) {
	if len(f) != 4 {
		return
	}
	fn := t.byID[tableNumber(f[3])]
	if fn == nil {
		return
	}
	if fn.Session {
		return
	}
	c := candidate{fn: fn}
	if f[1] != "-" {
		c.args = append(c.args, tableType(f[1]))
	}
	c.args = append(c.args, tableType(f[2]))
	key := operatorKey{f[0], len(c.args)}
	t.operators[key] = append(t.operators[key], c)
}

// addCast reads "from to context how".
func (t *tables) addCast(f []string) {
	if len(f) != 3 {
		return
	}
	e := castEntry{context: Explicit}
	switch f[2][0] {
	case 'i':
		e.context = Implicit
	case 'a':
		e.context = Assignment
	}
	switch f[2][1] {
	case 'f':
		e.how, e.fn = byFunction, castFunctions[f[0]+" "+f[1]]
		if e.fn == nil {
			return
		}
	case 'i':
		e.how = byText
	}
	t.casts[castKey{tableType(f[0]).OID, tableType(f[1]).OID}] = e
}

// tableType finds a type by the name that the tables use.
func tableType(name string) datum.Type {
	switch name {
	case "any":
		return typeOf(oidAny)
	case "anyarray":
		return typeOf(oidAnyArray)
	case "anyelement":
		return typeOf(oidAnyElement)
	case "anynonarray":
		return typeOf(oidAnyNonArray)
	case "anycompatible":
		return typeOf(oidAnyCompatible)
	case "anycompatiblearray":
		return typeOf(oidAnyCompatibleArray)
	case "anycompatiblenonarray":
		return typeOf(oidAnyCompatibleNon)
	}
	for _, t := range [...]datum.Type{datum.Bool, datum.Int2, datum.Int4, datum.Int8, datum.Float4, datum.Float8,
		datum.Numeric, datum.Text, datum.Varchar, datum.Char, datum.Bytea, datum.UUID, datum.Date, datum.Time,
		datum.Timestamp, datum.TimestampTZ, datum.Interval, datum.JSON, datum.JSONB, datum.Name, datum.OID,
		datum.Void, datum.TextArray, datum.Int4Array, datum.NameArray, datum.Unknown} {
		if t.Name() == name {
			return t
		}
	}
	return datum.Type{Mod: -1}
}

func tableNumber(s string) (n uint32) {
	for _, c := range s {
		n = n*10 + uint32(c-'0')
	}
	return n
}

// functionByID finds a stored function.
func functionByID(id uint32) (*Overload, error) {
	if fn := catalog().byID[id]; fn != nil && fn.Supported {
		return fn, nil
	}
	return nil, pgerror.New(pgerror.DataCorrupted, "unknown function %d in a stored expression", id)
}
