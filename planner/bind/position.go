package bind

import (
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// blame puts a position on the error of a node: that of the literal which could
// not be read as the type that it is to have, or else the node's.
func blame(err error, n ast.Node, args []ast.Expr) error {
	e := pgerror.As(err)
	if e == nil {
		return err
	}
	if len(e.Code) == 5 && e.Code[:2] == "22" {
		if misfit(e) {
			return err
		}
		for _, a := range args {
			if l, ok := a.(*ast.Literal); ok && l.Kind == ast.String {
				return e.At(l.Position())
			}
		}
		return err
	}
	return e.At(n.Position())
}

// typesOf notes the types of arguments before they are coerced.
func typesOf(list []expr.Expr) []datum.Type {
	out := make([]datum.Type, len(list))
	for i, x := range list {
		out[i] = x.Type()
	}
	return out
}

// unmatched puts the position of an argument on the error that it does not go
// together with those before it: "... types a and b cannot be matched" is about
// the first argument of type b.
func unmatched(err error, types []datum.Type, args []ast.Expr) error {
	e := pgerror.As(err)
	if e == nil || e.Code != pgerror.DatatypeMismatch || !strings.HasSuffix(e.Message, " cannot be matched") {
		return err
	}
	for i, t := range types {
		if i < len(args) && strings.HasSuffix(e.Message, " and "+t.WithMod(-1).String()+" cannot be matched") {
			return e.At(start(args[i]))
		}
	}
	return err
}

// start is where an expression begins, which is what PostgreSQL's errors about
// the whole of it point at.
func start(n ast.Node) int {
	at := n.Position()
	var left ast.Node
	switch e := n.(type) {
	case *ast.Binary:
		left = e.L
	case *ast.And:
		left = e.Args[0]
	case *ast.Or:
		left = e.Args[0]
	case *ast.IsNull:
		left = e.X
	case *ast.IsBool:
		left = e.X
	case *ast.IsDistinct:
		left = e.L
	case *ast.Between:
		left = e.X
	case *ast.Like:
		left = e.X
	case *ast.In:
		left = e.X
	case *ast.AnyAll:
		left = e.X
	case *ast.Cast:
		left = e.X
	case *ast.Collate:
		left = e.X
	case *ast.Subscript:
		left = e.X
	}
	if left == nil {
		return at
	}
	if l := start(left); l > 0 && l < at {
		return l
	}
	return at
}

// misfit reports whether an error says that a literal does not fit a type's
// modifier: PostgreSQL finds that when it executes, and tells no position.
func misfit(e *pgerror.Error) bool {
	return e.Code == pgerror.StringDataRightTruncation || e.Message == "numeric field overflow"
}
