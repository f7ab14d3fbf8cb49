package storage

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	spareFilePrefix = "spare-"
	// spareFirst is how much of a log Pebble writes before it changes to the second
	// file; from one to the next it is twice as much, up to MemTableBytes.
	spareFirst = 256 << 10
	// sparePiece is what is written at once. The system keeps a file in memory in
	// pieces as large as they were written, and writes them to disk as a whole.
	sparePiece = 4 << 10
	// spareSync is how much is written between two syncs: commits sync beside them.
	spareSync = 1 << 20
)

// spare is a file of zeros beside a write-ahead log, which becomes its next file. To
// sync what overwrites a file takes the system half of the time that it takes to
// sync what makes a file longer (or uses room that was only reserved): the file
// system has nothing of its own to write down. Pebble does the same with files that
// are not needed any more, once there are some.
//
// The file has no part in anything before it is renamed, which is when Pebble asks
// for a new file: if it cannot be made, Pebble gets an empty one. What a crash leaves
// of it is removed when the store is opened. Pebble takes the zeros behind its last
// record for the end of the log, as it takes what is left in a file that it uses
// again.
type spare struct {
	fs   vfs.FS
	path string // not that of another Store of this process, which may have failed but not ended
	most int64

	mu      sync.Mutex // guards what follows
	next    int64      // size of the next one
	making  bool       // nobody else may touch the file
	ready   bool
	closed  bool
	running sync.WaitGroup
}

var spareNumber atomic.Uint64

func newSpare(fs vfs.FS, dir string, most int64) *spare {
	return &spare{fs: fs, path: fs.PathJoin(dir, fmt.Sprintf("%s%d.tmp", spareFilePrefix, spareNumber.Add(1))), most: most, next: 2 * spareFirst}
}

// create creates a file of the log, of the spare file if there is one, and begins to
// make another.
func (s *spare) create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	s.mu.Lock()
	ready := s.ready
	s.ready = false
	s.mu.Unlock()
	defer s.prepare()
	if ready {
		if f, err := s.fs.ReuseForWrite(s.path, name, category); err == nil {
			return f, nil
		}
	}
	return s.fs.Create(name, category)
}

// prepare has another file made, unless that is being done.
func (s *spare) prepare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = min(2*s.next, s.most)
	if s.making || s.ready || s.closed {
		return
	}
	s.making = true
	size := s.next
	s.running.Go(func() {
		err := s.make(size)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.making = false
		s.ready = err == nil && !s.closed
	})
}

func (s *spare) make(size int64) error {
	f, err := s.fs.Create(s.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	zeros := make([]byte, sparePiece)
	for written := int64(0); written < size && err == nil; {
		var n int
		n, err = f.Write(zeros)
		if written += int64(n); err == nil && written%spareSync == 0 {
			if err = f.Sync(); s.over() {
				break
			}
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (s *spare) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// close ends the making of a file, waits for that, and removes what there is.
func (s *spare) close() {
	s.mu.Lock()
	s.closed, s.ready = true, false
	s.mu.Unlock()
	s.running.Wait()
	_ = s.fs.Remove(s.path)
}
