package state

import (
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// traces says since when the markers of a table tell of all objects that have left. Who
// compares a range outside of the log has no lock on it, and compares other partitions'
// at other moments: an object that came into the range, and had left it again before it was
// looked at here, may arrive elsewhere after it was looked at there. So a departure since the
// range was read is a difference. Its marker tells of it, until it is removed.
type traces struct {
	mu     sync.Mutex
	opened uint64                    // for all tables: the entry that the partition was opened at
	since  map[object.TableID]uint64 // the last entry that has removed such a marker
}

// reset forgets all: what was removed before is not known.
func (t *traces) reset(index uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened, t.since = index, make(map[object.TableID]uint64)
}

// lost notes that a marker of an object that has left is removed.
func (t *traces) lost(table object.TableID, index uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.since[table] = index
}

// complete reports whether the markers tell of all departures after an entry.
func (t *traces) complete(table object.TableID, after uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.opened, t.since[table]) <= after
}

// leftSince reports whether an object has left a span after an entry.
func leftSince(r storage.Reader, s command.Span, after uint64) (left bool, err error) {
	it, err := r.NewIterator(appendObjectKey(nil, prefixMarkers, s.Start), appendObjectKey(nil, prefixMarkers, s.End))
	if err != nil {
		return false, err
	}
	for ok := it.First(); ok && err == nil && !left; ok = it.Next() {
		var m marker
		m, err = decodeMarker(it.Value())
		left = m.left > after
	}
	if err == nil {
		err = it.Err()
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	return left, err
}

// departed reports whether an object may have left a range since it was read.
func (c *comparison) departed(r *command.Range) (bool, error) {
	for _, s := range orderSpans(r.Spans, r.Table) {
		if left, err := leftSince(c.sight.stored.r, s, r.Print.Index); err != nil || left {
			return left, err
		}
	}
	return !c.m.traces.complete(r.Table, r.Print.Index), nil
}
