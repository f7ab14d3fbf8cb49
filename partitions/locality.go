package partitions

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
)

// Leadership follows the commands. Where the clients of a group are at another node than
// its leader, every command pays a hop, and what is led by different nodes shares
// neither messages nor disk syncs. So a leader that gets most commands from one other
// node hands over to it.
//
// Of the reads that a follower answers from its own replica a leader sees its questions,
// of its own node's it sees all. So where there is doubt, leadership stays.
const (
	// localityWindow is what a decision looks back on. A burst (one batch, the rest after
	// a slow disk) is shorter; clients that have moved pay the hop for little longer.
	localityWindow = 3 * time.Second
	// localityLate is the most that may lie between two ticks, which come once a second;
	// after more this node stood still, and what has gathered says little about who sends.
	localityLate = 2500 * time.Millisecond
	// localityShare is what the other node must have sent of all commands. With one half,
	// two nodes that are equally busy would move it by chance; from two thirds here to two
	// thirds there, loads must really change.
	localityShare = 2.0 / 3
	// localityRate is how many commands the other node must have sent in a second. A hop
	// costs it some hundred microseconds for each; a hand-over stops the group for tens of
	// milliseconds, which it saves again within seconds at this rate.
	localityRate = 20
	// localityLed is how long this node must have led. In the first seconds come the
	// commands that were held up by the change, from whoever was quickest to find out.
	localityLed = 5 * time.Second
	// localityContact is how old the other node's last acknowledgement may be. Under the
	// load that is needed here they come all the time, and with slow heartbeats (seconds)
	// still that often.
	localityContact = 2 * time.Second
	// localityBehind is what the other node's log may lack, as a part of what came in the
	// last second, and localityFew the entries that it may lack in any case. It must have
	// all before it can lead, and nothing is taken meanwhile.
	localityBehind = 0.1
	localityFew    = 16
	// handOverMost bounds one hand-over. Raft gives up after the time of an election.
	handOverMost = 5 * time.Second
	// cooldownFirst is the least time from one hand-over of a group to the next by the
	// same node. It doubles up to cooldownMost each time that there is a next one within
	// cooldownMemory. So clients that alternate between nodes, at whatever pace, and a
	// node that is handed the leadership and loses it again, soon cause no more than a
	// hand-over in five minutes. One that has failed counts: reads have no lease until
	// the end of the term then, so it must not become a habit either.
	cooldownFirst = 30 * time.Second
	cooldownMost  = 5 * time.Minute
	// cooldownMemory is longer than cooldownMost: a hand-over that had to wait for the
	// pause here, and then for that of the other node, is remembered still.
	cooldownMemory = 3 * cooldownMost
	// originsMost bounds the nodes that are told apart; a group has fewer voters.
	originsMost = 64
)

// leadership is what locality needs of replication.Group.
type leadership interface {
	Role() replication.Role
	Status() replication.Status
	TransferLeadership(ctx context.Context, to object.NodeID) error
}

// locality sees where the commands of the groups that this node leads come from, and
// hands groups over to where most do.
type locality struct {
	self object.NodeID
	log  *slog.Logger

	ctx     context.Context // ends with close
	stop    context.CancelFunc
	running sync.WaitGroup // hand-overs; added to under mu, while not closed

	mu     sync.Mutex // guards what follows
	seats  map[object.GroupID]*seat
	closed bool
}

// newLocality returns one without groups. The caller calls tick once a second, from one
// goroutine, and close at the end.
func newLocality(self object.NodeID, log *slog.Logger) *locality {
	l := &locality{self: self, log: log, seats: make(map[object.GroupID]*seat)}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// add takes a group in. Whoever serves its commands tells the origins that it returns,
// which are the same however often a group is added.
func (l *locality) add(id object.GroupID, g leadership) *origins {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.seats[id]
	if s == nil {
		s = &seat{id: id, group: g}
		l.seats[id] = s
	}
	return &s.origins
}

// tick decides for each group that this node leads whether another should.
func (l *locality) tick(now time.Time) {
	l.mu.Lock()
	seats := make([]*seat, 0, len(l.seats))
	for _, s := range l.seats {
		seats = append(seats, s)
	}
	l.mu.Unlock()
	for _, s := range seats {
		if !s.observe(now) {
			continue
		}
		if p, hands := decide(s.outlook(l.self, now)); hands && !s.moving.Load() {
			l.handOver(s, p, now)
		}
	}
}

// handOver begins to hand a group over.
func (l *locality) handOver(s *seat, p pull, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	s.rest.begin(now)
	s.moving.Store(true)
	l.running.Go(func() {
		defer s.moving.Store(false)
		log := l.log.With("group", s.id, "to", p.node)
		log.Info("leadership goes to the node that commands come from",
			"share", math.Round(p.share*100)/100, "per_second", math.Round(p.perSecond))
		ctx, cancel := context.WithTimeout(l.ctx, handOverMost)
		defer cancel()
		if err := s.group.TransferLeadership(ctx, p.node); err != nil && l.ctx.Err() == nil {
			log.Info("leadership could not be handed over", "err", err)
		}
	})
}

// close ends the hand-over that may be under way, and begins none any more. Calling it
// again is harmless. The node's own drain of its groups comes after it.
func (l *locality) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stop()
	l.running.Wait()
}

// seat is the leadership of one group.
type seat struct {
	id      object.GroupID
	group   leadership
	origins origins
	moving  atomic.Bool // a hand-over is under way

	// What follows belongs to the goroutine that calls tick.
	term   uint64    // that this node leads; 0 for none
	since  time.Time // when that was first seen
	looked time.Time // the last time, in the term
	window window    // of the term
	last   uint64    // index of the log, when looked at last
	rest   cooldown
}

// observe takes in what has come since the last time; false where this node does not
// lead.
func (s *seat) observe(now time.Time) bool {
	role := s.group.Role()
	switch {
	case !role.Leading:
		s.term, s.window = 0, nil
		s.origins.forget()
		return false
	case role.Term != s.term:
		s.term, s.since, s.looked, s.window = role.Term, now, now, nil
		s.origins.forget()
	case now.Sub(s.looked) > localityLate:
		s.looked, s.window = now, nil
		s.origins.forget()
	case now.After(s.looked):
		s.window = s.window.with(second{took: now.Sub(s.looked), counts: s.origins.take()})
		s.looked = now
	}
	return true
}

func (s *seat) outlook(self object.NodeID, now time.Time) outlook {
	o := outlook{self: self, now: now, since: s.since, window: s.window, rest: s.rest, status: s.group.Status()}
	o.came, s.last = o.status.LastIndex-s.last, o.status.LastIndex
	return o
}

// outlook is what a decision rests on.
type outlook struct {
	self   object.NodeID
	now    time.Time
	since  time.Time // this node leads
	window window
	rest   cooldown
	status replication.Status
	came   uint64 // entries of the log, in the last second
}

// pull is what speaks for a node: its part of the commands in a window.
type pull struct {
	node      object.NodeID
	share     float64
	perSecond float64
}

// decide tells whether the group is to be handed over, and to whom.
func decide(o outlook) (pull, bool) {
	if o.now.Sub(o.since) < localityLed || !o.rest.over(o.now) || o.window.took() < localityWindow {
		return pull{}, false
	}
	p := o.window.strongest()
	wants := p.node != o.self && p.share >= localityShare && p.perSecond >= localityRate && o.window.steady(p.node)
	return p, wants && o.ready(p.node)
}

// ready reports whether a node could lead at once.
func (o *outlook) ready(node object.NodeID) bool {
	behind := max(uint64(localityBehind*float64(o.came)), localityFew)
	for _, r := range o.status.Replicas {
		if r.Node == node {
			return r.Voter && o.now.Sub(r.Contact) <= localityContact && r.Match+behind >= o.status.LastIndex
		}
	}
	return false
}

// cooldown spaces the hand-overs of one group by this node.
type cooldown struct {
	last  time.Time     // when the last one began; zero for none
	pause time.Duration // after that
}

func (c *cooldown) begin(now time.Time) {
	if c.last.IsZero() || now.Sub(c.last) >= cooldownMemory {
		c.pause = cooldownFirst
	} else {
		c.pause = min(2*c.pause, cooldownMost)
	}
	c.last = now
}

func (c *cooldown) over(now time.Time) bool {
	return c.last.IsZero() || now.Sub(c.last) >= c.pause
}

// second is what came between two ticks.
type second struct {
	took   time.Duration
	counts []count
}

type count struct {
	node object.NodeID // "" for the nodes that are not told apart
	n    uint64
}

// window holds the last seconds, oldest first, no more than cover localityWindow.
type window []second

func (w window) with(s second) window {
	w = append(w, s)
	for w.took()-w[0].took >= localityWindow {
		w = w[1:]
	}
	return w
}

func (w window) took() (sum time.Duration) {
	for _, s := range w {
		sum += s.took
	}
	return sum
}

// strongest returns the node that most commands came from. It has no name where that
// cannot be told.
func (w window) strongest() (p pull) {
	var most, all uint64
	sums := make(map[object.NodeID]uint64)
	for _, s := range w {
		for _, c := range s.counts {
			all += c.n
			sums[c.node] += c.n
			if n := sums[c.node]; n > most {
				p.node, most = c.node, n
			}
		}
	}
	if most == 0 {
		return pull{}
	}
	p.share, p.perSecond = float64(most)/float64(all), float64(most)/w.took().Seconds()
	return p
}

// steady reports whether at least half of the commands came from a node in each second
// that had any: what the sum shows is not one burst.
func (w window) steady(node object.NodeID) bool {
	for _, s := range w {
		var n, all uint64
		for _, c := range s.counts {
			if all += c.n; c.node == node {
				n += c.n
			}
		}
		if 2*n < all {
			return false
		}
	}
	return true
}

// origins counts the commands and leader reads of one group by the node that they came
// from. The zero value is ready.
type origins struct {
	list   atomic.Pointer[[]*origin] // of at most originsMost; replaced under mu
	others atomic.Uint64             // from nodes that found no place
	mu     sync.Mutex
}

type origin struct {
	node  object.NodeID
	count atomic.Uint64
}

// note counts one. It is called for every command, so it takes no lock but for the
// first of a node.
func (o *origins) note(from object.NodeID) {
	if list := o.list.Load(); list != nil {
		for _, n := range *list {
			if n.node == from {
				n.count.Add(1)
				return
			}
		}
		if len(*list) >= originsMost {
			o.others.Add(1)
			return
		}
	}
	o.meet(from)
}

// meet counts one from a node that may be new.
func (o *origins) meet(from object.NodeID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var known []*origin
	if list := o.list.Load(); list != nil {
		known = *list
	}
	for _, n := range known {
		if n.node == from {
			n.count.Add(1)
			return
		}
	}
	if len(known) >= originsMost {
		o.others.Add(1)
		return
	}
	n := &origin{node: from}
	n.count.Add(1)
	list := append(known[:len(known):len(known)], n)
	o.list.Store(&list)
}

// take returns what was counted since the last time.
func (o *origins) take() []count {
	counts := []count{{n: o.others.Swap(0)}}
	if list := o.list.Load(); list != nil {
		for _, n := range *list {
			counts = append(counts, count{node: n.node, n: n.count.Swap(0)})
		}
	}
	return counts
}

// forget drops all counts, and the nodes.
func (o *origins) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list.Store(nil)
	o.others.Store(0)
}
