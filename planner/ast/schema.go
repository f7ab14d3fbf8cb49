package ast

// Persistence is how long a table lives.
type Persistence uint8

// The persistences.
const (
	Permanent Persistence = iota
	Temporary
	Unlogged
)

// CreateTable is CREATE TABLE.
type CreateTable struct {
	Pos
	Persistence Persistence
	IfNotExists bool
	Name        TableName
	Columns     []ColumnDef
	Constraints []Constraint // those of the table; a column's own are in its definition
	Options     []Option     // WITH (...)
}

// ColumnDef is the definition of a column.
type ColumnDef struct {
	Pos
	Name        string
	Type        TypeName
	Collation   *TableName
	Constraints []Constraint // in the order in which they were written
}

// ConstraintKind is the kind of a Constraint.
type ConstraintKind uint8

// The kinds of constraints.
const (
	NotNullConstraint    ConstraintKind = iota
	NullConstraint                      // NULL, which says that the column is nullable
	DefaultConstraint                   // DEFAULT Expr
	CheckConstraint                     // CHECK (Expr)
	PrimaryKeyConstraint                // Columns, where it is the table's
	UniqueConstraint                    // Columns, where it is the table's
	ForeignKeyConstraint                // REFERENCES or FOREIGN KEY
	IdentityConstraint                  // GENERATED ALWAYS | BY DEFAULT AS IDENTITY
	GeneratedConstraint                 // GENERATED ALWAYS AS (Expr) STORED
	ExcludeConstraint                   // EXCLUDE (...)
)

// Constraint is a constraint of a table or of a column. PostgreSQL counts
// DEFAULT, GENERATED and the like among a column's constraints.
type Constraint struct {
	Pos
	Kind ConstraintKind
	Name string // of CONSTRAINT name; "" where none was written
	Expr Expr
	// Text is the source of Expr, without the parentheses of CHECK.
	Text       string
	Columns    []Ident // of a table's PRIMARY KEY, UNIQUE, FOREIGN KEY
	Always     bool    // GENERATED ALWAYS AS IDENTITY
	Sequence   []Option
	References *TableName
	RefColumns []Ident
	OnDelete   string // "cascade", "set null", "restrict", ...; "" where none was written
	OnUpdate   string
	// Deferrable, NotValid and NoInherit are what was written behind it.
	Deferrable bool
	NotValid   bool
	NoInherit  bool
}

// DropTable is DROP TABLE.
type DropTable struct {
	Pos
	IfExists bool
	Names    []TableName
	Cascade  bool
}

// Truncate is TRUNCATE.
type Truncate struct {
	Pos
	Tables          []Table
	RestartIdentity bool
	Cascade         bool
}

// AlterTable is ALTER TABLE.
type AlterTable struct {
	Pos
	IfExists bool
	Table    Table
	Actions  []AlterAction // one or more
}

// AlterAction is one action of an ALTER TABLE: *AddColumn, *DropColumn,
// *RenameColumn, *RenameTable, *AlterColumn, *AddConstraint, *DropConstraint,
// *RenameConstraint, *SetOptions or *UnsupportedAction.
type AlterAction interface {
	Node
	alterAction()
}

// AddColumn is ADD [COLUMN].
type AddColumn struct {
	Pos
	IfNotExists bool
	Column      ColumnDef
}

// DropColumn is DROP [COLUMN].
type DropColumn struct {
	Pos
	IfExists bool
	Name     Ident
	Cascade  bool
}

// RenameColumn is RENAME [COLUMN].
type RenameColumn struct {
	Pos
	From, To Ident
}

// RenameTable is RENAME TO.
type RenameTable struct {
	Pos
	To Ident
}

// ColumnChange is what an AlterColumn does.
type ColumnChange uint8

// The changes of a column.
const (
	SetDefault ColumnChange = iota
	DropDefault
	SetNotNull
	DropNotNull
	SetType
)

// AlterColumn is ALTER [COLUMN] ... .
type AlterColumn struct {
	Pos
	Name   Ident
	Change ColumnChange
	Expr   Expr   // of SET DEFAULT, and of TYPE .. USING
	Text   string // the source of Expr
	Type   TypeName
}

// AddConstraint is ADD of a table's constraint.
type AddConstraint struct {
	Pos
	Constraint Constraint
}

// DropConstraint is DROP CONSTRAINT.
type DropConstraint struct {
	Pos
	IfExists bool
	Name     Ident
	Cascade  bool
}

// RenameConstraint is RENAME CONSTRAINT.
type RenameConstraint struct {
	Pos
	From, To Ident
}

// SetOptions is SET (name = value, ...) or RESET (name, ...).
type SetOptions struct {
	Pos
	Reset   bool
	Options []Option
}

// UnsupportedAction is an action that PostgreSQL has and ssmr does not.
type UnsupportedAction struct {
	Pos
	What string // "ALTER TABLE ... ENABLE TRIGGER"
}

func (*CreateTable) statement() {}
func (*DropTable) statement()   {}
func (*Truncate) statement()    {}
func (*AlterTable) statement()  {}

func (*AddColumn) alterAction()         {}
func (*DropColumn) alterAction()        {}
func (*RenameColumn) alterAction()      {}
func (*RenameTable) alterAction()       {}
func (*AlterColumn) alterAction()       {}
func (*AddConstraint) alterAction()     {}
func (*DropConstraint) alterAction()    {}
func (*RenameConstraint) alterAction()  {}
func (*SetOptions) alterAction()        {}
func (*UnsupportedAction) alterAction() {}
