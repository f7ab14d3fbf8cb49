package bind

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// dropTable binds DROP TABLE. Nothing depends on a table, so CASCADE and
// RESTRICT are the same.
func (b *binder) dropTable(s *ast.DropTable) (*plan.Plan, error) {
	out := &plan.DropTable{}
	for _, n := range s.Names {
		t, err := b.lookup(n)
		switch e := pgerror.As(err); {
		case e != nil && e.Code == pgerror.UndefinedTable && s.IfExists:
			out.Missing = append(out.Missing, qualified(n))
			continue
		case e != nil && e.Code == pgerror.UndefinedTable:
			return nil, pgerror.New(pgerror.UndefinedTable, "table %q does not exist", qualified(n))
		case err != nil:
			return nil, err
		case t.virtual != nil:
			return nil, pgerror.New(pgerror.InsufficientPrivilege, "permission denied: %q is a system table", qualified(n))
		}
		out.Spec.Tables = addRef(out.Spec.Tables, t.table)
	}
	return &plan.Plan{Tag: "DROP TABLE", Root: out}, nil
}

// truncate binds TRUNCATE.
func (b *binder) truncate(s *ast.Truncate) (*plan.Plan, error) {
	out := &plan.Truncate{}
	out.Spec.RestartIdentity = s.RestartIdentity
	for _, ref := range s.Tables {
		t, err := b.writable(ref.Name)
		if err != nil {
			return nil, unplaced(err)
		}
		out.Spec.Tables = addRef(out.Spec.Tables, t)
	}
	return &plan.Plan{Tag: "TRUNCATE TABLE", Root: out}, nil
}

func addRef(list []catalog.TableRef, t *catalog.Table) []catalog.TableRef {
	for _, r := range list {
		if r.ID == t.ID {
			return list
		}
	}
	return append(list, catalog.TableRef{ID: t.ID, Version: t.Version, Name: t.Name})
}
