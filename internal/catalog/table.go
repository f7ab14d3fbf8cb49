package catalog

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// Table describes a table as of one schema version. A descriptor that others
// can see is never changed: a schema change makes a new one.
//
// Expressions over a row of the table address columns by their index in
// Columns; the hidden columns follow behind (SystemColumns).
type Table struct {
	ID      object.TableID       `json:"id"`
	Version object.SchemaVersion `json:"version"`
	Name    string               `json:"name"`
	// Columns in the order of their creation. A dropped column keeps its place,
	// because a row names its columns by index.
	Columns []Column `json:"columns"`
	// PrimaryKey holds indexes into Columns, in key order. Never empty: a table
	// declared without one has a hidden uuid column.
	PrimaryKey []int     `json:"primaryKey"`
	KeyName    string    `json:"keyName"` // the constraint's name, "<table>_pkey" unless given
	Checks     []Check   `json:"checks,omitempty"`
	Placement  Placement `json:"placement"`
	Rules      Rules     `json:"rules,omitzero"`
	// Fenced says that a schema change is under way: no statement may start on
	// this descriptor until the next one is public.
	Fenced bool `json:"fenced,omitempty"`
}

// Column describes one column.
type Column struct {
	Name    string     `json:"name"`
	Type    datum.Type `json:"type"`
	NotNull bool       `json:"notNull,omitempty"`
	Default *Default   `json:"default,omitempty"`
	// Serial is set for serial and identity columns: the value comes from the
	// table's sequence for this column.
	Serial   bool `json:"serial,omitempty"`
	Always   bool `json:"always,omitempty"`   // GENERATED ALWAYS AS IDENTITY
	Identity bool `json:"identity,omitempty"` // declared as identity, not as serial
	Hidden   bool `json:"hidden,omitempty"`   // not in SELECT *
	Dropped  bool `json:"dropped,omitempty"`
	// Missing is the value of the column in rows written before the column was
	// added, as datum.AppendDatum; nil means NULL.
	Missing []byte `json:"missing,omitempty"`
}

// Default is a column's default: its text for people, its encoding (expr.Append)
// for the planner.
type Default struct {
	Text string `json:"text"`
	Expr []byte `json:"expr"`
}

// Check is a CHECK constraint over one row.
type Check struct {
	Name string `json:"name"`
	Text string `json:"text"`
	Expr []byte `json:"expr"`
}

// Placement names the policy that chooses where new objects of the table live.
type Placement struct {
	Policy  string            `json:"policy"`
	Options map[string]string `json:"options,omitempty"`
	// Program says that the policy is a program of its own (Snapshot.Policies), which
	// cannot be dropped while a table has it.
	Program bool `json:"program,omitempty"`
	// Static is set where the home of every object follows from its key alone,
	// so that the directory holds only objects that were moved or pinned. Columns are then
	// the indexes into PrimaryKey whose values are hashed; empty means the whole
	// object id.
	Static  bool  `json:"static,omitempty"`
	Columns []int `json:"columns,omitempty"`
}

// Hidden columns that any SELECT can name, in the order in which they follow
// the table's own columns in a row.
const (
	PartitionColumn = iota // _partition, integer
	LocationColumn         // _location_version, bigint
	RevisionColumn         // _revision, bigint
	systemColumns
)

// SystemColumns are the hidden columns of every table: column i of these has
// the row index len(table.Columns)+i.
var SystemColumns = [systemColumns]Column{
	PartitionColumn: {Name: "_partition", Type: datum.Int4, NotNull: true, Hidden: true},
	LocationColumn:  {Name: "_location_version", Type: datum.Int8, NotNull: true, Hidden: true},
	RevisionColumn:  {Name: "_revision", Type: datum.Int8, NotNull: true, Hidden: true},
}

// Partition describes a partition: where its replicas are.
type Partition struct {
	ID       object.PartitionID `json:"id"`
	Replicas []object.NodeID    `json:"replicas"`
	// Group orders the partition's commands; others may be in it, the oracle too. All
	// that are in one have the same replicas and the same leader.
	Group object.GroupID `json:"group"`
	PartitionLimits
}

// Snapshot is the whole catalog as of one entry of the oracle's log. Immutable.
type Snapshot struct {
	Version    uint64
	Tables     map[object.TableID]*Table
	ByName     map[string]*Table
	Partitions []Partition // ascending by id
	Policies   []Policy    // programs, ascending by name
	// Slots says which partition each slot belongs to, and since when.
	Slots []object.Location // object.Slots long
}
