package storage

import (
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// content is what a group has in a store, up to where it is replaced as a whole. What was
// committed last is not in Pebble yet: it is gathered by key, and goes there in the order
// of the keys, all at once, when it is enough, or when somebody needs an order (an iterator,
// a snapshot, the deletion of a range) or durability. So a key that is written often is
// written to Pebble once, and of the others each is put beside the one before, where a
// commit of a few keys has to look for the place of each.
type content struct {
	*prefix

	moving sync.Mutex // held while changes go to Pebble
	order  []uint32   // guarded by moving

	mu      sync.RWMutex // guards what follows; not held while Pebble is called
	recent  *changes     // committed, and not on the way to Pebble
	leaving *changes     // on the way to Pebble; it does not change meanwhile
	moves   uint64       // how often changes have gone to Pebble
	dropped bool         // replaced: nothing goes to Pebble any more
	sent    bool         // recent are about to be moved
}

// recentBytes is the size of keys and values from which recent changes go to Pebble. Where
// they come to twice as much their commits wait for that.
func (o *Options) recentBytes() int { return o.MemTableBytes / 16 }

func newContent(p *prefix) *content {
	return &content{prefix: p, recent: new(changes), leaving: new(changes)}
}

// look appends the value of a key to dst. Where Pebble has to be asked it is not known;
// all that was committed before is in recent changes or in Pebble when moves is unchanged.
func (c *content) look(dst, key []byte) (value []byte, found, known bool, moves uint64) {
	hash := hashOf(key)
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, from := range [2]*changes{c.recent, c.leaving} {
		if one := from.find(hash, key); one != nil {
			value, found = from.get(dst, one)
			return value, found, true, c.moves
		}
	}
	return dst, false, false, c.moves
}

// get appends the newest value of a key to dst. The caller has entered the store.
func (c *content) get(s *Store, dst, key []byte) (value []byte, found bool, err error) {
	value, found, known, _ := c.look(dst, key)
	if known {
		return value, found, nil
	}
	return getFrom(s.db, dst, key)
}

// commit makes changes visible, all or none. The caller has entered the store.
func (c *content) commit(s *Store, writes *changes) error {
	c.mu.Lock()
	for !c.recent.hasRoom(len(writes.bytes)) {
		c.mu.Unlock()
		if err := c.settle(s); err != nil {
			return err
		}
		c.mu.Lock()
	}
	c.recent.addAll(writes)
	size, enough := len(c.recent.bytes), s.opts.recentBytes()
	send := size >= enough && !c.sent
	c.sent = c.sent || send
	c.mu.Unlock()
	if send {
		go c.send(s)
	}
	if size >= 2*enough {
		return c.settle(s)
	}
	return nil
}

// send moves recent changes to Pebble. Where that fails the store has failed, or is closed.
func (c *content) send(s *Store) {
	if s.enter() != nil {
		return
	}
	defer s.leave()
	_ = c.settle(s)
}

// settle returns when Pebble has all that was committed before the call. The caller has
// entered the store.
func (c *content) settle(s *Store) error {
	c.moving.Lock()
	defer c.moving.Unlock()
	c.mu.Lock()
	c.sent = false
	if len(c.leaving.list) > 0 {
		c.mu.Unlock()
		return s.Err() // as it was when these were to be moved
	}
	if c.dropped {
		c.recent.reset()
	}
	if len(c.recent.list) == 0 {
		c.mu.Unlock()
		return nil
	}
	c.recent, c.leaving = c.leaving, c.recent
	c.mu.Unlock()
	if err := c.move(s); err != nil {
		s.fail(fmt.Errorf("recent changes: %w", err))
		return s.Err()
	}
	c.mu.Lock()
	c.leaving.reset()
	c.moves++
	c.mu.Unlock()
	return nil
}

// move writes what is leaving to Pebble.
func (c *content) move(s *Store) error {
	b := s.db.NewBatchWithSize(len(c.leaving.bytes) + 16*len(c.leaving.list))
	defer b.Close()
	c.order = c.leaving.ordered(c.order[:0])
	if err := c.leaving.write(b, c.order); err != nil {
		return err
	}
	return s.apply(b, pebble.NoSync, s.db.Apply)
}

// drop has nothing go to Pebble any more.
func (c *content) drop() {
	c.moving.Lock()
	defer c.moving.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped = true
}
