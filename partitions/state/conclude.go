package state

import (
	"cmp"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// conclude ends transactions.
func (x *entry) conclude(b *command.Conclude, by object.CommandID) (*command.Concluded, error) {
	l := &x.m.locks
	answer := &command.Concluded{}
	room := concludeRoom{maxConcludeObjects, maxConcludeBytes}
	for _, id := range b.Commit {
		t := l.transactions[id]
		if t == nil || t.state != command.TransactionPrepared && (t.open() || t.staged == 0) {
			continue
		}
		done, err := x.commit(t, &room)
		if err != nil {
			return nil, err
		}
		if !done {
			answer.Rest = append(answer.Rest, id)
		}
	}
	for _, id := range b.Abort {
		if t := l.transactions[id]; t != nil && t.open() {
			x.abort(t)
		}
	}
	if len(b.Abort) > 0 && len(l.waiters) > 0 {
		gone := make(map[object.TransactionID]bool, len(b.Abort))
		for _, id := range b.Abort {
			gone[id] = true
		}
		x.refuseWaiting(func(id object.TransactionID) bool { return gone[id] })
	}
	for _, id := range b.Forget {
		x.forgetTransaction(id, by)
	}
	return answer, nil
}

// concludeRoom is what one Conclude may still carry out.
type concludeRoom struct{ objects, bytes int }

// commit carries out what a transaction has staged, as far as there is room. It
// reports whether that was all; the transaction is over then, but for the record that
// tells who asks.
func (x *entry) commit(t *transaction, room *concludeRoom) (done bool, err error) {
	if t.state == command.TransactionPrepared && room.objects > 0 && room.bytes > 0 {
		x.become(t, command.TransactionCommitted)
		x.m.counters.committed.Add(1)
	}
	if t.large {
		err = x.carryOutStored(t, room)
	} else {
		err = x.carryOutKept(t, room)
	}
	if err != nil || t.staged > 0 || t.open() {
		x.store(t)
		return false, err
	}
	x.dropStaged(t)
	x.release(t)
	x.giveUp(t.owner)
	x.store(t)
	return true, nil
}

// carryOutKept is for effects that are in memory.
func (x *entry) carryOutKept(t *transaction, room *concludeRoom) error {
	n := 0
	for n < len(t.effects) && room.objects > 0 && room.bytes > 0 {
		e := &t.effects[n]
		if err := x.carryOut(e.id, e.effect, room); err != nil {
			return err
		}
		x.key = append(appendStagedPrefix(x.key[:0], t.id), e.id...)
		x.batch.Delete(x.key)
		x.m.locks.effectBytes -= len(e.record.row)
		n++
	}
	t.effects = t.effects[n:]
	x.took(t, n)
	return nil
}

// carryOutStored is for effects that are in the store only.
func (x *entry) carryOutStored(t *transaction, room *concludeRoom) (err error) {
	lower := appendStagedPrefix(nil, t.id)
	it, err := x.batch.NewIterator(lower, keyEnd(lower))
	if err != nil {
		return err
	}
	var last []byte
	n := 0
	for ok := it.First(); ok && room.objects > 0 && room.bytes > 0; ok = it.Next() {
		e, err := decodeEffect(slices.Clone(it.Value()))
		if err == nil {
			err = it.Err()
		}
		if err == nil {
			err = x.carryOut(object.ID(it.Key()[len(lower):]), e, room)
		}
		if err != nil {
			_ = it.Close()
			return err
		}
		last = append(last[:0], it.Key()...)
		n++
	}
	if err := it.Err(); err != nil {
		_ = it.Close()
		return err
	}
	if err := it.Close(); err != nil {
		return err
	}
	if n > 0 {
		x.batch.DeleteRange(lower, append(last, 0))
	}
	x.took(t, n)
	return nil
}

// took counts effects that were carried out.
func (x *entry) took(t *transaction, n int) {
	x.m.locks.mu.Lock()
	defer x.m.locks.mu.Unlock()
	t.staged -= n
}

// carryOut makes what was staged for an object the partition's state.
func (x *entry) carryOut(id object.ID, e effect, room *concludeRoom) error {
	room.objects--
	room.bytes -= len(e.record.row)
	c, err := x.object(id)
	if err != nil {
		return err
	}
	if e.present {
		x.put(c, e.record)
	} else {
		x.remove(c)
	}
	switch {
	case e.vacant:
		return x.mark(id, marker{kind: vacant, version: e.record.version})
	case e.unmark:
		return x.unmark(id)
	}
	return nil
}

// abort ends a transaction that is not committed, or a session's locks.
func (x *entry) abort(t *transaction) {
	if t.state != command.TransactionLocking {
		x.m.counters.aborted.Add(1)
	}
	x.dropTransaction(t)
}

// forgetTransaction drops a transaction that all participants have concluded. Its
// coordinator may do so at once. Where another has ended it, the coordinator may still
// ask (it may have been stopped all the while, and is to hear that it was committed):
// then it is kept until there is no room, or the coordinator is gone.
func (x *entry) forgetTransaction(id object.TransactionID, by object.CommandID) {
	l := &x.m.locks
	t := l.transactions[id]
	if t == nil || t.open() || t.staged > 0 {
		return
	}
	s := x.m.senders[id.Node]
	own := by.Node == id.Node && by.Incarnation >= id.Incarnation
	if own || s != nil && s.incarnation > id.Incarnation {
		x.unlist(t)
		x.dropTransaction(t)
		return
	}
	if t.forgotten {
		return
	}
	x.become(t, command.TransactionCommitted)
	l.mu.Lock()
	t.forgotten = true
	l.mu.Unlock()
	x.store(t)
	i, _ := slices.BinarySearchFunc(l.forgotten, t, byForgotten)
	l.forgotten = slices.Insert(l.forgotten, i, t)
	if len(l.forgotten) > maxForgotten {
		oldest := l.forgotten[0]
		x.unlist(oldest)
		x.dropTransaction(oldest)
	}
}

// byForgotten orders transactions by when they were said to be forgotten.
func byForgotten(a, b *transaction) int {
	return cmp.Or(cmp.Compare(a.since, b.since), compareTransactions(a.id, b.id))
}

func (x *entry) unlist(t *transaction) {
	l := &x.m.locks
	if !t.forgotten {
		return
	}
	if i, found := slices.BinarySearchFunc(l.forgotten, t, byForgotten); found {
		l.forgotten = slices.Delete(l.forgotten, i, i+1)
	}
}

// resolve tells what became of a transaction, and sees to it that one that is not
// prepared never will be. The answer is unknown only where there is no room to remember
// that: it is to be asked again.
func (x *entry) resolve(b *command.Resolve) *command.Resolution {
	t := x.m.locks.transactions[b.Transaction]
	if t != nil && (t.state == command.TransactionPrepared || t.state == command.TransactionCommitted) {
		return &command.Resolution{State: t.state}
	}
	if !x.abortFor(b.Transaction) {
		return &command.Resolution{State: command.TransactionUnknown}
	}
	if t != nil {
		x.abort(t)
	}
	x.refuseWaiting(func(id object.TransactionID) bool { return id == b.Transaction })
	return &command.Resolution{State: command.TransactionAborted}
}
