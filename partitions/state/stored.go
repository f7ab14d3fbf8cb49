package state

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// stored looks up standings in what is stored.
type stored struct{ r storage.Reader }

func (s stored) object(id object.ID) (record, bool, error) {
	var key [128]byte
	b, found, err := s.r.Get(nil, appendObjectKey(key[:0], prefixObjects, id))
	if err != nil || !found {
		return record{}, false, err
	}
	r, err := decodeRecord(b)
	return r, err == nil, err
}

func (s stored) marker(id object.ID) (marker, bool, error) {
	var key [128]byte
	b, found, err := s.r.Get(nil, appendObjectKey(key[:0], prefixMarkers, id))
	if err != nil || !found {
		return marker{}, false, err
	}
	m, err := decodeMarker(b)
	return m, err == nil, err
}

func (s stored) arrived(move object.LocationVersion, id object.ID) (bool, error) {
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
