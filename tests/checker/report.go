package checker

import (
	"fmt"
	"strings"
)

// Level is what a history is held against.
type Level uint8

// The levels.
const (
	StrictSerializable Level = iota // serializable, in an order that real time allows
	Serializable
)

// Options say what is checked. The zero value means strict serializability.
type Options struct {
	Level Level
	// Limit bounds the anomalies that are reported. Default: 8.
	Limit int
}

// Anomaly is one thing that no strictly serializable database shows.
type Anomaly struct {
	// Name says what it is: "G0", "G1a", "G1b", "G1c", "G-single", "G2", "lost update",
	// "incompatible orders", "internal", "duplicate", "unwritten value", "malformed".
	Name string
	// ByTime says that it is one only because of the real time of the transactions.
	ByTime bool
	// Transactions are indexes into History.Transactions: for a cycle in its order, each
	// comes before the next, and the last before the first.
	Transactions []int
	// Text explains it, in several lines.
	Text string
}

// Report is what Check has found.
type Report struct {
	Anomalies []Anomaly
	// Total counts the anomalies found, those beyond Options.Limit included. It is not
	// exact for cycles: one is reported for each knot of the graph.
	Total int
	// Transactions that took effect, and edges between them.
	Visible, Edges int
}

// OK reports whether the history is what it should be.
func (r *Report) OK() bool { return r.Total == 0 }

// Has reports whether an anomaly of that name was reported.
func (r *Report) Has(name string) bool {
	for i := range r.Anomalies {
		if r.Anomalies[i].Name == name {
			return true
		}
	}
	return false
}

// String explains all anomalies.
func (r *Report) String() string {
	if r.OK() {
		return fmt.Sprintf("no anomalies: %d transactions took effect, %d dependencies", r.Visible, r.Edges)
	}
	var b strings.Builder
	for i := range r.Anomalies {
		a := &r.Anomalies[i]
		b.WriteString(a.Title())
		b.WriteString(":\n")
		b.WriteString(a.Text)
	}
	if n := r.Total - len(r.Anomalies); n > 0 {
		fmt.Fprintf(&b, "and %d more\n", n)
	}
	return b.String()
}

// Title is the name with what it rests on.
func (a *Anomaly) Title() string {
	if a.ByTime {
		return a.Name + " by time"
	}
	return a.Name
}
