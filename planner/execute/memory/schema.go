package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
)

// change makes a new snapshot; the caller holds mu.
func (w *World) change(edit func(*catalog.Snapshot)) {
	s := *w.catalog
	s.Tables, s.ByName = maps.Clone(s.Tables), maps.Clone(s.ByName)
	w.index++
	s.Version = w.index
	edit(&s)
	w.catalog = &s
	if !w.lagging {
		w.node = &s
	}
}

// CreateTable makes a table and installs it in all partitions.
func (w *World) CreateTable(_ context.Context, spec catalog.TableSpec) (*catalog.Table, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old := w.catalog.ByName[spec.Table.Name]; old != nil {
		if spec.IfNotExists {
			return old, false, nil
		}
		return nil, false, pgerror.New(pgerror.DuplicateTable, "relation \"%s\" already exists", spec.Table.Name)
	}
	t := *spec.Table
	w.change(func(s *catalog.Snapshot) {
		t.ID, t.Version = object.TableID(w.index), object.SchemaVersion(w.index)
		s.Tables[t.ID], s.ByName[t.Name] = &t, &t
	})
	w.installAll(&t)
	return &t, true, nil
}

func (w *World) installAll(t *catalog.Table) {
	for _, p := range w.partitions {
		p.tables[t.ID] = t
	}
}

// Forget makes a partition forget a table's descriptor, as if it had not had it
// yet.
func (w *World) Forget(p object.PartitionID, t object.TableID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.partition(p).tables, t)
}

func (w *World) current(ref catalog.TableRef) error {
	if t := w.catalog.Tables[ref.ID]; t == nil || t.Version != ref.Version {
		return pgerror.New(pgerror.SerializationFailure, "table \"%s\" has been changed", ref.Name)
	}
	return nil
}

// AlterTable replaces a descriptor.
func (w *World) AlterTable(_ context.Context, c catalog.Change) (*catalog.Table, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.current(c.Base); err != nil {
		return nil, err
	}
	t := *c.Table
	if len(c.Empty) > 0 {
		for _, p := range w.partitions {
			if p.count(c.Base.ID) > 0 {
				return nil, pgerror.New(pgerror.NotNullViolation, "column \"%s\" of relation \"%s\" contains null values", t.Columns[c.Empty[0]].Name, t.Name)
			}
		}
	}
	w.change(func(s *catalog.Snapshot) {
		t.ID, t.Version = c.Base.ID, object.SchemaVersion(w.index)
		delete(s.ByName, c.Base.Name)
		s.Tables[t.ID], s.ByName[t.Name] = &t, &t
	})
	w.installAll(&t)
	return &t, nil
}

// DropTables removes tables.
func (w *World) DropTables(_ context.Context, d catalog.Drop) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ref := range d.Tables {
		if err := w.current(ref); err != nil {
			return err
		}
	}
	w.change(func(s *catalog.Snapshot) {
		for _, ref := range d.Tables {
			delete(s.Tables, ref.ID)
			delete(s.ByName, ref.Name)
			w.drop(ref.ID)
		}
	})
	return nil
}

func (w *World) drop(t object.TableID) {
	for _, p := range w.partitions {
		delete(p.tables, t)
		p.dropped[t] = true
		for id := range p.objects {
			if id.Table() == t {
				delete(p.objects, id)
			}
		}
	}
	for id := range w.directory {
		if id.Table() == t {
			w.forget(id)
		}
	}
}

// TruncateTables gives tables new ids.
func (w *World) TruncateTables(_ context.Context, tr catalog.Truncate) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ref := range tr.Tables {
		if err := w.current(ref); err != nil {
			return err
		}
	}
	for _, ref := range tr.Tables {
		t := *w.catalog.Tables[ref.ID]
		w.change(func(s *catalog.Snapshot) {
			delete(s.Tables, ref.ID)
			t.ID, t.Version = object.TableID(w.index), object.SchemaVersion(w.index)
			s.Tables[t.ID], s.ByName[t.Name] = &t, &t
		})
		w.drop(ref.ID)
		w.installAll(&t)
	}
	return nil
}

// view is what schema ssmr shows of a world.
type view struct{ w *World }

func (v view) Nodes(context.Context) ([]execute.NodeStatus, error) {
	return []execute.NodeStatus{{Node: "one", Address: "127.0.0.1:7000", Alive: true, Replicas: len(v.w.partitions),
		Leads: len(v.w.partitions), LeadsOracle: true, Version: "test"}}, nil
}

func (v view) Partitions(context.Context) ([]execute.PartitionStatus, error) {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	var out []execute.PartitionStatus
	for _, p := range v.w.partitions {
		out = append(out, execute.PartitionStatus{Partition: p.id, Leader: "one", Known: true,
			Size: execute.Size{Objects: int64(len(p.objects))}, Applied: p.applied})
	}
	return out, nil
}

func (v view) Replicas(context.Context) ([]execute.ReplicaStatus, error) {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	var out []execute.ReplicaStatus
	for _, p := range v.w.partitions {
		out = append(out,
			execute.ReplicaStatus{Partition: p.id, Node: "one", Leads: true, Known: true, Applied: p.applied, Checksum: uint64(p.id)},
			execute.ReplicaStatus{Partition: p.id, Node: "two"})
	}
	slices.SortFunc(out, func(a, b execute.ReplicaStatus) int { return cmp.Compare(a.Partition, b.Partition) })
	return out, nil
}

func (v view) TableSizes(context.Context) (map[object.TableID]execute.Size, error) {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	out := make(map[object.TableID]execute.Size)
	for id := range v.w.catalog.Tables {
		size := execute.Size{}
		for _, p := range v.w.partitions {
			size.Objects += int64(p.count(id))
		}
		out[id] = size
	}
	return out, nil
}

func (v view) Moves(context.Context) ([]catalog.Move, error) {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	return append([]catalog.Move(nil), v.w.moves...), nil
}

func (v view) Policies(context.Context) ([]execute.PolicyStatus, error) {
	return []execute.PolicyStatus{{Name: "hash", Kind: "builtin", Static: true, State: "ready"},
		{Name: "chosen", Kind: "builtin", State: "failed", Error: fmt.Sprintf("%d partitions only", len(v.w.partitions))}}, nil
}

func (v view) Transactions(context.Context) ([]execute.TransactionStatus, error) {
	id := object.TransactionID{Node: "two", Incarnation: 1, Sequence: 9}
	return []execute.TransactionStatus{{Transaction: id, Partition: 1, State: command.TransactionPrepared,
		Participants: []object.PartitionID{1, 2}, Age: 3 * time.Second}}, nil
}

func (v view) Locks(context.Context) ([]execute.LockStatus, error) {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	var out []execute.LockStatus
	for _, id := range slices.Sorted(maps.Keys(v.w.locks)) {
		for owner, mode := range v.w.locks[id] {
			s := execute.LockStatus{Table: id.Table(), Span: command.Span{Start: id}, Mode: mode, Transaction: owner, Granted: true}
			for _, p := range v.w.partitions {
				if _, ok := p.objects[id]; ok {
					s.Partition = p.id
				}
			}
			out = append(out, s)
		}
	}
	return out, nil
}

func (v view) Counters(context.Context) ([]execute.CounterStatus, error) {
	return []execute.CounterStatus{{Node: "one", Name: "conflicts", Value: 0}}, nil
}

func (v view) CacheStats() catalog.CacheStats {
	v.w.mu.Lock()
	defer v.w.mu.Unlock()
	s := v.w.stats
	s.Entries = int64(len(v.w.cache))
	return s
}

func (v view) Self() object.NodeID { return "one" }
