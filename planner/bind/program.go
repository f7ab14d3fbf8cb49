package bind

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/planner/plan"
)

// hide makes a program one that partitions can run, and encodes it: what needs
// the session becomes hidden parameters.
func (b *binder) hide(p *plan.Program) error {
	if err := eachExpr(&p.Program, expr.Fold); err != nil {
		return err
	}
	if err := eachExpr(&p.Program, b.hideExpr); err != nil {
		return err
	}
	err := eachExpr(&p.Program, func(e expr.Expr) (expr.Expr, error) {
		p.Params = p.Params || expr.HasParams(e)
		p.Volatile = p.Volatile || expr.VolatilityOf(e) == expr.Volatile
		return e, nil
	})
	if err != nil {
		return err
	}
	if encoded := command.EncodeProgram(&p.Program); len(encoded) > 0 {
		p.Encoded = encoded
	}
	return nil
}

func (b *binder) hideExpr(e expr.Expr) (expr.Expr, error) {
	return expr.HideSession(e, func(part expr.Expr) (expr.Expr, error) {
		for i, h := range b.hidden {
			if same(h.Expr, part) {
				return expr.NewParam(len(b.params.Types())+i, h.Type), nil
			}
		}
		b.hidden = append(b.hidden, plan.Hidden{Expr: part, Type: part.Type()})
		return expr.NewParam(len(b.params.Types())+len(b.hidden)-1, part.Type()), nil
	})
}

// eachExpr replaces every expression of a program. Lists are copied: stages at
// the coordinator may share them.
func eachExpr(p *command.Program, change func(expr.Expr) (expr.Expr, error)) error {
	var err error
	one := func(e *expr.Expr) {
		if *e != nil && err == nil {
			*e, err = change(*e)
		}
	}
	many := func(list *[]expr.Expr) {
		*list = append([]expr.Expr(nil), *list...)
		for i := range *list {
			one(&(*list)[i])
		}
	}
	one(&p.Filter)
	p.Set = append([]command.Assignment(nil), p.Set...)
	for i := range p.Set {
		one(&p.Set[i].Value)
	}
	one(&p.ConflictFilter)
	many(&p.Project)
	many(&p.GroupBy)
	p.Aggregates = append([]*expr.Aggregate(nil), p.Aggregates...)
	for i, a := range p.Aggregates {
		list := a.Exprs()
		many(&list)
		p.Aggregates[i] = a.WithExprs(list)
	}
	return err
}
