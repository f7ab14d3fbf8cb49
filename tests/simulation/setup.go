package main

import (
	"fmt"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
	"github.com/ssmr/ssmr/oracle"
	"github.com/ssmr/ssmr/partitions/state"
)

// tables are the two that objects live in: (id integer primary key, v text), a list of
// numbers.
type tables struct {
	directory, static *catalog.Table
	slots             []object.Location
}

func (w *world) table(k int) *catalog.Table {
	if w.keys[k].Static {
		return w.tables.static
	}
	return w.tables.directory
}

// id is the object of a key.
func (w *world) id(k int) object.ID {
	key, err := datum.AppendKey(nil, datum.NewInt(int64(k)), datum.Int4)
	if err != nil {
		panic(err)
	}
	return object.NewID(w.table(k).ID, key)
}

// keyOf is the key of an object.
func (w *world) keyOf(id object.ID) int {
	list, err := datum.DecodeKey([]byte(id.Key()), []datum.Type{datum.Int4})
	if err != nil || len(list) != 1 {
		w.fail("an object id that nobody has made: %x", string(id))
		return 0
	}
	return int(list[0].Int())
}

func row(k int, list string) []byte {
	return datum.AppendRow(nil, []datum.Datum{datum.NewInt(int64(k)), datum.NewText(list)})
}

// programs are what statements compute.
var programs = struct{ read, append, returning []byte }{
	read: command.EncodeProgram(&command.Program{Project: []expr.Expr{columnID, columnV}, KeyOrder: true}),
	append: command.EncodeProgram(&command.Program{
		Set:     []command.Assignment{{Column: 1, Value: operator("||", columnV, expr.NewParam(0, datum.Text))}},
		Project: []expr.Expr{columnID},
	}),
	returning: command.EncodeProgram(&command.Program{Project: []expr.Expr{columnID}}),
}

var (
	columnID = expr.NewColumn(0, datum.Int4, "id")
	columnV  = expr.NewColumn(1, datum.Text, "v")
)

func operator(op string, left, right expr.Expr) expr.Expr {
	e, err := expr.NewOperator(op, left, right)
	if err != nil {
		panic(err)
	}
	return e
}

// spaces numbers the spaces of all runs of the process, which share stores.
var spaces atomic.Uint32

// newWorld sets a cluster up: its partitions, tables, and the objects that are there
// from the beginning.
func newWorld(p *plan, store *storage.Store) *world {
	w := &world{plan: p, store: store, keys: p.Keys, tally: make(map[string]int)}
	for n := range p.Nodes {
		node := &node{w: w, n: n, name: object.NodeID(fmt.Sprintf("n%d", n+1))}
		node.rng = w.random(string(node.name))
		node.start()
		w.nodes = append(w.nodes, node)
	}
	for g := range p.Partitions + 1 {
		w.addGroup(object.GroupID(g))
	}
	w.found()
	for k := range w.keys {
		if w.keys[k].Lasting {
			w.create(k)
		}
	}
	return w
}

// addGroup makes a group of two replicas.
func (w *world) addGroup(id object.GroupID) {
	g := &group{w: w, id: id, rng: w.random(fmt.Sprintf("group %d", id)), term: 1}
	g.machine = func(r *replica) stateMachine {
		if id == object.OracleGroup {
			return oracle.NewMachine(nil)
		}
		return state.New(object.PartitionID(id), state.Limits{}, state.Events{Arrived: r.wakeArrived})
	}
	for i := range 2 {
		space, err := w.store.Space(object.GroupID(spaces.Add(1)))
		if err != nil {
			w.fail("%v", err)
			return
		}
		r := &replica{g: g, node: w.nodes[(int(id)+i)%len(w.nodes)], space: space}
		g.replicas = append(g.replicas, r)
		r.open()
	}
	g.leader = g.replicas[0]
	g.leader.ready = true
	w.groups = append(w.groups, g)
}

// do applies a command on all replicas at once, before time begins.
func (g *group) do(encoded []byte) any {
	var outcome any
	g.flight = []*proposal{{command: encoded, reply: func(v any, err error) { outcome = v }}}
	e := logEntry{term: g.term, commands: [][]byte{encoded}}
	g.log = append(g.log, e)
	g.flight[0].index = uint64(len(g.log))
	g.waiting, g.flight = g.flight, nil
	for _, r := range g.replicas {
		for r.applied < uint64(len(g.log)) && g.w.failure == nil {
			r.step()
		}
	}
	return outcome
}

func (w *world) oracleGroup() *group { return w.groups[0] }

func (w *world) partition(p object.PartitionID) *group { return w.groups[p] }

// command applies a command on a partition, before time begins.
func (w *world) command(p object.PartitionID, body command.Body) any {
	encoded, sequence := w.nodes[0].command(p, body)
	w.nodes[0].lane(p).end(sequence)
	return w.partition(p).do(encoded)
}

// found makes partitions and tables known.
func (w *world) found() {
	var partitions []catalog.Partition
	for _, g := range w.groups[1:] {
		partitions = append(partitions, catalog.Partition{ID: object.PartitionID(g.id), Replicas: []object.NodeID{"n1"}})
	}
	o := w.oracleGroup()
	o.do(oracle.InitialiseEntry(partitions))
	machine := o.leader.machine.(*oracle.Machine)
	make := func(name string, static bool) *catalog.Table {
		id := oracle.CreatedTable(o.do(oracle.CreateTableEntry(oracle.RequestID{byte(len(name))}, catalog.TableSpec{Table: &catalog.Table{
			Name: name, KeyName: name + "_pkey", PrimaryKey: []int{0}, Placement: catalog.Placement{Policy: name, Static: static},
			Columns: []catalog.Column{{Name: "id", Type: datum.Int4, NotNull: true}, {Name: "v", Type: datum.Text}},
		}})))
		t := machine.Snapshot().Tables[id]
		if t == nil {
			panic("the oracle has not made a table")
		}
		return t
	}
	w.tables.directory, w.tables.static = make("directory", false), make("hash", true)
	w.tables.slots = machine.Snapshot().Slots
	for _, g := range w.groups[1:] {
		p := object.PartitionID(g.id)
		slots := &command.InstallSlots{Version: w.tables.slots[0].Version}
		for s, l := range w.tables.slots {
			if l.Partition == p {
				slots.Slots = append(slots.Slots, object.Slot(s))
			}
		}
		w.command(p, slots)
		w.command(p, &command.InstallTable{Table: w.tables.directory})
		w.command(p, &command.InstallTable{Table: w.tables.static})
	}
}

// home is where the static rule puts an object.
func (w *world) home(k int) object.PartitionID {
	return w.tables.slots[w.table(k).Slot(w.id(k))].Partition
}

// create makes a lasting object, empty.
func (w *world) create(k int) {
	id := w.id(k)
	at := object.Location{Partition: w.home(k)}
	if !w.keys[k].Static {
		to := object.PartitionID(1 + k%w.plan.Partitions)
		at, _ = oracle.Assigned(w.oracleGroup().do(oracle.AssignEntry([]catalog.Assignment{{ID: id, Partition: to}})), 0)
	}
	t := w.table(k)
	r := w.command(at.Partition, &command.Write{
		Kind: command.Create, Table: t.ID, Schema: t.Version,
		Targets: []command.Target{{ID: id, Version: at.Version, Row: row(k, "")}},
	}).(*command.Result)
	if r.Affected != 1 {
		w.fail("object %d was not created: %+v", k, r)
	}
}
