package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// lockingRows is SELECT ... FOR UPDATE or FOR SHARE: the rows of a scan whose objects
// are locked, as they are under the lock. All is done when the first row is wanted.
//
// Objects that are named by their keys are locked where they live, in their order and
// no more than a LIMIT wants; each is returned as the lock found it. Key ranges are
// searched first. In a transaction they are searched again after objects were locked,
// until all that is found is locked: then the ranges count as read, and nothing can come
// between. With SKIP LOCKED they do not count as read: what a transaction has left
// out it does not know, and it is not to fail for what others make of it.
//
// Outside of a transaction the locks are given up at once.
type lockingRows struct {
	e       *Execution
	tx      *Transaction
	s       *plan.Scan
	objects plan.Objects
	read    command.Read // with the columns of the key at the end of each row
	width   int
	first   int64 // the number of rows that are needed; -1: all
	memory  memory

	kept *keptRows
}

func (e *Execution) openLocking(s *plan.Scan, objects plan.Objects, read command.Read, first int64) (rows, error) {
	r := &lockingRows{e: e, tx: e.tx, s: s, objects: objects, read: read, first: first, memory: e.memory("FOR UPDATE")}
	p := s.Program.Program
	p.Project = withKey(p.Project, s.Table)
	r.read.Program, r.read.MaxStaleness, r.width = command.EncodeProgram(&p), 0, len(p.Project)
	return r, nil
}

// withKey adds the columns of the key to a projection.
func withKey(project []expr.Expr, t *catalog.Table) []expr.Expr {
	project = append([]expr.Expr(nil), project...)
	for _, c := range t.PrimaryKey {
		project = append(project, expr.NewColumn(c, t.Columns[c].Type, t.Columns[c].Name))
	}
	return project
}

func (r *lockingRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if r.kept == nil {
		r.kept = &keptRows{}
		if err := r.fill(ctx); err != nil {
			return nil, false, err
		}
	}
	return r.kept.next(ctx)
}

func (r *lockingRows) close() {
	if r.kept == nil {
		r.kept = &keptRows{}
	}
	r.kept.close()
}

func (r *lockingRows) fill(ctx context.Context) error {
	if r.tx == nil {
		r.tx = r.e.x.Begin(TransactionOptions{})
		r.tx.single, r.tx.lockTime = true, r.e.settings.LockTimeout
		defer r.tx.Rollback()
	}
	if r.tx.opts.ReadOnly {
		return errReadOnly("SELECT FOR UPDATE")
	}
	reads := r.tx.print.Reads()
	switch {
	case r.objects.Spans != nil && r.e.tx != nil && r.s.Lock.Wait != command.LockSkips:
		return r.confirm(ctx)
	case r.objects.Spans != nil:
		if err := r.search(ctx); err != nil {
			return err
		}
	default:
		if err := r.named(ctx); err != nil {
			return err
		}
	}
	if reads == 0 || r.e.tx == nil {
		return nil // what is locked is all that was read
	}
	return r.tx.settle(ctx, r.e.facts, nil, nil)
}

// command is the Lock without what the locker adds.
func (r *lockingRows) command() command.Lock {
	return command.Lock{
		Table: r.s.Table.ID, Schema: r.s.Table.Version, Mode: r.s.Lock.Mode, Wait: r.s.Lock.Wait,
		Program: r.read.Program, Context: r.read.Context,
	}
}

// candidate is an object that may be returned, with its row as it was found; nil where
// it was not looked at.
type lockCandidate struct {
	id  object.ID
	row []datum.Datum
}

// needed says how many rows are wanted beside those that there are; -1: all.
func (r *lockingRows) needed() int64 {
	if r.first < 0 {
		return -1
	}
	return max(0, r.first-int64(len(r.kept.rows)))
}

// named locks objects by their ids.
func (r *lockingRows) named(ctx context.Context) error {
	ids := r.objects.IDs
	for len(ids) > 0 && r.needed() != 0 {
		n := int64(len(ids))
		if r.needed() > 0 {
			n = min(n, r.needed())
		}
		list := make([]lockCandidate, n)
		for i := range list {
			list[i].id = ids[i]
		}
		if err := r.take(ctx, list); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// take locks candidates, and keeps the rows of those that it gets.
func (r *lockingRows) take(ctx context.Context, list []lockCandidate) error {
	ids := make([]object.ID, len(list))
	for i := range list {
		ids[i] = list[i].id
	}
	got, err := r.tx.locks(ctx, r.e.facts, &job{table: r.s.Table}, r.command(), ids)
	if err != nil {
		return err
	}
	for i := range list {
		row := list[i].row
		if _, own := r.tx.print.Own(ids[i]); own {
			// What it has written is what it sees; nobody else can lock what does not exist.
			if row == nil {
				if row, err = r.ownRow(ctx, ids[i]); err != nil {
					return err
				}
			}
		} else if row = nil; got[i] != nil {
			if row, err = decodeRow(got[i], nil, r.width); err != nil {
				return err
			}
		}
		if err := r.keep(row); err != nil {
			return err
		}
	}
	return nil
}

// ownRow reads an object that the transaction has written; nil where it is not meant.
func (r *lockingRows) ownRow(ctx context.Context, id object.ID) ([]datum.Datum, error) {
	k := &keyRows{read: r.read, width: r.width}
	k.begin(r.e.x, r.e.facts, r.tx, r.s.Table, []object.ID{id})
	defer k.close()
	row, ok, err := k.next(ctx)
	if err != nil || !ok {
		return nil, err
	}
	return cloneRow(row), nil
}

// keep adds a row to the result; nil adds none.
func (r *lockingRows) keep(row []datum.Datum) error {
	if row == nil {
		return nil
	}
	if err := r.memory.take(rowBytes(row)); err != nil {
		return err
	}
	r.kept.rows = append(r.kept.rows, row[:r.s.Columns])
	return nil
}

// search goes through key ranges once, and locks what it finds until there are as many
// rows as are wanted.
func (r *lockingRows) search(ctx context.Context) error {
	tried := make(map[object.ID]bool)
	for limit := r.firstLimit(); ; limit *= 8 {
		found, seen, err := r.searchOnce(ctx, limit, tried)
		if err != nil {
			return err
		}
		if r.needed() == 0 || limit < 0 || !seen || found < limit {
			return nil
		}
	}
}

// firstLimit is how many rows each partition is asked for. Rows in key order, or in none,
// come as they are wanted; others only as so many first ones.
func (r *lockingRows) firstLimit() int64 {
	if r.first < 0 || r.s.Order == nil || r.s.Program.KeyOrder {
		return -1
	}
	return r.first + 64
}

// searchOnce is search with a limit for each partition. found is the number of rows that
// were looked at; seen says that all were.
func (r *lockingRows) searchOnce(ctx context.Context, limit int64, tried map[object.ID]bool) (found int64, seen bool, err error) {
	input, _, err := r.open(limit)
	if err != nil {
		return 0, false, err
	}
	defer input.close()
	var list []lockCandidate
	for {
		row, ok, err := input.next(ctx)
		if err != nil {
			return found, false, err
		}
		if ok {
			found++
			c, err := r.candidate(row)
			if err != nil {
				return found, false, err
			}
			if tried[c.id] {
				continue
			}
			tried[c.id] = true
			list = append(list, c)
		}
		if need := r.needed(); !ok || need > 0 && int64(len(list)) >= need || len(list) >= maxReadTargets {
			if err := r.take(ctx, list); err != nil {
				return found, false, err
			}
			list = nil
		}
		if !ok || r.needed() == 0 {
			return found, !ok, nil
		}
	}
}

// open searches the key ranges; limit bounds the rows of each partition. The scan tells
// the transaction what it has read only when it is adopted.
func (r *lockingRows) open(limit int64) (rows, *scanRows, error) {
	parts, err := r.e.partitions()
	if err != nil {
		return nil, nil, err
	}
	read := r.read
	read.Spans, read.Limit = r.objects.Spans, limit
	order := r.s.Order
	if !r.s.Program.KeyOrder {
		order = nil
	}
	scan := r.e.scan(r.s.Table, read, r.width, order, parts)
	scan.draft = true
	if r.s.Order == nil || order != nil {
		return scan, scan, nil
	}
	return &sortRows{input: scan, order: r.s.Order, first: limit, memory: r.e.memory("The sort")}, scan, nil
}

func (r *lockingRows) candidate(row []datum.Datum) (lockCandidate, error) {
	row = cloneRow(row)
	id, err := plan.KeyOf(r.s.Table, row[r.s.Columns:])
	return lockCandidate{id: id, row: row}, err
}

// confirm searches key ranges and locks what it finds, until all that it finds is
// locked already.
func (r *lockingRows) confirm(ctx context.Context) error {
	wait := waiter{patience: r.e.x.cfg.Patience, rand: r.e.x.cfg.Rand}
	for round := 0; ; round++ {
		if round > r.e.x.cfg.MaxRounds {
			return errImpatient("others change what the transaction is to lock")
		}
		missing, err := r.confirmOnce(ctx)
		if err != nil || missing == nil {
			return err
		}
		if _, err := r.tx.locks(ctx, r.e.facts, &job{table: r.s.Table}, r.command(), missing); err != nil {
			return err
		}
		wait.wanted = round > 3
		if err := wait.pause(ctx, "others change what the transaction is to lock"); err != nil {
			return err
		}
	}
}

// confirmOnce searches once. Without missing ids, its rows are the result.
func (r *lockingRows) confirmOnce(ctx context.Context) (missing []object.ID, err error) {
	input, scan, err := r.open(r.first)
	if err != nil {
		return nil, err
	}
	defer input.close()
	r.kept.rows, r.memory.used = nil, 0
	for r.needed() != 0 {
		row, ok, err := input.next(ctx)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		c, err := r.candidate(row)
		if err != nil {
			return nil, err
		}
		if r.tx.locked[c.id] < r.s.Lock.Mode {
			if o, own := r.tx.print.Own(c.id); !own || o.Revision != 0 {
				missing = append(missing, c.id)
			}
		}
		if err := r.keep(c.row); err != nil {
			return nil, err
		}
	}
	if missing != nil {
		return missing, nil
	}
	return nil, scan.adopt(ctx)
}
