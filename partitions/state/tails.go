package state

import (
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// tails know which of the greatest ids of a table have objects, so that one that is
// created behind all others, as by a sequence or in the order of a load, is not looked for in
// the store. They belong to the goroutine that applies, and are right for the same
// reason as cache is: entry.flush tells of every object that is written.
type tails struct {
	of map[object.TableID]*tail
}

// tail says that of the ids above floor only those in ids may have objects.
type tail struct {
	floor, top object.ID
	ids        map[object.ID]struct{}
	bytes      int // of ids
}

// Bounds of the ids of one table.
const (
	tailIDs   = 256
	tailBytes = 16 << 10
)

func newTails() tails { return tails{of: make(map[object.TableID]*tail)} }

// absent reports whether the store has no object of an id for certain. What is not in r
// yet has to be told by wrote.
func (l *tails) absent(r storage.Reader, id object.ID) (bool, error) {
	t := l.of[id.Table()]
	if t == nil {
		var err error
		if t, err = loadTail(r, id.Table()); err != nil {
			return false, err
		}
		l.of[id.Table()] = t
	}
	if id <= t.floor {
		return false, nil
	}
	_, found := t.ids[id]
	return !found, nil
}

// loadTail finds the last object of a table.
func loadTail(r storage.Reader, table object.TableID) (t *tail, err error) {
	it, err := r.NewIterator(tableRange(prefixObjects, table))
	if err != nil {
		return nil, err
	}
	t = &tail{ids: make(map[object.ID]struct{})}
	if it.Last() {
		t.floor = object.ID(it.Key()[1:])
	}
	t.top = t.floor
	err = it.Err()
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	return t, err
}

// wrote notes an object that is in the store from now on.
func (l *tails) wrote(id object.ID) {
	t := l.of[id.Table()]
	if t == nil || id <= t.floor {
		return
	}
	if _, known := t.ids[id]; known {
		return
	}
	if len(t.ids) >= tailIDs || t.bytes+len(id) > tailBytes {
		clear(t.ids)
		t.floor, t.bytes = max(t.top, id), 0
		t.top = t.floor
		return
	}
	t.ids[id] = struct{}{}
	t.bytes += len(id)
	t.top = max(t.top, id)
}

// drop forgets a table.
func (l *tails) drop(table object.TableID) { delete(l.of, table) }
