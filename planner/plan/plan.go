package plan

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
)

// Plan is a statement that is ready to be executed.
type Plan struct {
	// Tag is the command tag without its counts: "SELECT", "INSERT", "CREATE TABLE".
	Tag string
	// Columns describe the result; nil where the statement returns no rows.
	Columns []session.Column
	// Params are the types of the client's parameters $1, $2, ...
	Params []datum.Type
	// Places are the types of the places that these stand in: as Params, with modifiers.
	Places []datum.Type
	// Hidden are parameters that follow the client's. The coordinator evaluates
	// them once for each execution.
	Hidden []Hidden
	// Tables are the descriptors that the plan was made against.
	Tables []*catalog.Table
	// Reads says that the statement changes nothing.
	Reads bool
	// Cacheable says that the plan may be kept by its text and parameter types as
	// long as Tables are current. Schema changes are bound anew each time.
	Cacheable bool
	Root      Root
}

// Hidden is a parameter that the coordinator computes: now(), current_user and
// their like, which partitions must not evaluate.
type Hidden struct {
	Expr expr.Expr // no columns, no parameters
	Type datum.Type
}

// Root is what a plan does: *Query, *Insert, *Modify, *Move, *Explain,
// *CreateTable, *DropTable, *Truncate, *AlterTable, *ChangePolicy, *ChangePartition or
// *Utility.
type Root interface{ root() }

// Query returns rows.
type Query struct {
	Stage Stage
}

// Explain shows another plan, or with Analyze executes it and shows what
// happened. The result has one column, "QUERY PLAN".
type Explain struct {
	Plan    *Plan
	Analyze bool
	Verbose bool
}

// Utility is a statement about the session: SET, SHOW, BEGIN, PREPARE, ...
type Utility struct {
	Statement ast.Statement
}

// Program is what a partition computes, ready to be sent.
type Program struct {
	command.Program
	// Encoded is the Program's encoding; nil where it does nothing.
	Encoded []byte
	// Params says that expressions refer to parameters; Context.Params may stay
	// empty otherwise.
	Params bool
	// Volatile says that expressions draw random values (Context.Seed).
	Volatile bool
}

func (*Query) root()           {}
func (*Insert) root()          {}
func (*Modify) root()          {}
func (*Move) root()            {}
func (*Explain) root()         {}
func (*CreateTable) root()     {}
func (*DropTable) root()       {}
func (*Truncate) root()        {}
func (*AlterTable) root()      {}
func (*ChangePolicy) root()    {}
func (*ChangePartition) root() {}
func (*Utility) root()         {}
