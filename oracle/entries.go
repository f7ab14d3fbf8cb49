package oracle

import (
	"maps"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// What follows is for who runs a Machine without a Service: the simulation of whole
// clusters, which owns log, clock and network itself. The functions return encoded
// commands for Machine.Apply, and read its outcomes.

// InitialiseEntry founds the cluster.
func InitialiseEntry(partitions []catalog.Partition) []byte {
	return (&initialise{Partitions: partitions}).append(nil)
}

// CreateTableEntry makes a table; its outcome says which. It becomes public at
// once, and its job stays until it is advanced.
func CreateTableEntry(request RequestID, spec catalog.TableSpec) []byte {
	return (&createTable{Request: request, Spec: spec}).append(nil)
}

// CreatedTable reads the outcome of a CreateTableEntry; 0 where there is no table.
func CreatedTable(outcome any) object.TableID {
	if a, ok := outcome.(schemaAnswer); ok && a.request.Err == nil {
		return a.request.Table
	}
	return 0
}

// AssignEntry gives ids without a location one.
func AssignEntry(items []catalog.Assignment) []byte { return (&assign{items: items}).append(nil) }

// Assigned reads the outcome of an AssignEntry: the location that stands of the nth
// item; busy says that it cannot be assigned now.
func Assigned(outcome any, n int) (location object.Location, busy bool) {
	list, ok := outcome.([]assigned)
	if !ok || n >= len(list) {
		return object.Location{}, true
	}
	return list[n].location, list[n].busy
}

// MovesEntry intends to move ids: all, or none while one of them is busy.
func MovesEntry(to object.PartitionID, ids []object.ID, pin catalog.PinMode) []byte {
	return (&beginMoves{to: to, ids: ids, whole: true, pin: pin}).append(nil)
}

// ReleasesEntry intends to drop the entries of ids without an object.
func ReleasesEntry(ids []object.ID) []byte { return (&beginReleases{ids: ids}).append(nil) }

// FinishEntry notes what became of a batch.
func FinishEntry(move object.LocationVersion, departed *command.Departed) []byte {
	return newFinish(move, departed, "", 0).append(nil)
}

// SettledEntry forgets moves whose source has settled them.
func SettledEntry(moves []object.LocationVersion) []byte {
	return (&settled{moves: moves}).append(nil)
}

// RaiseFloorEntry raises the floor as far as it can be.
func RaiseFloorEntry() []byte { return (&raiseFloor{}).append(nil) }

// Batch is a move, or with To 0 a release, that the log intends.
type Batch struct {
	Move  object.LocationVersion
	Table object.TableID
	From  object.PartitionID
	To    object.PartitionID
	IDs   []object.ID
}

// Settling are finished moves whose source has to be told.
type Settling struct {
	From  object.PartitionID
	Moves []object.LocationVersion
}

// Work is what the leader has to drive.
type Work struct {
	Batches  []Batch    // oldest first
	Settling []Settling // ascending by source
	Floor    object.LocationVersion
}

// Work returns what there is to drive.
func (m *Machine) Work() Work {
	w := m.work()
	out := Work{Floor: w.floor}
	for _, b := range w.batches {
		out.Batches = append(out.Batches, Batch{Move: b.move, Table: b.table, From: b.from, To: b.to, IDs: b.ids})
	}
	for _, from := range slices.Sorted(maps.Keys(w.settling)) {
		slices.Sort(w.settling[from])
		out.Settling = append(out.Settling, Settling{From: from, Moves: w.settling[from]})
	}
	return out
}

// Locate reads locations from the directory of this replica.
func (m *Machine) Locate(ids []object.ID) ([]object.Location, error) {
	locations, _, err := m.locate(ids)
	return locations, err
}

// Home returns the partition that the static rule gives an object; 0 where the
// table is not static.
func (m *Machine) Home(id object.ID) object.PartitionID {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.st.home(id)
}
