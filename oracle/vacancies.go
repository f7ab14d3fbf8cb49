package oracle

import (
	"iter"
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

// adjacent reports whether b follows a as the next number of as many bytes does; nothing
// comes between them that is worth to be remembered.
func adjacent(a, b object.ID) bool {
	if len(a) != len(b) {
		return false
	}
	n := len(a) - 1
	for n >= 0 && a[n] == 0xff && b[n] == 0 {
		n--
	}
	return n >= 0 && b[n] == a[n]+1 && b[n] != 0 && a[:n] == b[:n]
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
	last, err := t.lastEntry(table)
	if err != nil {
		t.fail(err)
		return new(vacancies)
	}
	return &vacancies{gaps: []gap{{lo: last}}}
}

// lastEntry returns the greatest id of a table that has an entry; one below all ids where
// there is none.
func (t *tx) lastEntry(table object.TableID) (object.ID, error) {
	none := object.NewID(table, nil)
	t.savePage()
	it, err := t.b.NewIterator(directoryRange(table))
	if err != nil {
		return none, err
	}
	last, found := none, it.Last()
	if found {
		last = idAt(it.Key()[1:], pageIDs-1)
	}
	if err := it.Close(); err != nil {
		return none, err
	}
	// Where keys differ in length, pages are not quite in the order of ids: a page that
	// begins as the last one does may go on behind it. No other can.
	greatest := none
	for n := len(none) + 1; n <= len(last); n++ {
		p, _ := t.open(last[:n])
		for at := range p.entries {
			if !p.entries[at].IsZero() {
				greatest = max(greatest, idAt(t.opened[1:], at))
			}
		}
	}
	return greatest, nil
}

// directoryRange is where the directory has the entries of a table.
func directoryRange(table object.TableID) (lower, upper []byte) {
	return append([]byte{keyDirectory}, object.NewID(table, nil)...), append([]byte{keyDirectory}, object.NewID(table+1, nil)...)
}

// runs divides assignments into those of ids of one table that follow each other as numbers
// do: rows of one statement, as a rule. It yields the index of the first of a run and that
// behind its last.
func runs(items []catalog.Assignment) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from, to := 0, 1; from < len(items); from, to = to, to+1 {
			for to < len(items) && adjacent(items[to-1].ID, items[to].ID) && items[to].ID.Table() == items[from].ID.Table() {
				to++
			}
			if !yield(from, to) {
				return
			}
		}
	}
}

// vacantRun reports whether no id of a run has an entry, for certain.
func (t *tx) vacantRun(run []catalog.Assignment) bool {
	first := run[0].ID
	return t.tables[first.Table()] != nil && t.vacanciesOf(first.Table()).find(first, run[len(run)-1].ID) >= 0
}

// claim is vacantRun for a run that is about to get entries.
func (t *tx) claim(run []catalog.Assignment) bool {
	vacant := t.vacantRun(run)
	if vacant {
		t.vacanciesOf(run[0].ID.Table()).occupy(run[0].ID, run[len(run)-1].ID)
	}
	return vacant
}
