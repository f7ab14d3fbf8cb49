package oracle

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// The places of an object: who chose each, from its creation on; and they end with it.
func TestHistory(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", false)
	id := idOf(t, d.ID, 1)
	created := catalog.Origin{User: "ann", Policy: "geo", Version: "1.0", Reason: "country = 'de'"}
	assign := func(p object.PartitionID, origin catalog.Origin) object.Location {
		locations, err := o.cache.Assign(o.ctx(), []catalog.Assignment{{ID: id, Partition: p, Origin: origin}})
		if err != nil {
			t.Fatal(err)
		}
		return locations[0]
	}
	at := assign(1, created)
	o.partitions.put(1, id, "x", at.Version)
	assign(2, byAnn) // has a location
	o.wantHistory(id, catalog.Placed{To: 1, Origin: created})
	o.ask(catalog.MoveRequest{To: 2, IDs: []object.ID{id}, Origin: byGeo})
	o.changeLeader()
	o.ask(catalog.MoveRequest{To: 3, IDs: []object.ID{id}, Origin: byAnn, Pin: catalog.Pin})
	o.ask(catalog.MoveRequest{To: 3, IDs: []object.ID{id}, Origin: byAnn, Pin: catalog.Pin}) // changes nothing
	o.ask(catalog.MoveRequest{To: 3, IDs: []object.ID{id}, Origin: byAnn, Pin: catalog.Unpin})
	want := []catalog.Placed{
		{To: 1, Origin: created},
		{From: 1, To: 2, Origin: byGeo},
		{From: 2, To: 3, Origin: byAnn, Pinned: true},
		{From: 3, To: 3, Origin: byAnn},
	}
	o.wantHistory(id, want...)
	// A new version of the same place is none of the events.
	o.quiet()
	o.group.apply(&raiseFloor{}, &raiseFloor{})
	if _, err := o.cache.Confirm(o.ctx(), []object.ID{id}); err != nil {
		t.Fatal(err)
	}
	o.wantHistory(id, want...)
	for n := range 2 * maxPast {
		o.ask(catalog.MoveRequest{To: object.PartitionID(n%2 + 1), IDs: []object.ID{id}, Origin: catalog.Origin{Policy: "geo", Reason: fmt.Sprint(n)}})
	}
	places := o.history(id)
	if len(places) != maxPast+1 {
		t.Errorf("%d places are kept, want %d", len(places), maxPast+1)
	}
	for i, p := range places {
		if want := fmt.Sprint(2*maxPast - len(places) + i); p.Reason != want || i > 0 && p.From != places[i-1].To {
			t.Errorf("place %d: %+v, want that of move %s", i, p, want)
		}
	}
	d = o.cache.Catalog().Tables[d.ID]
	if err := o.cache.DropTables(o.ctx(), catalog.Drop{Tables: []catalog.TableRef{refOf(d)}}); err != nil {
		t.Fatal(err)
	}
	o.quiet()
	o.noRemains(t)
}

// Assignments of two statements that are sent together keep their origins.
func TestOriginsOfManyAssignments(t *testing.T) {
	o := startOracle(t)
	d := o.createTable("t", false)
	var items []catalog.Assignment
	for key := range int64(3000) {
		origin := catalog.Origin{User: fmt.Sprint("user", key%3), Policy: "geo", Version: "1.0", Reason: fmt.Sprint("because of ", key%7)}
		items = append(items, catalog.Assignment{ID: idOf(t, d.ID, key), Partition: object.PartitionID(key%4 + 1), Origin: origin})
	}
	if _, err := o.cache.Assign(o.ctx(), items); err != nil {
		t.Fatal(err)
	}
	for _, it := range items[2900:] {
		o.wantHistory(it.ID, catalog.Placed{To: it.Partition, Origin: it.Origin})
	}
}

// What an assignment costs: one key for each object, and in the log a few bytes for an
// origin that others of the entry have too.
func TestCostOfOrigins(t *testing.T) {
	w := newWorld(t)
	table := w.directoryID().Table()
	plain, named := &assign{}, &assign{at: time.Now().UnixMicro()}
	for key := range int64(1000) {
		it := catalog.Assignment{ID: idOf(t, table, 1000+key), Partition: 2}
		plain.items = append(plain.items, it)
		it.Origin = someone("the country is de")
		named.items = append(named.items, it)
	}
	if more := len(named.append(nil)) - len(plain.append(nil)); more > 4*1000+100 {
		t.Errorf("1000 origins take %d bytes in the log", more)
	}
	w.group.apply(named)
	keys, bytes := 0, 0
	if err := scan(w.group.space, keyDirectory, func(_, v []byte) error {
		keys, bytes = keys+1, bytes+len(v)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if keys > 1000/pageIDs+1 || bytes > 1000*6 {
		t.Errorf("1000 objects with neighbouring keys take %d keys and %d bytes", keys, bytes)
	}
	if err := scan(w.group.space, keyPast, func(key, _ []byte) error { return fmt.Errorf("key %x", key) }); err != nil {
		t.Errorf("a new object has a past: %v", err)
	}
}

func TestTextsOfOriginsAreBounded(t *testing.T) {
	long := strings.Repeat("ä€", 100)
	c, err := decodeCommand((&assign{items: []catalog.Assignment{{ID: "a", Partition: 1, Origin: someone(long)}}}).append(nil))
	if err != nil {
		t.Fatal(err)
	}
	got := c.(*assign).items[0].Origin.Reason
	if len(got) > maxOriginText || len(got) < maxOriginText-utf8.UTFMax || !utf8.ValidString(got) || !strings.HasPrefix(long, got) {
		t.Errorf("a reason of %d bytes comes out as %q", len(long), got)
	}
}

// What was stored before there were origins and pins is read as it is.
func TestEntriesOfBefore(t *testing.T) {
	w := newWorld(t)
	id, other := w.directoryID(), w.ids[5]
	at := w.assign(id, 1) // encoded as it was
	w.put(id, at.location)
	places, err := w.group.machine.history(id)
	if err != nil || !slices.Equal(places, []catalog.Placed{{To: 1}}) {
		t.Errorf("history %+v, %v", places, err)
	}
	// A batch of before.
	w.put(other, w.assign(other, 1).location)
	move := w.move(other, 2).move
	b := w.group.machine.st.batches[move]
	old := binary.AppendUvarint(nil, uint64(b.move))
	old = appendBool(appendBool(old, b.release), b.done)
	old = binary.AppendUvarint(old, uint64(b.table))
	old = binary.AppendUvarint(binary.AppendUvarint(old, uint64(b.from)), uint64(b.to))
	old = binary.AppendVarint(appendIDs(old, b.ids), b.started)
	if got, _, err := w.group.space.Get(nil, numberKey(keyBatch, uint64(move))); err != nil || !slices.Equal(got, old) {
		t.Errorf("the batch is stored as %x, want %x (%v)", got, old, err)
	}
	w.group.restart()
	w.newDriver()
	for k := w.task(move); w.advance(k); {
	}
	begin := &beginMoves{to: 3, ids: []object.ID{id}, whole: true, pin: catalog.Pin, origin: byAnn}
	for k := w.task(w.group.apply(begin)[0].([]intent)[0].move); w.advance(k); {
	}
	places, err = w.group.machine.history(id)
	if err != nil || len(places) != 1 || places[0].From != 1 || places[0].To != 3 || !places[0].Pinned {
		t.Errorf("history after a move %+v, %v", places, err)
	}
	w.check()
}

// The same log gives the same bytes, also to a replica that was started anew between two
// entries.
func TestSameLogSameBytes(t *testing.T) {
	w := newWorld(t)
	for range 1500 {
		w.step()
	}
	want := dump(t, w.group)
	for _, again := range []int{0, 7} {
		g := newGroup(t)
		for i, entry := range w.group.log {
			var commands []logCommand
			for _, b := range entry {
				c, err := decodeCommand(b)
				if err != nil {
					t.Fatal(err)
				}
				commands = append(commands, c)
			}
			g.apply(commands...)
			if again > 0 && i%again == 0 {
				g.restart()
			}
		}
		if got := dump(t, g); !slices.Equal(got, want) {
			t.Errorf("another replica (started anew every %d entries) holds other bytes: %d keys, want %d", again, len(got), len(want))
		}
	}
}

// dump returns all keys and values of a replica.
func dump(t *testing.T, g *memoryGroup) (lines []string) {
	t.Helper()
	for kind := byte('a'); kind <= 'z'; kind++ {
		if err := scan(g.space, kind, func(key, v []byte) error {
			lines = append(lines, fmt.Sprintf("%c%x=%x", kind, key, v))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

// A partition that is closed, or lacks what the table requires, gets no new objects.
func TestBarredPartitions(t *testing.T) {
	o := startOracle(t)
	spec := tableSpec("t", false)
	spec.Table.Rules = catalog.Rules{Require: map[string]string{"region": "eu"}}
	d, _, err := o.cache.CreateTable(o.ctx(), spec)
	if err != nil {
		t.Fatal(err)
	}
	limits := func(p object.PartitionID, l catalog.PartitionLimits) {
		if err := o.cache.ChangePartition(o.ctx(), catalog.PartitionChange{Partition: p, Limits: l}); err != nil {
			t.Fatal(err)
		}
	}
	eu := map[string]string{"region": "eu"}
	limits(1, catalog.PartitionLimits{Labels: eu})
	limits(2, catalog.PartitionLimits{Labels: eu, Closed: true})
	limits(3, catalog.PartitionLimits{Labels: map[string]string{"region": "us"}})
	for p := object.PartitionID(1); p <= 4; p++ {
		id := idOf(t, d.ID, int64(p))
		_, err := o.cache.Assign(o.ctx(), []catalog.Assignment{{ID: id, Partition: p, Origin: byAnn}})
		if want := p == 1; want != (err == nil) || !want && sqlState(err) != pgerror.SerializationFailure {
			t.Errorf("assigned to partition %d: %v", p, err)
		}
		if got := o.history(id); (len(got) == 1) != (p == 1) {
			t.Errorf("history after an assignment to partition %d: %+v", p, got)
		}
	}
	id := idOf(t, d.ID, 1)
	at, err := o.cache.Assign(o.ctx(), []catalog.Assignment{{ID: id, Partition: 3}})
	if err != nil || at[0].Partition != 1 {
		t.Fatalf("what has a location keeps it: %v, %v", at, err)
	}
	o.partitions.put(1, id, "x", at[0].Version)
	for p := object.PartitionID(2); p <= 4; p++ {
		for _, pin := range []catalog.PinMode{catalog.KeepPins, catalog.Pin, catalog.Unpin} {
			if got := o.ask(catalog.MoveRequest{To: p, IDs: []object.ID{id}, Pin: pin, Origin: byAnn}); !all(got, catalog.Barred) {
				t.Errorf("moved to partition %d: %v", p, got)
			}
		}
	}
	// What is there may be pinned there, also when it is closed meanwhile.
	limits(1, catalog.PartitionLimits{Labels: eu, Closed: true})
	if got := o.ask(catalog.MoveRequest{To: 1, IDs: []object.ID{id}, Pin: catalog.Pin, Origin: byAnn}); !all(got, catalog.AlreadyThere) {
		t.Errorf("pinned where it is: %v", got)
	}
	limits(2, catalog.PartitionLimits{Labels: eu})
	if got := o.ask(catalog.MoveRequest{To: 2, IDs: []object.ID{id}, Pin: catalog.Unpin, Origin: byAnn}); !all(got, catalog.Moved) {
		t.Errorf("moved to a partition that is open again: %v", got)
	}
}
