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
// table or the like. Short keys of one kind are one region. Each flush makes a file for each
// region that was written, and each is compacted for itself. So where many are in use,
// files are cut between kinds only; whether it is fewer now is tried again from time to time.
type regions struct {
	most int // that are in use

	mu     sync.Mutex // guards what follows: compactions ask beside each other
	seen   map[string]struct{}
	asked  int // since seen was empty, or files are cut between kinds only
	coarse bool
}

const (
	regionBytes = 1 + 4
	// A file of a flush has so many bytes or more on average.
	fileBytes    = 256 << 10
	leastRegions = 16
	// coarseAsked is how often it is asked before finer cuts are tried again.
	coarseAsked = 1000
)

func newRegions(memTable int) *regions {
	return &regions{most: max(leastRegions, memTable/fileBytes), seen: make(map[string]struct{})}
}

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

// fine notes a region, and reports whether files are cut around it.
func (r *regions) fine(region []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	switch {
	case r.coarse && r.asked < coarseAsked:
		return false
	case r.coarse, r.asked > 8*r.most:
		clear(r.seen)
		r.coarse, r.asked = false, 0
	}
	r.seen[string(region)] = struct{}{}
	if len(r.seen) > r.most {
		r.coarse, r.asked = true, 0
	}
	return !r.coarse
}
