package expr

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/pgerror"
)

// regex is a PostgreSQL regular expression as far as Go's engine, which runs in
// linear time, can carry it.
type regex struct {
	re   *regexp.Regexp
	subs int
	cost int // instructions that a character may cost
}

const (
	// maxRegexSteps bounds the instructions times the bytes of one search.
	maxRegexSteps = 1 << 30
	// maxRegexGroups bounds the matches of one call times what each of them captures.
	maxRegexGroups = 1 << 20
)

// check refuses a text that takes too long to be searched: an expression can be
// part of a command, which nobody can cancel.
func (re *regex) check(env *Env, s string) error {
	if len(s) > maxRegexSteps/re.cost {
		return pgerror.New(pgerror.ProgramLimitExceeded, "regular expression is too complex for a text of %d bytes", len(s))
	}
	return env.spend(int64(len(s)) * int64(re.cost) * 8)
}

func (re *regex) matches(env *Env, s string) (bool, error) {
	if err := re.check(env, s); err != nil {
		return false, err
	}
	return re.re.MatchString(s), nil
}

// first returns the first match and its groups, nil for none.
func (re *regex) first(env *Env, s string) ([]int, error) {
	if err := re.check(env, s); err != nil {
		return nil, err
	}
	return re.re.FindStringSubmatchIndex(s), nil
}

// all returns all matches with their groups.
func (re *regex) all(env *Env, s string) ([][]int, error) {
	if err := re.check(env, s); err != nil {
		return nil, err
	}
	most := maxRegexGroups / (re.subs + 1)
	list := re.re.FindAllStringSubmatchIndex(s, most+1)
	if len(list) > most {
		return nil, pgerror.New(pgerror.ProgramLimitExceeded, "regular expression has more than %d matches", most)
	}
	return list, nil
}

// maxRegex bounds the length of a regular expression.
const maxRegex = 4096

// compileRegex translates PostgreSQL's advanced regular expressions (ARE).
// Back-references, look-around, word-start and word-end and a mix of greedy and
// non-greedy quantifiers are refused with 0A000, mistakes with 2201B.
func compileRegex(source, flags string) (*regex, error) {
	if len(source) > maxRegex {
		return nil, pgerror.NotSupported("a regular expression of more than %d bytes", maxRegex)
	}
	t := &translator{src: source}
	if err := t.options(flags); err != nil {
		return nil, err
	}
	if err := t.prefix(); err != nil {
		return nil, err
	}
	if t.literal {
		t.out.WriteString(regexp.QuoteMeta(t.src))
	} else if err := t.translate(); err != nil {
		return nil, err
	}
	if t.greedy && t.lazy {
		return nil, pgerror.NotSupported("a regular expression with greedy and non-greedy quantifiers")
	}
	mode := "(?s"
	if t.newlineDot {
		mode = "(?-s"
	}
	if t.newlineAnchor {
		mode = strings.Replace(mode, "(?", "(?m", 1)
	}
	if t.fold {
		mode = strings.Replace(mode, "(?", "(?i", 1)
	}
	pattern := mode + ":" + t.out.String() + ")"
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, badRegex("regular expression is too complex")
	}
	cost, err := instructions(pattern)
	if err != nil {
		return nil, badRegex("regular expression is too complex")
	}
	if !t.lazy {
		re.Longest()
	}
	return &regex{re: re, subs: re.NumSubexp(), cost: cost}, nil
}

// instructions counts what a pattern is compiled to.
func instructions(pattern string) (int, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	return len(prog.Inst), nil
}

func badRegex(why string) error {
	return pgerror.New(pgerror.InvalidRegularExpression, "invalid regular expression: %s", why)
}

func unsupportedRegex(what string) error {
	return pgerror.NotSupported("%s in a regular expression", what)
}

// translator writes a PostgreSQL regular expression in Go's syntax.
type translator struct {
	src  string
	out  strings.Builder
	open int // parentheses

	fold, newlineDot, newlineAnchor, expanded, literal bool
	greedy, lazy                                       bool
}

// options reads the letters of a flags argument, or of (?...) in front.
func (t *translator) options(flags string) error {
	for _, r := range flags {
		switch r {
		case 'i':
			t.fold = true
		case 'c':
			t.fold = false
		case 'n', 'm':
			t.newlineDot, t.newlineAnchor = true, true
		case 'p':
			t.newlineDot, t.newlineAnchor = true, false
		case 'w':
			t.newlineDot, t.newlineAnchor = false, true
		case 's':
			t.newlineDot, t.newlineAnchor = false, false
		case 'x':
			t.expanded = true
		case 't':
			t.expanded = false
		case 'q':
			t.literal = true
		case 'b', 'e':
			return unsupportedRegex("the option " + strconv.Quote(string(r)))
		default:
			return pgerror.New(pgerror.InvalidParameterValue, "invalid regular expression option: \"%c\"", r)
		}
	}
	return nil
}

// prefix reads a director (***: or ***=) and embedded options.
func (t *translator) prefix() error {
	if t.literal {
		return nil
	}
	if rest, ok := strings.CutPrefix(t.src, "***="); ok {
		t.src, t.literal = rest, true
		return nil
	}
	t.src = strings.TrimPrefix(t.src, "***:")
	if strings.HasPrefix(t.src, "***") {
		return badRegex("quantifier operand invalid")
	}
	if len(t.src) > 2 && strings.HasPrefix(t.src, "(?") && t.src[2] >= 'a' && t.src[2] <= 'z' {
		end := strings.IndexByte(t.src, ')')
		if end < 0 {
			return badRegex("parentheses () not balanced")
		}
		letters := t.src[2:end]
		t.src = t.src[end+1:]
		if strings.Trim(letters, "bceimnpqstwx") != "" {
			return badRegex("invalid embedded option")
		}
		return t.options(letters)
	}
	return nil
}

func (t *translator) translate() error {
	atom := false // whether a quantifier may follow
	for len(t.src) > 0 {
		c := t.src[0]
		var err error
		switch c {
		case '*', '+', '?':
			err = t.quantifier(atom, t.src[:1])
			atom = false
		case '{':
			if len(t.src) > 1 && t.src[1] >= '0' && t.src[1] <= '9' {
				err = t.braces(atom)
				atom = false
				break
			}
			t.out.WriteString(`\{`)
			t.src, atom = t.src[1:], true
		case '(':
			err = t.group()
			atom = false
		case ')':
			if t.open == 0 {
				return badRegex("parentheses () not balanced")
			}
			t.open--
			t.out.WriteByte(')')
			t.src, atom = t.src[1:], true
		case '|':
			t.out.WriteByte('|')
			t.src, atom = t.src[1:], false
		case '^', '$':
			t.out.WriteByte(c)
			t.src, atom = t.src[1:], false
		case '.':
			t.out.WriteByte('.')
			t.src, atom = t.src[1:], true
		case '[':
			atom, err = t.bracket()
		case '\\':
			atom, err = t.escape()
		default:
			atom = t.char(atom)
		}
		if err != nil {
			return err
		}
	}
	if t.open > 0 {
		return badRegex("parentheses () not balanced")
	}
	return nil
}

// char is an ordinary character; white space and comments are skipped in the
// expanded syntax.
func (t *translator) char(atom bool) bool {
	r, n := utf8.DecodeRuneInString(t.src)
	if t.expanded {
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\v' || r == '\f' {
			t.src = t.src[n:]
			return atom
		}
		if r == '#' {
			_, t.src, _ = strings.Cut(t.src, "\n")
			return atom
		}
	}
	t.out.WriteString(regexp.QuoteMeta(t.src[:n]))
	t.src = t.src[n:]
	return true
}

func (t *translator) quantifier(atom bool, q string) error {
	if !atom {
		return badRegex("quantifier operand invalid")
	}
	t.out.WriteString(q)
	t.src = t.src[len(q):]
	if strings.HasPrefix(t.src, "?") {
		t.out.WriteByte('?')
		t.src = t.src[1:]
		t.lazy = true
	} else {
		t.greedy = true
	}
	return nil
}

// maxRepeat is PostgreSQL's greatest count of a bound.
const maxRepeat = 255

func (t *translator) braces(atom bool) error {
	end := strings.IndexByte(t.src, '}')
	if end < 0 {
		return badRegex("braces {} not balanced")
	}
	low, high, ranged := strings.Cut(t.src[1:end], ",")
	m, err := strconv.Atoi(low)
	if err != nil || m > maxRepeat {
		return badRegex("invalid repetition count(s)")
	}
	if ranged && high != "" {
		n, err := strconv.Atoi(high)
		if err != nil || n > maxRepeat || n < m {
			return badRegex("invalid repetition count(s)")
		}
	}
	fixed := !ranged || low == high
	greedy := t.greedy
	if err := t.quantifier(atom, t.src[:end+1]); err != nil {
		return err
	}
	if fixed { // has no preference of its own
		t.greedy = greedy
	}
	return nil
}

func (t *translator) group() error {
	switch {
	case strings.HasPrefix(t.src, "(?:"):
		t.out.WriteString("(?:")
		t.src = t.src[3:]
	case strings.HasPrefix(t.src, "(?#"):
		_, rest, ok := strings.Cut(t.src, ")")
		if !ok {
			return badRegex("parentheses () not balanced")
		}
		t.src = rest
		return nil
	case strings.HasPrefix(t.src, "(?=") || strings.HasPrefix(t.src, "(?!") || strings.HasPrefix(t.src, "(?<"):
		return unsupportedRegex("look-around")
	case strings.HasPrefix(t.src, "(?"):
		return badRegex("quantifier operand invalid")
	default:
		t.out.WriteByte('(')
		t.src = t.src[1:]
	}
	t.open++
	return nil
}

// The classes that escapes stand for.
const (
	classDigit = `\p{Nd}`
	classSpace = `\s\v`
	classWord  = `\p{L}\p{N}_`
)

// escape reads a backslash and what follows; atom says whether it is a character.
func (t *translator) escape() (atom bool, err error) {
	if len(t.src) < 2 {
		return false, badRegex("invalid escape \\ sequence")
	}
	c := t.src[1]
	switch c {
	case 'd', 's', 'w':
		t.out.WriteString("[" + classOf(c) + "]")
	case 'D', 'S', 'W':
		t.out.WriteString("[^" + classOf(c+32) + "]")
	case 'A', 'Z', 'y', 'Y':
		t.out.WriteString(map[byte]string{'A': `\A`, 'Z': `\z`, 'y': `\b`, 'Y': `\B`}[c])
		t.src = t.src[2:]
		return false, nil
	case 'm', 'M':
		return false, unsupportedRegex(`\` + string(c))
	default:
		r, err := t.escapedChar()
		if err != nil {
			return false, err
		}
		t.out.WriteString(regexp.QuoteMeta(string(r)))
		return true, nil
	}
	t.src = t.src[2:]
	return true, nil
}

func classOf(c byte) string {
	switch c {
	case 'd':
		return classDigit
	case 's':
		return classSpace
	}
	return classWord
}

// escapedChar reads an escape that stands for one character.
func (t *translator) escapedChar() (rune, error) {
	c := t.src[1]
	if i := strings.IndexByte("abBefnrtv0", c); i >= 0 && (c != '0' || len(t.src) < 3 || !octal(t.src[2])) {
		t.src = t.src[2:]
		return rune("\a\b\\\x1b\f\n\r\t\v\x00"[i]), nil
	}
	switch {
	case c == 'c' && len(t.src) > 2:
		r := rune(t.src[2] & 31)
		t.src = t.src[3:]
		return r, nil
	case c == 'u':
		return t.hex(4, 4)
	case c == 'U':
		return t.hex(8, 8)
	case c == 'x':
		return t.hex(1, 8)
	case c >= '1' && c <= '9':
		return 0, unsupportedRegex("a back-reference")
	case c == '0' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return 0, badRegex("invalid escape \\ sequence")
	}
	r, n := utf8.DecodeRuneInString(t.src[1:])
	t.src = t.src[1+n:]
	return r, nil
}

func (t *translator) hex(least, most int) (rune, error) {
	s, n := t.src[2:], 0
	for n < most && n < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[n]) >= 0 {
		n++
	}
	v, err := strconv.ParseUint(s[:n], 16, 32)
	if n < least || err != nil || v > utf8.MaxRune {
		return 0, badRegex("invalid escape \\ sequence")
	}
	t.src = s[n:]
	return rune(v), nil
}
