package ast

// Explain is EXPLAIN of another statement.
type Explain struct {
	Pos
	Analyze bool
	Verbose bool
	// Options are those of EXPLAIN (...) except ANALYZE and VERBOSE.
	Options   []Option
	Statement Statement
}

// SetScope is the scope of a SET.
type SetScope uint8

// The scopes.
const (
	SessionScope SetScope = iota
	LocalScope
)

// Set is SET name TO values. SET TIME ZONE, SET NAMES, SET SCHEMA, SET ROLE and
// the like have the name of the setting that they change; SET TIME ZONE LOCAL
// and TO DEFAULT have no Values.
type Set struct {
	Pos
	Scope SetScope
	Name  string // lower case, with its name space: "ssmr.read_consistency"
	// Values are Literals (bare words are strings), or a Cast of one to interval;
	// nil is TO DEFAULT.
	Values []Expr
}

// Show is SHOW name.
type Show struct {
	Pos
	Name string // lower case; "all" is SHOW ALL
}

// Reset is RESET name.
type Reset struct {
	Pos
	Name string // lower case; "all" is RESET ALL
}

// Isolation is a transaction's isolation level.
type Isolation uint8

// The isolation levels.
const (
	IsolationDefault Isolation = iota // none was written
	ReadUncommitted
	ReadCommitted
	RepeatableRead
	Serializable
)

// TransactionModes are the modes of BEGIN and SET TRANSACTION. The pointers are
// nil where nothing was written.
type TransactionModes struct {
	Isolation  Isolation
	ReadOnly   *bool
	Deferrable *bool
}

// SetTransaction is SET TRANSACTION, or SET SESSION CHARACTERISTICS AS
// TRANSACTION.
type SetTransaction struct {
	Pos
	Session  bool
	Modes    TransactionModes
	Snapshot string // SET TRANSACTION SNAPSHOT 'id'; "" otherwise
}

// Begin is BEGIN or START TRANSACTION.
type Begin struct {
	Pos
	Start bool // written as START TRANSACTION, which is its tag
	Modes TransactionModes
}

// Commit is COMMIT or END.
type Commit struct {
	Pos
	Chain bool
}

// Rollback is ROLLBACK or ABORT.
type Rollback struct {
	Pos
	Chain bool
}

// Savepoint is SAVEPOINT.
type Savepoint struct {
	Pos
	Name Ident
}

// Release is RELEASE [SAVEPOINT].
type Release struct {
	Pos
	Name Ident
}

// RollbackTo is ROLLBACK TO [SAVEPOINT].
type RollbackTo struct {
	Pos
	Name Ident
}

// Prepare is PREPARE name [(types)] AS statement.
type Prepare struct {
	Pos
	Name      string
	Types     []TypeName
	Statement Statement // *Select, *Insert, *Update, *Delete or *Move
	// Text is the source of Statement; positions in Statement count in the whole
	// text, it begins at Offset characters.
	Text   string
	Offset int
}

// Execute is EXECUTE name [(args)].
type Execute struct {
	Pos
	Name string
	Args []Expr
}

// Deallocate is DEALLOCATE.
type Deallocate struct {
	Pos
	Name string
	All  bool
}

// DeclareCursor is DECLARE name CURSOR FOR query.
type DeclareCursor struct {
	Pos
	Name        string
	Binary      bool
	Insensitive bool
	Scroll      bool
	NoScroll    bool
	Hold        bool
	Query       *Select
	// Text and Offset are as in Prepare.
	Text   string
	Offset int
}

// FetchDirection is where a Fetch goes.
type FetchDirection uint8

// The directions. NEXT is Forward 1, PRIOR Backward 1, FIRST Absolute 1, LAST
// Absolute -1.
const (
	Forward FetchDirection = iota
	Backward
	Absolute
	Relative
)

// Fetch is FETCH, or MOVE of a cursor.
type Fetch struct {
	Pos
	Move      bool
	Cursor    string
	Direction FetchDirection
	Count     int64
	All       bool // FORWARD ALL, BACKWARD ALL
}

// CloseCursor is CLOSE.
type CloseCursor struct {
	Pos
	Name string
	All  bool
}

// DiscardWhat is what DISCARD forgets.
type DiscardWhat uint8

// What can be forgotten.
const (
	DiscardAll DiscardWhat = iota
	DiscardPlans
	DiscardSequences
	DiscardTemp
)

// Discard is DISCARD.
type Discard struct {
	Pos
	What DiscardWhat
}

// Vacuum is VACUUM or ANALYZE.
type Vacuum struct {
	Pos
	Analyze bool // written as ANALYZE, which is its tag
	Tables  []TableName
}

// Unlisten is UNLISTEN: there is nothing that a session could listen to.
type Unlisten struct{ Pos }

// Unsupported is a statement that PostgreSQL has and ssmr does not; it is to be
// refused with 0A000 and its name.
type Unsupported struct {
	Pos
	What string // "CREATE INDEX"
}

func (*Explain) statement()        {}
func (*Set) statement()            {}
func (*Show) statement()           {}
func (*Reset) statement()          {}
func (*SetTransaction) statement() {}
func (*Begin) statement()          {}
func (*Commit) statement()         {}
func (*Rollback) statement()       {}
func (*Savepoint) statement()      {}
func (*Release) statement()        {}
func (*RollbackTo) statement()     {}
func (*Prepare) statement()        {}
func (*Execute) statement()        {}
func (*Deallocate) statement()     {}
func (*DeclareCursor) statement()  {}
func (*Fetch) statement()          {}
func (*CloseCursor) statement()    {}
func (*Discard) statement()        {}
func (*Vacuum) statement()         {}
func (*Unlisten) statement()       {}
func (*Unsupported) statement()    {}
