package state

import (
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// view is what a partition knows beside its objects. Immutable once published;
// the maps are copied before they change.
type view struct {
	partition object.PartitionID
	tables    map[object.TableID]*table
	dropped   map[object.TableID]bool
	slots     *slotSet
	floor     object.LocationVersion
}

// schema finds the descriptor that a command was planned against, or says why the
// command cannot be executed.
func (v *view) schema(id object.TableID, version object.SchemaVersion) (*table, *command.Refusal) {
	t := v.tables[id]
	switch {
	case v.dropped[id]:
		return nil, &command.Refusal{Reason: command.SchemaOld}
	case t == nil:
		return nil, &command.Refusal{Reason: command.SchemaNew}
	case version < t.desc.Version:
		return nil, &command.Refusal{Reason: command.SchemaOld, Schema: t.desc.Version}
	case version > t.desc.Version:
		return nil, &command.Refusal{Reason: command.SchemaNew, Schema: t.desc.Version}
	}
	return t, nil
}

// home reports whether the static rule puts the object here.
func (v *view) home(t *table, id object.ID) bool {
	return t.desc.Placement.Static && v.slots.owns(t.desc.Slot(id))
}

// source is where a standing is looked up.
type source interface {
	// marker returns what is remembered of an id.
	marker(id object.ID) (marker, bool, error)
	// arrived reports whether an object has arrived with a move; with an empty id,
	// whether anything has.
	arrived(move object.LocationVersion, id object.ID) (bool, error)
}

// standing says how the partition stands to an id that it holds no object of.
type standing uint8

const (
	owned     standing = iota // nothing is there, and a create may put it there
	elsewhere                 // another partition owns it, or the oracle knows
	awaited                   // it is on its way
)

// stand decides it. target is what the sender believes in. For elsewhere, where
// is what is known; for owned, version is the location version that a create
// gives the object.
//
// What makes an id the partition's: the static rule, unless a marker says that it
// left; a marker that says that it is vacant; or a location version of the sender
// that is newer than any marker. Markers are forgotten below the floor, where no
// version of a sender counts for a create any more. A version that was made by a
// move counts only after the arrival.
func (v *view) stand(t *table, src source, target *command.Target, creating bool) (st standing, where object.Location, version object.LocationVersion, err error) {
	m, found, err := src.marker(target.ID)
	if err != nil {
		return 0, where, 0, err
	}
	if found && m.kind == vacant {
		return owned, where, max(m.version, target.Version), nil
	}
	if found && m.void(v.floor) {
		found = false
	}
	switch {
	case found && target.Version <= m.version:
		return elsewhere, m.location(), 0, nil
	case !found && v.home(t, target.ID):
		return owned, where, 0, nil
	case target.Version == 0:
		return elsewhere, where, 0, nil
	case target.Version < v.floor:
		if creating || found {
			return elsewhere, where, 0, nil
		}
		return owned, where, 0, nil
	case !target.Arriving && !t.desc.Placement.Static:
		return owned, where, target.Version, nil
	}
	st, err = v.arrival(src, target)
	return st, where, target.Version, err
}

// arrival decides about a version that was made by a move.
func (v *view) arrival(src source, target *command.Target) (standing, error) {
	arrived, err := src.arrived(target.Version, target.ID)
	if err != nil || arrived {
		return owned, err
	}
	// The others of its batch have come: it was left out, and lives where it lived.
	if arrived, err = src.arrived(target.Version, ""); err != nil || arrived {
		return elsewhere, err
	}
	return awaited, nil
}
