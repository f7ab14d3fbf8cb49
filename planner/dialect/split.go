package dialect

import (
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

// Split cuts a query string into its statements at the semicolons that separate
// them; statements without words are dropped. It reads tokens only: a statement
// that it returns may still be refused by Parse.
func Split(query string) ([]session.Text, error) {
	if err := checkText(query); err != nil {
		return nil, err
	}
	if strings.IndexByte(query, ';') < 0 {
		return splitOne(query)
	}
	var texts []session.Text
	l := lexer{src: query}
	first, last := token{}, token{}
	words := 0
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		end := t.kind == kindEnd
		if end || t.symbol(";") {
			if words > 0 {
				if !end {
					last = t // errors at the end of a statement name its semicolon
				}
				texts = append(texts, session.Text{SQL: query[first.start:last.end], Offset: int(first.char) - 1})
			}
			if end {
				return texts, nil
			}
			words = 0
			continue
		}
		if words == 0 {
			first = t
		}
		if words++; words > MaxTokens {
			return nil, errTooLong("words", MaxTokens)
		}
		last = t
	}
}

// splitOne is Split of a query without semicolons: it looks no further than to
// the first word.
func splitOne(query string) ([]session.Text, error) {
	l := lexer{src: query}
	if err := l.skipSpace(); err != nil {
		return nil, err
	}
	if l.pos == len(query) {
		return nil, nil
	}
	return []session.Text{{SQL: query[l.pos:], Offset: utf8.RuneCountInString(query[:l.pos])}}, nil
}

// scanAll reads one statement: everything up to the end, behind which only
// semicolons may follow. Parentheses and brackets know their partners; those
// that have none do not, and the parser will stumble over them.
func scanAll(text string) ([]token, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	l := lexer{src: text}
	toks := make([]token, 0, 16+len(text)/6)
	var open []int32
	var semicolon *token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		if t.symbol(";") {
			if semicolon == nil && len(toks) > 0 {
				semicolon = &token{kind: kindEnd, start: t.start, end: t.end, char: t.char, match: -1}
			}
			continue
		}
		if t.kind == kindEnd {
			if semicolon != nil {
				t = *semicolon
			}
			return append(toks, t), nil
		}
		if semicolon != nil {
			return nil, pgerror.New(pgerror.SyntaxError, "cannot insert multiple commands into a prepared statement")
		}
		if len(toks) >= MaxTokens {
			return nil, errTooLong("words", MaxTokens)
		}
		if t.kind == kindSymbol && len(t.text) == 1 {
			switch t.text[0] {
			case '(', '[':
				if open = append(open, int32(len(toks))); len(open) > MaxDepth {
					return nil, errTooDeep(int(t.char))
				}
			case ')', ']':
				if n := len(open); n > 0 {
					t.match = open[n-1]
					toks[open[n-1]].match = int32(len(toks))
					open = open[:n-1]
				}
			}
		}
		toks = append(toks, t)
	}
}
