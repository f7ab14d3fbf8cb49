// Package pgerror is the error that a client of the PostgreSQL protocol sees.
//
// An *Error is also data: a command that a partition refuses carries one in its
// result, and it must come out equal on every replica.
package pgerror

import (
	"errors"
	"fmt"
)

// Error is an error with the fields of PostgreSQL's ErrorResponse.
type Error struct {
	Code    string // SQLSTATE, five characters
	Message string
	Detail  string `json:",omitempty"`
	Hint    string `json:",omitempty"`
	// Position is the character in the statement, counted from 1; 0 means none.
	Position int `json:",omitempty"`

	Schema     string `json:",omitempty"`
	Table      string `json:",omitempty"`
	Column     string `json:",omitempty"`
	DataType   string `json:",omitempty"`
	Constraint string `json:",omitempty"`
	Routine    string `json:",omitempty"`
}

// New makes an error with a SQLSTATE and a formatted message.
func New(code, format string, args ...any) *Error {
	if len(args) == 0 {
		return &Error{Code: code, Message: format}
	}
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error returns the message with its SQLSTATE.
func (e *Error) Error() string { return fmt.Sprintf("%s (SQLSTATE %s)", e.Message, e.Code) }

// SQLState returns the SQLSTATE; the protocol layer finds it by errors.As.
func (e *Error) SQLState() string { return e.Code }

// WithDetail sets the detail and returns the error.
func (e *Error) WithDetail(format string, args ...any) *Error {
	e.Detail = fmt.Sprintf(format, args...)
	return e
}

// WithHint sets the hint and returns the error.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// At sets the position if none is set and returns the error.
func (e *Error) At(position int) *Error {
	if e.Position == 0 {
		e.Position = position
	}
	return e
}

// As returns the *Error in err's chain, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// NotSupported is the refusal of something that PostgreSQL has and ssmr does
// not: 0A000, "<what> is not supported".
func NotSupported(format string, args ...any) *Error {
	return New(FeatureNotSupported, "%s is not supported", fmt.Sprintf(format, args...))
}

// SQLSTATEs in use. Their names are those of PostgreSQL's appendix A.
const (
	SuccessfulCompletion            = "00000"
	Warning                         = "01000"
	ConnectionFailure               = "08006"
	ProtocolViolation               = "08P01"
	FeatureNotSupported             = "0A000"
	CardinalityViolation            = "21000"
	StringDataRightTruncation       = "22001"
	NumericValueOutOfRange          = "22003"
	NullValueNotAllowed             = "22004"
	InvalidDatetimeFormat           = "22007"
	DatetimeFieldOverflow           = "22008"
	SubstringError                  = "22011"
	DivisionByZero                  = "22012"
	IntervalFieldOverflow           = "22015"
	InvalidCharacterValueForCast    = "22018"
	CharacterNotInRepertoire        = "22021"
	InvalidParameterValue           = "22023"
	InvalidEscapeSequence           = "22025"
	InvalidRegularExpression        = "2201B"
	InvalidArgumentForLogarithm     = "2201E"
	InvalidArgumentForPowerFunction = "2201F"
	InvalidRowCountInLimit          = "2201W"
	InvalidRowCountInOffset         = "2201X"
	ArraySubscriptError             = "2202E"
	InvalidTextRepresentation       = "22P02"
	InvalidBinaryRepresentation     = "22P03"
	UntranslatableCharacter         = "22P05"
	NotNullViolation                = "23502"
	ForeignKeyViolation             = "23503"
	UniqueViolation                 = "23505"
	CheckViolation                  = "23514"
	ActiveSQLTransaction            = "25001"
	ReadOnlySQLTransaction          = "25006"
	NoActiveSQLTransaction          = "25P01"
	InFailedSQLTransaction          = "25P02"
	IdleInTransactionTimeout        = "25P03"
	InvalidSQLStatementName         = "26000"
	InvalidAuthorization            = "28000"
	DependentObjectsStillExist      = "2BP01"
	InvalidCursorName               = "34000"
	InvalidSavepoint                = "3B001"
	InvalidCatalogName              = "3D000"
	InvalidSchemaName               = "3F000"
	SerializationFailure            = "40001"
	StatementCompletionUnknown      = "40003"
	DeadlockDetected                = "40P01"
	SyntaxError                     = "42601"
	InsufficientPrivilege           = "42501"
	CannotCoerce                    = "42846"
	GroupingError                   = "42803"
	WindowingError                  = "42P20"
	InvalidForeignKey               = "42830"
	InvalidName                     = "42602"
	NameTooLong                     = "42622"
	DatatypeMismatch                = "42804"
	IndeterminateDatatype           = "42P18"
	WrongObjectType                 = "42809"
	GeneratedAlways                 = "428C9"
	UndefinedColumn                 = "42703"
	UndefinedFunction               = "42883"
	UndefinedTable                  = "42P01"
	UndefinedParameter              = "42P02"
	UndefinedObject                 = "42704"
	DuplicateColumn                 = "42701"
	DuplicateCursor                 = "42P03"
	InvalidCursorDefinition         = "42P11"
	DuplicatePreparedStatement      = "42P05"
	DuplicateSchema                 = "42P06"
	DuplicateTable                  = "42P07"
	DuplicateObject                 = "42710"
	AmbiguousColumn                 = "42702"
	AmbiguousFunction               = "42725"
	InvalidColumnReference          = "42P10"
	InvalidColumnDefinition         = "42611"
	InvalidTableDefinition          = "42P16"
	InvalidObjectDefinition         = "42P17"
	ReservedName                    = "42939"
	TooManyConnections              = "53300"
	OutOfMemory                     = "53200"
	DiskFull                        = "53100"
	ConfigurationLimitExceeded      = "53400"
	ProgramLimitExceeded            = "54000"
	TooManyColumns                  = "54011"
	TooManyArguments                = "54023"
	ObjectNotInPrerequisiteState    = "55000"
	CantChangeRuntimeParam          = "55P02"
	LockNotAvailable                = "55P03"
	QueryCanceled                   = "57014"
	AdminShutdown                   = "57P01"
	IdleSessionTimeout              = "57P05"
	CannotConnectNow                = "57P03"
	IOError                         = "58030"
	UndefinedFile                   = "58P01"
	InternalError                   = "XX000"
	DataCorrupted                   = "XX001"
)
