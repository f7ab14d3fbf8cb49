package state

import "github.com/ssmr/ssmr/internal/object"

// recent keeps objects of cache. It holds two generations, so that what is used stays.
type recent struct {
	limit int // of the bytes of one generation
	young map[object.ID]record
	old   map[object.ID]record
	bytes int // of young
}

// recentOverhead is what an object takes beside its id and its row.
const recentOverhead = 96

func recentBytes(id object.ID, r record) int { return len(id) + len(r.row) + recentOverhead }

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

// room reports whether nothing has to go for an object that is put in.
func (c *recent) room(id object.ID, r record) bool {
	size := recentBytes(id, r)
	return size <= c.limit/8 && (len(c.old) == 0 || c.bytes+size <= c.limit)
}

// put keeps an object. The row becomes the cache's.
func (c *recent) put(id object.ID, r record) {
	size := recentBytes(id, r)
	if size > c.limit/8 {
		c.remove(id)
		return
	}
	if c.bytes+size > c.limit {
		c.old, c.young, c.bytes = c.young, make(map[object.ID]record, len(c.young)), 0
	}
	if was, found := c.young[id]; found {
		c.bytes -= recentBytes(id, was)
	}
	c.young[id] = r
	c.bytes += size
}

func (c *recent) remove(id object.ID) {
	if was, found := c.young[id]; found {
		c.bytes -= recentBytes(id, was)
		delete(c.young, id)
	}
	delete(c.old, id)
}

func (c *recent) clear() {
	clear(c.young)
	c.old, c.bytes = nil, 0
}
