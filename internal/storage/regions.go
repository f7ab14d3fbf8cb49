package storage

import (
	"bytes"
	"encoding/binary"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// regions tell where table files are cut. New objects often go to the ends of several
// tables and parts. A file that held the end of one and that of the next would overlap all
// that lies between, and every compaction of it would rewrite that: of inserts in the order
// of their keys, half of what they cost.
//
// A region is what long keys of a part with the same first five bytes have: the kind, and a
// table or the like. Short keys of one kind are one region. Where there are many regions,
// files are cut between kinds only, so that they do not get too small.
type regions struct {
	mu     sync.Mutex // guards what follows: compactions ask beside each other
	known  map[string]struct{}
	coarse bool
}

const (
	regionBytes = 1 + 4
	maxRegions  = 1024
)

// policy is Pebble's SpanPolicyFunc: files end where its spans do.
func (r *regions) policy(key []byte) (pebble.SpanPolicy, []byte, error) {
	return pebble.SpanPolicy{}, r.end(key), nil
}

// end returns the first key behind the region of a key; nil where there is none.
func (r *regions) end(key []byte) []byte {
	if len(key) <= prefixLen+1 {
		return nil
	}
	n := prefixLen + 1
	_, part := binary.Uvarint(key[n:])
	n += max(part, 0)
	if n+regionBytes < len(key) && r.fine(key[:n+regionBytes]) {
		n += regionBytes
	} else {
		n = min(n+1, len(key))
	}
	end := bytes.Clone(key[:n])
	for i := n - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// fine notes a region, and reports whether files may be cut around it.
func (r *regions) fine(region []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.coarse {
		return false
	}
	if _, known := r.known[string(region)]; known {
		return true
	}
	if r.known == nil {
		r.known = make(map[string]struct{})
	}
	r.known[string(region)] = struct{}{}
	if r.coarse = len(r.known) > maxRegions; r.coarse {
		r.known = nil
	}
	return !r.coarse
}
