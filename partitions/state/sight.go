package state

import (
	"slices"

	"github.com/ssmr/ssmr/internal/command"
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

// newSight is what a View means in a state, beside its overlay.
func newSight(r storage.Reader, v *command.View) sight {
	s := sight{stored: stored{r}, include: v.Include}
	if len(v.Outgoing) > 0 {
		s.outgoing = slices.Clone(v.Outgoing)
		slices.Sort(s.outgoing)
		slices.Reverse(s.outgoing)
		s.outgoing = slices.Compact(s.outgoing)
	}
	return s
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
			return decodeStaged(b)
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
