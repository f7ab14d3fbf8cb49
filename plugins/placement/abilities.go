package placement

import "context"

// Replacer is an optional ability of a Policy: it is asked again when an object
// changes.
type Replacer interface {
	// ReplaceColumns names the columns of the table whose update makes ssmr ask.
	ReplaceColumns(table Table) []string
	// Replace says where each object of the batch is to live now. The answer 0, or
	// the object's Current, lets it stay. Values are those after the update.
	Replace(ctx context.Context, batch *Batch) ([]Placement, error)
}

// Reader is an optional ability of a Policy: it says which values it looks at, so that no
// others are sent to it. With large rows, that is most of what a question costs.
type Reader interface {
	// ReadColumns names the columns of the table whose values Place and Replace look at,
	// those of the key among them where they do. All others are NULL in a Batch.
	ReadColumns(table Table) []string
}

// Objectwise is an optional ability of a Reader: it claims that the answer of Place about an
// object follows from the table, the hint, the partitions, and what it is told of that object
// (its Home and the values that the policy reads), whatever else is in the Batch and whatever
// was asked before. An answer may then be given again without a call, until what policies are
// told of partitions changes, which is after some seconds. So it is worth most where few
// different values are read, and not the key.
type Objectwise interface {
	Objectwise() bool
}

// Initializer is an optional ability of a Policy: it takes options of its own, those
// of CREATE POLICY ... WITH (...) and of the configuration file.
type Initializer interface {
	// Initialize is called once, before all else. An error is an *OptionError where an
	// option is wrong.
	Initialize(options Options) error
}

// Deterministic is an optional ability of a Policy: it claims that the same batch
// always gets the same answer.
type Deterministic interface {
	Deterministic() bool
}
