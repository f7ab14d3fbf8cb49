package ast

// SetOp is how a query combines two others.
type SetOp uint8

// The set operations.
const (
	NoSetOp SetOp = iota
	Union
	Intersect
	Except
)

// Select is a query. It is one of three: a plain SELECT; VALUES (Values is not
// nil); a set operation (Op is not NoSetOp, and Left and Right are the queries).
// With, OrderBy, Limit, Offset and Locking can stand on each.
type Select struct {
	Pos
	With *With

	Distinct   bool   // SELECT DISTINCT, also with ON
	DistinctOn []Expr // of DISTINCT ON (...)
	Items      []SelectItem
	From       []TableExpr
	Where      Expr
	GroupBy    []Expr
	// GroupDistinct is GROUP BY DISTINCT.
	GroupDistinct bool
	Having        Expr
	Windows       []Window // of the WINDOW clause

	Values [][]Expr

	Op          SetOp
	All         bool
	Left, Right *Select

	OrderBy []SortItem
	Limit   Expr // nil: none, also for LIMIT ALL; FETCH FIRST n is the same
	Offset  Expr
	// WithTies is FETCH FIRST n ROWS WITH TIES.
	WithTies bool
	Locking  []Locking
}

// SelectItem is an item of a select list or of RETURNING.
type SelectItem struct {
	Pos
	Expr  Expr   // a ColumnRef with Star for * and t.*
	Alias string // "" where none was written; see Name
}

// SortItem is an item of ORDER BY.
type SortItem struct {
	Pos
	Expr Expr // PostgreSQL takes a plain integer or a plain name for an output column
	Desc bool
	// Using is the operator of ORDER BY x USING op; usually its name is "".
	Using Operator
	Nulls Nulls
}

// Nulls is where NULLs are sorted.
type Nulls uint8

// The places of NULLs.
const (
	NullsDefault Nulls = iota // last in ascending order, first in descending
	NullsFirst
	NullsLast
)

// LockStrength is the strength of a Locking.
type LockStrength uint8

// The strengths, from the weakest.
const (
	ForKeyShare LockStrength = iota
	ForShare
	ForNoKeyUpdate
	ForUpdate
)

// LockWait says what a Locking does when it meets a lock.
type LockWait uint8

// The ways to meet a lock.
const (
	LockBlock LockWait = iota
	LockNoWait
	LockSkip // SKIP LOCKED
)

// Locking is a FOR UPDATE clause or one of its kin.
type Locking struct {
	Pos
	Strength LockStrength
	Of       []TableName
	Wait     LockWait
}

// With is a WITH clause.
type With struct {
	Pos
	Recursive bool
	Tables    []CTE
}

// Materialized is the hint of a CTE.
type Materialized uint8

// The hints.
const (
	MaterializedDefault Materialized = iota
	MaterializedAlways
	MaterializedNever
)

// CTE is a query of a WITH clause.
type CTE struct {
	Pos
	Name         string
	Columns      []Ident
	Materialized Materialized
	Query        Statement // *Select, *Insert, *Update or *Delete
}

// Table is a table in FROM, or the target of UPDATE, DELETE, MOVE.
type Table struct {
	Pos
	Name    TableName
	Only    bool
	Alias   string
	Columns []Ident // names for its columns: t AS a (x, y)
}

// JoinKind is the kind of a Join.
type JoinKind uint8

// The kinds of joins.
const (
	InnerJoin JoinKind = iota
	LeftJoin
	RightJoin
	FullJoin
	CrossJoin
)

// Join is a join of two items.
type Join struct {
	Pos         // of the first word of the join's operator
	Kind        JoinKind
	Natural     bool
	Left, Right TableExpr
	On          Expr
	Using       []Ident
	UsingAlias  string // JOIN .. USING (..) AS alias
	Alias       string // of a join in parentheses with a name of its own
	Columns     []Ident
}

// DerivedTable is a query in FROM.
type DerivedTable struct {
	Pos
	Lateral bool
	Query   *Select
	Alias   string // PostgreSQL 15 demands one
	Columns []Ident
}

// TableFunc is a function in FROM.
type TableFunc struct {
	Pos
	Lateral    bool
	Call       Expr // a Call, or what else PostgreSQL reads as a function there
	Ordinality bool
	Alias      string
	Columns    []Ident
	// ColumnDefs is AS t (a int, b text).
	ColumnDefs []ColumnDef
}

// FrameMode is the unit of a window's frame.
type FrameMode uint8

// The units.
const (
	NoFrame FrameMode = iota // none was written
	RangeFrame
	RowsFrame
	GroupsFrame
)

// BoundKind is the kind of a frame's end.
type BoundKind uint8

// The kinds of ends.
const (
	UnboundedPreceding BoundKind = iota
	Preceding
	CurrentRow
	Following
	UnboundedFollowing
)

// Bound is an end of a window's frame.
type Bound struct {
	Kind   BoundKind
	Offset Expr // of Preceding and Following
}

// Exclusion is what a frame leaves out.
type Exclusion uint8

// The exclusions.
const (
	ExcludeNothing Exclusion = iota
	ExcludeCurrentRow
	ExcludeGroup
	ExcludeTies
)

// Window is a window: of OVER, or of the WINDOW clause.
type Window struct {
	Pos
	// Name is the window's own name in the WINDOW clause, and the name that it
	// refers to in OVER name.
	Name string
	// Base is the window that this one builds on: OVER (base ORDER BY x).
	Base        string
	PartitionBy []Expr
	OrderBy     []SortItem
	Frame       FrameMode
	Start, End  Bound
	Exclude     Exclusion
}

func (*Select) statement() {}

func (*Table) tableExpression()        {}
func (*Join) tableExpression()         {}
func (*DerivedTable) tableExpression() {}
func (*TableFunc) tableExpression()    {}
