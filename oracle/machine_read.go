package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

func (m *Machine) floor() object.LocationVersion {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.st.Floor
}

func (m *Machine) slotsInstalled() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, j := range m.st.jobs {
		if j.Kind == jobSlots {
			return false
		}
	}
	return m.st.Initialised
}

func (m *Machine) requestOf(id RequestID) (r request, known bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if found := m.st.requests[id]; found != nil {
		return *found, true
	}
	return request{}, false
}

// moves returns the finished moves and then those under way, oldest first.
func (m *Machine) moves() []catalog.Move {
	m.mu.RLock()
	defer m.mu.RUnlock()
	moves := slices.Clone(m.st.history)
	for _, b := range m.st.batches {
		if !b.done && !b.release {
			moves = append(moves, catalog.Move{
				Version: b.move, Table: b.table, From: b.from, To: b.to,
				State: catalog.MovePending, Objects: len(b.ids), Started: time.UnixMicro(b.started).UTC(),
			})
		}
	}
	slices.SortFunc(moves, func(a, b catalog.Move) int { return cmp.Compare(a.Version, b.Version) })
	return moves
}

func (m *Machine) hasPartition(p object.PartitionID) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.st.partition(p) != nil
}

// history returns the places of an object, oldest first; none where the directory has no
// entry. Of an entry without a history it is where it lives.
func (m *Machine) history(id object.ID) ([]catalog.Placed, error) {
	space := m.space.Load()
	if space == nil {
		return nil, nil
	}
	key, at := pageOf(nil, id)
	v, found, err := space.Get(nil, key)
	if err != nil || !found {
		return nil, err
	}
	var p page
	if err := p.decode(v); err != nil {
		return nil, fmt.Errorf("oracle: directory entry: %w", err)
	}
	r := &p.entries[at]
	switch {
	case r.IsZero():
		return nil, nil
	case !r.known:
		return []catalog.Placed{{To: r.Partition}}, nil
	}
	var places []catalog.Placed
	if r.past {
		if v, found, err = space.Get(nil, append([]byte{keyPast}, id...)); err != nil {
			return nil, err
		} else if found {
			if places, err = decodePast(v); err != nil {
				return nil, fmt.Errorf("oracle: places of an object: %w", err)
			}
		}
	}
	return append(places, r.newest), nil
}
