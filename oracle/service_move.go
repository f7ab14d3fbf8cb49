package oracle

import (
	"context"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// movePending is the result, between client and service, of an object whose move
// goes on: ask again.
const movePending catalog.MoveResult = 255

// moveWait is a request of moves that is being waited for.
type moveWait struct {
	request *catalog.MoveRequest
	results []catalog.MoveResult
	todo    []int                            // indexes of ids that no batch moves yet
	joined  map[object.LocationVersion][]int // indexes by batch
}

// handleMove intends the moves, and waits within bounds until they are finished.
// It may be asked again for what is pending: moves to the same partition are one.
func (s *Service) handleMove(ctx context.Context, req []byte) ([]byte, error) {
	request, err := decodeMoveRequest(req)
	if err != nil {
		return nil, err
	}
	if !s.machine.hasPartition(request.To) {
		return nil, errNoPartition(request.To)
	}
	w := &moveWait{
		request: request, results: make([]catalog.MoveResult, len(request.IDs)),
		joined: make(map[object.LocationVersion][]int),
	}
	for i := range request.IDs {
		w.results[i] = movePending
		w.todo = append(w.todo, i)
	}
	deadline := time.NewTimer(holdFor)
	defer deadline.Stop()
	for {
		changed := s.machine.changed.wait()
		if err := s.intend(ctx, w); err != nil {
			return nil, err
		}
		s.machine.collect(w)
		if len(w.joined) == 0 && len(w.todo) == 0 {
			return appendMoveResults(nil, w.results), nil
		}
		if done, err := s.await(ctx, changed, deadline.C); err != nil {
			return nil, err
		} else if done {
			return appendMoveResults(nil, w.results), nil
		}
	}
}

// intend logs the moves of what is to do, in batches.
func (s *Service) intend(ctx context.Context, w *moveWait) error {
	todo := w.todo
	w.todo = nil
	for len(todo) > 0 {
		n := s.sizes.batch(w.request.IDs[todo[0]].Table(), s.cfg.MoveBatch, s.cfg.MoveBytes)
		part := todo[:min(n, len(todo))]
		todo = todo[len(part):]
		c := &beginMoves{to: w.request.To, at: time.Now().UnixMicro()}
		for _, i := range part {
			c.ids = append(c.ids, w.request.IDs[i])
		}
		result, err := s.propose(ctx, c)
		if err != nil {
			return err
		}
		for n, answer := range result.([]intent) {
			i := part[n]
			switch {
			case answer.result != catalog.MoveUnknown:
				w.results[i] = answer.result
			case answer.busy:
				w.todo = append(w.todo, i)
			default:
				w.joined[answer.move] = append(w.joined[answer.move], i)
			}
		}
	}
	return nil
}

// collect takes the outcomes of finished batches. A batch of which nothing is
// known any more is asked for anew.
func (m *Machine) collect(w *moveWait) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for move, indexes := range w.joined {
		if b := m.st.batches[move]; b != nil && !b.done {
			continue
		}
		delete(w.joined, move)
		outcome := m.outcome(move)
		if outcome == nil {
			w.todo = append(w.todo, indexes...)
			continue
		}
		for _, i := range indexes {
			switch outcome[w.request.IDs[i]] {
			case gone:
				w.results[i] = catalog.Moved
			case deferred:
				w.todo = append(w.todo, i)
			default:
				w.results[i] = catalog.NotFound
			}
		}
	}
}

// outcome says what became of the objects of a finished batch; nil where it is
// not known any more. The caller holds mu.
func (m *Machine) outcome(move object.LocationVersion) map[object.ID]fate {
	for _, f := range m.finished {
		if f.move == move {
			fates := make(map[object.ID]fate, len(f.ids))
			for i, id := range f.ids {
				fates[id] = f.fates[i]
			}
			return fates
		}
	}
	return nil
}

// rowSizes remembers how large the rows of tables are, so that batches of moves
// come out near the size that they aim at.
type rowSizes struct {
	mu     sync.Mutex
	tables map[object.TableID]rowSize // guarded by mu
}

type rowSize struct {
	average, largest float64
}

// firstBatch is the number of objects that move together while nothing is known
// of their size.
const firstBatch = 16

// maxSizes bounds the tables that sizes are remembered of.
const maxSizes = 1024

func (r *rowSizes) batch(table object.TableID, most, bytes int) int {
	r.mu.Lock()
	size, ok := r.tables[table]
	r.mu.Unlock()
	if !ok {
		return max(1, min(firstBatch, most))
	}
	n := min(float64(bytes)/size.average, 8*float64(bytes)/size.largest)
	return max(1, min(most, int(n)))
}

// observe notes the rows of a batch.
func (r *rowSizes) observe(table object.TableID, rows [][]byte) {
	total, largest := 0, 0
	for _, row := range rows {
		total += len(row)
		largest = max(largest, len(row))
	}
	if len(rows) == 0 || total == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tables == nil || len(r.tables) >= maxSizes {
		r.tables = make(map[object.TableID]rowSize)
	}
	average := float64(total) / float64(len(rows))
	size, ok := r.tables[table]
	if !ok {
		size.average = average
	}
	size.average += (average - size.average) / 4
	size.largest = max(float64(largest), size.largest*0.95)
	r.tables[table] = size
}
