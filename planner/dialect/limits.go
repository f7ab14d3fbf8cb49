package dialect

import "github.com/ssmr/ssmr/internal/pgerror"

// What bounds a statement. Beyond MaxDepth it is refused with 54001, beyond the
// others with 54000; a parameter above MaxParams does not exist (42P02).
const (
	// MaxText is the most bytes of a query string.
	MaxText = 64 << 20
	// MaxTokens is the most words, literals and punctuation marks of a statement.
	MaxTokens = 2_000_000
	// MaxDepth bounds the height of a tree: parentheses, chains of operators and
	// queries within queries add up.
	MaxDepth = 1500
	// MaxParams is the highest n of $n.
	MaxParams = 65535
)

// maxIdent is the most bytes of a name; what is longer is cut, as in PostgreSQL.
const maxIdent = 63

// statementTooComplex is PostgreSQL's code for exceeded depth.
const statementTooComplex = "54001"

func errTooDeep(position int) *pgerror.Error {
	return pgerror.New(statementTooComplex, "stack depth limit exceeded").
		WithHint("A statement may nest expressions and queries %d deep.", MaxDepth).At(position)
}

func errTooLong(what string, most int) *pgerror.Error {
	return pgerror.New(pgerror.ProgramLimitExceeded, "statement is too long").
		WithDetail("A statement may have %d %s.", most, what)
}
