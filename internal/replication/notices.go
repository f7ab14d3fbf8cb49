package replication

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/ssmr/ssmr/internal/object"
)

// notices knows what followers have acknowledged that they were told of the commit
// index. Raft repeats it every Timing.Commit, for each follower of each group, also
// where nothing is written; a repetition that says nothing new is not sent. Heartbeats
// are not concerned.
type notices struct {
	clock Clock
	every time.Duration // it is repeated at least so often

	mu   sync.Mutex // guards told
	told map[object.NodeID]notice
}

type notice struct {
	term, previous, previousTerm, commit uint64
	sent                                 time.Time
}

func newNotices(clock Clock, every time.Duration) *notices {
	return &notices{clock: clock, every: every, told: make(map[object.NodeID]notice)}
}

func noticeOf(req *raft.AppendEntriesRequest, sent time.Time) notice {
	return notice{req.Term, req.PrevLogEntry, req.PrevLogTerm, req.LeaderCommitIndex, sent}
}

// known reports whether a follower has acknowledged the same message a moment ago.
// What raft then believes is not newer than that: that it had contact at that time.
func (n *notices) known(to object.NodeID, req *raft.AppendEntriesRequest) bool {
	if len(req.Entries) > 0 || isHeartbeat(req) {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.told[to]
	return last == noticeOf(req, last.sent) && n.clock.Now().Sub(last.sent) < n.every
}

// acknowledged notes an acknowledgement.
func (n *notices) acknowledged(to object.NodeID, req *raft.AppendEntriesRequest, sent time.Time) {
	if len(req.Entries) > 0 || isHeartbeat(req) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told[to] = noticeOf(req, sent)
}
