package state

import (
	"slices"
	"sync/atomic"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// TransactionInfo tells of a transaction that holds locks here, waits for some, or is
// committed and not forgotten.
type TransactionInfo struct {
	ID    object.TransactionID
	State command.TransactionState // unknown where it only waits
	// Owner is the session's transaction whose locks it may pass.
	Owner        object.TransactionID
	Participants []object.PartitionID
	Objects      int // locked, not counting those in ranges
	Ranges       int // locked
	Staged       int // effects that are not carried out yet
	// Since is the log entry that brought it to its state, or into the queue.
	Since uint64
	// Waiting says that a command of it is in the queue. WaitsFor are the transactions
	// that hold what it waits for, or wait before it, as far as there is room; those that
	// are zero are single commands.
	Waiting  bool
	WaitsFor []object.TransactionID
}

// LockInfo tells of a lock, or of one that is waited for.
type LockInfo struct {
	// Span is the range that is locked; [ID, ID+"\x00") for an object. Start and End
	// are empty where everything is meant.
	Span        command.Span
	Object      object.ID // empty where it is a range
	Mode        command.LockMode
	Transaction object.TransactionID // zero: a single command, which waits
	Waiting     bool
	Command     object.CommandID // that waits
	Since       uint64           // the log entry of it
}

// Counters count since the start.
type Counters struct {
	Prepared  uint64 // Prepares that were a yes, one for each transaction
	Direct    uint64 // those that were executed at once, with one participant
	Committed uint64 // concluded so
	Aborted   uint64 // concluded so, or resolved so
	Conflicts uint64 // Prepares that found something changed
	Locked    uint64 // Prepares and Locks that were refused because of a lock
	Queued    uint64 // commands that had to wait
}

type counters struct {
	prepared, direct, committed, aborted, conflicts, locked, queued atomic.Uint64
}

// Counters returns what was counted. It may be called at any time.
func (m *Machine) Counters() Counters {
	c := &m.counters
	return Counters{
		Prepared: c.prepared.Load(), Direct: c.direct.Load(), Committed: c.committed.Load(), Aborted: c.aborted.Load(),
		Conflicts: c.conflicts.Load(), Locked: c.locked.Load(), Queued: c.queued.Load(),
	}
}

// maxWaitsFor bounds what is told of one that waits, maxExplained those of whom
// anything is told: what they wait for is looked up while nothing can be applied.
const (
	maxWaitsFor  = 16
	maxExplained = 256
)

// Transactions lists the transactions in one of the states, or all where none is
// named, ascending by node, incarnation and sequence. One that only waits is unknown.
// Left out are those that are kept although somebody has said to forget them.
// It may be called at any time; it includes what is applied and not yet committed to
// the store.
func (m *Machine) Transactions(states ...command.TransactionState) []TransactionInfo {
	wanted := func(s command.TransactionState) bool { return len(states) == 0 || slices.Contains(states, s) }
	l := &m.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	found := make(map[object.TransactionID]*TransactionInfo)
	for id, t := range l.transactions {
		if wanted(t.state) && !t.forgotten {
			found[id] = &TransactionInfo{
				ID: id, State: t.state, Owner: t.owner, Participants: t.participants,
				Objects: len(t.objects), Ranges: len(t.spans), Staged: t.staged, Since: t.since,
			}
		}
	}
	explained := 0
	for _, w := range l.waiters {
		if w.transaction.IsZero() {
			continue
		}
		t := found[w.transaction]
		if t == nil {
			if l.transactions[w.transaction] != nil || !wanted(command.TransactionUnknown) {
				continue
			}
			t = &TransactionInfo{ID: w.transaction, Since: w.ticket.index}
			if b, ok := w.body.(*command.Prepare); ok {
				t.Owner, t.Participants = b.Owner, b.Participants
			}
			found[t.ID] = t
		}
		t.Waiting = true
		if explained++; explained <= maxExplained {
			t.WaitsFor = l.waitsFor(w, t.WaitsFor)
		}
	}
	list := make([]TransactionInfo, 0, len(found))
	for _, t := range found {
		slices.SortFunc(t.WaitsFor, compareTransactions)
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b TransactionInfo) int { return compareTransactions(a.ID, b.ID) })
	return list
}

// waitsFor adds whom a command in the queue waits for. mu is held.
func (l *locks) waitsFor(w *waiter, list []object.TransactionID) []object.TransactionID {
	r := l.requester(w.body)
	r.waits, r.ticket = true, w.ticket
	l.visit(&w.print, &r, func(o obstacle) bool {
		if !slices.Contains(list, o.by) {
			list = append(list, o.by)
		}
		return len(list) < maxWaitsFor
	})
	return list
}

// Locks lists at most limit locks that are held or waited for: first those of objects,
// ascending, then those of ranges. It may be called at any time.
func (m *Machine) Locks(limit int) []LockInfo {
	l := &m.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []LockInfo
	add := func(i LockInfo) bool {
		if len(list) < limit {
			list = append(list, i)
		}
		return len(list) < limit
	}
	l.objects.ascend("", func(id object.ID, lock *objectLock) bool {
		span := command.Span{Start: id, End: id + "\x00"}
		for _, h := range lock.holds {
			add(LockInfo{Span: span, Object: id, Mode: h.mode, Transaction: h.by.id, Since: h.by.since})
		}
		for _, w := range lock.waiting {
			add(w.w.info(LockInfo{Span: span, Object: id, Mode: w.mode}))
		}
		return len(list) < limit
	})
	for i := range l.ranges {
		h := &l.ranges[i]
		if !add(LockInfo{Span: h.span, Mode: h.mode, Transaction: h.by.id, Since: h.by.since}) {
			break
		}
	}
	for _, w := range l.wide {
		if w.print.all {
			add(w.info(LockInfo{Mode: command.LockExclusive}))
		}
		for _, s := range w.print.spans {
			add(w.info(LockInfo{Span: s.span, Mode: s.mode}))
		}
		if len(list) >= limit {
			break
		}
	}
	return list
}

func (w *waiter) info(i LockInfo) LockInfo {
	i.Waiting, i.Transaction, i.Command, i.Since = true, w.transaction, w.id, w.ticket.index
	return i
}
