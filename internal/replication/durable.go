package replication

import (
	"fmt"

	"github.com/ssmr/ssmr/internal/storage"
)

// A leader's own copy of a command reaches the disk while the followers' copies do:
// StoreLogs returns before, and raft counts the copy at once. Nobody may hear of
// that before it is true. Until the leader's disk has the entry
//
//   - it is not applied by the leader (applier.ApplyBatch), so it is neither answered
//     nor read;
//   - followers are not told that it is committed (transport.AppendEntries);
//   - this replica, if it follows another by then, does not acknowledge it
//     (transport.handleAppend).
//
// What this replica says beside that goes through its disk behind the entry: votes,
// and everything else that it stores. If it crashes before, the entry was stored by
// others only, as one that their leader has sent and never stored itself.

// finish waits for the disk.
func (s *logStore) finish(b *storage.Batch, sync *logSync) {
	err := b.Wait()
	b.Close()
	s.mu.Lock()
	delete(s.syncing, sync)
	if err == nil {
		s.moveDurable(sync.last)
	}
	s.mu.Unlock()
	if err != nil {
		s.fatal(fmt.Errorf("store log entries: %w", err))
	}
}

// moveDurable notes that an entry, and all before it, are on disk. mu is held.
func (s *logStore) moveDurable(index uint64) {
	if index > s.durable {
		s.durable = index
		s.wake()
	}
}

// wake wakes who waits for durable. mu is held.
func (s *logStore) wake() {
	if s.synced != nil {
		close(s.synced)
		s.synced = nil
	}
}

// onDisk returns the last entry that is on disk.
func (s *logStore) onDisk() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable
}

// awaitDisk waits until an entry is on disk, or is in the log no more.
func (s *logStore) awaitDisk(index uint64) error {
	for {
		s.mu.Lock()
		if s.durable >= index || s.last < index {
			s.mu.Unlock()
			return nil
		}
		if s.closed {
			s.mu.Unlock()
			return ErrStopped
		}
		if s.synced == nil {
			s.synced = make(chan struct{})
		}
		synced := s.synced
		s.mu.Unlock()
		<-synced
	}
}
