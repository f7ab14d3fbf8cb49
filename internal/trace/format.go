package trace

import (
	"fmt"
	"time"
)

// Version is that of the format.
const Version = 1

// Line is a line of a trace. One of the first five fields is set.
type Line struct {
	Trace      *Header     `json:"trace,omitempty"`
	Partitions []Partition `json:"partitions,omitempty"`
	Table      *Table      `json:"table,omitempty"`
	Touches    []Touched   `json:"touches,omitempty"`
	Dropped    int64       `json:"dropped,omitempty"` // commands

	// At and More belong to Touches.
	At   time.Time `json:"at,omitzero"`
	More int       `json:"more,omitempty"` // touches that were left out
}

// Header begins a recording.
type Header struct {
	Version int       `json:"version"`
	Node    string    `json:"node,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// Partition is a partition as its operator has described it.
type Partition struct {
	ID     uint32            `json:"id"`
	Labels map[string]string `json:"labels,omitempty"`
	Closed bool              `json:"closed,omitempty"`
}

// Table describes a table. Later lines refer to it by its id.
type Table struct {
	ID        uint32            `json:"id"`
	Name      string            `json:"name"`
	Columns   []Column          `json:"columns"`
	Key       []string          `json:"key"` // names of columns
	Placement Placement         `json:"placement"`
	Require   map[string]string `json:"require,omitempty"`
}

// Column is a column of a table; one that was dropped has no name.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Placement is how the table is placed.
type Placement struct {
	Policy  string            `json:"policy"`
	Options map[string]string `json:"options,omitempty"`
	Program bool              `json:"program,omitempty"` // the policy is a program
	// Static says that homes follow from the columns of the key that Columns names; from
	// the whole key where it names none.
	Static  bool     `json:"static,omitempty"`
	Columns []string `json:"columns,omitempty"`
}

// Touched is an object, or a range of objects, that a command has touched.
type Touched struct {
	Table uint32 `json:"table"`
	Kind  Kind   `json:"kind"`
	// Key holds the values of the key of an object; nil where a range is meant, which
	// Range says: values of the key's first columns.
	Key    []string           `json:"key,omitempty"`
	Range  []string           `json:"range,omitempty"`
	Values []*string          `json:"values,omitempty"` // of a created object; nil is NULL
	Set    map[string]*string `json:"set,omitempty"`    // of an updated one
	Bytes  int64              `json:"bytes,omitempty"`  // of a created one
}

// Kind is what was done to what was touched.
type Kind uint8

// The kinds.
const (
	Read Kind = iota
	Create
	Update
	Delete
)

var kinds = [...]string{Read: "read", Create: "create", Update: "update", Delete: "delete"}

// String names the kind.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "unknown"
}

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) {
	if int(k) >= len(kinds) {
		return nil, fmt.Errorf("trace: there is no kind %d", k)
	}
	return []byte(kinds[k]), nil
}

// UnmarshalText reads the kind's name.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kinds {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("trace: there is no kind %q", text)
}
