package ast

// CreatePolicy is CREATE POLICY <name> FROM '<program>' [WITH (...)]: ssmr's own.
// (PostgreSQL's CREATE POLICY .. ON is Unsupported.)
type CreatePolicy struct {
	Pos
	Name    Ident
	Program Literal // a string
	Options []Option
}

// AlterPolicy is ALTER POLICY <name> USING '<program>' [WITH (...)] | SET (...) |
// RESET (...).
type AlterPolicy struct {
	Pos
	Name    Ident
	Program *Literal // a string; nil: SET or RESET
	Reset   bool
	Options []Option // of RESET without values
}

// DropPolicy is DROP POLICY [IF EXISTS] <name>.
type DropPolicy struct {
	Pos
	IfExists bool
	Name     Ident
}

// AlterPartition is ALTER PARTITION <n> SET (...) | RESET (...).
type AlterPartition struct {
	Pos
	Partition Literal // an integer
	Reset     bool
	Options   []Option // of RESET without values
}

// ShowPlacementHistory is SHOW PLACEMENT HISTORY FOR <table> WHERE ...
type ShowPlacementHistory struct {
	Pos
	Table Table
	Where Expr
}

func (*CreatePolicy) statement()         {}
func (*AlterPolicy) statement()          {}
func (*DropPolicy) statement()           {}
func (*AlterPartition) statement()       {}
func (*ShowPlacementHistory) statement() {}
