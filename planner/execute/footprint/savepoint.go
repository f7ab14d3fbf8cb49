package footprint

import "github.com/ssmr/ssmr/internal/command"

// undo is what an object was before a write.
type undo struct {
	object *Object
	kind   command.EffectKind
	row    []byte
}

// undoBytes is about what one takes.
const undoBytes = 64

// savepoint is a place in the journal.
type savepoint struct {
	name string
	at   int
}

// Savepoints is how many there are.
func (f *Footprint) Savepoints() int { return len(f.points) }

// Savepoint makes a savepoint. One of the same name is hidden by it.
func (f *Footprint) Savepoint(name string) {
	f.points = append(f.points, savepoint{name, len(f.journal)})
	f.bytes += undoBytes + int64(len(name))
}

// find returns the newest savepoint of a name; -1 where there is none.
func (f *Footprint) find(name string) int {
	for i := len(f.points) - 1; i >= 0; i-- {
		if f.points[i].name == name {
			return i
		}
	}
	return -1
}

// RollbackTo takes back what was written since the newest savepoint of a name, and
// forgets the savepoints behind it. It reports whether there is such a one.
func (f *Footprint) RollbackTo(name string) bool {
	i := f.find(name)
	if i < 0 {
		return false
	}
	at := f.points[i].at
	for n := len(f.journal) - 1; n >= at; n-- {
		u := f.journal[n]
		f.bytes -= undoBytes + int64(len(u.row))
		f.set(u.object, u.kind, u.row)
	}
	clear(f.journal[at:])
	f.journal = f.journal[:at]
	f.drop(i + 1)
	return true
}

// Release forgets the newest savepoint of a name, and those behind it. It reports
// whether there is such a one.
func (f *Footprint) Release(name string) bool {
	i := f.find(name)
	if i < 0 {
		return false
	}
	f.drop(i)
	if len(f.points) == 0 {
		for i := range f.journal {
			f.bytes -= undoBytes + int64(len(f.journal[i].row))
		}
		f.journal = nil
	}
	return true
}

func (f *Footprint) drop(from int) {
	for _, p := range f.points[from:] {
		f.bytes -= undoBytes + int64(len(p.name))
	}
	f.points = f.points[:from]
}
