package oracle

import (
	"errors"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
)

// Objects of a table that is not static are assigned, and then created: two rounds of
// replication. Where the oracle shares its log with their partitions both are one
// entry: the oracle considers the assignment, the partitions the creates, with the
// location version that the assignment would give; all take effect, or none. It is for
// ids that the directory has no entry of. Of others the oracle says no, and they go the
// long way.

var _ replication.Joint = (*Machine)(nil)

// errNotAssign is of what must not get into a log.
var errNotAssign = errors.New("only assignments can be executed jointly")

// JointAssignment encodes the oracle's part: ids that are to be given locations. It is
// what Joint checks, and what Machine.Consider answers with a *command.Assigned.
func JointAssignment(items []catalog.Assignment, at time.Time) []byte {
	return (&assign{items: items, at: at.UnixMicro()}).append(nil)
}

// CheckJoint refuses what is no JointAssignment.
func CheckJoint(encoded []byte) error {
	c, err := decodeCommand(encoded)
	if err != nil {
		return err
	}
	if _, ok := c.(*assign); !ok {
		return errNotAssign
	}
	return nil
}

// Consider finds out whether all ids of an assignment can be given new locations.
func (m *Machine) Consider(encoded []byte, _ []any) (answer any, agreed bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.entry
	c, err := decodeCommand(encoded)
	a, ok := c.(*assign)
	if err == nil && !ok {
		err = errNotAssign
	}
	if err != nil {
		return nil, false, t.malformed(err)
	}
	agreed = t.fresh(a)
	if t.err != nil || !agreed {
		return new(command.Assigned), false, t.err
	}
	m.joint = a
	return &command.Assigned{Version: object.LocationVersion(t.upcoming())}, true, nil
}

// Decide carries out the assignment that was considered, or drops it.
func (m *Machine) Decide(carryOut bool) (answer any, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, a := m.entry, m.joint
	m.joint = nil
	if a == nil || !carryOut {
		return new(command.Assigned), nil
	}
	version := object.LocationVersion(t.tick())
	for from, to := range runs(a.items) {
		t.claim(a.items[from:to])
		for i := from; i < to; i++ {
			t.settleIn(a, &a.items[i], version)
		}
	}
	t.savePage()
	return &command.Assigned{Version: version}, t.err
}

// fresh reports whether all ids of an assignment would be given a location by it, a new
// one. They are different ids.
func (t *tx) fresh(c *assign) bool {
	for from, to := range runs(c.items) {
		vacant := t.vacantRun(c.items[from:to])
		for i := from; i < to; i++ {
			if t.placing(&c.items[i]) != free || !vacant && !t.entry(c.items[i].ID).IsZero() {
				return false
			}
		}
	}
	return len(c.items) > 0 && distinct(c.items)
}

// distinct reports whether no two items have one id.
func distinct(items []catalog.Assignment) bool {
	ascending := true
	for i := range items[1:] {
		ascending = ascending && items[i].ID < items[i+1].ID
	}
	if ascending {
		return true
	}
	seen := make(map[object.ID]struct{}, len(items))
	for i := range items {
		seen[items[i].ID] = struct{}{}
	}
	return len(seen) == len(items)
}
