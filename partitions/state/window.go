package state

import (
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/object"
)

// sender is what is remembered of the commands of one node: the window of
// sequences from base on. What lies below is forgotten: settled by the sender, or
// pushed out by newer results. All of it follows from the log.
type sender struct {
	node        object.NodeID
	incarnation uint64
	base        uint64
	results     []remembered    // of the sequences base, base+1, ...
	bytes       int             // of the outcomes in results
	stored      []storedResults // in the order of their entries; the last one tells
	storedBase  uint64          // what the last one says

	// Of the entry under execution:
	touched   bool
	fresh     []byte // (sequence, outcome)... to be stored
	freshLast uint64 // the greatest sequence in fresh
	restarted bool   // a newer incarnation has come: what is stored is void
}

// remembered is one outcome; executed without an outcome was too large to keep.
type remembered struct {
	executed bool
	outcome  []byte
}

// storedResults is a stored record of results: those of one log entry. Its slot is the
// index of the first entry that has used it. last is the greatest sequence in it; 0
// where there is none.
type storedResults struct{ slot, last uint64 }

// verdict is what a window says about a command.
type verdict uint8

const (
	execute verdict = iota
	repeat
	expired
)

// admit decides about a command and forgets what its sender has settled.
func (s *sender) admit(id object.CommandID, settled uint64) (verdict, []byte) {
	if id.Incarnation < s.incarnation {
		return expired, nil
	}
	if id.Incarnation > s.incarnation {
		*s = sender{node: s.node, incarnation: id.Incarnation, stored: s.stored, touched: s.touched, restarted: true}
	}
	if settled > s.base {
		s.forget(settled)
	}
	if id.Sequence < s.base {
		return expired, nil
	}
	if i := id.Sequence - s.base; i < uint64(len(s.results)) && s.results[i].executed {
		if s.results[i].outcome == nil {
			return expired, nil
		}
		return repeat, s.results[i].outcome
	}
	return execute, nil
}

// forget moves the base up.
func (s *sender) forget(base uint64) {
	for s.base < base && len(s.results) > 0 {
		s.bytes -= len(s.results[0].outcome)
		s.results[0] = remembered{}
		s.results = s.results[1:]
		s.base++
	}
	s.base = max(s.base, base)
}

// remember keeps the outcome of a command that admit let pass.
func (s *sender) remember(sequence uint64, outcome []byte) {
	if len(outcome) > rememberedBytes {
		outcome = nil
	}
	s.fresh = binary.AppendUvarint(s.fresh, sequence)
	s.fresh = binary.AppendUvarint(s.fresh, uint64(len(outcome)))
	s.fresh = append(s.fresh, outcome...)
	s.freshLast = max(s.freshLast, sequence)
	s.keep(sequence, outcome)
}

// keep puts an outcome into the window and holds the window within its bounds.
func (s *sender) keep(sequence uint64, outcome []byte) {
	if sequence < s.base {
		return
	}
	if sequence-s.base >= windowSize {
		s.forget(sequence - windowSize + 1)
	}
	i := int(sequence - s.base)
	for len(s.results) <= i {
		s.results = append(s.results, remembered{})
	}
	s.results[i] = remembered{executed: true, outcome: outcome}
	s.bytes += len(outcome)
	for s.bytes > windowBytes {
		s.forget(s.base + 1)
	}
}

// decodeResults calls keep for each of the results in a stored record, behind what
// appendWindow has written, and returns the greatest sequence.
func (s *sender) decodeResults(b []byte) (last uint64, err error) {
	for len(b) > 0 {
		sequence, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, corrupt("results")
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return 0, corrupt("results")
		}
		outcome := b[n+m : n+m+int(size)]
		b = b[n+m+int(size):]
		last = max(last, sequence)
		if size == 0 {
			outcome = nil
		}
		s.keep(sequence, outcome)
	}
	return last, nil
}

// appendWindow begins a stored record of results: the entry that has written it, and
// the window as that has left it. Of a sender the newest record tells.
func appendWindow(dst []byte, index uint64, s *sender) []byte {
	dst = binary.AppendUvarint(dst, index)
	dst = binary.AppendUvarint(dst, s.incarnation)
	return binary.AppendUvarint(dst, s.base)
}

// window is a stored record of results, taken apart.
type window struct {
	slot, index, incarnation, base uint64
	results                        []byte
}

// decodeWindow reads a key under prefixResults, without the prefix, and its value. The
// results belong to value.
func decodeWindow(key, value []byte) (node object.NodeID, w window, err error) {
	n, size := binary.Uvarint(key)
	if size <= 0 || uint64(len(key)-size) < 8 || n != uint64(len(key)-size-8) {
		return "", w, corrupt("key of results")
	}
	c := cutter{b: value}
	w = window{slot: binary.BigEndian.Uint64(key[len(key)-8:]), index: c.uint(), incarnation: c.uint(), base: c.uint()}
	if c.bad {
		return "", w, corrupt("results")
	}
	w.results = c.b
	return object.NodeID(key[size : len(key)-8]), w, nil
}
