package oracle

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
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

// handleMove intends the moves, all in one entry of the log, and waits within bounds
// until they are finished. It may be asked again for what is pending: moves to the
// same partition are one.
func (s *Service) handleMove(ctx context.Context, req []byte) ([]byte, error) {
	request, err := decodeMoveRequest(req)
	if err != nil {
		return nil, err
	}
	if len(request.IDs) > maxMoveObjects {
		return nil, pgerror.New(pgerror.ProgramLimitExceeded, "more than %d objects are to be moved at once", maxMoveObjects)
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

// maxRequestBatches bounds the batches of one request and source, whatever the size of
// their rows: what a departure has no room for follows.
const maxRequestBatches = 64

// intend logs the moves of what is to do: all of it, or nothing while something of it
// is busy.
func (s *Service) intend(ctx context.Context, w *moveWait) error {
	if len(w.todo) == 0 {
		return nil
	}
	todo := w.todo
	wanted := part(w.request, todo)
	c := &beginMoves{
		to: w.request.To, ids: wanted.IDs, at: time.Now().UnixMicro(), whole: true, each: s.cfg.MoveBatch,
		pin: wanted.Pin, origin: wanted.Origin, reasons: wanted.Reasons,
	}
	for n, id := range c.ids {
		if n == 0 || id.Table() != c.ids[n-1].Table() {
			c.each = min(c.each, s.sizes.batch(id.Table(), s.cfg.MoveBatch, s.cfg.MoveBytes))
		}
	}
	c.each = max(c.each, (len(c.ids)+maxRequestBatches-1)/maxRequestBatches)
	paid, err := s.pay(&wanted)
	if err != nil {
		return err
	}
	c.unpaid = len(c.ids) - len(paid)
	result, err := s.propose(ctx, c)
	if err != nil {
		return err
	}
	answers := result.([]intent)
	s.budgets.giveBack(paid, answers)
	if slices.ContainsFunc(answers, func(a intent) bool { return a.busy }) {
		return nil
	}
	w.todo = nil
	s.verify(ctx, c.ids, answers)
	for n, answer := range answers {
		i := todo[n]
		if answer.result != catalog.MoveUnknown {
			w.results[i] = answer.result
		} else {
			w.joined[answer.move] = append(w.joined[answer.move], i)
		}
	}
	return nil
}

// verify has the homes of ids that were given an entry by a pin asked whether there are
// such objects; the entries of those that are not go again. What it cannot do now, the
// sweep does some day.
func (s *Service) verify(ctx context.Context, ids []object.ID, answers []intent) {
	var c beginReleases
	for n := range answers {
		if answers[n].made {
			c.ids = append(c.ids, ids[n])
		}
	}
	if len(c.ids) == 0 {
		return
	}
	if _, err := s.propose(ctx, &c); err != nil {
		s.logger.Debug("pinned objects are not verified", "count", len(c.ids), "error", err)
	}
}

// pay takes the moves of a request from the budgets of their tables, in order, as far as
// there is room; all where no budget is meant. What is there already need not be paid for.
func (s *Service) pay(m *catalog.MoveRequest) ([]payment, error) {
	paid := make([]payment, len(m.IDs))
	if !byPolicy(&m.Origin) {
		return paid, nil
	}
	at, _, err := s.machine.locate(m.IDs)
	if err != nil {
		return nil, err
	}
	for n, id := range m.IDs {
		t := s.machine.table(id.Table())
		if t == nil || at[n].Partition == m.To {
			continue
		}
		bytes := s.sizes.average(t.ID)
		if m.Bytes != nil {
			bytes = m.Bytes[n]
		}
		var ok bool
		if paid[n], ok = s.budgets.take(t, bytes); !ok {
			return paid[:n], nil
		}
	}
	return paid, nil
}

// collect takes the outcomes of finished batches, and follows what they left to others.
// A batch of which nothing is known any more is asked for anew.
func (m *Machine) collect(w *moveWait) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for move := range maps.Clone(w.joined) {
		// The chain of batches that follow one another ends: each comes after the last.
		for indexes := w.joined[move]; len(indexes) > 0; indexes = w.joined[move] {
			if b := m.st.batches[move]; b != nil && !b.done {
				break
			}
			delete(w.joined, move)
			f := m.outcome(move)
			if f == nil {
				w.todo = append(w.todo, indexes...)
				break
			}
			w.take(f, indexes)
			move = f.next
		}
	}
	slices.Sort(w.todo) // in the order of the request
}

// take notes what became of objects in a finished batch.
func (w *moveWait) take(f *finishedMove, indexes []int) {
	fates := make(map[object.ID]fate, len(f.ids))
	for i, id := range f.ids {
		fates[id] = f.fates[i]
	}
	for _, i := range indexes {
		switch fates[w.request.IDs[i]] {
		case gone:
			w.results[i] = catalog.Moved
		case deferred:
			w.todo = append(w.todo, i)
		case follows:
			w.joined[f.next] = append(w.joined[f.next], i)
		default:
			w.results[i] = catalog.NotFound
		}
	}
}

// outcome says what became of the objects of a finished batch; nil where it is
// not known any more. The caller holds mu.
func (m *Machine) outcome(move object.LocationVersion) *finishedMove {
	for _, f := range m.finished {
		if f.move == move {
			return f
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

// average returns the average size of the rows of a table; 0 while it is not known.
func (r *rowSizes) average(table object.TableID) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(r.tables[table].average)
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
