package plan

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
)

// Access says which objects of a table a statement may mean, from its
// conditions on the primary key. The Program's filter says the rest.
type Access struct {
	Table *catalog.Table
	// Alternatives are united. None means that no object can match; All means
	// that every object may.
	Alternatives []Alternative
	All          bool
}

// Alternative is a conjunction of conditions on the columns of the key: values
// for its first columns, and bounds for the next.
type Alternative struct {
	// Prefix holds the possible values of the key's columns, from the first; as
	// many as the key has columns means single objects.
	Prefix []KeyValues
	// Lower and Upper bound the column behind Prefix; nil means open.
	Lower, Upper *Bound
}

// KeyValues are the values that a column of the key may have.
type KeyValues struct {
	Exprs []expr.Expr // over parameters
	// Array is an expression over parameters whose elements are values; then
	// Exprs is empty.
	Array expr.Expr
	Type  datum.Type // of the values; they are converted to the column's type exactly, or match nothing
}

// Bound is one end of a range.
type Bound struct {
	Expr      expr.Expr // over parameters
	Inclusive bool
}

// Objects is what an Access means with the values of one execution: all objects
// of the table, or some by their ids, or some by ranges.
type Objects struct {
	// IDs in ascending order, without duplicates; nil where Spans is set.
	IDs []object.ID
	// Spans in ascending order, disjoint.
	Spans []command.Span
}

// Single reports whether the access means at most one object by its key.
func (a *Access) Single() bool {
	return !a.All && len(a.Alternatives) == 1 && a.Keys() && a.Alternatives[0].single()
}

// Keys reports whether the access means objects by their keys alone.
func (a *Access) Keys() bool { return false }

func (a *Alternative) single() bool { return false }

// Resolve computes which objects are meant with the parameters of env. Errors
// are those of evaluating the expressions, and 54000 where there are too many.
func (a *Access) Resolve(env *expr.Env) (Objects, error) { return Objects{}, nil }
