package storage

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is the file system that a store lives on. Tests hand in one of their own.
type FS = vfs.FS

// NewMemFS returns a file system in memory.
func NewMemFS() *vfs.MemFS { return vfs.NewMem() }

// Options of a store. Zero values mean the defaults.
type Options struct {
	// FS is where the files are. Default: the operating system's.
	FS FS
	// CacheBytes is the size of the cache of blocks. Default: 64 MiB, for logs 8 MiB.
	CacheBytes int64
	// MemTableBytes is the size of one memtable. Default: 16 MiB.
	MemTableBytes int
	// MemTables bounds the memtables that may wait to be flushed; writers wait at
	// the bound. Default: 4. Two have room beside the cache; more take the room of
	// blocks.
	MemTables int
	// MaxOpenFiles bounds the files that are held open. Default: 1000.
	MaxOpenFiles int
	// Compactions bounds the compactions that run side by side. Default: 2.
	Compactions int
	// ForLog tunes the store for logs: written and truncated, hardly ever read.
	ForLog bool
	// Logger gets what changes the state of the store. Default: discarded.
	Logger *slog.Logger
	// Events are told what happens.
	Events Events
}

// Events are called when something happens to a store; each may be nil. They must
// not block and must not call the store.
type Events struct {
	// WriteStall is called when writers begin to wait for flushes or compactions
	// (with the reason), and with "" when they go on.
	WriteStall func(reason string)
	// BackgroundError is called when a flush or compaction fails; it is tried
	// again. A full disk shows here.
	BackgroundError func(error)
	// DiskSlow is called when an operation of the file system takes seconds.
	DiskSlow func(what string)
}

func (o Options) withDefaults() (Options, error) {
	if o.FS == nil {
		o.FS = systemFS()
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
		if o.ForLog {
			o.CacheBytes = 8 << 20
		}
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 16 << 20
	}
	if o.MemTables == 0 {
		o.MemTables = 4
	}
	if o.MaxOpenFiles == 0 {
		o.MaxOpenFiles = 1000
	}
	if o.Compactions == 0 {
		o.Compactions = 2
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.CacheBytes < 1<<20:
		return o, fmt.Errorf("storage: CacheBytes is %d, at least 1 MiB is needed", o.CacheBytes)
	case o.MemTableBytes < 1<<20 || o.MemTableBytes > 1<<30:
		return o, fmt.Errorf("storage: MemTableBytes is %d, allowed is 1 MiB to 1 GiB", o.MemTableBytes)
	case o.MemTables < 2:
		return o, fmt.Errorf("storage: MemTables is %d, at least 2 are needed", o.MemTables)
	case o.MaxOpenFiles < 50:
		return o, fmt.Errorf("storage: MaxOpenFiles is %d, at least 50 are needed", o.MaxOpenFiles)
	case o.Compactions < 1:
		return o, fmt.Errorf("storage: Compactions is %d, at least 1 is needed", o.Compactions)
	}
	return o, nil
}
