package state

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// sight is the state that a read sees, without its overlay: what is stored, and what
// counts as being there beside it. A staged effect stands for what is stored, and
// that for what is outgoing: an object that is both has come back.
type sight struct {
	stored
	include  []object.TransactionID   // their staged effects count
	outgoing []object.LocationVersion // moves whose objects count as being here; newest first
}

// newSight is a state in which the staged effects of some transactions, and the
// objects of some moves, count.
func newSight(r storage.Reader, include []object.TransactionID, outgoing []object.LocationVersion) sight {
	s := sight{stored: stored{r: r}}
	if len(include) > 0 {
		s.include = slices.SortedFunc(slices.Values(include), compareTransactions)
		s.include = slices.Compact(s.include)
	}
	if len(outgoing) > 0 {
		s.outgoing = slices.Sorted(slices.Values(outgoing))
		slices.Reverse(s.outgoing)
		s.outgoing = slices.Compact(s.outgoing)
	}
	return s
}

func compareTransactions(a, b object.TransactionID) int {
	return cmp.Or(strings.Compare(string(a.Node), string(b.Node)), cmp.Compare(a.Incarnation, b.Incarnation),
		cmp.Compare(a.Sequence, b.Sequence))
}

// plain reports whether nothing counts but what is stored.
func (s *sight) plain() bool { return len(s.include) == 0 && len(s.outgoing) == 0 }

// object looks an object up.
func (s *sight) object(id object.ID) (record, bool, error) {
	if s.plain() {
		return s.stored.object(id)
	}
	var key []byte
	for _, t := range s.include {
		key = append(appendStagedPrefix(key[:0], t), id...)
		if b, found, err := s.r.Get(nil, key); err != nil {
			return record{}, false, err
		} else if found {
			r, present, err := decodeStaged(b)
			if !present {
				r = record{}
			}
			return r, present, err
		}
	}
	if r, found, err := s.stored.object(id); err != nil || found {
		return r, found, err
	}
	for _, move := range s.outgoing {
		key = appendVersionKey(key[:0], prefixOutgoing, move, id)
		b, found, err := s.r.Get(nil, key)
		if err != nil {
			return record{}, false, err
		}
		if !found {
			continue
		}
		if r, gone, err := decodeOutgoing(b); err != nil || gone {
			r.version = move
			return r, gone, err
		}
	}
	return record{}, false, nil
}

// marker returns what is remembered of an id: by the commit of an included
// transaction, or as it is stored.
func (s *sight) marker(id object.ID) (marker, bool, error) {
	var key []byte
	for _, t := range s.include {
		key = append(appendStagedPrefix(key[:0], t), id...)
		b, found, err := s.r.Get(nil, key)
		if err != nil {
			return marker{}, false, err
		}
		if !found {
			continue
		}
		e, err := decodeEffect(b)
		switch {
		case err != nil:
			return marker{}, false, err
		case e.vacant:
			return marker{kind: vacant, version: e.record.version}, true, nil
		case e.unmark || e.present:
			return marker{}, false, nil
		}
	}
	return s.stored.marker(id)
}

func (s *sight) stagedPrefixes() [][]byte {
	prefixes := make([][]byte, len(s.include))
	for i, t := range s.include {
		prefixes[i] = appendStagedPrefix(nil, t)
	}
	return prefixes
}

func (s *sight) outgoingPrefixes() [][]byte {
	prefixes := make([][]byte, len(s.outgoing))
	for i, move := range s.outgoing {
		prefixes[i] = appendVersionKey(nil, prefixOutgoing, move, "")
	}
	return prefixes
}
