package plan

import (
	"math"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Stage is one step of a query: *Scan, *Virtual, *PlacementHistory, *Values, *Series,
// *Filter, *Aggregate, *Project, *Distinct, *Sort, *Limit or *Cut. All but the first
// five have one input; a join will be a stage with two.
type Stage interface {
	// Width is the number of columns of the rows that come out.
	Width() int
	stage()
}

// Scan reads objects of one table in the partitions. It is the leaf at which the
// distributed part begins: Program runs there, what comes out here are the rows
// of Program.Project, or for an aggregated program the groups with their partial
// states.
type Scan struct {
	Table   *catalog.Table
	Access  *Access
	Program Program
	Columns int // width of the rows
	// Reverse reads key ranges from their ends.
	Reverse bool
	// Order is set where every partition's rows come sorted by these columns and
	// the coordinator has to merge the streams by them. It is never set for an
	// Access by keys alone (those are few and sorted behind).
	Order []command.Order
	// Limit, if not nil, says that no more than its limit plus offset rows are
	// needed from any partition, and in all where rows are not merged by Order.
	Limit *Limit
	// Lock, if not nil, is FOR UPDATE or FOR SHARE: the objects whose rows come out are
	// locked. The program is not aggregated then, and not distinct.
	Lock *Lock
}

// Lock is how a Scan locks what it reads. NO KEY UPDATE is LockUpdate, KEY SHARE is
// LockShared.
type Lock struct {
	Mode command.LockMode // LockShared or LockUpdate
	Wait command.LockWait
}

// Virtual produces the rows of a table in schema ssmr.
type Virtual struct {
	Table *VirtualTable
}

// Values produces rows of expressions. One row without columns is SELECT
// without FROM.
type Values struct {
	Rows    [][]expr.Expr
	Columns int
}

// Series produces the rows of a set-returning function in FROM or in the
// select list: generate_series, unnest, ...
type Series struct {
	Kind SeriesKind
	Args []expr.Expr
	Type datum.Type // of the one column
}

// SeriesKind names a set-returning function.
type SeriesKind uint8

// The set-returning functions.
const (
	// GenerateSeries counts from Args[0] to Args[1] by Args[2] (1 where there are
	// two); integers, numerics, or timestamps with an interval. A NULL argument is
	// no rows, a step of zero is 22023.
	GenerateSeries SeriesKind = iota + 1
	// Unnest yields the elements of the array Args[0].
	Unnest
)

// Filter lets rows pass for which Cond is true.
type Filter struct {
	Input Stage
	Cond  expr.Expr
}

// Aggregate makes one row for each group: the values of the group, then the
// result of each aggregate. Without groups there is exactly one row, also over
// no input.
type Aggregate struct {
	Input Stage
	// Groups are expressions over the input. With Partial the input is a Scan
	// whose rows begin with the values of the groups (GroupCount of them), followed
	// by the partial states, PartialWidth columns for each aggregate in order.
	Groups     []expr.Expr
	GroupCount int
	Aggregates []*expr.Aggregate
	Partial    bool
}

// Project computes new rows.
type Project struct {
	Input Stage
	Exprs []expr.Expr
}

// Distinct drops rows that are equal in their first Columns columns to one that
// passed before; the first one passes.
type Distinct struct {
	Input   Stage
	Columns int
}

// Sort orders rows by columns of its input. The sort is stable.
type Sort struct {
	Input Stage
	Order []command.Order
	// Limit, if not nil, is the Limit stage above: only its limit plus offset
	// first rows are needed.
	Limit *Limit
}

// Limit skips Offset rows and passes Count rows. Either may be nil; a NULL value
// means none.
type Limit struct {
	Input  Stage
	Count  expr.Expr // bigint, over parameters
	Offset expr.Expr // bigint, over parameters
}

// Cut passes the first Columns columns of each row.
type Cut struct {
	Input   Stage
	Columns int
}

// Width implements Stage.
func (s *Scan) Width() int { return s.Columns }

// Width implements Stage.
func (s *Virtual) Width() int { return len(s.Table.Columns) }

// Width implements Stage.
func (s *Values) Width() int { return s.Columns }

// Width implements Stage.
func (s *Series) Width() int { return 1 }

// Width implements Stage.
func (s *Filter) Width() int { return s.Input.Width() }

// Width implements Stage.
func (s *Aggregate) Width() int { return s.GroupCount + len(s.Aggregates) }

// Width implements Stage.
func (s *Project) Width() int { return len(s.Exprs) }

// Width implements Stage.
func (s *Distinct) Width() int { return s.Input.Width() }

// Width implements Stage.
func (s *Sort) Width() int { return s.Input.Width() }

// Width implements Stage.
func (s *Limit) Width() int { return s.Input.Width() }

// Width implements Stage.
func (s *Cut) Width() int { return s.Columns }

func (*Scan) stage()      {}
func (*Virtual) stage()   {}
func (*Values) stage()    {}
func (*Series) stage()    {}
func (*Filter) stage()    {}
func (*Aggregate) stage() {}
func (*Project) stage()   {}
func (*Distinct) stage()  {}
func (*Sort) stage()      {}
func (*Limit) stage()     {}
func (*Cut) stage()       {}

// Rows evaluates the stage: how many rows to skip, and how many to pass then
// (-1: all). Negative values are 2201X and 2201W.
func (s *Limit) Rows(env *expr.Env) (offset, count int64, err error) {
	count = -1
	if s.Offset != nil {
		d, err := s.Offset.Eval(env)
		if err != nil {
			return 0, 0, err
		}
		if offset = d.Int(); offset < 0 {
			return 0, 0, pgerror.New(pgerror.InvalidRowCountInOffset, "OFFSET must not be negative")
		}
	}
	if s.Count != nil {
		d, err := s.Count.Eval(env)
		if err != nil {
			return 0, 0, err
		}
		if d.IsNull() {
			return offset, -1, nil
		}
		if count = d.Int(); count < 0 {
			return 0, 0, pgerror.New(pgerror.InvalidRowCountInLimit, "LIMIT must not be negative")
		}
	}
	return offset, count, nil
}

// Needed is the number of rows that the input has to produce at most: offset and
// count together; -1 where there is no bound.
func (s *Limit) Needed(env *expr.Env) (int64, error) {
	if s == nil {
		return -1, nil
	}
	offset, count, err := s.Rows(env)
	if err != nil || count < 0 || count > math.MaxInt64-offset {
		return -1, err
	}
	return offset + count, nil
}

// InputOf is the stage that a stage reads from; nil where it is a leaf.
func InputOf(s Stage) Stage {
	switch s := s.(type) {
	case *Filter:
		return s.Input
	case *Aggregate:
		return s.Input
	case *Project:
		return s.Input
	case *Distinct:
		return s.Input
	case *Sort:
		return s.Input
	case *Limit:
		return s.Input
	case *Cut:
		return s.Input
	}
	return nil
}

// ScanOf is the Scan that a stage reads from; false where it reads no table.
func ScanOf(s Stage) (*Scan, bool) {
	for ; s != nil; s = InputOf(s) {
		if scan, ok := s.(*Scan); ok {
			return scan, true
		}
	}
	return nil, false
}
