package oracle

import (
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

const (
	// sweepEntries is the number of directory entries that one sweep looks at.
	sweepEntries = 8192
	// sweepTargets is the number of objects that a partition is asked about at once.
	sweepTargets = 512
	// sweepRounds bounds how often a partition is asked again about the rest, after
	// it has refused because of some.
	sweepRounds = 3
)

// sweeper looks through the directory, a part at a time, for ids that were
// assigned and hold no object: their create never came, or their release was lost.
// One task at a time uses it.
type sweeper struct {
	*driver
	next   object.ID              // where the next sweep begins
	before object.LocationVersion // entries from here on are too young to be judged
}

// entry is a directory entry.
type entry struct {
	id       object.ID
	location object.Location
}

func (s *sweeper) sweep() {
	old := s.before
	s.before = object.LocationVersion(s.machine.clock.Load() + 1)
	entries, next, err := s.machine.entries(s.next, sweepEntries)
	if err != nil {
		s.logger.Warn("the oracle could not look through its directory", "error", err)
		return
	}
	s.next = next
	groups := make(map[source][]entry)
	for _, e := range entries {
		if e.location.Version < old {
			key := source{e.location.Partition, e.id.Table()}
			groups[key] = append(groups[key], e)
		}
	}
	for from, group := range groups {
		t := s.machine.table(from.table)
		if t == nil || t.Fenced {
			continue
		}
		for part := range slices.Chunk(group, sweepTargets) {
			ids := s.withoutObjects(from.partition, t, part)
			if len(ids) == 0 {
				continue
			}
			if _, err := s.propose(s.ctx, &beginReleases{ids: ids}); err != nil {
				return
			}
		}
	}
}

// withoutObjects asks a partition which of the entries it holds no object of. An
// answer that does not come is none: the sweep comes by again.
func (s *sweeper) withoutObjects(p object.PartitionID, t *catalog.Table, entries []entry) []object.ID {
	var absent []object.ID
	for range sweepRounds {
		read := &command.Read{Table: t.ID, Schema: t.Version, Program: command.EncodeProgram(&command.Program{}), Limit: -1}
		for _, e := range entries {
			read.Targets = append(read.Targets, command.Target{ID: e.id, Version: e.location.Version})
		}
		chunk, err := s.partitions.Read(s.ctx, p, read)
		for err == nil && chunk.Refusal == nil && chunk.Err == nil {
			for _, i := range chunk.Absent {
				if i >= 0 && i < len(entries) {
					absent = append(absent, entries[i].id)
				}
			}
			if chunk.Cursor.IsZero() {
				return absent
			}
			chunk, err = s.partitions.Next(s.ctx, p, chunk.Cursor)
		}
		if err != nil || chunk.Refusal == nil || chunk.Refusal.Reason != command.Elsewhere {
			return absent
		}
		// Ids that the partition does not own at all have no object there either.
		strange := make(map[object.ID]bool, len(chunk.Refusal.Objects))
		for _, r := range chunk.Refusal.Objects {
			strange[r.ID] = true
			if r.Location.IsZero() {
				absent = append(absent, r.ID)
			}
		}
		entries = slices.DeleteFunc(slices.Clone(entries), func(e entry) bool { return strange[e.id] })
		if len(entries) == 0 {
			return absent
		}
	}
	return absent
}

// entries reads a part of the directory, a page beyond limit entries at most; next is
// where the following part begins.
func (m *Machine) entries(from object.ID, limit int) (list []entry, next object.ID, err error) {
	space := m.space.Load()
	if space == nil {
		return nil, "", nil
	}
	it, err := space.NewIterator(append([]byte{keyDirectory}, from...), []byte{keyDirectory + 1})
	if err != nil {
		return nil, "", err
	}
	defer it.Close()
	var p page
	for ok := it.First(); ok; ok = it.Next() {
		key := it.Key()[1:]
		if len(list) >= limit {
			return list, object.ID(key), nil
		}
		if err := p.decode(it.Value()); err != nil {
			return nil, "", err
		}
		for at := range p.entries {
			if !p.entries[at].IsZero() {
				list = append(list, entry{idAt(key, at), p.entries[at].Location})
			}
		}
	}
	return list, "", it.Err()
}
