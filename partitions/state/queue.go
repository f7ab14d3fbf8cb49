package state

import (
	"container/heap"
	"encoding/binary"
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// queue holds the commands that met a lock, in log order. One may be executed when it
// meets no lock any more, and nobody who waits before it needs what it needs: so
// nobody is overtaken by who came later.
type queue struct {
	waiters []*waiter // in order
	wide    []*waiter // those whose footprint is more than objects, in order
	byID    map[object.CommandID]*waiter
	bytes   int
	moves   int // of waiters: neither Write, Prepare nor Lock
	// holding counts the waiters who pass others who wait: those whose transaction may hold
	// something here, and moves.
	holding int
}

// waiter is a command in the queue.
type waiter struct {
	ticket      ticket
	id          object.CommandID
	body        command.Body
	transaction object.TransactionID // of a Prepare or Lock
	bytes       int
	print       footprint
	pending     *Pending
	swept       bool // it is in the sweep under way
}

// isMove reports whether a command is one that the oracle sends.
func isMove(body command.Body) bool {
	switch body.(type) {
	case *command.Write, *command.Prepare, *command.Lock:
		return false
	}
	return true
}

// mayPass reports whether a command may pass others who wait: it moves objects, or its
// transaction may have locks already.
func mayPass(body command.Body) bool {
	switch b := body.(type) {
	case *command.Prepare:
		return b.Continues || !b.Owner.IsZero()
	case *command.Lock, *command.Depart, *command.Arrive:
		return true
	}
	return false
}

func newWaiter(t ticket, c *command.Command, bytes int) *waiter {
	w := &waiter{ticket: t, id: c.ID, body: c.Body, bytes: bytes}
	w.print.of(c.Body)
	switch b := c.Body.(type) {
	case *command.Prepare:
		w.transaction = b.Transaction
	case *command.Lock:
		w.transaction = b.Owner
	}
	return w
}

func byTicket(a, b *waiter) int {
	switch {
	case a.ticket.before(b.ticket):
		return -1
	case b.ticket.before(a.ticket):
		return 1
	}
	return 0
}

// enter puts a waiter at the end of the queue. mu is held.
func (l *locks) enter(w *waiter) {
	l.waiters = append(l.waiters, w)
	l.byID[w.id] = w
	l.bytes += w.bytes
	if isMove(w.body) {
		l.moves++
	}
	if mayPass(w.body) {
		l.holding++
	}
	if w.print.wide() {
		l.wide = append(l.wide, w)
	}
	for _, o := range w.print.objects {
		lock := l.lock(o.id)
		if n := len(lock.waiting); n > 0 && lock.waiting[n-1].w == w { // named twice
			lock.waiting[n-1].mode = max(lock.waiting[n-1].mode, o.mode)
			continue
		}
		lock.waiting = append(lock.waiting, waiting{w, o.mode})
	}
}

// leave takes a waiter out. mu is held.
func (l *locks) leave(w *waiter) {
	if i, found := slices.BinarySearchFunc(l.waiters, w, byTicket); found {
		l.waiters = slices.Delete(l.waiters, i, i+1)
	}
	delete(l.byID, w.id)
	l.bytes -= w.bytes
	if isMove(w.body) {
		l.moves--
	}
	if mayPass(w.body) {
		l.holding--
	}
	if w.print.wide() {
		if i, found := slices.BinarySearchFunc(l.wide, w, byTicket); found {
			l.wide = slices.Delete(l.wide, i, i+1)
		}
	}
	for _, o := range w.print.objects {
		lock, found := l.objects.get(o.id)
		if !found {
			continue
		}
		for i := range lock.waiting {
			if lock.waiting[i].w == w {
				lock.waiting = slices.Delete(lock.waiting, i, i+1)
				break
			}
		}
		l.tidy(o.id, lock)
	}
}

// behind returns the first that waits for an object after a ticket.
func (lock *objectLock) behind(t ticket) *waiter {
	for _, w := range lock.waiting {
		if t.before(w.w.ticket) {
			return w.w
		}
	}
	return nil
}

// room reports whether one more command may wait.
func (l *locks) room(body command.Body, bytes int) bool {
	if isMove(body) {
		return l.moves < maxQueuedMoves
	}
	return len(l.waiters)-l.moves < maxQueued && l.bytes+bytes <= maxQueuedBytes
}

// enqueue has a command wait, under the lock that it met.
func (x *entry) enqueue(c *command.Command, raw []byte) (any, error) {
	l := &x.m.locks
	if !l.room(c.Body, len(raw)) {
		return refuse(c.Body, command.Busy), nil
	}
	// What the command refers to is valid in this call only.
	kept, err := command.DecodeCommand(slices.Clone(raw))
	if err != nil {
		return nil, err
	}
	w := newWaiter(ticket{x.index, x.tickets}, kept, len(raw))
	x.tickets++
	w.pending = x.m.pendings.new()
	l.mu.Lock()
	l.enter(w)
	l.mu.Unlock()
	x.key = appendQueueKey(x.key[:0], w.ticket)
	x.batch.Set(x.key, raw)
	x.m.counters.queued.Add(1)
	return w.pending, nil
}

// settle ends the waiting of a command with its outcome.
func (x *entry) settle(w *waiter, outcome any) {
	x.dequeue(w)
	x.key = appendQueueKey(x.key[:0], w.ticket)
	x.batch.Delete(x.key)
	if s := x.m.senders[w.id.Node]; s != nil && s.incarnation == w.id.Incarnation && s.base <= w.id.Sequence {
		x.touch(s)
		x.remember(s, w.id.Sequence, outcome)
	}
	x.m.finished = append(x.m.finished, finished{w.pending, outcome})
}

// finished is a command that waited and was executed, to be told when it is committed.
type finished struct {
	pending *Pending
	outcome any
}

// dequeue takes a waiter out of the queue; those behind it are looked at by the sweep.
func (x *entry) dequeue(w *waiter) {
	l := &x.m.locks
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave(w)
	for _, o := range w.print.objects {
		if lock, found := l.objects.get(o.id); found {
			x.consider(lock.behind(w.ticket))
		}
	}
	if w.print.wide() {
		for _, v := range l.waiters {
			x.consider(v)
		}
	} else {
		x.considerWide()
	}
}

func (x *entry) considerWide() {
	for _, v := range x.m.locks.wide {
		x.consider(v)
	}
}

// considerOwn has the sweep look at the commands of a transaction that has begun to hold
// something: they pass others who wait from now on.
func (x *entry) considerOwn(id object.TransactionID) {
	for _, w := range x.m.locks.waiters {
		if r := x.m.locks.requester(w.body); r.id == id || r.owner == id {
			x.consider(w)
		}
	}
}

// consider has the sweep look at a waiter.
func (x *entry) consider(w *waiter) {
	if w != nil && !w.swept {
		w.swept = true
		heap.Push(&x.sweep, w)
	}
}

// sweepQueue executes, in the order of the queue, what may be executed since locks were
// given up or commands have left the queue.
//
// Looked at are the first who wait for what was given up; one after another who waits
// behind one that was looked at, if that was executed or both only read. Whoever is
// left out waits behind somebody who still waits.
func (x *entry) sweepQueue() error {
	l := &x.m.locks
	for len(x.sweep) > 0 {
		w := heap.Pop(&x.sweep).(*waiter)
		w.swept = false
		if l.byID[w.id] != w {
			continue // executed, or withdrawn, meanwhile
		}
		r := l.requester(w.body)
		r.waits, r.ticket = true, w.ticket
		if _, blocked := l.meets(&w.print, &r); blocked {
			x.considerBehind(w)
			continue
		}
		x.begin()
		x.granted = true
		outcome, err := x.execute(w.body, w.id)
		x.granted = false
		if err != nil {
			return err
		}
		x.settle(w, outcome)
	}
	return nil
}

// considerBehind looks at those who may pass a waiter that goes on waiting.
func (x *entry) considerBehind(w *waiter) {
	l := &x.m.locks
	for _, o := range w.print.objects {
		if o.mode != command.LockShared && l.holding == 0 {
			continue
		}
		if lock, found := l.objects.get(o.id); found {
			x.consider(lock.behind(w.ticket))
		}
	}
}

// refuseWaiting takes the commands of transactions that are aborted out of the queue.
func (x *entry) refuseWaiting(aborted func(object.TransactionID) bool) {
	if len(x.m.locks.waiters) == 0 {
		return
	}
	for _, w := range slices.Clone(x.m.locks.waiters) {
		if !w.transaction.IsZero() && aborted(w.transaction) {
			x.settle(w, refuse(w.body, command.Aborted))
		}
	}
}

// withdraw takes a command out of the queue.
func (x *entry) withdraw(b *command.Withdraw, by object.CommandID) *command.Result {
	w := x.m.locks.byID[b.Command]
	if w == nil || by.Node != b.Command.Node {
		return &command.Result{}
	}
	x.settle(w, refuse(w.body, command.Withdrawn))
	return &command.Result{Affected: 1}
}

// loadWaiter takes a command of the queue that is stored, in order.
func (m *Machine) loadWaiter(key, value []byte) error {
	if len(key) != 12 {
		return corrupt("key of the queue")
	}
	c, err := command.DecodeCommand(slices.Clone(value))
	if err != nil {
		return err
	}
	w := newWaiter(ticket{binary.BigEndian.Uint64(key), binary.BigEndian.Uint32(key[8:])}, c, len(value))
	w.pending = m.pendings.new()
	m.locks.enter(w)
	return nil
}

// sweep is a heap of waiters, the first in the queue on top.
type sweep []*waiter

// Len is of heap.Interface.
func (s sweep) Len() int { return len(s) }

// Less is of heap.Interface.
func (s sweep) Less(i, j int) bool { return s[i].ticket.before(s[j].ticket) }

// Swap is of heap.Interface.
func (s sweep) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

// Push is of heap.Interface.
func (s *sweep) Push(x any) { *s = append(*s, x.(*waiter)) }

// Pop is of heap.Interface.
func (s *sweep) Pop() any {
	last := len(*s) - 1
	w := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return w
}
