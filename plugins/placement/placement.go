package placement

import (
	"context"
	"fmt"
)

// Policy chooses the partitions that new objects live in. It is asked when
// objects are created, in batches, and never when they are read or updated.
//
// Its methods may be called from many goroutines at once. What a policy answers
// is checked before it is used: a partition that does not exist, or that does
// not accept objects, is answered with the table's fall-back instead.
type Policy interface {
	// Name is the name that WITH (placement = '<name>') gives.
	Name() string
	// Version tells two versions of a policy apart, for people.
	Version() string
	// Place chooses a partition for each object of the batch, in its order. An
	// error fails the whole batch.
	Place(ctx context.Context, batch *Batch) ([]Placement, error)
}

// Configurer is an optional ability of a Policy: it takes options.
type Configurer interface {
	// Configure checks the options that a table gives, and returns the policy to
	// use for this table. An error is an *OptionError where an option is wrong.
	Configure(options Options, table Table) (Policy, error)
}

// Static is an optional ability of a Policy: where it holds, the home of an
// object follows from its key alone, so that the objects of the table need no
// entries in the oracle's directory and Place is not called.
type Static interface {
	// StaticColumns returns the names of primary key columns whose values are
	// hashed to find an object's home; none means the whole key. ok is false where
	// the table's placement is not static.
	StaticColumns(table Table) (columns []string, ok bool)
}

// Table describes a table to a policy.
type Table struct {
	Name    string
	Columns []Column
	// Key holds the names of the primary key's columns, in key order.
	Key []string
}

// Column describes a column of a table to a policy.
type Column struct {
	Name string
	Type string // as format_type writes it: "character varying(20)"
}

// Column returns the index of a column, or -1.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// InKey reports whether a column belongs to the primary key.
func (t *Table) InKey(name string) bool {
	for _, k := range t.Key {
		if k == name {
			return true
		}
	}
	return false
}

// Batch is what one call of Place is about: objects of one table that a statement creates,
// or a few statements at one moment, or that MOVE <table> TO POLICY asks about.
//
// What it points to is shared with other batches: a policy may sort and cut its lists, and
// changes no columns and no labels.
type Batch struct {
	Table *Table
	// Objects are the objects; they are new unless they have a Current.
	Objects []Object
	// DryRun says that nothing will be placed: EXPLAIN wants to know what would be.
	// What it was told so far is counted in Partitions.
	DryRun bool
	// Partitions are all partitions, in ascending order of their ids. Never empty.
	Partitions []Partition
	// Hint is the session's setting ssmr.hint, free text between an application
	// and its policy.
	Hint string
}

// Object is an object to place.
type Object struct {
	// Values holds the value of each column of Batch.Table, in its order. A column that a
	// Reader has not named is NULL.
	Values []Value
	// Home is the partition that the static rule would give the object.
	Home uint32
	// Current is the partition that the object lives in, which a policy answers
	// with where the object is to stay; 0 where it is new.
	Current uint32
	// Bytes is what the object takes; 0 where it is new.
	Bytes int64
}

// Value is the value of a column: PostgreSQL's text of it, or NULL.
type Value struct {
	Text string
	Null bool
}

// Partition describes a partition to a policy.
type Partition struct {
	ID uint32
	// Objects and Bytes are what the partition last reported. They are some
	// seconds old; both are 0 where it has not reported yet.
	Objects int64
	Bytes   int64
	// CommandsPerSecond is the partition's recent load.
	CommandsPerSecond float64
	Labels            map[string]string
	// Closed says that the partition accepts no new objects.
	Closed bool
}

// Placement is the answer for one object.
type Placement struct {
	Partition uint32
	// Reason says in words why, for people who ask later.
	Reason string
}

// Options are the options of a table's placement, by their full names
// ("list.map"), without the option that names the policy.
type Options map[string]string

// OptionError says which option is wrong and what is allowed.
type OptionError struct {
	Option  string // the option's name
	Value   string // what it was; empty where it is missing
	Allowed string // what is allowed, in words
}

// Error names the option, its value and what is allowed.
func (e *OptionError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("placement option %q is missing: %s", e.Option, e.Allowed)
	}
	return fmt.Sprintf("placement option %q cannot be %q: %s", e.Option, e.Value, e.Allowed)
}

// SQLState is 22023, invalid_parameter_value.
func (e *OptionError) SQLState() string { return "22023" }
