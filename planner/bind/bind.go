package bind

import (
	"context"
	"errors"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// Config is what a statement is bound against.
type Config struct {
	Catalog *catalog.Snapshot
	// Policies check placements; needed for CREATE TABLE, ALTER TABLE and statements about
	// policies.
	Policies Policies
	// Params are the types that the client declared for its parameters; the zero
	// Type and datum.Unknown are inferred, and there may be more or fewer.
	Params []datum.Type
	// NoParams refuses parameters: those of a simple query have no values.
	NoParams bool
	// Format holds the settings that the literals of a DEFAULT or CHECK are read
	// with; nil means UTC and PostgreSQL's defaults.
	Format *datum.Format
	// Session evaluates the DEFAULT now() and its like of a column that is added,
	// for the objects that are there; nil refuses such a column with 0A000.
	Session *expr.Session
	// Database is the name that a three-part name may begin with; empty allows any.
	Database string
}

// Policies knows the placement policies.
type Policies interface {
	// Placement checks a policy's name and options for a table whose columns and
	// key are complete, and returns the placement: with Static and Columns where
	// homes follow from the key. An error says what is wrong and what is allowed. It may
	// wait for a program.
	Placement(ctx context.Context, t *catalog.Table, policy string, options map[string]string) (catalog.Placement, error)
	// Builtin reports whether a policy is built in: its name is taken.
	Builtin(policy string) bool
	// Fallback checks that a policy can place a table's objects where the table's own
	// does not: it is built in, and static for the table, whose Placement is complete.
	Fallback(t *catalog.Table, policy string) error
}

// Statement binds one statement. It waits, within ctx, only where Policies do.
func Statement(ctx context.Context, stmt ast.Statement, c Config) (*plan.Plan, error) {
	b := &binder{config: c, params: expr.NewParamTypes(c.Params), where: make(map[*expr.Column]int)}
	p, err := b.statement(ctx, stmt)
	if err != nil {
		return nil, err
	}
	if err := b.finish(p); err != nil {
		return nil, err
	}
	return p, nil
}

// Deferred reports whether a statement is bound when it is executed and not
// before: it has neither parameters nor a result that binding would describe.
func Deferred(stmt ast.Statement) bool {
	switch s := stmt.(type) {
	case *ast.Select, *ast.Insert, *ast.Update, *ast.Delete, *ast.Move, *ast.ShowPlacementHistory:
		return false
	case *ast.Explain:
		return Deferred(s.Statement)
	}
	return true
}

// binder is the state of binding one statement.
type binder struct {
	config Config
	params *expr.ParamTypes
	tables []*catalog.Table
	hidden []plan.Hidden
	// where are the positions of columns, for errors that are found late.
	where map[*expr.Column]int
	// programs are those of the plan; they are encoded when all types are known.
	programs []*plan.Program
}

func (b *binder) statement(ctx context.Context, stmt ast.Statement) (*plan.Plan, error) {
	switch s := stmt.(type) {
	case *ast.Select:
		return b.selectStatement(s)
	case *ast.Insert:
		return b.insert(s)
	case *ast.Update:
		return b.update(s)
	case *ast.Delete:
		return b.delete(s)
	case *ast.Move:
		return b.move(s)
	case *ast.Explain:
		return b.explain(ctx, s)
	case *ast.CreateTable:
		return b.createTable(ctx, s)
	case *ast.DropTable:
		return b.dropTable(s)
	case *ast.Truncate:
		return b.truncate(s)
	case *ast.AlterTable:
		return b.alterTable(ctx, s)
	case *ast.CreatePolicy:
		return b.createPolicy(s)
	case *ast.AlterPolicy:
		return b.alterPolicy(s)
	case *ast.DropPolicy:
		return b.dropPolicy(s)
	case *ast.AlterPartition:
		return b.alterPartition(s)
	case *ast.ShowPlacementHistory:
		return b.placementHistory(s)
	case *ast.Unsupported:
		return nil, pgerror.NotSupported("%s", s.What)
	case nil:
		return nil, errors.New("bind: no statement")
	}
	return &plan.Plan{Root: &plan.Utility{Statement: stmt}}, nil
}

func (b *binder) explain(ctx context.Context, s *ast.Explain) (*plan.Plan, error) {
	if Deferred(s.Statement) {
		return nil, pgerror.New(pgerror.FeatureNotSupported, "EXPLAIN of this statement is not supported").At(s.Statement.Position())
	}
	for _, o := range s.Options {
		switch o.Name {
		case "costs", "buffers", "timing", "summary", "wal", "settings":
		case "format":
			if l, ok := o.Value.(*ast.Literal); !ok || l.Text != "text" {
				return nil, pgerror.NotSupported("EXPLAIN in another format than text").At(o.Position())
			}
		default:
			return nil, pgerror.New(pgerror.SyntaxError, "unrecognized EXPLAIN option %q", o.Name).At(o.Position())
		}
	}
	inner, err := b.statement(ctx, s.Statement)
	if err != nil {
		return nil, err
	}
	inner.Tables, inner.Hidden = b.tables, b.hidden
	return &plan.Plan{
		Tag:       "EXPLAIN",
		Columns:   []session.Column{{Name: "QUERY PLAN", Type: datum.Text}},
		Reads:     !s.Analyze || inner.Reads,
		Cacheable: inner.Cacheable,
		Root:      &plan.Explain{Plan: inner, Analyze: s.Analyze, Verbose: s.Verbose},
	}, nil
}

// finish completes a plan when everything is bound.
func (b *binder) finish(p *plan.Plan) error {
	if err := b.params.Finish(); err != nil {
		return err
	}
	if err := fold(p.Root); err != nil {
		return err
	}
	for _, prog := range b.programs {
		if err := b.hide(prog); err != nil {
			return err
		}
	}
	p.Params, p.Places = b.params.Types(), b.params.Places()
	p.Tables = b.tables
	p.Hidden = b.hidden
	if e, ok := p.Root.(*plan.Explain); ok {
		e.Plan.Params, e.Plan.Hidden = p.Params, p.Hidden
	}
	return nil
}

// at puts a position on an error that has none.
func at(err error, n ast.Node) error {
	if e := pgerror.As(err); e != nil && n != nil {
		e.At(n.Position())
	}
	return err
}
