package dialect

import (
	"errors"
	"sync"

	"github.com/ssmr/ssmr/internal/pgerror"
	"vitess.io/vitess/go/vt/sqlparser"
)

// grammar is the Vitess parser. It holds no state.
var grammar = sync.OnceValues(func() (*sqlparser.Parser, error) {
	return sqlparser.New(sqlparser.Options{})
})

// parse sends the text through the Vitess grammar.
func (s *skeleton) parse() (stmt sqlparser.Statement, err error) {
	g, err := grammar()
	if err != nil {
		return nil, pgerror.New(pgerror.InternalError, "the SQL grammar cannot be set up: %v", err)
	}
	// The text is built from a few words, names of ours and parentheses: nothing
	// in it is known to make the parser panic. Were it to, this statement fails.
	defer func() {
		if r := recover(); r != nil {
			stmt, err = nil, s.internal("panic: %v", r)
		}
	}()
	stmt, err = g.ParseStrictDDL(string(s.text))
	if err != nil {
		var positioned sqlparser.PositionedErr
		if errors.As(err, &positioned) {
			return nil, s.syntaxErrorAt(s.tokenAt(positioned.Pos - 1))
		}
		return nil, s.syntaxError()
	}
	return stmt, nil
}

// internal is an error that says that this package is wrong, not the statement.
func (s *skeleton) internal(format string, args ...any) error {
	return pgerror.New(pgerror.InternalError, "the SQL grammar returned something unexpected").
		WithDetail(format, args...)
}
