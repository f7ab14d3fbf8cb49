package state

import (
	"errors"
	"sync/atomic"

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
	m      *Machine
	snap   *storage.Snapshot
	view   *view
	index  uint64
	users  atomic.Int64 // queries under way, and one for the owner until Close
	closed atomic.Bool
}

// Pin pins the state as it is now. The service calls it while replication shows
// nothing newer and under the leader's lease, so that the moment is known.
func (m *Machine) Pin() (*Pinned, error) { return nil, errUnfinished }

// Index is that of a log entry that the state contains, with all before it. It may
// contain a few more.
func (p *Pinned) Index() uint64 { return p.index }

// Transactions returns those that the state knows: prepared, or committed and not
// forgotten. It need not be called under the lease. The caller must not change them.
func (p *Pinned) Transactions() ([]command.PinnedTransaction, error) { return nil, errUnfinished }

// Outgoing returns the moves whose objects have left and that are not settled,
// ascending. It need not be called under the lease. The caller must not change them.
func (p *Pinned) Outgoing() ([]command.PinnedMove, error) { return nil, errUnfinished }

// Arrived tells for each move whether its objects have come, in the pinned state.
func (p *Pinned) Arrived(moves []object.LocationVersion) ([]bool, error) { return nil, errUnfinished }

// Begin makes a read of the pinned state ready: Pin of the query does nothing.
// View.Include and View.Outgoing say what counts beside what is stored, View.Pin
// does not matter. Nothing in it waits: a refusal as Awaited says that an object
// had not arrived at the pinned moment, so that its value is in another partition's
// Outgoing, or comes with a later moment.
func (p *Pinned) Begin(r *command.Read) (*Query, error) { return nil, errUnfinished }

// Evaluate is Machine.Evaluate in the pinned state.
func (p *Pinned) Evaluate(e *command.Evaluate) (*Evaluating, error) { return nil, errUnfinished }

// Close lets the state go when the last read of it is closed. Calling it again is
// harmless.
func (p *Pinned) Close() {}

var errUnfinished = errors.New("state: not built yet")
