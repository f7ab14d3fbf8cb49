package oracle

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

const (
	firstBlock = 32   // values of the first block that a node takes
	mostBlock  = 4096 // values that a node takes in advance
	// maxSequences bounds the sequences that a node keeps blocks of.
	maxSequences = 4096
)

// sequences holds the blocks of sequence values that this node has taken.
type sequences struct {
	mu     sync.Mutex
	blocks map[sequenceKey]*block // guarded by mu
}

// block is what is left of the values of one sequence. Its lock is held while the
// next block is asked for, so that callers share one call.
type block struct {
	lock      chan struct{} // holds one token while unlocked
	next, end int64
	size      int64
}

func (s *sequences) block(k sequenceKey) *block {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.blocks[k]
	if b == nil {
		if s.blocks == nil || len(s.blocks) >= maxSequences {
			s.blocks = make(map[sequenceKey]*block) // what was left of them are gaps
		}
		b = &block{lock: make(chan struct{}, 1), size: firstBlock}
		b.lock <- struct{}{}
		s.blocks[k] = b
	}
	return b
}

// AllocateSequence reserves count values of a serial column's sequence, from first
// on, that nobody else gets. Values that are not used are gaps. The node takes
// blocks of values in advance, larger ones the more it needs.
func (c *Cache) AllocateSequence(ctx context.Context, table object.TableID, column, count int) (first int64, err error) {
	if count <= 0 || count > maxSequenceBlock || column < 0 {
		return 0, pgerror.New(pgerror.ProgramLimitExceeded, "a statement takes 1 to %d values of a sequence, not %d", maxSequenceBlock, count)
	}
	k := sequenceKey{table, column}
	b := c.sequences.block(k)
	select {
	case <-b.lock:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { b.lock <- struct{}{} }()
	n := int64(count)
	if b.end-b.next < n {
		size := max(b.size, n)
		from, err := c.askSequence(ctx, k, size)
		if err != nil {
			return 0, err
		}
		if from != b.end { // others have taken values between: the rest is a gap
			b.next = from
		}
		b.end = from + size
		b.size = min(2*b.size, mostBlock)
	}
	first = b.next
	b.next += n
	return first, nil
}

func (c *Cache) askSequence(ctx context.Context, k sequenceKey, count int64) (int64, error) {
	req := binary.AppendUvarint(nil, uint64(k.table))
	req = binary.AppendUvarint(req, uint64(k.column))
	answer, err := c.client.call(ctx, methodSequence, binary.AppendUvarint(req, uint64(count)))
	if err != nil {
		return 0, err
	}
	d := decoder{b: answer}
	first := d.uvarint()
	if err := d.end(); err != nil {
		return 0, err
	}
	return int64(first), nil
}
