package bind

import (
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/planner/plan"
)

// fold computes what is constant in the coordinator's part of a plan.
func fold(r plan.Root) error {
	switch r := r.(type) {
	case *plan.Query:
		return foldStage(r.Stage)
	case *plan.Insert:
		for _, row := range r.Rows {
			if err := foldList(row); err != nil {
				return err
			}
		}
		if r.Source != nil {
			return foldStage(r.Source)
		}
	case *plan.Move:
		return foldOne(&r.Partition)
	case *plan.Explain:
		return fold(r.Plan.Root)
	}
	return nil
}

func foldStage(s plan.Stage) error {
	switch s := s.(type) {
	case *plan.Values:
		for _, row := range s.Rows {
			if err := foldList(row); err != nil {
				return err
			}
		}
	case *plan.Series:
		return foldList(s.Args)
	case *plan.Filter:
		return first(foldOne(&s.Cond), foldStage(s.Input))
	case *plan.Aggregate:
		return foldStage(s.Input)
	case *plan.Project:
		return first(foldList(s.Exprs), foldStage(s.Input))
	case *plan.Distinct:
		return foldStage(s.Input)
	case *plan.Sort:
		return foldStage(s.Input)
	case *plan.Limit:
		return first(foldOne(&s.Count), foldOne(&s.Offset), foldStage(s.Input))
	case *plan.Cut:
		return foldStage(s.Input)
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func foldList(list []expr.Expr) error {
	for i := range list {
		if err := foldOne(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func foldOne(x *expr.Expr) error {
	if *x == nil {
		return nil
	}
	out, err := expr.Fold(*x)
	if err == nil {
		*x = out
	}
	return err
}
