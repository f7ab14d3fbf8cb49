package ast

// Pos is the position of a node: characters from 1 in the statement's text, 0
// where there is none. Every node embeds one.
type Pos int

// Position returns the position.
func (p Pos) Position() int { return int(p) }

// Node is any part of the tree that has a position.
type Node interface {
	Position() int
}

// Statement is one whole statement.
type Statement interface {
	Node
	statement()
}

// Expr is a value expression.
type Expr interface {
	Node
	expression()
}

// TableExpr is an item of a FROM list.
type TableExpr interface {
	Node
	tableExpression()
}

// Ident is a single name.
type Ident struct {
	Pos
	Name string
}

// TableName is the name of a table or of another thing that lives in a schema.
type TableName struct {
	Pos
	Catalog string // database; "" where the name has no such part
	Schema  string // "" where the name has no such part
	Name    string
}

// String returns the parts with dots between them, unquoted.
func (n TableName) String() string {
	s := n.Name
	if n.Schema != "" {
		s = n.Schema + "." + s
	}
	if n.Catalog != "" {
		s = n.Catalog + "." + s
	}
	return s
}

// TypeName is the name of a type.
type TypeName struct {
	Pos
	Schema string // "" where the name has no such part
	Name   string // "int4", "varchar", "bpchar", "timestamptz", "serial", "my_type", ...
	// Mods are the numbers in parentheses. char without a length has 1;
	// float(n) has none: its name is float4 or float8.
	Mods []int32
	// Fields restricts an interval ("day to second"), lower case.
	Fields string
	// Bounds has one element for each dimension of an array type, -1 where no
	// size was written. PostgreSQL takes any bounds for "array of".
	Bounds []int32
}

// Option is an item of an option list: name = value or name alone.
type Option struct {
	Pos
	Name  string // with its name space: "toast.autovacuum_enabled"
	Value Expr   // a *Literal (bare words are strings), or nil where none was written
}
