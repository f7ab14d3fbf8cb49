package replication

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/planted"
)

const (
	// After reads that could not be served by a follower, more go straight to the
	// leader for a time that doubles, from followPauseFirst to followPauseMost.
	followPauseFirst = 2 * time.Millisecond
	followPauseMost  = 64 * time.Millisecond
	// questionGroups bounds the groups of one question.
	questionGroups = 1 << 12
	// grantAsked is how short the time between questions is if grants are asked for.
	grantAsked = 3 * grantTime
)

// ErrBehind is returned by ReadFollowing when this replica cannot tell that it
// holds what its leader holds. Nothing is wrong: ask the leader.
var ErrBehind = errors.New("replica is not known to hold what its leader holds")

// ReadFollowing is Read on a replica that does not lead, from what it holds itself.
// The leader is asked for the index of its state; one question serves all reads, of
// all groups that the node leads, that came while the last one was under way. While
// there are many questions and no writes, an answer also holds for a moment to come.
// Where this replica's state is not that of the index, as for a while after writes,
// the error is ErrBehind.
//
// Why it is a read of the leader: see "A read on a follower" in DESIGN.md.
func (g *Group) ReadFollowing(ctx context.Context, fn func() error) error {
	clock := g.host.cfg.Clock
	leader := g.role.Load().Leader
	if leader == "" || leader == g.host.self || g.host.cfg.Timing.NoLease || !g.following.worthwhile(clock) {
		return ErrBehind
	}
	if planted.Is(planted.StaleRead) {
		return g.readAt(g.AppliedIndex(), fn)
	}
	if grant := g.granted.Load(); grant != nil && clock.Now().Before(grant.until) {
		err := g.readAt(grant.index, fn)
		if !errors.Is(err, ErrBehind) && clock.Now().Before(grant.until) {
			return err
		}
	}
	grant, err := g.host.asker(leader).ask(ctx, g.id)
	if err != nil {
		return err
	}
	if err = g.readAt(grant.index, fn); errors.Is(err, ErrBehind) {
		g.following.failed(clock)
		return err
	}
	g.following.served()
	if old := g.granted.Load(); old == nil || old.until.Before(grant.until) {
		g.granted.Store(&grant)
	}
	return err
}

// readAt runs fn if what can be read here, throughout, is the state of an index.
func (g *Group) readAt(index uint64, fn func() error) error {
	g.changeover.RLock()
	defer g.changeover.RUnlock()
	if index == 0 || g.AppliedIndex() != index || g.ctx.Err() != nil {
		return ErrBehind
	}
	err := fn()
	if g.shown.Load() != index {
		return ErrBehind
	}
	return err
}

// leadingIndex returns the index of the state that can be read here, if this
// replica certainly leads; else 0. It does not wait. With granting it may also grant
// that the state stays as it is.
func (g *Group) leadingIndex(granting bool) (index uint64, given bool) {
	role := g.role.Load()
	if !role.Leading {
		return 0, false
	}
	index = g.AppliedIndex()
	given = granting && g.gate.grant()
	if g.shown.Load() != index || !g.lease.holds(role.Term) {
		return 0, false
	}
	return index, given
}

// A question is a byte, whether grants are asked for, and a group's number (4) for
// each group. The answer has an index (8) for each: 0 where there is none to tell;
// the highest bit says that it is granted.
const grantBit = 1 << 63

func (h *Host) handleIndexes(_ context.Context, from object.NodeID, req []byte) ([]byte, error) {
	if len(req)%4 != 1 || len(req) > 1+4*questionGroups || req[0] > 1 {
		return nil, errMessage
	}
	granting := req[0] == 1
	answer := make([]byte, 0, 2*len(req))
	for req = req[1:]; len(req) > 0; req = req[4:] {
		var index uint64
		if g := h.Group(object.GroupID(binary.BigEndian.Uint32(req))); g != nil {
			var given bool
			if index, given = g.leadingIndex(granting); given {
				index |= grantBit
			}
			if f := g.asked.Load(); f != nil && index != 0 {
				(*f)(from)
			}
		}
		answer = binary.BigEndian.AppendUint64(answer, index)
	}
	return answer, nil
}

// HearQuestions has f told of each node that asks this replica, as the leader, for the
// index of its state, once for a question, which serves one read of that node or many.
// f must not block.
func (g *Group) HearQuestions(f func(from object.NodeID)) { g.asked.Store(&f) }

// following remembers whether reading on this follower has been worth the question.
type following struct {
	pause atomic.Int64 // the last one; 0 after a read was served
	until atomic.Int64 // nanoseconds since epoch
	epoch time.Time    // monotonic: the wall clock may jump
}

func (f *following) now(clock Clock) int64 { return int64(clock.Now().Sub(f.epoch)) }

func (f *following) worthwhile(clock Clock) bool {
	return f.pause.Load() == 0 || f.now(clock) >= f.until.Load()
}

func (f *following) failed(clock Clock) {
	now := f.now(clock)
	if now < f.until.Load() {
		return // it was noted by another read of the same moment
	}
	pause := min(max(2*f.pause.Load(), int64(followPauseFirst)), int64(followPauseMost))
	f.until.Store(now + pause)
	f.pause.Store(pause)
}

func (f *following) served() {
	if f.pause.Load() != 0 {
		f.pause.Store(0)
	}
}

// asker asks one node for the indexes of the groups that it leads. While a question
// is under way, reads gather for the next one: whatever is answered was asked after
// all who wait for it had come.
type asker struct {
	h    *Host
	node object.NodeID
	down following // whether the node answers at all

	mu      sync.Mutex // guards what follows
	next    *question  // that gathers; nil for none
	running bool       // a goroutine asks
	last    time.Time  // when it asked last
}

// question is what is asked at once.
type question struct {
	groups []object.GroupID // guarded by asker.mu until it is sent
	sent   time.Time        // set before done is closed; before anything has left
	answer []byte           // set before done is closed; nil: there is none
	done   chan struct{}
}

// asker returns the one of a node.
func (h *Host) asker(node object.NodeID) *asker {
	if a, ok := h.askers.Load(node); ok {
		return a.(*asker)
	}
	a, _ := h.askers.LoadOrStore(node, &asker{h: h, node: node})
	return a.(*asker)
}

// ask returns the index of the state that the node can show of a group that it
// leads, at some moment after the call, and until when it stays so; ErrBehind where
// it does not tell.
func (a *asker) ask(ctx context.Context, group object.GroupID) (granted, error) {
	q, i := a.join(group)
	if q == nil {
		return granted{}, ErrBehind
	}
	select {
	case <-q.done:
	case <-ctx.Done():
		return granted{}, ctx.Err()
	}
	if q.answer == nil {
		return granted{}, ErrBehind
	}
	index := binary.BigEndian.Uint64(q.answer[8*i:])
	if index&grantBit == 0 {
		return granted{index: index}, nil
	}
	return granted{index: index &^ grantBit, until: q.sent.Add(grantTime)}, nil
}

// join puts a group into the next question. It returns nil where none is asked.
func (a *asker) join(group object.GroupID) (*question, int) {
	if !a.down.worthwhile(a.h.cfg.Clock) {
		return nil, 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next == nil {
		a.next = &question{done: make(chan struct{})}
		if !a.running {
			if !a.h.enter() {
				a.next = nil
				return nil, 0
			}
			a.running = true
			go a.run()
		}
	}
	q := a.next
	for i, g := range q.groups {
		if g == group {
			return q, i
		}
	}
	if len(q.groups) == questionGroups {
		return nil, 0
	}
	q.groups = append(q.groups, group)
	return q, len(q.groups) - 1
}

// run asks as long as there is something to ask.
func (a *asker) run() {
	defer a.h.running.Done()
	for {
		// Reads that are about to come find the question still open.
		runtime.Gosched()
		a.mu.Lock()
		q := a.next
		a.next = nil
		a.running = q != nil
		last := a.last
		if q != nil {
			q.sent = a.h.cfg.Clock.Now() // before it leaves: grants count from here
			a.last = q.sent
		}
		a.mu.Unlock()
		if q == nil {
			return
		}
		q.answer = a.send(q.groups, q.sent.Sub(last) < grantAsked)
		close(q.done)
	}
}

// send returns nil where there is no answer. A node that is slow to answer costs
// the reads that wait a moment, and then a while passes before it is asked again.
func (a *asker) send(groups []object.GroupID, granting bool) []byte {
	request := make([]byte, 1, 1+4*len(groups))
	if granting {
		request[0] = 1
	}
	for _, g := range groups {
		request = binary.BigEndian.AppendUint32(request, uint32(g))
	}
	ctx, cancel := context.WithTimeout(a.h.ctx, a.h.cfg.Timing.Heartbeat/2)
	defer cancel()
	answer, err := a.h.cfg.Network.Call(ctx, a.node, methodIndexes, request)
	if err != nil || len(answer) != 8*len(groups) {
		a.down.failed(a.h.cfg.Clock)
		return nil
	}
	a.down.served()
	return answer
}
