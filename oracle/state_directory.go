package oracle

import (
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// placing is what becomes of an id without an entry that is to be given a location.
type placing int

const (
	free        placing = iota // it is given one
	noTable                    // there is no such table
	fenced                     // its table does not take part now
	noPartition                // there is no such partition
	static                     // its home is where it lives
	barred                     // its table's objects must not get there
)

func (t *tx) placing(item *catalog.Assignment) placing {
	table := t.tables[item.ID.Table()]
	switch {
	case table == nil:
		return noTable
	case table.Fenced:
		return fenced
	case item.Partition == 0 || t.partition(item.Partition) == nil:
		return noPartition
	case table.Placement.Static:
		return static
	case !t.allowed(table, item.Partition):
		return barred
	}
	return free
}

// assign gives ids without a location one; the first one wins. An id whose
// location is below the floor gets a new version at the same partition, because
// the partition refuses creates that come with the old one. A partition that must not
// get an object is not given it.
func (t *tx) assign(c *assign) []assigned {
	answers := make([]assigned, len(c.items))
	var version object.LocationVersion
	next := func() object.LocationVersion {
		if version == 0 {
			version = object.LocationVersion(t.tick())
		}
		return version
	}
	for from, to := range runs(c.items) {
		news := t.claim(c.items[from:to])
		for i := from; i < to; i++ {
			answers[i] = t.assignOne(c, &c.items[i], news, next)
		}
	}
	return answers
}

// assignOne is assign of one item, which certainly has no entry if it is new. next gives the
// version of the command.
func (t *tx) assignOne(c *assign, item *catalog.Assignment, isNew bool, next func() object.LocationVersion) assigned {
	placing := t.placing(item)
	if placing == noTable {
		return assigned{}
	}
	var stands object.Location
	if !isNew {
		stands = t.entry(item.ID)
	}
	switch {
	case placing == fenced, !stands.IsZero() && t.busyIn(item.ID) != nil:
		return assigned{location: stands, busy: true}
	case !stands.IsZero() && stands.Version < t.Floor:
		r := t.residence(item.ID)
		r.Version = next()
		t.setResidence(item.ID, &r)
		return assigned{location: r.Location}
	case !stands.IsZero(), placing == noPartition:
		return assigned{location: stands}
	case placing == static:
		return assigned{location: object.Location{Partition: t.home(item.ID)}}
	case placing == barred:
		return assigned{barred: true}
	}
	return assigned{location: t.settleIn(c, item, next())}
}

// settleIn gives an id its first location.
func (t *tx) settleIn(c *assign, item *catalog.Assignment, version object.LocationVersion) object.Location {
	r := residence{Location: object.Location{Partition: item.Partition, Version: version}}
	r.known = c.at != 0 || item.Origin != catalog.Origin{}
	r.newest = catalog.Placed{At: fromMicro(c.at), To: item.Partition, Origin: item.Origin}
	t.setResidence(item.ID, &r)
	return r.Location
}

// adopt gives objects that are where the static rule put them entries, because
// their table will not be static any more.
func (t *tx) adopt(c *adopt) {
	j := t.jobs[c.job]
	if j == nil || j.Phase != phaseAdopt {
		return
	}
	version := object.LocationVersion(t.tick())
	for _, id := range c.ids {
		if id.Table() == j.Table.ID && t.entry(id).IsZero() {
			t.setResidence(id, &residence{Location: object.Location{Partition: c.partition, Version: version}})
		}
	}
}

// clean removes entries of the tables that a job has dropped. It reports whether
// there are more.
func (t *tx) clean(c *clean) bool {
	j := t.jobs[c.job]
	if j == nil || j.Phase != phaseClean {
		return false
	}
	left := c.limit
	t.opened = t.opened[:0] // pages go
	for _, old := range j.Tables {
		lower, upper := directoryRange(old.ID)
		it, err := t.b.NewIterator(lower, upper)
		if err != nil {
			t.fail(err)
			return false
		}
		var keys [][]byte
		for ok := it.First(); ok && len(keys) < left; ok = it.Next() {
			keys = append(keys, slices.Clone(it.Key()))
		}
		if err := it.Close(); err != nil {
			t.fail(err)
			return false
		}
		for _, k := range keys {
			t.b.Delete(k)
		}
		if left -= len(keys); left <= 0 {
			return true
		}
		t.b.DeleteRange(append([]byte{keyPast}, lower[1:]...), append([]byte{keyPast}, upper[1:]...))
	}
	return false
}

// raiseFloor raises the floor to the oldest move that is not settled, or else
// above everything.
func (t *tx) raiseFloor() object.LocationVersion {
	floor := object.LocationVersion(t.tick())
	for move := range t.batches { // a minimum: the order does not matter
		floor = min(floor, move)
	}
	if floor > t.Floor {
		t.Floor = floor
		t.Forgettable = 0
		t.changed = true
	}
	return t.Floor
}

// allocate takes a block of a sequence's values and returns its first; 0 where
// there is no such table, or no such block.
func (t *tx) allocate(c *allocate) int64 {
	table := t.tables[c.table]
	if table == nil || c.column >= len(table.Columns) || c.count == 0 || c.count > maxSequenceBlock {
		return 0
	}
	k := sequenceKey{c.table, c.column}
	first := max(t.sequences[k], 1)
	if first > 1<<62 {
		return 0
	}
	t.setSequence(k, first+int64(c.count))
	return first
}
