package state

import (
	"encoding/binary"
	"maps"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// installTable keeps a descriptor that is newer than what is there.
func (x *entry) installTable(b *command.InstallTable) (*command.Result, error) {
	desc := b.Table
	live := x.m.live
	if live.dropped[desc.ID] {
		return &command.Result{Refusal: &command.Refusal{Reason: command.SchemaOld}}, nil
	}
	if old := live.tables[desc.ID]; old != nil && old.desc.Version >= desc.Version {
		return &command.Result{}, nil
	}
	t, err := makeTable(desc)
	if err == nil {
		x.value, err = command.EncodeTable(desc)
	}
	if err != nil {
		return &command.Result{Err: pgerror.New(pgerror.InternalError, "descriptor of table %q: %v", desc.Name, err)}, nil
	}
	x.key = appendTableKey(x.key[:0], prefixTables, desc.ID)
	x.batch.Set(x.key, x.value)
	v := x.m.change()
	v.tables = maps.Clone(v.tables)
	v.tables[desc.ID] = t
	x.m.arrivals = true
	return &command.Result{}, nil
}

// dropTable removes a table and what belongs to it, whatever its size, by three
// range deletions. What moves have outgoing of it goes with the moves.
func (x *entry) dropTable(b *command.DropTable) (*command.Result, error) {
	live := x.m.live
	if live.dropped[b.Table] {
		return &command.Result{}, nil
	}
	x.flush()
	size := x.m.sizes.of[b.Table]
	for _, prefix := range []byte{prefixObjects, prefixMarkers} {
		lower, upper := tableRange(prefix, b.Table)
		x.batch.DeleteRange(lower, upper)
	}
	x.m.cache.pause()
	x.m.tails.drop(b.Table)
	x.batch.Delete(appendTableKey(nil, prefixTables, b.Table))
	x.batch.Set(appendTableKey(nil, prefixDropped, b.Table), nil)
	x.resize(b.Table, Size{}.minus(size))
	v := x.m.change()
	v.tables, v.dropped = maps.Clone(v.tables), maps.Clone(v.dropped)
	delete(v.tables, b.Table)
	v.dropped[b.Table] = true
	x.m.arrivals = true
	return &command.Result{Affected: size.Objects}, nil
}

// installSlots takes over a newer set of slots.
func (x *entry) installSlots(b *command.InstallSlots) (*command.Result, error) {
	if b.Version <= x.m.live.slots.version {
		return &command.Result{}, nil
	}
	slots := newSlotSet(b.Slots, b.Version)
	x.batch.Set([]byte{prefixSlots}, slots.encode())
	x.m.change().slots = slots
	x.m.arrivals = true
	return &command.Result{}, nil
}

// raiseFloor forgets what lies below the new floor.
func (x *entry) raiseFloor(b *command.RaiseFloor) (*command.Result, error) {
	if b.Floor > x.m.live.floor {
		x.batch.Set([]byte{prefixFloor}, binary.BigEndian.AppendUint64(nil, uint64(b.Floor)))
		x.m.change().floor = b.Floor
		for _, prefix := range []byte{prefixMoves, prefixOutgoing, prefixArrivals} {
			if prefix == prefixMoves {
				if err := x.countSettled(b.Floor); err != nil {
					return nil, err
				}
			}
			lower, upper := versionRange(prefix, 0, b.Floor)
			x.batch.DeleteRange(lower, upper)
		}
	}
	return &command.Result{}, x.forget()
}
