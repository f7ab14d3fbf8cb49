package dialect

import "github.com/ssmr/ssmr/planner/ast"

// typeName reads the name of a type with modifiers and array bounds.
func (p *parser) typeName() (ast.TypeName, error) {
	if p.atWord("setof") {
		return ast.TypeName{}, p.unsupported(p.pos(), "SETOF")
	}
	t, err := p.simpleType(false)
	if err != nil {
		return t, err
	}
	if p.word("array") {
		bound := int32(-1)
		if p.symbol("[") {
			if bound, err = p.integer(); err != nil {
				return t, err
			}
			if err := p.expectSymbol("]"); err != nil {
				return t, err
			}
		}
		t.Bounds = []int32{bound}
		return t, nil
	}
	for p.symbol("[") {
		bound := int32(-1)
		if !p.atSymbol("]") {
			if bound, err = p.integer(); err != nil {
				return t, err
			}
		}
		if err := p.expectSymbol("]"); err != nil {
			return t, err
		}
		t.Bounds = append(t.Bounds, bound)
	}
	return t, nil
}

// plainTypes are the types of one word without modifiers that the grammar knows.
var plainTypes = map[string]string{
	"int": "int4", "integer": "int4", "smallint": "int2", "bigint": "int8",
	"real": "float4", "boolean": "bool",
}

// isTypeWord says whether a keyword begins a type that the grammar spells out.
func isTypeWord(w string) bool {
	switch w {
	case "int", "integer", "smallint", "bigint", "real", "boolean", "float", "double", "decimal", "dec",
		"numeric", "bit", "character", "char", "varchar", "national", "nchar", "timestamp", "time", "interval":
		return true
	}
	return false
}

// simpleType reads a type without array bounds. Behind constant a string is to
// follow: bit and char without a length have none then.
func (p *parser) simpleType(constant bool) (ast.TypeName, error) {
	t := p.tok()
	if t.kind != kindKeyword || !isTypeWord(t.text) || t.text == "double" && !p.peek(1).word("precision") {
		return p.genericType()
	}
	out := ast.TypeName{Pos: at(t), Name: plainTypes[t.text]}
	p.i++
	if out.Name != "" {
		return out, nil
	}
	var err error
	switch t.text {
	case "float":
		err = p.floatType(&out)
	case "double":
		out.Name = "float8"
		err = p.expectWord("precision")
	case "decimal", "dec", "numeric":
		out.Name = "numeric"
		out.Mods, err = p.typeMods()
	case "bit":
		out.Name = "bit"
		err = p.lengthType(&out, "varbit", constant)
	case "varchar":
		out.Name = "varchar"
		err = p.length(&out)
	case "national":
		if !p.word("character") && !p.word("char") {
			return out, p.syntaxError()
		}
		out.Name = "bpchar"
		err = p.lengthType(&out, "varchar", constant)
	case "character", "char", "nchar":
		out.Name = "bpchar"
		err = p.lengthType(&out, "varchar", constant)
	case "timestamp", "time":
		err = p.timeType(&out, t.text)
	case "interval":
		out.Name = "interval"
		if p.atSymbol("(") {
			err = p.length(&out)
		} else if !constant {
			err = p.intervalFields(&out)
		}
	}
	return out, err
}

// genericType reads any other type's name.
func (p *parser) genericType() (ast.TypeName, error) {
	t := p.tok()
	if !t.isFunctionName() {
		return ast.TypeName{}, p.syntaxError()
	}
	p.i++
	out := ast.TypeName{Pos: at(t), Name: t.text}
	for n := 1; p.atSymbol("."); n++ {
		p.i++
		part, err := p.label()
		if err != nil {
			return out, err
		}
		if n == 2 {
			return out, p.unsupported(out.Pos, "a type's name of three parts")
		}
		out.Schema, out.Name = out.Name, part.Name
	}
	if p.atSymbol("%") && p.peek(1).word("type") {
		return out, p.unsupported(out.Pos, "%%TYPE")
	}
	var err error
	out.Mods, err = p.typeMods()
	return out, err
}

// typeMods reads an optional list of integers in parentheses.
func (p *parser) typeMods() ([]int32, error) {
	if !p.symbol("(") {
		return nil, nil
	}
	var mods []int32
	for {
		negative := p.symbol("-")
		n, err := p.integer()
		if err != nil {
			return nil, err
		}
		if negative {
			n = -n
		}
		mods = append(mods, n)
		if !p.symbol(",") {
			return mods, p.expectSymbol(")")
		}
	}
}

// length reads an optional (n).
func (p *parser) length(out *ast.TypeName) error {
	if !p.symbol("(") {
		return nil
	}
	n, err := p.integer()
	if err != nil {
		return err
	}
	out.Mods = []int32{n}
	return p.expectSymbol(")")
}

// lengthType reads [VARYING] [(n)]; the type is of length 1 where neither was
// written.
func (p *parser) lengthType(out *ast.TypeName, varying string, constant bool) error {
	fixed := !p.word("varying")
	if !fixed {
		out.Name = varying
	}
	if err := p.length(out); err != nil {
		return err
	}
	if fixed && !constant && out.Mods == nil {
		out.Mods = []int32{1}
	}
	return nil
}

// floatType reads float(n).
func (p *parser) floatType(out *ast.TypeName) error {
	position := p.peek(1)
	out.Name = "float8"
	if err := p.length(out); err != nil || out.Mods == nil {
		return err
	}
	n := out.Mods[0]
	out.Mods = nil
	switch {
	case n < 1:
		return invalidParameter(at(position), "precision for type float must be at least 1 bit")
	case n <= 24:
		out.Name = "float4"
	case n > 53:
		return invalidParameter(at(position), "precision for type float must be less than 54 bits")
	}
	return nil
}

// timeType reads the rest of timestamp and time.
func (p *parser) timeType(out *ast.TypeName, name string) error {
	out.Name = name
	if err := p.length(out); err != nil {
		return err
	}
	if p.words("with", "time", "zone") {
		out.Name += "tz"
		return nil
	}
	p.words("without", "time", "zone")
	return nil
}

// intervalFields reads the fields behind interval: YEAR TO MONTH and the like.
func (p *parser) intervalFields(out *ast.TypeName) error {
	if !p.atAnyWord("year", "month", "day", "hour", "minute", "second") {
		return nil
	}
	first := p.advance().text
	out.Fields = first
	last := first
	if p.atWord("to") {
		ends := map[string][]string{
			"year": {"month"}, "day": {"hour", "minute", "second"},
			"hour": {"minute", "second"}, "minute": {"second"},
		}[first]
		p.i++
		if !p.atAnyWord(ends...) {
			return p.syntaxError()
		}
		last = p.advance().text
		out.Fields += " to " + last
	}
	if last == "second" {
		return p.length(out)
	}
	return nil
}
