package replication

import (
	"sync"
	"time"
)

// freshness is how a follower knows how old what it has applied may be: when the
// leader said that it had committed up to an index, everything up to there was
// current.
type freshness struct {
	mu      sync.Mutex // guards what follows
	current time.Time  // what is applied was current then
	waiting [2]heard   // said, but not applied yet: the oldest and the newest
}

type heard struct {
	commit uint64
	at     time.Time
}

// heard notes what the leader said, and when.
func (f *freshness) heard(commit uint64, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting[0].at.IsZero() {
		f.waiting[0] = heard{commit, at}
		return
	}
	f.waiting[1] = heard{commit, at}
}

// at returns a time at which what is applied up to an index was current; zero if
// that is not known.
func (f *freshness) at(applied uint64) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.waiting[0].at.IsZero() && f.waiting[0].commit <= applied {
		if f.waiting[0].at.After(f.current) {
			f.current = f.waiting[0].at
		}
		f.waiting[0], f.waiting[1] = f.waiting[1], heard{}
	}
	return f.current
}
