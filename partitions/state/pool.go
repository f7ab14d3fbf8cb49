package state

// pool hands out values that are zero, and takes all of them back at once.
type pool[T any] struct {
	chunks [][]T
	used   int
}

const (
	poolChunk  = 64
	poolChunks = 16 // that are kept
)

// take returns a value that belongs to the caller until reset.
func (p *pool[T]) take() *T {
	i := p.used / poolChunk
	if i == len(p.chunks) {
		p.chunks = append(p.chunks, make([]T, poolChunk))
	}
	p.used++
	return &p.chunks[i][(p.used-1)%poolChunk]
}

// reset takes back all values.
func (p *pool[T]) reset() {
	if len(p.chunks) > poolChunks {
		clear(p.chunks[poolChunks:])
		p.chunks = p.chunks[:poolChunks]
	}
	for _, chunk := range p.chunks {
		n := min(p.used, poolChunk)
		clear(chunk[:n])
		p.used -= n
	}
	p.used = 0
}
