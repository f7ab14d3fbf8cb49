package state

import (
	"errors"
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// ErrUnpinned is returned by methods of a Pinned that was closed. What was to be
// read from it has to be started over.
var ErrUnpinned = errors.New("state: the pinned state was let go")

// Pinned is the state of the partition at one moment, for any number of reads. Its
// methods may be called from many goroutines. It keeps old data from being freed:
// its owner closes it soon. Reads that have begun keep it until they are closed.
type Pinned struct {
	m     *Machine
	snap  *storage.Snapshot
	view  *view
	index uint64

	mu     sync.Mutex // guards what follows
	users  int        // queries under way, and the owner until Close
	closed bool

	listed       sync.Once // guards what follows
	transactions []command.PinnedTransaction
	staged       map[object.TransactionID]bool // those that have staged something
	partial      []object.TransactionID        // committed, and not all of it is carried out
	outgoing     []command.PinnedMove
	err          error
}

// Pin pins the state as it is now. The service calls it while replication shows
// nothing newer and under the leader's lease, so that the moment is known.
func (m *Machine) Pin() (*Pinned, error) {
	space := m.reading.Load()
	if space == nil {
		return nil, storage.ErrClosed
	}
	p := &Pinned{m: m, users: 1, index: m.shown.Load()}
	var err error
	if p.snap, err = space.Snapshot(); err != nil {
		return nil, err
	}
	p.view = m.published.Load()
	return p, nil
}

// Index is that of a log entry that the state contains, with all before it. It may
// contain a few more.
func (p *Pinned) Index() uint64 { return p.index }

// Transactions returns those that the state knows: prepared, or committed and not
// forgotten. It need not be called under the lease. The caller must not change them.
func (p *Pinned) Transactions() ([]command.PinnedTransaction, error) {
	if err := p.use(); err != nil {
		return nil, err
	}
	defer p.release()
	p.list()
	return p.transactions, p.err
}

// Outgoing returns the moves whose objects have left and that are not settled,
// ascending. It need not be called under the lease. The caller must not change them.
func (p *Pinned) Outgoing() ([]command.PinnedMove, error) {
	if err := p.use(); err != nil {
		return nil, err
	}
	defer p.release()
	p.list()
	return p.outgoing, p.err
}

// Arrived tells for each move whether its objects have come, in the pinned state.
func (p *Pinned) Arrived(moves []object.LocationVersion) ([]bool, error) {
	if err := p.use(); err != nil {
		return nil, err
	}
	defer p.release()
	src := stored{r: p.snap}
	floor, err := src.floor()
	if err != nil {
		return nil, err
	}
	arrived := make([]bool, len(moves))
	for i, move := range moves {
		if arrived[i] = move < floor; arrived[i] {
			continue // all moves below the floor are over, and what was noted of them is gone
		}
		if arrived[i], err = src.arrived(move, ""); err != nil {
			return nil, err
		}
	}
	return arrived, nil
}

// Begin makes a read of the pinned state ready: Pin of the query does nothing.
// View.Include and View.Outgoing say what counts beside what is stored, View.Pin
// does not matter. Nothing in it waits: a refusal as Awaited says that an object
// had not arrived at the pinned moment, so that its value is in another partition's
// Outgoing, or comes with a later moment.
func (p *Pinned) Begin(r *command.Read) (*Query, error) {
	if err := p.use(); err != nil {
		return nil, err
	}
	q := &Query{moment: p.moment(), read: r}
	q.t, q.refusal = p.view.schema(r.Table, r.Schema)
	return q, nil
}

// moment is the pinned state for a call, which keeps it until unpin.
func (p *Pinned) moment() moment { return moment{m: p.m, view: p.view, snap: p.snap, pinned: p} }

// Close lets the state go when the last read of it is closed. Calling it again is
// harmless.
func (p *Pinned) Close() {
	p.mu.Lock()
	closed := p.closed
	p.closed = true
	p.mu.Unlock()
	if !closed {
		p.release()
	}
}

// use keeps the state until release.
func (p *Pinned) use() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrUnpinned
	}
	p.users++
	return nil
}

func (p *Pinned) release() {
	p.mu.Lock()
	p.users--
	last := p.users == 0
	p.mu.Unlock()
	if last {
		_ = p.snap.Close()
	}
}

// sight is what a View means in the pinned state.
func (p *Pinned) sight(v *command.View) (sight, error) {
	if p.list(); p.err != nil {
		return sight{}, p.err
	}
	include := p.partial
	for _, t := range v.Include {
		if p.staged[t] {
			include = append(include[:len(include):len(include)], t)
		}
	}
	return newSight(p.snap, include, v.Outgoing), nil
}

// list reads what the state knows of transactions and moves.
func (p *Pinned) list() {
	p.listed.Do(func() {
		if p.err = p.listMoves(); p.err == nil {
			p.err = p.listTransactions()
		}
	})
}

func (p *Pinned) listMoves() error {
	return readOutgoing(p.snap, func(move object.LocationVersion, to object.PartitionID) error {
		if to != 0 {
			p.outgoing = append(p.outgoing, command.PinnedMove{Move: move, To: to})
		}
		return nil
	})
}

func (p *Pinned) listTransactions() error {
	return readTransactions(p.snap, func(t *transactionRecord) error {
		if t.state == command.TransactionPrepared || t.state == command.TransactionCommitted {
			p.transactions = append(p.transactions, command.PinnedTransaction{
				ID: t.id, State: t.state, Participants: t.participants,
			})
		}
		if t.staged > 0 {
			if p.staged == nil {
				p.staged = make(map[object.TransactionID]bool)
			}
			p.staged[t.id] = true
		}
		if t.partial() {
			p.partial = append(p.partial, t.id)
		}
		return nil
	})
}

// partial reports whether the effects of a committed transaction are carried out in
// part: who sees the state has to count the others.
func (t *transactionRecord) partial() bool {
	return t.state == command.TransactionCommitted && t.staged > 0
}

// readPartial returns the transactions of which a state has only a part.
func readPartial(r storage.Reader) (partial []object.TransactionID, err error) {
	err = readTransactions(r, func(t *transactionRecord) error {
		if t.partial() {
			partial = append(partial, t.id)
		}
		return nil
	})
	return partial, err
}
