package ast

// LiteralKind is the kind of a Literal.
type LiteralKind uint8

// The kinds of literals.
const (
	Null    LiteralKind = iota
	Bool                // Text is "true" or "false"
	Integer             // Text is decimal digits, maybe behind "-"; of any length
	Numeric             // Text is a decimal number with a point or an exponent, maybe behind "-"
	String              // Text is the value; its type is unknown until it meets a use
	Bits                // Text is the digits behind B: "0101"
	HexBits             // Text is the digits behind X: "1F"
)

// Literal is a constant. A minus in front of a number belongs to it, as in
// PostgreSQL: -2147483648 is one literal, and an integer.
type Literal struct {
	Pos
	Kind LiteralKind
	Text string
}

// Param is $n.
type Param struct {
	Pos
	Number int // from 1
}

// ColumnRef is a name that stands for a column, or * and t.*.
type ColumnRef struct {
	Pos
	Parts []string // [schema,] [table,] column; without the column if Star
	Star  bool
}

// Operator is the name of an operator.
type Operator struct {
	Pos
	Schema string // of OPERATOR(schema.op); usually ""
	Name   string // "+", "||", "<>" (also for !=), "->>"
}

// Unary is a prefix operator: + - @ ~ and the like. NOT is Not.
type Unary struct {
	Pos // of the operator
	Op  Operator
	X   Expr
}

// Binary is an infix operator, comparisons included. AND and OR are And and Or.
type Binary struct {
	Pos  // of the operator
	Op   Operator
	L, R Expr
}

// And is a conjunction of two or more; a AND b AND c is one And.
type And struct {
	Pos
	Args []Expr
}

// Or is a disjunction of two or more.
type Or struct {
	Pos
	Args []Expr
}

// Not is a negation.
type Not struct {
	Pos
	X Expr
}

// IsNull is x IS [NOT] NULL, also as ISNULL and NOTNULL.
type IsNull struct {
	Pos
	X   Expr
	Not bool
}

// Truth is what IsBool asks for.
type Truth uint8

// The truth values.
const (
	True Truth = iota
	False
	Unknown
)

// IsBool is x IS [NOT] TRUE, FALSE or UNKNOWN.
type IsBool struct {
	Pos
	X    Expr
	What Truth
	Not  bool
}

// IsDistinct is l IS [NOT] DISTINCT FROM r.
type IsDistinct struct {
	Pos
	L, R Expr
	Not  bool
}

// Between is x [NOT] BETWEEN [SYMMETRIC] lo AND hi.
type Between struct {
	Pos
	X, Lo, Hi Expr
	Not       bool
	Symmetric bool
}

// LikeKind is the kind of a pattern match.
type LikeKind uint8

// The kinds of pattern matches.
const (
	LikeMatch LikeKind = iota
	ILikeMatch
	SimilarMatch // SIMILAR TO
)

// Like is x [NOT] LIKE pattern [ESCAPE escape] and its kin.
type Like struct {
	Pos
	Kind    LikeKind
	X       Expr
	Pattern Expr
	Escape  Expr // nil: not written, the backslash escapes
	Not     bool
}

// In is x [NOT] IN (list) or x [NOT] IN (query). Where x has several columns it
// is a Row.
type In struct {
	Pos
	X     Expr
	List  []Expr  // one or more, or
	Query *Select // a subquery
	Not   bool
}

// AnyAll is x op ANY|SOME|ALL (array or query).
type AnyAll struct {
	Pos   // of the operator
	X     Expr
	Op    Operator // LIKE is "~~", NOT LIKE "!~~", ILIKE "~~*", NOT ILIKE "!~~*"
	All   bool
	Array Expr    // an array, or
	Query *Select // a subquery
}

// Exists is EXISTS (query).
type Exists struct {
	Pos
	Query *Select
}

// Subquery is a query in parentheses that stands for a value.
type Subquery struct {
	Pos
	Query *Select
}

// ArraySubquery is ARRAY(query).
type ArraySubquery struct {
	Pos
	Query *Select
}

// When is a branch of a Case.
type When struct {
	Pos
	Cond, Result Expr
}

// Case is CASE [operand] WHEN ... END.
type Case struct {
	Pos
	Operand Expr // nil in a searched CASE
	Whens   []When
	Else    Expr // nil: NULL
}

// Coalesce is COALESCE(...).
type Coalesce struct {
	Pos
	Args []Expr
}

// NullIf is NULLIF(l, r).
type NullIf struct {
	Pos
	L, R Expr
}

// MinMax is GREATEST(...) or LEAST(...).
type MinMax struct {
	Pos
	Least bool
	Args  []Expr
}

// Cast is CAST(x AS type), x::type, or type 'literal'.
type Cast struct {
	Pos
	X    Expr
	Type TypeName
}

// Collate is x COLLATE name.
type Collate struct {
	Pos
	X    Expr
	Name TableName
}

// Call is a call of a function, an aggregate or a window function.
type Call struct {
	Pos
	Schema   string // "" where the name has no such part
	Name     string
	Args     []Expr
	ArgNames []string // nil, or as long as Args, "" where an argument has no name
	Star     bool     // f(*)
	Distinct bool     // f(DISTINCT ...)
	Variadic bool     // the last argument is VARIADIC
	OrderBy  []SortItem
	// WithinGroup says that OrderBy is from WITHIN GROUP (ORDER BY ...).
	WithinGroup bool
	Filter      Expr
	Over        *Window // nil: no OVER
	// Special says that the call was not written as name(...) but in a syntax of
	// its own (EXTRACT, SUBSTRING .. FROM, TRIM, AT TIME ZONE, ...). The function
	// is PostgreSQL's own one then, whatever the search path.
	Special bool
}

// Value is a value that SQL spells as a bare word: current_date, current_time,
// current_timestamp, localtime, localtimestamp, current_user, current_role,
// session_user, user, current_catalog, current_schema.
type Value struct {
	Pos
	Name      string // lower case
	Precision int    // of current_timestamp(3) and its kin; -1 where none was written
}

// Row is ROW(...) or (a, b, ...).
type Row struct {
	Pos
	Args     []Expr
	Explicit bool // with the word ROW
}

// Array is ARRAY[...]. An inner [...] without the word is an Array, too.
type Array struct {
	Pos
	Elems []Expr
}

// Subscript is x[i] or x[lower:upper].
type Subscript struct {
	Pos
	X     Expr
	Index Expr // of x[i]
	Slice bool
	Lower Expr // of a slice; nil where it was left out
	Upper Expr // of a slice; nil where it was left out
}

// Field is (x).name, or (x).* with an empty name.
type Field struct {
	Pos
	X    Expr
	Name string
}

// Default is the word DEFAULT in place of a value: in VALUES of an INSERT and
// in SET of an UPDATE, nowhere else.
type Default struct {
	Pos
}

// Grouping is GROUPING(...).
type Grouping struct {
	Pos
	Args []Expr
}

// GroupingKind is the kind of a GroupingSet.
type GroupingKind uint8

// The kinds of grouping sets.
const (
	EmptySet GroupingKind = iota // ()
	Rollup
	Cube
	Sets // GROUPING SETS (...)
)

// GroupingSet is an element of GROUP BY that is more than an expression.
type GroupingSet struct {
	Pos
	Kind GroupingKind
	Args []Expr
}

func (*Literal) expression()       {}
func (*Param) expression()         {}
func (*ColumnRef) expression()     {}
func (*Unary) expression()         {}
func (*Binary) expression()        {}
func (*And) expression()           {}
func (*Or) expression()            {}
func (*Not) expression()           {}
func (*IsNull) expression()        {}
func (*IsBool) expression()        {}
func (*IsDistinct) expression()    {}
func (*Between) expression()       {}
func (*Like) expression()          {}
func (*In) expression()            {}
func (*AnyAll) expression()        {}
func (*Exists) expression()        {}
func (*Subquery) expression()      {}
func (*ArraySubquery) expression() {}
func (*Case) expression()          {}
func (*Coalesce) expression()      {}
func (*NullIf) expression()        {}
func (*MinMax) expression()        {}
func (*Cast) expression()          {}
func (*Collate) expression()       {}
func (*Call) expression()          {}
func (*Value) expression()         {}
func (*Row) expression()           {}
func (*Array) expression()         {}
func (*Subscript) expression()     {}
func (*Field) expression()         {}
func (*Default) expression()       {}
func (*Grouping) expression()      {}
func (*GroupingSet) expression()   {}
