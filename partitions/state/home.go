package state

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// isHome reports whether everything in spans that exists is here: the static rule gives
// their objects to this partition, and none of them lives elsewhere. The sender says
// that the objects of each span have one slot.
//
// The home's markers tell. The one of an object that leaves is written in the entry that
// takes it out, it stays through all moves between others, and the entry that brings the
// object back, or ends its exception, removes it. So rows and markers of one state together
// are all that there is at that moment. The first such marker is enough to know, and those of
// other kinds are not left at an object's home.
func (v *view) isHome(r storage.Reader, t *table, spans []command.Span) (bool, error) {
	if !t.desc.Placement.Static {
		return false, nil
	}
	for _, s := range orderSpans(spans, t.desc.ID) {
		if !v.slots.owns(t.desc.Slot(s.Start)) {
			return false, nil
		}
		left, err := hasLeft(r, s)
		if err != nil || left {
			return false, err
		}
	}
	return true, nil
}

// hasLeft reports whether a marker in a span says that an object is elsewhere.
func hasLeft(r storage.Reader, s command.Span) (left bool, err error) {
	it, err := r.NewIterator(appendObjectKey(nil, prefixMarkers, s.Start), appendObjectKey(nil, prefixMarkers, s.End))
	if err != nil {
		return false, err
	}
	for ok := it.First(); ok && err == nil && !left; ok = it.Next() {
		var m marker
		m, err = decodeMarker(it.Value())
		left = m.location() != (object.Location{})
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	return left, err
}

// refusesHome refuses a Write over spans that asks for their home.
func (x *entry) refusesHome(w *command.Write, t *table) (*command.Refusal, error) {
	if !w.Home || len(w.Spans) == 0 {
		return nil, nil
	}
	x.flush()
	home, err := x.m.live.isHome(x.batch, t, w.Spans)
	if err != nil || home {
		return nil, err
	}
	return &command.Refusal{Reason: command.Elsewhere}, nil
}
