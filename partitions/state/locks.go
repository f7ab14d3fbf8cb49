package state

import (
	"slices"
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// locks are who holds what in the partition, and who waits for it. They are derived
// from what is stored. The goroutine that applies owns them: it changes them under mu,
// for those who list them, and reads them without.
type locks struct {
	mu           sync.Mutex
	transactions map[object.TransactionID]*transaction
	objects      ordered[*objectLock] // that are held or waited for
	ranges       []rangeHold
	spare        []*objectLock // empty, to be used again
	held         int           // objects and ranges, each once for each transaction
	effectBytes  int           // of the effects that are kept in memory
	keptBytes    int           // bounds them
	forgotten    []*transaction
	queue
}

// objectLock is an object that is held, waited for, or both.
type objectLock struct {
	holds   []hold
	waiting []waiting // in the order of the queue
}

type hold struct {
	by   *transaction
	mode command.LockMode
}

type waiting struct {
	w    *waiter
	mode command.LockMode
}

type rangeHold struct {
	by *transaction
	lockedSpan
}

// maxSpareLocks bounds the locks that are kept to be used again, and what those keep.
const maxSpareLocks = 256

// idle reports whether nothing is held and nobody waits, so that no command has to look
// any further.
func (l *locks) idle() bool { return l.held == 0 && len(l.waiters) == 0 }

// compatible reports whether two may have the same at once.
func compatible(a, b command.LockMode) bool {
	return a == command.LockShared && b == command.LockShared
}

// footprint is what a command needs for itself, or with others who read.
type footprint struct {
	objects []lockedObject
	spans   []lockedSpan
	// all means the whole partition. Locks that sessions hold ahead of their
	// transactions do not matter to it.
	all bool
}

func (f *footprint) reset() {
	f.objects, f.spans, f.all = f.objects[:0], f.spans[:0], false
}

func (f *footprint) add(id object.ID, mode command.LockMode) {
	f.objects = append(f.objects, lockedObject{id, mode})
}

func (f *footprint) addSpans(spans []command.Span, t object.TableID, mode command.LockMode) {
	if len(spans) == 0 {
		return
	}
	for _, s := range orderSpans(spans, t) {
		f.spans = append(f.spans, lockedSpan{s, mode})
	}
}

// wide reports whether it is more than a list of objects.
func (f *footprint) wide() bool { return f.all || len(f.spans) > 0 }

// covers reports whether the part of it that is not a list of objects keeps an object
// from others.
func (f *footprint) covers(o lockedObject) bool {
	if f.all {
		return true
	}
	for _, s := range f.spans {
		if s.span.Start <= o.id && o.id < s.span.End && !compatible(s.mode, o.mode) {
			return true
		}
	}
	return false
}

// crosses is covers of a span.
func (f *footprint) crosses(o lockedSpan) bool {
	if f.all {
		return true
	}
	for _, s := range f.spans {
		if overlap(s.span, o.span) && !compatible(s.mode, o.mode) {
			return true
		}
	}
	return false
}

// tableSpan is the range of all objects that a table can have.
func tableSpan(t object.TableID) command.Span {
	start := object.NewID(t, nil)
	if t == 1<<32-1 {
		return command.Span{Start: start, End: start + "\xff\xff\xff\xff\xff\xff\xff\xff"}
	}
	return command.Span{Start: start, End: object.NewID(t+1, nil)}
}

// of makes it the footprint of a command; it is empty for one that waits for nobody.
func (f *footprint) of(body command.Body) {
	f.reset()
	switch b := body.(type) {
	case *command.Write:
		f.write(b)
	case *command.Prepare:
		for i := range b.Part.Ranges {
			f.addSpans(b.Part.Ranges[i].Spans, b.Part.Ranges[i].Table, command.LockShared)
		}
		for i := range b.Part.Effects {
			e := &b.Part.Effects[i]
			mode := command.LockExclusive
			if e.Kind == command.EffectNone {
				mode = command.LockShared
			}
			f.add(e.ID, mode)
		}
		for _, w := range b.Part.Writes {
			f.write(w)
		}
	case *command.Lock:
		for i := range b.Targets {
			f.add(b.Targets[i].ID, b.Mode)
		}
	case *command.Depart:
		for _, id := range b.Objects {
			f.add(id, command.LockExclusive)
		}
	case *command.Arrive:
		for i := range b.Objects {
			f.add(b.Objects[i].ID, command.LockExclusive)
		}
	case *command.InstallTable:
		f.spans = append(f.spans, lockedSpan{tableSpan(b.Table.ID), command.LockExclusive})
	case *command.DropTable:
		f.spans = append(f.spans, lockedSpan{tableSpan(b.Table), command.LockExclusive})
	case *command.InstallSlots:
		f.all = true
	}
}

func (f *footprint) write(w *command.Write) {
	for i := range w.Targets {
		f.add(w.Targets[i].ID, command.LockExclusive)
	}
	f.addSpans(w.Spans, w.Table, command.LockExclusive)
}

// requester is who wants a footprint.
type requester struct {
	id, owner object.TransactionID // zero: none
	// waits says that it is in the queue, at ticket. One that is not comes after all
	// who are.
	waits  bool
	ticket ticket
	// holds says that the transaction, or the session's, holds something here already.
	// It passes those who wait: they may be waiting for it.
	holds bool
	// oracle says that it brings objects in or out, or changes what a table is. It passes
	// what sessions hold ahead of their transactions, and those who wait: these may be
	// waiting for a session.
	oracle bool
}

func (l *locks) requester(body command.Body) requester {
	var r requester
	switch b := body.(type) {
	case *command.Prepare:
		r.id, r.owner = b.Transaction, b.Owner
	case *command.Lock:
		r.id = b.Owner
	case *command.Depart, *command.Arrive, *command.InstallTable, *command.DropTable:
		return requester{oracle: true}
	}
	r.holds = l.holds(r.id) || l.holds(r.owner)
	return r
}

func (l *locks) holds(id object.TransactionID) bool {
	if id.IsZero() {
		return false
	}
	t := l.transactions[id]
	return t != nil && len(t.objects)+len(t.spans) > 0
}

func (r *requester) passes(t *transaction) bool {
	return t.id == r.id && !r.id.IsZero() || t.id == r.owner && !r.owner.IsZero() ||
		r.oracle && t.state == command.TransactionLocking
}

// overtakes reports whether it does not matter to it who waits.
func (r *requester) overtakes() bool { return r.holds || r.oracle }

// ahead reports whether a waiter comes before the requester.
func (r *requester) ahead(w *waiter) bool { return !r.waits || w.ticket.before(r.ticket) }

// obstacle is what a requester meets: a lock of a transaction, or another that waits
// (by is zero then where it is a single command). id is empty where it is a range.
type obstacle struct {
	id object.ID
	by object.TransactionID
}

// visit calls each for what a footprint meets, until it returns false.
func (l *locks) visit(f *footprint, r *requester, each func(obstacle) bool) bool {
	if f.all && !l.visitAll(r, each) {
		return false
	}
	for _, o := range f.objects {
		if !l.visitObject(o, r, each) {
			return false
		}
	}
	for _, s := range f.spans {
		if !l.visitSpan(s, r, each) {
			return false
		}
	}
	return true
}

func (l *locks) visitObject(o lockedObject, r *requester, each func(obstacle) bool) bool {
	if lock, found := l.objects.get(o.id); found && !lock.visit(o.id, o.mode, r, each) {
		return false
	}
	for i := range l.ranges {
		h := &l.ranges[i]
		if h.span.Start <= o.id && o.id < h.span.End && !compatible(h.mode, o.mode) && !r.passes(h.by) {
			if !each(obstacle{o.id, h.by.id}) {
				return false
			}
		}
	}
	if r.overtakes() {
		return true
	}
	for _, w := range l.wide {
		if !r.ahead(w) {
			break
		}
		if w.print.covers(o) && !each(obstacle{o.id, w.transaction}) {
			return false
		}
	}
	return true
}

// visit is of one object.
func (lock *objectLock) visit(id object.ID, mode command.LockMode, r *requester, each func(obstacle) bool) bool {
	for _, h := range lock.holds {
		if !compatible(h.mode, mode) && !r.passes(h.by) && !each(obstacle{id, h.by.id}) {
			return false
		}
	}
	if r.overtakes() {
		return true
	}
	for _, w := range lock.waiting {
		if !r.ahead(w.w) {
			break
		}
		if !compatible(w.mode, mode) && !each(obstacle{id, w.w.transaction}) {
			return false
		}
	}
	return true
}

func (l *locks) visitSpan(s lockedSpan, r *requester, each func(obstacle) bool) bool {
	going := true
	l.objects.ascend(s.span.Start, func(id object.ID, lock *objectLock) bool {
		if id >= s.span.End {
			return false
		}
		going = lock.visit(id, s.mode, r, each)
		return going
	})
	if !going {
		return false
	}
	for i := range l.ranges {
		h := &l.ranges[i]
		if overlap(h.span, s.span) && !compatible(h.mode, s.mode) && !r.passes(h.by) && !each(obstacle{by: h.by.id}) {
			return false
		}
	}
	if r.overtakes() {
		return true
	}
	for _, w := range l.wide {
		if !r.ahead(w) {
			break
		}
		if w.print.crosses(s) && !each(obstacle{by: w.transaction}) {
			return false
		}
	}
	return true
}

func (l *locks) visitAll(r *requester, each func(obstacle) bool) bool {
	going := true
	l.objects.ascend("", func(id object.ID, lock *objectLock) bool {
		for _, h := range lock.holds {
			if h.by.state != command.TransactionLocking {
				going = each(obstacle{id, h.by.id})
				return going
			}
		}
		return true
	})
	if !going {
		return false
	}
	for i := range l.ranges {
		if !each(obstacle{by: l.ranges[i].by.id}) {
			return false
		}
	}
	for _, w := range l.waiters {
		if !r.ahead(w) {
			break
		}
		if !each(obstacle{by: w.transaction}) {
			return false
		}
	}
	return true
}

// meets returns the first obstacle.
func (l *locks) meets(f *footprint, r *requester) (first obstacle, blocked bool) {
	l.visit(f, r, func(o obstacle) bool {
		first, blocked = o, true
		return false
	})
	return first, blocked
}

// lock returns the lock of an object, to be changed.
func (l *locks) lock(id object.ID) *objectLock {
	lock, found := l.objects.get(id)
	if found {
		return lock
	}
	if n := len(l.spare); n > 0 {
		lock, l.spare = l.spare[n-1], l.spare[:n-1]
	} else {
		lock = new(objectLock)
	}
	l.objects.set(id, lock)
	return lock
}

// tidy drops the lock of an object that nobody wants any more.
func (l *locks) tidy(id object.ID, lock *objectLock) {
	if len(lock.holds)+len(lock.waiting) == 0 {
		l.objects.remove(id)
		if len(l.spare) < maxSpareLocks && cap(lock.holds)+cap(lock.waiting) <= maxSpareLocks {
			l.spare = append(l.spare, lock)
		}
	}
}

// hold gives a transaction an object and reports whether that is more than it had. mu
// is held.
func (l *locks) hold(t *transaction, o lockedObject) (was command.LockMode, more bool) {
	lock := l.lock(o.id)
	for i := range lock.holds {
		if h := &lock.holds[i]; h.by == t {
			was = h.mode
			h.mode = max(was, o.mode)
			return was, o.mode > was
		}
	}
	lock.holds = append(lock.holds, hold{t, o.mode})
	t.objects = append(t.objects, o.id)
	l.held++
	return 0, true
}

// drop takes an object from a transaction and returns how it held it. mu is held.
func (l *locks) drop(t *transaction, id object.ID) (mode command.LockMode, lock *objectLock) {
	lock, found := l.objects.get(id)
	if !found {
		return 0, nil
	}
	for i, h := range lock.holds {
		if h.by == t {
			lock.holds = slices.Delete(lock.holds, i, i+1)
			l.held--
			return h.mode, lock
		}
	}
	return 0, lock
}
