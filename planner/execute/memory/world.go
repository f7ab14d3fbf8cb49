package memory

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
)

// World is the oracle, the partitions, and one node's cache of both.
type World struct {
	// Hook, if not nil, is called before every call ("lookup", "locate",
	// "confirm", "assign", "refresh", "write", "read", "next", "install", "transact",
	// "evaluate", "validate", "snapshot", "lock", "move", "place", "replace", "check",
	// "policy", "found") and, with "written", "answered",
	// "transacted" and "locked", between a call's execution and its answer. An error is returned in place of the answer. No lock is held.
	Hook func(step string, p object.PartitionID) error
	// Choose is the policy of tables that are not static; nil chooses the home.
	Choose func(execute.PlaceRequest) ([]object.PartitionID, error)
	// Replaces names the columns whose update has Rechoose asked, of tables whose policy is
	// not static; nil Rechoose: objects stay.
	Replaces []string
	Rechoose func(execute.PlaceRequest) ([]object.PartitionID, error)
	// Defers says whether a table's budget has no room for a move that a policy wants.
	Defers func(object.ID) bool
	// ChunkRows bounds the rows of a chunk. 0 means 64.
	ChunkRows int

	mu         sync.Mutex // guards what follows
	index      uint64     // of the oracle's log
	catalog    *catalog.Snapshot
	node       *catalog.Snapshot // the node's copy
	lagging    bool              // the node's copy is renewed by Refresh only
	directory  map[object.ID]object.Location
	cache      map[object.ID]catalog.Located
	stats      catalog.CacheStats
	sequences  map[sequence]int64
	partitions []*partition
	transit    map[object.ID]transfer
	pinned     map[object.ID]bool
	history    map[object.ID][]catalog.Placed
	moves      []catalog.Move
	released   []object.ID
	locks      map[object.ID]map[object.TransactionID]command.LockMode
	unlocked   chan struct{} // closed when a lock goes
	last       uint64        // transaction
	snapshots  int           // that are open
}

type sequence struct {
	table  object.TableID
	column int
}

// transfer is an object on its way.
type transfer struct {
	from, to object.PartitionID
	version  object.LocationVersion
	row      []byte
	revision object.Revision
}

// New makes a world of some partitions.
func New(partitions int) *World {
	w := &World{
		directory: make(map[object.ID]object.Location), cache: make(map[object.ID]catalog.Located),
		sequences: make(map[sequence]int64), transit: make(map[object.ID]transfer), index: 1,
		pinned: make(map[object.ID]bool), history: make(map[object.ID][]catalog.Placed),
		locks: make(map[object.ID]map[object.TransactionID]command.LockMode), unlocked: make(chan struct{}),
	}
	s := &catalog.Snapshot{Version: 1, Tables: map[object.TableID]*catalog.Table{}, ByName: map[string]*catalog.Table{}}
	for i := 1; i <= partitions; i++ {
		id := object.PartitionID(i)
		w.partitions = append(w.partitions, newPartition(id))
		s.Partitions = append(s.Partitions, catalog.Partition{ID: id, Replicas: []object.NodeID{"one"}})
	}
	s.Slots = make([]object.Location, object.Slots)
	for i := range s.Slots {
		s.Slots[i] = object.Location{Partition: object.PartitionID(i%partitions + 1), Version: 1}
	}
	w.catalog, w.node = s, s
	return w
}

// Dependencies plugs the world into an executor.
func (w *World) Dependencies() execute.Dependencies {
	return execute.Dependencies{
		Catalog: w, Directory: w, Schema: w, Mover: w, Sequences: w, Partitions: w, Policies: w, Introspection: view{w},
	}
}

func (w *World) hook(step string, p object.PartitionID) error {
	if w.Hook == nil {
		return nil
	}
	return w.Hook(step, p)
}

func (w *World) partition(p object.PartitionID) *partition {
	if int(p) < 1 || int(p) > len(w.partitions) {
		return nil
	}
	return w.partitions[p-1]
}

// Catalog returns the node's copy.
func (w *World) Catalog() *catalog.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.node
}

// Refresh brings the node's copy up to date.
func (w *World) Refresh(ctx context.Context) error {
	if err := w.hook("refresh", 0); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.node = w.catalog
	return ctx.Err()
}

// Lag keeps the node's copy of the catalog from following by itself.
func (w *World) Lag(lag bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lagging = lag
	if !lag {
		w.node = w.catalog
	}
}

// Lookup asks the node's cache.
func (w *World) Lookup(id object.ID) (catalog.Located, bool) {
	if w.hook("lookup", 0) != nil {
		return catalog.Located{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l, ok := w.cache[id]
	if ok {
		w.stats.Hits++
	} else {
		w.stats.Misses++
	}
	return l, ok
}

// Locate asks the cache, and the directory for the rest.
func (w *World) Locate(ctx context.Context, ids []object.ID) ([]catalog.Located, error) {
	if err := w.hook("locate", 0); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]catalog.Located, len(ids))
	for i, id := range ids {
		if l, ok := w.cache[id]; ok {
			out[i] = l
			continue
		}
		out[i] = catalog.Located{Location: w.directory[id]}
		w.learn(id, out[i].Location, false)
	}
	return out, ctx.Err()
}

// Confirm asks the directory.
func (w *World) Confirm(ctx context.Context, ids []object.ID) ([]catalog.Located, error) {
	if err := w.hook("confirm", 0); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]catalog.Located, len(ids))
	for i, id := range ids {
		out[i] = catalog.Located{Location: w.directory[id]}
		if out[i].IsZero() {
			delete(w.cache, id)
		}
		w.learn(id, out[i].Location, false)
	}
	return out, ctx.Err()
}

func (w *World) learn(id object.ID, l object.Location, arriving bool) {
	if l.IsZero() || w.cache[id].Version > l.Version {
		return
	}
	w.cache[id] = catalog.Located{Location: l, Cached: true, Arriving: arriving}
}

// Assign gives ids a location, first come first served, where they may live.
func (w *World) Assign(ctx context.Context, assignments []catalog.Assignment) ([]object.Location, error) {
	if err := w.hook("assign", 0); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range assignments {
		if w.directory[a.ID].Partition != 0 {
			continue
		}
		if why, ok := allowed(w.catalog, w.catalog.Tables[a.ID.Table()], a.Partition); !ok {
			return nil, pgerror.New(pgerror.SerializationFailure, "%s", why)
		}
	}
	w.index++
	out := make([]object.Location, len(assignments))
	for i, a := range assignments {
		l, ok := w.directory[a.ID]
		if !ok {
			l = object.Location{Partition: a.Partition, Version: object.LocationVersion(w.index)}
			w.directory[a.ID] = l
			w.placed(a.ID, 0, a.Partition, a.Origin)
		}
		out[i] = l
		w.learn(a.ID, l, false)
	}
	return out, ctx.Err()
}

// Learn takes redirects into the cache.
func (w *World) Learn(redirects []command.Redirect) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range redirects {
		w.stats.Redirects++
		w.learn(r.ID, r.Location, true)
	}
}

// Release queues ids; Sweep carries it out.
func (w *World) Release(ids []object.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = append(w.released, ids...)
}

// Sweep gives up the released ids that no partition holds an object of, and
// returns how many were.
func (w *World) Sweep() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, id := range w.released {
		l, ok := w.directory[id]
		p := w.partition(l.Partition)
		if !ok || p == nil {
			continue
		}
		if _, exists := p.objects[id]; exists {
			continue
		}
		w.index++
		p.gone[id] = object.Location{Version: object.LocationVersion(w.index)}
		w.forget(id)
		n++
	}
	w.released = nil
	return n
}

// Floor makes the partitions forget which ids were given up, as they do after a while.
func (w *World) Floor() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.partitions {
		maps.DeleteFunc(p.gone, func(_ object.ID, l object.Location) bool { return l.Partition == 0 })
	}
}

// SetCached makes the node's cache believe in a location; the zero one makes it
// forget.
func (w *World) SetCached(id object.ID, l object.Location) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.IsZero() {
		delete(w.cache, id)
		return
	}
	w.cache[id] = catalog.Located{Location: l, Cached: true}
}

// Where returns the partitions that hold the object.
func (w *World) Where(id object.ID) []object.PartitionID {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []object.PartitionID
	for _, p := range w.partitions {
		if _, ok := p.objects[id]; ok {
			out = append(out, p.id)
		}
	}
	return out
}

// Directory returns the directory's entry of an id.
func (w *World) Directory(id object.ID) object.Location {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.directory[id]
}

// AllocateSequence reserves values from 1 on.
func (w *World) AllocateSequence(_ context.Context, t object.TableID, column, count int) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := sequence{t, column}
	first := w.sequences[key] + 1
	w.sequences[key] += int64(count)
	return first, nil
}

// IDs returns the ids of a table's objects, ascending.
func (w *World) IDs(t object.TableID) []object.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []object.ID
	for _, p := range w.partitions {
		for id := range p.objects {
			if id.Table() == t {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out
}
