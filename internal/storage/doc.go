// Package storage keeps a node's bytes on disk. It is the only importer of
// Pebble, and shows nothing of it.
//
// A node has two stores: the state store, where the state machines of all groups
// live, and the log store, where their Raft logs live. A Store is divided into
// Spaces, one for each group; a state machine gets its Space and sees no keys but
// its own.
//
//	store, err := storage.Open(dir, storage.Options{Logger: logger})
//	space, err := store.Space(group)
//	b := space.NewBatch()
//	defer b.Close()
//	b.Set(key, value)            // seen by b.Get and b.NewIterator at once
//	err = b.Commit(storage.NoSync) // seen by all others from here on, all or none
//
// Durability: Commit(Sync) returns when the batch is on disk; Commit(NoSync) leaves
// that to a later Sync, Flush or Close. What a crash leaves of a space is always a prefix
// of what was committed to it.
//
// What was committed last with NoSync is gathered in memory, by key, before Pebble gets it,
// in the order of the keys (content.go): of an update of one of 100,000 objects that takes a
// quarter off what it costs to apply (BenchmarkApplyUpdate of partitions/state).
//
// Failures: an error of the disk under the write-ahead log cannot be undone (what
// fsync has refused may be lost although it can be read). The Store has *failed*
// from then on: Failed is closed, every further operation returns Err, and a
// goroutine that is inside of an operation may be ended (runtime.Goexit, so that its
// deferred functions run) or never come back. The owner of the process stops it and
// starts it again; nothing that Commit(Sync) has confirmed is lost by that.
//
// Disk: a store that is opened ForLog keeps, beside what it holds, files for the log to
// come: one of zeros of up to MemTableBytes, and up to MemTables+1 that were used before.
//
// A state store cuts its table files where the first bytes of keys change (regions.go), so
// that what grows at the ends of several tables is not rewritten with all that lies between.
//
// Memory is bounded by Options: CacheBytes plus twice MemTableBytes, for blocks that
// were read and for what is not flushed yet. It is allocated outside of the Go heap
// where cgo is enabled, so GOMEMLIMIT does not count it. For each group there is some
// quarter of MemTableBytes more, in the Go heap, for what is gathered.
package storage
