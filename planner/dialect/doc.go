// Package dialect reads PostgreSQL's SQL: Split cuts a query string into
// statements, Parse makes a tree of package ast of one of them. It is the one
// importer of the Vitess parser.
//
//	texts, err := dialect.Split(query)       // "select 1; select 2" is two
//	stmt, err := dialect.Parse(texts[0].SQL) // *ast.Select
//
// A statement means what PostgreSQL 15 means by it, or it is refused: with 42601
// and the position where PostgreSQL's grammar refuses it, with 0A000 where it is
// PostgreSQL's and ssmr does not have it. What only MySQL has (backquotes, LIMIT
// 1, 2, <=>, DIV, # comments, INSERT IGNORE, ...) is a syntax error like any
// other. Whole statements that ssmr does not have come back as *ast.Unsupported,
// so that the caller refuses them where it also checks the transaction.
//
// Both functions are pure and safe for concurrent use. All errors are
// *pgerror.Error; positions are characters from 1 in the text that was given, so
// the caller adds the Offset that Split returned. Parse checks one statement:
// PostgreSQL refuses a whole query string if any statement in it is a syntax
// error, and a caller who wants that must parse all of them before it executes
// the first.
//
// # The way of a statement
//
// The lexer (lexer.go) cuts the text into words by the rules of PostgreSQL's
// scan.l: nested comments, the kinds of strings, folding of names, the longest
// operator. Literals are decoded there.
//
// Everything that is not SELECT, VALUES, INSERT, UPDATE or DELETE has a small
// parser of its own, a file for each group of statements.
//
// For those five, the words are rewritten into a skeleton (skeleton.go): the same
// statement in the spelling of the Vitess grammar, in which every value, name and
// table is a numbered placeholder. The grammar reads the skeleton (vitess.go): it
// decides what is a clause of which query, how set operations and joins nest, and
// which rows, assignments and conditions belong to which statement. The lifter
// (lift.go) turns its tree into ours and puts the parts back where their
// placeholders stand. "SELECT c FROM t WHERE id = $1" is sent as
//
//	select :i0 from `t0` where :e0 limit :q0
//
// Nothing of the client's text reaches the grammar, so nothing in it can be
// misread as MySQL's. The parts (types.go, expr*.go, from.go, ...) are read by
// PostgreSQL's rules:
//
//   - Expressions by precedence climbing with the table of PostgreSQL's gram.y.
//     Vitess's trees have no positions, and its precedences, its literals and
//     some sixty of its reserved words are not PostgreSQL's; a skeleton of
//     operators would have had to carry all of that, and would have been parsed
//     twice to say the same.
//   - What the grammar has no place for travels beside the skeleton in the parts
//     of its query, :q0 in the place of LIMIT: DISTINCT ON, LIMIT and OFFSET in
//     any order and FETCH FIRST, FOR UPDATE, WINDOW, whether UNION is INTERSECT or
//     EXCEPT. A join is always LEFT JOIN .. ON :j0, and :j0 says which it was.
//   - WITH, RETURNING and ON CONFLICT are cut off and parsed by themselves, and
//     so are queries within expressions: each is a skeleton of its own.
//
// An error of the grammar is mapped back to the word that the place in the
// skeleton came from.
//
// # Limits
//
// MaxText, MaxTokens, MaxDepth and MaxParams; what happens beyond them is said
// there. Time is linear in the length of the text, apart from parentheses, which
// cost at most MaxDepth times their number.
//
// # A warning
//
// Importing the Vitess parser registers the flags of glog on flag.CommandLine:
// a command that links this package must use a FlagSet of its own.
package dialect
