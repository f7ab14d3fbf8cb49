package oracle

import (
	"encoding/binary"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// jobKind says what a job changes. On disk: append only.
type jobKind uint8

const (
	jobSlots    jobKind = iota + 1 // tell partitions which slots they own
	jobCreate                      // a new table
	jobAlter                       // a new descriptor
	jobDrop                        // tables are removed
	jobTruncate                    // tables are replaced by empty ones
)

// phase says how far a job has come. On disk: append only.
type phase uint8

const (
	phaseFence   phase = iota + 1 // partitions are being told to refuse older descriptors
	phaseAdopt                    // objects of a table that was static are given entries
	phaseVerify                   // existing objects are checked
	phaseInstall                  // partitions are being told the outcome
	phaseClean                    // entries of dropped tables are removed
)

// job is a change that needs more than one log entry. The oracle's leader drives
// it from phase to phase; each step may be done again.
type job struct {
	ID      uint64
	Kind    jobKind
	Phase   phase
	Request RequestID
	// Table is what the job makes public: a created or altered table.
	Table *catalog.Table `json:",omitempty"`
	// Base is what an altered table was.
	Base   *catalog.Table  `json:",omitempty"`
	Change *catalog.Change `json:",omitempty"` // without its descriptors
	Adopt  bool            `json:",omitempty"`
	// Tables are those that are dropped or truncated, New what takes the places of
	// the truncated.
	Tables  []*catalog.Table `json:",omitempty"`
	New     []*catalog.Table `json:",omitempty"`
	Restart bool             `json:",omitempty"` // sequences begin anew
	Err     *pgerror.Error   `json:",omitempty"` // why it was taken back
}

// request is a schema change as its sender sees it.
type request struct {
	Sequence uint64
	ID       RequestID
	Job      uint64 // 0 where nothing is to be waited for
	Done     bool
	Created  bool           // CreateTable made the table
	Table    object.TableID `json:",omitempty"`
	Err      *pgerror.Error `json:",omitempty"`
}

// schemaAnswer is what Apply returns for a schema change.
type schemaAnswer struct {
	request request
	// busy says that another change of the table is under way: send again when it
	// has ended. Nothing was noted of the request.
	busy bool
}

// schemaChange runs fn unless the request was seen before.
func (t *tx) schemaChange(id RequestID, fn func(r *request) (busy bool)) schemaAnswer {
	if r := t.requests[id]; r != nil {
		return schemaAnswer{request: *r}
	}
	r := &request{ID: id}
	if len(t.jobs) >= maxJobs || fn(r) {
		return schemaAnswer{busy: true}
	}
	r.Done = r.Job == 0
	r.Sequence = t.NextRequest
	t.NextRequest++
	t.requests[id] = r
	t.order = append(t.order, r)
	t.saveRequest(r)
	if len(t.order) > maxRequests { // those that are not done are fewer: at most one for each job
		i := slices.IndexFunc(t.order, func(r *request) bool { return r.Done })
		old := t.order[i]
		t.order = slices.Delete(t.order, i, i+1)
		delete(t.requests, old.ID)
		t.b.Delete(numberKey(keyRequest, old.Sequence))
	}
	return schemaAnswer{request: *r}
}

func (t *tx) saveRequest(r *request) { t.setJSON(numberKey(keyRequest, r.Sequence), r) }

func (t *tx) newJob(kind jobKind, p phase, r RequestID) *job {
	j := &job{ID: t.tick(), Kind: kind, Phase: p, Request: r}
	t.jobs[j.ID] = j
	t.changed = true
	return j
}

func (t *tx) saveJob(j *job) { t.setJSON(numberKey(keyJob, j.ID), j) }

func tableKey(id object.TableID) []byte {
	return binary.BigEndian.AppendUint32([]byte{keyTable}, uint32(id))
}

// setTable makes a descriptor the table's present one.
func (t *tx) setTable(d *catalog.Table) {
	t.tables[d.ID] = d
	t.names[d.Name] = d.ID
	t.setJSON(tableKey(d.ID), d)
	t.catalog, t.changed = true, true
}

func (t *tx) removeTable(d *catalog.Table) {
	delete(t.tables, d.ID)
	delete(t.names, d.Name)
	t.b.Delete(tableKey(d.ID))
	t.catalog, t.changed = true, true
}

func (t *tx) sequenceKey(k sequenceKey) []byte {
	key := binary.BigEndian.AppendUint32([]byte{keySequence}, uint32(k.table))
	return binary.BigEndian.AppendUint16(key, uint16(k.column))
}

func (t *tx) setSequence(k sequenceKey, next int64) {
	t.sequences[k] = next
	t.b.Set(t.sequenceKey(k), binary.BigEndian.AppendUint64(nil, uint64(next)))
}

// takeSequences moves the sequences of a table to its successor, or ends them.
func (t *tx) takeSequences(old, successor *catalog.Table) {
	for column := range old.Columns {
		k := sequenceKey{old.ID, column}
		next, ok := t.sequences[k]
		if !ok {
			continue
		}
		delete(t.sequences, k)
		t.b.Delete(t.sequenceKey(k))
		if successor != nil {
			t.setSequence(sequenceKey{successor.ID, column}, next)
		}
	}
}

// initialise founds the cluster. A cluster that has its partitions keeps them.
func (t *tx) initialise(c *initialise) *pgerror.Error {
	if t.Initialised {
		return nil
	}
	if err := checkPartitions(c.Partitions); err != nil {
		return err
	}
	version := object.LocationVersion(t.tick())
	slots := make([]object.Location, object.Slots)
	for i := range slots {
		slots[i] = object.Location{Partition: c.Partitions[i%len(c.Partitions)].ID, Version: version}
	}
	t.partitions, t.slots = c.Partitions, slots
	t.Initialised = true
	t.catalog = true
	t.b.Set([]byte{keyCluster}, appendCluster(nil, t.partitions, t.slots))
	t.saveJob(t.newJob(jobSlots, phaseInstall, RequestID{}))
	return nil
}

func checkPartitions(partitions []catalog.Partition) *pgerror.Error {
	if len(partitions) == 0 || len(partitions) > maxPartitions {
		return pgerror.New(pgerror.InvalidParameterValue, "a cluster has 1 to %d partitions, not %d", maxPartitions, len(partitions))
	}
	last := object.PartitionID(0)
	for _, p := range partitions {
		if p.ID <= last {
			return pgerror.New(pgerror.InvalidParameterValue, "partitions must be numbered from 1 in ascending order")
		}
		if len(p.Replicas) == 0 {
			return pgerror.New(pgerror.InvalidParameterValue, "partition %d has no replica", p.ID)
		}
		last = p.ID
	}
	return nil
}

// nameTaken returns the refusal of a name that is in use; busy where the table
// that has it is being changed, so that it may become free.
func (t *tx) nameTaken(name string) (err *pgerror.Error, busy bool) {
	id, taken := t.names[name]
	if !taken {
		return nil, false
	}
	if other := t.tables[id]; other != nil && other.Fenced {
		return nil, true
	}
	return pgerror.New(pgerror.DuplicateTable, "relation \"%s\" already exists", name), false
}

func (t *tx) createTable(c *createTable) schemaAnswer {
	return t.schemaChange(c.Request, func(r *request) bool {
		d := *c.Spec.Table
		err, busy := t.nameTaken(d.Name)
		switch {
		case busy:
			return true
		case err != nil && c.Spec.IfNotExists:
			r.Table = t.names[d.Name]
			return false
		case err != nil:
			r.Err = err
			return false
		case len(t.tables) >= maxTables:
			r.Err = pgerror.New(pgerror.ProgramLimitExceeded, "there are %d tables already, and there can be no more", len(t.tables))
			return false
		}
		if r.Err = t.policyExists(&d.Placement); r.Err != nil {
			return false
		}
		j := t.newJob(jobCreate, phaseInstall, c.Request)
		d.ID, d.Version, d.Fenced = t.NextTable, object.SchemaVersion(j.ID), false
		t.NextTable++
		j.Table = &d
		t.setTable(&d)
		t.saveJob(j)
		r.Job, r.Table, r.Created = j.ID, d.ID, true
		return false
	})
}

// current returns the table that a reference means, or why it does not.
func (t *tx) current(ref catalog.TableRef) (*catalog.Table, *pgerror.Error) {
	d := t.tables[ref.ID]
	if d == nil || d.Version != ref.Version || d.Fenced {
		return nil, pgerror.New(pgerror.SerializationFailure, "table \"%s\" was changed by another statement", ref.Name)
	}
	return d, nil
}

// fence makes a descriptor that no statement may start on.
func (t *tx) fence(d *catalog.Table) *catalog.Table {
	f := *d
	f.Version, f.Fenced = object.SchemaVersion(t.tick()), true
	t.setTable(&f)
	return &f
}

func (t *tx) alterTable(c *alterTable) schemaAnswer {
	return t.schemaChange(c.Request, func(r *request) bool {
		base, err := t.current(c.Change.Base)
		if err == nil {
			err = checkChange(base, &c.Change)
		}
		if err == nil {
			err = t.policyExists(&c.Change.Table.Placement)
		}
		if err != nil {
			r.Err = err
			return false
		}
		next := *c.Change.Table
		next.ID, next.Fenced = base.ID, true
		if next.Name != base.Name {
			err, busy := t.nameTaken(next.Name)
			if r.Err = err; busy || err != nil {
				return busy
			}
			t.names[next.Name] = base.ID
		}
		j := t.newJob(jobAlter, phaseFence, c.Request)
		// A table that has had entries for all its objects keeps them, and one whose
		// objects lived where another rule put them gets entries.
		if stays := sameRule(&base.Placement, &next.Placement); !stays {
			next.Placement.Static = false
			next.Placement.Columns = nil
			j.Adopt = base.Placement.Static
		}
		fenced := next
		fenced.Name = base.Name
		j.Table, j.Base = &next, base
		j.Change = &catalog.Change{Base: c.Change.Base, NotNull: c.Change.NotNull, Checks: c.Change.Checks, Empty: c.Change.Empty}
		t.fence(&fenced)
		t.saveJob(j)
		r.Job, r.Table = j.ID, base.ID
		return false
	})
}

// sameRule reports whether objects without entries are where they were.
func sameRule(a, b *catalog.Placement) bool {
	return a.Static == b.Static && slices.Equal(a.Columns, b.Columns)
}

func checkChange(base *catalog.Table, c *catalog.Change) *pgerror.Error {
	next := c.Table
	if len(next.Columns) < len(base.Columns) || !slices.Equal(next.PrimaryKey, base.PrimaryKey) {
		return pgerror.NotSupported("changing the primary key of a table, or the places of its columns,")
	}
	for _, list := range [][]int{c.NotNull, c.Empty} {
		for _, i := range list {
			if i < 0 || i >= len(next.Columns) {
				return pgerror.New(pgerror.InternalError, "a change names column %d of %d", i, len(next.Columns))
			}
		}
	}
	for _, i := range c.Checks {
		if i < 0 || i >= len(next.Checks) {
			return pgerror.New(pgerror.InternalError, "a change names constraint %d of %d", i, len(next.Checks))
		}
	}
	return nil
}

func (t *tx) dropTables(c *dropTables) schemaAnswer {
	return t.schemaChange(c.Request, func(r *request) bool {
		t.fenceAll(jobDrop, c.Request, c.Drop.Tables, r)
		return false
	})
}

func (t *tx) truncate(c *truncate) schemaAnswer {
	return t.schemaChange(c.Request, func(r *request) bool {
		if j := t.fenceAll(jobTruncate, c.Request, c.Truncate.Tables, r); j != nil {
			j.Restart = c.Truncate.RestartIdentity
			t.saveJob(j)
		}
		return false
	})
}

// fenceAll begins a job that takes tables away; nil where one is not current.
func (t *tx) fenceAll(kind jobKind, id RequestID, refs []catalog.TableRef, r *request) *job {
	var tables []*catalog.Table
	for _, ref := range refs {
		d, err := t.current(ref)
		if err != nil {
			r.Err = err
			return nil
		}
		if !slices.Contains(tables, d) {
			tables = append(tables, d)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	j := t.newJob(kind, phaseFence, id)
	for _, d := range tables {
		j.Tables = append(j.Tables, t.fence(d))
	}
	t.saveJob(j)
	r.Job = j.ID
	return j
}

// advance takes a job from one phase to the next. A step that was taken already is
// not taken again.
func (t *tx) advance(c *advance) {
	j := t.jobs[c.Job]
	if j == nil || j.Phase != c.From {
		return
	}
	t.changed = true
	switch {
	case j.Phase == phaseInstall && (j.Kind == jobDrop || j.Kind == jobTruncate):
		t.answer(j)
		j.Phase = phaseClean
	case j.Phase >= phaseInstall:
		t.answer(j)
		delete(t.jobs, j.ID)
		t.b.Delete(numberKey(keyJob, j.ID))
		return
	case j.Kind == jobAlter:
		t.advanceAlter(j, c.Err)
	default:
		t.takeAway(j)
	}
	t.saveJob(j)
}

// advanceAlter goes on with a change before it is public.
func (t *tx) advanceAlter(j *job, failure *pgerror.Error) {
	switch {
	case failure != nil:
		j.Err = failure
		t.takeBack(j)
	case j.Phase == phaseFence && j.Adopt:
		j.Phase = phaseAdopt
	case j.Phase != phaseVerify && len(j.Change.NotNull)+len(j.Change.Checks)+len(j.Change.Empty) > 0:
		j.Phase = phaseVerify
	default:
		t.publish(j, j.Table)
		if j.Base.Name != j.Table.Name {
			delete(t.names, j.Base.Name)
		}
	}
}

// publish makes the outcome of a change public.
func (t *tx) publish(j *job, d *catalog.Table) {
	public := *d
	public.Version, public.Fenced = object.SchemaVersion(t.tick()), false
	t.setTable(&public)
	j.Table, j.Phase = &public, phaseInstall
}

// takeBack makes the old descriptor public again. A table that has been given
// entries is not static any more.
func (t *tx) takeBack(j *job) {
	if j.Table.Name != j.Base.Name {
		delete(t.names, j.Table.Name)
	}
	base := *j.Base
	if j.Adopt {
		base.Placement.Static = false
		base.Placement.Columns = nil
	}
	t.publish(j, &base)
}

// takeAway removes fenced tables, and puts empty ones in the places of those that
// are truncated.
func (t *tx) takeAway(j *job) {
	for _, old := range j.Tables {
		if j.Kind == jobDrop {
			t.takeSequences(old, nil)
			t.removeTable(old)
			continue
		}
		d := *old
		d.ID, d.Version, d.Fenced = t.NextTable, object.SchemaVersion(t.tick()), false
		t.NextTable++
		if j.Restart {
			t.takeSequences(old, nil)
		} else {
			t.takeSequences(old, &d)
		}
		t.removeTable(old)
		t.setTable(&d)
		j.New = append(j.New, &d)
	}
	j.Phase = phaseInstall
}

// answer tells the sender of a job's request that it is done.
func (t *tx) answer(j *job) {
	if r := t.requests[j.Request]; r != nil && !r.Done {
		r.Done, r.Err = true, j.Err
		t.saveRequest(r)
	}
}
