package state

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// stored looks up objects and standings in what is stored.
type stored struct {
	r storage.Reader
	// Where r is the newest state: what is kept of it, and how often it was looked at.
	cache *cache
	looks *int
}

func (s stored) look() {
	if s.looks != nil {
		*s.looks++
	}
}

func (s stored) object(id object.ID) (record, bool, error) {
	if s.cache == nil {
		return s.read(id)
	}
	s.look()
	r, found, ticket := s.cache.get(id)
	if found {
		return r, true, nil
	}
	r, found, err := s.read(id)
	if found {
		s.cache.put(id, r, ticket)
	}
	return r, found, err
}

func (s stored) read(id object.ID) (record, bool, error) {
	var key [128]byte
	b, found, err := s.r.Get(nil, appendObjectKey(key[:0], prefixObjects, id))
	if err != nil || !found {
		return record{}, false, err
	}
	r, err := decodeRecord(b)
	return r, err == nil, err
}

func (s stored) marker(id object.ID) (marker, bool, error) {
	s.look()
	var key [128]byte
	b, found, err := s.r.Get(nil, appendObjectKey(key[:0], prefixMarkers, id))
	if err != nil || !found {
		return marker{}, false, err
	}
	m, err := decodeMarker(b)
	return m, err == nil, err
}

func (s stored) arrived(move object.LocationVersion, id object.ID) (bool, error) {
	s.look()
	var key [128]byte
	_, found, err := s.r.Get(nil, appendVersionKey(key[:0], prefixArrivals, move, id))
	return found, err
}

// floor returns the floor of location versions.
func (s stored) floor() (object.LocationVersion, error) {
	b, found, err := s.r.Get(nil, []byte{prefixFloor})
	if err != nil || !found {
		return 0, err
	}
	if len(b) != 8 {
		return 0, corrupt("floor")
	}
	return object.LocationVersion(binary.BigEndian.Uint64(b)), nil
}
