package oracle

import (
	"cmp"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

const (
	// neighbours is the number of ids from which one look at their range costs less than
	// a look at each.
	neighbours = 16
	// neighbourBytes are the last bytes that neighbours may differ in. It bounds what lies
	// between them: what was deleted there has to be passed by.
	neighbourBytes = 2
)

// absent tells which items certainly have no entry before the command; nil: of none it is
// known. Rows that are inserted together have neighbouring keys as a rule, and then one
// look finds that there is nothing where they all go. Of items with one id it is said of
// the first.
func (t *tx) absent(items []catalog.Assignment) []bool {
	if len(items) < neighbours {
		return nil
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(items[i].ID, items[j].ID), cmp.Compare(i, j))
	})
	var absent []bool
	for from, to := 0, 0; from < len(order); from = to {
		for to < len(order) && near(items[order[from]].ID, items[order[to]].ID) {
			to++
		}
		if to-from < neighbours {
			continue
		}
		if absent == nil {
			absent = make([]bool, len(items))
		}
		t.lookAt(items, order[from:to], absent)
	}
	return absent
}

// near reports whether two ids are neighbours; each is its own.
func near(a, b object.ID) bool {
	n := len(a) - neighbourBytes
	return a == b || n > 0 && len(a) == len(b) && a[:n] == b[:n]
}

// lookAt says of the items up to the first entry in their range that they are absent.
// order are their indexes, by id.
func (t *tx) lookAt(items []catalog.Assignment, order []int, absent []bool) {
	last := items[order[len(order)-1]].ID
	it, err := t.b.NewIterator(slices.Clone(t.key(keyDirectory, items[order[0]].ID)), append(slices.Clone(t.key(keyDirectory, last)), 0))
	if err != nil {
		t.fail(err)
		return
	}
	until := last + "\x00"
	if it.First() {
		until = object.ID(it.Key()[1:])
	}
	if err := it.Close(); err != nil {
		t.fail(err)
		return
	}
	for n, i := range order {
		if items[i].ID >= until {
			return
		}
		absent[i] = n == 0 || items[i].ID != items[order[n-1]].ID
	}
}
