package dialect

// kind is the kind of a token.
type kind uint8

const (
	kindEnd     kind = iota
	kindIdent        // a name that is no keyword, or a quoted one
	kindKeyword      // text is the keyword in lower case
	kindInteger      // digits
	kindNumeric      // a number with a point or an exponent
	kindString       // text is the value
	kindBits         // B'..'; text is the digits
	kindHex          // X'..'; text is the digits
	kindParam        // $n; text is the digits
	kindOp           // an operator of PostgreSQL's class Op
	kindSymbol       // punctuation and operators with a precedence of their own
)

// token is a word of the statement. Offsets are bytes in the text.
type token struct {
	kind  kind
	class class // of a keyword
	start int32
	end   int32
	char  int32 // position in characters, from 1
	match int32 // of a parenthesis or bracket: the index of its partner
	text  string
}

// symbol says whether the token is that punctuation.
func (t *token) symbol(s string) bool { return t.kind == kindSymbol && t.text == s }

// word says whether the token is that keyword.
func (t *token) word(w string) bool { return t.kind == kindKeyword && t.text == w }

// isColID: the token can be a name of a column, a table and most other things.
func (t *token) isColID() bool {
	return t.kind == kindIdent || t.kind == kindKeyword &&
		(t.class&classMask == unreserved || t.class&classMask == columnName)
}

// isFunctionName: the token can be a name of a function or a type.
func (t *token) isFunctionName() bool {
	return t.kind == kindIdent || t.kind == kindKeyword &&
		(t.class&classMask == unreserved || t.class&classMask == functionName)
}

// isLabel: the token can be a name behind AS or a dot.
func (t *token) isLabel() bool { return t.kind == kindIdent || t.kind == kindKeyword }

// isBareLabel: the token can be a column's label without AS.
func (t *token) isBareLabel() bool {
	return t.kind == kindIdent || t.kind == kindKeyword && t.class&needsAS == 0
}
