package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// bracket translates a bracket expression.
func (t *translator) bracket() (atom bool, err error) {
	if strings.HasPrefix(t.src, "[[:<:]]") || strings.HasPrefix(t.src, "[[:>:]]") {
		return false, unsupportedRegex("a word boundary " + t.src[:7])
	}
	t.src = t.src[1:]
	var b strings.Builder
	b.WriteByte('[')
	if strings.HasPrefix(t.src, "^") {
		b.WriteByte('^')
		t.src = t.src[1:]
		if t.newlineDot {
			b.WriteString(`\n`)
		}
	}
	for first := true; ; first = false {
		if t.src == "" {
			return false, badRegex("brackets [] not balanced")
		}
		if t.src[0] == ']' && !first {
			t.src = t.src[1:]
			break
		}
		if err := t.bracketItem(&b); err != nil {
			return false, err
		}
	}
	b.WriteByte(']')
	t.out.WriteString(b.String())
	return true, nil
}

// bracketItem translates a character, a range or a class within brackets.
func (t *translator) bracketItem(b *strings.Builder) error {
	if rest, ok := strings.CutPrefix(t.src, "[:"); ok {
		name, rest, ok := strings.Cut(rest, ":]")
		class := posixClass(name)
		if !ok || class == "" {
			return badRegex("invalid character class")
		}
		b.WriteString(class)
		t.src = rest
		return nil
	}
	if len(t.src) > 1 && t.src[0] == '\\' && strings.IndexByte("dsw", t.src[1]) >= 0 {
		b.WriteString(classOf(t.src[1]))
		t.src = t.src[2:]
		return nil
	}
	low, err := t.bracketChar()
	if err != nil {
		return err
	}
	high := low
	if len(t.src) > 1 && t.src[0] == '-' && t.src[1] != ']' {
		t.src = t.src[1:]
		if high, err = t.bracketChar(); err != nil {
			return err
		}
		if high < low {
			return badRegex("invalid character range")
		}
	}
	fmt.Fprintf(b, `\x{%x}`, low)
	if high != low {
		fmt.Fprintf(b, `-\x{%x}`, high)
	}
	return nil
}

func (t *translator) bracketChar() (rune, error) {
	for _, kind := range []string{".", "="} {
		rest, ok := strings.CutPrefix(t.src, "["+kind)
		if !ok {
			continue
		}
		name, rest, ok := strings.Cut(rest, kind+"]")
		r, n := utf8.DecodeRuneInString(name)
		if !ok || n != len(name) || n == 0 {
			return 0, badRegex("invalid collating element")
		}
		t.src = rest
		return r, nil
	}
	if t.src[0] == '\\' {
		if len(t.src) < 2 || strings.IndexByte("DSWAZyYmM", t.src[1]) >= 0 {
			return 0, badRegex("invalid escape \\ sequence")
		}
		return t.escapedChar()
	}
	r, n := utf8.DecodeRuneInString(t.src)
	t.src = t.src[n:]
	return r, nil
}

// posixClass is the content of a Go class for [:name:]; "" for unknown names.
func posixClass(name string) string {
	switch name {
	case "alpha":
		return `\p{L}`
	case "digit":
		return classDigit
	case "alnum":
		return `\p{L}\p{N}`
	case "upper":
		return `\p{Lu}`
	case "lower":
		return `\p{Ll}`
	case "space":
		return classSpace
	case "word":
		return classWord
	case "blank", "cntrl", "graph", "print", "punct", "xdigit", "ascii":
		return "[:" + name + ":]"
	}
	return ""
}
