package replication

import (
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func TestNotices(t *testing.T) {
	clock := newManualClock()
	n := newNotices(clock, 100*time.Millisecond)
	told := &raft.AppendEntriesRequest{Term: 2, PrevLogEntry: 9, PrevLogTerm: 1, LeaderCommitIndex: 8}
	if n.known("b", told) {
		t.Error("what was never sent is known")
	}
	n.acknowledged("b", told, clock.Now())
	if !n.known("b", told) || n.known("c", told) {
		t.Error("b knows, c does not")
	}
	for what, change := range map[string]func(*raft.AppendEntriesRequest){
		"commit index":        func(r *raft.AppendEntriesRequest) { r.LeaderCommitIndex = 9 },
		"term":                func(r *raft.AppendEntriesRequest) { r.Term = 3 },
		"place in the log":    func(r *raft.AppendEntriesRequest) { r.PrevLogEntry = 10 },
		"term of the place":   func(r *raft.AppendEntriesRequest) { r.PrevLogTerm = 2 },
		"entries":             func(r *raft.AppendEntriesRequest) { r.Entries = []*raft.Log{{}} },
		"that is a heartbeat": func(r *raft.AppendEntriesRequest) { *r = raft.AppendEntriesRequest{Term: 2} },
	} {
		other := *told
		change(&other)
		if n.known("b", &other) {
			t.Errorf("a message with another %s is known", what)
		}
		if len(other.Entries) > 0 || isHeartbeat(&other) {
			if n.acknowledged("b", &other, clock.Now()); n.known("b", &other) || !n.known("b", told) {
				t.Errorf("a message with %s counts as a notice", what)
			}
		}
	}
	clock.advance(100 * time.Millisecond)
	if n.known("b", told) {
		t.Error("it is not repeated")
	}
}
