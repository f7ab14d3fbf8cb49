package expr

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// pattern is a compiled pattern of LIKE or of a regular expression. A call keeps
// the one that it saw last: patterns are nearly always constant.
type pattern struct {
	source, flags string
	like          *likePattern
	regex         *regex
}

// Tokens of a LIKE pattern beside literal characters.
const (
	likeAny  = -1 // %
	likeOne  = -2 // _
	likeStop = -3 // an escape character at the end
)

// likePattern is a LIKE pattern; the common shapes are found by themselves.
type likePattern struct {
	exact, prefix, suffix, inside string
	shape                         likeShape
	tokens                        []rune // shapeGeneral
}

type likeShape uint8

const (
	shapeExact  likeShape = iota
	shapePrefix           // abc%
	shapeSuffix           // %abc
	shapeInside           // %abc%
	shapeGeneral
)

func compileLike(p string, fold bool) *likePattern {
	l := &likePattern{}
	var literal strings.Builder
	anys, ones, stop := 0, 0, false
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRuneInString(p[i:])
		i += n
		switch {
		case r == '%':
			anys++
			if k := len(l.tokens); k == 0 || l.tokens[k-1] != likeAny {
				l.tokens = append(l.tokens, likeAny)
			}
			continue
		case r == '_':
			ones++
			l.tokens = append(l.tokens, likeOne)
			continue
		case r == '\\' && i == len(p):
			stop = true
			l.tokens = append(l.tokens, likeStop)
			continue
		case r == '\\':
			r, n = utf8.DecodeRuneInString(p[i:])
			i += n
		}
		if fold {
			r = unicode.ToLower(r)
		}
		literal.WriteRune(r)
		l.tokens = append(l.tokens, r)
	}
	l.classify(literal.String(), anys, ones, stop)
	return l
}

func (l *likePattern) classify(literal string, anys, ones int, stop bool) {
	l.shape = shapeGeneral
	if ones > 0 || stop {
		return
	}
	n := len(l.tokens)
	first := n > 0 && l.tokens[0] == likeAny
	last := n > 0 && l.tokens[n-1] == likeAny
	inner := 0
	for _, t := range l.tokens {
		if t == likeAny {
			inner++
		}
	}
	switch {
	case inner == 0:
		l.shape, l.exact = shapeExact, literal
	case inner == 1 && last:
		l.shape, l.prefix = shapePrefix, literal
	case inner == 1 && first:
		l.shape, l.suffix = shapeSuffix, literal
	case inner == 2 && first && last:
		l.shape, l.inside = shapeInside, literal
	}
}

func (l *likePattern) match(s string) (bool, error) {
	switch l.shape {
	case shapeExact:
		return s == l.exact, nil
	case shapePrefix:
		return strings.HasPrefix(s, l.prefix), nil
	case shapeSuffix:
		return strings.HasSuffix(s, l.suffix), nil
	case shapeInside:
		return strings.Contains(s, l.inside), nil
	}
	return l.matchTokens(s)
}

// matchTokens goes back to the last % alone, so it takes at most |s| * |pattern|.
func (l *likePattern) matchTokens(s string) (bool, error) {
	i, j := 0, 0
	backI, backJ := -1, -1
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if j < len(l.tokens) {
			switch t := l.tokens[j]; {
			case t == likeAny:
				j++
				backI, backJ = i, j
				continue
			case t == likeStop:
				return false, pgerror.New(pgerror.InvalidEscapeSequence, "LIKE pattern must not end with escape character")
			case t == likeOne || t == r:
				i += n
				j++
				continue
			}
		}
		if backJ < 0 {
			return false, nil
		}
		_, n = utf8.DecodeRuneInString(s[backI:])
		backI += n
		i, j = backI, backJ
	}
	for j < len(l.tokens) && l.tokens[j] == likeAny {
		j++
	}
	return j == len(l.tokens), nil
}

// like is LIKE (fold: ILIKE), not: its negation.
func like(fold, not bool) fnx {
	flags := when(fold, "i")
	return func(_ *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
		p := c.compiled.Load()
		if src := a[1].Text(); p == nil || p.source != src || p.like == nil || p.flags != flags {
			p = &pattern{source: strings.Clone(src), flags: flags, like: compileLike(src, fold)}
			c.compiled.Store(p)
		}
		s := padded(c, a[0])
		if fold {
			s = mapCase(s, lowerByte, unicode.ToLower)
		}
		ok, err := p.like.match(s)
		return datum.NewBool(ok != not), err
	}
}

// padded is the text of an operand, with the blanks that fill up a character(n).
func padded(c *Call, v datum.Datum) string {
	if t := argType(c, 0); t.OID == datum.Char.OID && t.Mod >= 0 {
		return textOf(nil, v, t)
	}
	return v.Text()
}

// byteLike is LIKE over bytea: each byte is a character.
func byteLike(not bool) fn2 {
	return func(a, b datum.Datum) (datum.Datum, error) {
		ok, err := compileLike(latin1(b.ByteString()), false).match(latin1(a.ByteString()))
		return datum.NewBool(ok != not), err
	}
}

// latin1 makes a character of each byte.
func latin1(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

// likeEscape brings a pattern with another escape character to the backslash.
func likeEscape(a, esc datum.Datum) (datum.Datum, error) {
	p, e := a.Text(), esc.Text()
	if utf8.RuneCountInString(e) > 1 {
		return datum.Datum{}, pgerror.New(pgerror.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	if e == "" {
		return text(strings.ReplaceAll(p, `\`, `\\`))
	}
	escape, _ := utf8.DecodeRuneInString(e)
	if escape == '\\' {
		return a, nil
	}
	var b strings.Builder
	after := false
	for _, r := range p {
		switch {
		case r == escape && !after:
			b.WriteByte('\\')
			after = true
			continue
		case r == '\\' && !after:
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		after = false
	}
	return text(b.String())
}
