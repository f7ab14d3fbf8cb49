package state

import (
	"bytes"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// walker goes through the objects of a span in the order of their keys, or against
// it. It merges what is stored with staged effects and outgoing objects, and needs
// the same memory however many there are.
type walker struct {
	it       *storage.Iterator
	reverse  bool
	started  bool
	at       bool // it is at an object that was not skipped yet
	ended    bool
	merging  bool
	staged   strands
	outgoing strands
	moves    []object.LocationVersion // of outgoing, by rank
	buf      []byte                   // of id

	// The object, after next. They are valid until the next call of next or close.
	id     []byte
	record record
}

// walk begins to go through the objects of a span, which lies within one table.
func (s *sight) walk(span command.Span, reverse bool) (*walker, error) {
	it, err := s.r.NewIterator(appendObjectKey(nil, prefixObjects, span.Start), appendObjectKey(nil, prefixObjects, span.End))
	if err != nil {
		return nil, err
	}
	w := &walker{it: it, reverse: reverse}
	if s.plain() {
		return w, nil
	}
	w.merging, w.moves = true, s.outgoing
	err = w.staged.start(s.r, prefixStaged, s.stagedPrefixes(), span, reverse)
	if err == nil {
		err = w.outgoing.start(s.r, prefixOutgoing, s.outgoingPrefixes(), span, reverse)
	}
	if err != nil {
		_ = w.close()
		return nil, err
	}
	return w, nil
}

// next moves to the next object and reports whether there is one.
func (w *walker) next() (bool, error) {
	if w.merging {
		return w.nextMerged()
	}
	if !w.move() {
		return false, w.it.Err()
	}
	w.id = w.it.Key()[1:]
	return true, w.decode()
}

// move moves the iterator of what is stored.
func (w *walker) move() bool {
	switch {
	case w.started && w.reverse:
		return w.it.Prev()
	case w.started:
		return w.it.Next()
	}
	w.started = true
	if w.reverse {
		return w.it.Last()
	}
	return w.it.First()
}

func (w *walker) decode() (err error) {
	w.record, err = decodeRecord(w.it.Value())
	if w.it.Err() != nil {
		err = w.it.Err()
	}
	return err
}

// nextMerged takes the first key of the three sources. A staged effect stands for
// what is stored, and that for what is outgoing: an object that is stored and
// outgoing has come back since.
func (w *walker) nextMerged() (bool, error) {
	for {
		if err := w.skip(); err != nil {
			return false, err
		}
		if !w.at && !w.ended {
			w.at = w.move()
			w.ended = !w.at
			if err := w.it.Err(); err != nil {
				return false, err
			}
		}
		id, found := w.first()
		if !found {
			return false, nil
		}
		w.buf = append(w.buf[:0], id...)
		w.id = w.buf
		if present, err := w.take(); err != nil || present {
			return present, err
		}
	}
}

// first returns the first key that is left.
func (w *walker) first() (id []byte, found bool) {
	if w.at {
		id, found = w.it.Key()[1:], true
	}
	for _, s := range [...]*strands{&w.staged, &w.outgoing} {
		if len(s.heads) == 0 {
			continue
		}
		head := s.heads[0].id
		if c := bytes.Compare(head, id); !found || c != 0 && (c < 0) != w.reverse {
			id, found = head, true
		}
	}
	return id, found
}

// take reads the object w.id and reports whether it is there.
func (w *walker) take() (present bool, err error) {
	if w.staged.at(w.id) {
		value, err := w.staged.value()
		if err != nil {
			return false, err
		}
		w.record, present, err = decodeStaged(value)
		return present, err
	}
	if w.at && bytes.Equal(w.it.Key()[1:], w.id) {
		return true, w.decode()
	}
	for w.outgoing.at(w.id) {
		value, err := w.outgoing.value()
		if err != nil {
			return false, err
		}
		if w.record, present, err = decodeOutgoing(value); err != nil || present {
			w.record.version = w.moves[w.outgoing.heads[0].rank]
			return present, err
		}
		if err := w.outgoing.advance(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// skip goes past the object that was taken.
func (w *walker) skip() error {
	for _, s := range [...]*strands{&w.staged, &w.outgoing} {
		for s.at(w.id) {
			if err := s.advance(); err != nil {
				return err
			}
		}
	}
	if w.at && bytes.Equal(w.it.Key()[1:], w.id) {
		w.at = false
	}
	return nil
}

// close ends the walk.
func (w *walker) close() error {
	err := w.it.Close()
	for _, s := range []*strands{&w.staged, &w.outgoing} {
		if closeErr := s.close(); err == nil {
			err = closeErr
		}
	}
	return err
}
