package execute

import (
	"context"
	"sync"

	"github.com/ssmr/ssmr/internal/object"
)

// sequences hands out the values of serial columns from blocks that the oracle
// reserved for this node. Blocks of dropped tables are kept as long as the node
// runs: a few bytes each.
type sequences struct {
	source Sequences
	block  int
	state  *sequenceState
}

type sequenceState struct {
	mu     sync.Mutex // guards blocks; the blocks' own fields belong to who holds turn
	blocks map[sequenceKey]*sequenceBlock
}

type sequenceKey struct {
	table  object.TableID
	column int
}

type sequenceBlock struct {
	turn      chan struct{} // holds one token
	next, end int64
	size      int // of the next block; grows while the sequence is in use
}

func newSequences(source Sequences, block int) sequences {
	return sequences{source: source, block: block, state: &sequenceState{blocks: make(map[sequenceKey]*sequenceBlock)}}
}

func (s sequences) get(key sequenceKey) *sequenceBlock {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	b := s.state.blocks[key]
	if b == nil {
		b = &sequenceBlock{turn: make(chan struct{}, 1), size: s.block}
		b.turn <- struct{}{}
		s.state.blocks[key] = b
	}
	return b
}

// next returns one value. While a block is fetched, the others that want a value
// wait for it.
func (s sequences) next(ctx context.Context, table object.TableID, column int) (int64, error) {
	b := s.get(sequenceKey{table, column})
	select {
	case <-b.turn:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { b.turn <- struct{}{} }()
	if b.next >= b.end {
		first, err := s.source.AllocateSequence(ctx, table, column, b.size)
		if err != nil {
			return 0, err
		}
		b.next, b.end = first, first+int64(b.size)
		b.size = min(b.size*2, maxSequenceGrowth*s.block)
	}
	b.next++
	return b.next - 1, nil
}

// maxSequenceGrowth bounds a block as a multiple of the configured size.
const maxSequenceGrowth = 16
