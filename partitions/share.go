package partitions

import (
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// A part is sent in chunks: of at most so many bytes, targets and Writes, each far
// below what a log entry can hold.
const (
	chunkBytes   = 4 << 20
	chunkTargets = 8192
	chunkWrites  = 512
)

// share is one participant's part of a transaction that is under way.
type share struct {
	partition object.PartitionID
	part      *command.Part
	index     int     // in Transaction.Parts
	chunks    []chunk // that are left to be sent
	sent      int     // chunks that were answered yes
	whole     *command.Vote
	returned  int // bytes of rows
	vote      *command.Vote
	err       error
}

// chunk is what one Prepare carries. For each of its Writes, writes says which one
// of the part it belongs to, and offset how many of its targets came before; nil:
// they are those of the part.
type chunk struct {
	part   command.Part
	writes []int
	offset []int
}

// split cuts a part into chunks. A Write over spans has a chunk of its own where it is
// not alone, because it may have to go on before what follows it.
func split(part *command.Part) []chunk {
	if fits(part) {
		return []chunk{{part: *part}}
	}
	s := splitter{}
	s.now.part.Tables, s.now.part.Ranges = part.Tables, part.Ranges
	for i := range part.Ranges {
		s.bytes += len(part.Ranges[i].Program) + spanBytes(part.Ranges[i].Spans)
	}
	for i := range part.Effects {
		e := &part.Effects[i]
		s.room(len(e.ID) + len(e.Row) + 32)
		s.now.part.Effects = append(s.now.part.Effects, *e)
		s.targets++
	}
	for i, w := range part.Writes {
		s.write(i, w)
	}
	s.end()
	return s.chunks
}

type splitter struct {
	chunks         []chunk
	now            chunk
	bytes, targets int
}

// room ends the chunk where so many bytes do not fit in any more.
func (s *splitter) room(bytes int) {
	if s.bytes > 0 && s.bytes+bytes > chunkBytes || s.targets >= chunkTargets || len(s.now.part.Writes) >= chunkWrites {
		s.end()
	}
	s.bytes += bytes
}

func (s *splitter) end() {
	tables := s.now.part.Tables
	s.chunks = append(s.chunks, s.now)
	s.now = chunk{}
	s.now.part.Tables = tables // of the effects that follow
	s.bytes, s.targets = 0, 0
}

// write adds a Write, cut by its targets where it has many.
func (s *splitter) write(index int, w *command.Write) {
	if len(w.Targets) == 0 {
		if s.bytes > 0 || len(s.now.part.Writes) > 0 {
			s.end()
		}
		s.add(index, 0, w)
		s.end()
		return
	}
	head := len(w.Program) + 64
	s.room(head)
	for from := 0; from < len(w.Targets); {
		to, bytes := from, 0
		for to < len(w.Targets) && s.targets < chunkTargets {
			t := &w.Targets[to]
			size := len(t.ID) + len(t.Row) + 16
			if to > from && s.bytes+bytes+size > chunkBytes {
				break
			}
			bytes += size
			s.targets++
			to++
		}
		if to > from {
			some := *w
			some.Targets = w.Targets[from:to:to]
			some.Context.Seed += uint64(from)
			s.add(index, from, &some)
			s.bytes += bytes
		}
		if from = to; from < len(w.Targets) {
			s.end()
			s.bytes = head
		}
	}
}

func (s *splitter) add(index, offset int, w *command.Write) {
	s.now.part.Writes = append(s.now.part.Writes, w)
	s.now.writes = append(s.now.writes, index)
	s.now.offset = append(s.now.offset, offset)
}

// fits reports whether a part can be sent in one command.
func fits(part *command.Part) bool {
	bytes, targets := 0, len(part.Effects)
	for i := range part.Ranges {
		bytes += len(part.Ranges[i].Program) + spanBytes(part.Ranges[i].Spans)
	}
	for i := range part.Effects {
		bytes += len(part.Effects[i].ID) + len(part.Effects[i].Row) + 32
	}
	spans := false
	for _, w := range part.Writes {
		bytes += len(w.Program) + spanBytes(w.Spans) + 64
		targets += len(w.Targets)
		for i := range w.Targets {
			bytes += len(w.Targets[i].ID) + len(w.Targets[i].Row) + 16
		}
		spans = spans || len(w.Targets) == 0
	}
	return bytes <= chunkBytes && targets <= chunkTargets && len(part.Writes) <= chunkWrites && (!spans || len(part.Writes) == 1)
}

func spanBytes(spans []command.Span) int {
	n := 0
	for _, s := range spans {
		n += len(s.Start) + len(s.End) + 8
	}
	return n
}

// take adds the yes of the first chunk that is left. It reports whether there are more
// to be sent: the next chunks, or what a Write over spans has not come to.
func (s *share) take(v *command.Vote) (more bool) {
	now := s.chunks[0]
	s.chunks = s.chunks[1:]
	s.sent++
	rest := restOf(&now, v)
	if s.whole == nil && len(s.chunks) == 0 && rest == nil {
		s.whole = v // as it is
		return false
	}
	if s.whole == nil {
		s.whole = &command.Vote{Results: make([]*command.Result, len(s.part.Writes))}
		for i := range s.whole.Results {
			s.whole.Results[i] = new(command.Result)
		}
	}
	for i, result := range v.Results {
		s.merge(&now, i, result)
	}
	if rest != nil {
		s.chunks = slices.Insert(s.chunks, 0, *rest)
	}
	return len(s.chunks) > 0
}

// merge adds the result of a Write of a chunk to that of the part's Write.
func (s *share) merge(c *chunk, i int, result *command.Result) {
	index, offset := i, 0
	if c.writes != nil {
		index, offset = c.writes[i], c.offset[i]
	}
	whole := s.whole.Results[index]
	whole.Affected += result.Affected
	whole.Rows = append(whole.Rows, result.Rows...)
	for _, row := range result.Rows {
		s.returned += len(row)
	}
	for _, at := range result.Absent {
		whole.Absent = append(whole.Absent, at+offset)
	}
}

// restOf is the chunk that goes on with a Write over spans, which is alone in its
// chunk; nil where it is done.
func restOf(c *chunk, v *command.Vote) *chunk {
	for i, result := range v.Results {
		if len(result.Rest) == 0 {
			continue
		}
		w := *c.part.Writes[i]
		w.Spans = result.Rest
		w.Context.Seed++
		index := i
		if c.writes != nil {
			index = c.writes[i]
		}
		return &chunk{part: command.Part{Writes: []*command.Write{&w}}, writes: []int{index}, offset: []int{0}}
	}
	return nil
}

// errReturned is the vote on a statement that returns more than a node holds.
func errReturned() *command.Vote {
	return &command.Vote{Err: pgerror.New(pgerror.ProgramLimitExceeded, "RETURNING gives more than %d bytes", maxReturned)}
}
