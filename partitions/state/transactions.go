package state

import (
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/planted"
	"github.com/ssmr/ssmr/internal/storage"
)

// transaction is one that holds locks here, or is committed and not forgotten.
type transaction struct {
	transactionRecord
	objects []object.ID
	spans   []lockedSpan
	// effects are all that is staged, ascending; of a large transaction they are in the
	// store only.
	effects []stagedEffect
	large   bool
}

type stagedEffect struct {
	id object.ID
	effect
}

// What a transaction stages is kept in memory beside the store up to keptEffects and
// keptEffectBytes, and for all together up to Limits.StagedBytes. Nothing depends on it
// but time.
const (
	keptEffects     = 128
	keptEffectBytes = 64 << 10
)

// inlineLocks bounds the locks that are stored with the transaction itself.
const inlineLocks = 1 << 10

// open reports whether it is not committed.
func (t *transaction) open() bool { return t.state != command.TransactionCommitted }

func byEffectID(e stagedEffect, id object.ID) int { return strings.Compare(string(e.id), string(id)) }

// effect looks up what the transaction has staged for an object. The row must not be
// changed.
func (t *transaction) effect(r storage.Reader, id object.ID) (e effect, found bool, err error) {
	if t == nil || t.staged == 0 {
		return e, false, nil
	}
	if !t.large {
		i, found := slices.BinarySearchFunc(t.effects, id, byEffectID)
		if found {
			e = t.effects[i].effect
		}
		return e, found, nil
	}
	b, found, err := r.Get(nil, append(appendStagedPrefix(nil, t.id), id...))
	if err != nil || !found {
		return e, false, err
	}
	e, err = decodeEffect(b)
	return e, err == nil, err
}

// stage writes what the commit of a transaction will do to an object. again says that it
// replaces what the transaction has staged before.
func (x *entry) stage(t *transaction, id object.ID, e effect, again bool) {
	x.key = append(appendStagedPrefix(x.key[:0], t.id), id...)
	x.value = appendEffect(x.value[:0], &e)
	x.batch.Set(x.key, x.value)
	e.record.row = slices.Clone(e.record.row)
	l := &x.m.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	if !again {
		t.staged++
	}
	t.bytes += len(e.record.row)
	l.keep(t, id, e)
}

// keep keeps an effect in memory, if there is room.
func (l *locks) keep(t *transaction, id object.ID, e effect) {
	if t.large {
		return
	}
	i, found := slices.BinarySearchFunc(t.effects, id, byEffectID)
	if found {
		l.effectBytes += len(e.record.row) - len(t.effects[i].record.row)
		t.effects[i].effect = e
		return
	}
	if len(t.effects) >= keptEffects || t.bytes > keptEffectBytes || l.effectBytes+len(e.record.row) > l.keptBytes {
		l.letGo(t)
		t.large = true
		return
	}
	l.effectBytes += len(e.record.row)
	t.effects = slices.Insert(t.effects, i, stagedEffect{id, e})
}

// letGo forgets what is kept in memory of a transaction's effects.
func (l *locks) letGo(t *transaction) {
	for i := range t.effects {
		l.effectBytes -= len(t.effects[i].record.row)
	}
	t.effects = nil
}

// store writes the record of a transaction.
func (x *entry) store(t *transaction) {
	x.key = appendTransactionKey(x.key[:0], prefixTransactions, t.id)
	x.value = appendTransactionRecord(x.value[:0], &t.transactionRecord)
	x.batch.Set(x.key, x.value)
}

// become brings a transaction to a state.
func (x *entry) become(t *transaction, s command.TransactionState) {
	x.m.locks.mu.Lock()
	defer x.m.locks.mu.Unlock()
	t.state, t.since = s, x.index
}

// open returns the transaction of an id, made if there is none.
func (x *entry) openTransaction(id object.TransactionID, s command.TransactionState) *transaction {
	l := &x.m.locks
	if t := l.transactions[id]; t != nil {
		return t
	}
	t := &transaction{transactionRecord: transactionRecord{id: id, state: s, since: x.index}}
	l.mu.Lock()
	l.transactions[id] = t
	l.mu.Unlock()
	return t
}

// acquire gives a transaction what is in a footprint, and notes it in the store. The
// caller stores the transaction.
func (x *entry) acquire(t *transaction, f *footprint) {
	x.fresh.reset()
	l := &x.m.locks
	l.mu.Lock()
	held := len(t.objects) + len(t.spans)
	first := held == 0 && t.chunks == 0
	for _, o := range f.objects {
		was, more := l.hold(t, o)
		if !more {
			continue
		}
		x.fresh.objects = append(x.fresh.objects, o)
		if o.mode == command.LockExclusive && was != command.LockExclusive {
			x.m.shield.raise(o.id)
		}
	}
	for _, s := range f.spans {
		if slices.Contains(t.spans, s) {
			continue // of the part before
		}
		l.holdSpan(t, s)
		x.fresh.spans = append(x.fresh.spans, s)
		if s.mode == command.LockExclusive {
			x.m.shield.raiseSpan(s.span)
		}
	}
	l.mu.Unlock()
	if len(x.fresh.objects)+len(x.fresh.spans) == 0 {
		return
	}
	if held == 0 && l.holding > 0 {
		x.considerOwn(t.id)
	}
	x.value = appendLocks(x.value[:0], x.fresh.objects, x.fresh.spans)
	if first && len(x.value) <= inlineLocks {
		t.locks = slices.Clone(x.value)
		return
	}
	x.key = appendNumber(appendTransactionKey(x.key[:0], prefixLocks, t.id), t.chunks)
	x.batch.Set(x.key, x.value)
	t.chunks++
}

// holdSpan gives a transaction a range. mu is held.
func (l *locks) holdSpan(t *transaction, s lockedSpan) {
	l.ranges = append(l.ranges, rangeHold{t, s})
	t.spans = append(t.spans, s)
	l.held++
}

// release gives up all that a transaction holds, also in the store; the caller stores or
// drops the transaction. Those who waited for it are looked at by the sweep.
func (x *entry) release(t *transaction) {
	l := &x.m.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(t.objects)+len(t.spans) > 0 {
		x.considerWide()
	}
	for _, id := range t.objects {
		if planted.Is(planted.LostRelease) && t.id.Sequence%32 == 0 {
			continue
		}
		mode, lock := l.drop(t, id)
		if mode == command.LockExclusive {
			x.m.shield.lower(id)
		}
		if lock == nil {
			continue
		}
		if len(lock.waiting) > 0 {
			x.consider(lock.waiting[0].w)
		}
		l.tidy(id, lock)
	}
	for _, s := range t.spans {
		if s.mode == command.LockExclusive {
			x.m.shield.lowerSpan(s.span)
		}
		l.objects.ascend(s.span.Start, func(id object.ID, lock *objectLock) bool {
			if id < s.span.End && len(lock.waiting) > 0 {
				x.consider(lock.waiting[0].w)
			}
			return id < s.span.End
		})
	}
	if len(t.spans) > 0 {
		l.held -= len(t.spans)
		l.ranges = slices.DeleteFunc(l.ranges, func(h rangeHold) bool { return h.by == t })
	}
	t.objects, t.spans, t.locks = nil, nil, nil
	x.dropChunks(t)
}

// dropChunks removes the locks that are not stored with the transaction itself.
func (x *entry) dropChunks(t *transaction) {
	if t.chunks > 0 {
		lower := appendTransactionKey(nil, prefixLocks, t.id)
		x.batch.DeleteRange(lower, keyEnd(lower))
		t.chunks = 0
	}
}

// dropStaged removes what a transaction has staged.
func (x *entry) dropStaged(t *transaction) {
	if t.large {
		lower := appendStagedPrefix(nil, t.id)
		x.batch.DeleteRange(lower, keyEnd(lower))
	}
	for i := range t.effects {
		x.key = append(appendStagedPrefix(x.key[:0], t.id), t.effects[i].id...)
		x.batch.Delete(x.key)
	}
	l := &x.m.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	l.letGo(t)
	t.staged, t.bytes, t.large = 0, 0, false
}

// dropTransaction forgets a transaction altogether.
func (x *entry) dropTransaction(t *transaction) {
	x.dropStaged(t)
	x.release(t)
	x.key = appendTransactionKey(x.key[:0], prefixTransactions, t.id)
	x.batch.Delete(x.key)
	l := &x.m.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.transactions, t.id)
}

// giveUp ends what a session has locked ahead of a transaction that is committed.
func (x *entry) giveUp(owner object.TransactionID) {
	if owner.IsZero() {
		return
	}
	if t := x.m.locks.transactions[owner]; t != nil && t.state == command.TransactionLocking {
		x.dropTransaction(t)
	}
}

// loadLocks fills what is derived of transactions that are stored.
func (m *Machine) loadLocks(r storage.Reader) error {
	l := &m.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reset()
	m.shield.reset()
	m.aborted = newAborted()
	if err := readTransactions(r, func(record *transactionRecord) error { return m.loadTransaction(r, record) }); err != nil {
		return err
	}
	slices.SortFunc(l.forgotten, byForgotten)
	if err := scan(r, prefixQueue, m.loadWaiter); err != nil {
		return err
	}
	return m.aborted.load(r)
}

func (l *locks) reset() {
	l.transactions = make(map[object.TransactionID]*transaction)
	l.objects, l.ranges, l.held, l.effectBytes, l.forgotten = ordered[*objectLock]{}, nil, 0, 0, nil
	l.queue = queue{byID: make(map[object.CommandID]*waiter)}
}

func (m *Machine) loadTransaction(r storage.Reader, record *transactionRecord) error {
	l := &m.locks
	t := &transaction{transactionRecord: *record}
	t.locks = slices.Clone(record.locks)
	l.transactions[t.id] = t
	if t.forgotten {
		l.forgotten = append(l.forgotten, t)
	}
	if err := m.loadHolds(t, t.locks); err != nil {
		return err
	}
	if t.chunks > 0 {
		lower := appendTransactionKey(nil, prefixLocks, t.id)
		err := scanRange(r, lower, keyEnd(lower), func(_, value []byte) error { return m.loadHolds(t, value) })
		if err != nil {
			return err
		}
	}
	if t.staged == 0 {
		return nil
	}
	if t.staged > keptEffects || t.bytes > keptEffectBytes {
		t.large = true
		return nil
	}
	lower := appendStagedPrefix(nil, t.id)
	return scanRange(r, lower, keyEnd(lower), func(key, value []byte) error {
		e, err := decodeEffect(slices.Clone(value))
		if err == nil {
			l.keep(t, object.ID(key[len(lower):]), e)
		}
		return err
	})
}

// loadHolds gives a transaction what a record of locks says.
func (m *Machine) loadHolds(t *transaction, b []byte) error {
	held, err := decodeLocks(b)
	if err != nil {
		return err
	}
	for _, o := range held.objects {
		was, _ := m.locks.hold(t, o)
		if o.mode == command.LockExclusive && was != command.LockExclusive {
			m.shield.raise(o.id)
		}
	}
	for _, s := range held.spans {
		m.locks.holdSpan(t, s)
		if s.mode == command.LockExclusive {
			m.shield.raiseSpan(s.span)
		}
	}
	return nil
}
