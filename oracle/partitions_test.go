package oracle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// memoryPartitions is a model of partitions: it keeps the rules of ownership that
// DESIGN.md states, and nothing else.
type memoryPartitions struct {
	mu  sync.Mutex
	all map[object.PartitionID]*memoryPartition
	// before is called before a command is executed, after when it was; an error is
	// that of Execute.
	before, after func(p object.PartitionID, body command.Body) error
	most          int // objects that one departure has room for; 0: all
}

type memoryObject struct {
	row     string
	version object.LocationVersion
}

type memoryMarker struct {
	released bool
	version  object.LocationVersion
	to       object.PartitionID
}

type arrival struct {
	move object.LocationVersion
	id   object.ID
}

// memoryPartition is one partition.
type memoryPartition struct {
	id       object.PartitionID
	objects  map[object.ID]memoryObject
	markers  map[object.ID]memoryMarker
	outgoing map[object.LocationVersion]*command.Departed // nil: settled
	arrivals map[arrival]bool
	tables   map[object.TableID]*catalog.Table
	dropped  map[object.TableID]bool
	slots    map[object.Slot]bool
	floor    object.LocationVersion
	most     int
}

func newPartitions(n int) *memoryPartitions {
	m := &memoryPartitions{all: make(map[object.PartitionID]*memoryPartition)}
	for i := range n {
		p := object.PartitionID(i + 1)
		m.all[p] = &memoryPartition{
			id: p, objects: make(map[object.ID]memoryObject), markers: make(map[object.ID]memoryMarker),
			outgoing: make(map[object.LocationVersion]*command.Departed), arrivals: make(map[arrival]bool),
			tables: make(map[object.TableID]*catalog.Table), dropped: make(map[object.TableID]bool),
			slots: make(map[object.Slot]bool),
		}
	}
	return m
}

func (m *memoryPartitions) Execute(ctx context.Context, p object.PartitionID, body command.Body) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.before != nil {
		if err := m.before(p, body); err != nil {
			return nil, err
		}
	}
	m.all[p].most = m.most
	outcome := m.all[p].execute(body)
	if m.after != nil {
		if err := m.after(p, body); err != nil {
			return nil, err
		}
	}
	return outcome, nil
}

func (p *memoryPartition) execute(body command.Body) any {
	switch b := body.(type) {
	case *command.Depart:
		return p.depart(b)
	case *command.Arrive:
		return p.arrive(b)
	case *command.Settle:
		for _, move := range b.Moves {
			if _, known := p.outgoing[move]; known && !b.Arrived {
				p.outgoing[move] = nil
			}
		}
	case *command.InstallTable:
		if p.dropped[b.Table.ID] {
			return &command.Result{Refusal: &command.Refusal{Reason: command.SchemaOld}}
		}
		if old := p.tables[b.Table.ID]; old == nil || old.Version < b.Table.Version {
			p.tables[b.Table.ID] = b.Table
		}
	case *command.DropTable:
		p.dropped[b.Table] = true
		delete(p.tables, b.Table)
		maps.DeleteFunc(p.objects, func(id object.ID, _ memoryObject) bool { return id.Table() == b.Table })
		maps.DeleteFunc(p.markers, func(id object.ID, _ memoryMarker) bool { return id.Table() == b.Table })
	case *command.InstallSlots:
		for _, s := range b.Slots {
			p.slots[s] = true
		}
	case *command.RaiseFloor:
		p.raise(b.Floor)
	default:
		panic(fmt.Sprintf("the model does not know %T", body))
	}
	return &command.Result{}
}

func (p *memoryPartition) raise(floor object.LocationVersion) {
	if floor <= p.floor {
		return
	}
	p.floor = floor
	maps.DeleteFunc(p.outgoing, func(m object.LocationVersion, _ *command.Departed) bool { return m < floor })
	maps.DeleteFunc(p.arrivals, func(a arrival, _ bool) bool { return a.move < floor })
	maps.DeleteFunc(p.markers, func(id object.ID, m memoryMarker) bool { return m.version < floor && !p.home(id) })
}

func (p *memoryPartition) home(id object.ID) bool {
	t := p.tables[id.Table()]
	return t != nil && t.Placement.Static && p.slots[t.Slot(id)]
}

func (p *memoryPartition) depart(b *command.Depart) *command.Departed {
	if b.Move < p.floor {
		return &command.Departed{Refusal: &command.Refusal{Reason: command.Superseded}}
	}
	if first, known := p.outgoing[b.Move]; known {
		if first == nil {
			return &command.Departed{Refusal: &command.Refusal{Reason: command.Superseded}}
		}
		return first
	}
	answer := &command.Departed{Objects: make([]command.Departure, len(b.Objects))}
	room := p.most
	for i, id := range b.Objects {
		o, present := p.objects[id]
		m, marked := p.markers[id]
		switch {
		case marked && m.version >= b.Move, present && o.version >= b.Move:
		case b.To == 0:
			if !present && p.home(id) {
				delete(p.markers, id)
				answer.Objects[i].Gone = true
			} else if !present {
				p.markers[id] = memoryMarker{released: true, version: b.Move}
				answer.Objects[i].Gone = true
			}
		case present && p.most > 0 && room == 0:
			answer.Objects[i].Deferred = true
		case present:
			room--
			delete(p.objects, id)
			p.markers[id] = memoryMarker{version: b.Move, to: b.To}
			answer.Objects[i] = command.Departure{Gone: true, Row: []byte(o.row)}
		}
	}
	p.outgoing[b.Move] = answer
	return answer
}

func (p *memoryPartition) arrive(b *command.Arrive) *command.Result {
	if b.Move < p.floor {
		return &command.Result{Refusal: &command.Refusal{Reason: command.Superseded}}
	}
	for _, a := range b.Objects {
		if p.tables[a.ID.Table()] == nil && !p.dropped[a.ID.Table()] {
			return &command.Result{Refusal: &command.Refusal{Reason: command.SchemaNew}}
		}
	}
	for _, a := range b.Objects {
		if p.arrivals[arrival{b.Move, a.ID}] || p.dropped[a.ID.Table()] {
			continue
		}
		p.arrivals[arrival{b.Move, a.ID}] = true
		if m, marked := p.markers[a.ID]; marked && m.version > b.Move {
			continue
		}
		if _, present := p.objects[a.ID]; present {
			continue
		}
		delete(p.markers, a.ID)
		if a.Row != nil {
			p.objects[a.ID] = memoryObject{row: string(a.Row), version: b.Move}
		}
	}
	return &command.Result{}
}

// owns says whether the partition may execute a command on an object; where not,
// where it sends the sender: awaited, or elsewhere (zero: ask the oracle).
func (p *memoryPartition) owns(t command.Target) (ok, awaited bool, elsewhere object.Location) {
	if _, holds := p.objects[t.ID]; holds {
		return true, false, object.Location{}
	}
	m, marked := p.markers[t.ID]
	switch {
	case marked && t.Version <= m.version:
		if m.released {
			return false, false, object.Location{}
		}
		return false, false, object.Location{Partition: m.to, Version: m.version}
	case t.Version == 0:
		return p.home(t.ID), false, object.Location{}
	case t.Version < p.floor:
		return p.home(t.ID), false, object.Location{}
	case t.Arriving && !p.arrivals[arrival{t.Version, t.ID}]:
		return false, true, object.Location{}
	}
	return true, false, object.Location{}
}

// install gives all partitions a table, as the oracle does when it makes one.
func (m *memoryPartitions) install(t *catalog.Table) {
	for _, p := range m.all {
		p.execute(&command.InstallTable{Table: t})
	}
}

// put creates an object where nobody asks for its owner.
func (m *memoryPartitions) put(p object.PartitionID, id object.ID, row string, version object.LocationVersion) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[p].objects[id] = memoryObject{row: row, version: version}
}

// copies returns the partitions that hold an object, sorted.
func (m *memoryPartitions) copies(id object.ID) []object.PartitionID {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []object.PartitionID
	for _, p := range slices.Sorted(maps.Keys(m.all)) {
		if _, holds := m.all[p].objects[id]; holds {
			list = append(list, p)
		}
	}
	return list
}

// inTransit reports whether an object's only value is in an outgoing marker.
func (m *memoryPartitions) inTransit(id object.ID) bool {
	for _, p := range m.all {
		if k, marked := p.markers[id]; marked && !k.released {
			if d := p.outgoing[k.version]; d != nil && !m.all[k.to].arrivals[arrival{k.version, id}] {
				return true
			}
		}
	}
	return false
}

// Read answers the reads of drivers: by targets without a program, and over whole
// tables. Rows hold the key and, behind a bar, the text.
func (m *memoryPartitions) Read(_ context.Context, p object.PartitionID, r *command.Read) (*command.Chunk, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	part := m.all[p]
	if t := part.tables[r.Table]; t == nil || t.Version < r.Schema {
		return &command.Chunk{Refusal: &command.Refusal{Reason: command.SchemaNew}}, nil
	} else if t.Version > r.Schema {
		return &command.Chunk{Refusal: &command.Refusal{Reason: command.SchemaOld}}, nil
	}
	program, err := command.DecodeProgram(r.Program)
	if err != nil {
		return nil, err
	}
	chunk := &command.Chunk{}
	for i, t := range r.Targets {
		ok, _, elsewhere := part.owns(t)
		if !ok {
			if chunk.Refusal == nil {
				chunk.Refusal = &command.Refusal{Reason: command.Elsewhere}
			}
			chunk.Refusal.Objects = append(chunk.Refusal.Objects, command.Redirect{ID: t.ID, Location: elsewhere})
		} else if _, holds := part.objects[t.ID]; !holds {
			chunk.Absent = append(chunk.Absent, i)
		}
	}
	for _, s := range r.Spans {
		for _, id := range slices.Sorted(maps.Keys(part.objects)) {
			if id < s.Start || id >= s.End {
				continue
			}
			row := part.objects[id].row
			if strings.HasPrefix(row, "divide") && program.Filter != nil {
				return &command.Chunk{Err: pgerror.New(pgerror.DivisionByZero, "division by zero")}, nil
			}
			if program.Filter != nil && row != "" {
				continue // the model's filters look for NULL: an empty row
			}
			values, err := datum.DecodeKey([]byte(id.Key()), []datum.Type{datum.Int8})
			if err != nil {
				return nil, err
			}
			chunk.Rows = append(chunk.Rows, datum.AppendTuple(nil, values))
		}
	}
	return chunk, nil
}

func (m *memoryPartitions) Next(context.Context, object.PartitionID, command.Cursor) (*command.Chunk, error) {
	return nil, pgerror.New(pgerror.SerializationFailure, "the model has no cursors")
}

func (m *memoryPartitions) CloseCursor(object.PartitionID, command.Cursor) {}
