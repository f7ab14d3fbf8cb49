package state

import "github.com/ssmr/ssmr/internal/object"

// recent keeps objects that were read from the store, so that the next who wants one of
// them need not. It holds two generations, so that what is used stays. Machine.recent is
// for commands: it belongs to the goroutine that applies, and always says what the store
// says, because every write of an object goes through entry.flush, which tells it. Those
// of readCache are for reads.
type recent struct {
	limit int // of the bytes of one generation
	young map[object.ID]record
	old   map[object.ID]record
	bytes int // of young
}

// recentOverhead is what an object takes beside its id and its row.
const recentOverhead = 96

func newRecent(limit int) recent {
	return recent{limit: limit / 2, young: make(map[object.ID]record)}
}

// get returns an object. Its row must not be changed.
func (c *recent) get(id object.ID) (record, bool) {
	if r, found := c.young[id]; found {
		return r, true
	}
	r, found := c.old[id]
	if found {
		c.put(id, r)
	}
	return r, found
}

// put keeps an object. The row becomes the cache's.
func (c *recent) put(id object.ID, r record) {
	size := len(id) + len(r.row) + recentOverhead
	if size > c.limit/8 {
		c.remove(id)
		return
	}
	if c.bytes+size > c.limit {
		c.old, c.young, c.bytes = c.young, make(map[object.ID]record, len(c.young)), 0
	}
	if was, found := c.young[id]; found {
		c.bytes -= len(id) + len(was.row) + recentOverhead
	}
	c.young[id] = r
	c.bytes += size
}

// update notes what became of an object that was kept. The row is copied.
func (c *recent) update(id object.ID, present bool, r record) {
	if !present {
		c.remove(id)
		return
	}
	r.row = append(make([]byte, 0, len(r.row)), r.row...)
	c.put(id, r)
}

func (c *recent) remove(id object.ID) {
	if was, found := c.young[id]; found {
		c.bytes -= len(id) + len(was.row) + recentOverhead
		delete(c.young, id)
	}
	delete(c.old, id)
}

func (c *recent) clear() {
	clear(c.young)
	c.old, c.bytes = nil, 0
}
