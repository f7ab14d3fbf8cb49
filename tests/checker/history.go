package checker

import (
	"fmt"
	"strings"
)

// History is what clients have done and seen. The order of the transactions does not
// matter.
type History struct {
	Transactions []Transaction `json:"transactions"`
}

// Transaction is what one client has done in one transaction.
type Transaction struct {
	Process int `json:"process"` // names the client
	// Invoke and Complete are times on one clock, in any unit: it was invoked before
	// anything of it took effect, and completed after its client knew the outcome. Complete
	// of an Unknown one has no meaning.
	Invoke     int64       `json:"invoke"`
	Complete   int64       `json:"complete"`
	Outcome    Outcome     `json:"outcome"`
	Operations []Operation `json:"operations"`
	// Note is printed with the transaction; the checker does not look at it.
	Note string `json:"note,omitempty"`
}

// Outcome is what a client knows of its transaction.
type Outcome uint8

// The outcomes.
const (
	Committed Outcome = iota
	Failed            // nothing took effect, and nothing will
	Unknown
)

// Kind says what an Operation does.
type Kind uint8

// The kinds of Operation.
const (
	Append Kind = iota // Value to the list Key
	List               // the list Key was read
	Write              // Value to Key
	Read               // Key was read
)

// Operation is one step of a transaction.
type Operation struct {
	Kind  Kind   `json:"kind"`
	Key   string `json:"key"`
	Value int64  `json:"value,omitempty"` // appended, written or read
	// Absent says of a Read that there was no value.
	Absent bool `json:"absent,omitempty"`
	// Values are what a List found.
	Values []int64 `json:"values,omitempty"`
}

// String names the outcome.
func (o Outcome) String() string {
	switch o {
	case Committed:
		return "committed"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// String names the kind.
func (k Kind) String() string {
	names := [...]string{"append", "list", "write", "read"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// String says what was done.
func (o Operation) String() string {
	switch o.Kind {
	case Append:
		return fmt.Sprintf("append %d to %s", o.Value, o.Key)
	case List:
		return fmt.Sprintf("list %s = %s", o.Key, listText(o.Values))
	case Write:
		return fmt.Sprintf("write %s = %d", o.Key, o.Value)
	}
	if o.Absent {
		return fmt.Sprintf("read %s = nothing", o.Key)
	}
	return fmt.Sprintf("read %s = %d", o.Key, o.Value)
}

// String tells the transaction in one line.
func (t *Transaction) String() string {
	var b strings.Builder
	if t.Outcome == Unknown {
		fmt.Fprintf(&b, "process %d, from %d on, unknown:", t.Process, t.Invoke)
	} else {
		fmt.Fprintf(&b, "process %d, %d to %d, %s:", t.Process, t.Invoke, t.Complete, t.Outcome)
	}
	for i, o := range t.Operations {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte(' ')
		b.WriteString(o.String())
	}
	if t.Note != "" {
		fmt.Fprintf(&b, " (%s)", t.Note)
	}
	return b.String()
}

// maxPrinted bounds how much of a list is printed.
const maxPrinted = 40

func listText(values []int64) string {
	if n := len(values) - maxPrinted; n > 0 {
		return fmt.Sprintf("[%d more ..., %s", n, strings.TrimPrefix(fmt.Sprint(values[n:]), "["))
	}
	return fmt.Sprint(values)
}
