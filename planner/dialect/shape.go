package dialect

import (
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/planner/ast"
)

// Shape is a statement's text with its literals taken out: what statements have in common
// that a program writes again and again with other values in them.
type Shape struct {
	// Text has a mark in place of each literal: a zero byte, which no statement has, and a
	// letter for what it is. Two texts of one Shape differ in nothing that Parse looks at.
	Text     string
	Literals []Literal // in the order of the text
	source   string
}

// Literal is a number or string in a statement's text.
type Literal struct {
	Kind ast.LiteralKind // Integer, Numeric or String
	Text string          // as in ast.Literal, but for the minus
	Int8 bool            // an integer that is no int4
	// Position is that of the literal, in characters from 1; Minus is that of a minus right
	// before it, which may be its sign; 0 if there is none.
	Position, Minus int

	start, end int32
}

// TakeShape takes a statement's literals out. It reports false where it has none, or more
// than most, has parameters, or is no text that Parse would read. Bit strings stay, and so do
// integers that are no int8.
func TakeShape(text string, most int) (Shape, bool) {
	if checkText(text) != nil {
		return Shape{}, false
	}
	l := lexer{src: text}
	out := make([]byte, 0, len(text)+16)
	s := Shape{source: text}
	kept, minus := 0, 0
	for {
		t, err := l.next()
		if err != nil || t.kind == kindParam {
			return Shape{}, false
		}
		if t.kind == kindEnd {
			break
		}
		if kind, mark := literalOf(&t); mark != 0 {
			if len(s.Literals) >= most {
				return Shape{}, false
			}
			s.Literals = append(s.Literals, Literal{Kind: kind, Text: t.text, Int8: mark == 'b', Position: int(t.char), Minus: minus, start: t.start, end: t.end})
			out = append(append(out, text[kept:t.start]...), 0, mark)
			kept = int(t.end)
		}
		minus = 0
		if t.symbol("-") {
			minus = int(t.char)
		}
	}
	if len(s.Literals) == 0 {
		return Shape{}, false
	}
	s.Text = string(append(out, text[kept:]...))
	return s, true
}

// literalOf returns what a token is if it is a literal that is taken out, and its mark.
// Integers of different types have different ones.
func literalOf(t *token) (ast.LiteralKind, byte) {
	switch t.kind {
	case kindString:
		return ast.String, 's'
	case kindNumeric:
		return ast.Numeric, 'n'
	case kindInteger:
		if _, err := strconv.ParseInt(t.text, 10, 32); err == nil {
			return ast.Integer, 'i'
		}
		if _, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			return ast.Integer, 'b'
		}
	}
	return 0, 0
}

// With returns the shape's text with some literals left in it as they are written.
func (s Shape) With(stays func(literal int) bool) string {
	var b strings.Builder
	b.Grow(len(s.Text))
	at := 0 // in Text
	for i := range s.Literals {
		n := strings.IndexByte(s.Text[at:], 0)
		b.WriteString(s.Text[at : at+n])
		if at += n + 2; stays(i) {
			b.WriteString(s.source[s.Literals[i].start:s.Literals[i].end])
		} else {
			b.WriteString(s.Text[at-2 : at])
		}
	}
	b.WriteString(s.Text[at:])
	return b.String()
}
