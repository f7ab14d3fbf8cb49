package partitions

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/object"
)

// rounds lets snapshots of the same partitions that are wanted while one is being taken
// share the next one: however many scans a node has under way, it holds writes back
// for one of them at a time.
type rounds struct {
	mu     sync.Mutex
	byList map[string]*queue // by the partitions' encoded ids; those that are in use
}

// queue is the round that is being taken, and the one that gathers behind it.
type queue struct{ now, next *round }

// round is a snapshot that several share.
type round struct {
	done   chan struct{} // closed when what follows is set
	err    error         // errAbandoned: nobody has taken it
	shared *sharedParts
	wanted int // handles; guarded by rounds.mu until done
}

// sharedParts are a snapshot's pinned states, and how many handles use them.
type sharedParts struct {
	parts map[object.PartitionID]*pinnedPart
	users atomic.Int32
}

// errAbandoned says that whoever was to take a round did not want it any more.
var errAbandoned = errors.New("the snapshot was given up by the statement that was to take it")

// share returns a snapshot that take has made since the call, for this caller alone or
// for several.
func (r *rounds) share(ctx context.Context, c *Client, list []object.PartitionID, take func() (*sharedParts, error)) (*Snapshot, error) {
	key := listKey(list)
	for {
		mine, before, leads := r.join(key)
		if before != nil && leads {
			select {
			case <-before:
			case <-ctx.Done():
			}
		}
		if leads {
			if ctx.Err() != nil {
				r.end(key, mine, nil, errAbandoned)
				return nil, c.notExecuted(ctx, list[0])
			}
			r.begin(key, mine)
			parts, err := take()
			if err != nil && ctx.Err() != nil {
				r.end(key, mine, nil, errAbandoned)
				return nil, err
			}
			r.end(key, mine, parts, err)
		}
		select {
		case <-mine.done:
		case <-ctx.Done():
			if r.leave(mine) {
				(&Snapshot{c: c, sharedParts: mine.shared}).Close()
			}
			return nil, c.notExecuted(ctx, list[0])
		}
		switch {
		case mine.err == nil:
			return &Snapshot{c: c, sharedParts: mine.shared}, nil
		case mine.err != errAbandoned:
			return nil, mine.err
		}
	}
}

// join takes part in the next round that has not begun. leads: the caller has to take it,
// when before, if not nil, is closed.
func (r *rounds) join(key string) (mine *round, before <-chan struct{}, leads bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.byList[key]
	if q == nil {
		if r.byList == nil {
			r.byList = make(map[string]*queue)
		}
		q = &queue{}
		r.byList[key] = q
	}
	if q.next == nil {
		q.next, leads = &round{done: make(chan struct{})}, true
		if q.now != nil {
			before = q.now.done
		}
	}
	q.next.wanted++
	return q.next, before, leads
}

// begin says that a round is being taken: who comes now takes part in the one after it.
func (r *rounds) begin(key string, mine *round) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.byList[key]
	q.now, q.next = mine, nil
}

// end tells all that take part in a round.
func (r *rounds) end(key string, mine *round, parts *sharedParts, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.byList[key]
	if q.now == mine {
		q.now = nil
	}
	if q.next == mine {
		q.next = nil
	}
	if q.now == nil && q.next == nil {
		delete(r.byList, key)
	}
	if parts != nil {
		parts.users.Store(int32(mine.wanted))
	}
	mine.shared, mine.err = parts, err
	close(mine.done)
}

// leave gives up a place in a round, and reports whether it has become a handle, which is
// to be closed.
func (r *rounds) leave(mine *round) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if mine.shared == nil {
		mine.wanted--
	}
	return mine.shared != nil
}

func listKey(list []object.PartitionID) string {
	key := make([]byte, 0, 2*len(list))
	for _, p := range list {
		key = binary.AppendUvarint(key, uint64(p))
	}
	return string(key)
}
