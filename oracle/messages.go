package oracle

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Methods of the cluster transport. On the wire: append only.
const (
	methodLocate uint16 = 0x0201 + iota
	methodAssign
	methodRelease
	methodMove
	methodSequence
	methodSchema
	methodCatalog
	methodInitialise
	methodMoves
	methodHistory
)

// streamUpdates is the stream of updates that nodes subscribe to.
const streamUpdates = "oracle-updates"

// locateRequest asks where objects live. With confirm, locations below the floor
// are given new versions, so that what they stamp is not refused.
type locateRequest struct {
	confirm bool
	ids     []object.ID
}

func (m *locateRequest) append(dst []byte) []byte {
	return appendIDs(appendBool(dst, m.confirm), m.ids)
}

func decodeLocateRequest(b []byte) (*locateRequest, error) {
	d := decoder{b: b}
	m := &locateRequest{confirm: d.bool(), ids: d.ids()}
	return m, d.end()
}

// locateAnswer holds a location for each id, zero where there is none, as of a
// state that is at least as new as clock.
type locateAnswer struct {
	clock     uint64
	locations []object.Location
}

func (m *locateAnswer) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, m.clock)
	dst = binary.AppendUvarint(dst, uint64(len(m.locations)))
	for _, l := range m.locations {
		dst = appendLocation(dst, l)
	}
	return dst
}

func decodeLocateAnswer(b []byte) (*locateAnswer, error) {
	d := decoder{b: b}
	m := &locateAnswer{clock: d.uvarint()}
	m.locations = make([]object.Location, d.count())
	for i := range m.locations {
		m.locations[i] = d.location()
	}
	return m, d.end()
}

func appendAssigned(dst []byte, answers []assigned) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(answers)))
	for _, a := range answers {
		var flags byte
		if a.busy {
			flags |= assignedBusy
		}
		if a.barred {
			flags |= assignedBarred
		}
		dst = append(appendLocation(dst, a.location), flags)
	}
	return dst
}

// Flags of an answer to an assignment. On the wire: append only.
const (
	assignedBusy byte = 1 << iota
	assignedBarred
)

func decodeAssigned(b []byte) ([]assigned, error) {
	d := decoder{b: b}
	answers := make([]assigned, d.count())
	for i := range answers {
		answers[i] = assigned{location: d.location()}
		flags := d.byte()
		answers[i].busy, answers[i].barred = flags&assignedBusy != 0, flags&assignedBarred != 0
	}
	return answers, d.end()
}

// appendAssignRequest encodes a request of assignments; their origins follow behind them,
// where there are any.
func appendAssignRequest(dst []byte, items []catalog.Assignment) []byte {
	dst = appendAssignments(dst, items)
	if !slices.ContainsFunc(items, hasOrigin) {
		return dst
	}
	return appendOrigins(dst, items)
}

func decodeAssignRequest(b []byte) ([]catalog.Assignment, error) {
	d := decoder{b: b}
	items := d.assignments()
	if len(d.b) > 0 {
		d.origins(items)
	}
	return items, d.end()
}

// appendMoveRequest encodes a request of moves. What it means to pins, who wants it, and
// the sizes of the objects follow where that is not the usual.
func appendMoveRequest(dst []byte, m *catalog.MoveRequest) []byte {
	dst = appendIDs(binary.AppendUvarint(dst, uint64(m.To)), m.IDs)
	if m.Pin == catalog.KeepPins && m.Origin == (catalog.Origin{}) && m.Reasons == nil && m.Bytes == nil {
		return dst
	}
	dst = appendWish(dst, m.Pin, &m.Origin, m.Reasons)
	dst = binary.AppendUvarint(dst, uint64(len(m.Bytes)))
	for _, n := range m.Bytes {
		dst = binary.AppendUvarint(dst, uint64(max(n, 0)))
	}
	return dst
}

func decodeMoveRequest(b []byte) (*catalog.MoveRequest, error) {
	d := decoder{b: b}
	m := &catalog.MoveRequest{To: object.PartitionID(d.uint32()), IDs: d.ids()}
	if len(d.b) == 0 {
		return m, d.end()
	}
	m.Pin, m.Origin, m.Reasons = d.wish(len(m.IDs))
	count := d.count()
	if count != 0 && count != len(m.IDs) {
		return nil, errMalformed
	}
	for range count {
		m.Bytes = append(m.Bytes, int64(d.uvarint()&math.MaxInt64))
	}
	return m, d.end()
}

// appendMoveResults encodes the results of a move: one byte each.
func appendMoveResults(dst []byte, results []catalog.MoveResult) []byte {
	for _, r := range results {
		dst = append(dst, byte(r))
	}
	return dst
}

func decodeMoveResults(b []byte) []catalog.MoveResult {
	results := make([]catalog.MoveResult, len(b))
	for i, c := range b {
		results[i] = catalog.MoveResult(c)
	}
	return results
}

// schemaRequest asks for a schema change; one of its pointers is set.
type schemaRequest struct {
	Request   RequestID
	Create    *catalog.TableSpec       `json:",omitempty"`
	Alter     *catalog.Change          `json:",omitempty"`
	Drop      *catalog.Drop            `json:",omitempty"`
	Truncate  *catalog.Truncate        `json:",omitempty"`
	Policy    *catalog.PolicyChange    `json:",omitempty"`
	Partition *catalog.PartitionChange `json:",omitempty"`
}

// command returns the log command of the request.
func (m *schemaRequest) command() (logCommand, error) {
	switch {
	case m.Create != nil:
		return &createTable{Request: m.Request, Spec: *m.Create}, checkTable(m.Create.Table)
	case m.Alter != nil:
		return &alterTable{Request: m.Request, Change: *m.Alter}, checkTable(m.Alter.Table)
	case m.Drop != nil:
		return &dropTables{Request: m.Request, Drop: *m.Drop}, nil
	case m.Truncate != nil:
		return &truncate{Request: m.Request, Truncate: *m.Truncate}, nil
	case m.Policy != nil:
		return &changePolicy{Request: m.Request, Change: *m.Policy}, checkPolicy(m.Policy)
	case m.Partition != nil:
		return &changePartition{Request: m.Request, Change: *m.Partition}, checkLimits(&m.Partition.Limits)
	}
	return nil, errMalformed
}

// checkTable refuses descriptors that the state machine could not work with.
func checkTable(t *catalog.Table) error {
	if t == nil || t.Name == "" || len(t.PrimaryKey) == 0 {
		return pgerror.New(pgerror.InternalError, "the description of a table is incomplete")
	}
	for _, c := range t.PrimaryKey {
		if c < 0 || c >= len(t.Columns) {
			return pgerror.New(pgerror.InternalError, "the primary key of a table names column %d of %d", c, len(t.Columns))
		}
	}
	for _, c := range t.Placement.Columns {
		if c < 0 || c >= len(t.PrimaryKey) {
			return pgerror.New(pgerror.InternalError, "the placement of a table names key column %d of %d", c, len(t.PrimaryKey))
		}
	}
	return nil
}

// schemaReply is the answer to a schemaRequest. Pending means: ask again, with
// the same request.
type schemaReply struct {
	Pending bool `json:",omitempty"`
	Created bool `json:",omitempty"`
	Table   object.TableID
	Err     *pgerror.Error `json:",omitempty"`
}

// delta is what has changed in the catalog: all of it for who has nothing.
type delta struct {
	Version uint64
	Base    uint64           `json:",omitempty"` // what it is the difference to
	Full    bool             `json:",omitempty"` // what is not in Tables does not exist
	Tables  []*catalog.Table `json:",omitempty"`
	Removed []object.TableID `json:",omitempty"`
	Slots   []byte           `json:",omitempty"` // as appendCluster
	// Policies are all that there are; nil where they are as they were.
	Policies []catalog.Policy `json:",omitzero"`
}

// difference returns what makes next of old; old may be nil.
func difference(old, next *catalog.Snapshot) *delta {
	d := &delta{Version: next.Version, Full: old == nil}
	if old != nil {
		d.Base = old.Version
	}
	for id, t := range next.Tables {
		if old == nil || old.Tables[id] == nil || old.Tables[id].Version != t.Version {
			d.Tables = append(d.Tables, t)
		}
	}
	if old != nil {
		for id := range old.Tables {
			if next.Tables[id] == nil {
				d.Removed = append(d.Removed, id)
			}
		}
	}
	if len(next.Slots) > 0 && (old == nil || len(old.Slots) == 0 || &old.Slots[0] != &next.Slots[0] || &old.Partitions[0] != &next.Partitions[0]) {
		d.Slots = appendCluster(nil, next.Partitions, next.Slots)
	}
	if old == nil || !slices.EqualFunc(old.Policies, next.Policies, samePolicy) {
		d.Policies = append([]catalog.Policy{}, next.Policies...)
	}
	return d
}

// samePolicy reports whether two descriptions are one: versions are not used twice.
func samePolicy(a, b catalog.Policy) bool { return a.Name == b.Name && a.Version == b.Version }

// apply makes the next snapshot.
func (d *delta) apply(old *catalog.Snapshot) (*catalog.Snapshot, error) {
	next := &catalog.Snapshot{
		Version: d.Version, Partitions: old.Partitions, Slots: old.Slots, Policies: old.Policies,
		Tables: make(map[object.TableID]*catalog.Table), ByName: make(map[string]*catalog.Table),
	}
	if !d.Full {
		for id, t := range old.Tables {
			next.Tables[id] = t
		}
	}
	for _, id := range d.Removed {
		delete(next.Tables, id)
	}
	for _, t := range d.Tables {
		next.Tables[t.ID] = t
		if was := old.Tables[t.ID]; was != nil && was.Version == t.Version {
			next.Tables[t.ID] = was // plans compare descriptors by identity
		}
	}
	for _, t := range next.Tables {
		next.ByName[t.Name] = t
	}
	if d.Policies != nil {
		next.Policies = d.Policies
	}
	if len(d.Slots) > 0 {
		var err error
		if next.Partitions, next.Slots, err = decodeCluster(d.Slots); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// decodeDelta is the inverse of json.Marshal.
func decodeDelta(b []byte) (*delta, error) {
	d := new(delta)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, errMalformed
	}
	for _, t := range d.Tables {
		if err := checkTable(t); err != nil {
			return nil, err
		}
	}
	return d, nil
}
