package state

import (
	"context"
	"fmt"
	"testing"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/replication"
	"github.com/ssmr/ssmr/internal/storage"
)

// The tables of the tests: both have id integer primary key, n integer not null
// check (n < 1000), s text. Objects of the directory table live where the oracle
// says, those of the static table at home.
const (
	directoryTable object.TableID = 1
	staticTable    object.TableID = 2
	schemaVersion                 = 1
)

func testTable(t testing.TB, id object.TableID) *catalog.Table {
	t.Helper()
	small, err := expr.NewOperator("<", expr.NewColumn(1, datum.Int4, "n"), expr.NewConst(datum.NewInt(1000), datum.Int4))
	if err != nil {
		t.Fatal(err)
	}
	return &catalog.Table{
		ID: id, Version: schemaVersion, Name: fmt.Sprintf("t%d", id),
		Columns: []catalog.Column{
			{Name: "id", Type: datum.Int4, NotNull: true},
			{Name: "n", Type: datum.Int4, NotNull: true},
			{Name: "s", Type: datum.Text},
		},
		PrimaryKey: []int{0}, KeyName: fmt.Sprintf("t%d_pkey", id),
		Checks:    []catalog.Check{{Name: "small", Text: "n < 1000", Expr: expr.Append(nil, small)}},
		Placement: catalog.Placement{Static: id == staticTable},
	}
}

// fixture is a partition's state machine on a store in memory.
type fixture struct {
	t       testing.TB
	store   *storage.Store
	space   *storage.Space
	m       *Machine
	index   uint64
	next    uint64 // sequence of the next command
	log     []replication.Entry
	keepLog bool
	joint   map[uint64]decisions // of entries of the log
	// unsettled has the sender say nothing of answers that it has had.
	unsettled bool
}

func openStore(t testing.TB) *storage.Store {
	t.Helper()
	store, err := storage.Open("state", storage.Options{FS: storage.NewMemFS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func newFixture(t testing.TB, p object.PartitionID) *fixture {
	t.Helper()
	store := openStore(t)
	space, err := store.Space(object.GroupID(p))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, store: store, space: space, keepLog: true}
	f.reopen()
	f.do(&command.InstallTable{Table: testTable(t, directoryTable)})
	f.do(&command.InstallTable{Table: testTable(t, staticTable)})
	return f
}

// reopen is what a restart does.
func (f *fixture) reopen() {
	if f.m != nil {
		f.m.Close()
	}
	p := object.PartitionID(f.space.Group())
	f.m = New(p, Limits{}, Events{})
	if err := f.m.Open(f.space); err != nil {
		f.t.Fatal(err)
	}
}

// allSlots makes the partition the home of every static object.
func (f *fixture) allSlots(version object.LocationVersion) *fixture {
	slots := make([]object.Slot, object.Slots)
	for i := range slots {
		slots[i] = object.Slot(i)
	}
	f.do(&command.InstallSlots{Slots: slots, Version: version})
	return f
}

// entry applies one log entry.
func (f *fixture) entry(commands ...*command.Command) []any {
	f.t.Helper()
	encoded := make([][]byte, len(commands))
	for i, c := range commands {
		encoded[i] = command.AppendCommand(nil, c)
	}
	return f.raw(encoded)
}

func (f *fixture) raw(encoded [][]byte) []any {
	f.t.Helper()
	f.index++
	e := replication.Entry{Index: f.index, Commands: encoded}
	if f.keepLog {
		f.log = append(f.log, e)
	}
	batch := f.space.NewBatch()
	defer batch.Close()
	results, err := f.m.Apply(e, batch)
	if err != nil {
		f.t.Fatalf("apply: %v", err)
	}
	if err := batch.Commit(storage.NoSync); err != nil {
		f.t.Fatal(err)
	}
	f.m.Committed(e.Index)
	return results
}

func (f *fixture) command(body command.Body) *command.Command {
	f.next++
	settled := f.next
	if f.unsettled {
		settled = 0
	}
	return &command.Command{ID: object.CommandID{Node: "a", Incarnation: 1, Sequence: f.next}, Settled: settled, Body: body}
}

// do executes one command in an entry of its own.
func (f *fixture) do(body command.Body) any {
	f.t.Helper()
	return f.entry(f.command(body))[0]
}

func (f *fixture) write(w *command.Write) *command.Result {
	f.t.Helper()
	if w.Schema == 0 {
		w.Schema = schemaVersion
	}
	return f.do(w).(*command.Result)
}

func (f *fixture) read(r *command.Read) *command.Chunk {
	f.t.Helper()
	if r.Schema == 0 {
		r.Schema = schemaVersion
	}
	if r.Program == nil {
		r.Program = projectAll()
	}
	if r.Limit == 0 {
		r.Limit = -1
	}
	q := f.m.Begin(r)
	defer q.Close()
	if err := q.Pin(); err != nil {
		f.t.Fatal(err)
	}
	whole := &command.Chunk{}
	for {
		chunk, err := q.Next(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		whole.Rows = append(whole.Rows, chunk.Rows...)
		whole.Absent = append(whole.Absent, chunk.Absent...)
		whole.Scanned += chunk.Scanned
		if chunk.Err != nil || chunk.Refusal != nil || q.Done() {
			whole.Err, whole.Refusal = chunk.Err, chunk.Refusal
			return whole
		}
	}
}

func idOf(table object.TableID, id int) object.ID {
	key, err := datum.AppendKey(nil, datum.NewInt(int64(id)), datum.Int4)
	if err != nil {
		panic(err)
	}
	return object.NewID(table, key)
}

func rowOf(id, n int, s string) []byte {
	return datum.AppendRow(nil, []datum.Datum{datum.NewInt(int64(id)), datum.NewInt(int64(n)), datum.NewText(s)})
}

func create(table object.TableID, id, n int, version object.LocationVersion) *command.Write {
	return &command.Write{Kind: command.Create, Table: table,
		Targets: []command.Target{{ID: idOf(table, id), Version: version, Row: rowOf(id, n, "s")}}}
}

// increment is UPDATE SET n = n + 1 RETURNING n.
func increment(table object.TableID, id int, version object.LocationVersion) *command.Write {
	return &command.Write{Kind: command.Update, Table: table, Program: incrementProgram(),
		Targets: []command.Target{{ID: idOf(table, id), Version: version}}}
}

func remove(table object.TableID, id int, version object.LocationVersion) *command.Write {
	return &command.Write{Kind: command.Delete, Table: table, Targets: []command.Target{{ID: idOf(table, id), Version: version}}}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var columnN = expr.NewColumn(1, datum.Int4, "n")

func incrementProgram() []byte {
	return command.EncodeProgram(&command.Program{
		Set:     []command.Assignment{{Column: 1, Value: must(expr.NewOperator("+", columnN, expr.NewConst(datum.NewInt(1), datum.Int4)))}},
		Project: []expr.Expr{columnN},
	})
}

func projectAll() []byte {
	return command.EncodeProgram(&command.Program{Project: []expr.Expr{
		expr.NewColumn(0, datum.Int4, "id"), columnN, expr.NewColumn(2, datum.Text, "s"),
	}})
}

func (f *fixture) point(table object.TableID, id int, version object.LocationVersion) *command.Chunk {
	f.t.Helper()
	return f.read(&command.Read{Table: table, Targets: []command.Target{{ID: idOf(table, id), Version: version}}})
}

// values decodes rows of integers and texts for comparison.
func values(t testing.TB, rows [][]byte) string {
	t.Helper()
	s := ""
	for i, row := range rows {
		if i > 0 {
			s += " "
		}
		list, err := datum.DecodeTuple(row, nil)
		if err != nil {
			t.Fatal(err)
		}
		for j, v := range list {
			if j > 0 {
				s += ","
			}
			switch v.Kind() {
			case datum.KindInt:
				s += fmt.Sprint(v.Int())
			case datum.KindNull:
				s += "null"
			default:
				s += v.Text()
			}
		}
	}
	return s
}

// outcome describes a result in a few words.
func outcome(r *command.Result) string {
	switch {
	case r.Refusal != nil:
		return refusalText(r.Refusal)
	case r.Err != nil:
		return r.Err.Code
	case len(r.Absent) > 0:
		return "absent"
	}
	return fmt.Sprint(r.Affected)
}

func chunkOutcome(t testing.TB, c *command.Chunk) string {
	switch {
	case c.Refusal != nil:
		return refusalText(c.Refusal)
	case c.Err != nil:
		return c.Err.Code
	case len(c.Absent) > 0:
		return "absent"
	}
	return values(t, c.Rows)
}

func refusalText(r *command.Refusal) string {
	s := r.Reason.String()
	for _, o := range r.Objects {
		if !o.Location.IsZero() {
			s += " " + o.Location.String()
		}
	}
	return s
}

func (f *fixture) expect(what string, got, want string) {
	f.t.Helper()
	if got != want {
		f.t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

func errorOf(t testing.TB, r *command.Result, code string) *pgerror.Error {
	t.Helper()
	if r.Err == nil || r.Err.Code != code {
		t.Fatalf("got %+v, want an error %s", r, code)
	}
	return r.Err
}

// content returns all that a space holds.
func content(t testing.TB, r storage.Reader) map[string]string {
	t.Helper()
	it, err := r.NewIterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	all := make(map[string]string)
	for ok := it.First(); ok; ok = it.Next() {
		all[string(it.Key())] = string(it.Value())
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func catalogColumn(name string, missing []byte) catalog.Column {
	return catalog.Column{Name: name, Type: datum.Int4, Missing: missing}
}

func testTableOf(t testing.TB, id object.ID) *catalog.Table { return testTable(t, id.Table()) }

func tableName(id object.ID) string { return fmt.Sprintf("t%d", id.Table()) }

func keyOf(id object.ID) int {
	list, err := datum.DecodeKey([]byte(id.Key()), []datum.Type{datum.Int4})
	if err != nil {
		panic(err)
	}
	return int(list[0].Int())
}

// numberOf is n of a stored row.
func numberOf(t testing.TB, row []byte) int {
	t.Helper()
	values := make([]datum.Datum, 3)
	if err := datum.DecodeRow(row, values, nil, nil); err != nil {
		t.Fatal(err)
	}
	return int(values[1].Int())
}

// become replaces the content by that of another replica, as a stream of its state
// does.
func (f *fixture) become(other *fixture) {
	f.t.Helper()
	batch := f.space.NewBatch()
	defer batch.Close()
	batch.DeleteRange(nil, nil)
	for k, v := range content(f.t, other.space) {
		batch.Set([]byte(k), []byte(v))
	}
	if err := batch.Commit(storage.NoSync); err != nil {
		f.t.Fatal(err)
	}
	if err := f.m.Open(f.space); err != nil {
		f.t.Fatal(err)
	}
}
