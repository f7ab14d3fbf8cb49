package state

import (
	"bytes"
	"container/heap"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/storage"
)

// strands merges the same span of ids under several prefixes, each of a transaction
// or a move, in the direction of a walk. It has one iterator, and keeps one id of
// each.
type strands struct {
	it      *storage.Iterator
	reverse bool
	heads   []*strand // a heap
	on      *strand   // the iterator is on the head of this one; nil: of none
	key     []byte
}

type strand struct {
	prefix []byte
	lower  []byte // of its keys
	upper  []byte
	rank   int    // of equal ids the one of the least rank is first
	id     []byte // its first id that is left
}

// start finds the heads. The prefixes begin with kind.
func (s *strands) start(r storage.Reader, kind byte, prefixes [][]byte, span command.Span, reverse bool) (err error) {
	s.reverse = reverse
	if len(prefixes) == 0 {
		return nil
	}
	if s.it, err = r.NewIterator([]byte{kind}, []byte{kind + 1}); err != nil {
		return err
	}
	for rank, prefix := range prefixes {
		t := &strand{
			prefix: prefix, rank: rank,
			lower: append(bytes.Clone(prefix), span.Start...),
			upper: append(bytes.Clone(prefix), span.End...),
		}
		ok := false
		if reverse {
			ok = s.it.SeekLT(t.upper)
		} else {
			ok = s.it.SeekGE(t.lower)
		}
		if s.arrive(t, ok) {
			s.heads = append(s.heads, t)
		}
		if err := s.it.Err(); err != nil {
			return err
		}
	}
	heap.Init(s)
	return nil
}

// arrive takes the key that the iterator is on for the head of a strand, if it is in it.
func (s *strands) arrive(t *strand, ok bool) bool {
	s.on = nil
	if !ok {
		return false
	}
	key := s.it.Key()
	if bytes.Compare(key, t.lower) < 0 || bytes.Compare(key, t.upper) >= 0 {
		return false
	}
	t.id = append(t.id[:0], key[len(t.prefix):]...)
	s.on = t
	return true
}

// at reports whether the first id that is left is this one.
func (s *strands) at(id []byte) bool { return len(s.heads) > 0 && bytes.Equal(s.heads[0].id, id) }

// value returns what the first id has. It is valid until the strands advance.
func (s *strands) value() ([]byte, error) {
	if err := s.settle(); err != nil {
		return nil, err
	}
	value := s.it.Value()
	return value, s.it.Err()
}

// settle brings the iterator to the first id.
func (s *strands) settle() error {
	t := s.heads[0]
	if s.on == t {
		return nil
	}
	s.key = append(append(s.key[:0], t.prefix...), t.id...)
	if !s.it.SeekGE(s.key) || !bytes.Equal(s.it.Key(), s.key) {
		if err := s.it.Err(); err != nil {
			return err
		}
		return corrupt("order of keys")
	}
	s.on = t
	return nil
}

// advance takes the first id away.
func (s *strands) advance() error {
	if err := s.settle(); err != nil {
		return err
	}
	ok := false
	if s.reverse {
		ok = s.it.Prev()
	} else {
		ok = s.it.Next()
	}
	if s.arrive(s.heads[0], ok) {
		heap.Fix(s, 0)
	} else {
		heap.Pop(s)
	}
	return s.it.Err()
}

func (s *strands) close() error {
	if s.it == nil {
		return nil
	}
	return s.it.Close()
}

// Len is of heap.Interface.
func (s *strands) Len() int { return len(s.heads) }

// Less is of heap.Interface: the first id of the direction is on top.
func (s *strands) Less(i, j int) bool {
	c := bytes.Compare(s.heads[i].id, s.heads[j].id)
	if c == 0 {
		return s.heads[i].rank < s.heads[j].rank
	}
	return (c < 0) != s.reverse
}

// Swap is of heap.Interface.
func (s *strands) Swap(i, j int) { s.heads[i], s.heads[j] = s.heads[j], s.heads[i] }

// Push is of heap.Interface.
func (s *strands) Push(x any) { s.heads = append(s.heads, x.(*strand)) }

// Pop is of heap.Interface.
func (s *strands) Pop() any {
	last := len(s.heads) - 1
	t := s.heads[last]
	s.heads[last] = nil
	s.heads = s.heads[:last]
	return t
}
