package state

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// load fills what Open has emptied.
func (m *Machine) load(r storage.Reader) error {
	if b, found, err := r.Get(nil, []byte{prefixSlots}); err != nil {
		return err
	} else if found {
		if m.live.slots, err = decodeSlots(b); err != nil {
			return err
		}
	}
	var err error
	if m.live.floor, err = (stored{r: r}).floor(); err != nil {
		return err
	}
	for _, part := range []struct {
		prefix byte
		each   func(key, value []byte) error
	}{
		{prefixTables, m.loadTable}, {prefixDropped, m.loadDropped}, {prefixSizes, m.loadSize},
	} {
		if err := scan(r, part.prefix, part.each); err != nil {
			return err
		}
	}
	if err := m.loadWindows(r); err != nil {
		return err
	}
	outgoing := int64(0)
	m.transit = nil
	err = scan(r, prefixMoves, func(key, value []byte) error {
		kind, to, err := decodeMove(value)
		if err != nil || len(key) != 8 {
			return corrupt("move")
		}
		if kind != moveSettled {
			outgoing++
		}
		if kind == moveDeparted {
			m.depart(object.LocationVersion(binary.BigEndian.Uint64(key)), to)
		}
		return nil
	})
	m.outgoing.Store(outgoing)
	if err != nil {
		return err
	}
	return m.loadLocks(r)
}

// scan calls each for the keys under a prefix, without the prefix. Neither key nor
// value may be kept.
func scan(r storage.Reader, prefix byte, each func(key, value []byte) error) error {
	return scanRange(r, []byte{prefix}, []byte{prefix + 1}, func(key, value []byte) error { return each(key[1:], value) })
}

// scanRange calls each for the keys in a range.
func scanRange(r storage.Reader, lower, upper []byte, each func(key, value []byte) error) (err error) {
	it, err := r.NewIterator(lower, upper)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		if err := each(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return it.Err()
}

func tableOfKey(key []byte) (object.TableID, error) {
	if len(key) != 4 {
		return 0, corrupt("key of a table")
	}
	return object.TableID(binary.BigEndian.Uint32(key)), nil
}

func (m *Machine) loadTable(key, value []byte) error {
	id, err := tableOfKey(key)
	if err != nil {
		return err
	}
	desc, err := command.DecodeTable(value)
	if err != nil {
		return err
	}
	m.live.tables[id], err = makeTable(desc)
	return err
}

func (m *Machine) loadDropped(key, _ []byte) error {
	id, err := tableOfKey(key)
	m.live.dropped[id] = true
	return err
}

func (m *Machine) loadSize(key, value []byte) error {
	id, err := tableOfKey(key)
	if err != nil {
		return err
	}
	size, touched, err := decodeSizeRecord(value)
	if size != (Size{}) {
		m.sizes.of[id] = size
	}
	m.sizes.touched[id] = touched
	return err
}

// loadWindows reads the results that are remembered, of each sender.
func (m *Machine) loadWindows(r storage.Reader) error {
	windows := make(map[object.NodeID][]window)
	err := scan(r, prefixResults, func(key, value []byte) error {
		node, w, err := decodeWindow(key, slices.Clone(value))
		windows[node] = append(windows[node], w)
		return err
	})
	if err != nil {
		return err
	}
	for node, list := range windows {
		slices.SortFunc(list, func(a, b window) int { return cmp.Compare(a.index, b.index) })
		newest := list[len(list)-1]
		s := &sender{node: node, incarnation: newest.incarnation, base: newest.base, storedBase: newest.base}
		for _, w := range list {
			last, err := s.decodeResults(w.results)
			if err != nil {
				return err
			}
			s.stored = append(s.stored, storedResults{w.slot, last})
		}
		m.senders[node] = s
	}
	return nil
}
