package oracle

import (
	"encoding/binary"
	"slices"
	"sort"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// vacancies know ranges of a table's ids in which the directory has no entry, so that new
// ids which come in the order of their keys, or nearly so, are not looked for. They are
// derived from the directory, and each replica may know others: setResidence tells of every
// entry that is written, and an entry that goes only leaves more room.
type vacancies struct {
	gaps []gap // disjoint, ascending
}

// gap is a range of ids without its ends; hi is "" where it has none.
type gap struct{ lo, hi object.ID }

const (
	maxGaps   = 64  // of one table; the lowest are forgotten first
	maxVacant = 256 // tables that vacancies are known of
)

// find returns the gap that all ids from first to last are in; -1: none is known.
func (v *vacancies) find(first, last object.ID) int {
	n := sort.Search(len(v.gaps), func(i int) bool { return v.gaps[i].lo >= first }) - 1
	if n < 0 || v.gaps[n].hi != "" && v.gaps[n].hi <= last {
		return -1
	}
	return n
}

// occupy notes that there may be entries from first to last, which are in one gap, or are
// one id.
func (v *vacancies) occupy(first, last object.ID) {
	n := v.find(first, last)
	if n < 0 {
		return
	}
	below, above := gap{v.gaps[n].lo, first}, gap{last, v.gaps[n].hi}
	v.gaps[n] = above
	if !adjacent(below.lo, below.hi) {
		v.gaps = slices.Insert(v.gaps, n, below)
	}
	if len(v.gaps) > maxGaps {
		v.gaps = slices.Delete(v.gaps, 0, 1)
	}
}

// adjacent reports whether b follows a as the next number does; nothing comes between them
// that is worth to be remembered.
func adjacent(a, b object.ID) bool {
	n := len(a) - 8
	if n < 0 || len(a) != len(b) || a[:n] != b[:n] {
		return false
	}
	return binary.BigEndian.Uint64([]byte(a[n:]))+1 == binary.BigEndian.Uint64([]byte(b[n:]))
}

// vacanciesOf returns those of a table.
func (t *tx) vacanciesOf(table object.TableID) *vacancies {
	v := t.vacant[table]
	if v == nil {
		if v = t.loadVacancies(table); len(t.vacant) >= maxVacant {
			clear(t.vacant)
		}
		t.vacant[table] = v
	}
	return v
}

// loadVacancies finds what there is behind the last entry of a table.
func (t *tx) loadVacancies(table object.TableID) *vacancies {
	it, err := t.b.NewIterator(directoryRange(table))
	if err != nil {
		t.fail(err)
		return new(vacancies)
	}
	last := object.NewID(table, nil)
	if it.Last() {
		last = object.ID(it.Key()[1:])
	}
	if err := it.Close(); err != nil {
		t.fail(err)
	}
	return &vacancies{gaps: []gap{{lo: last}}}
}

// directoryRange is where the directory has the entries of a table.
func directoryRange(table object.TableID) (lower, upper []byte) {
	return append([]byte{keyDirectory}, object.NewID(table, nil)...), append([]byte{keyDirectory}, object.NewID(table+1, nil)...)
}

// vacantRange returns the first and the last of the items where they are different ids of
// one table, in order, and certainly none of them has an entry.
func (t *tx) vacantRange(items []catalog.Assignment) (first, last object.ID, ok bool) {
	if len(items) == 0 {
		return "", "", false
	}
	first, last = items[0].ID, items[len(items)-1].ID
	if first.Table() != last.Table() || t.vacanciesOf(first.Table()).find(first, last) < 0 {
		return "", "", false
	}
	for i := range items[1:] {
		if items[i].ID >= items[i+1].ID {
			return "", "", false
		}
	}
	return first, last, true
}

// claim reports whether all items are new for certain: different ids without entries. Their
// range is not vacant any more then.
func (t *tx) claim(items []catalog.Assignment) bool {
	first, last, ok := t.vacantRange(items)
	if ok {
		t.vacanciesOf(first.Table()).occupy(first, last)
	}
	return ok
}
