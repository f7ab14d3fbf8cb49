package ast

// Overriding is the OVERRIDING clause of an INSERT.
type Overriding uint8

// The clauses.
const (
	NotOverriding Overriding = iota
	OverridingSystem
	OverridingUser
)

// Insert is INSERT.
type Insert struct {
	Pos
	With       *With
	Table      Table   // with its alias
	Columns    []Ident // nil: all, in their order
	Overriding Overriding
	// Source is a VALUES list (its expressions may be Default), or another query;
	// nil is DEFAULT VALUES.
	Source     *Select
	OnConflict *OnConflict
	Returning  []SelectItem
}

// OnConflict is the ON CONFLICT clause of an INSERT.
type OnConflict struct {
	Pos
	Target     []ConflictTarget // ON CONFLICT (a, b)
	Where      Expr             // of the target: partial indexes
	Constraint string           // ON CONFLICT ON CONSTRAINT name
	// Update says DO UPDATE; otherwise it is DO NOTHING. In Set and UpdateWhere
	// the table "excluded" stands for the row that was to be inserted.
	Update      bool
	Set         []Assignment
	UpdateWhere Expr
}

// ConflictTarget is an element of ON CONFLICT (...).
type ConflictTarget struct {
	Pos
	Column string // a plain column, or
	Expr   Expr   // an expression
}

// Assignment is column = value, or (a, b) = row or subquery.
type Assignment struct {
	Pos
	Columns []Ident
	Multi   bool // Columns stood in parentheses; Value is a Row or a Subquery
	Value   Expr // may be Default; inside the Row, too, if Multi
}

// Update is UPDATE.
type Update struct {
	Pos
	With      *With
	Table     Table
	Set       []Assignment
	From      []TableExpr
	Where     Expr
	Returning []SelectItem
}

// Delete is DELETE.
type Delete struct {
	Pos
	With      *With
	Table     Table
	Using     []TableExpr
	Where     Expr
	Returning []SelectItem
}

// PinClause is what a MOVE says of pins.
type PinClause uint8

// The clauses.
const (
	DefaultPin PinClause = iota // none was written
	WithPin                     // PIN, of TO PARTITION
	WithoutPin                  // NO PIN of TO PARTITION, UNPIN of TO POLICY
)

// Move is MOVE <table> [WHERE ..] TO PARTITION <n> [PIN | NO PIN] | TO POLICY [UNPIN]:
// ssmr's own.
// (PostgreSQL's MOVE of a cursor is Fetch with Move.)
type Move struct {
	Pos
	Table Table
	Where Expr // nil: all rows; never nil with TO PARTITION
	// Partition is the partition's number, an expression without columns; nil is
	// TO POLICY.
	Partition Expr
	Pin       PinClause
}

func (*Insert) statement() {}
func (*Update) statement() {}
func (*Delete) statement() {}
func (*Move) statement()   {}
