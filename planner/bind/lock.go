package bind

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// lockWords are what PostgreSQL calls the strengths of locks.
var lockWords = map[ast.LockStrength]string{
	ast.ForKeyShare: "FOR KEY SHARE", ast.ForShare: "FOR SHARE",
	ast.ForNoKeyUpdate: "FOR NO KEY UPDATE", ast.ForUpdate: "FOR UPDATE",
}

// refuseLocking refuses a FOR UPDATE where the rows of the result are not rows of a
// table.
func refuseLocking(s *ast.Select, sel *selection) error {
	if len(s.Locking) == 0 {
		return nil
	}
	words := lockWords[s.Locking[0].Strength]
	if s.Values != nil {
		return pgerror.New(pgerror.FeatureNotSupported, "%s cannot be applied to VALUES", words)
	}
	what := ""
	switch {
	case s.Distinct:
		what = "DISTINCT clause"
	case len(s.GroupBy) > 0:
		what = "GROUP BY clause"
	case s.Having != nil:
		what = "HAVING clause"
	case len(sel.aggregates.calls) > 0:
		what = "aggregate functions"
	case sel.from.series:
		what = "set-returning functions in the target list"
	default:
		return nil
	}
	return pgerror.New(pgerror.FeatureNotSupported, "%s is not allowed with %s", words, what)
}

// locking binds FOR UPDATE and its kin; nil where nothing is locked. Of several
// clauses the strongest counts, and NOWAIT before SKIP LOCKED.
func (b *binder) locking(list []ast.Locking, from *source) (*plan.Lock, error) {
	var lock *plan.Lock
	for i := range list {
		l := &list[i]
		applies, err := lockApplies(l, from)
		if err != nil {
			return nil, err
		}
		if !applies {
			continue
		}
		if lock == nil {
			lock = &plan.Lock{}
		}
		lock.Mode = max(lock.Mode, lockMode(l.Strength))
		lock.Wait = stricter(lock.Wait, lockWait(l.Wait))
	}
	return lock, nil
}

// lockApplies reports whether a clause means what is in FROM.
func lockApplies(l *ast.Locking, from *source) (bool, error) {
	words := lockWords[l.Strength]
	if len(l.Of) == 0 {
		if _, virtual := from.stage.(*plan.Virtual); virtual {
			return false, pgerror.NotSupported("%s of a table in schema %s", words, plan.VirtualSchema).At(l.Position())
		}
		return from.table != nil, nil
	}
	for _, name := range l.Of {
		if name.Schema != "" || name.Catalog != "" {
			return false, pgerror.New(pgerror.SyntaxError, "%s must specify unqualified relation names", words).At(name.Position())
		}
		if len(from.scope.relations) == 0 || from.scope.relations[0].name != name.Name {
			return false, pgerror.New(pgerror.UndefinedTable, "relation \"%s\" in %s clause not found in FROM clause", name.Name, words).At(name.Position())
		}
		if _, virtual := from.stage.(*plan.Virtual); virtual {
			return false, pgerror.NotSupported("%s of a table in schema %s", words, plan.VirtualSchema).At(name.Position())
		}
		if from.function {
			return false, pgerror.New(pgerror.FeatureNotSupported, "%s cannot be applied to a function", words).At(name.Position())
		}
	}
	return from.table != nil, nil
}

func lockMode(s ast.LockStrength) command.LockMode {
	if s <= ast.ForShare {
		return command.LockShared
	}
	return command.LockUpdate
}

func lockWait(w ast.LockWait) command.LockWait {
	switch w {
	case ast.LockNoWait:
		return command.LockFails
	case ast.LockSkip:
		return command.LockSkips
	}
	return command.LockWaits
}

func stricter(a, b command.LockWait) command.LockWait {
	switch {
	case a == command.LockFails || b == command.LockFails:
		return command.LockFails
	case a == command.LockSkips || b == command.LockSkips:
		return command.LockSkips
	}
	return command.LockWaits
}
