package storage

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// logger hands Pebble's messages on. Its Infof tells of every flush and
// compaction, which is traffic and not a change of state: debug level.
type logger struct{ s *Store }

func (l logger) Infof(format string, args ...any) {
	l.s.opts.Logger.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.s.opts.Logger.Warn("pebble", "message", fmt.Sprintf(format, args...))
}

// Fatalf must not return. The store has failed. Where a commit failed, the
// goroutine is the caller's and ends here, with its deferred functions; elsewhere
// these would undo locks that are not held, so the goroutine stays here.
func (l logger) Fatalf(format string, args ...any) {
	l.s.fail(fmt.Errorf(format, args...))
	if !l.s.opened.Load() || strings.HasPrefix(format, "pebble: fatal commit error") {
		runtime.Goexit()
	}
	park()
}

func (s *Store) eventListener() pebble.EventListener {
	events := s.opts.Events
	return pebble.EventListener{
		BackgroundError: func(err error) {
			s.opts.Logger.Warn("flush or compaction failed and is tried again", "dir", s.dir, "error", err)
			if events.BackgroundError != nil {
				events.BackgroundError(err)
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.fail(fmt.Errorf("%w: %s", ErrCorrupt, info.String()))
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			s.stalled.Store(true)
			s.opts.Logger.Warn("writers wait for the disk", "dir", s.dir, "reason", info.Reason)
			if events.WriteStall != nil {
				events.WriteStall(info.Reason)
			}
		},
		WriteStallEnd: func() {
			s.stalled.Store(false)
			if events.WriteStall != nil {
				events.WriteStall("")
			}
		},
		DiskSlow: func(info pebble.DiskSlowInfo) {
			s.opts.Logger.Warn("disk is slow", "dir", s.dir, "operation", info.String())
			if events.DiskSlow != nil {
				events.DiskSlow(info.String())
			}
		},
	}
}

// Stats are figures about a store at one moment.
type Stats struct {
	DiskBytes      uint64 // files, all included
	MemTableBytes  uint64
	CacheBytes     int64
	CacheHits      int64
	CacheMisses    int64
	Flushes        int64
	Compactions    int64
	CompactionDebt uint64 // bytes that are to be compacted
	L0Sublevels    int32  // read amplification of level 0
	Stalled        bool   // writers wait
	OpenHandles    int64  // iterators, snapshots and batches
}

// Stats returns figures about the store; zero after Close.
func (s *Store) Stats() Stats {
	if err := s.enter(); err != nil {
		return Stats{}
	}
	defer s.leave()
	m := s.db.Metrics()
	return Stats{
		DiskBytes:      m.DiskSpaceUsage(),
		MemTableBytes:  m.MemTable.Size,
		CacheBytes:     m.BlockCache.Size,
		CacheHits:      m.BlockCache.Hits,
		CacheMisses:    m.BlockCache.Misses,
		Flushes:        m.Flush.Count,
		Compactions:    m.Compact.Count,
		CompactionDebt: m.Compact.EstimatedDebt,
		L0Sublevels:    m.Levels[0].Sublevels,
		Stalled:        s.stalled.Load(),
		OpenHandles:    s.handles.Load(),
	}
}
