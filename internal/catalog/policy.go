package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// Policy describes a placement policy that is a program of its own. Every node runs
// its own copy of it.
type Policy struct {
	Name string `json:"name"`
	// Version is the oracle's clock when the policy was made, or changed last.
	Version uint64 `json:"version"`
	// Program is the name of a file in each node's folder of plugins.
	Program string `json:"program"`
	// SHA256 is the checksum that the file has to have, in lower-case hexadecimal;
	// empty: any.
	SHA256 string `json:"sha256,omitempty"`
	// PlainText lets the program do without mutual TLS.
	PlainText bool `json:"plainText,omitempty"`
	// Options are the policy's own.
	Options map[string]string `json:"options,omitempty"`
}

// PolicyChange asks the oracle to make, replace or remove a policy.
type PolicyChange struct {
	// Base is the version that the change was made from; 0: the policy must not exist.
	// Another one than the oracle has is 40001, or 42710 where it must not exist.
	Base uint64
	// Policy is the new description; the oracle gives it its Version.
	Policy Policy
	// Drop removes it: refused (2BP01) while a table is placed by it.
	Drop bool
}

// PartitionLimits are what an operator demands of a partition.
type PartitionLimits struct {
	// Labels are free pairs, for tables' requirements and for policies.
	Labels map[string]string `json:"labels,omitempty"`
	// Capacity bounds the bytes of its objects; 0: no bound. It is checked against what
	// the partition last reported.
	Capacity int64 `json:"capacity,omitempty"`
	// Closed says that it accepts no objects that are new, or move.
	Closed bool `json:"closed,omitempty"`
}

// PartitionChange asks the oracle to replace a partition's limits.
type PartitionChange struct {
	Partition object.PartitionID
	// Base are the limits that the change was made from; nil: whatever they are. Others
	// than the oracle has are 40001.
	Base   *PartitionLimits
	Limits PartitionLimits
}

// Equal reports whether two limits demand the same.
func (l *PartitionLimits) Equal(other *PartitionLimits) bool {
	return maps.Equal(l.Labels, other.Labels) && l.Capacity == other.Capacity && l.Closed == other.Closed
}

// Rules are what holds for the placement of a table's objects, whatever its policy
// says.
type Rules struct {
	// Require lists labels that a partition must have to get objects of the table.
	Require map[string]string `json:"require,omitempty"`
	// Fallback is the policy that places objects when the table's own does not: built in
	// and static. Empty: hash.
	Fallback string `json:"fallback,omitempty"`
	// Budget bounds the moves that policies ask for.
	Budget Budget `json:"budget,omitzero"`
}

// Budget bounds the moves of a table's objects that policies ask for. Zero values mean
// no bound.
type Budget struct {
	Moves    int64         `json:"moves,omitempty"`    // a second
	Bytes    int64         `json:"bytes,omitempty"`    // a second
	Cooldown time.Duration `json:"cooldown,omitempty"` // of one object, between two moves
}

// Allows reports whether a partition with these limits may get objects of a table
// with these rules, and if not, why.
func (r *Rules) Allows(p object.PartitionID, l *PartitionLimits) (why string, ok bool) {
	if l.Closed {
		return fmt.Sprintf("partition %d accepts no objects", p), false
	}
	names := make([]string, 0, len(r.Require))
	for name := range r.Require {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if l.Labels[name] != r.Require[name] {
			return fmt.Sprintf("partition %d does not have the label %s=%s that the table requires", p, name, r.Require[name]), false
		}
	}
	return "", true
}

// ParseLabels reads "region=eu, disk=ssd".
func ParseLabels(s string) (map[string]string, error) {
	labels := make(map[string]string)
	for pair := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || value == "" {
			return nil, fmt.Errorf("%q is not a label: labels are name=value pairs, as in 'region=eu, disk=ssd'", strings.TrimSpace(pair))
		}
		labels[name] = value
	}
	return labels, nil
}

// FormatLabels is the inverse of ParseLabels.
func FormatLabels(labels map[string]string) string {
	pairs := make([]string, 0, len(labels))
	for name, value := range labels {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ", ")
}

// Origin is who chose a place, and why.
type Origin struct {
	User    string // empty: nobody asked; the policy moved it by itself
	Policy  string // empty: a user by hand
	Version string // of the policy
	Reason  string
}

// Placed is one event in an object's history of places.
type Placed struct {
	At   time.Time          // by the clock of the oracle's leader
	From object.PartitionID // 0: it was new
	To   object.PartitionID
	Origin
	Pinned bool
}
