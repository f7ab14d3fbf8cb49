package checker

import (
	"slices"
	"sync"
)

// Recorder gathers the history of concurrent clients.
type Recorder struct {
	now     func() int64
	mu      sync.Mutex // guards history
	history History
}

// NewRecorder makes a recorder that asks now for the time. It must never go back.
func NewRecorder(now func() int64) *Recorder { return &Recorder{now: now} }

// Recording is a transaction under way. One goroutine uses it.
type Recording struct {
	rec *Recorder
	t   Transaction
}

// Begin is called before a client's first statement is sent.
func (r *Recorder) Begin(process int) *Recording {
	return &Recording{rec: r, t: Transaction{Process: process, Invoke: r.now()}}
}

// Append notes that a value is appended, before it is known whether it took effect.
func (t *Recording) Append(key string, value int64) {
	t.add(Operation{Kind: Append, Key: key, Value: value})
}

// List notes what a list was. The slice is the recording's from then on.
func (t *Recording) List(key string, values []int64) {
	t.add(Operation{Kind: List, Key: key, Values: values})
}

// Write notes that a value is written, before it is known whether it took effect.
func (t *Recording) Write(key string, value int64) {
	t.add(Operation{Kind: Write, Key: key, Value: value})
}

// Read notes the value that a key had.
func (t *Recording) Read(key string, value int64) {
	t.add(Operation{Kind: Read, Key: key, Value: value})
}

// ReadAbsent notes that a key had no value.
func (t *Recording) ReadAbsent(key string) {
	t.add(Operation{Kind: Read, Key: key, Absent: true})
}

// Note adds a remark that is printed with the transaction.
func (t *Recording) Note(note string) { t.t.Note = note }

func (t *Recording) add(o Operation) { t.t.Operations = append(t.t.Operations, o) }

// Committed ends a transaction that was acknowledged.
func (t *Recording) Committed() { t.end(Committed) }

// Failed ends a transaction of which nothing took effect.
func (t *Recording) Failed() { t.end(Failed) }

// Unknown ends a transaction that may have taken effect, and still may.
func (t *Recording) Unknown() { t.end(Unknown) }

func (t *Recording) end(o Outcome) {
	t.t.Outcome, t.t.Complete = o, t.rec.now()
	t.rec.mu.Lock()
	defer t.rec.mu.Unlock()
	t.rec.history.Transactions = append(t.rec.history.Transactions, t.t)
}

// History returns what has ended so far.
func (r *Recorder) History() *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &History{Transactions: slices.Clone(r.history.Transactions)}
}
