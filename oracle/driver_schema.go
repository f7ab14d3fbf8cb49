package oracle

import (
	"errors"
	"fmt"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

const (
	// adoptAtOnce is the number of objects that are given entries in one log entry.
	adoptAtOnce = 2048
	// cleanAtOnce is the number of entries that one log entry removes.
	cleanAtOnce = 2048
)

// job does what the job's phase needs and takes it to the next one. Whatever it
// does, another driver may have done before.
func (d *driver) job(j *job) {
	var failure *pgerror.Error
	ok := false
	switch j.Phase {
	case phaseFence:
		ok = d.fence(j)
	case phaseAdopt:
		ok = d.adoptAll(j)
	case phaseVerify:
		failure, ok = d.verify(j)
	case phaseInstall:
		ok = d.install(j)
	case phaseClean:
		ok = d.cleanUp(j)
	}
	if !ok {
		return
	}
	d.retry(fmt.Sprintf("schema change %d", j.ID), d.liveJob(j), func() error {
		_, err := d.propose(d.ctx, &advance{Job: j.ID, From: j.Phase, Err: failure})
		return err
	})
}

// liveJob says whether a job is still in its phase: a task may begin late.
func (d *driver) liveJob(j *job) func() bool {
	return func() bool {
		d.machine.mu.RLock()
		defer d.machine.mu.RUnlock()
		now := d.machine.st.jobs[j.ID]
		return now != nil && now.Phase == j.Phase
	}
}

// fence has all partitions refuse what was planned against older descriptors, and
// waits until no object of a table that will have entries is on its way.
func (d *driver) fence(j *job) bool {
	tables := j.Tables
	if j.Kind == jobAlter {
		tables = []*catalog.Table{d.machine.table(j.Base.ID)}
	}
	if !d.tell("fence", j, tables, nil) {
		return false
	}
	for j.Adopt {
		changed := d.machine.changed.wait()
		if !d.machine.underWay(j.Base.ID) {
			break
		}
		select {
		case <-changed:
		case <-d.ctx.Done():
			return false
		}
	}
	return true
}

// underWay reports whether objects of a table are being moved or released.
func (m *Machine) underWay(table object.TableID) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, b := range m.st.batches {
		if b.table == table && !b.done {
			return true
		}
	}
	return false
}

// tell gives all partitions descriptors, and has them drop tables.
func (d *driver) tell(what string, j *job, tables, dropped []*catalog.Table) bool {
	return d.everywhere(what, d.liveJob(j), func(p object.PartitionID) error {
		for _, t := range tables {
			if t == nil || d.overtaken(t) {
				continue
			}
			if _, err := d.execute(p, t.ID, &command.InstallTable{Table: t}); err != nil {
				return err
			}
		}
		for _, t := range dropped {
			if _, err := d.execute(p, 0, &command.DropTable{Table: t.ID}); err != nil {
				return err
			}
		}
		return nil
	})
}

// overtaken reports whether a table has a newer descriptor, or was dropped: then
// partitions need not, or must not, hear of this one.
func (d *driver) overtaken(t *catalog.Table) bool {
	now := d.machine.table(t.ID)
	return now == nil || now.Version > t.Version
}

// install tells all partitions the outcome of a job.
func (d *driver) install(j *job) bool {
	switch j.Kind {
	case jobSlots:
		return d.installSlots(j)
	case jobDrop, jobTruncate:
		return d.tell("drop", j, j.New, j.Tables)
	}
	return d.tell("install", j, []*catalog.Table{j.Table}, nil)
}

func (d *driver) installSlots(j *job) bool {
	slots := d.machine.slots()
	return d.everywhere("slots", d.liveJob(j), func(p object.PartitionID) error {
		c := &command.InstallSlots{}
		for i, l := range slots {
			c.Version = max(c.Version, l.Version)
			if l.Partition == p {
				c.Slots = append(c.Slots, object.Slot(i))
			}
		}
		_, err := d.execute(p, 0, c)
		return err
	})
}

func (m *Machine) slots() []object.Location {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.st.slots
}

// cleanUp removes the directory's entries of dropped tables.
func (d *driver) cleanUp(j *job) bool {
	for more := true; more; {
		if !d.retry(fmt.Sprintf("clean up after job %d", j.ID), d.liveJob(j), func() error {
			result, err := d.propose(d.ctx, &clean{job: j.ID, limit: cleanAtOnce})
			if err == nil {
				more = result.(bool)
			}
			return err
		}) {
			return false
		}
	}
	return true
}

// whole is the range of all objects of a table.
func whole(t object.TableID) []command.Span {
	return []command.Span{{Start: object.NewID(t, nil), End: object.NewID(t+1, nil)}}
}

// scan reads all objects of a fenced table in one partition, as far as program
// wants them; rows are handed over until it returns false.
func (d *driver) scan(p object.PartitionID, t *catalog.Table, program *command.Program, limit int64, rows func(rows [][]byte) (bool, error)) error {
	read := &command.Read{Table: t.ID, Schema: t.Version, Spans: whole(t.ID), Program: command.EncodeProgram(program), Limit: limit}
	chunk, err := d.partitions.Read(d.ctx, p, read)
	for {
		switch {
		case err != nil:
			return err
		case chunk.Refusal != nil && chunk.Refusal.Reason == command.SchemaNew:
			if _, err = d.execute(p, t.ID, &command.InstallTable{Table: t}); err != nil {
				return err
			}
			return &refused{p, chunk.Refusal}
		case chunk.Refusal != nil:
			return &refused{p, chunk.Refusal}
		case chunk.Err != nil:
			return chunk.Err
		}
		more, err := rows(chunk.Rows)
		if err != nil || !more || chunk.Cursor.IsZero() {
			if !chunk.Cursor.IsZero() {
				d.partitions.CloseCursor(p, chunk.Cursor)
			}
			return err
		}
		chunk, err = d.partitions.Next(d.ctx, p, chunk.Cursor)
		if err != nil {
			return err
		}
	}
}

// adoptAll gives all objects of a table that was static entries.
func (d *driver) adoptAll(j *job) bool {
	t := d.machine.table(j.Base.ID)
	if t == nil {
		return false
	}
	program := &command.Program{}
	types := t.KeyTypes()
	for i, c := range t.PrimaryKey {
		program.Project = append(program.Project, expr.NewColumn(c, types[i], t.Columns[c].Name))
	}
	return d.everywhere("adopt", d.liveJob(j), func(p object.PartitionID) error {
		c := &adopt{job: j.ID, partition: p}
		flush := func() error {
			if len(c.ids) == 0 {
				return nil
			}
			_, err := d.propose(d.ctx, c)
			c.ids = c.ids[:0]
			return err
		}
		err := d.scan(p, t, program, -1, func(rows [][]byte) (bool, error) {
			for _, row := range rows {
				id, err := idOfRow(t.ID, row, types)
				if err != nil {
					return false, err
				}
				if c.ids = append(c.ids, id); len(c.ids) >= adoptAtOnce {
					if err := flush(); err != nil {
						return false, err
					}
				}
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		return flush()
	})
}

// idOfRow makes an object id of a row that holds its key.
func idOfRow(table object.TableID, row []byte, types []datum.Type) (object.ID, error) {
	values, err := datum.DecodeTuple(row, nil)
	if err != nil {
		return "", err
	}
	if len(values) != len(types) {
		return "", errors.New("oracle: a row of a scan has another width")
	}
	var key []byte
	for i, v := range values {
		if key, err = datum.AppendKey(key, v, types[i]); err != nil {
			return "", err
		}
	}
	return object.NewID(table, key), nil
}

// violation is what no object of a table may be.
type violation struct {
	filter expr.Expr // nil: any object
	err    *pgerror.Error
}

// violations lists what a change has to look for.
func violations(t *catalog.Table, c *catalog.Change) ([]violation, *pgerror.Error) {
	var list []violation
	containsNulls := func(i int) *pgerror.Error {
		err := pgerror.New(pgerror.NotNullViolation, "column \"%s\" of relation \"%s\" contains null values", t.Columns[i].Name, t.Name)
		err.Schema, err.Table, err.Column = "public", t.Name, t.Columns[i].Name
		return err
	}
	for _, i := range c.Empty {
		list = append(list, violation{err: containsNulls(i)})
	}
	for _, i := range c.NotNull {
		filter, err := expr.NewIsNull(expr.NewColumn(i, t.Columns[i].Type, t.Columns[i].Name), false)
		if err != nil {
			return nil, asPostgres(err)
		}
		list = append(list, violation{filter, containsNulls(i)})
	}
	for _, i := range c.Checks {
		check := &t.Checks[i]
		holds, err := expr.Decode(check.Expr)
		if err != nil {
			return nil, asPostgres(err)
		}
		filter, err := expr.NewNot(holds)
		if err != nil {
			return nil, asPostgres(err)
		}
		failure := pgerror.New(pgerror.CheckViolation, "check constraint \"%s\" of relation \"%s\" is violated by some row", check.Name, t.Name)
		failure.Schema, failure.Table, failure.Constraint = "public", t.Name, check.Name
		list = append(list, violation{filter, failure})
	}
	return list, nil
}

func asPostgres(err error) *pgerror.Error {
	if e := pgerror.As(err); e != nil {
		return e
	}
	return pgerror.New(pgerror.InternalError, "%v", err)
}

// verify looks for objects that the new descriptor does not allow. Its failure is
// the change's.
func (d *driver) verify(j *job) (failure *pgerror.Error, ok bool) {
	t := d.machine.table(j.Base.ID)
	if t == nil {
		return nil, false
	}
	list, failure := violations(t, j.Change)
	if failure != nil {
		return failure, true
	}
	for _, v := range list {
		program := &command.Program{Filter: v.filter}
		for _, p := range d.machine.partitionIDs() {
			if !d.retry("verify", d.liveJob(j), func() error {
				failure = nil
				err := d.scan(p, t, program, 1, func(rows [][]byte) (bool, error) {
					if len(rows) > 0 {
						failure = v.err
						return false, nil
					}
					return true, nil
				})
				if e := pgerror.As(err); e != nil && isDataError(e) {
					failure, err = e, nil
				}
				return err
			}) {
				return nil, false
			}
			if failure != nil {
				return failure, true
			}
		}
	}
	return nil, true
}

// isDataError reports whether an error came from evaluating an expression over a
// row, so that it would come again: classes 22 and 42, and what limits a program.
func isDataError(e *pgerror.Error) bool {
	switch e.Code[:min(2, len(e.Code))] {
	case "22", "23", "42", "54", "0A":
		return true
	}
	return false
}
