package partitions

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/partitions/attempt"
	"github.com/ssmr/ssmr/partitions/state"
)

const (
	// recoveriesAtOnce bounds the transactions that a node recovers side by side.
	recoveriesAtOnce = 64
	// recoverAgainMost is the longest time between two recoveries of one transaction.
	recoverAgainMost = time.Minute
	// knowsTimeout bounds the question whether a node has a transaction still.
	knowsTimeout = time.Second
	// forgottenBy is after what time a coordinator that cannot be asked has given up:
	// it asks participants for resolveMost at the most.
	forgottenBy = 3 * resolveMost
)

// sighting is what a leader has seen of a transaction, on its own clock.
type sighting struct {
	since   time.Time // it is known in this state
	state   command.TransactionState
	next    time.Time     // look after it then
	pause   time.Duration // and after that
	silent  time.Time     // since when its node has not answered; zero: it has
	current bool          // it is there still
}

// suspect is a transaction that a leader has to look after.
type suspect struct {
	r    *replica
	s    *sighting
	info state.TransactionInfo
}

// recoverLoop looks after transactions that partitions which this node leads have had
// for long. It runs until Close.
func (c *Client) recoverLoop() {
	every := max(c.service.cfg.RecoverAfter/4, 10*time.Millisecond)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	slots := make(chan struct{}, recoveriesAtOnce)
	for {
		select {
		case <-ticker.C:
		case <-c.closing:
			return
		}
		suspects := c.service.suspects()
		if len(suspects) == 0 {
			continue
		}
		known, silent := c.askNodes(suspects)
		for i := range suspects {
			c.lookAfter(&suspects[i], known[suspects[i].info.ID], silent[suspects[i].info.ID.Node], slots)
		}
	}
}

// suspects notes what the partitions that this node leads know of transactions, and
// returns those that have to be looked after now.
func (s *Service) suspects() []suspect {
	s.mu.RLock()
	list := make([]*replica, 0, len(s.replicas))
	for _, r := range s.replicas {
		list = append(list, r)
	}
	s.mu.RUnlock()
	var due []suspect
	for _, r := range list {
		due = r.suspects(due, s.cfg.Clock.Now())
	}
	return due
}

func (r *replica) suspects(due []suspect, now time.Time) []suspect {
	r.sightingsMu.Lock()
	defer r.sightingsMu.Unlock()
	if !r.group.IsLeader() {
		clear(r.sightings)
		return due
	}
	infos := r.machine.Transactions()
	if len(infos) == 0 && len(r.sightings) == 0 {
		return due
	}
	for i := range infos {
		t := &infos[i]
		seen := r.sightings[t.ID]
		if seen == nil || seen.state != t.State {
			seen = &sighting{since: now, state: t.State, next: now.Add(r.cfg.RecoverAfter), pause: r.cfg.RecoverAfter}
			r.sightings[t.ID] = seen
		}
		seen.current = true
		if now.Before(seen.next) || t.State == command.TransactionUnknown {
			continue
		}
		seen.next = now.Add(seen.pause)
		seen.pause = min(2*seen.pause, max(recoverAgainMost, r.cfg.RecoverAfter))
		due = append(due, suspect{r, seen, *t})
	}
	for id, seen := range r.sightings {
		if !seen.current {
			delete(r.sightings, id)
		}
		seen.current = false
	}
	return due
}

// age returns how long this leader has known of a transaction; negative where it does
// not.
func (r *replica) age(id object.TransactionID, now time.Time) time.Duration {
	r.sightingsMu.Lock()
	defer r.sightingsMu.Unlock()
	if seen := r.sightings[id]; seen != nil {
		return now.Sub(seen.since)
	}
	return -1
}

// askNodes asks the nodes of transactions whether they have them still. silent are those
// that do not answer.
func (c *Client) askNodes(suspects []suspect) (known map[object.TransactionID]byte, silent map[object.NodeID]bool) {
	lists := make(map[object.NodeID][]object.TransactionID)
	for i := range suspects {
		id := suspects[i].info.ID
		lists[id.Node] = append(lists[id.Node], id)
	}
	known, silent = make(map[object.TransactionID]byte), make(map[object.NodeID]bool)
	var mu sync.Mutex
	var asking sync.WaitGroup
	for node, list := range lists {
		asking.Go(func() {
			answers, err := c.askNode(node, list)
			mu.Lock()
			defer mu.Unlock()
			if silent[node] = err != nil; err != nil {
				return
			}
			for i, id := range list {
				known[id] = answers[i]
			}
		})
	}
	asking.Wait()
	return known, silent
}

func (c *Client) askNode(node object.NodeID, list []object.TransactionID) ([]byte, error) {
	if node == c.node {
		answers := make([]byte, len(list))
		for i, id := range list {
			answers[i] = c.knows(id)
		}
		return answers, nil
	}
	ctx, cancel := context.WithTimeout(c.closingContext, knowsTimeout)
	defer cancel()
	req := binary.AppendUvarint(nil, uint64(len(list)))
	for _, id := range list {
		req = appendTransaction(req, id)
	}
	answers, err := c.call(ctx, node, methodKnows, req)
	if err == nil && len(answers) != len(list) {
		err = errShort
	}
	return answers, err
}

// lookAfter does what has to be done about a transaction. knows is what its node says of
// it; silent says that this does not answer.
func (c *Client) lookAfter(t *suspect, knows byte, silent bool, slots chan struct{}) {
	now := c.service.cfg.Clock.Now()
	s := t.s
	t.r.sightingsMu.Lock()
	if !silent {
		s.silent = time.Time{}
	} else if s.silent.IsZero() {
		s.silent = now
	}
	since, quiet := s.since, s.silent
	if knows != knowsNothing {
		s.pause = t.r.cfg.RecoverAfter // it is asked again and again
	}
	t.r.sightingsMu.Unlock()
	if knows != knowsNothing {
		return // whoever has it decides it, or gives it up
	}
	switch t.info.State {
	case command.TransactionLocking:
		if silent && now.Sub(quiet) < t.r.cfg.RecoverAfter {
			return
		}
		c.counters.sessionsEnded.Add(1)
		c.cfg.Logger.Info("locks of a session that is gone are given up", "partition", t.r.id, "transaction", t.info.ID)
		c.concluder(t.r.id).add(concluding{id: t.info.ID})
	case command.TransactionPreparing, command.TransactionPrepared:
		c.recover(t, attempt.Recover(t.info.Participants), !silent, slots)
	case command.TransactionCommitted:
		c.recover(t, attempt.Finish(t.info.Participants), !silent || now.Sub(since) > forgottenBy, slots)
	}
}

// recover decides a transaction in place of its coordinator. forget says that this
// does not need to ask about it any more.
func (c *Client) recover(t *suspect, a *attempt.Attempt, forget bool, slots chan struct{}) {
	if len(t.info.Participants) == 0 {
		return
	}
	select {
	case slots <- struct{}{}:
	default:
		return // the next time
	}
	x := &transaction{
		c: c, id: t.info.ID, participants: t.info.Participants, ctx: c.closingContext,
		forget: func() bool { return forget },
	}
	finishing := t.info.State == command.TransactionCommitted
	if !c.startBackground(func() {
		defer func() { <-slots }()
		x.begin(a)
		select {
		case <-x.decided:
		case <-x.stuck:
		case <-c.closing:
		}
		x.mu.Lock()
		decision := x.attempt.Decision()
		x.mu.Unlock()
		if decision == attempt.Undecided || finishing {
			return
		}
		c.counters.recovered.Add(1)
		c.cfg.Logger.Info("a transaction was recovered", "partition", t.r.id, "transaction", x.id, "outcome", decision.String())
	}) {
		<-slots
	}
}
