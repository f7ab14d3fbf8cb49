package state

import (
	"errors"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// ground is what a Write is executed on: the partition as a log entry under execution
// has it (entry), with what a transaction has staged (staging), or as a reader sees
// it, who collects what would be changed. It keeps the cells: what is put, removed or
// marked is seen by what follows, and by nobody else before the ground's owner makes
// something of it.
type ground interface {
	source
	// object returns the cell of an object, the same one for the same id.
	object(id object.ID) (*objectCell, error)
	// scan calls each for the objects in a span, ascending, until it returns false.
	// bytes is what there was to read. A cell that each changes is that of its id from
	// then on; others, and all rows, are valid during the call only.
	scan(s command.Span, each func(c *objectCell, bytes int) (more bool, err error)) error
	// clone returns a copy of a row that lasts as long as what is put.
	clone(row []byte) []byte
	// put writes an object; the row is kept. remove deletes one that is there. Both set
	// the cell's command to that of the writing.
	put(c *objectCell, r record)
	remove(c *objectCell)
	// mark and unmark change what is remembered of an id.
	mark(id object.ID, m marker) error
	unmark(id object.ID) error
}

// writing is a Write under execution.
type writing struct {
	on      ground
	view    *view
	command uint64 // that on gives to cells that are changed now
	// revision is that of what is written.
	revision object.Revision
	t        *table
	w        *command.Write
	prog     *program
	worker   *worker
	result   *command.Result
	targets  []*objectCell // of w.Targets
	// versions are the location versions that creates give, by target.
	versions []object.LocationVersion
	spent    *spending
	own      spending // what spent is, unless several share it
}

// spending is what the Writes of one command have used of their bounds.
type spending struct {
	scanned      int // objects
	scannedBytes int
	changed      int // objects
	bytes        int // of rows changed
	returned     int // bytes of RETURNING
}

// full reports whether a Write over spans has to stop.
func (s *spending) full() bool {
	return s.scanned >= maxSpanScanned || s.scannedBytes >= maxSpanScannedBytes || s.changed >= maxSpanChanges ||
		s.bytes >= maxSpanChangedBytes || s.returned >= maxSpanReturned
}

// beginWriting makes a Write ready for run on a ground. The worker is the writing's
// until release. A refusal or an error says that it cannot be executed.
func beginWriting(w *command.Write, on ground, v *view, c *programs, wk *worker) (*writing, *command.Refusal, *pgerror.Error) {
	o := new(writing)
	refusal, failure := o.begin(w, on, v, c, wk)
	if refusal != nil || failure != nil {
		return nil, refusal, failure
	}
	return o, nil, nil
}

// begin is beginWriting on a writing that may have been used before.
func (o *writing) begin(w *command.Write, on ground, v *view, c *programs, wk *worker) (*command.Refusal, *pgerror.Error) {
	t, refusal := v.schema(w.Table, w.Schema)
	if refusal != nil {
		return refusal, nil
	}
	prog, failure := c.get(w.Program)
	if failure == nil {
		failure = checkWrite(w, t, prog)
	}
	if failure == nil {
		failure = wk.start(c, &w.Context, t)
	}
	if failure != nil {
		return nil, failure
	}
	wk.env.LimitWork(commandWork)
	*o = writing{on: on, view: v, t: t, w: w, prog: prog, worker: wk, result: &command.Result{}, targets: o.targets[:0]}
	o.spent = &o.own
	return nil, nil
}

// write executes a Write, all or none. The returned error is a failure of storage;
// what fails as a statement fails is in the result.
func (x *entry) write(w *command.Write) (*command.Result, error) {
	o := &x.writing
	refusal, failure := o.begin(w, x, x.m.live, x.m.programs, &x.m.worker)
	if refusal != nil || failure != nil {
		return &command.Result{Refusal: refusal, Err: failure}, nil
	}
	defer x.m.worker.release()
	o.command, o.revision = x.command, x.revision()
	if len(w.Spans) > 0 {
		x.flush()
		if refusal, err := x.refusesHome(w, o.t); refusal != nil || err != nil {
			return &command.Result{Refusal: refusal}, err
		}
	}
	err := o.run()
	if err == nil {
		return o.result, nil
	}
	var broken storageFailure
	if errors.As(err, &broken) {
		return nil, broken.err
	}
	if len(w.Spans) > 0 {
		x.drop()
	} else {
		x.undo()
	}
	return &command.Result{Err: asError(err)}, nil
}

// storageFailure marks an error of storage among the errors of evaluation.
type storageFailure struct{ err error }

func (f storageFailure) Error() string { return f.err.Error() }

func storageError(err error) error {
	if err == nil {
		return nil
	}
	return storageFailure{err}
}

// checkWrite refuses commands that no planner sends.
func checkWrite(w *command.Write, t *table, prog *program) *pgerror.Error {
	malformed := func(what string) *pgerror.Error {
		return pgerror.New(pgerror.InternalError, "malformed write: %s", what)
	}
	if len(w.Spans) > 0 && (w.Kind == command.Create || len(w.Targets) > 0) {
		return malformed("spans beside targets")
	}
	for i := range w.Targets {
		if w.Targets[i].ID.Table() != w.Table {
			return malformed("object of another table")
		}
		if w.Kind == command.Create && w.Targets[i].Row == nil {
			return malformed("object without a row")
		}
	}
	for _, s := range prog.Set {
		if s.Column < 0 || s.Column >= t.columns {
			return malformed("assignment to a column that does not exist")
		}
	}
	return nil
}

// run executes the Write on its ground. Where it returns an error, which may be a
// storageFailure, what was done to the ground is to be taken back; where the result
// has a refusal nothing was done.
func (o *writing) run() error {
	if len(o.w.Spans) > 0 {
		return o.runSpans()
	}
	refusal, err := o.standings()
	if err != nil {
		return storageError(err)
	}
	if refusal != nil {
		o.result.Refusal = refusal
		return nil
	}
	for i, c := range o.targets {
		if err := o.target(i, c); err != nil {
			return err
		}
	}
	return nil
}

// standings looks all targets up and refuses the command if one of them is not the
// partition's.
func (o *writing) standings() (*command.Refusal, error) {
	o.targets = slices.Grow(o.targets[:0], len(o.w.Targets))[:len(o.w.Targets)]
	creating := o.w.Kind == command.Create
	if creating {
		o.versions = make([]object.LocationVersion, len(o.w.Targets))
	}
	var refusal *command.Refusal
	for i := range o.w.Targets {
		target := &o.w.Targets[i]
		c, err := o.on.object(target.ID)
		if err != nil {
			return nil, err
		}
		o.targets[i] = c
		if c.present {
			continue
		}
		st, where, version, err := o.view.stand(o.t, o.on, target, creating)
		if err != nil {
			return nil, err
		}
		if st == owned && target.Unsure {
			st = elsewhere
		}
		if creating {
			o.versions[i] = version
		}
		refusal = refuseTarget(refusal, st, target.ID, where)
	}
	return refusal, nil
}

// refuseTarget adds a target that is not the partition's to the refusal of a
// command or read. What is elsewhere outweighs what is awaited.
func refuseTarget(r *command.Refusal, st standing, id object.ID, where object.Location) *command.Refusal {
	switch st {
	case elsewhere:
		if r == nil || r.Reason == command.Awaited {
			r = &command.Refusal{Reason: command.Elsewhere}
		}
		r.Objects = append(r.Objects, command.Redirect{ID: id, Location: where})
	case awaited:
		if r == nil {
			r = &command.Refusal{Reason: command.Awaited}
		}
	}
	return r
}

func (o *writing) target(i int, c *objectCell) error {
	if o.w.Kind == command.Create {
		return o.create(i, c)
	}
	if !c.present {
		if c.command != o.command { // deleted by this command: named twice
			o.result.Absent = append(o.result.Absent, i)
		}
		return nil
	}
	if c.command == o.command {
		return nil // named twice: a statement changes an object once
	}
	return o.change(c)
}

// change updates or deletes an object that is there.
func (o *writing) change(c *objectCell) error {
	w := o.worker
	w.env.Row = w.row
	needed := o.prog.needed
	if o.w.Kind == command.Update {
		needed = nil
	}
	if err := o.t.decode(c.record, w.row, needed, o.view.partition); err != nil {
		return err
	}
	ok, err := w.holds(o.prog.Filter)
	if err != nil || !ok {
		return err
	}
	if o.w.Kind == command.Update {
		return o.update(c)
	}
	if err := o.give(); err != nil {
		return err
	}
	o.count(len(c.record.row))
	version := c.record.version
	o.on.remove(c)
	if version > 0 && !o.view.home(o.t, c.id) {
		return storageError(o.on.mark(c.id, marker{kind: vacant, version: version}))
	}
	return nil
}

// update computes Set over env.Row, the object's row (followed by EXCLUDED for DO
// UPDATE), and writes the new row.
func (o *writing) update(c *objectCell) error {
	w := o.worker
	w.values = w.values[:0]
	for i := range o.prog.Set {
		v, err := o.prog.Set[i].Value.Eval(&w.env)
		if err != nil {
			return err
		}
		w.values = append(w.values, v)
	}
	for i := range o.prog.Set {
		column := o.prog.Set[i].Column
		if !o.t.isKey(column) || w.values[i].IsNull() && o.t.desc.Columns[column].NotNull {
			continue // of the latter, the constraint tells
		}
		if w.values[i].IsNull() || !datum.Equal(w.values[i], w.env.Row[column]) {
			return pgerror.NotSupported("an update of the primary key")
		}
	}
	for i := range o.prog.Set {
		w.env.Row[o.prog.Set[i].Column] = w.values[i]
	}
	w.env.Row = w.env.Row[:o.t.width]
	return o.store(c, c.record.version)
}

// store checks env.Row, writes it as the object's row, and returns what it gives.
func (o *writing) store(c *objectCell, version object.LocationVersion) error {
	w := o.worker
	if err := o.t.check(w); err != nil {
		return err
	}
	w.out = datum.AppendRow(w.out[:0], w.env.Row[:o.t.columns])
	if len(w.out) > maxRowBytes {
		return tooBig(len(w.out))
	}
	return o.keep(c, record{version, o.revision, o.on.clone(w.out)})
}

// keep writes an object whose row, env.Row, has passed its checks.
func (o *writing) keep(c *objectCell, r record) error {
	if len(r.row) > maxRowBytes {
		return tooBig(len(r.row))
	}
	o.count(len(r.row))
	o.on.put(c, r)
	o.t.setSystem(o.worker.env.Row, r, o.view.partition)
	return o.give()
}

func (o *writing) count(bytes int) {
	o.result.Affected++
	o.spent.changed++
	o.spent.bytes += bytes
}

// give evaluates RETURNING over env.Row.
func (o *writing) give() error {
	if len(o.prog.Project) == 0 {
		return nil
	}
	row, err := o.worker.project(o.prog.Project)
	if err != nil {
		return err
	}
	o.spent.returned += len(row)
	if o.spent.returned > maxReturned {
		return pgerror.New(pgerror.ProgramLimitExceeded, "RETURNING gives more than %d bytes for one partition", maxReturned)
	}
	o.result.Rows = append(o.result.Rows, row)
	return nil
}

// isKey reports whether a column is in the primary key.
func (t *table) isKey(column int) bool {
	for _, c := range t.desc.PrimaryKey {
		if c == column {
			return true
		}
	}
	return false
}
