package bind

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/plan"
)

// source is where a query's rows come from: a table in the partitions, or a
// stage at the coordinator.
type source struct {
	scope   *scope
	table   *catalog.Table
	stage   plan.Stage
	nothing bool // no FROM
	series  bool // the stage is the set-returning function of the select list
	// function says that the stage is a function in FROM.
	function bool
}

// from binds a FROM list.
func (b *binder) from(list []ast.TableExpr) (source, error) {
	if len(list) == 0 {
		return source{scope: &scope{}, nothing: true, stage: &plan.Values{Rows: [][]expr.Expr{nil}}}, nil
	}
	var first source
	for i, e := range list {
		s, err := b.fromItem(e)
		if err != nil {
			return s, err
		}
		if i == 1 {
			return s, pgerror.NotSupported("a join (several tables in FROM)").At(e.Position())
		}
		first = s
	}
	return first, nil
}

func (b *binder) fromItem(e ast.TableExpr) (source, error) {
	switch e := e.(type) {
	case *ast.Table:
		return b.fromTable(e)
	case *ast.TableFunc:
		return b.fromFunction(e)
	case *ast.Join:
		return source{}, pgerror.NotSupported("a join").At(e.Position())
	case *ast.DerivedTable:
		if e.Query != nil && e.Query.Values != nil && plainValues(e.Query) {
			return b.fromValues(e)
		}
		return source{}, pgerror.NotSupported("a subquery in FROM").At(e.Position())
	}
	return source{}, pgerror.NotSupported("this kind of FROM").At(e.Position())
}

func (b *binder) fromTable(e *ast.Table) (source, error) {
	t, err := b.lookup(e.Name)
	if err != nil {
		return source{}, err
	}
	if t.virtual != nil {
		r := &relation{name: t.virtual.Name, schema: plan.VirtualSchema}
		if e.Alias != "" {
			r.name, r.schema, r.hiddenBy = e.Alias, "", t.virtual.Name
		}
		for i, c := range t.virtual.Columns {
			r.columns = append(r.columns, scopeColumn{name: c.Name, typ: c.Type, index: i})
		}
		if err := r.rename(e.Columns); err != nil {
			return source{}, err
		}
		return source{scope: &scope{relations: []*relation{r}}, stage: &plan.Virtual{Table: t.virtual}}, nil
	}
	b.use(t.table)
	r, err := tableRelation(t.table, e, 0)
	if err != nil {
		return source{}, err
	}
	return source{scope: &scope{relations: []*relation{r}}, table: t.table}, nil
}

// fromFunction binds a function in FROM.
func (b *binder) fromFunction(e *ast.TableFunc) (source, error) {
	switch {
	case e.Ordinality:
		return source{}, pgerror.NotSupported("WITH ORDINALITY").At(e.Position())
	case len(e.ColumnDefs) > 0:
		return source{}, pgerror.NotSupported("a list of column definitions in FROM").At(e.Position())
	}
	name := ast.SelectItem{Expr: e.Call}.Name()
	if e.Alias != "" {
		name = e.Alias
	}
	var stage plan.Stage
	var t datum.Type
	if call, ok := e.Call.(*ast.Call); ok && setReturning(call.Name) {
		s, err := b.series(call)
		if err != nil {
			return source{}, err
		}
		stage, t = s, s.Type
	} else {
		x, err := b.expr(e.Call, &place{clause: "functions in FROM"})
		if err != nil {
			return source{}, err
		}
		if x, err = expr.Settle(x); err != nil {
			return source{}, at(err, e)
		}
		stage, t = &plan.Values{Rows: [][]expr.Expr{{x}}, Columns: 1}, x.Type()
	}
	r := &relation{name: name, columns: []scopeColumn{{name: name, typ: t}}}
	if err := r.rename(e.Columns); err != nil {
		return source{}, err
	}
	return source{scope: &scope{relations: []*relation{r}}, stage: stage, function: true}, nil
}

// fromValues binds (VALUES (..), (..)) in FROM.
func (b *binder) fromValues(e *ast.DerivedTable) (source, error) {
	rows, types, err := b.valuesRows(e.Query.Values)
	if err != nil {
		return source{}, err
	}
	r := &relation{name: e.Alias}
	for i, t := range types {
		// What has no type by now is text, and the rows that were bound with it.
		if t == datum.Unknown {
			t = datum.Text
			for _, row := range rows {
				if row[i], err = expr.Coerce(row[i], t, expr.Implicit); err != nil {
					return source{}, at(err, e)
				}
			}
		}
		r.columns = append(r.columns, scopeColumn{name: "column" + strconv.Itoa(i+1), typ: t, index: i})
	}
	if err := r.rename(e.Columns); err != nil {
		return source{}, at(err, e)
	}
	return source{scope: &scope{relations: []*relation{r}}, stage: &plan.Values{Rows: rows, Columns: len(types)}}, nil
}

// seriesItem makes the set-returning function of a select list without FROM the
// source of the query.
func (b *binder) seriesItem(call *ast.Call, name string, sel *selection) error {
	s, err := b.series(call)
	if err != nil {
		return err
	}
	sel.from.stage, sel.from.series = s, true
	sel.items = append(sel.items, item{x: expr.NewColumn(0, s.Type, name), name: name, at: call})
	return nil
}

// series binds generate_series and unnest.
func (b *binder) series(call *ast.Call) (*plan.Series, error) {
	if err := callForm(call); err != nil {
		return nil, err
	}
	if err := plainCall(call); err != nil {
		return nil, err
	}
	args, err := b.exprs(call.Args, &place{clause: "arguments of a set-returning function"})
	if err != nil {
		return nil, err
	}
	switch call.Name {
	case "generate_series":
		return generateSeries(call, args)
	case "unnest":
		if len(args) != 1 {
			return nil, pgerror.NotSupported("unnest of several arrays").At(call.Position())
		}
		t := args[0].Type()
		elem, ok := t.Elem()
		if !ok {
			if t == datum.Unknown {
				return nil, pgerror.New("42725", "function unnest(unknown) is not unique").
					WithHint("Could not choose a best candidate function. You might need to add explicit type casts.").At(call.Position())
			}
			return nil, noFunction(call.Name, call, args)
		}
		return &plan.Series{Kind: plan.Unnest, Args: args, Type: elem.WithMod(-1)}, nil
	}
	return nil, pgerror.NotSupported("function %s", call.Name).At(call.Position())
}

// generateSeries chooses between integers, numerics and times by PostgreSQL's
// preference: the narrowest type that all arguments can be passed as.
func generateSeries(call *ast.Call, args []expr.Expr) (*plan.Series, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, noFunction(call.Name, call, args)
	}
	if !slices.ContainsFunc(args, func(a expr.Expr) bool { return a.Type() != datum.Unknown }) {
		err := noFunction(call.Name, call, args)
		err.Code, err.Message = pgerror.AmbiguousFunction, strings.Replace(err.Message, "does not exist", "is not unique", 1)
		return nil, err.WithHint("Could not choose a best candidate function. You might need to add explicit type casts.")
	}
	for _, t := range []datum.Type{datum.Int4, datum.Int8, datum.Numeric, datum.Timestamp, datum.TimestampTZ} {
		step := t
		if t.IsDateTime() {
			if len(args) != 3 {
				continue
			}
			step = datum.Interval
		}
		if !seriesFits(args, t, step) {
			continue
		}
		for i := range args {
			to := t
			if i == 2 {
				to = step
			}
			var err error
			if args[i], err = expr.Coerce(args[i], to, expr.Implicit); err != nil {
				return nil, blame(err, call, call.Args)
			}
		}
		return &plan.Series{Kind: plan.GenerateSeries, Args: args, Type: t}, nil
	}
	return nil, noFunction(call.Name, call, args)
}

func seriesFits(args []expr.Expr, t, step datum.Type) bool {
	for i, a := range args {
		to := t
		if i == 2 {
			to = step
		}
		if !expr.CanCoerce(a.Type(), to, expr.Implicit) {
			return false
		}
		// date goes to timestamptz, as PostgreSQL prefers it.
		if t.Is(datum.Timestamp) && a.Type().Is(datum.Date) {
			return false
		}
	}
	return true
}

// noFunction is the error that there is no function of a name for arguments of
// these types.
func noFunction(name string, at ast.Node, args []expr.Expr) *pgerror.Error {
	names := ""
	for i, a := range args {
		if i > 0 {
			names += ", "
		}
		names += a.Type().WithMod(-1).String()
	}
	return pgerror.New(pgerror.UndefinedFunction, "function %s(%s) does not exist", name, names).
		WithHint("No function matches the given name and argument types. You might need to add explicit type casts.").At(at.Position())
}
