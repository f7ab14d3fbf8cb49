package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// regexFor compiles a pattern, or takes the one that the call saw last.
func regexFor(c *Call, source, flags string) (*regex, error) {
	if p := c.compiled.Load(); p != nil && p.regex != nil && p.source == source && p.flags == flags {
		return p.regex, nil
	}
	re, err := compileRegex(source, flags)
	if err != nil {
		return nil, err
	}
	c.compiled.Store(&pattern{source: strings.Clone(source), flags: strings.Clone(flags), regex: re})
	return re, nil
}

// regexMatch is ~, ~*, !~ and !~*.
func regexMatch(flags string, not bool) fnx {
	return func(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
		re, err := regexFor(c, a[1].Text(), flags)
		if err != nil {
			return datum.Datum{}, err
		}
		found, err := re.matches(env, padded(c, a[0]))
		return datum.NewBool(found != not), err
	}
}

// noGlobal refuses the flag g where it means nothing.
func noGlobal(flags, function string) error {
	if strings.Contains(flags, "g") {
		e := pgerror.New(pgerror.InvalidParameterValue, "%s does not support the \"global\" option", function)
		if function == "regexp_match()" {
			e = e.WithHint("Use the regexp_matches function instead.")
		}
		return e
	}
	return nil
}

// flagsArg is the optional argument i.
func flagsArg(a []datum.Datum, i int) string {
	if i < len(a) {
		return a[i].Text()
	}
	return ""
}

func regexpLike(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	flags := flagsArg(a, 2)
	if err := noGlobal(flags, "regexp_like()"); err != nil {
		return datum.Datum{}, err
	}
	re, err := regexFor(c, a[1].Text(), flags)
	if err != nil {
		return datum.Datum{}, err
	}
	found, err := re.matches(env, a[0].Text())
	return datum.NewBool(found), err
}

// regexpMatch returns the groups of the first match, or the whole of it.
func regexpMatch(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	flags := flagsArg(a, 2)
	if err := noGlobal(flags, "regexp_match()"); err != nil {
		return datum.Datum{}, err
	}
	re, err := regexFor(c, a[1].Text(), flags)
	if err != nil {
		return datum.Datum{}, err
	}
	s := a[0].Text()
	m, err := re.first(env, s)
	if err != nil || m == nil {
		return datum.Datum{}, err
	}
	if re.subs > 0 {
		m = m[2:]
	}
	list := make([]datum.Datum, len(m)/2)
	for i := range list {
		if m[2*i] >= 0 {
			list[i] = datum.NewText(s[m[2*i]:m[2*i+1]])
		}
	}
	return datum.NewArray(datum.Text, list), nil
}

// regexSubstring is substring(text from pattern): the first group, or the match.
func regexSubstring(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	re, err := regexFor(c, a[1].Text(), "")
	if err != nil {
		return datum.Datum{}, err
	}
	s := a[0].Text()
	m, err := re.first(env, s)
	if err != nil || m == nil {
		return datum.Datum{}, err
	}
	if re.subs > 0 {
		m = m[2:4]
	}
	if m[0] < 0 {
		return datum.Datum{}, nil
	}
	return text(s[m[0]:m[1]])
}

// regexpReplace is the forms with text or integer arguments behind the third.
func regexpReplace(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	start, nth, flags := int64(1), int64(1), ""
	switch {
	case len(a) == 4 && a[3].Kind() == datum.KindText:
		flags = a[3].Text()
		if len(flags) > 0 && flags[0] >= '0' && flags[0] <= '9' {
			return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "invalid regular expression option: \"%c\"", flags[0]).
				WithHint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.")
		}
		if strings.Contains(flags, "g") {
			nth = 0
		}
	case len(a) > 3:
		start = a[3].Int()
		if len(a) > 4 {
			nth = a[4].Int()
		}
		flags = flagsArg(a, 5)
		if len(a) < 5 && strings.Contains(flags, "g") {
			nth = 0
		}
	}
	if err := positive("start", start, 1); err != nil {
		return datum.Datum{}, err
	}
	if err := positive("n", nth, 0); err != nil {
		return datum.Datum{}, err
	}
	re, err := regexFor(c, a[1].Text(), strings.ReplaceAll(flags, "g", ""))
	if err != nil {
		return datum.Datum{}, err
	}
	return replaceMatches(env, re, a[0].Text(), a[2].Text(), start, nth)
}

func positive(name string, n, least int64) error {
	if n < least {
		return pgerror.New(pgerror.InvalidParameterValue, "invalid value for parameter \"%s\": %d", name, n)
	}
	return nil
}

func replaceMatches(env *Env, re *regex, s, by string, start, nth int64) (datum.Datum, error) {
	offset := runeOffset(s, start-1)
	var b strings.Builder
	list, err := re.all(env, s)
	if err != nil {
		return datum.Datum{}, err
	}
	last, count := 0, int64(0)
	for _, m := range list {
		if m[0] < offset {
			continue
		}
		if count++; nth > 0 && count != nth {
			continue
		}
		b.WriteString(s[last:m[0]])
		expandReplacement(&b, s, by, m)
		last = m[1]
		if b.Len() > MaxValueBytes {
			return datum.Datum{}, tooLarge()
		}
	}
	b.WriteString(s[last:])
	return text(b.String())
}

// expandReplacement writes a replacement: \1 to \9 are groups, \& the match.
func expandReplacement(b *strings.Builder, s, by string, m []int) {
	for i := 0; i < len(by); i++ {
		if by[i] != '\\' || i+1 == len(by) {
			b.WriteByte(by[i])
			continue
		}
		i++
		g := -1
		switch c := by[i]; {
		case c >= '1' && c <= '9':
			g = int(c - '0')
		case c == '&':
			g = 0
		case c == '\\':
			b.WriteByte('\\')
			continue
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
			continue
		}
		if 2*g+1 < len(m) && m[2*g] >= 0 {
			b.WriteString(s[m[2*g]:m[2*g+1]])
		}
	}
}

// matchesFrom returns the matches that begin at or behind character start.
func matchesFrom(env *Env, re *regex, s string, start int64) ([][]int, error) {
	offset := runeOffset(s, start-1)
	list, err := re.all(env, s)
	for len(list) > 0 && list[0][0] < offset {
		list = list[1:]
	}
	return list, err
}

func regexpCount(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	start := int64(1)
	if len(a) > 2 {
		start = a[2].Int()
	}
	if err := positive("start", start, 1); err != nil {
		return datum.Datum{}, err
	}
	flags := flagsArg(a, 3)
	if err := noGlobal(flags, "regexp_count()"); err != nil {
		return datum.Datum{}, err
	}
	re, err := regexFor(c, a[1].Text(), flags)
	if err != nil {
		return datum.Datum{}, err
	}
	list, err := matchesFrom(env, re, a[0].Text(), start)
	return datum.NewInt(int64(len(list))), err
}

// nthMatch reads the arguments of regexp_substr and regexp_instr from the start
// position on: start, n[, endoption], flags, subexpression.
func nthMatch(env *Env, c *Call, a []datum.Datum, function string, withEnd bool) (m []int, atEnd bool, err error) {
	args := []int64{1, 1, 0, 0}
	flags := ""
	if !withEnd && len(a) > 4 {
		a = append(append(append([]datum.Datum{}, a[:4]...), datum.NewInt(0)), a[4:]...)
	}
	for i := 2; i < len(a); i++ {
		switch i {
		case 2, 3, 4:
			args[i-2] = a[i].Int()
		case 5:
			flags = a[i].Text()
		case 6:
			args[3] = a[i].Int()
		}
	}
	for i, name := range []string{"start", "n"} {
		if err := positive(name, args[i], 1); err != nil {
			return nil, false, err
		}
	}
	if args[2] != 0 && args[2] != 1 {
		return nil, false, pgerror.New(pgerror.InvalidParameterValue, "invalid value for parameter \"endoption\": %d", args[2])
	}
	if err := positive("subexpr", args[3], 0); err != nil {
		return nil, false, err
	}
	if err := noGlobal(flags, function); err != nil {
		return nil, false, err
	}
	re, err := regexFor(c, a[1].Text(), flags)
	if err != nil {
		return nil, false, err
	}
	list, err := matchesFrom(env, re, a[0].Text(), args[0])
	if err != nil {
		return nil, false, err
	}
	if int64(len(list)) < args[1] || args[3] > int64(re.subs) {
		return nil, false, nil
	}
	m = list[args[1]-1][2*args[3]:]
	if m[0] < 0 {
		return nil, false, nil
	}
	return m[:2], args[2] == 1, nil
}

func regexpSubstr(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	m, _, err := nthMatch(env, c, a, "regexp_substr()", false)
	if err != nil || m == nil {
		return datum.Datum{}, err
	}
	return text(a[0].Text()[m[0]:m[1]])
}

func regexpInstr(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	m, atEnd, err := nthMatch(env, c, a, "regexp_instr()", true)
	if err != nil || m == nil {
		return datum.NewInt(0), err
	}
	i := m[0]
	if atEnd {
		i = m[1]
	}
	return datum.NewInt(int64(utf8.RuneCountInString(a[0].Text()[:i])) + 1), nil
}

// regexpSplit is regexp_split_to_array.
func regexpSplit(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	flags := flagsArg(a, 2)
	if err := noGlobal(flags, "regexp_split_to_array()"); err != nil {
		return datum.Datum{}, err
	}
	re, err := regexFor(c, a[1].Text(), flags)
	if err != nil {
		return datum.Datum{}, err
	}
	s := a[0].Text()
	matches, err := re.all(env, s)
	if err != nil {
		return datum.Datum{}, err
	}
	var list []datum.Datum
	last := 0
	for _, m := range matches {
		// An empty match at an end splits nothing.
		if m[0] == m[1] && (m[0] == last || m[0] == len(s)) {
			continue
		}
		list = append(list, datum.NewText(s[last:m[0]]))
		last = m[1]
	}
	return datum.NewArray(datum.Text, append(list, datum.NewText(s[last:]))), nil
}

// similarEscape turns a pattern of SIMILAR TO into a regular expression.
func similarEscape(a, esc datum.Datum) (datum.Datum, error) {
	e := esc.Text()
	if utf8.RuneCountInString(e) > 1 {
		return datum.Datum{}, pgerror.New(pgerror.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	escape, _ := utf8.DecodeRuneInString(e)
	var b strings.Builder
	b.WriteString("^(?:")
	after, class := false, false
	for _, r := range a.Text() {
		switch {
		case after:
			if r == '"' && !class {
				return datum.Datum{}, unsupportedRegex("a separator of SUBSTRING")
			}
			b.WriteByte('\\')
			b.WriteRune(r)
			after = false
		case e != "" && r == escape:
			after = true
		case class:
			if r == '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
			class = r != ']'
		case r == '[':
			b.WriteRune(r)
			class = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteByte('.')
		case r == '(':
			b.WriteString("(?:")
		case r == '\\' || r == '.' || r == '^' || r == '$':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString(")$")
	return text(b.String())
}

func similarEscape1(a datum.Datum) (datum.Datum, error) {
	return similarEscape(a, datum.NewText("\\"))
}
